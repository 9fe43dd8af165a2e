"""The QGIS style of a GeoPackage: valid XML, the right column, every feature drawn."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import geopandas
import numpy as np
import pyogrio
import pytest
import shapely

from georoi.io.table.tables import write_table
from tests.tables import query


def boxes(**columns: object) -> geopandas.GeoDataFrame:
    shapes = [shapely.box(10 * i, 0, 10 * i + 5, 5) for i in range(10)]
    return geopandas.GeoDataFrame(columns, geometry=shapes, crs="EPSG:32633")


def style(frame: geopandas.GeoDataFrame, folder: Path, **options: object) -> ET.Element:
    write_table(frame, folder / "a.gpkg", overwrite=True, **options)
    ((text, used, table, column),) = query(
        folder / "a.gpkg", "SELECT styleQML, useAsDefault, f_table_name, f_geometry_column FROM layer_styles"
    )
    assert used == 1
    assert (table, column) == query(
        folder / "a.gpkg", "SELECT table_name, column_name FROM gpkg_geometry_columns"
    )[0]
    return ET.fromstring(text)


def test_the_first_statistic_tells_the_colour(tmp_path):
    """Five classes that hold all values, from light to dark; ids and ledger are passed over."""
    values = np.arange(10) / 3
    root = style(boxes(roi_id=range(10), name=["x"] * 10, B08_mean=values, area=values * 7), tmp_path)
    renderer = root.find("renderer-v2")
    assert renderer.get("type") == "graduatedSymbol"
    assert renderer.get("attr") == "B08_mean"
    ranges = renderer.findall("ranges/range")
    borders = [(float(r.get("lower")), float(r.get("upper"))) for r in ranges]
    assert len(borders) == 5
    assert borders[0][0] == values.min()
    assert borders[-1][1] == values.max()
    assert all(a[1] == b[0] for a, b in pairwise(borders))
    symbols = {symbol.get("name") for symbol in renderer.findall("symbols/symbol")}
    assert {r.get("symbol") for r in ranges} == symbols
    colours = [
        sum(map(int, option.get("value").split(",")[:3]))
        for option in renderer.findall("symbols/symbol/layer/Option/Option[@name='color']")
    ]
    assert colours == sorted(colours, reverse=True)


def test_features_without_a_value_are_drawn_too(tmp_path):
    """Graduated symbols would hide them; rules draw them hatched, and no value falls between two rules."""
    values = np.arange(10) / 3
    values[4] = np.nan
    root = style(boxes(**{'odd "name" q90': values, "mean": values}), tmp_path, style='odd "name" q90')
    renderer = root.find("renderer-v2")
    assert renderer.get("type") == "RuleRenderer"
    rules = renderer.findall("rules/rule")
    assert rules[-1].get("filter") == "ELSE"
    assert rules[-1].get("label") == "no value"
    for value in values[np.isfinite(values)]:
        fitting = [
            rule
            for rule in rules[:-1]
            if eval(
                re.sub(r'"odd ""name"" q90"', repr(float(value)), rule.get("filter")).replace("AND", "and")
            )
        ]
        assert len(fitting) == 1


@pytest.mark.parametrize(
    "values", [np.full(10, np.nan), np.full(10, 3.0), np.array([np.inf] * 5 + [1.0] * 5)]
)
def test_values_without_range_are_drawn(tmp_path, values):
    """None at all, one value, or infinite ones."""
    root = style(boxes(mean=values), tmp_path)
    assert root.find("renderer-v2/symbols/symbol") is not None


def test_without_statistics_there_is_an_outline(tmp_path):
    """One symbol without fill."""
    root = style(boxes(name=["x"] * 10), tmp_path)
    renderer = root.find("renderer-v2")
    assert renderer.get("type") == "singleSymbol"
    assert renderer.find("symbols/symbol/layer/Option/Option[@name='style']").get("value") == "no"


@pytest.mark.parametrize(
    ("shape", "kind"), [(shapely.Point(0, 0), "marker"), (shapely.LineString([(0, 0), (1, 1)]), "line")]
)
def test_points_and_lines_have_symbols_of_their_kind(tmp_path, shape, kind):
    """QGIS refuses a fill for a point."""
    frame = geopandas.GeoDataFrame({"mean": [1.0, 2.0]}, geometry=[shape, shape], crs="EPSG:4326")
    root = style(frame, tmp_path)
    assert {symbol.get("type") for symbol in root.iter("symbol")} == {kind}


def test_no_style_leaves_one_table(tmp_path):
    """For readers that warn of several layers."""
    write_table(boxes(mean=np.arange(10.0)), tmp_path / "a.gpkg", style=False)
    assert pyogrio.list_layers(tmp_path / "a.gpkg").tolist() == [["a", "Polygon"]]
    assert len(geopandas.read_file(tmp_path / "a.gpkg")) == 10
