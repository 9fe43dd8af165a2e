"""Soft masks: weights that rise over a band along the outline, by exact distance."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from georoi.errors import UsageError
from georoi.kernels.edges import Edges
from georoi.kernels.jit import njit


def soften(edges: Edges, window: tuple[int, int, int, int], width: float) -> NDArray[np.float64]:
    """Weigh each pixel by how far its centre lies inside the ROI: clip((d + width / 2) / width, 0, 1).

    d is the distance in pixels from the pixel's centre to the nearest point of the outline, positive inside,
    so the weight is 1/2 on the outline. It depends on the pixel and the edges alone, so any window gives the
    same bits.

    Args:
        edges: Edges of one ROI, at least those that `EdgeIndex.select` gives for the window grown on all
            sides by width / 2, rounded up.
        window: (row0, row1, col0, col1) in pixels of the whole grid.
        width: Width of the band in pixels, above 0.

    Returns:
        float64 in [0, 1], shape (row1 - row0, col1 - col0).

    Raises:
        UsageError: E-USE-01 if the width is not a number above 0.
    """
    if not (math.isfinite(width) and width > 0):
        raise UsageError("E-USE-01", f"the width of a soft edge must be above 0 pixels, not {width!r}")
    row0, row1, col0, col1 = window
    reach = 0.5 * width
    weights = np.full((row1 - row0, col1 - col0), reach * reach)
    turns = np.zeros(weights.shape, np.int8)
    x0, y0, x1, y1, sign, _ = edges.kernel_ready()
    if weights.size:
        _measure(x0, y0, x1, y1, row0, col0, reach, weights)
        _mark_turns(x0, y0, x1, y1, sign, row0, col0, turns)
        _weigh(turns, float(width), weights)
    return weights


@njit
def _measure(
    x0: NDArray[np.float64],
    y0: NDArray[np.float64],
    x1: NDArray[np.float64],
    y1: NDArray[np.float64],
    row0: int,
    col0: int,
    reach: float,
    squares: NDArray[np.float64],
) -> None:
    """Lower `squares` to the squared distance from each pixel's centre to the nearest edge within reach.

    Per row, only columns are visited that lie within reach of the stretch of the edge that is within reach of
    the row. They may be one more on each side; that changes nothing, as what is beyond reach is cut off.
    """
    height, width = squares.shape
    for i in range(x0.shape[0]):
        dx, dy = x1[i] - x0[i], y1[i] - y0[i]
        square = dx * dx + dy * dy
        first = max(math.floor(min(y0[i], y1[i]) - reach - 0.5) - row0, 0)
        last = min(math.ceil(max(y0[i], y1[i]) + reach + 0.5) - row0, height)
        for row in range(first, last):
            y = row0 + row + 0.5 - y0[i]
            start, end = 0.0, 1.0
            if dy != 0:
                one, other = (y - reach) / dy, (y + reach) / dy
                start, end = max(min(one, other), 0.0), min(max(one, other), 1.0)
            left = x0[i] + min(start * dx, end * dx) - reach
            right = x0[i] + max(start * dx, end * dx) + reach
            for column in range(max(math.floor(left) - 1 - col0, 0), min(math.ceil(right) + 1 - col0, width)):
                x = col0 + column + 0.5 - x0[i]
                t = min(max((x * dx + y * dy) / square, 0.0), 1.0) if square > 0 else 0.0
                ex, ey = x - t * dx, y - t * dy
                squares[row, column] = min(squares[row, column], ex * ex + ey * ey)


@njit
def _mark_turns(
    x0: NDArray[np.float64],
    y0: NDArray[np.float64],
    x1: NDArray[np.float64],
    y1: NDArray[np.float64],
    sign: NDArray[np.int8],
    row0: int,
    col0: int,
    turns: NDArray[np.int8],
) -> None:
    """Note, modulo 256, where the winding number of pixels' centres changes along each row."""
    height, width = turns.shape
    for i in range(x0.shape[0]):
        xt, yt, xb, yb, turn = x0[i], y0[i], x1[i], y1[i], -int(sign[i])
        if yt > yb:
            xt, yt, xb, yb, turn = xb, yb, xt, yt, -turn
        for row in range(max(math.floor(yt) - row0, 0), min(math.ceil(yb) - row0, height)):
            y = row0 + row + 0.5
            if yt <= y < yb:
                column = max(math.floor((y - yt) * (xb - xt) / (yb - yt) + xt + 0.5) - col0, 0)
                if column < width:
                    turns[row, column] += turn


@njit
def _weigh(turns: NDArray[np.int8], band: float, weights: NDArray[np.float64]) -> None:
    """Turn squared distances into weights."""
    height, width = weights.shape
    for row in range(height):
        winding = 0
        for column in range(width):
            winding = (winding + turns[row, column] + 128) % 256 - 128
            distance = math.sqrt(weights[row, column])
            if winding <= 0:
                distance = -distance
            weights[row, column] = min(max((distance + 0.5 * band) / band, 0.0), 1.0)
