"""The all-touched rule: pixels whose overlap with a ROI has an area above zero."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.edges import Edges
from georoi.kernels.jit import njit
from georoi.kernels.rows import cross_rows

THROUGH = 1
MARK = 2


def cover_touched(edges: Edges, window: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    """Find the pixels that a ROI overlaps with an area above zero.

    These are the pixels with an edge through their open interior, and those without that lie inside. An edge
    along a pixel's border or a touch at its corner does not count. Decisions are exact for the coordinates
    given, so they are the same for any window.

    Args:
        edges: Edges of one ROI, at least those that `EdgeIndex.select` gives for the window.
        window: (row0, row1, col0, col1) in pixels of the whole grid.

    Returns:
        bool, shape (row1 - row0, col1 - col0).
    """
    row0, row1, col0, col1 = window
    touched = np.zeros((row1 - row0, col1 - col0), np.bool_)
    if touched.size and len(edges):
        marks = np.zeros((touched.shape[0], -(-touched.shape[1] // 8) * 8), np.uint8)
        turns = np.zeros(touched.shape, np.int8)
        x0, y0, x1, y1, sign, _ = edges
        _mark(x0, y0, x1, y1, sign, row0, col0, marks, turns)
        _sweep(marks, marks.view(np.uint64), turns, touched)
    return touched


@njit
def _mark(
    x0: NDArray[np.float64],
    y0: NDArray[np.float64],
    x1: NDArray[np.float64],
    y1: NDArray[np.float64],
    sign: NDArray[np.int8],
    row0: int,
    col0: int,
    marks: NDArray[np.uint8],
    turns: NDArray[np.int8],
) -> None:
    """Mark the pixels that edges go through, and where the winding number changes along the middle of a row.

    `turns` holds the change modulo 256. It stands right of the pixels that the edge goes through, where it
    does not matter; an edge along a border changes the pixel right of it.
    """
    height, width = turns.shape
    x, low, high = np.empty(height + 1), np.empty(height + 1), np.empty(height + 1)
    for i in range(x0.shape[0]):
        xt, yt, xb, yb, turn = x0[i], y0[i], x1[i], y1[i], -int(sign[i])
        if yt > yb:
            xt, yt, xb, yb, turn = xb, yb, xt, yt, -turn
        first = max(math.floor(yt), row0)
        last = min(math.ceil(yb), row0 + height)
        if yt == yb:
            mark_level(xt, xb, yt, row0, col0, marks, width)
        elif first < last:
            cross_rows(xt, yt, xb, yb, first, last, x, low, high)
            for row in range(first, last):
                j = row - first
                left = max(int(min(low[j], low[j + 1])) - col0, 0)
                right = max(int(max(high[j], high[j + 1])) - col0, 0)
                for column in range(left, min(right, width)):
                    marks[row - row0, column] |= THROUGH
                if yt <= row + 0.5 < yb and right < width:
                    marks[row - row0, right] |= MARK
                    turns[row - row0, right] += turn


@njit
def mark_level(
    x0: float, x1: float, y: float, row0: int, col0: int, marks: NDArray[np.uint8], width: int
) -> None:
    """Mark the pixels that a level edge goes through; along a border of pixels it goes through none."""
    row = math.floor(y)
    if row < y and row0 <= row < row0 + marks.shape[0]:
        left = max(math.floor(min(x0, x1)) - col0, 0)
        right = min(math.ceil(max(x0, x1)) - col0, width)
        for column in range(left, right):
            marks[row - row0, column] |= THROUGH


@njit
def _sweep(
    marks: NDArray[np.uint8],
    marks_by_8: NDArray[np.uint64],
    turns: NDArray[np.int8],
    touched: NDArray[np.bool_],
) -> None:
    """Fill rows where an edge goes through, and where the winding number is above zero."""
    height, width = touched.shape
    for row in range(height):
        winding = 0
        start = 0
        for word in range(marks_by_8.shape[1]):
            if marks_by_8[row, word] == 0:
                continue
            for column in range(8 * word, min(8 * word + 8, width)):
                mark = marks[row, column]
                if mark == 0:
                    continue
                if winding > 0 and start < column:
                    touched[row, start:column] = True
                if mark & MARK:
                    winding = (winding + turns[row, column] + 128) % 256 - 128
                start = column
                if mark & THROUGH:
                    touched[row, column] = True
                    start += 1
        if winding > 0:
            touched[row, start:width] = True
