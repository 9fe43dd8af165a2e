"""The area that two polygons share, from their edges alone."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from georoi.kernels.sharedareas import shared_areas
from tests.polygons import KINDS, make_polygons, ragged


def share(geometry: NDArray[np.object_], i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.float64]:
    """Areas that pairs of shapely geometries share."""
    return shared_areas(*ragged(geometry), shapely.bounds(geometry), i, j)


def wave(x: float, phase: float, vertices: int) -> shapely.Polygon:
    """A rough disc of radius 400 with many vertices."""
    angle = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    radius = 400 * (1 + 0.2 * np.sin(40 * angle + phase) + 0.001 * np.sin(vertices * angle * 0.31))
    return shapely.Polygon(np.column_stack([x + radius * np.cos(angle), radius * np.sin(angle)]))


@given(st.integers(0, 2**32 - 1), st.lists(st.sampled_from(KINDS), min_size=2, max_size=5))
@settings(max_examples=60, deadline=None)
def test_it_is_the_area_of_the_intersection(seed: int, kinds: list[str]):
    """Any two polygons share what GEOS cuts out of them, holes, parts and either direction of rings."""
    geometry = make_polygons(len(kinds), seed, (40, 60), tuple(kinds))
    i, j = np.triu_indices(len(kinds))
    expected = shapely.area(shapely.intersection(geometry[i], geometry[j]))
    assert share(geometry, i, j) == pytest.approx(expected, rel=1e-12, abs=1e-10)


def test_neighbours_that_share_edges_share_no_area():
    """Voronoi cells with 100 vertices each have nothing in common but rounding."""
    points = np.random.default_rng(7).uniform(0, 2000, (400, 2))
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.MultiPoint(points)))
    cells = shapely.segmentize(shapely.intersection(cells, shapely.box(0, 0, 2000, 2000)), 4)
    i, j = shapely.STRtree(cells).query(cells)
    area = share(cells, i[i < j], j[i < j])
    assert len(area) > 1000
    assert np.abs(area).max() < 1e-9


def test_many_edges_are_looked_at_in_halves_of_the_window():
    """Where each of many edges could meet each other one, the window is halved; the area is the same."""
    geometry = np.array([wave(0, 0, 20_000), wave(150, 1, 30_000)])
    expected = shapely.intersection(*geometry).area
    assert share(geometry, np.array([0]), np.array([1])) == pytest.approx([expected], rel=1e-12)


def test_a_polygon_shares_all_of_itself():
    """A polygon and one inside it, and a polygon and its copy, share the whole of the smaller one."""
    geometry = np.array([shapely.box(0, 0, 9, 9), shapely.box(3, 3, 5, 7), shapely.box(0, 0, 9, 9)])
    assert share(geometry, np.array([0, 0, 1]), np.array([1, 2, 2])).tolist() == [8.0, 81.0, 8.0]


def test_boxes_that_meet_need_not_share():
    """A polygon in the hole of another, and one beside its slope, share nothing."""
    ring = shapely.box(0, 0, 9, 9).difference(shapely.box(2, 2, 7, 7))
    geometry = np.array([ring, shapely.box(2, 2, 7, 7), shapely.Polygon([(9, 0), (12, 9), (9, 9)])])
    assert share(geometry, np.array([0, 0]), np.array([1, 2])).tolist() == [0.0, 0.0]
