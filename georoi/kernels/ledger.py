"""The area of each ROI in a cell, by why its pixels count or not: exact fractions, on the ellipsoid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.jit import njit, njit_reordered
from georoi.kernels.spans import Spans

EFFECTIVE = 4
"""Field of the ledger behind the four states of `validity`: the sum of the fractions of valid pixels."""
FIELDS = 5

Floats = NDArray[np.float64]


def sum_areas(
    spans: Spans, areas: Floats, state: NDArray[np.uint8] | None, parts: Floats | None = None
) -> Floats:
    """Sum areas by the state of the pixels.

    What is covered of a pixel counts with the density at its centre and, by its first moments, with the
    density's slope, so the error is of third order in the size of a pixel.

    Args:
        spans: What each of n ROIs covers, by exact fractions.
        areas: Area of each pixel, with a margin of one pixel around the cell: shape (rows + 2, cols + 2), or
            (rows + 2, 1) or (1, 1) where it varies by row alone or nowhere.
        state: What `validity.classify` gives, shape (rows, cols); None if all pixels are valid.
        parts: The area that is covered of each partly covered pixel, in the order of `spans.pixels`, where
            pixels are too large for moments.

    Returns:
        Shape (n, FIELDS): area of valid, nodata, non-finite and masked pixels, in the units of `areas`; then
        the sum of the fractions of valid pixels.
    """
    ledger = np.zeros((len(spans), FIELDS))
    all_valid = state is None
    state = np.zeros((1, 1), np.uint8) if state is None else state
    areas = np.require(areas, np.float64, ["C", "W"])
    _sum_runs(spans.run_start, spans.runs, areas, state, all_valid, ledger)
    shapes = (spans.pixel_start, spans.pixels, spans.parts)
    if parts is None:
        _sum_parts(*shapes, areas, state, all_valid, ledger)
    else:
        _sum_known(*shapes, np.require(parts, np.float64, ["C", "W"]), state, all_valid, ledger)
    return ledger


@njit
def _sum_runs(
    run_start: NDArray[np.int64],
    runs: NDArray[np.int32],
    areas: Floats,
    state: NDArray[np.uint8],
    all_valid: bool,
    ledger: Floats,
) -> None:
    """Add pixels that are covered whole."""
    by_row, by_column = min(areas.shape[0] - 1, 1), min(areas.shape[1] - 1, 1)
    for roi in range(run_start.shape[0] - 1):
        for run in range(run_start[roi], run_start[roi + 1]):
            row, first, last = runs[run, 0], runs[run, 1], runs[run, 2]
            if all_valid:
                if by_column:
                    ledger[roi, 0] += _sum_run(areas, row + 1, first + 1, last + 1)
                else:
                    ledger[roi, 0] += (last - first) * areas[by_row * (row + 1), 0]
                ledger[roi, 4] += last - first
                continue
            for column in range(first, last):
                found = state[row, column]
                ledger[roi, found] += areas[by_row * (row + 1), by_column * (column + 1)]
                if found == 0:
                    ledger[roi, 4] += 1.0


@njit
def _sum_parts(
    pixel_start: NDArray[np.int64],
    pixels: NDArray[np.int32],
    parts: Floats,
    areas: Floats,
    state: NDArray[np.uint8],
    all_valid: bool,
    ledger: Floats,
) -> None:
    """Add parts of pixels, by their share and their moments."""
    by_row, by_column = min(areas.shape[0] - 1, 1), min(areas.shape[1] - 1, 1)
    for roi in range(pixel_start.shape[0] - 1):
        for i in range(pixel_start[roi], pixel_start[roi + 1]):
            row, column = by_row * (pixels[i, 0] + 1), by_column * (pixels[i, 1] + 1)
            found = 0 if all_valid else state[pixels[i, 0], pixels[i, 1]]
            area = parts[i, 0] * areas[row, column]
            if by_column:
                area += parts[i, 1] * 0.5 * (areas[row, column + 1] - areas[row, column - 1])
            if by_row:
                area += parts[i, 2] * 0.5 * (areas[row + 1, column] - areas[row - 1, column])
            ledger[roi, found] += area
            if found == 0:
                ledger[roi, 4] += parts[i, 0]


@njit
def _sum_known(
    pixel_start: NDArray[np.int64],
    pixels: NDArray[np.int32],
    parts: Floats,
    known: Floats,
    state: NDArray[np.uint8],
    all_valid: bool,
    ledger: Floats,
) -> None:
    """Add parts of pixels whose areas are known."""
    for roi in range(pixel_start.shape[0] - 1):
        for i in range(pixel_start[roi], pixel_start[roi + 1]):
            found = 0 if all_valid else state[pixels[i, 0], pixels[i, 1]]
            ledger[roi, found] += known[i]
            if found == 0:
                ledger[roi, 4] += parts[i, 0]


@njit_reordered
def _sum_run(areas: Floats, row: int, first: int, last: int) -> float:
    total = 0.0
    for column in range(first, last):
        total += areas[row, column]
    return total
