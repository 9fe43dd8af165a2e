"""Clips: what is kept, what stands outside, and that nothing is read that no ROI touches."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import rioxarray  # noqa: F401 (brings .rio)
import shapely
from affine import Affine

import georoi
from georoi.clipping import tiles
from georoi.engine.lazy import is_lazy
from georoi.errors import RasterError
from georoi.grid import make_grid
from georoi.values.raster import Raster
from tests.builders import NORTH_UP, UTM, ramp, write_raster
from tests.clips import box

pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # rioxarray, odc


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
