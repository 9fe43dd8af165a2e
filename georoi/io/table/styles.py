"""Draw a layer in QGIS: a QML style, coloured by one column in classes of equal counts, or outlines alone."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_MOMENTS = ("count", "sum", "mean", "std", "var", "cv", "min", "max", "range", "value")
_RANKS = ("median", "mode", "majority", "minority", "nunique")
STATISTICS = frozenset(_MOMENTS + _RANKS)
"""Names of statistics, as a column's whole name or its last part after a band's."""

_COLORS = ("255,255,204", "161,218,180", "65,182,196", "44,127,184", "37,52,148")
"""Five steps from light to dark, told apart by colour-blind people too."""
_OUTLINE = "35,35,35,255"
_NONE = "190,190,190,255"
_SYMBOLS = {
    "Polygon": ("fill", "SimpleFill"),
    "Line": ("line", "SimpleLine"),
    "Point": ("marker", "SimpleMarker"),
}


def choose_column(table: pa.Table) -> str | None:
    """Give the first column of numbers that is called like a statistic, such as "mean" or "B08_q90"."""
    for field in table.schema:
        if (pa.types.is_integer(field.type) or pa.types.is_floating(field.type)) and _is_statistic(
            field.name
        ):
            return str(field.name)
    return None


def make_qml(column: str | None, values: pa.ChunkedArray | None, geometry_type: str) -> str:
    """Write the style of a layer.

    Args:
        column: The column that tells the colour; None for outlines alone.
        values: Its values. Where some are missing, those features are drawn grey and hatched.
        geometry_type: As OGR has it, such as "MultiPolygon".

    Returns:
        QML, as QGIS 3 reads it.
    """
    root = ET.Element("qgis", {"version": "3.28.0", "styleCategories": "Symbology"})
    numbers = np.empty(0) if values is None else np.asarray(values.cast(pa.float64()).drop_null())
    numbers = numbers[np.isfinite(numbers)]
    breaks = _breaks(numbers)
    if column is None or values is None or len(breaks) < 2:
        renderer = ET.SubElement(root, "renderer-v2", {"type": "singleSymbol", **_PLAIN})
        _add_symbol(ET.SubElement(renderer, "symbols"), "0", geometry_type, None)
    elif len(numbers) == len(values):
        _graduate(root, column, breaks, geometry_type)
    else:
        _rule(root, column, breaks, geometry_type)
    return "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + ET.tostring(
        root, encoding="unicode"
    )


_PLAIN = {"symbollevels": "0", "enableorderby": "0", "forceraster": "0"}


def _is_statistic(name: str) -> bool:
    last = name.lower().rsplit("_", 1)[-1]
    if name.lower() in STATISTICS or last in STATISTICS:
        return True
    return (last.startswith("q") and last[1:].isdigit()) or name.lower().startswith(("frac_", "weighted_"))


def _breaks(numbers: NDArray[Any]) -> list[float]:
    """Give the borders of up to five classes of about equal counts, all different."""
    if not len(numbers):
        return []
    borders = np.unique(np.quantile(numbers, np.linspace(0, 1, len(_COLORS) + 1)))
    return [float(border) for border in borders] if len(borders) > 1 else [float(borders[0])] * 2


def _graduate(root: ET.Element, column: str, breaks: list[float], geometry_type: str) -> None:
    options = {"type": "graduatedSymbol", "attr": column, "graduatedMethod": "GraduatedColor", **_PLAIN}
    renderer = ET.SubElement(root, "renderer-v2", options)
    ranges, symbols = ET.SubElement(renderer, "ranges"), ET.SubElement(renderer, "symbols")
    for number, (lower, upper) in enumerate(pairwise(breaks)):
        said = {"lower": repr(lower), "upper": repr(upper), "label": _label(lower, upper)}
        ET.SubElement(ranges, "range", {"symbol": str(number), "render": "true", **said})
        _add_symbol(symbols, str(number), geometry_type, _color(number, len(breaks) - 1))
    _add_symbol(ET.SubElement(renderer, "source-symbol"), "0", geometry_type, _color(0, 1))


def _rule(root: ET.Element, column: str, breaks: list[float], geometry_type: str) -> None:
    """Draw classes by rules: graduated symbols would not show features without a value at all."""
    renderer = ET.SubElement(root, "renderer-v2", {"type": "RuleRenderer", **_PLAIN})
    rules = ET.SubElement(renderer, "rules", {"key": "{georoi-rules}"})
    symbols = ET.SubElement(renderer, "symbols")
    quoted = '"' + column.replace('"', '""') + '"'
    for number, (lower, upper) in enumerate(pairwise(breaks)):
        above = ">=" if number == 0 else ">"
        said = {
            "filter": f"{quoted} {above} {lower!r} AND {quoted} <= {upper!r}",
            "label": _label(lower, upper),
        }
        ET.SubElement(rules, "rule", {"key": f"{{georoi-{number}}}", "symbol": str(number), **said})
        _add_symbol(symbols, str(number), geometry_type, _color(number, len(breaks) - 1))
    last = str(len(breaks) - 1)
    ET.SubElement(
        rules, "rule", {"key": "{georoi-none}", "symbol": last, "filter": "ELSE", "label": "no value"}
    )
    _add_symbol(symbols, last, geometry_type, _NONE, hatched=True)


def _color(number: int, classes: int) -> str:
    step = len(_COLORS) // 2 if classes == 1 else round(number * (len(_COLORS) - 1) / (classes - 1))
    return _COLORS[step] + ",255"


def _label(lower: float, upper: float) -> str:
    return f"{lower:.6g} - {upper:.6g}"


def _add_symbol(
    parent: ET.Element, name: str, geometry_type: str, color: str | None, *, hatched: bool = False
) -> None:
    """Add a symbol; without colour it is an outline. Settings are written in both ways that QGIS 3 reads."""
    family = next((key for key in ("Point", "Line") if key in geometry_type), "Polygon")
    kind, layer_class = _SYMBOLS[family]
    symbol = ET.SubElement(
        parent, "symbol", {"name": name, "type": kind, "alpha": "1", "clip_to_extent": "1", "force_rhr": "0"}
    )
    layer = ET.SubElement(symbol, "layer", {"class": layer_class, "enabled": "1", "locked": "0", "pass": "0"})
    settings = _settings(family, color, hatched=hatched)
    options = ET.SubElement(layer, "Option", {"type": "Map"})
    for key, value in settings.items():
        ET.SubElement(options, "Option", {"name": key, "type": "QString", "value": value})
    for key, value in settings.items():
        ET.SubElement(layer, "prop", {"k": key, "v": value})


def _settings(family: str, color: str | None, *, hatched: bool) -> dict[str, str]:
    if family == "Line":
        width = {"line_width": "0.5", "line_width_unit": "MM", "line_style": "dash" if hatched else "solid"}
        return {"line_color": color or _OUTLINE, **width}
    outline = {"outline_color": _OUTLINE, "outline_style": "solid", "outline_width_unit": "MM"}
    if family == "Point":
        marker = {"name": "cross2" if hatched else "circle", "size": "2", "size_unit": "MM"}
        return {"color": color or "255,255,255,255", **marker, **outline, "outline_width": "0.2"}
    fill = "no" if color is None else "b_diagonal" if hatched else "solid"
    return {"color": color or _OUTLINE, "style": fill, **outline, "outline_width": "0.26"}
