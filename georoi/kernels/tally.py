"""Weights counted by ranges of values: exact ranks of more pixels than memory would hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.keys import to_keys
from georoi.kernels.sums import Weights

Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]

BITS = 16
"""Bits of a key that one pass tells apart: at most 65,536 ranges for a ROI and layer."""


class Tally(NamedTuple):
    """Ranges of values that hold a pixel, ascending; shapes (n,).

    A range is given by its first key (see `keys.to_keys`); the keys in it share its leading bits.
    """

    keys: Keys
    weights: Weights
    pixels: Ints
    """Number of pixels."""


class Ranges(NamedTuple):
    """What one pass counts in a layer."""

    shift: int
    """Ranges are 2**shift keys long; 0 tells every value apart."""
    within_shift: int
    """The same for the ranges of an earlier pass that are looked into; 64 where all values are."""
    is_turned: bool
    """Whether keys order against the values, as scaled ones do where the scale is negative."""


def count(values: NDArray[Any], weights: NDArray[np.float64], ranges: Ranges, within: Keys | None) -> Tally:
    """Count pixels by the ranges that their values lie in.

    Args:
        values: Of integers or floats, without NaN, shape (n,).
        weights: From 0 to 1.
        ranges: How they are counted.
        within: First keys of the ranges that are looked into, ascending; None for all.
    """
    keys = make_keys(values, ranges.is_turned)
    if within is not None:
        start = floor_keys(keys, ranges.within_shift)
        place = np.minimum(np.searchsorted(within, start), max(len(within) - 1, 0))
        kept = within[place] == start if len(within) else np.zeros(len(keys), dtype=bool)
        keys, weights = keys[kept], weights[kept]
    return _condense(floor_keys(keys, ranges.shift), Weights.of(weights), np.ones(len(keys), np.int64))


def make_keys(values: NDArray[Any], is_turned: bool) -> Keys:
    """Make keys of values, or of their negatives; in 64 bits, of which the values' size is used."""
    keys = to_keys(values)
    return (~keys if is_turned else keys).astype(np.uint64)


def floor_keys(keys: Keys, shift: int) -> Keys:
    """Give the first key of the range that each key lies in."""
    if shift >= 64:
        return np.zeros_like(keys)
    floored: Keys = keys >> np.uint64(shift) << np.uint64(shift)
    return floored


def merge(tallies: Iterable[Tally]) -> Tally:
    """Merge tallies of the same ranges, or of ranges that lie apart."""
    found = list(tallies)
    return _condense(
        np.concatenate([tally.keys for tally in found]),
        Weights(
            np.concatenate([tally.weights.high for tally in found]),
            np.concatenate([tally.weights.low for tally in found]),
        ),
        np.concatenate([tally.pixels for tally in found]),
    )


def replace(tally: Tally, within: Keys, finer: Tally) -> Tally:
    """Put the ranges of a later pass in the place of those that it looked into."""
    kept = ~np.isin(tally.keys, within, assume_unique=True)
    rest = Tally(tally.keys[kept], tally.weights.take(kept), tally.pixels[kept])
    return merge([rest, finer])


def _condense(keys: Keys, weights: Weights, pixels: Ints) -> Tally:
    order = np.argsort(keys)
    keys, weights, pixels = keys[order], weights.take(order), pixels[order]
    new = np.ones(len(keys), dtype=bool)
    np.not_equal(keys[1:], keys[:-1], out=new[1:])
    first = np.flatnonzero(new)
    if len(first) == len(keys):
        return Tally(keys, weights, pixels)
    return Tally(keys[first], weights.add_groups(first), np.add.reduceat(pixels, first))
