"""Cutting rings along a line: what is enclosed on either side, to the bit where both sides meet."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from georoi.crs import Rings
from georoi.kernels.cutting import cut_rings
from tests.polygons import KINDS, make_polygon, ragged


def signed_areas(x: np.ndarray, y: np.ndarray, rings: np.ndarray) -> np.ndarray:
    found = []
    for first, last in pairwise(rings):
        u, v = x[first:last], y[first:last]
        found.append(float(np.sum(u[:-1] * v[1:] - u[1:] * v[:-1]) / 2))
    return np.array(found)


def test_a_square_in_two() -> None:
    """A square is cut into rectangles of a third and two thirds; one beside the line stays or goes."""
    x, y, rings, *_ = ragged([shapely.box(0, 0, 3, 3), shapely.box(1, 5, 3, 6)])
    low = cut_rings(x, y, rings, axis="x", at=1.0, keep="low")
    high = cut_rings(x, y, rings, axis="x", at=1.0, keep="high")
    np.testing.assert_allclose(np.abs(signed_areas(*low)), [3, 0])
    np.testing.assert_allclose(np.abs(signed_areas(*high)), [6, 2])
    below = cut_rings(x, y, rings, axis="y", at=4.0, keep="low")
    np.testing.assert_array_equal(below[2], [0, 5, 5])
    assert Rings(*below, np.array([0, 1, 2]), np.array([0, 1, 2])).owners().tolist() == [0] * 5


def test_a_ring_that_comes_back() -> None:
    """A comb whose teeth cross the line encloses the teeth alone on one side, in one ring."""
    comb = shapely.Polygon([(0, 0), (5, 0), (5, 2), (4, 2), (4, 1), (3, 1), (3, 2), (2, 2), (2, 1), (0, 1)])
    x, y, rings, *_ = ragged(comb)
    teeth = cut_rings(x, y, rings, axis="y", at=1.5, keep="high")
    assert np.abs(signed_areas(*teeth)).tolist() == [1.0]


@given(
    st.sampled_from(KINDS),
    st.integers(0, 2**32 - 1),
    st.sampled_from(["x", "y"]),
    st.floats(-2, 42, allow_nan=False),
)
def test_both_sides_make_the_whole(kind: str, seed: int, axis: str, at: float) -> None:
    """Ring by ring the two sides add up, stay on their side, and agree with shapely on what is enclosed."""
    polygon = make_polygon(kind, np.random.default_rng(seed), (40, 40))
    x, y, rings, *_ = ragged(polygon)
    whole = signed_areas(x, y, rings)
    low, high = (cut_rings(x, y, rings, axis=axis, at=at, keep=keep) for keep in ("low", "high"))
    np.testing.assert_allclose(signed_areas(*low) + signed_areas(*high), whole, atol=1e-9)
    assert (low[0 if axis == "x" else 1] <= at).all()
    assert (high[0 if axis == "x" else 1] >= at).all()
    wide = 1e4
    half = shapely.box(-wide, -wide, at, wide) if axis == "x" else shapely.box(-wide, -wide, wide, at)
    shells = shapely.polygons(shapely.get_exterior_ring(shapely.get_parts(polygon)))
    shell_rings = np.concatenate(
        [[0], np.cumsum(1 + shapely.get_num_interior_rings(shapely.get_parts(polygon)))]
    )
    expected = shapely.area(shapely.intersection(shells, half))
    np.testing.assert_allclose(np.abs(signed_areas(*low))[shell_rings[:-1]], expected, atol=1e-9)


def test_no_rings() -> None:
    """Nothing stays nothing."""
    x, y, rings = cut_rings(np.empty(0), np.empty(0), np.zeros(1, np.int64), axis="x", at=0.0, keep="low")
    assert len(x) == len(y) == 0
    assert rings.tolist() == [0]
