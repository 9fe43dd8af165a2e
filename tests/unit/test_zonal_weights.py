"""Weighted statistics against exactextract and numpy; which grids of weights are taken."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import xarray as xr
from affine import Affine
from exactextract import exact_extract
from rasterio.features import geometry_mask

import georoi
from georoi.errors import MemoryBudgetError, RasterError, UsageError
from tests.builders import NORTH_UP, UTM, write_raster
from tests.unit.test_positions import regions

STATS = ["weighted_sum", "weighted_mean", "weighted_var", "weighted_std"]
PEERS = ["weighted_sum", "weighted_mean", "weighted_variance", "weighted_stdev"]


def values_of(tmp_path: Path, **options: object) -> Path:
    """A raster with nodata, 600 x 700 pixels of 10 m."""
    values = np.random.default_rng(0).normal(5000, 1, (1, 600, 700)).astype("float32")
    values[0, 100:140, 200:260] = -1
    return write_raster(tmp_path / "v.tif", values, block=128, nodata=-1.0, **options)


def compare(path: Path, weights: Path, rois: gpd.GeoDataFrame) -> None:
    """Compare with exactextract, which leaves pixels without a weight out with a default weight of 0."""
    mine = georoi.zonal_stats(path, rois, STATS, weights=weights)
    asked = [f"{name}(default_weight=0)" for name in PEERS]
    other = exact_extract(str(path), rois, asked, weights=str(weights), output="pandas")
    for name, peer in zip(STATS, PEERS, strict=True):
        # exactextract keeps coverage as float32
        rtol = 1e-6 if "sum" in name or "mean" in name else 1e-4
        assert np.allclose(mine[name], other[peer], rtol=rtol), name


def test_weights_on_the_same_grid_are_as_with_exactextract(tmp_path: Path) -> None:
    """Coverage times weight is what counts, and pixels without a weight do not."""
    weights = np.random.default_rng(1).random((1, 600, 700)).astype("float32")
    weights[0, 300:350, 300:420] = -9
    compare(values_of(tmp_path), write_raster(tmp_path / "w.tif", weights, nodata=-9.0), regions())


def test_each_pixel_takes_the_weight_of_the_coarse_pixel_that_holds_it(tmp_path: Path) -> None:
    """Weights of 7 x 5 pixels, which begin elsewhere, count as if each pixel had them."""
    path, rois = values_of(tmp_path), regions()
    coarse = np.random.default_rng(1).random((1, 124, 104)).astype("float64")
    place = Affine(70, 0, 500_000 - 70 * 2 - 30, 0, -50, 5_200_000 + 50 * 3 + 20)
    own = write_raster(tmp_path / "c.tif", coarse, transform=place)
    fine = np.repeat(np.repeat(coarse[0], 5, axis=0), 7, axis=1)[17 : 17 + 600, 17 : 17 + 700]
    same = write_raster(tmp_path / "f.tif", fine[None])
    one, other = (georoi.zonal_stats(path, rois, STATS, weights=w) for w in (own, same))
    assert one[STATS].equals(other[STATS])
    assert any("5 x 7 pixels" in note for note in one.attrs["notes"])
    assert one.attrs["georoi"]["weights"] == {"c.tif": georoi.open_raster(own).fingerprint}


def test_moments_are_true_to_12_digits_where_values_are_large(tmp_path: Path) -> None:
    """A spread of 1 about 5000 keeps its digits; scale and offset come last."""
    path, rois = values_of(tmp_path, scales=[0.1], offsets=[-7.0]), regions()
    weights = np.random.default_rng(1).random((1, 600, 700))
    file = write_raster(tmp_path / "w.tif", weights)
    found = georoi.zonal_stats(path, rois, STATS, weights=file, boundary="center")
    with rasterio.open(path) as dataset:
        stored = dataset.read(1)
    for i, polygon in enumerate(rois.geometry):
        inside = geometry_mask([polygon], (600, 700), NORTH_UP, invert=True) & (stored != -1)
        x, u = stored[inside].astype("float64") * 0.1 - 7, weights[0][inside]
        mean = np.average(x, weights=u)
        variance = np.average((x - mean) ** 2, weights=u)
        expected = (x * u).sum(), mean, variance, np.sqrt(variance)
        assert found.loc[i, STATS].tolist() == pytest.approx(expected, rel=1e-12)


def test_pixels_without_a_weight_are_noted_and_weights_of_zero_give_null(tmp_path: Path) -> None:
    """Without any weight all is null; with a weight of zero the sum is zero and the mean null."""
    path, rois = values_of(tmp_path), regions(2)
    weights = np.zeros((1, 600, 700), "float32")
    zero = georoi.zonal_stats(path, rois, STATS, weights=write_raster(tmp_path / "0.tif", weights))
    assert (zero["weighted_sum"] == 0).all()
    assert zero[["weighted_mean", "weighted_var", "weighted_std"]].isna().all(axis=None)
    weights[:] = np.nan
    none = georoi.zonal_stats(path, rois, [*STATS, "mean"], weights=write_raster(tmp_path / "n.tif", weights))
    assert none[STATS].isna().all(axis=None)
    assert none["mean"].notna().all()
    assert any("2 ROI(s) have valid pixels without a weight" in note for note in none.attrs["notes"])


def test_arrays_weight_and_are_weighted(tmp_path: Path) -> None:
    """Weights as a DataArray, and values as one, numpy or dask, give the bits of files."""
    path, rois = values_of(tmp_path), regions()
    file = write_raster(tmp_path / "w.tif", np.random.default_rng(1).random((1, 600, 700)))
    wanted = georoi.zonal_stats(path, rois, STATS, weights=file)[STATS]
    weights, values = (georoi.open_raster(one).to_xarray() for one in (file, path))
    assert georoi.zonal_stats(path, rois, STATS, weights=weights)[STATS].equals(wanted)
    assert georoi.zonal_stats(values.chunk({"y": 97, "x": 301}), rois, STATS, weights=file)[STATS].equals(
        wanted
    )
    assert isinstance(weights, xr.DataArray)
    with pytest.raises(MemoryBudgetError, match="loaded whole"):
        georoi.zonal_stats(path, rois, STATS, weights=weights.chunk({"y": 97}), max_memory="1MB")


def test_negative_weights_are_refused(tmp_path: Path) -> None:
    """A weight below zero inside a ROI is most often nodata that nobody declared."""
    weights = np.ones((1, 600, 700), "float32")
    weights[0, 300] = -9999
    file = write_raster(tmp_path / "w.tif", weights)
    with pytest.raises(RasterError, match="negative") as caught:
        georoi.zonal_stats(values_of(tmp_path), regions(), STATS, weights=file)
    assert caught.value.id == "E-RAS-13"
    assert caught.value.found["least weight"] == "-9999"
    georoi.zonal_stats(values_of(tmp_path), regions(), STATS, weights=georoi.open_raster(file, nodata=-9999))


@pytest.mark.parametrize(
    ("transform", "crs"),
    [
        (Affine(25, 0, 500_000, 0, -25, 5_200_000), UTM),  # no whole number of pixels
        (Affine(20, 0, 500_005, 0, -20, 5_200_000), UTM),  # off the corners
        (Affine(5, 0, 500_000, 0, -5, 5_200_000), UTM),  # finer
        (Affine(10, 0, 500_000, 0, -10, 5_200_000), "EPSG:32634"),
        (Affine(20, 0, 500_000, 0, 20, 5_194_000), UTM),  # the other way up
    ],
)
def test_grids_that_do_not_nest_are_refused(tmp_path: Path, transform: Affine, crs: str) -> None:
    """Nothing is resampled unasked: both grids are printed, with the way to bring them together."""
    file = write_raster(tmp_path / "w.tif", np.ones((1, 300, 350), "float32"), transform=transform, crs=crs)
    with pytest.raises(RasterError) as caught:
        georoi.zonal_stats(values_of(tmp_path), regions(), STATS, weights=file)
    assert caught.value.id == "E-STK-02"
    assert set(caught.value.found) == {"weights", "raster"}
    assert "open_stack" in str(caught.value.hint)


def test_weights_and_statistics_belong_together(tmp_path: Path) -> None:
    """Weighted statistics without weights are refused, and weights that nothing uses."""
    path = values_of(tmp_path)
    with pytest.raises(UsageError, match="weighted_mean needs weights"):
        georoi.zonal_stats(path, regions(2), ["mean", "weighted_mean"])
    with pytest.raises(UsageError, match="no statistic uses it"):
        georoi.zonal_stats(path, regions(2), "mean", weights=path)
    two = write_raster(tmp_path / "two.tif", np.ones((2, 600, 700), "float32"))
    with pytest.raises(UsageError, match="one band"):
        georoi.zonal_stats(path, regions(2), "weighted_mean", weights=two)
