"""Sums of weights in whole numbers, so that they are the same in any order, and values joined by them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.jit import njit
from georoi.kernels.keys import to_keys

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HALF = 30
"""Bits of each half of a weight: weights are whole multiples of 2**-60, the unit of covered shares."""
_UNIT = 2.0**HALF
_MASK = (1 << HALF) - 1
_PLACE = np.uint64((1 << 32) - 1)


class Weights(NamedTuple):
    """Sums of weights, high * 2**-30 + low * 2**-60; shapes (n,)."""

    high: Ints
    low: Ints

    @classmethod
    def of(cls, weights: Floats) -> Weights:
        """Split weights from 0 to 2**33; what is smaller than 2**-60 is rounded."""
        scaled = weights * _UNIT
        high = np.floor(scaled)
        return cls(high.astype(np.int64), np.rint((scaled - high) * _UNIT).astype(np.int64))

    def to_floats(self) -> Floats:
        """Give them as floats; equal sums give equal floats."""
        high, low = self.high + (self.low >> HALF), self.low & _MASK
        floats: Floats = high / _UNIT + low / _UNIT / _UNIT
        return floats

    def add_groups(self, first: Ints) -> Weights:
        """Sum groups of neighbours that begin at `first`."""
        return Weights(np.add.reduceat(self.high, first), np.add.reduceat(self.low, first))

    def cumulate(self) -> Floats:
        """Give the sums of all up to each, as floats, none of which has lost a bit on the way."""
        total = np.empty(len(self.high))
        _cumulate(np.require(self.high, None, ["C", "W"]), np.require(self.low, None, ["C", "W"]), total)
        return total

    def take(self, places: Any) -> Weights:
        """Take some of them."""
        return Weights(self.high[places], self.low[places])


def join_equal(values: NDArray[Any], weights: Floats) -> tuple[NDArray[Any], Weights]:
    """Sort values and sum the weights of equal ones.

    Those of up to 32 bits are sorted together with their places, in one array of whole numbers.

    Args:
        values: Integers, or floats without NaN, shape (n,); -0.0 counts as 0.0.
        weights: From 0 to 2**33, multiples of 2**-60, shape (n,).

    Returns:
        Values that occur, ascending, each once, and their sums.
    """
    if values.dtype.itemsize > 4:
        order = np.argsort(values)
    else:
        packed = _pack(to_keys(values))
        packed.sort()
        order = (packed & _PLACE).view(np.int64)
    return add_equal(values[order], Weights.of(weights).take(order))


def add_equal(values: NDArray[Any], sums: Weights) -> tuple[NDArray[Any], Weights]:
    """Sum the weights of equal values, which are ascending."""
    new = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=new[1:])
    if new.all():
        return _without_sign(values), sums
    first = np.flatnonzero(new)
    return _without_sign(values[first]), sums.add_groups(first)


def _without_sign(values: NDArray[Any]) -> NDArray[Any]:
    """Take -0.0 to 0.0."""
    return values + values.dtype.type(0) if values.dtype.kind == "f" else values


def join_whole(values: NDArray[Any], sums: Weights, whole: NDArray[Any]) -> tuple[NDArray[Any], Weights]:
    """Join ascending values with more of weight 1, ascending too."""
    both = np.concatenate([values, whole])
    order = np.argsort(both, kind="stable")  # two ascending runs, which are merged
    ones = np.full(len(whole), 1 << HALF, np.int64)
    high, low = np.concatenate([sums.high, ones]), np.concatenate([sums.low, np.zeros_like(ones)])
    return add_equal(both[order], Weights(high[order], low[order]))


def select(whole: NDArray[Any], values: NDArray[Any], sums: Weights, share: float) -> Any:
    """Find the least value up to which weights reach a share of all.

    Args:
        whole: Values of weight 1, ascending, shape (m,).
        values: More values, ascending, each once, shape (n,).
        sums: Their weights.
        share: From 0 to 1.
    """
    upper, lower = np.cumsum(sums.high), np.cumsum(sums.low)
    total = weigh_all(len(whole), sums)
    place, is_whole = _select(whole, values, upper, lower, total, share)
    return whole[place] if is_whole else values[place]


def weigh_all(whole: int, sums: Weights) -> float:
    """Give the sum of all weights, of which so many are 1."""
    return float(_to_float(whole, int(sums.high.sum()), int(sums.low.sum())))


@njit
def _to_float(whole: int, upper: int, lower: int) -> float:
    high = (whole << HALF) + upper + (lower >> HALF)
    return high / _UNIT + (lower & _MASK) / _UNIT / _UNIT


@njit
def _reaches(
    value: Any,
    whole: NDArray[Any],
    values: NDArray[Any],
    upper: Ints,
    lower: Ints,
    total: float,
    share: float,
) -> bool:
    """Tell whether the weights of all up to a value get there."""
    m, n = np.searchsorted(whole, value, side="right"), np.searchsorted(values, value, side="right")
    weight = _to_float(m, upper[n - 1] if n else 0, lower[n - 1] if n else 0)
    return weight / total >= share


@njit
def _select(
    whole: NDArray[Any],
    values: NDArray[Any],
    upper: Ints,
    lower: Ints,
    total: float,
    share: float,
) -> tuple[int, bool]:
    """Halve both lists until the value is found in each; the lesser one that gets there is it."""
    places, reached = [0, 0], [False, False]
    for which in range(2):
        mine = whole if which == 0 else values
        low, high = 0, len(mine) - 1
        while low < high:
            middle = (low + high) // 2
            if _reaches(mine[middle], whole, values, upper, lower, total, share):
                high = middle
            else:
                low = middle + 1
        places[which] = low
        if len(mine):
            reached[which] = _reaches(mine[low], whole, values, upper, lower, total, share)
    w, v = places
    if reached[0] and reached[1]:
        return (v, False) if values[v] < whole[w] else (w, True)
    return (w, True) if reached[0] else (v, False)


@njit
def _pack(keys: NDArray[Any]) -> NDArray[np.uint64]:
    packed = np.empty(len(keys), np.uint64)
    for i in range(len(keys)):
        packed[i] = (np.uint64(keys[i]) << np.uint64(32)) | np.uint64(i)
    return packed


@njit
def _cumulate(high: Ints, low: Ints, total: Floats) -> None:
    upper, lower = 0, 0
    for i in range(len(high)):
        upper += high[i]
        lower += low[i]
        total[i] = _to_float(0, upper, lower)
