"""Where the values of each ROI lie in a cell: sums of coordinates, first and last pixel of both extremes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.jit import njit
from georoi.kernels.spans import Spans

WEIGHT, SUM, WEIGHT_COL, WEIGHT_ROW, SUM_COL, SUM_ROW, LEAST, MOST = range(8)
"""Fields of positions: sums of w, w x, w c, w r, w x c and w x r, with c and r the column and row of the
centres of pixels; least and greatest x."""
MIN_FIRST, MIN_LAST, MAX_FIRST, MAX_LAST = 8, 10, 12, 14
"""Row of the pixel, and in the next field its column, both from 0: first and last by row, then by column."""
FIELDS = 16

Floats = NDArray[np.float64]


def no_positions(*shape: int) -> Floats:
    """Make positions of nothing, shape (*shape, FIELDS)."""
    positions = np.zeros((*shape, FIELDS))
    positions[..., LEAST], positions[..., MOST] = np.inf, -np.inf
    positions[..., MIN_FIRST:] = np.nan
    return positions


def find_positions(
    spans: Spans, values: NDArray[Any], state: NDArray[np.uint8] | None, corner: tuple[int, int]
) -> Floats:
    """Find where the valid pixels of each ROI lie.

    Args:
        spans: What each of n ROIs covers.
        values: Shape (rows, cols), integers or floats.
        state: What `validity.classify` gives: pixels other than 0 are left out; None if all are valid.
        corner: Row and column of the first pixel in the raster.

    Returns:
        Shape (n, FIELDS), in pixels of the raster.
    """
    found = no_positions(len(spans))
    values = np.require(values, None, ["C", "W"])
    all_valid = state is None
    state = np.zeros((1, 1), np.uint8) if state is None else state
    place = (spans.run_start, spans.runs, spans.pixel_start, spans.pixels, spans.parts)
    _find(*place, values, state, all_valid, found)
    for along, start in ((WEIGHT_COL, corner[1]), (WEIGHT_ROW, corner[0])):
        found[:, along] += (start + 0.5) * found[:, WEIGHT]
        found[:, along + 2] += (start + 0.5) * found[:, SUM]
    found[:, MIN_FIRST::2] += corner[0]
    found[:, MIN_FIRST + 1 :: 2] += corner[1]
    return found


def join_positions(total: Floats, part: Floats) -> None:
    """Add positions to those of other cells, in place; shapes (..., FIELDS)."""
    total[..., :LEAST] += part[..., :LEAST]
    for extreme, places, sign in ((LEAST, (MIN_FIRST, MIN_LAST), 1), (MOST, (MAX_FIRST, MAX_LAST), -1)):
        ours, theirs = sign * total[..., extreme], sign * part[..., extreme]
        for place, later in zip(places, (False, True), strict=True):
            row, col = total[..., place], total[..., place + 1]
            new_row, new_col = part[..., place], part[..., place + 1]
            if later:
                beyond = (new_row > row) | ((new_row == row) & (new_col > col))
            else:
                beyond = (new_row < row) | ((new_row == row) & (new_col < col))
            wins = (theirs < ours) | ((theirs == ours) & beyond)
            total[..., place] = np.where(wins, new_row, row)
            total[..., place + 1] = np.where(wins, new_col, col)
        total[..., extreme] = sign * np.minimum(ours, theirs)


@njit
def _find(
    run_start: NDArray[np.int64],
    runs: NDArray[np.int32],
    pixel_start: NDArray[np.int64],
    pixels: NDArray[np.int32],
    parts: Floats,
    values: NDArray[Any],
    state: NDArray[np.uint8],
    all_valid: bool,
    found: Floats,
) -> None:
    for roi in range(run_start.shape[0] - 1):
        mine = found[roi]
        for run in range(run_start[roi], run_start[roi + 1]):
            row = runs[run, 0]
            count, columns, total, moment = 0, 0, 0.0, 0.0
            for column in range(runs[run, 1], runs[run, 2]):
                if all_valid or state[row, column] == 0:
                    value = float(values[row, column])
                    count += 1
                    columns += column
                    total += value
                    moment += value * column
                    if value <= mine[6] or value >= mine[7]:
                        _place(mine, value, row, column)
            mine[0] += count
            mine[1] += total
            mine[2] += columns
            mine[3] += float(count) * row
            mine[4] += moment
            mine[5] += total * row
        for i in range(pixel_start[roi], pixel_start[roi + 1]):
            row, column = pixels[i, 0], pixels[i, 1]
            if all_valid or state[row, column] == 0:
                value, weight = float(values[row, column]), parts[i, 0]
                mine[0] += weight
                mine[1] += weight * value
                mine[2] += weight * column
                mine[3] += weight * row
                mine[4] += weight * value * column
                mine[5] += weight * value * row
                if value <= mine[6] or value >= mine[7]:
                    _place(mine, value, row, column)


@njit
def _place(mine: Floats, value: float, row: int, column: int) -> None:
    """Note a value that is as extreme as any so far."""
    if value < mine[6]:
        mine[6] = value
        mine[8] = mine[10] = row
        mine[9] = mine[11] = column
    elif value == mine[6]:
        _widen(mine, 8, row, column)
    if value > mine[7]:
        mine[7] = value
        mine[12] = mine[14] = row
        mine[13] = mine[15] = column
    elif value == mine[7]:
        _widen(mine, 12, row, column)


@njit
def _widen(mine: Floats, place: int, row: int, column: int) -> None:
    """Move the first or the last place of an extreme, where a pixel comes before or after it."""
    if row < mine[place] or (row == mine[place] and column < mine[place + 1]):
        mine[place], mine[place + 1] = row, column
    if row > mine[place + 2] or (row == mine[place + 2] and column > mine[place + 3]):
        mine[place + 2], mine[place + 3] = row, column
