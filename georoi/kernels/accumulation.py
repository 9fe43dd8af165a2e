"""Signed areas of edges in the pixels that they cross, with first moments where they are wanted."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.jit import njit
from georoi.kernels.rows import cross_rows
from georoi.kernels.touched import MARK, THROUGH, mark_level

ONE = 1 << 60
"""A whole pixel. Areas and moments are summed in 64-bit integers of 2**-60 of a pixel."""


@njit
def accumulate(
    x0: NDArray[np.float64],
    y0: NDArray[np.float64],
    x1: NDArray[np.float64],
    y1: NDArray[np.float64],
    sign: NDArray[np.int8],
    row0: int,
    col0: int,
    marks: NDArray[np.uint8],
    areas: NDArray[np.int64],
    moments: NDArray[np.int64],
) -> None:
    """Add each edge's differences to `areas`; mark the pixels that it goes through and those that it changes.

    Edges are taken from their upper end, so an edge gives the same numbers in both directions. `moments` has
    shape (2, rows, cols), or no rows where they are not wanted: about the pixel's centre, in columns the
    moment of what edges through a pixel cover, in rows its differences along the row, as for areas.
    """
    height, width = areas.shape
    x, low, high = np.empty(height + 1), np.empty(height + 1), np.empty(height + 1)
    for i in range(x0.shape[0]):
        xt, yt, xb, yb, turn = x0[i], y0[i], x1[i], y1[i], -int(sign[i])
        if yt > yb:
            xt, yt, xb, yb, turn = xb, yb, xt, yt, -turn
        first = max(math.floor(yt), row0)
        last = min(math.ceil(yb), row0 + height)
        if yt == yb:
            mark_level(xt, xb, yt, row0, col0, marks, width)
        if yt == yb or first >= last:
            continue
        cross_rows(xt, yt, xb, yb, first, last, x, low, high)
        for row in range(first, last):
            j = row - first
            # the edge goes through columns left ... right - 1 in this row
            left, right = int(min(low[j], low[j + 1])), int(max(high[j], high[j + 1]))
            if left - col0 >= width:
                continue
            top, bottom = int((max(yt, float(row)) - row) * ONE), int((min(yb, row + 1.0) - row) * ONE)
            _add_row(
                x[j],
                x[j + 1],
                top,
                bottom,
                left,
                right,
                math.floor(xt),
                col0,
                turn,
                row - row0,
                marks,
                areas,
                moments,
            )


@njit
def _add_row(
    x0: float,
    x1: float,
    top: int,
    bottom: int,
    left: int,
    right: int,
    base: int,
    col0: int,
    turn: int,
    r: int,
    marks: NDArray[np.uint8],
    areas: NDArray[np.int64],
    moments: NDArray[np.int64],
) -> None:
    """Add what an edge contributes to row `r`, through the columns from `left` up to `right`.

    It runs from x0 to x1, in columns counted from `base`, and from height `top` down to `bottom` in the row.
    """
    width = areas.shape[1]
    with_moments = moments.shape[1] > 0
    start, stop = max(left - col0, 0), min(right - col0, width)
    x_min = max(min(x0, x1), float(left - base))
    x_max = min(max(x0, x1), float(right - base))
    total = bottom - top
    # what lies left of a border begins at one end of the edge, and its other end moves as the border does
    origin, way = (top, 1) if x0 <= x1 else (bottom, -1)
    border = float(start + col0 - base)
    done = _height_until(border, x_min, x_max, total)
    areas[r, start] += turn * done
    marks[r, start] |= MARK
    if with_moments:
        moments[1, r, start] += turn * way * (_half_square(origin + way * done) - _half_square(origin))
    for column in range(start, stop):
        until = _height_until(border + 1.0, x_min, x_max, total)
        step = until - done
        # the edge's mean distance from the right border is the width of what it covers in this pixel
        x_in, x_out = max(x_min, border), min(x_max, border + 1.0)
        inner = min(max(int(step * (border + 1.0 - 0.5 * (x_in + x_out))), 0), step)
        areas[r, column] += turn * inner
        marks[r, column] |= THROUGH
        if column + 1 < width:
            areas[r, column + 1] += turn * (step - inner)
            marks[r, column + 1] |= MARK
        if with_moments:
            y_in, y_out = origin + way * done, origin + way * until
            centre = border + 0.5
            in_columns, in_rows = _moments(x_in - centre, x_out - centre, y_in, y_out, step)
            moments[0, r, column] += turn * in_columns
            moments[1, r, column] += turn * in_rows
            if column + 1 < width:
                beyond = way * (_half_square(y_out) - _half_square(y_in))
                moments[1, r, column + 1] += turn * (beyond - in_rows)
        border += 1.0
        done = until


@njit
def _height_until(border: float, x_min: float, x_max: float, total: int) -> int:
    """Give the height that an edge, from x_min to x_max and `total` in all, has left of a column's border."""
    if x_max <= border:
        return total
    if x_min >= border:
        return 0
    return min(int(total * ((border - x_min) / (x_max - x_min))), total)


@njit
def _half_square(height: int) -> int:
    """Integrate the distance from the middle of a row up to a height in it, from the middle on."""
    distance = height / float(ONE) - 0.5
    return int(0.5 * distance * distance * ONE)


@njit
def _moments(u0: float, u1: float, height0: int, height1: int, step: int) -> tuple[int, int]:
    """Give the moments, in columns and rows, of what lies between an edge and the right border of a pixel.

    The edge runs from column u0 to u1, counted from the pixel's centre, and between two heights in the row.
    The integrands are of second degree, so Simpson's rule is exact.
    """
    v0, v1 = height0 / float(ONE) - 0.5, height1 / float(ONE) - 0.5
    of_columns = 0.5 * (0.25 - (u0 * u0 + u0 * u1 + u1 * u1) / 3.0)
    middle = (v0 + v1) * (1.0 - u0 - u1)
    of_rows = (v0 * (0.5 - u0) + middle + v1 * (0.5 - u1)) / 6.0
    return int(of_columns * step), int(of_rows * step)
