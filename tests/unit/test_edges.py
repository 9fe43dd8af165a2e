"""Edges come in GDAL's order, and the index finds those that decide a window."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from georoi.kernels.coverage import cover
from georoi.kernels.edges import CHUNK, EdgeIndex
from tests.polygons import index_of, ragged

SHELL = [(0, 0), (8, 0), (8, 8), (0, 8), (0, 0)]
HOLE = [(2, 2), (4, 2), (4, 4), (2, 4), (2, 2)]


def signed_area(edges) -> float:
    return float(np.sum(edges.x0 * edges.y1 - edges.x1 * edges.y0)) / 2


@pytest.mark.parametrize("shell", [SHELL, SHELL[::-1]])
@pytest.mark.parametrize("hole", [HOLE, HOLE[::-1]])
@pytest.mark.parametrize("y_up", [True, False])
def test_rings_are_ordered_and_signed(shell: list, hole: list, y_up: bool) -> None:
    """Rings run clockwise in world coordinates; sign * area is positive for shells, negative for holes."""
    edges = index_of(shapely.Polygon(shell, [hole]), y_up=y_up).select(0)
    outer, inner = edges.take(slice(0, 4)), edges.take(slice(4, 8))
    clockwise_on_screen = 1 if y_up else -1  # rows run down, so on a north-up grid the screen is the map
    assert signed_area(outer) == 64 * clockwise_on_screen
    assert signed_area(inner) == 4 * clockwise_on_screen
    assert (outer.sign * signed_area(outer) > 0).all()
    assert (inner.sign * signed_area(inner) < 0).all()


def test_parts_are_numbered_within_their_roi() -> None:
    """The second ROI's parts count from 0 again."""
    two = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(3, 0, 4, 1)])
    index = index_of([two, two])
    assert len(index) == 2
    np.testing.assert_array_equal(index.select(1).part, [0] * 4 + [1] * 4)


def test_what_lies_right_above_or_below_is_left_out() -> None:
    """A window gets only the edges that meet its rows and begin left of its end."""
    index = index_of(shapely.Polygon(SHELL))
    assert len(index.select(0, (10, 20, 0, 10))) == 0
    assert len(index.select(0, (0, 8, -9, -1))) == 0
    inside = index.select(0, (2, 4, 2, 4))
    assert len(inside) == 1  # the left side, as a height
    assert inside.x0[0] == inside.x1[0] == 0
    assert cover(inside, (2, 4, 2, 4), "fraction").tolist() == [[1, 1], [1, 1]]


def test_chains_left_of_the_window_become_one_edge() -> None:
    """A coast of 10,000 vertices left of the window costs one edge."""
    y = np.linspace(0, 100, 10_001)
    x = 10 + np.sin(y * 50)
    ring = np.concatenate([np.column_stack([x, y]), [[300, 100], [300, 0], [x[0], y[0]]]])
    index = index_of(shapely.Polygon(ring))
    window = (10, 20, 50, 60)
    edges = index.select(0, window)
    assert len(edges) == 1
    for rule in ("center", "all_touched", "fraction"):
        assert (cover(edges, window, rule) == 1).all()


def test_rings_left_of_the_window_cancel_out() -> None:
    """A thousand small parts left of the window cost nothing, whatever chunks they fall in."""
    boxes = [shapely.box(3 * i, 3 * j, 3 * i + 2, 3 * j + 2) for i in range(30) for j in range(30)]
    index = index_of(shapely.MultiPolygon([*boxes, shapely.box(200, 10, 210, 20)]))
    assert len(index.select(0, (0, 100, 150, 200))) == 0
    assert len(index.select(0, (0, 100, 195, 250))) == 4


def test_long_rings_and_many_edges_are_found_whole() -> None:
    """Selecting without a window gives every edge, also beyond the first room and across chunks."""
    circle = shapely.Point(50, 50).buffer(40, quad_segs=500)
    edges = index_of(circle).select(0)
    assert len(edges) == shapely.get_num_coordinates(circle) - 1 > 10 * CHUNK
    np.testing.assert_array_equal(edges.x1[:-1], edges.x0[1:])


def test_many_rois_at_once() -> None:
    """select_many gives what select gives, one ROI after the other."""
    rois = [shapely.Point(10 * i, 12).buffer(4) for i in range(6)]
    index, window = index_of(rois), (10, 30, 5, 44)
    chosen = np.array([4, 0, 2])
    together, offsets = index.select_many(chosen, window)
    for k, roi in enumerate(chosen):
        alone = index.select(int(roi), window)
        for one, other in zip(alone, together.take(slice(offsets[k], offsets[k + 1])), strict=True):
            np.testing.assert_array_equal(one, other)


def test_read_only_and_other_integer_types_are_taken() -> None:
    """Arrays as they come out of files, other processes and shapely are accepted, and not changed."""
    x, y, rings, polygons, rois = ragged(shapely.reverse(shapely.Polygon(SHELL)))
    before = x.copy()
    x.flags.writeable = False
    index = EdgeIndex(x, y, rings.astype(np.int32), polygons.astype(np.uint32), rois)
    np.testing.assert_array_equal(x, before)
    assert signed_area(index.select(0)) == 64


def test_no_rois() -> None:
    """An empty set has an empty index."""
    empty = np.zeros(1, np.int64)
    assert len(EdgeIndex(np.zeros(0), np.zeros(0), empty, empty, empty)) == 0
