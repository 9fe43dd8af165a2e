"""Statistics of a weighted distribution: quantiles, mode, shares of values, histogram."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from georoi.kernels.sums import Weights, add_equal, join_equal, join_whole, select

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Distribution:
    """Values and the sums of their weights; made of whole pixels, which are many, and of parts of pixels."""

    whole: NDArray[Any]
    """Values of weight 1 as stored, ascending, shape (m,)."""
    parts: NDArray[Any]
    """More values as stored, ascending, each once, shape (n,)."""
    part_sums: Weights
    """Their weights."""
    a: float = 1.0
    """Scale."""
    b: float = 0.0
    """Offset."""

    def scale(self, a: float, b: float) -> Distribution:
        """Take values x as stored to a x + b, in float64."""
        return replace(self, a=a, b=b)

    def apply(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Scale some values."""
        if (self.a, self.b) == (1, 0):
            return stored
        scaled: Floats = stored.astype(np.float64) * self.a + self.b + 0.0
        return scaled

    @cached_property
    def _joined(self) -> tuple[NDArray[Any], Weights]:
        values, sums = join_whole(self.parts, self.part_sums, self.whole)
        if self.a < 0:
            values, sums = values[::-1], sums.take(slice(None, None, -1))
        return add_equal(self.apply(values), sums)

    @property
    def values(self) -> NDArray[Any]:
        """Values that occur, scaled, ascending, each once, shape (k,)."""
        return self._joined[0]

    @cached_property
    def weights(self) -> Floats:
        """The sum of the weights of each value, shape (k,)."""
        return self._joined[1].to_floats()

    @cached_property
    def total(self) -> Floats:
        """The sum of the weights up to each value, shape (k,)."""
        return self._joined[1].cumulate()


def make_distribution(
    values: NDArray[Any], weights: Floats, whole: NDArray[Any] | None = None
) -> Distribution:
    """Sort values and join equal ones: the same to the bit for any order of the pixels.

    Args:
        values: Shape (n,), without NaN; -0.0 counts as 0.0.
        weights: From 0 to 2**33, shape (n,), multiples of 2**-60.
        whole: More values, each of weight 1, shape (m,).
    """
    return Distribution(np.sort(values[:0] if whole is None else whole), *join_equal(values, weights))


def quantile(distribution: Distribution, q: float) -> float:
    """Give the smallest value at which the share of weights reaches q: numpy's `inverted_cdf`.

    R. J. Hyndman and Y. Fan, Sample quantiles in statistical packages (1996), definition 1, with weights.
    """
    if distribution.a < 0:
        return float(distribution.values[find_ranks(distribution.total, q, "inverted_cdf")[0]])
    stored = select(distribution.whole, distribution.parts, distribution.part_sums, q)
    return float(distribution.apply(np.asarray(stored)) + 0.0)


def quantile_linear(distribution: Distribution, q: float) -> float:
    """Interpolate between the two values next to rank q * (n - 1): numpy's default, for whole weights.

    Hyndman and Fan (1996), definition 7.
    """
    places = find_ranks(distribution.total, q, "linear")
    return interpolate(distribution.values[places], q, "linear", float(distribution.total[-1]))


def find_ranks(total: Floats, q: float, method: str) -> Ints:
    """Find the values that a quantile is made of.

    Args:
        total: The sum of weights up to each value, shape (n,).
        q: From 0 to 1.
        method: "inverted_cdf", made of one value, or "linear", of two.

    Returns:
        Their places.
    """
    last, weight = len(total) - 1, float(total[-1])
    if method == "inverted_cdf":
        return np.array([min(bisect_left(total, q, key=lambda part: part / weight), last)])
    low = math.floor(q * (weight - 1))
    places = np.searchsorted(total, [low, min(low + 1, weight - 1)], side="right")
    return np.minimum(places, last).astype(np.int64)


def interpolate(values: ArrayLike, q: float, method: str, weight: float) -> float:
    """Make a quantile of the values that `find_ranks` finds; `weight` is that of all values."""
    if method == "inverted_cdf":
        return float(np.asarray(values)[0])
    rank = q * (weight - 1)
    share = rank - math.floor(rank)
    a, b = (float(value) for value in np.asarray(values))
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
    return float(distribution.weights[place] / distribution.total[-1])


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
