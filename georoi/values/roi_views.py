"""Views of ROIs: one line of text, a static picture with a table, a matplotlib plot, a folium map."""

from __future__ import annotations

import html as markup
import math
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from georoi.crs import check_range, crs_label, geodesic_area, parse_crs, transform_geometries
from georoi.errors import CRSError, MissingExtraError
from georoi.values.naming import plain

if TYPE_CHECKING:
    from georoi.values.rois import ROISet

LARGEST_HTML = 60 * 1024
"""Longest `_repr_html_`, in bytes."""
_WIDTH = 1000
"""Width of the drawing's own units; coordinates are whole numbers of them."""
_MOST_VERTICES = 3500
_MOST_DRAWN = 600
_MOST_RINGS = 800
_LONGEST_RING = 2000
_MOST_MEASURED = 200_000
"""Vertices above which a repr does not work out areas."""
_ROWS, _COLUMNS, _CELL = 5, 8, 40


def line(rois: ROISet) -> str:
    """Say in one line what the set holds."""
    return f"ROISet {plain(rois.name, 60)!r}: {', '.join(_facts(rois))}"


def _facts(rois: ROISet) -> list[str]:
    facts = [f"{len(rois):,} {'polygon' if len(rois) == 1 else 'polygons'}"]
    facts.append("pixel space" if rois.pixel else _crs_text(rois))
    area = _area(rois)
    if area:
        facts.append(area)
    counts = Counter("dropped" if f.code == "collapsed" else f.code for f in rois.findings)
    facts += [f"{counts[code]:,} {code}" for code in ("repaired", "dropped", "renamed") if counts[code]]
    if rois.id_column:
        facts.append(f"id={plain(rois.id_column, 40)!r}")
    return facts


def _crs_text(rois: ROISet) -> str:
    return "CRS unknown" if rois.crs is None else plain(crs_label(rois.crs), 60)


def _area(rois: ROISet) -> str:
    if not len(rois) or int(shapely.get_num_coordinates(rois.geometry).sum()) > _MOST_MEASURED:
        return ""
    if rois.pixel:
        return f"{shapely.area(rois.geometry).sum():,.0f} px"
    if rois.crs is None:
        return ""
    try:
        check_range(rois.crs, rois.bounds)
        square_metres = float(np.sum(geodesic_area(rois.geometry, rois.crs)))
    except CRSError:  # coordinates out of the CRS's range have no area; a repr is no place to complain
        return ""
    if not math.isfinite(square_metres):
        return ""
    return f"{square_metres / 1e4:,.1f} ha" if square_metres < 1e9 else f"{square_metres / 1e6:,.0f} km²"


def html(rois: ROISet) -> str:
    """Draw the set as static HTML: a summary, outlines as inline SVG, the head of its table.

    It has no script and no reference to anything outside, all text is escaped, and it is at most 60 KB.
    """
    facts = _escape(", ".join(_facts(rois)), 400)
    head = f"<div><strong>ROISet</strong> {_escape(rois.name, 60)}: {facts}</div>"
    parts = [head, _drawing(rois), _table(rois)]
    while len("".join(parts).encode()) > LARGEST_HTML - 64:
        parts.pop(1)
    return f'<div class="georoi-rois">{"".join(parts)}</div>'


def _escape(text: object, longest: int) -> str:
    return markup.escape(plain(text, longest).encode("utf-8", "replace").decode())


def _table(rois: ROISet) -> str:
    names = [name for name in rois.attributes if name not in ("roi_id", rois.id_column)][: _COLUMNS - 1]
    columns = [rois.ids, *(rois.attributes[name] for name in names)]
    rows = [["roi_id", *names], *([c[i] for c in columns] for i in range(min(len(rois), _ROWS)))]
    tags = ["th", *(["td"] * (len(rows) - 1))]
    body = "".join(
        "<tr>" + "".join(f"<{tag}>{_escape(cell, _CELL)}</{tag}>" for cell in row) + "</tr>"
        for tag, row in zip(tags, rows, strict=True)
    )
    more = f"<div>... {len(rois) - _ROWS:,} more</div>" if len(rois) > _ROWS else ""
    return f"<table>{body}</table>{more}"


def _drawing(rois: ROISet) -> str:
    """Draw outlines into a view of 1000 units across; of many ROIs the largest, coarsened to fit."""
    if not len(rois) or not np.isfinite(rois.bounds).all():
        return ""
    xmin, ymin, xmax, ymax = rois.bounds
    # A degree of longitude is shorter than one of latitude, by the cosine of the latitude.
    squeeze = (
        math.cos(math.radians((ymin + ymax) / 2)) if rois.crs is not None and rois.crs.is_geographic else 1.0
    )
    squeeze = max(abs(squeeze), 0.05)
    wide, high = max((xmax - xmin) * squeeze, 1e-12), max(ymax - ymin, 1e-12)
    scale = min(_WIDTH / wide, _WIDTH / high)
    if not math.isfinite(scale):
        return ""
    drawn = np.sort(np.argsort(-_extents(rois.geometry), kind="stable")[:_MOST_DRAWN])

    def place(points: NDArray[np.float64]) -> NDArray[np.float64]:
        across = (points[:, 0] - xmin) * squeeze * scale
        down = (points[:, 1] - ymin if rois.pixel else ymax - points[:, 1]) * scale
        return np.column_stack([across, down])

    paths = _paths(rois.geometry[drawn], place)
    note = f"<div>the largest {len(drawn):,} are drawn</div>" if len(drawn) < len(rois) else ""
    box = f"-5 -5 {wide * scale + 10:.0f} {high * scale + 10:.0f}"
    return (
        f'<svg viewBox="{box}" width="400" style="max-height:300px" role="img">'
        f"<title>Outlines of {len(drawn):,} ROIs</title>"
        '<g fill="currentColor" fill-opacity="0.15" fill-rule="evenodd" stroke="currentColor" '
        'stroke-width="2" stroke-linecap="round">'
        f"{paths}</g></svg>{note}"
    )


def _paths(geometry: NDArray[np.object_], place: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> str:
    """Write geometries as SVG paths, coarser and coarser until they have few enough vertices.

    Rings are thinned out as lines, on their own: polygons would be repaired on the way, which takes long.
    """
    rings, owner = _largest_rings(geometry)
    points, index = _thinned(rings)
    lines = shapely.linestrings(place(points), indices=index)
    tolerance, coarse = 1.0, lines
    while True:
        coarse = shapely.simplify(lines, tolerance, preserve_topology=False)
        if shapely.get_num_coordinates(coarse).sum() <= _MOST_VERTICES or tolerance > _WIDTH:
            break
        tolerance *= 2
    paths: dict[int, list[str]] = {}
    for line, number in zip(coarse, owner.tolist(), strict=True):
        drawn = shapely.get_coordinates(line).round().astype(np.int64)
        drawn = drawn[np.concatenate([[True], (np.diff(drawn, axis=0) != 0).any(axis=1)])]
        paths.setdefault(number, []).append("M" + "L".join(f"{x} {y}" for x, y in drawn.tolist()) + "Z")
    return "".join(f'<path d="{"".join(path)}"/>' for path in paths.values())


def _largest_rings(geometry: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Take the largest rings, of each geometry at least the largest part, and say whose they are."""
    parts, owner = shapely.get_parts(geometry, return_index=True)
    order = np.lexsort((-_extents(parts), owner))
    first = np.concatenate([[True], np.diff(owner[order]) != 0])
    chosen = order[np.lexsort((-_extents(parts)[order], ~first))][:_MOST_RINGS]
    rings, part = shapely.get_rings(parts[np.sort(chosen)], return_index=True)
    shells = np.concatenate([[True], np.diff(part) != 0])
    kept = np.sort(np.lexsort((-_extents(rings), ~shells))[:_MOST_RINGS])
    return rings[kept], owner[np.sort(chosen)][part[kept]]


def _extents(geometry: NDArray[np.object_]) -> NDArray[np.float64]:
    bounds = shapely.bounds(geometry)
    extents: NDArray[np.float64] = np.maximum(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1])
    return extents


def _thinned(rings: NDArray[np.object_]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Take every k-th vertex of rings that have thousands, and say which ring each is of."""
    points, index = shapely.get_coordinates(rings, return_index=True)
    counts = np.bincount(index, minlength=len(rings))
    position = np.arange(len(points)) - np.repeat(np.cumsum(counts) - counts, counts)
    kept = (position % np.repeat(-(-counts // _LONGEST_RING), counts) == 0) | (position == counts[index] - 1)
    return points[kept], index[kept]


def plot(rois: ROISet, ax: Any, options: dict[str, Any]) -> Any:
    """Draw with matplotlib, y down in pixel space; see `ROISet.plot`."""
    try:
        import matplotlib.pyplot as plt
        from matplotlib.ticker import MaxNLocator, ScalarFormatter
    except ImportError as error:
        raise MissingExtraError.of("matplotlib", "plot") from error

    if ax is None:
        ax = plt.subplots()[1]
    style = {"facecolor": "none", "edgecolor": "tab:red"} if not options else {}
    rois.gdf.plot(ax=ax, **(style | options))
    if rois.pixel and not ax.yaxis_inverted():
        ax.invert_yaxis()
    for axis, label in zip((ax.xaxis, ax.yaxis), _axis_labels(rois), strict=True):
        axis.set_label_text(label)
        if isinstance(axis.get_major_formatter(), ScalarFormatter):  # whole coordinates, no "+5.08e6"
            axis.get_major_formatter().set_useOffset(False)
            axis.get_major_formatter().set_scientific(False)
    if isinstance(ax.xaxis.get_major_locator(), MaxNLocator):
        ax.xaxis.get_major_locator().set_params(nbins=5)  # seven digits need room
    return ax


def _axis_labels(rois: ROISet) -> tuple[str, str]:
    """Name the axes x and y with their unit, such as "easting (metre)"."""
    if rois.pixel:
        return "column (pixel)", "row (pixel)"
    axes = [] if rois.crs is None else rois.crs.axis_info
    facing = {axis.direction: axis for axis in axes}
    if {"east", "north"} <= facing.keys():
        names = [f"{facing[to].name.removeprefix('Geodetic ').lower()}" for to in ("east", "north")]
        units = [facing[to].unit_name for to in ("east", "north")]
    else:
        names, units = ["x", "y"], [axis.unit_name for axis in axes[:2]] or ["unknown unit"] * 2
    return f"{names[0]} ({units[0]})", f"{names[1]} ({units[1]})"


def explore(rois: ROISet, options: dict[str, Any]) -> Any:
    """Show on a folium map, in pixel space without a basemap; see `ROISet.explore`."""
    try:
        import folium
    except ImportError as error:
        raise MissingExtraError.of("folium", "plot") from error

    if rois.pixel:
        shown = shapely.transform(rois.geometry, lambda points: points * (1.0, -1.0))
        options = {"crs": "Simple", "tiles": None} | options
    elif rois.crs is None:
        raise CRSError(
            "E-CRS-01", "ROIs of unknown CRS cannot be put on a map", hint="pass rois_crs= when reading them"
        )
    else:
        check_range(rois.crs, rois.bounds)
        shown = transform_geometries(rois.geometry, rois.crs, parse_crs(4326), tolerance=1e-5).geometry
    chart = folium.Map(**options)
    names = ["roi_id", *(name for name in rois.attributes if name != "roi_id")][:_COLUMNS]
    columns = [rois.ids, *(rois.attributes[name] for name in names[1:])]
    fields = [f"c{number}" for number in range(len(names))]
    features = [
        {
            "type": "Feature",
            "properties": {field: _escape(c[i], 200) for field, c in zip(fields, columns, strict=True)},
            "geometry": shapely.geometry.mapping(geometry),
        }
        for i, geometry in enumerate(shown)
    ]
    # Leaflet puts names and values into the page as they are, so they are escaped here.
    tooltip = folium.GeoJsonTooltip(fields=fields, aliases=[_escape(name, _CELL) for name in names])
    folium.GeoJson({"type": "FeatureCollection", "features": features}, tooltip=tooltip).add_to(chart)
    xmin, ymin, xmax, ymax = shapely.total_bounds(shown).tolist()
    chart.fit_bounds([[ymin, xmin], [ymax, xmax]])
    return chart
