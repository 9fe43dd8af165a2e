"""Soft masks by distance, against shapely and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely

from georoi.errors import UsageError
from georoi.kernels.distance import soften
from georoi.kernels.edges import Edges
from tests.polygons import KINDS, edges_of, index_of, make_polygons

SHAPE = (40, 50)


def expected_weights(polygon: shapely.Geometry, width: float) -> np.ndarray:
    """Compute the definition with shapely."""
    x, y = np.meshgrid(np.arange(SHAPE[1]) + 0.5, np.arange(SHAPE[0]) + 0.5)
    distance = shapely.distance(shapely.boundary(polygon), shapely.points(x, y))
    signed = np.where(shapely.contains_xy(polygon, x, y), distance, -distance)
    return np.clip((signed + width / 2) / width, 0, 1)


@pytest.mark.parametrize("width", [0.5, 1.0, 3.0, 7.3, 24.0])
def test_weights_equal_the_definition(width: float) -> None:
    """Polygons of all kinds have the weights that shapely's distances give."""
    for i, polygon in enumerate(make_polygons(len(KINDS) * 3, int(10 * width), SHAPE)):
        found = soften(edges_of(polygon), (0, SHAPE[0], 0, SHAPE[1]), width)
        np.testing.assert_allclose(
            found,
            expected_weights(polygon, width),
            rtol=0,
            atol=1e-12,
            err_msg=f"{KINDS[i % len(KINDS)]} {i}",
        )


@pytest.mark.parametrize("width", [1.0, 5.0, 16.5])
def test_windows_give_the_same_bits(width: float) -> None:
    """A window, with the edges selected for it grown by half the width, equals its slice of the whole."""
    margin = math.ceil(width / 2)
    for polygon in make_polygons(48, 5, SHAPE):
        index = index_of(shapely.segmentize(polygon, 0.7))
        whole = soften(index.select(0), (0, SHAPE[0], 0, SHAPE[1]), width)
        for row0, row1, col0, col1 in ((0, 17, 0, 23), (17, 40, 23, 50), (9, 10, 30, 49)):
            grown = (row0 - margin, row1 + margin, col0 - margin, col1 + margin)
            found = soften(index.select(0, grown), (row0, row1, col0, col1), width)
            np.testing.assert_array_equal(found, whole[row0:row1, col0:col1])


def test_a_straight_outline_by_hand() -> None:
    """Across a vertical outline at x = 3, a band of 4 px rises from 1 to 5 by 1/4 per pixel."""
    found = soften(edges_of(shapely.box(3, -50, 90, 50)), (0, 1, 0, 7), 4.0)
    np.testing.assert_array_equal(found[0], [0, 0.125, 0.375, 0.625, 0.875, 1, 1])


def test_no_edges_weigh_nothing() -> None:
    """Without edges all weights are 0."""
    nothing = Edges(*(np.zeros(0) for _ in range(4)), np.zeros(0, np.int8), np.zeros(0, np.int32))
    assert not soften(nothing, (0, 4, 0, 4), 3.0).any()


@pytest.mark.parametrize("width", [0.0, -1.0, math.nan, math.inf])
def test_width_must_be_above_zero(width: float) -> None:
    """A width that is no positive number is refused."""
    with pytest.raises(UsageError, match="E-USE-01"):
        soften(edges_of(shapely.box(0, 0, 2, 2)), (0, 4, 0, 4), width)
