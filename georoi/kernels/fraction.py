"""The fraction rule: the exact share of each pixel's area that a ROI covers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.accumulation import ONE, accumulate
from georoi.kernels.edges import Edges
from georoi.kernels.jit import njit
from georoi.kernels.touched import THROUGH

_NONE = np.zeros((2, 0, 0), np.int64)


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
        accumulate(x0, y0, x1, y1, sign, row0, col0, marks, areas, _NONE.copy())
        _sweep(marks, marks.view(np.uint64), areas, areas.view(np.float64))
    return areas.view(np.float64)


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
