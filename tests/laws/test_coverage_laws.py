"""Laws of coverage: the same bits for any window, and sums that come out exactly."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from georoi.kernels.cells import touched_cells
from georoi.kernels.coverage import cover
from georoi.kernels.distance import soften
from georoi.options import Boundary
from tests.polygons import KINDS, edges_of, index_of, make_polygon, ragged

SHAPE = (48, 64)
WHOLE = (0, SHAPE[0], 0, SHAPE[1])


@st.composite
def polygons(draw: st.DrawFn, kinds: tuple[str, ...] = KINDS) -> Any:
    """Draw a polygon of any kind; half of them with so many vertices that the index has several chunks."""
    kind, seed = draw(st.sampled_from(kinds)), draw(st.integers(0, 2**32 - 1))
    polygon = make_polygon(kind, np.random.default_rng(seed), SHAPE)
    return shapely.segmentize(polygon, 0.6) if draw(st.booleans()) else polygon


@st.composite
def windows(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """Draw a window, which may reach beyond the grid or be empty."""
    row0, row1 = sorted(draw(st.tuples(st.integers(-9, 56), st.integers(-9, 56))))
    col0, col1 = sorted(draw(st.tuples(st.integers(-9, 72), st.integers(-9, 72))))
    return row0, row1, col0, col1


@st.composite
def tilings(draw: st.DrawFn) -> list[tuple[int, int, int, int]]:
    """Draw cuts of the grid into rows and columns, and give all tiles."""
    rows = [0, *sorted(draw(st.sets(st.integers(1, SHAPE[0] - 1), max_size=4))), SHAPE[0]]
    cols = [0, *sorted(draw(st.sets(st.integers(1, SHAPE[1] - 1), max_size=4))), SHAPE[1]]
    return [(*row, *col) for row in pairwise(rows) for col in pairwise(cols)]


@given(polygons(), tilings(), st.sampled_from(Boundary), st.booleans())
def test_any_tiling_gives_the_same_bits(polygon: Any, tiles: list, rule: Boundary, y_up: bool) -> None:
    """Tiles, each with its own selection of edges, put together equal the whole, bit for bit."""
    index = index_of(polygon, y_up=y_up)
    whole = cover(index.select(0), WHOLE, rule)
    together = np.full_like(whole, 7 if rule is Boundary.FRACTION else True)
    for row0, row1, col0, col1 in tiles:
        window = (row0, row1, col0, col1)
        together[row0:row1, col0:col1] = cover(index.select(0, window), window, rule)
    assert together.tobytes() == whole.tobytes()


@given(polygons(), windows(), st.sampled_from(Boundary))
def test_a_window_needs_only_its_own_edges(polygon: Any, window: tuple, rule: Boundary) -> None:
    """Covering a window with all edges, or with those selected for it, gives the same bits."""
    index = index_of(polygon)
    few, everything = index.select(0, window), index.select(0)
    assert len(few) <= len(everything)
    assert cover(few, window, rule).tobytes() == cover(everything, window, rule).tobytes()


@given(polygons(), tilings(), st.floats(0.25, 30))
def test_soft_masks_are_the_same_in_tiles(polygon: Any, tiles: list, width: float) -> None:
    """Soft masks put together from tiles equal the whole, bit for bit."""
    index, margin = index_of(polygon), math.ceil(width / 2)
    whole = soften(index.select(0), WHOLE, width)
    for row0, row1, col0, col1 in tiles:
        grown = (row0 - margin, row1 + margin, col0 - margin, col1 + margin)
        tile = soften(index.select(0, grown), (row0, row1, col0, col1), width)
        assert tile.tobytes() == np.ascontiguousarray(whole[row0:row1, col0:col1]).tobytes()


@given(polygons())
def test_weight_is_above_zero_exactly_where_touched(polygon: Any) -> None:
    """Fractions lie in [0, 1] and are above 0 in the touched pixels and no others."""
    edges = edges_of(polygon)
    fractions = cover(edges, WHOLE, "fraction")
    assert ((fractions >= 0) & (fractions <= 1)).all()
    np.testing.assert_array_equal(fractions > 0, cover(edges, WHOLE, "all_touched"))


@given(polygons())
def test_pixels_without_an_edge_are_whole_or_empty(polygon: Any) -> None:
    """Where no edge meets a pixel its fraction is exactly 0 or 1, as its centre lies outside or inside."""
    fractions = cover(edges_of(polygon), WHOLE, "fraction")
    rows, cols = np.indices(SHAPE)
    outline = shapely.boundary(polygon)
    shapely.prepare(outline)
    clear = ~shapely.intersects(outline, shapely.box(cols, rows, cols + 1, rows + 1))
    inside = shapely.contains_xy(polygon, cols + 0.5, rows + 0.5)
    np.testing.assert_array_equal(fractions[clear], inside[clear].astype(float))


@given(polygons(("convex", "concave", "sliver", "tiny", "on centres", "on borders", "on halves")))
def test_a_polygon_and_its_hole_fill_each_pixel(polygon: Any) -> None:
    """A polygon and the rest of the plane, which share all edges, sum to 1 in every pixel."""
    for part in shapely.get_parts(polygon):
        shell = shapely.Polygon(part.exterior)
        if not shell.is_valid:
            continue
        rest = shapely.Polygon([(-500, -500), (500, -500), (500, 500), (-500, 500)], [part.exterior.coords])
        total = cover(edges_of(shell), WHOLE, "fraction") + cover(edges_of(rest), WHOLE, "fraction")
        np.testing.assert_allclose(total, 1, rtol=0, atol=3e-16)


@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.floats(-20, 20))
def test_neighbours_along_a_line_fill_each_pixel(seed: int, n: int, spread: float) -> None:
    """Two polygons that share a jagged line from top to bottom sum to exactly 1 within both."""
    rng = np.random.default_rng(seed)
    line = np.column_stack([32 + spread * rng.uniform(-1, 1, n), np.linspace(-5, 60, n)])
    left = shapely.Polygon([*line, (-20, 60), (-20, -5)])
    right = shapely.Polygon([*line, (90, 60), (90, -5)])
    total = cover(edges_of(left), WHOLE, "fraction") + cover(edges_of(right), WHOLE, "fraction")
    np.testing.assert_allclose(total, 1, rtol=0, atol=3e-16)


@given(polygons(), st.sampled_from(Boundary), st.integers(0, 50))
def test_drawing_order_does_not_matter(polygon: Any, rule: Boundary, shift: int) -> None:
    """The direction of rings, and the vertex they begin with, change no bit."""

    def redraw(ring: Any) -> list:
        points = shapely.get_coordinates(ring)[:-1]
        points = np.roll(points, shift, axis=0)[::-1]
        return [*points.tolist(), points[0].tolist()]

    redrawn = shapely.MultiPolygon(
        [
            shapely.Polygon(redraw(part.exterior), [redraw(ring) for ring in part.interiors])
            for part in shapely.get_parts(polygon)
        ]
    )
    assert cover(edges_of(redrawn), WHOLE, rule).tobytes() == cover(edges_of(polygon), WHOLE, rule).tobytes()


@given(polygons(), st.sampled_from(Boundary), st.integers(-(2**20), 2**20), st.integers(-(2**20), 2**20))
def test_moving_by_whole_pixels_moves_the_mask(polygon: Any, rule: Boundary, down: int, right: int) -> None:
    """A polygon moved by whole pixels has the same mask there, if its coordinates can be moved exactly."""
    snapped = shapely.transform(polygon, lambda xy: np.round(xy * 2**20) / 2**20)
    moved = shapely.transform(snapped, lambda xy: xy + np.array([right, down]))
    window = (down, SHAPE[0] + down, right, SHAPE[1] + right)
    here, there = cover(edges_of(snapped), WHOLE, rule), cover(edges_of(moved), window, rule)
    np.testing.assert_allclose(here, there, rtol=0, atol=0 if rule is not Boundary.FRACTION else 1e-15)


@given(polygons(("parts", "holes", "boxes")))
def test_parts_add_up(polygon: Any) -> None:
    """The fractions of a multipolygon are the sum of its parts', its centre mask their union."""
    parts = shapely.get_parts(polygon)
    edges = edges_of(polygon)
    total = sum(cover(edges_of(part), WHOLE, "fraction") for part in parts)
    np.testing.assert_allclose(cover(edges, WHOLE, "fraction"), total, rtol=0, atol=1e-15 * len(parts))
    union = np.logical_or.reduce([cover(edges_of(part), WHOLE, "center") for part in parts])
    np.testing.assert_array_equal(cover(edges, WHOLE, "center"), union)


@given(st.lists(polygons(), min_size=1, max_size=4), st.integers(1, 70), st.integers(1, 70))
def test_cells_agree_with_pixels(some: list, height: int, width: int) -> None:
    """A cell is touched where one of its pixels is, and inner only where all of its pixels are whole."""
    row, col, roi, inner = touched_cells(*ragged(some), shapely.bounds(some), SHAPE, (height, width))
    tops, lefts = np.arange(0, SHAPE[0], height), np.arange(0, SHAPE[1], width)
    for i, polygon in enumerate(some):
        fractions = cover(edges_of(polygon), WHOLE, "fraction")
        largest = np.maximum.reduceat(np.maximum.reduceat(fractions, tops, axis=0), lefts, axis=1)
        smallest = np.minimum.reduceat(np.minimum.reduceat(fractions, tops, axis=0), lefts, axis=1)
        touched = np.zeros(largest.shape, bool)
        touched[row[roi == i], col[roi == i]] = True
        np.testing.assert_array_equal(touched, largest > 0)
        assert (smallest[row[(roi == i) & inner], col[(roi == i) & inner]] == 1).all()
