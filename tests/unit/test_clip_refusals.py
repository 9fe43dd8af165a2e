"""What a clip refuses, and odd things that it takes."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import georoi
from georoi.errors import CRSError, RasterError, UsageError
from tests.builders import ramp, write_raster
from tests.clips import array, box

pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # rioxarray, odc


@pytest.fixture
def scene(tmp_path) -> str:
    """A raster of two bands, 40 rows, 60 columns, blocks of 16, nodata 0 (which no pixel has)."""
    return str(write_raster(tmp_path / "scene.tif", ramp(2), nodata=0))


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


def test_whole_numbers_of_other_types_are_pixels_too(scene):
    expected = georoi.clip(scene, box(3, 5, 7, 8), pad=2)
    for pad in (2.0, np.int64(2), np.float32(2)):
        assert georoi.clip(scene, box(3, 5, 7, 8), pad=pad).identical(expected)
