"""Silently wrong results that other tools give, each a trap that georoi must not fall into.

Each was seen in a released version of the tool that it is named after. georoi has to give the right number,
or an error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rioxarray
import shapely
import xarray as xr
from affine import Affine
from geopandas.testing import assert_geodataframe_equal
from rasterio.features import geometry_mask

import georoi
from georoi.api.stacks import open_stack
from georoi.api.zonal import zonal_stats
from georoi.errors import CRSError, UsageError
from tests.builders import NORTH_UP, UTM, ramp, write_raster
from tests.zonaloracle import Sums, check, weights_of

pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # rioxarray

SHAPE = (40, 60)
SCALE, OFFSET = 0.2, 1.5


def place(polygon: Any) -> Any:
    """Bring a polygon from pixels to the CRS of the builders' rasters."""
    return shapely.transform(polygon, lambda xy: np.column_stack(NORTH_UP @ (xy[:, 0], xy[:, 1])))


FIELD = shapely.Polygon([(10.2, 8.7), (33.4, 6.1), (41.9, 25.3), (15.5, 30.8)])
"""A field in pixels."""


@pytest.fixture
def rois() -> gpd.GeoDataFrame:
    """The field, with an index of its own."""
    return gpd.GeoDataFrame({"name": ["field"]}, geometry=[place(FIELD)], crs=UTM, index=[42])


@pytest.fixture
def scaled(tmp_path: Path) -> Path:
    """An integer raster with scale, offset and nodata."""
    values = ramp(1, *SHAPE, dtype="int16")
    values[0, 15] = -9
    return write_raster(tmp_path / "scaled.tif", values, nodata=-9, scales=[SCALE], offsets=[OFFSET])


def field_sums(values: np.ndarray, boundary: str, valid: np.ndarray | None = None) -> Sums:
    """Give what the field holds."""
    return Sums.of(values, weights_of(FIELD, SHAPE, boundary, y_up=True), valid)


def test_rioxarray_clip_from_disk_forgets_the_scale(scaled: Path, rois: gpd.GeoDataFrame) -> None:
    """A clip of data that was opened decoded holds decoded values, of data as stored the stored ones."""
    stored = ramp(1, *SHAPE, dtype="int16")[0]
    with rioxarray.open_rasterio(scaled, mask_and_scale=True) as decoded:
        clipped = georoi.clip(decoded, rois, crop=False)
    inside = clipped.values[0][np.isfinite(clipped.values[0])]
    valid = np.arange(SHAPE[0])[:, None] != 15
    expected = field_sums(stored * SCALE + OFFSET, "center", np.broadcast_to(valid, SHAPE))
    assert inside.mean() == pytest.approx(expected.mean, rel=1e-12)
    as_stored = georoi.clip(scaled, rois, crop=False).values[0]
    assert set(as_stored[as_stored != -9].tolist()) == set(stored[valid[:, 0]].ravel().tolist()) & set(
        field_sums(stored, "center").x.tolist()
    )


@pytest.mark.parametrize("rule", ["fraction", "center", "all_touched"])
def test_rasterstats_ignores_scale_and_offset(scaled: Path, rois: gpd.GeoDataFrame, rule: str) -> None:
    """Statistics are of scaled values, the same from a path, an opened raster, a clip and a decoded array."""
    stored = ramp(1, *SHAPE, dtype="int16")[0]
    valid = np.broadcast_to(np.arange(SHAPE[0])[:, None] != 15, SHAPE)
    stats = "count, n_pixels, sum, mean, std, var, min, max, range, median"
    sums = field_sums(stored * SCALE + OFFSET, rule, valid)
    whole = georoi.clip(scaled, rois, crop=False, apply_mask=False)
    for source in (scaled, georoi.open_raster(scaled), rioxarray.open_rasterio(scaled), whole):
        row = zonal_stats(source, rois, stats, boundary=rule).iloc[0]
        check(row, sums, rel=1e-9)
    with rioxarray.open_rasterio(scaled, mask_and_scale=True) as decoded:  # to float32
        for source in (decoded, decoded.chunk({"y": 7})):
            row = zonal_stats(source, rois, stats, boundary=rule).iloc[0]
            assert row["n_pixels"] == len(sums.x)
            for name in ("count", "mean", "std", "min", "max"):
                assert row[name] == pytest.approx(
                    getattr(sums, name, None) or getattr(sums.x, name)(), rel=1e-6
                )
    raw = zonal_stats(scaled, rois, stats, boundary=rule, scaled=False).iloc[0]
    check(raw, field_sums(stored, rule, valid), rel=1e-9)


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_rioxarray_and_rasterio_clip_integers_without_nodata_to_zeros(
    tmp_path: Path, rois: gpd.GeoDataFrame, dtype: str
) -> None:
    """What lies outside is no value that could be a pixel: NaN, declared, and left out of statistics."""
    values = (ramp(1, *SHAPE) % 200).astype(dtype)
    path = write_raster(tmp_path / "plain.tif", values)
    clipped = georoi.clip(path, rois, crop=False)
    outside = weights_of(FIELD, SHAPE, "center", y_up=True) == 0
    assert np.isnan(clipped.values[0][outside]).all()
    assert np.isnan(clipped.rio.nodata)
    np.testing.assert_array_equal(clipped.values[0][~outside], values[0][~outside])
    everywhere = rois.assign(geometry=place(shapely.box(0, 0, SHAPE[1], SHAPE[0])))
    again = zonal_stats(clipped, everywhere, "count, mean, min")
    once = zonal_stats(path, rois, "count, mean, min", boundary="center")
    for name in ("count", "mean", "min"):
        assert again[name].item() == pytest.approx(once[name].item(), rel=1e-12)


def test_rasterio_mask_consumes_a_generator(tmp_path: Path, rois: gpd.GeoDataFrame) -> None:
    """Geometries that can be gone through only once give what a list of them gives."""
    path = write_raster(tmp_path / "plain.tif", ramp(1, *SHAPE))
    polygons = [*rois.geometry, place(shapely.box(2, 2, 5.5, 5))]
    listed = georoi.ROISet.from_geometries(polygons, crs=UTM)
    once = georoi.ROISet.from_geometries((polygon for polygon in polygons), crs=UTM)
    expected = georoi.clip(path, listed)
    xr.testing.assert_identical(georoi.clip(path, once), expected)
    assert (expected.values != 0).sum() > 400
    found = zonal_stats(path, georoi.ROISet.from_geometries(iter(polygons), crs=UTM), "count")
    assert found["count"].tolist() == zonal_stats(path, listed, "count")["count"].tolist()


def test_rasterstats_and_xvec_give_nulls_for_the_wrong_crs(tmp_path: Path, rois: gpd.GeoDataFrame) -> None:
    """ROIs in another CRS are transformed; without a CRS, or nowhere near, they are an error."""
    path = write_raster(tmp_path / "plain.tif", ramp(1, *SHAPE))
    expected = zonal_stats(path, rois, "count, mean")
    for crs in (4326, 3857, 3035):
        found = zonal_stats(path, rois.to_crs(crs), "count, mean")
        assert found["mean"].item() == pytest.approx(expected["mean"].item(), rel=1e-4)
    series = rois.geometry.to_crs(3857)  # its own CRS, without a word
    assert zonal_stats(path, series, "count")["count"].item() == pytest.approx(
        expected["count"].item(), rel=1e-4
    )
    wrong = rois.set_crs(32634, allow_override=True)
    for call in (georoi.clip, georoi.mask, zonal_stats):
        with pytest.raises(CRSError) as far:
            call(path, wrong)
        assert far.value.id == "E-CRS-02"
        with pytest.raises(CRSError) as unknown:
            call(path, gpd.GeoSeries(rois.geometry.to_numpy()))
        assert unknown.value.id == "E-CRS-01"


def test_exactextract_writes_a_crs_into_the_callers_array(rois: gpd.GeoDataFrame) -> None:
    """An array without CRS is an error and stays as it was; so does one that is worked on, and the index."""
    x = 500_005.0 + 10 * np.arange(SHAPE[1])
    y = 5_199_995.0 - 10 * np.arange(SHAPE[0])
    array = xr.DataArray(ramp(1, *SHAPE)[0], dims=("y", "x"), coords={"y": y, "x": x}, attrs={"a": 1})
    before = array.copy(deep=True)
    for call in (georoi.clip, georoi.mask, zonal_stats):
        with pytest.raises(CRSError):
            call(array, rois)
    xr.testing.assert_identical(array, before)
    assert array.rio.crs is None
    placed = array.rio.write_crs(UTM)
    before, given = placed.copy(deep=True), rois.copy(deep=True)
    table = zonal_stats(placed, rois, "mean")
    georoi.clip(placed, rois)
    xr.testing.assert_identical(placed, before)
    assert placed.encoding == before.encoding
    assert table.index.tolist() == [42]
    assert table["name"].tolist() == ["field"]
    assert_geodataframe_equal(rois, given)


def test_odc_masks_the_wrong_axes_of_a_cube(rois: gpd.GeoDataFrame) -> None:
    """With dimensions (y, x, time), and as many times as rows, rows are still rows."""
    times = np.datetime64("2020-01-01", "ns") + np.arange(SHAPE[0]) * np.timedelta64(1, "D")
    values = np.random.default_rng(0).normal(size=(*SHAPE, SHAPE[0])).astype("float32")
    coords = {
        "time": times,
        "y": 5_199_995.0 - 10 * np.arange(SHAPE[0]),
        "x": 500_005.0 + 10 * np.arange(SHAPE[1]),
    }
    cube = xr.DataArray(values, dims=("y", "x", "time"), coords=coords).rio.write_crs(UTM)
    clipped = georoi.clip(cube, rois, crop=False).transpose("time", "y", "x")
    inside = weights_of(FIELD, SHAPE, "center", y_up=True) > 0
    assert (np.isfinite(clipped.values) == inside).all()
    long = zonal_stats(cube, rois, "count, mean", boundary="center").query("stat == 'mean'")
    assert long["date"].tolist() == list(times)
    for step, mean in enumerate(long["value"]):
        assert mean == pytest.approx(values[..., step][inside].astype(float).mean(), rel=1e-9)


def test_rasterstats_swallows_unknown_keywords(tmp_path: Path, rois: gpd.GeoDataFrame) -> None:
    """A misspelt option is an error, never the default."""
    path = write_raster(tmp_path / "plain.tif", ramp(1, *SHAPE))
    for call in (georoi.clip, georoi.mask, georoi.clip_each, zonal_stats):
        with pytest.raises(TypeError, match="alltouched"):
            call(path, rois, alltouched=True)
    with pytest.raises(UsageError, match="mena"):
        zonal_stats(path, rois, "mena")


def test_exactextract_interpolates_the_median() -> None:
    """The median of 0, 0, 0 and 10 is 0, a value that occurs, and of whole pixels numpy's inverted_cdf."""
    array = xr.DataArray(np.array([[0, 0], [0, 10]], dtype="float32"), dims=("y", "x"))
    whole = georoi.ROISet.from_geometries([shapely.box(0, 0, 2, 2)], crs=None, pixel=True)
    row = zonal_stats(array, whole, "median, q75, q76").iloc[0]
    assert (row["median"], row["q75"], row["q76"]) == (0, 0, 10)


@pytest.mark.parametrize("shift", [1e-9, 1e-7])
def test_xarray_joins_dates_whose_coordinates_differ_by_a_nanometre(
    tmp_path: Path, rois: gpd.GeoDataFrame, shift: float
) -> None:
    """Two dates on one grid but for rounding are one grid: no column is lost, no pixel is moved."""
    moved = Affine(10, 0, 500_000 + shift, 0, -10, 5_200_000 - shift)
    first = write_raster(tmp_path / "a.tif", ramp(1, *SHAPE))
    second = write_raster(tmp_path / "b.tif", ramp(1, *SHAPE) + 1, transform=moved)
    stack = open_stack([first, second], dates=["2020-01-01", "2020-02-01"])
    long = zonal_stats(stack, rois, "count, mean")
    counts = long.query("stat == 'count'")["value"].to_numpy()
    means = long.query("stat == 'mean'")["value"].to_numpy()
    assert counts[0] == counts[1] > 400
    assert means[1] - means[0] == pytest.approx(1, abs=1e-9)
    clipped = georoi.clip(stack, rois)
    assert clipped.sizes["time"] == 2
    assert clipped.sizes["x"] == georoi.clip(first, rois).sizes["x"]


def test_spyndex_wraps_unsigned_bands(tmp_path: Path, rois: gpd.GeoDataFrame) -> None:
    """NDVI of 1000 and 1500 in uint16 is -0.2, not 26."""
    values = np.stack([np.full(SHAPE, 1500), np.full(SHAPE, 1000)]).astype("uint16")
    path = write_raster(tmp_path / "pair.tif", values, names=("red", "nir"))
    row = zonal_stats(path, rois, "mean, min, max", bands=["NDVI"]).iloc[0]
    assert (row["min"], row["max"]) == (-0.2, -0.2)
    assert row["mean"] == pytest.approx(-0.2, rel=1e-14)


def test_gdal_all_touched_depends_on_tiles(tmp_path: Path) -> None:
    """Polygons on half pixels touch the same pixels in every tiling, in statistics and in masks."""
    rng = np.random.default_rng(8)
    corners = rng.integers(0, 500, (60, 2)) / 2 + 3
    shapes = [
        shapely.convex_hull(shapely.MultiPoint(corner + rng.integers(0, 60, (7, 2)) / 2))
        for corner in corners
    ]
    polygons = gpd.GeoSeries([place(one) for one in shapes if one.area > 0], crs=UTM)
    values = ramp(1, 300, 300, dtype="uint32")
    whole = write_raster(tmp_path / "whole.tif", values, block=512)
    for rule in ("all_touched", "center"):
        expected = zonal_stats(whole, polygons, "count, sum", boundary=rule)
        mask = georoi.mask(whole, polygons, boundary=rule, compute=True)
        for block in (16, 112):
            tiled = write_raster(tmp_path / f"tiled{block}.tif", values, block=block)
            found = zonal_stats(tiled, polygons, "count, sum", boundary=rule)
            assert found["count"].tolist() == expected["count"].tolist()
            assert found["sum"].tolist() == expected["sum"].tolist()
            np.testing.assert_array_equal(georoi.mask(tiled, polygons, boundary=rule, compute=True), mask)


def test_all_touched_counts_no_pixel_that_shares_no_area(tmp_path: Path) -> None:
    """A box along borders of pixels is made of them alone, where GDAL may add those that it touches."""
    path = write_raster(tmp_path / "plain.tif", ramp(1, *SHAPE))
    box = gpd.GeoSeries([place(shapely.box(10, 10, 15, 14))], crs=UTM)
    row = zonal_stats(path, box, "count, n_pixels, min", boundary="all_touched").iloc[0]
    assert (row["count"], row["n_pixels"]) == (20, 20)


def test_geoutils_counts_nan_pixels_under_a_mask(tmp_path: Path, rois: gpd.GeoDataFrame) -> None:
    """The number of valid pixels under a mask is a number."""
    values = np.stack([ramp(1, *SHAPE)[0], np.arange(60)[None, :] % 2 + np.zeros(SHAPE)]).astype("uint16")
    path = write_raster(tmp_path / "masked.tif", values, names=("value", "clear"))
    row = zonal_stats(path, rois, "count, mean", bands=["value"], mask="clear == 1").iloc[0]
    expected = field_sums(values[0], "fraction", values[1] == 1)
    assert row["count"] == pytest.approx(expected.count, rel=1e-9)
    assert row["mean"] == pytest.approx(expected.mean, rel=1e-9)
    assert row["area_masked"] > 0.4 * row["area"]


def test_xarray_spatial_breaks_ties_otherwise_than_gdal(tmp_path: Path) -> None:
    """A box whose edges run through centres of pixels holds those that GDAL says."""
    path = write_raster(tmp_path / "plain.tif", ramp(1, *SHAPE))
    for offset in (0.5, 0.0, 0.25):
        box = place(shapely.box(10 + offset, 10 + offset, 15 + offset, 15 + offset))
        inside = ~geometry_mask([box], SHAPE, NORTH_UP)
        row = zonal_stats(path, gpd.GeoSeries([box], crs=UTM), "count, sum", boundary="center").iloc[0]
        assert row["count"] == inside.sum()
        assert row["sum"] == ramp(1, *SHAPE)[0][inside].sum()


def test_label_rasters_lose_what_a_neighbour_overlaps(tmp_path: Path, rois: gpd.GeoDataFrame) -> None:
    """xvec, geoutils and raster_tools let one ROI overwrite another; here each is counted whole."""
    path = write_raster(tmp_path / "plain.tif", ramp(1, *SHAPE))
    both = gpd.GeoSeries([place(FIELD), place(shapely.box(20, 10, 50, 35))], crs=UTM)
    for rule in ("fraction", "center", "all_touched"):
        alone = zonal_stats(path, rois, "count, mean", boundary=rule)
        together = zonal_stats(path, both, "count, mean", boundary=rule)
        assert together["count"].iloc[0] == alone["count"].item()
        assert together["mean"].iloc[0] == alone["mean"].item()


def test_rasterix_crops_border_pixels_before_it_covers_them(tmp_path: Path, rois: gpd.GeoDataFrame) -> None:
    """Cropping to the ROI never drops a pixel that the rule keeps: the sum of shares is the area."""
    path = write_raster(tmp_path / "plain.tif", ramp(1, *SHAPE))
    for crop in (True, False, "blocks"):
        clipped = georoi.clip(path, rois, boundary="fraction", crop=crop)
        assert float(clipped["coverage"].sum()) == pytest.approx(FIELD.area, rel=1e-9)
    assert zonal_stats(path, rois, "count")["count"].item() == pytest.approx(FIELD.area, rel=1e-9)


def test_rasterstats_counts_cells_off_the_raster_as_zeros(tmp_path: Path) -> None:
    """A ROI that overhangs a raster without nodata has the mean of what is there, and says what is not."""
    path = write_raster(tmp_path / "plain.tif", np.full((1, *SHAPE), 7, "uint8"))
    box = gpd.GeoSeries([place(shapely.box(50, 30, 70, 50))], crs=UTM)
    row = zonal_stats(path, box, "count, mean, min").iloc[0]
    assert (row["count"], row["mean"], row["min"]) == (100, 7, 7)
    assert row["area_outside"] == pytest.approx(0.75 * row["area"], rel=1e-6)
