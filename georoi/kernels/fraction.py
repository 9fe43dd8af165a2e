"""The fraction rule: the exact share of each pixel's area that a ROI covers."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.edges import Edges
from georoi.kernels.jit import njit
from georoi.kernels.rows import cross_rows
from georoi.kernels.touched import MARK, THROUGH, mark_level

ONE = 1 << 60
"""A whole pixel. Areas are summed in 64-bit integers of 2**-60 of a pixel."""


def cover_fraction(edges: Edges, window: tuple[int, int, int, int]) -> NDArray[np.float64]:
    """Compute the covered fraction of each pixel.

    Signed areas are accumulated as font rasterisers do it. In one row, an edge contributes to each pixel that
    it crosses the area between itself and the pixel's right border, and to all pixels further right its
    height; contributions count positive or negative by the edge's direction. They are kept as differences,

        edge of height d in pixel c, a of it covered:   pixel      c    c + 1   c + 2
                                                        difference a    d - a     0

    so that one running sum along the row gives the coverage of all pixels. The sums are of integers, hence
    exact: they do not depend on the order of edges, what lies left of the window enters as a height alone,
    the sum returns to exactly 0 or 1 away from edges, the two sides of a shared edge add up to exactly 1, and
    any window gives the same bits. Rounding happens once per edge and pixel, to 2**-53 of the contribution or
    2**-60 of a pixel.

    Args:
        edges: Edges of one ROI, at least those that `EdgeIndex.select` gives for the window.
        window: (row0, row1, col0, col1) in pixels of the whole grid.

    Returns:
        float64, shape (row1 - row0, col1 - col0): exactly 0 where the all-touched rule leaves a pixel out,
        above 0 elsewhere, exactly 1 where the pixel lies inside without an edge through it.
    """
    row0, row1, col0, col1 = window
    areas = np.zeros((row1 - row0, col1 - col0), np.int64)
    if areas.size and len(edges):
        marks = np.zeros((areas.shape[0], -(-areas.shape[1] // 8) * 8), np.uint8)
        x0, y0, x1, y1, sign, _ = edges
        _accumulate(x0, y0, x1, y1, sign, row0, col0, marks, areas)
        _sweep(marks, marks.view(np.uint64), areas, areas.view(np.float64))
    return areas.view(np.float64)


@njit
def _accumulate(
    x0: NDArray[np.float64],
    y0: NDArray[np.float64],
    x1: NDArray[np.float64],
    y1: NDArray[np.float64],
    sign: NDArray[np.int8],
    row0: int,
    col0: int,
    marks: NDArray[np.uint8],
    areas: NDArray[np.int64],
) -> None:
    """Add each edge's differences to `areas`; mark the pixels that it goes through and those that it changes.

    Edges are taken from their upper end, so an edge gives the same numbers in both directions.
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
        base = math.floor(xt)
        for row in range(first, last):
            # the edge goes through columns left ... right - 1, in them from x_min to x_max
            j, r = row - first, row - row0
            left, right = int(min(low[j], low[j + 1])), int(max(high[j], high[j + 1]))
            start, stop = max(left - col0, 0), min(right - col0, width)
            if start >= width:
                continue
            x_min = max(min(x[j], x[j + 1]), float(left - base))
            x_max = min(max(x[j], x[j + 1]), float(right - base))
            total = int((min(yb, row + 1.0) - row) * ONE) - int((max(yt, float(row)) - row) * ONE)
            border = float(start + col0 - base)
            done = _height_until(border, x_min, x_max, total)
            areas[r, start] += turn * done
            marks[r, start] |= MARK
            for column in range(start, stop):
                until = _height_until(border + 1.0, x_min, x_max, total)
                step = until - done
                # the edge's mean distance from the right border is the width of what it covers in this pixel
                share = border + 1.0 - 0.5 * (max(x_min, border) + min(x_max, border + 1.0))
                inner = min(max(int(step * share), 0), step)
                areas[r, column] += turn * inner
                marks[r, column] |= THROUGH
                if column + 1 < width:
                    areas[r, column + 1] += turn * (step - inner)
                    marks[r, column + 1] |= MARK
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
def _sweep(
    marks: NDArray[np.uint8],
    marks_by_8: NDArray[np.uint64],
    areas: NDArray[np.int64],
    fractions: NDArray[np.float64],
) -> None:
    """Sum along rows. `fractions` is the memory of `areas`, so it is 0.0 already where nothing is marked."""
    height, width = areas.shape
    for row in range(height):
        area = 0
        start = 0
        for word in range(marks_by_8.shape[1]):
            if marks_by_8[row, word] == 0:
                continue
            for column in range(8 * word, min(8 * word + 8, width)):
                mark = marks[row, column]
                if mark == 0:
                    continue
                if area > ONE // 2 and start < column:
                    fractions[row, start:column] = 1.0
                area += areas[row, column]
                start = column + 1
                if mark & THROUGH:
                    fractions[row, column] = min(max(area, 1), ONE) / float(ONE)
                else:
                    fractions[row, column] = 1.0 if area > ONE // 2 else 0.0
        if area > ONE // 2:
            fractions[row, start:width] = 1.0
