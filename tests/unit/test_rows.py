"""Crossings of row borders are exact where rounding could decide."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from georoi.kernels.rows import columns_at, cross_rows, side_of


def crossing(xt: float, yt: float, xb: float, yb: float, y: float) -> Fraction:
    """Compute where the line is at a height, without rounding."""
    share = (Fraction(y) - Fraction(yt)) / (Fraction(yb) - Fraction(yt))
    return Fraction(xt) + share * (Fraction(xb) - Fraction(xt))


def check(xt: float, yt: float, xb: float, yb: float, y: float, width: int) -> int:
    exact = crossing(xt, yt, xb, yb, y) / width
    x = xt + (y - yt) * ((xb - xt) / (yb - yt))
    found = columns_at(x, 1e-14 * (1 + abs(xt) + abs(xb)), xt, yt, xb, yb, y, float(width))
    assert found == (math.floor(exact), math.ceil(exact)), (xt, yt, xb, yb, y, width)
    return exact.denominator


@pytest.mark.parametrize("width", [1, 7, 512])
@pytest.mark.parametrize("scale", [10.0, 1e4, 1e6])
def test_edges_through_corners(width: int, scale: float) -> None:
    """Edges that meet a corner exactly and those that miss it by one ulp are told apart."""
    rng = np.random.default_rng(int(scale) + width)
    through = 0
    for _ in range(400):
        corner = np.array(
            [width * rng.integers(-scale // width, scale // width + 1), rng.integers(-scale, scale)]
        )
        step = rng.integers(-(2**20), 2**20, 2) / 2**17
        step[1] = abs(step[1]) + 2**-17
        top, bottom = corner - step, corner + step * rng.choice([0.25, 1.0, 4.0])
        ends = [*map(float, top), *map(float, bottom)]
        through += check(*ends, float(corner[1]), width) == 1
        i = int(rng.integers(4))
        ends[i] = float(np.nextafter(ends[i], rng.choice([-np.inf, np.inf])))
        if ends[1] < corner[1] < ends[3]:
            check(*ends, float(corner[1]), width)
    assert through == 400


def test_side_of_needs_exact_arithmetic() -> None:
    """Points next to a line, one ulp apart, are put on the side where they lie."""
    rng = np.random.default_rng(5)
    undecided = 0
    for _ in range(2000):
        xt, xb = rng.uniform(-1e6, 1e6, 2)
        yt, yb = np.sort(rng.uniform(-1e6, 1e6, 2))
        y = float(rng.uniform(yt, yb))
        x = float(crossing(xt, yt, xb, yb, y))
        for near in (np.nextafter(x, -np.inf), x, np.nextafter(x, np.inf)):
            exact = crossing(xt, yt, xb, yb, y) - Fraction(float(near))
            assert side_of(xt, yt, xb, yb, float(near), y) == (exact > 0) - (exact < 0)
        rounded = (xt - x) * (yb - yt) + (y - yt) * (xb - xt)
        undecided += np.sign(rounded) != side_of(xt, yt, xb, yb, x, y)
    assert undecided > 100, "the cases are meant to be too hard for float64"


def test_rows_of_an_edge() -> None:
    """An edge from (0.5, 0.5) to (3.5, 3.5) crosses row borders at 1, 2 and 3, exactly."""
    x, low, high = np.zeros(5), np.zeros(5), np.zeros(5)
    cross_rows(0.5, 0.5, 3.5, 3.5, 0, 4, x, low, high)
    assert x.tolist() == [0.5, 1, 2, 3, 3.5]
    assert low.tolist() == [0, 1, 2, 3, 3]
    assert high.tolist() == [1, 1, 2, 3, 4]
