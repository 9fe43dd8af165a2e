"""Coverage by each rule, on cases that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from georoi.kernels.coverage import cover
from georoi.kernels.edges import Edges
from georoi.options import Boundary
from tests.polygons import edges_of, index_of

TRIANGLE = shapely.Polygon([(0, 0), (4, 4), (0, 4)])
FRAME = shapely.Polygon([(0, 0), (4, 0), (4, 4), (0, 4)], [[(1, 1), (3, 1), (3, 3), (1, 3)]])
NOTHING = Edges(*(np.zeros(0) for _ in range(4)), np.zeros(0, np.int8), np.zeros(0, np.int32))


def test_fraction_of_a_triangle() -> None:
    """Pixels on the diagonal are half covered, those below wholly, those above not at all."""
    expected = np.tril(np.ones((4, 4)), -1) + 0.5 * np.eye(4)
    np.testing.assert_array_equal(cover(edges_of(TRIANGLE), (0, 4, 0, 4), "fraction"), expected)


def test_touch_of_a_triangle() -> None:
    """The diagonal runs through its pixels and only touches the corners of those above."""
    expected = np.tril(np.ones((4, 4), bool))
    np.testing.assert_array_equal(cover(edges_of(TRIANGLE), (0, 4, 0, 4), "all_touched"), expected)


def test_holes_are_left_out() -> None:
    """A frame covers its border and nothing of its hole, by every rule."""
    expected = np.ones((4, 4))
    expected[1:3, 1:3] = 0
    for rule in Boundary:
        np.testing.assert_array_equal(cover(edges_of(FRAME), (0, 4, 0, 4), rule), expected)


def test_fraction_of_a_box_off_the_grid_lines() -> None:
    """A box from (0.25, 0.5) to (2.5, 1.75) covers products of widths and heights."""
    expected = np.outer([0.5, 0.75], [0.75, 1, 0.5])
    box = shapely.box(0.25, 0.5, 2.5, 1.75)
    np.testing.assert_allclose(cover(edges_of(box), (0, 2, 0, 3), "fraction"), expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize(("y_up", "rows"), [(True, [1, 2, 3]), (False, [1, 2])])
def test_center_ties_follow_the_map(y_up: bool, rows: list[int]) -> None:
    """Edges on centre lines: left is in, right is out, top is in; the bottom only where GDAL has it so."""
    box = shapely.box(1.5, 1.5, 4.5, 3.5)
    inside = cover(edges_of(box, y_up=y_up), (0, 6, 0, 6), "center")
    expected = np.zeros((6, 6), bool)
    expected[np.ix_(rows, [1, 2, 3])] = True
    # x + 0.5 is floored, so a centre on the left edge is in column 2, not 1
    expected = np.roll(expected, 1, axis=1)
    np.testing.assert_array_equal(inside, expected)


def test_types_and_shapes() -> None:
    """Masks are bool, fractions float64, of the window's shape; an empty window has no pixels."""
    edges = edges_of(TRIANGLE)
    assert cover(edges, (0, 3, 1, 3), "center").dtype == bool
    assert cover(edges, (0, 3, 1, 3), "all_touched").dtype == bool
    assert cover(edges, (0, 3, 1, 3), "fraction").dtype == np.float64
    for rule in Boundary:
        assert cover(edges, (0, 3, 1, 3), rule).shape == (3, 2)
        assert cover(edges, (2, 2, 1, 3), rule).shape == (0, 2)


@pytest.mark.parametrize("rule", Boundary)
def test_no_edges_cover_nothing(rule: Boundary) -> None:
    """Without edges all is outside."""
    assert not cover(NOTHING, (0, 5, 0, 7), rule).any()


@pytest.mark.parametrize("rule", Boundary)
def test_window_within_a_roi(rule: Boundary) -> None:
    """A window wholly inside is covered, though none of the edges lies in it."""
    index = index_of(shapely.Point(0, 0).buffer(1000))
    window = (-300, 300, -300, 300)
    assert (cover(index.select(0, window), window, rule) == 1).all()


@pytest.mark.parametrize("rule", Boundary)
def test_windows_beyond_the_grid(rule: Boundary) -> None:
    """Windows may begin at negative rows and columns."""
    edges = edges_of(shapely.box(-3, -2, 2, 2))
    covered = cover(edges, (-4, 4, -4, 4), rule)
    assert covered.sum() == 20
    assert covered[2:6, 1:6].all()


def test_read_only_and_strided_edges() -> None:
    """Edges that arrive from another process, read-only, or strided, are covered as any."""
    edges = edges_of(TRIANGLE)
    strided = Edges(*(np.repeat(array, 2)[::2] for array in edges))
    for array in edges:
        array.flags.writeable = False
    for rule in Boundary:
        expected = cover(edges_of(TRIANGLE), (0, 4, 0, 4), rule)
        np.testing.assert_array_equal(cover(edges, (0, 4, 0, 4), rule), expected)
        np.testing.assert_array_equal(cover(strided, (0, 4, 0, 4), rule), expected)


def test_overlapping_parts_count_once() -> None:
    """Parts that overlap, as invalid multipolygons have them, are a union under every rule."""
    both = shapely.MultiPolygon([shapely.box(0, 0, 3, 3), shapely.box(1, 1, 4, 4)])
    union = np.zeros((4, 4))
    union[:3, :3] = union[1:, 1:] = 1
    for rule in Boundary:
        np.testing.assert_array_equal(cover(edges_of(both), (0, 4, 0, 4), rule), union)


def test_more_than_127_turns_at_one_pixel() -> None:
    """Very many parts that lie on each other do not confuse the count of turns beyond that pixel."""
    comb = shapely.MultiPolygon([shapely.box(2 + i / 1000, 0, 2 + (i + 0.5) / 1000, 3) for i in range(300)])
    touched = cover(edges_of(comb), (0, 3, 0, 6), "all_touched")
    np.testing.assert_array_equal(touched, np.array([[0, 0, 1, 0, 0, 0]] * 3, bool))
    fractions = cover(edges_of(comb), (0, 3, 0, 6), "fraction")
    np.testing.assert_allclose(fractions[:, 2], 0.15, rtol=1e-12)
    assert not np.delete(fractions, 2, axis=1).any()


def test_sliver_of_almost_no_area_is_touched() -> None:
    """A triangle of 1e-13 px² weighs more than 0 in its pixel and exactly 0 beside it."""
    sliver = shapely.Polygon([(1.2, 1.5), (1.8, 1.5), (1.5, 1.5 + 2**-42)])
    fractions = cover(edges_of(sliver), (0, 3, 0, 3), "fraction")
    assert 0 < fractions[1, 1] < 1e-12
    assert np.count_nonzero(fractions) == 1
