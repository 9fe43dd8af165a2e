"""Clips: what is kept, what stands outside, and that nothing is read that no ROI touches."""

from __future__ import annotations

import pickle

import dask.array as da
import numpy as np
import pytest
import rasterio
import rioxarray  # noqa: F401 (brings .rio)
import shapely
import xarray as xr
from affine import Affine

import georoi
from georoi.clipping import tiles
from georoi.engine.lazy import is_lazy
from georoi.errors import CRSError, RasterError, UsageError
from georoi.grid import make_grid
from georoi.io.array.georeferencing import make_array
from georoi.values.raster import Header, Raster
from tests.builders import NORTH_UP, UTM, ramp, write_raster

pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # rioxarray, odc


def box(col0: float, row0: float, col1: float, row1: float) -> georoi.ROISet:
    """A box given in pixels of the raster, as a ROI in its CRS."""
    x, y = NORTH_UP.c, NORTH_UP.f
    return georoi.ROISet.from_boxes([(x + 10 * col0, y - 10 * row1, x + 10 * col1, y - 10 * row0)], crs=UTM)


@pytest.fixture
def scene(tmp_path) -> str:
    """A raster of two bands, 40 rows, 60 columns, blocks of 16, nodata 0 (which no pixel has)."""
    return str(write_raster(tmp_path / "scene.tif", ramp(2), nodata=0))


@pytest.fixture
def reads(monkeypatch) -> list:
    """The windows that are read from files from now on."""
    seen: list = []
    read = tiles.read_window

    def remember(raster: Raster, window: tuple):
        seen.append(window)
        return read(raster, window)

    monkeypatch.setattr(tiles, "read_window", remember)
    return seen


def array(values: np.ndarray, nodata: float | None = 0, **more: object) -> xr.DataArray:
    """A DataArray on the scene's grid."""
    names = tuple(str(number) for number in range(1, values.shape[0] + 1))
    header = Header(
        grid=make_grid(values.shape[-2:], NORTH_UP, UTM), band_names=names, dtype=str(values.dtype),
        nodata=(nodata,) * len(names), block_shape=(16, 16),
    )  # fmt: skip
    rows, cols = values.shape[-2:]
    labels = {"band": range(1, len(names) + 1)}
    return make_array(values, header, (0, rows, 0, cols), leading=labels, nodata=nodata, **more)


def test_a_box_is_cut_out_with_its_values_and_its_place(scene):
    clipped = georoi.clip(scene, box(3, 5, 7, 8))
    assert clipped.dims == ("band", "y", "x")
    assert np.array_equal(clipped.values, ramp(2)[:, 5:8, 3:7])
    assert clipped.attrs["window"] == (5, 8, 3, 7)
    assert clipped.attrs["boundary"] == "center"
    assert not clipped.attrs["scaled"]
    assert clipped.rio.crs.to_epsg() == 32633
    assert tuple(clipped.odc.geobox.affine)[:6] == (10, 0, 500_030, 0, -10, 5_199_950)
    assert clipped.dtype == "uint16"
    assert clipped.rio.nodata == clipped.odc.nodata == clipped.attrs["nodata"] == 0


def test_what_lies_outside_is_nodata(scene):
    triangle = shapely.Polygon([(500_000, 5_200_000), (500_040, 5_200_000), (500_000, 5_199_960)])
    clipped = georoi.clip(scene, georoi.ROISet.from_geometries([triangle], crs=UTM)).values[0]
    expected = np.where(np.add.outer(np.arange(4), np.arange(4)) < 3, ramp()[0, :4, :4], 0)
    assert np.array_equal(clipped[~np.eye(4, dtype=bool)[::-1]], expected[~np.eye(4, dtype=bool)[::-1]])
    assert (clipped[3, 1:] == 0).all()


def test_building_a_clip_reads_no_pixel_and_computing_it_reads_each_touched_block_once(scene, reads):
    clipped = georoi.clip(scene, box(10, 10, 20, 20))
    assert is_lazy(clipped.data)
    assert reads == []
    clipped.compute()
    assert sorted(reads) == [(10, 20, 10, 20)]


def test_blocks_that_no_roi_touches_are_not_read(scene, reads):
    two = georoi.ROISet.from_boxes(
        [(500_000, 5_199_990, 500_010, 5_200_000), (500_590, 5_199_600, 500_600, 5_199_610)], crs=UTM
    )
    georoi.clip(scene, two).compute()
    assert sorted(reads) == [(0, 16, 0, 16), (32, 40, 48, 60)]


@pytest.mark.parametrize("chunks", [None, 16, 32, (16, 60), -1])
def test_chunks_change_nothing(tmp_path, chunks):
    scene = write_raster(tmp_path / "large.tif", ramp(1, 1100, 1300, "uint32"), block=512, nodata=0)
    circle = shapely.Point(506_000, 5_195_000).buffer(4_500)
    rois = georoi.ROISet.from_geometries([circle], crs=UTM)
    lazy = georoi.clip(scene, rois, chunks=chunks)
    assert np.array_equal(lazy.values, georoi.clip(scene, rois, compute=True).values)


def test_each_block_is_read_by_one_chunk(tmp_path, reads):
    scene = write_raster(tmp_path / "large.tif", ramp(1, 1100, 1300), block=256, nodata=0)
    clipped = georoi.clip(scene, box(100, 100, 1200, 1000), chunks=512)
    assert clipped.chunks[1:] == ((412, 488), (412, 512, 176))
    clipped.compute()
    pixels = np.zeros((1100, 1300), int)
    for row0, row1, col0, col1 in reads:
        pixels[row0:row1, col0:col1] += 1
    assert pixels.max() == 1
    assert pixels[100:1000, 100:1200].all()


def test_the_same_clip_has_the_same_names_and_another_one_others(scene):
    first, again, other = (georoi.clip(scene, box(3, 5, side, 8)) for side in (7, 7, 9))
    assert first.data.name == again.data.name != other.data.name


def test_a_lazy_clip_can_be_sent_elsewhere(scene):
    clipped = georoi.clip(scene, box(3, 5, 7, 8), boundary="fraction")
    sent = pickle.loads(pickle.dumps(clipped))
    assert np.array_equal(sent.values, clipped.values)


def test_fraction_keeps_every_touched_pixel_and_gives_its_share(scene):
    clipped = georoi.clip(scene, box(3.5, 5, 5, 6.25), boundary="fraction")
    assert is_lazy(clipped.coverage.data)
    assert clipped.coverage.dims == ("y", "x")
    assert clipped.coverage.values.tolist() == [[0.5, 1.0], [0.125, 0.25]]
    assert np.array_equal(clipped.values, ramp(2)[:, 5:7, 3:5])


def test_all_touched_keeps_every_touched_pixel(scene):
    for options in ({"boundary": "all-touched"}, {"all_touched": True}):
        clipped = georoi.clip(scene, box(3.9, 5, 5, 6.1), **options)
        assert (clipped.values == ramp(2)[:, 5:7, 3:5]).all()
        assert "coverage" not in clipped.coords


def test_a_feathered_clip_keeps_pixels_of_weight_above_zero_with_their_weights(scene):
    clipped = georoi.clip(scene, box(10, 10, 20, 20), feather=4)
    assert clipped.attrs["window"] == (8, 22, 8, 22)
    row = clipped.coverage.values[7]
    assert row[:5] == pytest.approx([0.125, 0.375, 0.625, 0.875, 1.0])
    assert np.array_equal(clipped.values != 0, np.broadcast_to(clipped.coverage.values > 0, (2, 14, 14)))


def test_inverted_the_rois_are_nodata_and_the_rest_is_kept(scene):
    clipped = georoi.clip(scene, box(3, 5, 7, 8), invert=True)
    expected = ramp(2)
    expected[:, 5:8, 3:7] = 0
    assert np.array_equal(clipped.values, expected)
    assert clipped.attrs["inverted"]
    within = georoi.clip(scene, box(3, 5, 7, 8), invert=True, crop=True, pad=1)
    assert np.array_equal(within.values, expected[:, 4:9, 2:8])


def test_an_inverted_fraction_is_one_minus_it(scene):
    clipped = georoi.clip(scene, box(3.25, 5, 5, 6), boundary="fraction", invert=True, crop=True)
    assert clipped.coverage.values.tolist() == [[0.25, 0.0]]
    assert clipped.values[0].tolist() == [[int(ramp()[0, 5, 3]), 0]]


def test_a_crop_without_mask_keeps_all_pixels_of_the_window(scene):
    circle = shapely.Point(500_200, 5_199_800).buffer(80)
    clipped = georoi.clip(scene, georoi.ROISet.from_geometries([circle], crs=UTM), apply_mask=False)
    assert np.array_equal(clipped.values, ramp(2)[:, 12:28, 12:28])
    assert "boundary" not in clipped.attrs


@pytest.mark.parametrize(
    ("options", "window"),
    [
        ({"pad": 2}, (3, 10, 1, 9)),
        ({"pad": 100}, (0, 40, 0, 60)),
        ({"crop": "blocks"}, (0, 16, 0, 16)),
        ({"crop": False}, (0, 40, 0, 60)),
        ({"crop": "none"}, (0, 40, 0, 60)),
    ],
)
def test_the_window_is_padded_widened_or_whole(scene, options, window):
    clipped = georoi.clip(scene, box(3, 5, 7, 8), **options)
    row0, row1, col0, col1 = window
    expected = np.zeros((2, 40, 60), "uint16")
    expected[:, 5:8, 3:7] = ramp(2)[:, 5:8, 3:7]
    assert clipped.attrs["window"] == window
    assert np.array_equal(clipped.values, expected[:, row0:row1, col0:col1])


def test_bands_by_number_and_by_name(tmp_path):
    scene = write_raster(tmp_path / "named.tif", ramp(3), names=["red", "nir", "swir"], nodata=0)
    clipped = georoi.clip(scene, box(3, 5, 7, 8), bands=["swir", 1])
    assert clipped.band.values.tolist() == [3, 1]
    assert clipped.attrs["long_name"] == ("swir", "red")
    assert np.array_equal(clipped.values, ramp(3)[[2, 0], 5:8, 3:7])
    with pytest.raises(RasterError) as caught:
        georoi.clip(scene, box(3, 5, 7, 8), bands=4)
    assert caught.value.id == "E-RAS-04"


def test_integers_without_nodata_become_floats_with_nan(tmp_path):
    scene = write_raster(tmp_path / "plain.tif", ramp(1))
    clipped = georoi.clip(scene, box(3, 5, 7, 8), pad=1)
    assert clipped.dtype == "float32"
    assert np.isnan(clipped.rio.nodata)
    assert np.isnan(clipped.values[0, 0]).all()
    assert np.array_equal(clipped.values[:, 1:-1, 1:-1], ramp()[:, 5:8, 3:7])


def test_64_bit_integers_need_a_nodata_value(tmp_path):
    scene = write_raster(tmp_path / "plain.tif", ramp(1, dtype="int64"))
    with pytest.raises(RasterError) as caught:
        georoi.clip(scene, box(3, 5, 7, 8))
    assert caught.value.id == "E-RAS-06"
    assert georoi.clip(scene, box(3, 5, 7, 8), nodata=-1).dtype == "int64"


def test_a_given_nodata_value_is_exact_also_in_64_bits(tmp_path):
    scene = write_raster(tmp_path / "plain.tif", ramp(1, dtype="int64"))
    clipped = georoi.clip(scene, box(3, 5, 7, 8), pad=1, nodata=2**60 + 1)
    assert clipped.values[0, 0, 0] == clipped.attrs["nodata"] == 2**60 + 1


@pytest.mark.parametrize("kind", ["mask", "alpha"])
def test_pixels_that_the_file_masks_become_nodata(tmp_path, kind):
    valid = np.ones((40, 60), bool)
    valid[6, 4] = False
    if kind == "mask":
        scene = write_raster(tmp_path / "m.tif", ramp(1), mask=valid)
    else:
        values = np.concatenate([ramp(1), np.where(valid, 65535, 0).astype("uint16")[None]])
        scene = write_raster(tmp_path / "a.tif", values, alpha=True)
    clipped = georoi.clip(scene, box(3, 5, 7, 8))
    assert np.argwhere(np.isnan(clipped.values[0])).tolist() == [[1, 1]]


def test_a_masked_and_scaled_raster_is_clipped_as_it_says(tmp_path):
    values = ramp(1)
    values[0, 6, 4] = 9
    scene = write_raster(tmp_path / "s.tif", values, nodata=9, scales=[0.5], offsets=[100.0])
    raw = georoi.clip(scene, box(3, 5, 7, 8))
    scaled = georoi.clip(georoi.open_raster(scene, scaled=True), box(3, 5, 7, 8))
    assert (raw.attrs["scale_factor"], raw.attrs["add_offset"], raw.dtype) == (0.5, 100.0, "uint16")
    assert scaled.dtype == "float64"
    assert scaled.attrs["scaled"]
    assert scaled.values[0, 0, 0] == values[0, 5, 3] * 0.5 + 100
    assert np.isnan(scaled.values[0, 1, 1])


@pytest.mark.parametrize(
    "affine", [Affine(10, 0, 500_000, 0, 10, 5_200_000), Affine(8, 6, 500_000, 6, -8, 5_200_000)]
)
def test_south_up_and_rotated_rasters_are_clipped_where_the_roi_lies(tmp_path, affine):
    scene = write_raster(tmp_path / "turned.tif", ramp(1), transform=affine, nodata=0)
    corners = [(10, 5), (20, 5), (20, 12), (10, 12)]
    a, b, c, d, e, f = affine[:6]
    ring = [(c + col * a + row * b, f + col * d + row * e) for col, row in corners]
    clipped = georoi.clip(scene, georoi.ROISet.from_geometries([shapely.Polygon(ring)], crs=UTM))
    row0, row1, col0, col1 = clipped.attrs["window"]
    kept = np.zeros((40, 60), bool)
    kept[row0:row1, col0:col1] = clipped.values[0] != 0
    assert kept[5:12, 10:20].all()
    assert kept.sum() == 70
    moved = (c + col0 * a + row0 * b, f + col0 * d + row0 * e)
    assert (clipped.odc.geobox.affine.c, clipped.odc.geobox.affine.f) == pytest.approx(moved)


@pytest.mark.parametrize("lazy", [False, True])
def test_dask_in_gives_dask_and_numpy_gives_numpy(lazy):
    source = array(ramp(2))
    source = source.chunk(y=7, x=13) if lazy else source
    clipped = georoi.clip(source, box(3, 5, 27, 18))
    assert is_lazy(clipped.data) is lazy
    assert np.array_equal(clipped.values, ramp(2)[:, 5:18, 3:27])
    assert clipped.rio.nodata == 0


@pytest.mark.parametrize("lazy", [False, True])
def test_a_given_nodata_value_takes_the_place_of_the_declared_one_without_a_mask_too(lazy):
    source = array(np.array([[[0, 7], [8, 0]]], "uint8"))
    source = source.chunk(y=1) if lazy else source
    whole = box(0, 0, 2, 2)
    clipped = georoi.clip(source, whole, apply_mask=False, nodata=255)
    assert clipped.values.tolist() == [[[255, 7], [8, 255]]]
    assert clipped.attrs["nodata"] == 255
    if lazy:
        other = georoi.clip(source, whole, apply_mask=False, nodata=254)
        assert len({clipped.data.name, other.data.name, source.data.name}) == 3


def test_without_a_mask_the_pixels_of_the_source_are_not_shared():
    source = array(ramp(1))
    georoi.clip(source, box(0, 0, 60, 40), apply_mask=False).values[:] = 0
    assert source.values.all()


def test_a_bool_array_with_a_nodata_value_becomes_small_integers():
    clipped = georoi.clip(array(np.ones((1, 4, 4), bool), nodata=None), box(0, 0, 2, 2), pad=1, nodata=255)
    assert clipped.dtype == "uint8"
    assert clipped.values[0].tolist() == [[1, 1, 255], [1, 1, 255], [255, 255, 255]]


def test_compute_and_chunks_decide_for_arrays():
    source = array(ramp(2))
    assert is_lazy(georoi.clip(source, box(3, 5, 27, 18), compute=False).data)
    assert is_lazy(georoi.clip(source, box(3, 5, 27, 18), chunks=16).data)
    assert not is_lazy(georoi.clip(source.chunk(x=10), box(3, 5, 27, 18), compute=True).data)


def test_chunks_of_an_array_that_no_roi_touches_are_never_computed():
    asked = []

    def remember(block: np.ndarray, block_info: dict | None = None) -> np.ndarray:
        asked.append(block_info[0]["chunk-location"][1:])
        return block

    source = array(ramp(1))
    data = da.from_array(ramp(1), chunks=(1, 10, 10)).map_blocks(
        remember, dtype="uint16", meta=np.empty((0,) * 3)
    )
    clipped = georoi.clip(source.copy(data=data), box(3, 5, 8, 12), crop=False)
    clipped.data.compute(scheduler="sync")
    assert sorted(asked) == [(0, 0), (1, 0)]


def test_further_dimensions_are_kept_whatever_their_order():
    source = array(ramp(2)).expand_dims(time=[10, 20, 30]).transpose("x", "time", "y", "band")
    source = source.assign_coords(cloud=("time", [1, 2, 3]))
    clipped = georoi.clip(source, box(3, 5, 7, 8))
    assert clipped.dims == ("time", "band", "y", "x")
    assert clipped.cloud.values.tolist() == [1, 2, 3]
    assert np.array_equal(clipped.values[1], ramp(2)[:, 5:8, 3:7])


def test_an_array_of_two_dimensions_stays_one():
    clipped = georoi.clip(array(ramp(1)).isel(band=0), box(3, 5, 7, 8))
    assert clipped.dims == ("y", "x")


def test_a_masked_array_of_floats_keeps_nan_outside_and_its_value_for_writing():
    source = array(ramp(1).astype("float32"), nodata=None)
    source.encoding["_FillValue"] = 0
    clipped = georoi.clip(source, box(3, 5, 7, 8), pad=1)
    assert np.isnan(clipped.values[0, 0]).all()
    assert np.isnan(clipped.rio.nodata)
    assert clipped.rio.encoded_nodata == 0


def test_the_source_array_is_not_changed():
    values = ramp(1)
    source = array(values)
    before = source.copy(deep=True)
    clipped = georoi.clip(source, box(3, 5, 7, 8), apply_mask=False)
    clipped.values[:] = 0
    xr.testing.assert_identical(source, before)


def test_a_lazy_clip_of_a_raster_of_a_trillion_pixels_can_be_built(tmp_path):
    scene = write_raster(tmp_path / "small.tif", ramp(1, 16, 16), nodata=0)
    raster = georoi.open_raster(scene)
    raster = Raster(
        **{**raster.__dict__, "grid": make_grid((10**6, 10**6), NORTH_UP, UTM), "block_shape": (512, 512)}
    )
    clipped = georoi.clip(raster, box(3, 5, 5_000, 5_000), crop=False)
    assert clipped.shape == (1, 10**6, 10**6)
    assert len(clipped.__dask_graph__()) < 10_000
    assert clipped.data[0, -1, -1].compute() == 0


def test_a_raster_in_pixel_space_is_clipped_by_pixel_boxes(tmp_path):
    picture = write_raster(tmp_path / "p.png", ramp(1, dtype="uint8"), crs=None, transform=None, driver="PNG")
    boxes = georoi.ROISet.from_pixel_boxes([(3, 5, 4, 3)])
    for source in (picture, georoi.open_raster(picture, raster_crs="pixel")):
        clipped = georoi.clip(source, boxes, nodata=0)
        assert np.array_equal(clipped.values, ramp(1, dtype="uint8")[:, 5:8, 3:7])
        assert clipped.x.values[0] == 3.5
        again = georoi.clip(clipped, georoi.ROISet.from_pixel_boxes([(4, 6, 1, 1)]))
        assert again.values.tolist() == clipped.values[:, 1:2, 1:2].tolist()


def test_sides_of_unknown_place_are_refused(tmp_path, scene):
    picture = write_raster(tmp_path / "p.tif", ramp(1), crs=None, transform=None)
    boxes = georoi.ROISet.from_pixel_boxes([(3, 5, 4, 3)])
    for source, rois, id in (
        (picture, box(3, 5, 7, 8), "E-CRS-01"),
        (xr.DataArray(ramp(1), dims=("band", "y", "x")), box(3, 5, 7, 8), "E-CRS-01"),
        (georoi.open_raster(picture, raster_crs="pixel"), box(3, 5, 7, 8), "E-CRS-05"),
        (scene, boxes, "E-CRS-05"),
        (scene, box(100, 100, 110, 110), "E-CRS-02"),
    ):
        with pytest.raises(CRSError) as caught:
            georoi.clip(source, rois)
        assert caught.value.id == id


@pytest.mark.parametrize(
    "options",
    [
        {"boundary": "half"},
        {"boundary": "center", "all_touched": True},
        {"crop": "tight"},
        {"pad": -1},
        {"pad": 0.5},
        {"pad": "2"},
        {"pad": float("nan")},
        {"feather": -2},
        {"feather": "a"},
        {"feather": None},
        {"feather": float("nan")},
        {"feather": 2, "apply_mask": False},
        {"feather": 2, "boundary": "fraction"},
        {"feather": 2, "boundary": "all-touched"},
        {"feather": 2, "all_touched": True},
        {"chunks": 0},
        {"chunks": {"lat": 10, "z": 2}},
    ],
)
def test_options_that_make_no_sense_are_refused(scene, options):
    with pytest.raises(UsageError) as caught:
        georoi.clip(scene, box(3, 5, 7, 8), **options)
    assert caught.value.id == "E-USE-01"


def test_a_dataset_is_refused_with_its_variables():
    with pytest.raises(RasterError, match="several arrays") as caught:
        georoi.clip(array(ramp(1)).to_dataset(name="red"), box(3, 5, 7, 8))
    assert caught.value.found["variables"] == "red"


def test_inverted_weights_are_zero_also_in_chunks_that_lie_wholly_inside():
    source = array(ramp(1)).chunk(y=4, x=4)
    for options in ({"boundary": "fraction"}, {"feather": 2}):
        clipped = georoi.clip(source, box(4.5, 4.5, 30, 30), invert=True, **options)
        assert (clipped.coverage.values[10:20, 10:20] == 0).all()
        assert (clipped.coverage.values[:3] == 1).all()


def test_whole_numbers_of_other_types_are_pixels_too(scene):
    expected = georoi.clip(scene, box(3, 5, 7, 8), pad=2)
    for pad in (2.0, np.int64(2), np.float32(2)):
        assert georoi.clip(scene, box(3, 5, 7, 8), pad=pad).identical(expected)


@pytest.mark.parametrize("side", ["x", "y", "band"])
def test_an_array_without_pixels_is_refused(side):
    with pytest.raises(RasterError) as caught:
        georoi.clip(array(ramp(2)).isel({side: slice(0, 0)}), box(3, 5, 7, 8))
    assert caught.value.id == "E-RAS-10"
    assert f"0 along {side}" in str(caught.value)


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("dims", [("band", "time", "y", "x"), ("time", "band", "y", "x")])
@pytest.mark.parametrize("apply_mask", [False, True])
def test_each_band_of_an_array_has_its_own_nodata_value(lazy, dims, apply_mask):
    values = np.array([[[0, 255, 7]], [[0, 255, 7]]], "uint8")
    source = array(values, nodata=None).assign_attrs(nodatavals=(0, 255))
    source = source.expand_dims(time=[3, 4]).transpose(*dims)
    source = source.chunk(band=1, time=1, x=2) if lazy else source
    clipped = georoi.clip(source, box(0, 0, 3, 1), apply_mask=apply_mask)
    assert is_lazy(clipped.data) is lazy
    for time in (0, 1):
        assert np.isnan(clipped.isel(time=time).transpose("band", "y", "x").values[:, 0]).tolist() == [
            [True, False, False],
            [False, True, False],
        ]
    assert np.isnan(clipped.attrs["nodata"])
    assert "nodatavals" not in clipped.attrs
    marked = georoi.clip(source, box(0, 0, 3, 1), apply_mask=apply_mask, nodata=9).transpose(
        "time", "band", ...
    )
    assert marked.values[1, :, 0].tolist() == [[9, 255, 7], [0, 9, 7]]


def test_a_clip_of_physical_values_says_that_scale_and_offset_are_applied(tmp_path):
    scene = write_raster(tmp_path / "s.tif", ramp(2), nodata=0, scales=[0.5, 2], offsets=[1, 0])
    whole = box(0, 0, 60, 40)
    for flag in (False, True):
        image = georoi.clip(georoi.open_raster(scene, scaled=flag).to_xarray(), whole)
        assert image.attrs["scaled"] == flag
        mosaic = georoi.paste([image, image.isel(y=slice(9))], scene)
        assert mosaic.attrs["scaled"] == flag
        assert ("band_scale" in mosaic.coords) is not flag
    decoded = array(ramp(1, dtype="float32"))
    decoded.encoding["scale_factor"] = 0.5
    assert georoi.clip(decoded, whole).attrs["scaled"] == 1


def test_images_whose_scales_differ_are_not_pasted_together(tmp_path):
    scenes = [
        write_raster(tmp_path / f"{scale}.tif", ramp(1), nodata=0, scales=[scale], offsets=[1])
        for scale in (0.5, 0.25)
    ]
    images = [georoi.clip(scene, box(0, 0, 9, 9)) for scene in scenes]
    mosaic = georoi.paste(images[:1], scenes[0])
    assert (mosaic.attrs["scale_factor"], mosaic.attrs["add_offset"]) == (0.5, 1.0)
    with pytest.raises(UsageError, match="same scale and offset"):
        georoi.paste(images, scenes[0])
    physical = georoi.clip(georoi.open_raster(scenes[0], scaled=True), box(0, 0, 9, 9))
    with pytest.raises(UsageError, match="same scale and offset"):
        georoi.paste([images[0], physical], scenes[0])


def test_chosen_bands_are_written_with_their_own_names_and_scales(tmp_path):
    scene = write_raster(
        tmp_path / "s.tif", ramp(3), nodata=0, names=["a", "b", "c"], scales=[1, 2, 3], offsets=[0, 5, 6]
    )
    for source in (
        georoi.open_raster(scene).to_xarray(),
        georoi.clip(scene, box(0, 0, 9, 9), bands=[3, 2, 1]),
    ):
        for chosen in (source.sel(band=[3, 1]), georoi.clip(source.sel(band=[3, 1]), box(0, 0, 5, 5))):
            written = georoi.write(chosen, tmp_path / "o.tif", overwrite=True)
            with rasterio.open(written.path) as dataset:
                assert dataset.descriptions == ("c", "a")
                assert (dataset.scales, dataset.offsets) == ((3.0, 1.0), (6.0, 0.0))
