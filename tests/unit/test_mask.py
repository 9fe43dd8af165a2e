"""Masks, weights and labels of ROIs on a raster's grid."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import rasterio
import shapely
import xarray as xr

import georoi
from georoi.clipping import tiles
from georoi.engine.lazy import is_lazy
from georoi.errors import ROIError, UsageError
from tests.builders import NORTH_UP, UTM, ramp, write_raster


def polygon(*pixels: tuple[float, float]) -> shapely.Polygon:
    """A polygon given in (column, row) of the raster, in its CRS."""
    return shapely.Polygon([(NORTH_UP.c + 10 * col, NORTH_UP.f - 10 * row) for col, row in pixels])


def box(col0: float, row0: float, col1: float, row1: float) -> shapely.Polygon:
    """A box given in pixels."""
    return polygon((col0, row0), (col1, row0), (col1, row1), (col0, row1))


def rois(*polygons: shapely.Polygon, ids: list | None = None) -> georoi.ROISet:
    return georoi.ROISet.from_geometries(polygons, crs=UTM, ids=ids)


@pytest.fixture
def scene(tmp_path) -> str:
    """A raster of 40 rows and 60 columns."""
    return str(write_raster(tmp_path / "scene.tif", ramp(1)))


def test_a_mask_is_true_inside_lazy_and_reads_nothing(scene, monkeypatch):
    monkeypatch.delattr(tiles, "read_window")
    made = georoi.mask(scene, rois(box(3, 5, 7, 8)), crop=False)
    assert is_lazy(made.data)
    assert made.dims == ("y", "x")
    assert made.dtype == bool
    expected = np.zeros((40, 60), bool)
    expected[5:8, 3:7] = True
    assert np.array_equal(made.values, expected)
    assert made.attrs["window"] == (0, 40, 0, 60)
    assert made.attrs["boundary"] == "center"


def test_a_mask_is_cropped_to_the_rois_by_default_and_inverted_it_is_not(scene):
    one = rois(box(3, 5, 7, 8))
    assert georoi.mask(scene, one).shape == (3, 4)
    inverted = georoi.mask(scene, one, invert=True)
    assert inverted.shape == (40, 60)
    assert (inverted.values == ~georoi.mask(scene, one, crop=False).values).all()
    assert georoi.mask(scene, one, invert=True, crop=True, pad=1).values.sum() == 30 - 12


def test_the_mask_of_a_union_holds_every_roi(scene):
    made = georoi.mask(scene, rois(box(0, 0, 3, 3), box(2, 2, 5, 5), box(10, 10, 11, 11)))
    assert made.values.sum() == 9 + 9 - 1 + 1


def test_fractions_of_a_union_add_up_and_overlaps_count_once(scene):
    halves = rois(box(3, 5, 3.5, 6), box(3.5, 5, 4, 6))
    assert georoi.mask(scene, halves, boundary="fraction").values.tolist() == [[1.0]]
    doubled = rois(box(3, 5, 3.5, 6), box(3.25, 5, 3.75, 6))
    assert georoi.mask(scene, doubled, boundary="fraction").values.tolist() == [[0.75]]


def test_fractions_do_not_depend_on_the_order_of_the_rois(scene):
    rng = np.random.default_rng(3)
    cuts = np.sort(rng.uniform(0, 20, 60))
    strips = [box(a, 0, b, 7.3) for a, b in itertools.pairwise(cuts)]
    forth = georoi.mask(scene, rois(*strips), boundary="fraction", crop=False).values
    back = georoi.mask(scene, rois(*strips[::-1]), boundary="fraction", crop=False).values
    assert np.array_equal(forth, back)


def test_an_inverted_fraction_is_one_minus_it(scene):
    made = georoi.mask(scene, rois(box(3.25, 5, 4, 6)), boundary="fraction", invert=True)
    assert made.values[5, 3] == 0.25
    assert made.values[0, 0] == 1.0


def test_a_feathered_mask_falls_from_one_to_zero_across_the_outline(scene):
    made = georoi.mask(scene, rois(box(10, 10, 20, 20)), feather=4)
    distance = np.arange(8.5, 22) - 10
    distance = np.minimum(distance, 10 - distance)
    expected = np.clip((distance + 2) / 4, 0, 1)
    assert made.dtype == "float64"
    assert made.attrs["window"] == (8, 22, 8, 22)
    assert made.values[7] == pytest.approx(expected, abs=1e-12)


def test_a_feather_does_not_fall_at_the_edge_that_two_rois_share(scene):
    made = georoi.mask(scene, rois(box(10, 10, 15, 20), box(15, 10, 20, 20)), feather=4)
    one = georoi.mask(scene, rois(box(10, 10, 20, 20)), feather=4)
    assert made.values == pytest.approx(one.values, abs=1e-12)


@pytest.mark.parametrize(
    ("options", "dtype"),
    [
        ({}, "uint8"),
        ({}, "float32"),
        ({"boundary": "fraction"}, "float32"),
        ({"labels": True}, "int32"),
    ],
)
def test_the_dtype_is_the_one_asked_for(scene, options, dtype):
    made = georoi.mask(scene, rois(box(3, 5, 7, 8)), dtype=dtype, **options)
    assert made.dtype == dtype
    assert (made.values == 1).all()


def test_labels_are_numbers_in_the_order_of_the_set(scene):
    made = georoi.mask(scene, rois(box(4, 0, 6, 1), box(0, 0, 2, 1), ids=["oak", "elm"]), labels=True)
    assert made.values.tolist() == [[2, 2, 0, 0, 1, 1]]
    assert made.dtype == "uint8"
    assert json.loads(made.attrs["labels"]) == {"1": "oak", "2": "elm"}
    assert made.attrs["nodata"] == 0


def test_labels_can_be_stored_with_what_they_mean(scene, tmp_path):
    made = georoi.mask(scene, rois(box(4, 0, 6, 1), box(0, 0, 2, 1), ids=["alte Eiche", 7]), labels=True)
    made.to_netcdf(tmp_path / "l.nc", engine="scipy")
    with xr.open_dataarray(tmp_path / "l.nc", mask_and_scale=False, decode_coords="all") as stored:
        assert json.loads(stored.attrs["labels"]) == {"1": "alte Eiche", "2": 7}
        assert np.array_equal(stored, made)
    written = georoi.write(made, tmp_path / "l.tif")
    with rasterio.open(written.path) as dataset:
        assert json.loads(dataset.tags()["GEOROI_LABELS"]) == {"1": "alte Eiche", "2": 7}


@pytest.mark.parametrize(("overlap", "expected"), [("first", [1, 1, 1, 2]), ("last", [1, 2, 2, 2])])
def test_a_pixel_of_two_rois_goes_to_the_first_or_last(scene, overlap, expected):
    two = rois(box(0, 0, 3, 1), box(1, 0, 4, 1))
    assert georoi.mask(scene, two, labels=True, overlap=overlap).values.tolist() == [expected]


def test_a_pixel_that_two_rois_claim_is_an_error_that_names_them(scene):
    two = rois(box(0, 7, 3, 8), box(2, 7, 4, 8), ids=["oak", "elm"])
    with pytest.raises(ROIError) as caught:
        georoi.mask(scene, two, labels=True, compute=True)
    assert caught.value.id == "E-ROI-06"
    assert caught.value.found == {"rois": "oak and elm", "pixel": "row 7, column 2 of the raster"}


def test_rois_that_overlap_without_claiming_a_common_pixel_are_fine(scene):
    two = rois(box(0, 0, 2.3, 1), box(2.1, 0, 4, 1))
    assert georoi.mask(scene, two, labels=True).values.tolist() == [[1, 1, 2, 2]]


def test_more_rois_need_more_bits(scene):
    many = rois(*(box(col, row, col + 1, row + 1) for row in range(6) for col in range(50)))
    made = georoi.mask(scene, many, labels=True)
    assert made.dtype == "uint16"
    assert made.values.tolist() == (np.arange(300).reshape(6, 50) + 1).tolist()


@pytest.mark.parametrize(
    "options",
    [
        {"labels": True, "boundary": "fraction"},
        {"labels": True, "invert": True},
        {"labels": True, "feather": 2},
        {"labels": True, "overlap": "both"},
        {"feather": 2, "boundary": "fraction"},
        {"labels": True, "dtype": "float32"},
        {"boundary": "fraction", "dtype": "uint8"},
        {"dtype": "complex64"},
    ],
)
def test_options_that_make_no_sense_are_refused(scene, options):
    with pytest.raises(UsageError) as caught:
        georoi.mask(scene, rois(box(3, 5, 7, 8)), **options)
    assert caught.value.id == "E-USE-01"


@pytest.mark.parametrize(
    "options", [{}, {"boundary": "fraction"}, {"boundary": "all_touched"}, {"feather": 9}, {"labels": True}]
)
def test_chunks_change_nothing(tmp_path, options):
    scene = write_raster(tmp_path / "large.tif", ramp(1, 1100, 1300), block=512)
    star = [
        (650 + r * np.cos(a), 550 + r * np.sin(a))
        for a, r in zip(np.linspace(0, 6.2, 50), np.tile([520.3, 200.7], 25), strict=True)
    ]
    one = rois(polygon(*star))
    whole = georoi.mask(scene, one, crop=False, chunks=-1, **options)
    assert len(whole.chunks[0]) == 1
    parts = georoi.mask(scene, one, crop=False, chunks=512, **options)
    assert len(parts.chunks[0]) == 3
    assert np.array_equal(whole.values, parts.values)


def test_a_mask_of_an_array_lies_on_its_grid(scene):
    raster = georoi.open_raster(scene).to_xarray()
    for source in (raster, raster.isel(y=slice(4, 30), x=slice(2, 50))):
        made = georoi.mask(source, rois(box(3, 5, 7, 8)), crop=False)
        assert made.shape == source.shape[-2:]
        assert np.array_equal(made.x, source.x)
        assert made.sel(x=500_035, y=5_199_945)
        assert made.values.sum() == 12


@pytest.mark.parametrize("options", [{}, {"boundary": "fraction"}, {"labels": True}])
def test_a_mask_cropped_to_blocks_has_the_window_of_the_clip(scene, options):
    made = georoi.mask(scene, rois(box(20, 18, 23, 20)), crop="blocks", **options)
    clipped = georoi.clip(scene, rois(box(20, 18, 23, 20)), crop="blocks")
    assert made.attrs["window"] == clipped.attrs["window"] == (16, 32, 16, 32)
    assert made.values.sum() == 6


@pytest.mark.parametrize("options", [{"dtype": "foo"}, {"dtype": "foo", "labels": True}, {"pad": "2"}])
def test_options_of_masks_that_mean_nothing_are_refused(scene, options):
    with pytest.raises(UsageError) as caught:
        georoi.mask(scene, rois(box(3, 5, 7, 8)), **options)
    assert caught.value.id == "E-USE-01"
