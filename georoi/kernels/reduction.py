"""Moments and extremes of the valid pixels of each ROI in a cell, and how those of cells are joined."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.jit import njit, njit_reordered
from georoi.kernels.spans import Spans

WEIGHT, SUM, MEAN, SQUARES, WEIGHT2, PIXELS, LEAST, MOST = range(8)
"""Fields of moments: sum of weights w, sum of w x, their quotient, sum of w (x - mean)^2, sum of w^2, number
of pixels, smallest and largest value."""
FIELDS = 8

Floats = NDArray[np.float64]


def no_moments(*shape: int) -> Floats:
    """Make moments of nothing, shape (*shape, FIELDS)."""
    moments = np.zeros((*shape, FIELDS))
    moments[..., LEAST], moments[..., MOST] = np.inf, -np.inf
    return moments


def reduce_moments(spans: Spans, values: NDArray[Any], state: NDArray[np.uint8] | None) -> Floats:
    """Reduce a band of a cell over each ROI.

    Whole pixels of up to 16 bits are summed in integers, hence exactly; others in float64 about their mean.

    Args:
        spans: What each of n ROIs covers.
        values: Shape (rows, cols), integers or floats.
        state: What `validity.classify` gives: pixels other than 0 are left out; None if all are valid.

    Returns:
        Moments, shape (n, FIELDS).
    """
    moments = no_moments(len(spans))
    values = np.require(values, None, ["C", "W"])
    exact = values.dtype.kind in "iu" and values.dtype.itemsize <= 2
    reduce = _reduce_integers if exact else _reduce_floats
    all_valid = state is None
    state = np.zeros((1, 1), np.uint8) if state is None else state
    reduce(spans.run_start, spans.runs, values, state, all_valid, moments)
    _join_parts(spans.pixel_start, spans.pixels, spans.parts, values, state, all_valid, moments)
    return moments


def join_moments(total: Floats, part: Floats) -> None:
    """Add moments to those of earlier cells, in place; shapes (..., FIELDS).

    Means and squares are joined as in T. F. Chan, G. H. Golub and R. J. LeVeque, Updating formulae and a
    pairwise algorithm for computing sample variances (1979).
    """
    weight = total[..., WEIGHT] + part[..., WEIGHT]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(weight > 0, part[..., WEIGHT] / weight, 0.0)
    step = part[..., MEAN] - total[..., MEAN]
    total[..., SQUARES] += part[..., SQUARES] + step * step * total[..., WEIGHT] * share
    total[..., MEAN] = np.where(total[..., WEIGHT] > 0, total[..., MEAN] + step * share, part[..., MEAN])
    total[..., WEIGHT] = weight
    for field in (SUM, WEIGHT2, PIXELS):
        total[..., field] += part[..., field]
    np.minimum(total[..., LEAST], part[..., LEAST], out=total[..., LEAST])
    np.maximum(total[..., MOST], part[..., MOST], out=total[..., MOST])


@njit_reordered
def _reduce_integers(
    run_start: NDArray[np.int64],
    runs: NDArray[np.int32],
    values: NDArray[Any],
    state: NDArray[np.uint8],
    all_valid: bool,
    moments: Floats,
) -> None:
    for roi in range(run_start.shape[0] - 1):
        count, total, squares = 0, 0, 0
        least, most = 1 << 40, -(1 << 40)
        for run in range(run_start[roi], run_start[roi + 1]):
            row, first, last = runs[run, 0], runs[run, 1], runs[run, 2]
            for column in range(first, last):
                if all_valid or state[row, column] == 0:
                    value = int(values[row, column])
                    count += 1
                    total += value
                    squares += value * value
                    least = min(least, value)
                    most = max(most, value)
        if count:
            # about the whole part of the mean: exact in integers, and small enough to stay so as floats
            whole = total // count
            rest = total - whole * count
            centred = squares - 2 * whole * total + whole * whole * count
            moments[roi, 0] = moments[roi, 4] = moments[roi, 5] = count
            moments[roi, 1] = total
            moments[roi, 2] = whole + rest / count
            moments[roi, 3] = centred - float(rest) * (rest / count)
            moments[roi, 6], moments[roi, 7] = least, most


@njit
def _reduce_floats(
    run_start: NDArray[np.int64],
    runs: NDArray[np.int32],
    values: NDArray[Any],
    state: NDArray[np.uint8],
    all_valid: bool,
    moments: Floats,
) -> None:
    for roi in range(run_start.shape[0] - 1):
        count, total, least, most = 0, 0.0, np.inf, -np.inf
        for run in range(run_start[roi], run_start[roi + 1]):
            row, first, last = runs[run, 0], runs[run, 1], runs[run, 2]
            n, part, low, high = _sum_run(values, state, all_valid, row, first, last)
            count += n
            total += part
            least, most = min(least, low), max(most, high)
        if count == 0:
            continue
        mean = total / count
        rest, squares = 0.0, 0.0
        for run in range(run_start[roi], run_start[roi + 1]):
            row, first, last = runs[run, 0], runs[run, 1], runs[run, 2]
            part, square = _square_run(values, state, all_valid, row, first, last, mean)
            rest += part
            squares += square
        moments[roi, 0] = moments[roi, 4] = moments[roi, 5] = count
        moments[roi, 1] = total
        moments[roi, 2] = mean + rest / count
        moments[roi, 3] = max(squares - rest * (rest / count), 0.0)
        moments[roi, 6], moments[roi, 7] = least, most


@njit_reordered
def _sum_run(
    values: NDArray[Any], state: NDArray[np.uint8], all_valid: bool, row: int, first: int, last: int
) -> tuple[int, float, float, float]:
    count, total, least, most = 0, 0.0, np.inf, -np.inf
    for column in range(first, last):
        if all_valid or state[row, column] == 0:
            value = float(values[row, column])
            count += 1
            total += value
            least = value if value < least else least
            most = value if value > most else most
    return count, total, least, most


@njit_reordered
def _square_run(
    values: NDArray[Any],
    state: NDArray[np.uint8],
    all_valid: bool,
    row: int,
    first: int,
    last: int,
    mean: float,
) -> tuple[float, float]:
    rest, squares = 0.0, 0.0
    for column in range(first, last):
        if all_valid or state[row, column] == 0:
            step = float(values[row, column]) - mean
            rest += step
            squares += step * step
    return rest, squares


@njit
def _join_parts(
    pixel_start: NDArray[np.int64],
    pixels: NDArray[np.int32],
    parts: Floats,
    values: NDArray[Any],
    state: NDArray[np.uint8],
    all_valid: bool,
    moments: Floats,
) -> None:
    """Join the weighted moments of partly covered pixels, about their own mean, to those of whole ones."""
    for roi in range(pixel_start.shape[0] - 1):
        weight, total, weight2, count = 0.0, 0.0, 0.0, 0
        least, most = moments[roi, 6], moments[roi, 7]
        for i in range(pixel_start[roi], pixel_start[roi + 1]):
            row, column = pixels[i, 0], pixels[i, 1]
            if all_valid or state[row, column] == 0:
                value, w = float(values[row, column]), parts[i, 0]
                weight += w
                total += w * value
                weight2 += w * w
                count += 1
                least = min(least, value)
                most = max(most, value)
        if count == 0:
            continue
        mean = total / weight
        squares, rest = 0.0, 0.0
        for i in range(pixel_start[roi], pixel_start[roi + 1]):
            row, column = pixels[i, 0], pixels[i, 1]
            if all_valid or state[row, column] == 0:
                step = float(values[row, column]) - mean
                rest += parts[i, 0] * step
                squares += parts[i, 0] * step * step
        mean += rest / weight
        squares = max(squares - rest * (rest / weight), 0.0)
        other = moments[roi, 0]
        step = mean - moments[roi, 2] if other > 0 else 0.0
        share = weight / (weight + other)
        moments[roi, 3] += squares + step * step * other * share
        moments[roi, 2] = moments[roi, 2] + step * share if other > 0 else mean
        moments[roi, 0] += weight
        moments[roi, 1] += total
        moments[roi, 4] += weight2
        moments[roi, 5] += count
        moments[roi, 6], moments[roi, 7] = least, most
