"""The verbs that read and write files, and what they take for a raster."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import geopandas as gpd
import imagecodecs
import numpy as np
import pytest
import rasterio
import rasterio.shutil
import shapely
import xarray as xr

import georoi
import georoi.accessor
from georoi.crs import CRS
from georoi.errors import OutputError, OutputExistsError, RasterError, UsageError
from tests.builders import NORTH_UP, UTM, ramp, write_netcdf, write_raster

pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # odc-geo


CIRCLE = shapely.Point(NORTH_UP.c + 300, NORTH_UP.f - 200).buffer(123)
ROIS = georoi.ROISet.from_geometries([CIRCLE], crs=UTM, ids=["circle"])


@pytest.fixture
def scene(tmp_path) -> Path:
    """A raster of two bands, 40 rows, 60 columns, nodata 0 (which no pixel has)."""
    return write_raster(tmp_path / "scene.tif", ramp(2), nodata=0, names=["red", "nir"], scales=[0.5, 0.5])


def sources(path: Path) -> dict[str, object]:
    """Everything that a verb takes for this raster."""
    raster = georoi.open_raster(path)
    return {
        "text": str(path),
        "path": path,
        "raster": raster,
        "dask": raster.to_xarray(),
        "dask in small chunks": raster.to_xarray().chunk(y=7, x=11),
        "numpy": raster.to_xarray().compute(),
    }


@pytest.mark.parametrize("kind", ["text", "path", "raster", "dask", "dask in small chunks", "numpy"])
def test_every_kind_of_source_gives_the_same(scene, tmp_path, kind):
    expected = georoi.clip(scene, ROIS)
    source = sources(scene)[kind]
    assert np.array_equal(georoi.clip(source, ROIS).values, expected.values)
    assert np.array_equal(georoi.mask(source, ROIS).values, expected.values[0] != 0)
    assert georoi.plan(source, ROIS).window == expected.attrs["window"]
    assert georoi.check(source, ROIS).ok
    written = georoi.clip_file(source, ROIS, tmp_path / "out.tif")
    with rasterio.open(written.path) as dataset:
        assert np.array_equal(dataset.read(), expected.values)
        assert dataset.nodata == 0
        assert dataset.descriptions == ("red", "nir")
        assert dataset.scales == (0.5, 0.5)
        assert tuple(dataset.transform) == tuple(expected.odc.geobox.affine)
        assert dataset.tags()["GEOROI_BOUNDARY"] == "center"


def test_a_path_of_rois_a_frame_and_a_geometry_are_all_taken(scene, tmp_path):
    frame = gpd.GeoDataFrame({"id": ["circle"]}, geometry=[CIRCLE], crs=UTM)
    frame.to_file(tmp_path / "rois.gpkg")
    expected = georoi.clip(scene, ROIS).values
    for rois in (frame, frame.geometry, tmp_path / "rois.gpkg"):
        assert np.array_equal(georoi.clip(scene, rois).values, expected)


def test_the_lazy_array_of_a_raster_holds_its_pixels(scene):
    array = georoi.open_raster(scene, bands="nir").to_xarray(chunks=16)
    assert array.chunks == ((1,), (40,), (60,))
    assert array.band.values.tolist() == [2]
    assert np.array_equal(array.values, ramp(2)[1:])
    assert array.attrs["nodata"] == 0
    assert array.attrs["scale_factor"] == 0.5


def test_the_lazy_array_of_a_masked_raster_is_nan_where_the_mask_says_so(tmp_path):
    valid = np.ones((40, 60), bool)
    valid[3, 4] = False
    path = write_raster(tmp_path / "m.tif", ramp(1), mask=valid)
    for masked in (False, True):
        array = georoi.open_raster(path, masked=masked).to_xarray()
        assert array.dtype == "float32"
        assert np.argwhere(np.isnan(array.values[0])).tolist() == [[3, 4]]
    whole = georoi.ROISet.from_boxes([georoi.open_raster(path).grid.boundingbox.bbox], crs=UTM)
    assert np.array_equal(georoi.clip(array, whole), georoi.clip(path, whole), equal_nan=True)
    with pytest.raises(RasterError, match="declares no nodata value"):
        georoi.open_raster(write_raster(tmp_path / "l.tif", ramp(1, dtype="int64"), mask=valid)).to_xarray()


def test_the_lazy_array_of_bands_with_nodata_of_their_own_is_nan_in_each(tmp_path):
    vrt = tmp_path / "v.vrt"
    values = np.array([[[0, 255, 7]], [[0, 255, 7]]], "uint8")
    write_raster(tmp_path / "two.tif", values, block=None)
    with rasterio.open(tmp_path / "two.tif") as dataset:
        rasterio.shutil.copy(dataset, vrt, driver="VRT")
    text = vrt.read_text()
    for band, nodata in ((1, 0), (2, 255)):
        text = re.sub(
            rf'(<VRTRasterBand [^>]*band="{band}"[^>]*>)', rf"\1<NoDataValue>{nodata}</NoDataValue>", text
        )
    vrt.write_text(text)
    raster = georoi.open_raster(vrt)
    assert raster.nodata == (0, 255)
    array = raster.to_xarray()
    assert np.isnan(array.values[:, 0]).tolist() == [[True, False, False], [False, True, False]]
    assert np.isnan(array.attrs["nodata"])
    kept = georoi.clip(
        vrt, georoi.ROISet.from_boxes([raster.grid.boundingbox.bbox], crs=UTM), apply_mask=False
    )
    assert np.array_equal(kept, array, equal_nan=True)


def test_a_netcdf_of_dates_is_clipped_with_its_dates(tmp_path):
    values = ramp(3, 40, 60, "int16")
    x, y = (np.arange(60) + 0.5) * 10 + NORTH_UP.c, NORTH_UP.f - (np.arange(40) + 0.5) * 10
    path = write_netcdf(
        tmp_path / "d.nc",
        {"red": values},
        x=x,
        y=y,
        days=[0, 1, 31],
        crs_wkt=CRS(UTM).to_wkt("WKT1_GDAL"),
        fill=-1,
    )
    clipped = georoi.clip(path, ROIS)
    assert [str(date)[:10] for date in clipped.time.values] == ["2020-01-01", "2020-01-02", "2020-02-01"]
    assert np.array_equal(clipped.time, georoi.open_raster(path).to_xarray().time)
    row0, row1, col0, col1 = clipped.attrs["window"]
    kept = clipped.values[1] != -1
    assert np.array_equal(clipped.values[1][kept], values[1, row0:row1, col0:col1][kept])
    assert kept.sum() == georoi.mask(path, ROIS).values.sum() > 400


def test_integers_without_nodata_stay_in_the_file_and_a_mask_tells(tmp_path):
    scene = write_raster(tmp_path / "plain.tif", ramp(2))
    inside = georoi.mask(scene, ROIS).values
    raster = georoi.open_raster(scene)
    for name, source in (("a.tif", raster), ("b.tif", raster.to_xarray())):
        written = georoi.clip_file(source, ROIS, tmp_path / name)
        assert any("mask" in note for note in written.notes)
        with rasterio.open(written.path) as dataset:
            assert dataset.dtypes == ("uint16", "uint16")
            assert dataset.nodata is None
            assert np.array_equal(dataset.dataset_mask() > 0, inside)
        again = georoi.clip(written.path, ROIS)
        assert np.array_equal(np.isnan(again.values[0]), ~inside)


def test_a_picture_with_alpha_becomes_one(tmp_path):
    values = np.concatenate([ramp(3, dtype="uint8"), np.full((1, 40, 60), 255, "uint8")])
    values[3, 20, 30] = 0
    path = write_raster(tmp_path / "in.png", values, crs=None, transform=None, driver="PNG")
    written = georoi.clip_file(path, georoi.ROISet.from_pixel_boxes([(10, 15, 30, 12)]), tmp_path / "out.png")
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning), rasterio.open(written.path) as dataset:
        found = dataset.read()
    expected = values[:, 15:27, 10:40].copy()
    assert np.array_equal(found[3], expected[3])
    assert np.array_equal(found[:3][:, found[3] > 0], expected[:3][:, found[3] > 0])


def test_each_roi_goes_into_a_file_of_its_own_with_an_index(scene, tmp_path):
    two = georoi.ROISet.from_geometries(
        [CIRCLE, shapely.box(500_000, 5_199_900, 500_070, 5_200_000)], crs=UTM, ids=["ö/1", "b"]
    )
    folder = tmp_path / "each"
    heard: list = []
    written = georoi.clip_file(scene, two, folder, each=True, progress=lambda *news: heard.append(news))
    assert heard[-1][:2] == (2, 2)
    with (folder / "index.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["roi_id"] for row in rows] == ["ö/1", "b"]
    assert [row["file"] for row in rows] == [file.path.name for file in written]
    assert [row["sha256"] for row in rows] == [file.sha256 for file in written]
    assert json.loads((folder / "_SUCCESS").read_text(encoding="utf-8"))["files"] == 2
    for (_, image), file in zip(georoi.clip_each(scene, two), written, strict=True):
        assert file.path.parent == folder
        with rasterio.open(file.path) as dataset:
            assert np.array_equal(dataset.read(), image.values)
            assert dataset.tags()["GEOROI_ROI_ID"] == image.attrs["roi_id"]


def test_a_folder_of_images_is_replaced_only_when_told_to_and_only_ours(scene, tmp_path):
    folder = tmp_path / "each"
    folder.mkdir()
    georoi.clip_file(scene, ROIS, folder, each=True)
    with pytest.raises(OutputExistsError):
        georoi.clip_file(scene, ROIS, folder, each=True)
    georoi.clip_file(scene, ROIS, folder, each=True, overwrite=True)
    other = tmp_path / "mine"
    other.mkdir()
    (other / "letter.txt").write_text("dear")
    with pytest.raises(OutputExistsError):
        georoi.clip_file(scene, ROIS, other, each=True, overwrite=True)
    assert (other / "letter.txt").exists()


@pytest.mark.parametrize("spoil", ["letter", "folder", "index", "no index"])
def test_a_folder_of_images_that_holds_anything_else_is_not_replaced(scene, tmp_path, spoil):
    folder = tmp_path / "stands"
    georoi.clip_file(scene, ROIS, folder, each=True)
    if spoil == "letter":
        (folder / "letter.txt").write_text("dear")
    elif spoil == "folder":
        (folder / "mine").mkdir()
    elif spoil == "index":
        (folder / "index.csv").write_text("who,what\nI,_SUCCESS\n")
    else:
        (folder / "index.csv").unlink()
    before = sorted(folder.iterdir())
    with pytest.raises(OutputExistsError) as caught:
        georoi.clip_file(scene, ROIS, folder, each=True, overwrite=True)
    assert caught.value.id == "E-OUT-01"
    assert sorted(folder.iterdir()) == before


def test_a_folder_of_stores_is_replaced(scene, tmp_path):
    for _ in range(2):
        georoi.clip_file(scene, ROIS, tmp_path / "stands", each=True, of="Zarr", overwrite=True)
    assert (tmp_path / "stands" / "_SUCCESS").is_file()


def test_a_failure_on_the_way_leaves_no_folder(scene, tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise RasterError("E-RAS-02", "broken")

    monkeypatch.setattr("georoi.clipping.tiles.read_window", fail)
    for options in ({"each": True}, {}):
        with pytest.raises(RasterError):
            georoi.clip_file(scene, ROIS, tmp_path / ("out" if options else "out.tif"), **options)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["scene.tif"]


@pytest.mark.parametrize(
    ("options", "dtype"), [({"boundary": "fraction"}, "float64"), ({"feather": 6}, "float64"), ({}, "uint8")]
)
def test_weights_are_written_beside_the_clip(scene, tmp_path, options, dtype):
    georoi.clip_file(scene, ROIS, tmp_path / "out.tif", weights_out=tmp_path / "w.tif", **options)
    clipped = georoi.clip(scene, ROIS, **options)
    expected = clipped.coverage.values if dtype == "float64" else clipped.values[0] != 0
    with rasterio.open(tmp_path / "w.tif") as dataset:
        assert dataset.dtypes == (dtype,)
        assert np.array_equal(dataset.read(1), expected)
        assert tuple(dataset.transform) == tuple(clipped.odc.geobox.affine)


@pytest.mark.parametrize(
    ("options", "told"), [({"boundary": "fraction"}, True), ({"feather": 6}, True), ({}, False)]
)
def test_a_picture_of_a_soft_clip_says_that_its_alpha_is_hard(scene, tmp_path, options, told):
    """Kept pixels are opaque whatever their weight; from a file and from an array a note says so."""
    array = georoi.open_raster(scene, bands=[1]).to_xarray()
    for source in (georoi.open_raster(scene, bands=[1]), array):
        written = georoi.clip_file(source, ROIS, tmp_path / "out.png", overwrite=True, **options)
        assert any("not their weights" in note for note in written.notes) is told
        alpha = imagecodecs.imread(str(written.path))[..., -1]
        assert set(np.unique(alpha)) <= {0, np.iinfo(alpha.dtype).max}
    assert not any(
        "weights" in note for note in georoi.clip_file(scene, ROIS, tmp_path / "o.tif", **options).notes
    )


def test_weights_that_cannot_be_written_are_refused_before_any_work(scene, tmp_path):
    out = tmp_path / "out.tif"
    (tmp_path / "there.tif").write_text("")
    for options, kind in (
        ({"weights_out": tmp_path / "there.tif"}, OutputExistsError),
        ({"weights_out": out}, UsageError),
        ({"weights_out": tmp_path / "w.tif", "apply_mask": False}, UsageError),
        ({"weights_out": tmp_path / "w.tif", "each": True}, UsageError),
    ):
        with pytest.raises(kind):
            georoi.clip_file(scene, ROIS, out, **options)
        assert not out.exists()


def test_an_output_is_replaced_only_when_told_to(scene, tmp_path):
    first = georoi.clip_file(scene, ROIS, tmp_path / "out.tif")
    with pytest.raises(OutputExistsError):
        georoi.clip_file(scene, ROIS, tmp_path / "out.tif")
    assert georoi.clip_file(scene, ROIS, tmp_path / "out.tif", overwrite=True).sha256 == first.sha256
    with pytest.raises(OutputError) as caught:
        georoi.clip_file(scene, ROIS, tmp_path / "none" / "out.tif")
    assert caught.value.id == "E-OUT-02"


@pytest.mark.parametrize("workers", [1, 3])
def test_the_file_is_the_same_whatever_the_workers(scene, tmp_path, workers):
    one = georoi.clip_file(scene, ROIS, tmp_path / "one.tif", workers=1)
    other = georoi.clip_file(scene, ROIS, tmp_path / "other.tif", workers=workers)
    assert one.sha256 == other.sha256


def test_progress_is_told_tile_by_tile(tmp_path):
    scene = write_raster(tmp_path / "large.tif", ramp(1, 1100, 1300), block=512, nodata=0)
    heard: list = []
    georoi.clip_file(
        scene,
        shapely_box(100, 100, 1200, 1000),
        tmp_path / "o.tif",
        progress=lambda *news: heard.append(news),
    )
    assert heard[0] == (0, 6, "clip")
    assert heard[-1] == (6, 6, "clip")


def shapely_box(col0: int, row0: int, col1: int, row1: int) -> georoi.ROISet:
    x, y = NORTH_UP.c, NORTH_UP.f
    return georoi.ROISet.from_boxes([(x + 10 * col0, y - 10 * row1, x + 10 * col1, y - 10 * row0)], crs=UTM)


@pytest.mark.parametrize("kind", ["path", "raster", "dask in small chunks", "numpy"])
def test_write_copies_a_raster_or_an_array(scene, tmp_path, kind):
    written = georoi.write(sources(scene)[kind], tmp_path / "copy.tif")
    with rasterio.open(scene) as a, rasterio.open(written.path) as b:
        assert np.array_equal(a.read(), b.read())
        assert (a.transform, a.crs, a.nodata, a.descriptions) == (
            b.transform,
            b.crs,
            b.nodata,
            b.descriptions,
        )


def test_write_takes_masks_labels_and_zarr(scene, tmp_path):
    labels = georoi.mask(scene, ROIS, labels=True)
    georoi.write(labels, tmp_path / "labels.tif")
    with rasterio.open(tmp_path / "labels.tif") as dataset:
        assert np.array_equal(dataset.read(1), labels.values)
        assert json.loads(dataset.tags()["GEOROI_LABELS"]) == {"1": "circle"}
    georoi.write(georoi.mask(scene, ROIS), tmp_path / "mask.tif")
    with rasterio.open(tmp_path / "mask.tif") as dataset:
        assert dataset.dtypes == ("uint8",)
        assert dataset.read(1).sum() == labels.values.sum()
    pytest.importorskip("zarr")
    clipped = georoi.clip(scene, ROIS)
    georoi.write(clipped, tmp_path / "clip.zarr")
    with xr.open_zarr(tmp_path / "clip.zarr", mask_and_scale=False) as store:
        assert np.array_equal(store["image"].values, clipped.values)


def test_write_refuses_what_is_no_image(scene, tmp_path):
    array = georoi.open_raster(scene).to_xarray().expand_dims(time=2)
    for source, id in ((array, "E-OUT-04"), (7, "E-RAS-10"), (tmp_path / "none.tif", "E-RAS-01")):
        with pytest.raises(georoi.GeoroiError) as caught:
            georoi.write(source, tmp_path / "o.tif")
        assert caught.value.id == id


def test_a_lazy_array_that_fails_leaves_no_file(scene, tmp_path):
    def fail(block: np.ndarray) -> np.ndarray:
        raise RasterError("E-RAS-02", "broken")

    array = georoi.open_raster(scene).to_xarray()
    with pytest.raises(RasterError):
        georoi.write(
            array.copy(data=array.data.map_blocks(fail, dtype="uint16", meta=np.empty((0, 0, 0)))),
            tmp_path / "o.tif",
        )
    assert not (tmp_path / "o.tif").exists()


def test_the_accessor_calls_the_verbs(scene):
    array = georoi.open_raster(scene).to_xarray()
    assert np.array_equal(array.roi.clip(ROIS, pad=1).values, georoi.clip(scene, ROIS, pad=1).values)
    assert np.array_equal(array.roi.mask(ROIS).values, georoi.mask(scene, ROIS).values)
    assert array.roi.clip_each(ROIS).ids == ("circle",)


def test_a_scheduler_by_address_is_checked(scene, tmp_path):
    with pytest.raises(UsageError):
        georoi.clip_file(scene, ROIS, tmp_path / "o.tif", scheduler="tcp://192.0.2.1:8786")


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_writes_the_same_file(scene, tmp_path):
    distributed = pytest.importorskip("distributed")
    alone = georoi.clip_file(scene, ROIS, tmp_path / "alone.tif")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None, protocol="tcp"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        together = georoi.clip_file(scene, ROIS, tmp_path / "together.tif", scheduler=client)
        lazy = georoi.clip(scene, ROIS, boundary="fraction").compute()
    assert together.sha256 == alone.sha256
    assert np.array_equal(lazy.values, georoi.clip(scene, ROIS, boundary="fraction").values)
