"""Moments of the valid pixels of each ROI in a cell, weighted by coverage and by a raster of weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.jit import njit
from georoi.kernels.spans import Spans

WEIGHT, SUM, MEAN, SQUARES, PIXELS, MISSING, LOWEST = range(7)
"""Fields: sum of w u, sum of w u x, their quotient, sum of w u (x - mean)^2, number of pixels with a weight
u, number of valid pixels without one, least u."""
FIELDS = 7

Floats = NDArray[np.float64]


def no_weighted(*shape: int) -> Floats:
    """Make weighted moments of nothing, shape (*shape, FIELDS)."""
    moments = np.zeros((*shape, FIELDS))
    moments[..., LOWEST] = np.inf
    return moments


def reduce_weighted(
    spans: Spans, values: NDArray[Any], state: NDArray[np.uint8] | None, weights: Floats
) -> Floats:
    """Reduce a band of a cell over each ROI, with weights: two runs in float64, the second about the mean.

    Args:
        spans: What each of n ROIs covers.
        values: Shape (rows, cols), integers or floats.
        state: What `validity.classify` gives: pixels other than 0 are left out; None if all are valid.
        weights: Of the pixels, shape (rows, cols); NaN where there is none: such pixels are left out.

    Returns:
        Shape (n, FIELDS).
    """
    moments = no_weighted(len(spans))
    values = np.require(values, None, ["C", "W"])
    weights = np.require(weights, np.float64, ["C", "W"])
    all_valid = state is None
    state = np.zeros((1, 1), np.uint8) if state is None else state
    place = (spans.run_start, spans.runs, spans.pixel_start, spans.pixels, spans.parts)
    _reduce(*place, values, state, all_valid, weights, moments)
    return moments


def join_weighted(total: Floats, part: Floats) -> None:
    """Add moments to those of earlier cells, in place; shapes (..., FIELDS); see `reduction.join_moments`."""
    weight = total[..., WEIGHT] + part[..., WEIGHT]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(weight > 0, part[..., WEIGHT] / weight, 0.0)
    step = part[..., MEAN] - total[..., MEAN]
    total[..., SQUARES] += part[..., SQUARES] + step * step * total[..., WEIGHT] * share
    total[..., MEAN] = np.where(total[..., WEIGHT] > 0, total[..., MEAN] + step * share, part[..., MEAN])
    total[..., WEIGHT] = weight
    for field in (SUM, PIXELS, MISSING):
        total[..., field] += part[..., field]
    np.minimum(total[..., LOWEST], part[..., LOWEST], out=total[..., LOWEST])


@njit
def _reduce(
    run_start: NDArray[np.int64],
    runs: NDArray[np.int32],
    pixel_start: NDArray[np.int64],
    pixels: NDArray[np.int32],
    parts: Floats,
    values: NDArray[Any],
    state: NDArray[np.uint8],
    all_valid: bool,
    weights: Floats,
    moments: Floats,
) -> None:
    """Make a list of weights and values for each ROI, and sum over it."""
    room = 1024
    factors, found = np.empty(room), np.empty(room)
    for roi in range(run_start.shape[0] - 1):
        most = pixel_start[roi + 1] - pixel_start[roi]
        for run in range(run_start[roi], run_start[roi + 1]):
            most += runs[run, 2] - runs[run, 1]
        if most > room:
            room = most
            factors, found = np.empty(room), np.empty(room)
        n = 0
        for run in range(run_start[roi], run_start[roi + 1]):
            row = runs[run, 0]
            for column in range(runs[run, 1], runs[run, 2]):
                if all_valid or state[row, column] == 0:
                    factors[n] = _note(weights[row, column], moments[roi])
                    found[n] = float(values[row, column])
                    n += 1
        for i in range(pixel_start[roi], pixel_start[roi + 1]):
            row, column = pixels[i, 0], pixels[i, 1]
            if all_valid or state[row, column] == 0:
                factors[n] = parts[i, 0] * _note(weights[row, column], moments[roi])
                found[n] = float(values[row, column])
                n += 1
        _sum(factors[:n], found[:n], moments[roi])


@njit
def _note(weight: float, mine: Floats) -> float:
    """Count a pixel by whether it has a weight, and give it, 0 where there is none."""
    if np.isnan(weight):
        mine[5] += 1
        return 0.0
    mine[4] += 1
    mine[6] = min(mine[6], weight)
    return weight


@njit
def _sum(factors: Floats, found: Floats, mine: Floats) -> None:
    for i in range(len(factors)):
        mine[0] += factors[i]
        mine[1] += factors[i] * found[i]
    if mine[0] <= 0:
        return
    mean = mine[1] / mine[0]
    rest, squares = 0.0, 0.0
    for i in range(len(factors)):
        step = found[i] - mean
        rest += factors[i] * step
        squares += factors[i] * step * step
    mine[2] = mean + rest / mine[0]
    mine[3] = max(squares - rest * (rest / mine[0]), 0.0)
