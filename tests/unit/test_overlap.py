"""Overlaps between ROIs on a grid: finding, dissolving, growing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from affine import Affine
from numpy.testing import assert_array_equal
from shapely.geometry import Point, box

from georoi.grid import make_grid
from georoi.planning.alignment import align
from georoi.planning.overlap import dissolve, grow, overlaps
from georoi.planning.shapes import to_polygons, with_polygons
from georoi.values.gridrois import GridROIs
from georoi.values.rois import ROISet

GRID = make_grid((100, 100), Affine(10.0, 0.0, 500000.0, 0.0, -10.0, 5000000.0), 32633)


def on_grid(*geometry: shapely.Geometry, ids: list[object] | None = None) -> GridROIs:
    """ROIs given in pixel coordinates."""
    pixel = ROISet.from_geometries(list(geometry), pixel=True, ids=ids)
    return align(pixel, make_grid((100, 100), Affine.identity()), pixel_grid=True)


def test_overlaps_are_pairs_with_their_area():
    """Each pair that shares an area is there once, with the area in pixels."""
    found = overlaps(on_grid(box(0, 0, 4, 4), box(50, 50, 60, 60), box(3, 2, 8, 8), box(1, 1, 2, 2)))
    assert_array_equal(found.i, [0, 0])
    assert_array_equal(found.j, [2, 3])
    assert found.area == pytest.approx([2.0, 1.0])


def test_touching_is_no_overlap():
    """Shared edges and shared corners are no overlap."""
    found = overlaps(on_grid(box(0, 0, 4, 4), box(4, 0, 8, 4), box(4, 4, 8, 8)))
    assert len(found.i) == 0


def test_rounding_along_a_shared_edge_is_no_overlap():
    """A vertex on a neighbour's edge makes a sliver by rounding alone: it is not counted."""
    a, b = np.array([500082.2460757563, 4999865.481155666]), np.array([500479.3357271732, 4999493.764659433])
    middle = a + (b - a) * 0.28984114981603737
    left, right = (
        shapely.Polygon([a, b, (500000, 4999000)]),
        shapely.Polygon([a, middle, b, (501000, 5000000)]),
    )
    aligned = align(ROISet.from_geometries([left, right], crs=32633), GRID, pixel_grid=False)
    assert 1e-9 < shapely.intersection(*to_polygons(aligned)).area < 1e-8
    assert len(overlaps(aligned).i) == 0


def test_no_rois_overlap_nothing():
    """One ROI and empty ROIs are no pairs."""
    one = on_grid(box(0, 0, 4, 4))
    assert len(overlaps(one).i) == 0
    assert len(overlaps(grow(on_grid(box(0, 0, 4, 4), box(1, 1, 2, 2)), -10)).i) == 0


def test_dissolve_joins_chains_and_leaves_the_others():
    """ROIs that overlap through others become one, where the first stood; others keep their bits."""
    rois = on_grid(
        box(50, 50, 60, 60),
        box(0, 0, 4, 4),
        box(20, 20, 30, 30),
        box(3, 0, 8, 4),
        box(7, 0, 9, 4),
        ids=[*"abcde"],
    )
    joined = dissolve(rois)
    assert list(joined.ids) == ["a", "b+d+e", "c"]
    polygons = to_polygons(joined)
    assert shapely.equals_identical(polygons[0], to_polygons(rois)[0])
    assert shapely.equals_identical(polygons[2], to_polygons(rois)[2])
    assert polygons[1].equals(box(0, 0, 9, 4))
    assert len(overlaps(joined).i) == 0
    assert joined.fingerprint == rois.fingerprint


def test_dissolve_without_overlap_returns_its_input():
    """Disjoint and touching ROIs are the very same object."""
    rois = on_grid(box(0, 0, 4, 4), box(4, 0, 8, 4))
    assert dissolve(rois) is rois


def test_dissolve_does_not_depend_on_order():
    """The union has the same vertices, to the bit, whatever the order of the ROIs."""
    shapes = [Point(10.3, 10.1).buffer(5.7), Point(14.2, 11.9).buffer(6.1), Point(12.5, 17.3).buffer(4.9)]
    first = to_polygons(dissolve(on_grid(*shapes)))
    second = to_polygons(dissolve(on_grid(*shapes[::-1])))
    assert len(first) == 1
    assert shapely.equals_identical(first[0], second[0])


def test_long_chains_have_short_ids():
    """An id names eight ROIs and counts the rest."""
    joined = dissolve(on_grid(*(box(k, 0, k + 2, 1) for k in range(10))))
    assert list(joined.ids) == ["0+1+2+3+4+5+6+7+2 more"]


def test_growing_holds_every_point_within_the_distance():
    """A grown ROI holds all points within the distance and exceeds it by half a percent at most."""
    grown = to_polygons(grow(on_grid(box(10, 10, 20, 20)), 3.0))[0]
    around = [Point(20 + 3 * math.cos(a), 20 + 3 * math.sin(a)) for a in np.linspace(0, math.pi / 2, 91)]
    assert shapely.covers(grown, around).all()
    assert grown.bounds == pytest.approx((7, 7, 23, 23), abs=0.02)
    assert shapely.covers(box(10, 10, 20, 20).buffer(3.016, quad_segs=64), grown)


def test_narrowing_holds_no_point_within_the_distance():
    """A narrowed ROI keeps off the outline by the distance; a small one becomes empty, and stays."""
    narrowed = grow(on_grid(box(10, 10, 20, 20), box(0, 0, 2, 2)), -3.0)
    inside = to_polygons(narrowed)
    assert shapely.distance(inside[0], box(10, 10, 20, 20).exterior) >= 3.0
    assert inside[0].area == pytest.approx(16, rel=0.02)
    assert inside[1].is_empty
    assert len(narrowed) == 2
    assert np.isnan(narrowed.bounds[1]).all()


def test_growing_by_nothing_returns_its_input():
    """Zero pixels change nothing."""
    rois = on_grid(box(0, 0, 4, 4))
    assert grow(rois, 0) is rois


def test_shapes_and_arrays_are_two_forms_of_one_thing():
    """Polygons with holes, parts and nothing at all go to arrays and back unchanged."""
    holed = box(0, 0, 9, 9).difference(box(2, 2, 3, 3))
    shapes = np.array(
        [holed, shapely.MultiPolygon([holed, box(20, 20, 21, 21)]), shapely.Polygon()], dtype=object
    )
    base = on_grid(box(0, 0, 1, 1))
    made = with_polygons(base, shapes, np.array(["a", "b", "c"], dtype=object))
    assert shapely.equals_identical(to_polygons(made), shapes).all()
    assert_array_equal(made.bounds, shapely.bounds(shapes))
    assert made.grid is base.grid
