"""What cannot be planned: no overlap, and options that make no sense."""

from __future__ import annotations

import pytest
import shapely

from georoi.errors import CRSError, UsageError
from georoi.options import Boundary
from georoi.planning.plan import make_plan
from tests.headers import UTM, lay, make_header
from tests.plans import BOX, plan_of


def test_no_overlap_names_both_sides():
    """ROIs elsewhere are an error that gives both CRS, both extents and the distance."""
    header = make_header((1000, 1000), (512, 512), crs=UTM, name="scene.tif")
    rois = lay(header, shapely.box(16.0, 48.0, 16.1, 48.1), crs="EPSG:4326")

    with pytest.raises(CRSError) as caught:
        make_plan(header, rois, boundary=Boundary.CENTER)

    error = caught.value
    assert error.id == "E-CRS-02"
    assert "EPSG:4326" in error.found["rois"]
    assert "EPSG:32633" in error.found["rois"]
    assert "scene.tif, EPSG:32633, x 500,000 to 510,000, y 5,190,000 to 5,200,000" in error.found["raster"]
    assert "lon 15.0000" in error.found["raster"]
    assert " km away" in error.hint


@pytest.mark.parametrize("crs", ["EPSG:4326", UTM])
def test_swapped_axes_are_recognised(crs):
    """ROIs that would overlap with x and y exchanged say so, in degrees and in metres."""
    header = make_header((1000, 1000), (512, 512), crs=UTM)
    swapped = (
        shapely.box(46.90, 15.02, 46.92, 15.05)
        if crs == "EPSG:4326"
        else shapely.box(5_195_000, 501_000, 5_196_000, 502_000)
    )

    with pytest.raises(CRSError) as caught:
        make_plan(header, lay(header, swapped, crs=crs), boundary=Boundary.CENTER)

    assert caught.value.id == "E-CRS-02"
    assert "x and y exchanged" in caught.value.hint


def test_distance_in_pixel_space():
    """Without a CRS the distance is in pixels."""
    with pytest.raises(CRSError) as caught:
        plan_of(shapely.box(53, 44, 60, 60))

    assert caught.value.hint == "the nearest ROI is 5 pixels away"


def test_box_that_meets_the_raster_is_not_enough():
    """A ROI around a corner of the raster has a bounding box on it, but no area."""
    corner = shapely.Polygon([(-20, 30), (-10, 30), (-10, 50), (20, 50), (20, 60), (-20, 60)])

    with pytest.raises(CRSError, match="E-CRS-02"):
        plan_of(corner)


@pytest.mark.parametrize(
    "options",
    [
        {"pad": -1},
        {"pad": 1.5},
        {"feather": -1},
        {"feather": float("nan")},
        {"apply_mask": False, "invert": True},
        {"apply_mask": False, "feather": 2},
    ],
)
def test_wrong_options(options):
    """Negative or contradictory options are usage errors."""
    with pytest.raises(UsageError, match="E-USE-01"):
        plan_of(BOX, **options)
