"""Tables and cubes of zonal statistics: shapes, names, dtypes, indices, attributes; all kinds of arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rioxarray  # noqa: F401 for `.rio`
import shapely
import xarray as xr

from georoi.api.stacks import open_stack
from georoi.api.zonal import zonal_stats
from georoi.errors import UsageError
from georoi.values.rois import ROISet
from tests.builders import UTM, ramp, write_raster

LEDGER = ["area", "area_outside", "area_crs", "area_nodata", "area_nonfinite", "area_masked", "area_valid"]
LEDGER += ["n_pixels", "n_effective", "boundary", "status", "reason"]
X, Y = 500_000, 5_200_000


def make_rois(**attributes: Any) -> gpd.GeoDataFrame:
    """Two boxes, one in the raster, one half off it, with an index of their own."""
    boxes = [shapely.box(X + 20, Y - 200, X + 145, Y - 30), shapely.box(X + 500, Y - 300, X + 700, Y - 100)]
    return gpd.GeoDataFrame(attributes, geometry=boxes, crs=UTM, index=[7, 3])


@pytest.fixture
def two_bands(tmp_path: Path) -> Path:
    """Red and nir, the second with holes."""
    values = ramp(2)
    values[1, 5] = 0
    return write_raster(tmp_path / "bands.tif", values, names=("red", "nir"), nodata=0)


def make_array(values: Any, **attributes: Any) -> xr.DataArray:
    """Put values (..., rows, cols) on the builders' grid."""
    values = np.asarray(values) if not hasattr(values, "chunks") else values
    dims = ("time", "band")[: values.ndim - 2] if values.ndim == 4 else ("time",)[: values.ndim - 2]
    coords = {
        "y": Y - 5.0 - 10 * np.arange(values.shape[-2]),
        "x": X + 5.0 + 10 * np.arange(values.shape[-1]),
    }
    array = xr.DataArray(values, dims=(*dims, "y", "x"), coords=coords, attrs=attributes)
    return array.rio.write_crs(UTM)


pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # rioxarray


def test_one_band_names_columns_after_statistics(two_bands: Path) -> None:
    """Attributes first, statistics in the order asked for, the ledger, the geometry; the index is kept."""
    rois = make_rois(name=["a", "b"], code=[5, 6])
    table = zonal_stats(two_bands, rois, "mean, count, q95", bands=["red"])
    assert table.columns.tolist() == ["roi_id", "name", "code", "mean", "count", "q95", *LEDGER, "geometry"]
    assert isinstance(table, gpd.GeoDataFrame)
    assert table.index.tolist() == [7, 3]
    assert table.crs == rois.crs
    assert table["code"].dtype == np.int64
    assert table["n_pixels"].dtype == np.int64
    assert all(table[name].dtype == np.float64 for name in ("mean", "count", "q95", "area", "n_effective"))
    assert (table["boundary"] == "fraction").all()


def test_several_bands_have_their_names_and_ledgers_in_front(two_bands: Path) -> None:
    """Where bands differ in validity each has its own ledger; areas of the ROI stand once."""
    table = zonal_stats(two_bands, make_rois(), "mean")
    own = ["area_nodata", "area_nonfinite", "area_masked", "area_valid", "n_pixels", "n_effective"]
    assert {f"{band}_{name}" for band in ("red", "nir") for name in ("mean", *own)} <= set(table.columns)
    assert {"area", "area_outside", "area_crs", "boundary", "red_status", "nir_reason"} <= set(table.columns)
    assert (table["nir_area_nodata"] > 0).tolist() == [True, False]
    assert (table["red_area_nodata"] == 0).all()


def test_bands_that_agree_share_one_ledger(tmp_path: Path) -> None:
    """Without holes the ledger stands once."""
    path = write_raster(tmp_path / "whole.tif", ramp(2), names=("red", "nir"))
    table = zonal_stats(path, make_rois(), "mean, max")
    assert table.columns.tolist() == [
        "roi_id",
        *("red_mean", "red_max", "nir_mean", "nir_max"),
        *LEDGER,
        "geometry",
    ]


def test_many_columns_come_without_a_warning(tmp_path: Path) -> None:
    """Thirteen bands and twelve statistics make one table, quietly."""
    path = write_raster(tmp_path / "many.tif", ramp(13))
    stats = "count, sum, mean, std, var, cv, min, max, range, median, q05, q95"
    table = zonal_stats(path, make_rois(), stats)
    assert len(table.columns) == 13 * 12 + len(LEDGER) + 2


def test_attributes_are_chosen_and_never_overwritten(two_bands: Path) -> None:
    """`include` keeps some; one that has the name of a column stands beside it; a missing one is refused."""
    rois = make_rois(name=["a", "b"], mean=[1, 2], area=["x", "y"])
    assert zonal_stats(two_bands, rois, "max", include="name", bands=[1]).columns[1] == "name"
    assert "name" not in zonal_stats(two_bands, rois, "max", include=False, bands=[1]).columns
    table = zonal_stats(two_bands, rois, "mean", bands=[1])
    assert table["mean_input"].tolist() == [1, 2]
    assert table["area_input"].tolist() == ["x", "y"]
    assert (table["mean"] > 2).all()
    with pytest.raises(UsageError, match="nmae"):
        zonal_stats(two_bands, rois, "mean", include="nmae")
    named = zonal_stats(two_bands, make_rois(roi_id=["p", "q"]), "max", bands=[1])
    assert {"p", "q"} in [set(named[name]) for name in named.columns if "roi_id" in name]
    long = zonal_stats(two_bands, rois, "max", include=["name"], long=True, bands=["red"])
    assert long["name"].tolist() == ["a", "b"]


def test_rois_of_one_value_are_taken_as_their_union(two_bands: Path) -> None:
    """Under `by` what overlaps counts once."""
    box = shapely.box(X + 20, Y - 200, X + 140, Y - 30)
    half = shapely.box(X + 80, Y - 200, X + 200, Y - 30)
    rois = gpd.GeoDataFrame({"kind": ["w", "w", "z"]}, geometry=[box, half, box], crs=UTM)
    table = zonal_stats(two_bands, rois, "count", bands=["red"], by="kind").set_index("kind")
    assert table.loc["w", "count"] == pytest.approx(18 * 17, rel=1e-9)
    assert table.loc["z", "count"] == pytest.approx(12 * 17, rel=1e-9)
    assert table.loc["w", "area_crs"] == pytest.approx(180 * 170, rel=1e-9)


def test_a_long_table_has_a_row_for_each_roi_date_band_and_statistic(tmp_path: Path) -> None:
    """Rows in that order, dates as such, the ledger of the layer in each."""
    for day, add in (("2020-01-02", 0), ("2020-01-05", 9)):
        write_raster(tmp_path / f"s_{day}.tif", ramp(2) + add, names=("red", "nir"))
    stack = open_stack(tmp_path)
    long = zonal_stats(stack, make_rois(), "mean, count")
    assert long.columns.tolist() == ["roi_id", "date", "band", "stat", "value", *LEDGER]
    assert len(long) == 2 * 2 * 2 * 2
    assert long["date"].dtype.kind == "M"
    assert long["stat"].tolist() == ["mean", "count"] * 8
    assert long["band"].tolist() == ["red", "red", "nir", "nir"] * 4
    mean = long.query("stat == 'mean'").pivot(index=["roi_id", "band"], columns="date", values="value")
    np.testing.assert_allclose(mean.iloc[:, 1] - mean.iloc[:, 0], 9)
    wide = zonal_stats(stack, make_rois(), "mean", long=False)
    assert [name for name in wide.columns if name.endswith("_mean")] == [
        f"{day}_{band}_mean" for day in ("2020-01-02", "2020-01-05") for band in ("red", "nir")
    ]


def test_a_cube_has_the_dimensions_roi_date_and_band(tmp_path: Path) -> None:
    """The same numbers as the long table, by name."""
    for day, add in (("2020-01-02", 0), ("2020-01-05", 9)):
        write_raster(tmp_path / f"s_{day}.tif", ramp(2) + add, names=("red", "nir"))
    stack = open_stack(tmp_path)
    cube = zonal_stats(stack, make_rois(), "mean, n_pixels", as_="xarray")
    assert cube["mean"].dims == ("roi", "date", "band")
    assert cube["mean"].shape == (2, 2, 2)
    assert cube["date"].dtype.kind == "M"
    assert cube["band"].values.tolist() == ["red", "nir"]
    assert cube["area"].dims == ("roi",)
    long = zonal_stats(stack, make_rois(), "mean")
    np.testing.assert_array_equal(cube["mean"].values.reshape(-1), long["value"])
    with pytest.raises(UsageError, match="list"):
        zonal_stats(stack, make_rois(), "hist(bins=[0, 1])", as_="xarray")


@pytest.mark.parametrize("bands", [None, 2])
@pytest.mark.parametrize("lazy", [False, True])
def test_every_date_of_an_array_is_read(bands: int | None, lazy: bool) -> None:
    """With and without a band dimension each time step gives its own numbers, in time's place anywhere."""
    values = ramp(1)[0].astype("float32")
    steps = np.stack([values, values + 100, values + 300])
    if bands:
        steps = np.stack([steps, steps + 1000], axis=1)
    times = np.array(["2020-01-01", "2020-01-02", "2020-06-01"], dtype="datetime64[ns]")
    array = make_array(steps).assign_coords(time=times)
    array = array.chunk({"y": 7, "time": 1}) if lazy else array
    for given in (array, array.transpose("y", "x", ...), array.transpose("x", ..., "y")):
        long = zonal_stats(given, make_rois(), "mean")
        assert len(long) == 2 * 3 * (bands or 1)
        by_date = long.pivot(index=["roi_id", "band"], columns="date", values="value")
        np.testing.assert_allclose(by_date.iloc[:, 1] - by_date.iloc[:, 0], 100, rtol=1e-6)
        np.testing.assert_allclose(by_date.iloc[:, 2] - by_date.iloc[:, 0], 300, rtol=1e-6)


def test_times_that_are_no_dates_are_told_apart() -> None:
    """Steps numbered 1 and 2 have these as their label in long tables and cubes."""
    array = make_array(ramp(2).astype("float32")).assign_coords(time=[1, 2])
    long = zonal_stats(array, make_rois(), "mean")
    assert long["date"].tolist() == ["1", "2"] * 2
    assert zonal_stats(array, make_rois(), "mean", as_="xarray")["date"].values.tolist() == ["1", "2"]


INTEGERS = ("int8", "uint8", "int16", ">i2", ">u2", "int32", "uint32", "int64", "uint64")


@pytest.mark.parametrize("dtype", ["bool", *INTEGERS, "float16", "float32", ">f4", ">f8", "longdouble"])
@pytest.mark.parametrize("lazy", [False, True])
def test_arrays_of_any_dtype_and_byte_order(dtype: str, lazy: bool) -> None:
    """Integers, floats, booleans, in either byte order as NetCDF files have them, give equal numbers."""
    values = ramp(1)[0] % 2 if dtype == "bool" else ramp(1)[0] % 100
    array = make_array(values.astype(dtype))
    array = array.chunk({"y": 11, "x": 13}) if lazy else array
    stats = "count, mean, min, max, median, mode, nunique"
    found = zonal_stats(array, make_rois(), stats)
    expected = zonal_stats(make_array(values.astype("float64")), make_rois(), stats)
    pd.testing.assert_frame_equal(
        pd.DataFrame(found[stats.split(", ")]), pd.DataFrame(expected[stats.split(", ")]), rtol=1e-13
    )


def test_an_array_in_any_memory_layout() -> None:
    """Transposed, flipped, read-only and strided arrays are read by their coordinates."""
    values = ramp(1)[0].astype("float32")
    expected = zonal_stats(make_array(values), make_rois(), "mean")["mean"].tolist()
    frozen = np.asfortranarray(values)
    frozen.flags.writeable = False
    padded = np.zeros((40, 120), "float32")
    padded[:, ::2] = values
    for given in (
        make_array(values).T,
        make_array(values)[::-1],
        make_array(frozen),
        make_array(padded[:, ::2]),
    ):
        assert zonal_stats(given, make_rois(), "mean")["mean"].tolist() == pytest.approx(expected, rel=1e-12)


def test_dimensions_that_are_not_known_are_refused() -> None:
    """An array with a dimension beside time and band is no cube that statistics know."""
    array = make_array(ramp(2)).rename(time="level")
    with pytest.raises(UsageError, match="level"):
        zonal_stats(array, make_rois(), "mean")


def test_a_class_for_each_of_thousands_of_values_is_refused() -> None:
    """Shares of all classes on a continuous raster would be thousands of columns."""
    with pytest.raises(UsageError, match="classes"):
        zonal_stats(
            make_array(ramp(1)[0]),
            ROISet.from_geometries([shapely.box(X, Y - 400, X + 600, Y)], crs=UTM),
            "frac",
        )
