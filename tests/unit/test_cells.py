"""Cells of a lattice that ROIs overlap, against brute force and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely

from georoi.kernels import cells
from georoi.kernels.cells import touched_cells
from tests.polygons import KINDS, exact_area, make_polygons, ragged


def find(geometry: Any, shape_yx: tuple[int, int], cell_yx: tuple[int, int]) -> dict:
    """Find cells as {(row, column, ROI): inner}, and check the order."""
    geometry = np.atleast_1d(np.asarray(geometry, object))
    row, col, roi, inner = touched_cells(*ragged(geometry), shapely.bounds(geometry), shape_yx, cell_yx)
    keys = list(zip(row.tolist(), col.tolist(), roi.tolist(), strict=True))
    assert keys == sorted(set(keys))
    return dict(zip(keys, inner.tolist(), strict=True))


def brute(polygon: Any, roi: int, shape_yx: tuple[int, int], cell_yx: tuple[int, int]) -> dict:
    """Find the same by exact areas of overlap."""
    found = {}
    for row in range(-(-shape_yx[0] // cell_yx[0])):
        for col in range(-(-shape_yx[1] // cell_yx[1])):
            top, left = row * cell_yx[0], col * cell_yx[1]
            bottom, right = min(top + cell_yx[0], shape_yx[0]), min(left + cell_yx[1], shape_yx[1])
            if shapely.box(left, top, right, bottom).intersects(polygon):
                area = exact_area(polygon, (left, top, right, bottom))
                if area > 0:
                    found[row, col, roi] = area == (bottom - top) * (right - left)
    return found


@pytest.mark.parametrize("cell_yx", [(1, 1), (4, 4), (7, 3), (8, 1_000_000), (5, 60), (64, 64), (11, 16)])
def test_cells_equal_brute_force(cell_yx: tuple[int, int]) -> None:
    """Polygons of all kinds, on a grid that cells do not divide, touch and fill what exact areas say."""
    shape_yx = (23, 30) if cell_yx != (1, 1) else (9, 10)
    polygons = make_polygons(len(KINDS) * 3, sum(cell_yx), shape_yx)
    expected: dict = {}
    for roi, polygon in enumerate(polygons):
        expected |= brute(polygon, roi, shape_yx, cell_yx)
    assert find(polygons, shape_yx, cell_yx) == expected


def test_large_boxes_are_taken_in_bands() -> None:
    """What does not fit the room for one go is found band by band, and is the same."""
    polygons = make_polygons(24, 77, (60, 60))
    whole = find(polygons, (60, 60), (2, 3))
    assert cells.ROOM >= 1 << 20, "a real box of 1,000 x 1,000 cells is meant to fit"
    points, offsets = ragged(polygons)[:2], ragged(polygons)[2:]
    sizes = (60, 60, 2, 3)
    found, inner, n = cells._touch(*points, *offsets, shapely.bounds(polygons), sizes, 50)
    banded = dict(zip(map(tuple, found.T[:n].tolist()), inner[:n].tolist(), strict=True))
    assert banded == whole


def test_a_box_that_is_a_cell() -> None:
    """A box equal to a cell fills it and touches none of its neighbours."""
    assert find(shapely.box(6, 4, 9, 8), (20, 20), (4, 3)) == {(1, 2, 0): True}


def test_cells_end_with_the_grid() -> None:
    """The last cells are cut: a box to the grid's end fills them, one beyond the end misses them."""
    assert find(shapely.box(8, 8, 10, 10), (10, 10), (4, 4)) == {(2, 2, 0): True}
    assert find(shapely.box(10, 0, 11, 4), (10, 10), (4, 4)) == {}
    assert find(shapely.box(0, 10, 4, 12), (10, 10), (4, 4)) == {}
    assert find(shapely.box(-5, -5, 50, 50), (10, 10), (8, 8)) == {
        (row, col, 0): True for row in (0, 1) for col in (0, 1)
    }


def test_rois_outside_or_without_extent() -> None:
    """ROIs beside the grid, and empty ones (NaN bounds), touch nothing."""
    polygons = [shapely.box(-5, 0, 0, 5), shapely.Polygon(), shapely.box(2, 2, 3, 3)]
    assert find(polygons, (10, 10), (5, 5)) == {(0, 0, 2): False}


def test_a_corridor_across_a_trillion_pixels() -> None:
    """A corridor over 1,000,000 x 1,000,000 pixels touches a thin band of its 3.8 million cells."""
    corridor = shapely.LineString([(0, 0), (3e5, 4e5), (1e6, 1e6)]).buffer(400)
    found = find(corridor, (1_000_000, 1_000_000), (512, 512))
    assert 2 * 1953 < len(found) < 6 * 1953
    area = shapely.intersection(corridor, shapely.box(0, 0, 1e6, 1e6)).area
    assert sum(found.values()) * 512**2 < area < len(found) * 512**2


def test_many_small_rois() -> None:
    """10,000 small ROIs are sorted by cell, then by ROI, and each is found once per cell it overlaps."""
    rng = np.random.default_rng(1)
    corner = rng.uniform(0, 5000, (10_000, 2))
    boxes = shapely.box(corner[:, 0], corner[:, 1], corner[:, 0] + 9, corner[:, 1] + 9)
    found = find(boxes, (5009, 5009), (256, 256))
    first, last = corner // 256, (corner + 9) // 256
    assert len(found) == int(np.prod(last - first + 1, axis=1).sum())
