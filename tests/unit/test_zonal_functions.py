"""Functions of the user's as statistics, and areas on grids of coarse pixels."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from exactextract import exact_extract

import georoi
from georoi.errors import UsageError
from georoi.grid import make_grid
from georoi.planning.pixelareas import make_pixel_areas
from tests.builders import write_raster
from tests.unit.test_positions import regions


def raster(tmp_path: Path, dtype: str = "float32", bands: int = 1, **options: Any) -> Path:
    """Values of 600 x 700 pixels."""
    values = np.random.default_rng(0).integers(0, 200, (bands, 600, 700)).astype(dtype)
    return write_raster(tmp_path / "v.tif", values, block=128, **options)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_function_gets_every_pixel_row_by_row(tmp_path: Path, dtype: str) -> None:
    """Values and weights are float64, in the order in which exactextract lists them, scaled."""
    path, rois = raster(tmp_path, dtype, scales=[0.5], offsets=[1.0]), regions(5)
    seen: dict[int, Any] = {}

    def keep(values: Any, weights: Any) -> float:
        seen[len(seen)] = values, weights
        return float(len(seen) - 1)

    found = georoi.zonal_stats(path, rois, {"call": keep, "m": "mean", "d": "median"})
    listed = exact_extract(str(path), rois, ["values", "coverage"], output="pandas")
    for i in range(5):
        values, weights = seen[int(found["call"][i])]
        kept = listed["coverage"][i] > 0
        assert values.dtype == weights.dtype == np.float64
        assert values.tolist() == np.asarray(listed["values"][i])[kept].tolist()
        assert np.allclose(weights, listed["coverage"][i][kept], atol=1e-6)
        assert np.average(values, weights=weights) == pytest.approx(found["m"][i], rel=1e-12)
        assert found["d"][i] == np.quantile(values, 0.5, weights=weights, method="inverted_cdf")


def test_results_are_floats_where_all_are_numbers(tmp_path: Path) -> None:
    """Numbers of any kind and None make a column of floats in every form; others stay objects."""
    path, rois = raster(tmp_path, bands=2), regions(3)
    calls = iter([1, np.float32(2.5), np.array(3), None, True, 6.0] * 9)
    stats = {"p2": lambda values, weights: next(calls)}
    wide = georoi.zonal_stats(path, rois, stats)
    assert {str(wide[name].dtype) for name in wide.columns if name.endswith("_p2")} == {"float64"}
    long = georoi.zonal_stats(path, rois, stats, long=True)
    assert long["value"].dtype == np.float64
    assert georoi.zonal_stats(path, rois, stats, as_="xarray")["p2"].dtype == np.float64
    pairs = georoi.zonal_stats(path, rois, {"ends": lambda v, w: (v.min(), v.max()), "m": "min"}, bands=1)
    assert [pair[0] for pair in pairs["ends"]] == pairs["m"].tolist()
    listed = georoi.zonal_stats(path, rois, {"ends": lambda v, w: [len(v)]}, bands=1, long=True)
    assert all(isinstance(value, list) for value in listed["value"])


def test_what_a_function_raises_says_where(tmp_path: Path) -> None:
    """The error names the ROI, the band and the statistic, and has the function's own as its cause."""

    def fail(values: Any, weights: Any) -> float:
        raise KeyError("spread")

    with pytest.raises(UsageError, match=r"'p2' failed for ROI '\d', band .*KeyError") as caught:
        georoi.zonal_stats(raster(tmp_path), regions(3), {"p2": fail})
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize("step", [0.25, 2.0])
def test_areas_close_on_coarse_global_grids(tmp_path: Path, step: float) -> None:
    """Where pixels are too large for moments, areas of parts are exact, holes and poles included."""
    rng = np.random.default_rng(0)
    shape = (1, int(180 / step), int(360 / step))
    values = np.where(rng.random(shape) < 0.2, -1, rng.random(shape)).astype("float32")
    place = Affine(step, 0, -180, 0, -step, 90)
    path = write_raster(tmp_path / "g.tif", values, crs="EPSG:4326", transform=place, block=64, nodata=-1.0)
    assert make_pixel_areas(make_grid(shape[1:], place, "EPSG:4326")).is_coarse
    ring = shapely.Point(20, 50).buffer(9).difference(shapely.Point(20, 50).buffer(4.3))
    points = zip(rng.uniform(-150, 150, 12), rng.uniform(-60, 75, 12), rng.uniform(0.1, 5, 12), strict=True)
    shapes = [ring, shapely.box(-180, 70, 180, 90), shapely.box(10.1, -3.3, 10.2, 40)]
    shapes += [shapely.Point(x, y).buffer(radius) for x, y, radius in points]
    found = georoi.zonal_stats(path, gpd.GeoDataFrame(geometry=shapes, crs=4326), "mean")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = found[["area_outside", "area_nodata", "area_nonfinite", "area_masked", "area_valid"]].sum(
            axis=1
        )
    assert np.abs(parts / found["area"] - 1).max() < 1e-12
    assert (found["area_nodata"] > 0).any()
