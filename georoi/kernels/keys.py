"""Whole numbers that order as the values do that they are made of, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def to_keys(values: NDArray[Any]) -> NDArray[Any]:
    """Make unsigned integers of the values' size that order as the values do.

    Of integers the sign bit is turned; of floats too, and for negative ones all others, as in M. Herf, Radix
    tricks (2001). -0.0 gives the key of 0.0.

    Args:
        values: Integers, or floats without NaN; any shape.
    """
    kind, bits = values.dtype.kind, 8 * values.dtype.itemsize
    unsigned = np.dtype(f"u{values.dtype.itemsize}")
    if kind == "u":
        return values.copy()
    top = unsigned.type(1 << (bits - 1))
    if kind == "i":
        flipped: NDArray[Any] = values.view(unsigned) ^ top
        return flipped
    raw = (values + values.dtype.type(0)).view(unsigned)
    turned: NDArray[Any] = np.where(raw & top, ~raw, raw | top)
    return turned


def from_keys(keys: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Give back the values of keys.

    Args:
        keys: What `to_keys` gives, as any unsigned integers.
        dtype: Of the values.
    """
    bits = 8 * dtype.itemsize
    unsigned = np.dtype(f"u{dtype.itemsize}")
    keys = keys.astype(unsigned)
    if dtype.kind == "u":
        return keys
    top = unsigned.type(1 << (bits - 1))
    raw = keys ^ top if dtype.kind == "i" else np.where(keys & top, keys ^ top, ~keys)
    return raw.view(dtype)
