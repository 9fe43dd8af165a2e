"""The demo's stands: one file for people and one in the package, and the odd ones that they promise."""

from __future__ import annotations

import importlib.resources
import json

import shapely
from shapely.geometry import shape

from tests.conftest import ROOT

DATA = ROOT / "data" / "stands.geojson"


def load() -> dict[str, shapely.Geometry]:
    features = json.loads(DATA.read_text(encoding="utf-8"))["features"]
    return {feature["properties"]["id"]: shape(feature["geometry"]) for feature in features}


def test_the_package_ships_the_same_stands() -> None:
    """The copy in the package is the file in data/, byte for byte."""
    shipped = importlib.resources.files("georoi.assets").joinpath("stands.geojson")

    assert shipped.read_bytes() == DATA.read_bytes()


def test_the_stands_are_valid_and_named() -> None:
    """Fifteen valid polygons with unique ids, each with a name and a kind."""
    features = json.loads(DATA.read_text(encoding="utf-8"))["features"]

    assert len(load()) == len(features) == 15
    assert all(geometry.is_valid for geometry in load().values())
    assert all({"id", "name", "kind"} == set(feature["properties"]) for feature in features)


def test_the_odd_stands_are_odd() -> None:
    """One has a hole, one has two parts, and exactly two overlap."""
    stands = load()
    pairs = [(a, b) for a in stands for b in stands if a < b and stands[a].intersection(stands[b]).area > 0]

    assert len(stands["S05"].interiors) == 1
    assert len(stands["S06"].geoms) == 2
    assert pairs == [("S08", "S09")]
