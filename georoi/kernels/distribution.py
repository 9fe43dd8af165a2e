"""Statistics of a weighted distribution: quantiles, mode, shares of values, histogram."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from georoi.kernels.keys import to_keys

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_UNIT = 30
"""Bits of one half of a weight: weights are whole multiples of 2**-60, the unit of covered shares."""


class Weights(NamedTuple):
    """Sums of weights in whole numbers, hence the same in any order: high * 2**-30 + low * 2**-60."""

    high: Ints
    low: Ints

    @classmethod
    def of(cls, weights: Floats) -> Weights:
        """Split weights from 0 to 2**33; what is smaller than 2**-60 is rounded."""
        scaled = weights * 2.0**_UNIT
        high = np.floor(scaled)
        return cls(high.astype(np.int64), np.rint((scaled - high) * 2.0**_UNIT).astype(np.int64))

    def to_floats(self) -> Floats:
        """Give them as floats; equal sums give equal floats."""
        high, low = self.high + (self.low >> _UNIT), self.low & ((1 << _UNIT) - 1)
        floats: Floats = high * 2.0**-_UNIT + low * 2.0 ** (-2 * _UNIT)
        return floats

    def add_groups(self, first: Ints) -> Weights:
        """Sum groups of neighbours that begin at `first`."""
        return Weights(np.add.reduceat(self.high, first), np.add.reduceat(self.low, first))

    def cumulate(self) -> Floats:
        """Give the sums of all up to each, as floats, none of which has lost a bit on the way."""
        return Weights(np.cumsum(self.high), np.cumsum(self.low)).to_floats()

    def take(self, places: Any) -> Weights:
        """Take some of them."""
        return Weights(self.high[places], self.low[places])


@dataclass(frozen=True, eq=False)
class Distribution:
    """Values that occur, ascending, each once, with the sum of their weights; shapes (n,)."""

    values: NDArray[Any]
    sums: Weights

    @property
    def weights(self) -> Floats:
        """The sum of the weights of each value."""
        return self.sums.to_floats()

    def scale(self, a: float, b: float) -> Distribution:
        """Take values x to a x + b, in float64."""
        if (a, b) == (1, 0):
            return self
        values = self.values.astype(np.float64) * a + b + 0.0
        if a < 0:
            return _join_equal(values[::-1], self.sums.take(slice(None, None, -1)))
        return _join_equal(values, self.sums)


def make_distribution(values: NDArray[Any], weights: Floats) -> Distribution:
    """Sort values and join equal ones: the same to the bit for any order of the pixels.

    Args:
        values: Shape (n,), without NaN; -0.0 counts as 0.0.
        weights: From 0 to 2**33, shape (n,), multiples of 2**-60.
    """
    if values.dtype.kind == "f":
        values = values + values.dtype.type(0)
    order = _sort(values)
    whole = bool((weights == 1).all())
    ordered = values[order]
    if whole:
        first = _find_first(ordered)
        counts = np.diff(np.append(first, len(ordered)))
        return Distribution(ordered[first], Weights(counts << _UNIT, np.zeros_like(counts)))
    return _join_equal(ordered, Weights.of(weights[order]))


def _sort(values: NDArray[Any]) -> Ints:
    """Order values; those of up to 32 bits are sorted with their places behind them, which is quicker."""
    if values.dtype.itemsize > 4 or values.dtype.kind not in "iuf":
        return np.argsort(values)
    packed = to_keys(values).astype(np.uint64) << np.uint64(32)
    packed |= np.arange(len(values), dtype=np.uint64)
    packed.sort()
    packed &= np.uint64(0xFFFFFFFF)
    return packed.view(np.int64)


def _find_first(values: NDArray[Any]) -> Ints:
    new = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=new[1:])
    return np.flatnonzero(new)


def _join_equal(values: NDArray[Any], sums: Weights) -> Distribution:
    first = _find_first(values)
    if len(first) == len(values):
        return Distribution(values, sums)
    return Distribution(values[first], sums.add_groups(first))


def quantile(distribution: Distribution, q: float) -> float:
    """Give the smallest value at which the share of weights reaches q: numpy's `inverted_cdf`.

    R. J. Hyndman and Y. Fan, Sample quantiles in statistical packages (1996), definition 1, with weights.
    """
    return float(distribution.values[find_ranks(distribution.sums.cumulate(), q, "inverted_cdf")[0]])


def quantile_linear(distribution: Distribution, q: float) -> float:
    """Interpolate between the two values next to rank q * (n - 1): numpy's default, for whole weights.

    Hyndman and Fan (1996), definition 7.
    """
    total = distribution.sums.cumulate()
    places = find_ranks(total, q, "linear")
    return interpolate(distribution.values[places], q, "linear", float(total[-1]))


def find_ranks(total: Floats, q: float, method: str) -> Ints:
    """Find the values that a quantile is made of.

    Args:
        total: The sum of weights up to each value, shape (n,).
        q: From 0 to 1.
        method: "inverted_cdf", made of one value, or "linear", of two.

    Returns:
        Their places.
    """
    if method == "inverted_cdf":
        places = np.searchsorted(total / total[-1], [q], side="left")
    else:
        rank = q * (float(total[-1]) - 1)
        low = math.floor(rank)
        places = np.searchsorted(total, [low, min(low + 1, float(total[-1]) - 1)], side="right")
    return np.minimum(places, len(total) - 1).astype(np.int64)


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


def total_weight(distribution: Distribution) -> float:
    """Give the sum of all weights."""
    sums = distribution.sums
    return float(Weights(sums.high.sum(keepdims=True), sums.low.sum(keepdims=True)).to_floats()[0])


def share(distribution: Distribution, value: float) -> float:
    """Give the share of the weights that one value has, 0 to 1."""
    place = int(np.searchsorted(distribution.values, value))
    if place == len(distribution.values) or distribution.values[place] != value:
        return 0.0
    return float(distribution.weights[place] / total_weight(distribution))


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
