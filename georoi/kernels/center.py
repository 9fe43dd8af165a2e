"""The centre rule: pixels whose centre lies inside, with ties decided as GDAL's rasteriser does."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.edges import Edges
from georoi.kernels.jit import njit


def cover_center(edges: Edges, window: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    """Find the pixels whose centre lies inside.

    The method is that of GDALdllImageFilledPolygon (GDAL, alg/llrasterize.cpp), number for number: where an
    edge crosses the line y = row + 0.5 at x, pixels from column floor(x + 0.5) on change between outside and
    inside. An edge that lies on that line and runs to the left fills the pixels whose centres it passes. As
    GDAL orders rings clockwise in world coordinates (alg/gdalrasterize.cpp, GDALCollectRingsFromGeometry),
    these are the lower edges on a north-up grid, whose upper ones are in by the first rule. Parts are filled
    one by one.

    Args:
        edges: Edges of one ROI, at least those that `EdgeIndex.select` gives for the window.
        window: (row0, row1, col0, col1) in pixels of the whole grid.

    Returns:
        bool, shape (row1 - row0, col1 - col0).
    """
    row0, row1, col0, col1 = window
    inside = np.zeros((row1 - row0, col1 - col0), np.bool_)
    if inside.size and len(edges):
        toggles = np.zeros((inside.shape[0], -(-inside.shape[1] // 8) * 8), np.uint8)
        x0, y0, x1, y1, _, part = edges
        _fill_parts(x0, y0, x1, y1, part, row0, col0, toggles, toggles.view(np.uint64), inside)
    return inside


@njit
def _fill_parts(
    x0: NDArray[np.float64],
    y0: NDArray[np.float64],
    x1: NDArray[np.float64],
    y1: NDArray[np.float64],
    part: NDArray[np.int32],
    row0: int,
    col0: int,
    toggles: NDArray[np.uint8],
    toggles_by_8: NDArray[np.uint64],
    inside: NDArray[np.bool_],
) -> None:
    """Fill each part on its own, in its own rows and columns of the window."""
    start = 0
    while start < x0.shape[0]:
        stop = start
        top, bottom, left = np.inf, -np.inf, np.inf
        while stop < x0.shape[0] and part[stop] == part[start]:
            top = min(top, y0[stop], y1[stop])
            bottom = max(bottom, y0[stop], y1[stop])
            left = min(left, x0[stop], x1[stop])
            stop += 1
        first = int(min(max(math.floor(top) - row0, 0), inside.shape[0]))
        last = int(max(min(math.ceil(bottom) - row0, inside.shape[0]), 0))
        column = int(min(max(math.floor(left) - col0, 0), inside.shape[1]))
        _mark_crossings(
            x0[start:stop], y0[start:stop], x1[start:stop], y1[start:stop], row0, col0, toggles, inside
        )
        _fill_rows(first, last, column // 8, toggles, toggles_by_8, inside)
        start = stop


@njit
def _mark_crossings(
    x0: NDArray[np.float64],
    y0: NDArray[np.float64],
    x1: NDArray[np.float64],
    y1: NDArray[np.float64],
    row0: int,
    col0: int,
    toggles: NDArray[np.uint8],
    inside: NDArray[np.bool_],
) -> None:
    """Mark the column from which each edge turns pixels, in each row; fill edges on centre lines."""
    height, width = inside.shape
    for i in range(x0.shape[0]):
        if y0[i] < y1[i]:
            xa, ya, xb, yb = x0[i], y0[i], x1[i], y1[i]
        else:
            xa, ya, xb, yb = x1[i], y1[i], x0[i], y0[i]
        if ya == yb:
            row = math.floor(ya)
            if row + 0.5 == ya and x1[i] < x0[i] and row0 <= row < row0 + height:
                first = max(math.floor(x1[i] + 0.5) - col0, 0.0)
                last = min(math.floor(x0[i] + 0.5) - col0, float(width))
                if first < last:
                    inside[int(row) - row0, int(first) : int(last)] = True
            continue
        # rows with ya <= row + 0.5 < yb; both bounds are exact or one row too wide, hence the test within
        first = max(math.floor(ya) - row0, 0.0)
        last = min(math.ceil(yb) - row0, float(height))
        for row in range(int(first), int(last)):
            y = row0 + row + 0.5
            if ya <= y < yb:
                x = (y - ya) * (xb - xa) / (yb - ya) + xa
                column = max(math.floor(x + 0.5) - col0, 0.0)
                if column < width:
                    toggles[row, int(column)] ^= 1


@njit
def _fill_rows(
    first: int,
    last: int,
    word: int,
    toggles: NDArray[np.uint8],
    toggles_by_8: NDArray[np.uint64],
    inside: NDArray[np.bool_],
) -> None:
    """Fill between marks from row `first` up to `last`, from column 8 * word on, and remove the marks."""
    width = inside.shape[1]
    for row in range(first, last):
        is_inside = False
        start = 0
        for w in range(word, toggles_by_8.shape[1]):
            if toggles_by_8[row, w] == 0:
                continue
            for column in range(8 * w, min(8 * w + 8, width)):
                if toggles[row, column]:
                    toggles[row, column] = 0
                    if is_inside:
                        inside[row, start:column] = True
                    is_inside = not is_inside
                    start = column
        if is_inside:
            inside[row, start:width] = True
