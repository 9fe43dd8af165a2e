"""Laws of grids and alignment: there and back, edges in their place, nothing depends on order."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from georoi import grid as grids
from georoi.crs import find_operation, parse_crs, transform_geometries, transform_points
from georoi.grid import make_grid
from georoi.planning.alignment import TOLERANCE, align, dissolve, overlaps
from georoi.planning.shapes import to_polygons
from georoi.values.rois import ROISet

TARGETS = {
    # code: degrees within which ROIs are drawn (west, south, east, north)
    3035: (-10.0, 35.0, 30.0, 70.0),
    32633: (9.0, 0.0, 21.0, 80.0),
    3857: (-170.0, -80.0, 170.0, 80.0),
    3413: (-170.0, 60.0, 170.0, 85.0),
    "ESRI:54009": (-160.0, -80.0, 160.0, 80.0),
    2193: (167.0, -47.0, 179.0, -34.0),
}

sizes = st.sampled_from([1e-4, 1 / 3600, 0.5, 9.9948, 10.0, 30.0, 1000.0])
angles = st.sampled_from([0.0, 0.0, 0.3, math.pi / 2, 2.5])
numbers = st.floats(-1e6, 1e7, allow_nan=False, width=32)


@st.composite
def affines(draw: st.DrawFn) -> Affine:
    """Transforms of north-up, south-up, rotated and sheared grids."""
    dx, dy, turn = draw(sizes), draw(sizes) * draw(st.sampled_from([1, -1])), draw(angles)
    sine, cosine = (0.0, 1.0) if turn == 0 else (math.sin(turn), math.cos(turn))
    shear = draw(st.sampled_from([0.0, 0.0, 0.2]))
    return Affine(
        dx * cosine,
        dy * (shear * cosine - sine),
        draw(numbers),
        dx * sine,
        dy * (cosine + shear * sine),
        draw(numbers),
    )


@given(affines(), st.lists(st.tuples(st.floats(-1e5, 1e5), st.floats(-1e5, 1e5)), min_size=1, max_size=20))
def test_pixels_to_the_world_and_back(affine, points):
    """Pixel coordinates survive the way to the world and back, up to the digits of world coordinates."""
    grid = make_grid((1000, 1000), affine, None)
    cols, rows = np.array(points).T
    x, y = grids.to_world(grid, cols, rows)
    back = grids.to_pixels(grid, x, y)
    largest = max(np.abs(x).max(), np.abs(y).max(), abs(affine[2]), abs(affine[5]))
    allowed = 64 * np.finfo(float).eps * (largest / min(grids.pixel_size(grid)) * 1e1 + 1e5)
    a, b, _, d, e, _ = affine[:6]
    allowed *= max(1.0, grids.pixel_size(grid)[0] * grids.pixel_size(grid)[1] / abs(a * e - b * d))
    ratio = max(grids.pixel_size(grid)) / min(grids.pixel_size(grid))
    np.testing.assert_allclose(back, [cols, rows], rtol=0, atol=allowed * ratio)


@given(affines(), st.tuples(*[st.integers(-50, 150)] * 4))
def test_a_window_of_a_window_is_a_window(affine, corner):
    """Cropping twice lands where cropping once does, and the envelope holds the window's corners."""
    grid = make_grid((100, 100), affine, None)
    row0, col0, row1, col1 = (
        corner[0],
        corner[1],
        corner[0] + abs(corner[2]) + 1,
        corner[1] + abs(corner[3]) + 1,
    )
    crop = grids.crop_grid(grid, (row0, row1, col0, col1))
    again = grids.crop_grid(crop, (1, row1 - row0, 0, col1 - col0))
    assert grids.same(again, grids.crop_grid(grid, (row0 + 1, row1, col0, col1)), tol=1e-3)
    xmin, ymin, xmax, ymax = grids.window_bounds(grid, (row0, row1, col0, col1))
    x, y = grids.to_world(grid, (col0 + col1) / 2, (row0 + row1) / 2)
    assert xmin < x < xmax
    assert ymin < y < ymax


@given(st.lists(st.tuples(*[st.floats(-50, 150)] * 4), min_size=1, max_size=20))
def test_windows_are_the_smallest_that_hold_their_bounds(corners):
    """A pixel is in the window exactly if the inside of the bounds meets it."""
    array = np.array(corners)
    bounds = np.column_stack([np.minimum(array[:, :2], array[:, 2:]), np.maximum(array[:, :2], array[:, 2:])])
    rows, cols = 60, 80
    for (row0, row1, col0, col1), (xmin, ymin, xmax, ymax) in zip(
        grids.bounds_to_windows(bounds, (rows, cols)), bounds, strict=True
    ):
        row, col = np.arange(rows), np.arange(cols)
        expected_rows = row[(row < math.ceil(ymax)) & (row + 1 > math.floor(ymin))]
        expected_cols = col[(col < math.ceil(xmax)) & (col + 1 > math.floor(xmin))]
        if len(expected_rows) and len(expected_cols):
            assert list(range(row0, row1)) == list(expected_rows)
            assert list(range(col0, col1)) == list(expected_cols)
        else:
            assert (row0, row1, col0, col1) == (0, 0, 0, 0)


@st.composite
def long_polygons(draw: st.DrawFn) -> tuple[object, shapely.Polygon]:
    """A CRS and a triangle or box in degrees, of up to 20 degrees, drawn in either direction."""
    code = draw(st.sampled_from(list(TARGETS)))
    west, south, east, north = TARGETS[code]
    width, height = (
        draw(st.floats(0.01, min(20.0, east - west))),
        draw(st.floats(0.01, min(10.0, north - south))),
    )
    x, y = draw(st.floats(west, east - width)), draw(st.floats(south, north - height))
    shape = box(x, y, x + width, y + height)
    if draw(st.booleans()):
        shape = shapely.Polygon([(x, y), (x + width, y + height * draw(st.floats(0, 1))), (x, y + height)])
    return code, shapely.reverse(shape) if draw(st.booleans()) else shape


def course_of(shape: shapely.Polygon, code: object, per_edge: int) -> np.ndarray:
    """The true course of the outline: `per_edge` points on each edge, straight in degrees, projected."""
    corners = shapely.get_coordinates(shape)
    t = np.linspace(0, 1, per_edge)[:, None]
    points = np.concatenate([a + (b - a) * t for a, b in pairwise(corners)])
    transformer, _ = find_operation(parse_crs(4326), parse_crs(code), tuple(shape.bounds))
    return np.column_stack(transform_points(transformer, points[:, 0], points[:, 1]))


@given(long_polygons(), st.sampled_from([10.0, 100.0, 1000.0]))
def test_edges_keep_their_place(drawn, side):
    """No point of an edge, 2,500 looked at on each, is more than 0.1 pixel from the outline on the grid."""
    code, shape = drawn
    true = course_of(shape, code, 2500)
    west, north = np.floor(true[:, 0].min() / side) * side, np.ceil(true[:, 1].max() / side) * side
    grid = make_grid((10, 10), Affine(side, 0.0, west, 0.0, -side, north), code)
    aligned = align(ROISet.from_geometries([shape], crs=4326), grid, pixel_grid=False)
    cols, rows = grids.to_pixels(grid, true[:, 0], true[:, 1])
    outline = to_polygons(aligned)[0].exterior
    shapely.prepare(outline)
    assert shapely.distance(shapely.points(cols, rows), outline).max() < TOLERANCE
    assert aligned.notes == () or "repaired" in aligned.notes[0]


@pytest.mark.slow
def test_a_thousand_long_rois_keep_their_place():
    """1,000 boxes of up to 20 by 10 degrees stay within 0.1 pixel of their course at 10,000 points."""
    rng = np.random.default_rng(35)
    for _ in range(1000):
        code = list(TARGETS)[rng.integers(len(TARGETS))]
        west, south, east, north = TARGETS[code]
        width, height = rng.uniform(0.01, min(20, east - west)), rng.uniform(0.01, min(10, north - south))
        x, y = rng.uniform(west, east - width), rng.uniform(south, north - height)
        shape = np.array([box(x, y, x + width, y + height)], dtype=object)
        moved = transform_geometries(shape, parse_crs(4326), parse_crs(code), tolerance=1.0).geometry[0]
        shapely.prepare(moved.exterior)
        true = course_of(shape[0], code, 2500)
        assert shapely.distance(shapely.points(true), moved.exterior).max() < 1.0


@given(st.permutations(range(6)))
def test_order_of_rois_does_not_matter(order):
    """Each ROI gets the same pixel coordinates, to the bit, wherever it stands in its set."""
    shapes = [box(12 + k, 45 + k / 7, 14 + k, 47) for k in range(6)]
    grid = make_grid((1000, 1000), Affine(100.0, 0.0, 3e5, 0.0, -100.0, 5.2e6), 32633)
    plain = to_polygons(align(ROISet.from_geometries(shapes, crs=4326), grid, pixel_grid=False))
    mixed = ROISet.from_geometries([shapes[k] for k in order], crs=4326)
    moved = to_polygons(align(mixed, grid, pixel_grid=False))
    assert shapely.equals_identical(moved, plain[list(order)]).all()


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(1, 9), st.integers(1, 9)),
        min_size=1,
        max_size=12,
    )
)
def test_overlaps_and_unions_of_boxes(boxes):
    """Overlaps are those of boxes by hand; dissolved ROIs are disjoint and cover the same area."""
    rois = align(ROISet.from_pixel_boxes(boxes), make_grid((40, 40), Affine.identity()), pixel_grid=True)
    expected = {}
    for i, (x, y, w, h) in enumerate(boxes):
        for j, (u, v, p, q) in enumerate(boxes[i + 1 :], i + 1):
            shared = max(0, min(x + w, u + p) - max(x, u)) * max(0, min(y + h, v + q) - max(y, v))
            if shared:
                expected[i, j] = shared
    found = overlaps(rois)
    assert (
        dict(zip(zip(found.i.tolist(), found.j.tolist(), strict=True), found.area.tolist(), strict=True))
        == expected
    )
    joined = dissolve(rois)
    pixels = np.zeros((40, 40), dtype=bool)
    for x, y, w, h in boxes:
        pixels[y : y + h, x : x + w] = True
    assert shapely.area(to_polygons(joined)).sum() == pixels.sum()
    assert len(overlaps(joined).i) == 0
