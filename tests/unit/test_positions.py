"""Centroids, and first and last pixels of the extremes, against loops over pixels."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from exactextract import exact_extract

import georoi
from georoi.kernels.positions import FIELDS, find_positions, join_positions, no_positions
from georoi.kernels.spans import Spans, find_runs
from tests.builders import UTM, write_raster

STATS = ["centroid", "argmin", "argmax", "argmin_last", "argmax_last"]


def regions(count: int = 12, seed: int = 3) -> gpd.GeoDataFrame:
    """Discs inside a raster of 600 x 700 pixels, of which some lie in several cells."""
    rng = np.random.default_rng(seed)
    x, y = 500_000 + 10 * rng.uniform(60, 640, count), 5_200_000 - 10 * rng.uniform(60, 540, count)
    discs = shapely.buffer(shapely.points(x, y), 10 * rng.uniform(3, 200, count))
    return gpd.GeoDataFrame({"id": range(count)}, geometry=discs, crs=UTM)


def test_positions_are_those_that_exactextract_lists(tmp_path: Path) -> None:
    """Sums over the cells, coverage and centres that exactextract lists give the same places."""
    rng = np.random.default_rng(0)
    values = rng.integers(0, 9, (1, 600, 700)).astype("float32")
    path, rois = write_raster(tmp_path / "v.tif", values, block=128, nodata=4.0), regions()
    mine = georoi.zonal_stats(path, rois, STATS)
    options = {"include_cols": "id", "output": "pandas"}
    listed = exact_extract(str(path), rois, ["values", "coverage", "center_x", "center_y"], **options)
    for i, row in listed.iterrows():
        x, w = np.asarray(row["values"], float), np.asarray(row["coverage"], float)
        for axis in "xy":
            centre = np.asarray(row[f"center_{axis}"])
            kept = w > 0
            expected = (w * x * centre)[kept].sum() / (w * x)[kept].sum()
            # exactextract keeps coverage as float32
            assert mine[f"centroid_{axis}"][i] == pytest.approx(expected, abs=1e-3)
    firsts = exact_extract(
        str(path), rois, [f"{e}_center_{a}" for e in ("min", "max") for a in "xy"], **options
    )
    for extreme, value in (("min", 0), ("max", 8)):
        for i in range(len(rois)):
            centre = np.asarray([listed[f"center_{axis}"][i] for axis in "xy"])
            holds = (np.asarray(listed["values"][i]) == value) & (np.asarray(listed["coverage"][i]) > 0)
            places = sorted(zip(-centre[1][holds], centre[0][holds], strict=True))
            assert (mine[f"{extreme}_x"][i], -mine[f"{extreme}_y"][i]) == places[0][::-1]
            assert (mine[f"{extreme}_last_x"][i], -mine[f"{extreme}_last_y"][i]) == places[-1][::-1]
            assert mine[f"{extreme}_x"][i] == firsts[f"{extreme}_center_x"][i]
            assert mine[f"{extreme}_y"][i] == firsts[f"{extreme}_center_y"][i]


def test_scale_and_offset_move_mass_and_turn_extremes(tmp_path: Path) -> None:
    """With a negative scale the least value users see is the greatest stored, and mass is that of theirs."""
    stored = np.random.default_rng(1).integers(1, 5, (1, 600, 700)).astype("int16")
    scaled = write_raster(tmp_path / "s.tif", stored, block=128, scales=[-0.5], offsets=[3.0])
    plain = write_raster(tmp_path / "p.tif", stored.astype("float64") * -0.5 + 3, block=128)
    one, other = (georoi.zonal_stats(path, regions(), STATS) for path in (scaled, plain))
    names = [name for name in one.columns if name.endswith(("_x", "_y"))]
    assert len(names) == 10
    assert np.allclose(one[names].to_numpy(), other[names].to_numpy(), rtol=0, atol=1e-6)


def test_positions_in_pixel_space_are_pixel_coordinates(tmp_path: Path) -> None:
    """Without a CRS places are columns and rows, at centres of pixels."""
    values = np.zeros((1, 30, 40), "float32")
    values[0, 7, 11], values[0, 9, 3] = 5, 5
    path = write_raster(tmp_path / "v.tif", values, crs=None, transform=Affine.identity())
    raster = georoi.open_raster(path, raster_crs="pixel")
    found = georoi.zonal_stats(
        raster,
        georoi.read_rois([shapely.box(0, 0, 40, 30)], rois_crs="pixel"),
        ["argmax", "argmax_last", "centroid"],
    )
    names = ["max_x", "max_y", "max_last_x", "max_last_y", "centroid_x", "centroid_y"]
    assert found[names].iloc[0].tolist() == [11.5, 7.5, 3.5, 9.5, 7.5, 8.5]


def test_a_roi_without_mass_has_no_centroid(tmp_path: Path) -> None:
    """Values that add up to zero have no centroid, and say so by null."""
    path = write_raster(tmp_path / "v.tif", np.zeros((1, 20, 20), "float32"))
    box = shapely.box(500_000, 5_199_900, 500_100, 5_200_000)
    found = georoi.zonal_stats(path, gpd.GeoDataFrame(geometry=[box], crs=UTM), "centroid,argmin")
    assert np.isnan(found["centroid_x"][0])
    assert (found["min_x"][0], found["min_y"][0]) == (500_005, 5_199_995)


def test_cells_may_be_merged_in_any_order() -> None:
    """First and last places do not depend on the order in which cells come."""
    rng = np.random.default_rng(2)
    none = np.zeros(2, np.int64)
    parts = []
    for corner in ((0, 0), (0, 8), (8, 0), (8, 8)):
        runs = find_runs(rng.random((8, 8)) > 0.5)
        spans = Spans(np.array([0, len(runs)]), runs, none, np.empty((0, 2), np.int32), np.empty((0, 3)))
        parts.append(find_positions(spans, rng.integers(0, 3, (8, 8)).astype("int16"), None, corner))
    totals = []
    for order in ([0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 1, 0]):
        total = no_positions(1)
        for i in order:
            join_positions(total, parts[i])
        totals.append(total)
    assert totals[0].shape == (1, FIELDS)
    assert all(np.array_equal(total, totals[0]) for total in totals[1:])
