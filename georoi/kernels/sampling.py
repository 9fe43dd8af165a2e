"""Pixels one by one: those that ROIs cover, in row-major order, and those that a point lies between."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.jit import njit
from georoi.kernels.spans import Spans

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Entries(NamedTuple):
    """Covered pixels, ROI by ROI and row-major within each; parallel arrays of shape (n,)."""

    roi: NDArray[np.int32]
    """Position of the ROI in the spans."""
    row: NDArray[np.int32]
    col: NDArray[np.int32]
    """Counted from the window's corner."""
    weight: Floats
    """Share of the pixel that is covered, above 0 and up to 1."""

    def take(self, keep: NDArray[Any] | slice) -> Entries:
        """Select entries by mask, positions or slice."""
        return Entries(self.roi[keep], self.row[keep], self.col[keep], self.weight[keep])


def list_entries(spans: Spans) -> Entries:
    """List the pixels of spans one by one."""
    room = int((spans.runs[:, 2] - spans.runs[:, 1]).sum()) + len(spans.pixels)
    roi, row, col = (np.empty(room, np.int32) for _ in range(3))
    weight = np.empty(room)
    _merge(
        spans.run_start,
        spans.runs,
        spans.pixel_start,
        spans.pixels,
        np.ascontiguousarray(spans.parts),
        roi,
        row,
        col,
        weight,
    )
    return Entries(roi, row, col, weight)


@njit
def _merge(
    run_start: Ints,
    runs: NDArray[np.int32],
    pixel_start: Ints,
    pixels: NDArray[np.int32],
    parts: Floats,
    roi: NDArray[np.int32],
    row: NDArray[np.int32],
    col: NDArray[np.int32],
    weight: Floats,
) -> None:
    """Merge the runs and the single pixels of each ROI, both of which are in row-major order."""
    n = 0
    for i in range(run_start.shape[0] - 1):
        run, last_run = run_start[i], run_start[i + 1]
        part, last_part = pixel_start[i], pixel_start[i + 1]
        while run < last_run or part < last_part:
            takes_run = part == last_part
            if not takes_run and run < last_run:
                takes_run = runs[run, 0] < pixels[part, 0] or (
                    runs[run, 0] == pixels[part, 0] and runs[run, 1] < pixels[part, 1]
                )
            if takes_run:
                for column in range(runs[run, 1], runs[run, 2]):
                    roi[n], row[n], col[n], weight[n] = i, runs[run, 0], column, 1.0
                    n += 1
                run += 1
            else:
                roi[n], row[n], col[n] = i, pixels[part, 0], pixels[part, 1]
                weight[n] = parts[part, 0]
                n += 1
                part += 1


class Neighbours(NamedTuple):
    """The pixels that points are sampled from, k each; arrays of shape (n, k)."""

    row: Ints
    col: Ints
    """Counted from the grid's corner."""
    weight: Floats
    """They add up to 1 for each point."""


def find_nearest(x: Floats, y: Floats) -> Neighbours:
    """Find the pixel that holds each point: from its left and upper edge on, up to the opposite ones.

    Args:
        x: Columns of points inside the grid, in pixels from its outer corner, shape (n,).
        y: Rows of the same.
    """
    row, col = np.floor(y).astype(np.int64), np.floor(x).astype(np.int64)
    return Neighbours(row[:, None], col[:, None], np.ones((len(row), 1)))


def find_bilinear(x: Floats, y: Floats, shape: tuple[int, int]) -> Neighbours:
    """Find the four pixels whose centres lie around each point, with the weights of bilinear interpolation.

    Beyond the outermost centres, by half a pixel at most, the outermost pixels go on.

    Args:
        x: Columns of points inside the grid, in pixels from its outer corner, shape (n,).
        y: Rows of the same.
        shape: Rows and columns of the grid.
    """
    above, low = _between(y, shape[0])
    left, right = _between(x, shape[1])
    row = np.stack([above, above, above + 1, above + 1], axis=1)
    col = np.stack([left, left + 1, left, left + 1], axis=1)
    weight = np.stack([(1 - low) * (1 - right), (1 - low) * right, low * (1 - right), low * right], axis=1)
    np.minimum(row, shape[0] - 1, out=row)  # a centre hit or passed: these have no weight
    np.minimum(col, shape[1] - 1, out=col)
    return Neighbours(row, col, weight)


def _between(along: Floats, length: int) -> tuple[Ints, Floats]:
    """Give the last centre at or before each coordinate, and how far it is from there to the next."""
    centred = np.clip(along - 0.5, 0, length - 1)
    first = np.floor(centred).astype(np.int64)
    return first, centred - first


def interpolate(values: NDArray[Any], weights: Floats) -> Floats:
    """Weigh values of shape (n, k); those without weight do not matter, whatever they are.

    Returns:
        Shape (n,), summed in the order of the pixels.
    """
    total = np.zeros(len(values))
    for k in range(values.shape[1]):
        counts = weights[:, k] > 0
        total[counts] += values[counts, k].astype(np.float64) * weights[counts, k]
    return total
