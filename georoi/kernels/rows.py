"""Where an edge crosses the borders between rows, decided exactly.

Whether an edge enters a pixel is a question of a sign. Where rounding could turn that sign, it is found in
exact arithmetic, so a pixel that an edge merely touches at its corner is never taken for one that it crosses.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.jit import njit

_SPLITTER = 134217729.0  # 2**27 + 1
_FILTER = 3.3306690738754716e-16 * 1.01  # (3 + 16 u) u for unit roundoff u = 2**-53, and a little more


@njit
def cross_rows(
    xt: float,
    yt: float,
    xb: float,
    yb: float,
    first: int,
    last: int,
    x: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> None:
    """Follow an edge through the rows `first` to `last` - 1, all of which it meets.

    The edge runs down from (xt, yt) to (xb, yb), yt < yb. Entry i of the results belongs to the border above
    row first + i, or to the edge's end where that comes first: `x` is where the edge is there, in columns
    counted from floor(xt), which keeps the precision of the edge's own length; `low` and `high` are exactly
    the floor and ceiling of where it is in columns of the grid.
    """
    base = math.floor(xt)
    slope = (xb - xt) / (yb - yt)
    tolerance = 1e-14 * (1.0 + abs(xt) + abs(xb))
    for i in range(last - first + 1):
        y = float(first + i)
        if y <= yt:
            x[i], low[i], high[i] = xt - base, base, math.ceil(xt)
        elif y >= yb:
            x[i], low[i], high[i] = xb - base, math.floor(xb), math.ceil(xb)
        else:
            x[i] = (xt - base) + (y - yt) * slope
            low[i], high[i] = columns_at(base + x[i], tolerance, xt, yt, xb, yb, y, 1.0)


@njit
def columns_at(
    x: float, tolerance: float, xt: float, yt: float, xb: float, yb: float, y: float, width: float
) -> tuple[float, float]:
    """Find the columns left and right of where an edge crosses the height y, yt < y < yb.

    `x` is the crossing computed within `tolerance`; column k begins at k * width.

    Returns:
        Floor and ceiling of the crossing in columns: equal if it lies exactly on a border, else one apart.
    """
    k = float(math.floor(x / width))
    if x - k * width > tolerance:
        if (k + 1.0) * width - x > tolerance:
            return k, k + 1.0
        k += 1.0
    side = side_of(xt, yt, xb, yb, k * width, y)
    if side < 0:
        return k - 1.0, k
    if side > 0:
        return k, k + 1.0
    return k, k


@njit
def side_of(xt: float, yt: float, xb: float, yb: float, x: float, y: float) -> int:
    """Tell whether the line through (xt, yt) and (xb, yb), yt < yb, passes right (1) or left (-1) of a point.

    0 if it passes through it. The filter is that of J. R. Shewchuk, Adaptive precision floating-point
    arithmetic and fast robust geometric predicates (1997); what it cannot decide is summed exactly.
    """
    left = (xt - x) * (yb - yt)
    right = (y - yt) * (xb - xt)
    area = left + right
    if abs(area) > _FILTER * (abs(left) + abs(right)):
        return 1 if area > 0 else -1
    parts = np.zeros(12)
    n = _add_product(parts, 0, xt, yb)
    n = _add_product(parts, n, -x, yb)
    n = _add_product(parts, n, x, yt)
    n = _add_product(parts, n, y, xb)
    n = _add_product(parts, n, -y, xt)
    n = _add_product(parts, n, -yt, xb)
    # the parts do not overlap and grow, so the last that is not zero outweighs the others
    for i in range(n - 1, -1, -1):
        if parts[i] != 0:
            return 1 if parts[i] > 0 else -1
    return 0


@njit
def _add_product(parts: NDArray[np.float64], n: int, a: float, b: float) -> int:
    """Add a * b, exactly, to a sum of `n` parts that do not overlap, in growing order."""
    product = a * b
    c = _SPLITTER * a
    a_high = c - (c - a)
    a_low = a - a_high
    c = _SPLITTER * b
    b_high = c - (c - b)
    b_low = b - b_high
    rest = a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)
    n = _add(parts, n, rest)
    return _add(parts, n, product)


@njit
def _add(parts: NDArray[np.float64], n: int, value: float) -> int:
    for i in range(n):
        total = value + parts[i]
        virtual = total - value
        parts[i] = (value - (total - virtual)) + (parts[i] - virtual)
        value = total
    parts[n] = value
    return n + 1
