"""Statistics of a weighted distribution: quantiles, mode, shares of values, histogram."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Distribution(NamedTuple):
    """Values that occur, ascending, each once, with the sum of their weights; shapes (n,)."""

    values: NDArray[Any]
    weights: Floats


def make_distribution(values: NDArray[Any], weights: Floats) -> Distribution:
    """Sort values and join equal ones, whose weights (> 0) are summed in the order given."""
    if not len(values):
        return Distribution(values, weights)
    order = np.argsort(values, kind="stable")
    values, weights = values[order], weights[order]
    first = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    return Distribution(values[first], np.add.reduceat(weights, first))


def quantile(distribution: Distribution, q: float) -> float:
    """Give the smallest value at which the share of weights reaches q: numpy's `inverted_cdf`.

    R. J. Hyndman and Y. Fan, Sample quantiles in statistical packages (1996), definition 1, with weights.
    """
    total = np.cumsum(distribution.weights)
    place = int(np.searchsorted(total / total[-1], q, side="left"))
    return float(distribution.values[min(place, len(total) - 1)])


def quantile_linear(distribution: Distribution, q: float) -> float:
    """Interpolate between the two values next to rank q * (n - 1): numpy's default, for whole weights.

    Hyndman and Fan (1996), definition 7.
    """
    total = np.cumsum(distribution.weights)
    rank = q * (float(total[-1]) - 1)
    low = math.floor(rank)
    ends = np.searchsorted(total, [low, min(low + 1, float(total[-1]) - 1)], side="right")
    a, b = (float(distribution.values[int(end)]) for end in ends)
    share = rank - low
    return b - (b - a) * (1 - share) if share >= 0.5 else a + (b - a) * share


def mode(distribution: Distribution) -> float:
    """Give the value of the largest weight; of several the smallest value."""
    return float(distribution.values[int(np.argmax(distribution.weights))])


def minority(distribution: Distribution) -> float:
    """Give the value of the smallest weight; of several the smallest value."""
    return float(distribution.values[int(np.argmin(distribution.weights))])


def share(distribution: Distribution, value: float) -> float:
    """Give the share of the weights that one value has, 0 to 1."""
    place = int(np.searchsorted(distribution.values, value))
    if place == len(distribution.values) or distribution.values[place] != value:
        return 0.0
    return float(distribution.weights[place] / distribution.weights.sum())


def histogram(distribution: Distribution, edges: Floats) -> Floats:
    """Sum weights between edges, half-open to the right but for the last, as `numpy.histogram` does.

    Args:
        distribution: The values and weights.
        edges: Ascending, shape (bins + 1,).
    """
    found: Floats = np.histogram(
        distribution.values.astype(np.float64), bins=edges, weights=distribution.weights
    )[0].astype(np.float64)
    return found
