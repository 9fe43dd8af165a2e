"""Halve images for overviews: each pixel from 2 x 2, as the mean of the valid ones or as the first."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Rule = Literal["average", "nearest"]
Values = NDArray[Any]  # of one of the ten real dtypes of images
Valid = NDArray[np.bool_]


def halve(
    values: Values, valid: Valid | None = None, *, nodata: int | float | None = None, rule: Rule = "average"
) -> tuple[Values, Valid | None]:
    """Halve an image; where a side is odd, the last pixel is made of what there is.

    Average: (2 * sum + n) // (2 * n) of the n valid pixels for integers, which rounds halves up and is exact
    for 64 bits too; the mean, taken in float64, for floats. A pixel is invalid where all of its four are. A
    mean that happens to equal nodata moves to the next value. Nearest: the upper left pixel and its validity.

    Args:
        values: Shape (bands, rows, cols).
        valid: Shape (rows, cols), or None where nothing is masked.
        nodata: Value that is not valid; NaN never is.
        rule: "average" or "nearest".

    Returns:
        Values of shape (bands, ceil(rows / 2), ceil(cols / 2)), of the same dtype; their validity or None.
    """
    if rule == "nearest":
        return values[:, ::2, ::2].copy(), None if valid is None else valid[::2, ::2].copy()
    halved_valid: Valid | None = None if valid is None else np.logical_or.reduce(_corners(valid))
    good = _find_good(values, valid, nodata)
    is_even = values.shape[1] % 2 == values.shape[2] % 2 == 0
    if is_even and good.all():
        mean = _mean_of_four(values)
        _avoid(mean, nodata)
        return mean, halved_valid
    count = _sum_corners(np.broadcast_to(good, values.shape), np.uint8)
    zeroed = np.where(good, values, values.dtype.type(0))
    mean = (_mean_float if values.dtype.kind == "f" else _mean_integer)(zeroed, np.maximum(count, 1))
    _avoid(mean, nodata)
    fill: object = 0 if nodata is None else nodata
    if values.dtype.kind == "f" and nodata is None:  # all four NaN, or masked
        fill = np.nan if halved_valid is None else np.where(halved_valid, np.nan, 0.0)
    return np.where(count > 0, mean, np.asarray(fill).astype(values.dtype)), halved_valid


def _find_good(values: Values, valid: Valid | None, nodata: int | float | None) -> Valid:
    """Tell which values count; the shape is that of the values or broadcasts to it."""
    good: Valid = np.ones((1, 1, 1), dtype=np.bool_) if valid is None else valid[None]
    if values.dtype.kind == "f":
        good = good & ~np.isnan(values)
    if nodata is not None and nodata == nodata:
        good = good & (values != values.dtype.type(nodata))
    return good


def _corners(array: Values) -> list[Values]:
    """Give the upper left, upper right, lower left and lower right pixels; zeros fill up odd sides."""
    odd = [(0, 0)] * (array.ndim - 2) + [(0, array.shape[-2] % 2), (0, array.shape[-1] % 2)]
    if any(after for _, after in odd):
        array = np.pad(array, odd)
    return [array[..., row::2, col::2] for row in (0, 1) for col in (0, 1)]


def _sum_corners(array: Values, dtype: type[np.generic]) -> Values:
    parts = _corners(array)
    total: Values = np.add(parts[0], parts[1], dtype=dtype)
    for part in parts[2:]:
        np.add(total, part, out=total, casting="unsafe")
    return total


def _mean_of_four(values: Values) -> Values:
    """Average where every pixel counts and sides are even."""
    size, kind = values.dtype.itemsize, values.dtype.kind
    if kind == "f":
        return _mean_float(values, np.uint8(4))
    if size == 8:
        return _mean_integer(values, np.full((1, 1, 1), 4, dtype=np.uint8))
    total = _sum_corners(values, _wide(values.dtype))
    total += 2
    total >>= 2
    return total.astype(values.dtype)


def _mean_float(zeroed: Values, count: Any) -> Values:
    with np.errstate(over="ignore", invalid="ignore"):  # infinities are values too
        mean: Values = (_sum_corners(zeroed, np.float64) / count).astype(zeroed.dtype)
    return mean


def _mean_integer(zeroed: Values, count: Values) -> Values:
    if zeroed.dtype.itemsize < 8:
        total = _sum_corners(zeroed, _wide(zeroed.dtype))
        double = count.astype(total.dtype)
        total += total
        total += double
        double += double
        rounded: Values = total // double
        return rounded.astype(zeroed.dtype)
    # 64 bits: divide before adding, so that nothing overflows (sum = count * quotients + remainders)
    divisor = count.astype(zeroed.dtype)
    parts = [np.divmod(part, divisor) for part in _corners(zeroed)]
    quotient, remainder = (np.add.reduce([part[place] for part in parts]) for place in (0, 1))
    mean: Values = quotient + (2 * remainder + divisor) // (2 * divisor)
    return mean


def _wide(dtype: np.dtype[Any]) -> type[np.generic]:
    """Give an integer type that holds twice the sum of four values."""
    if dtype.itemsize <= 2:
        return np.int32
    return np.int64 if dtype.kind == "i" else np.uint64


def _avoid(mean: Values, nodata: int | float | None) -> None:
    """Move means that happen to equal nodata to the value that follows, or precedes where there is none."""
    if nodata is None or nodata != nodata:
        return
    value = mean.dtype.type(nodata)
    hit = mean == value
    if not hit.any():
        return
    if mean.dtype.kind == "f":
        mean[hit] = np.nextafter(value, mean.dtype.type(np.inf if value < 0 else -np.inf))
    else:
        mean[hit] = int(value) + (1 if int(value) < np.iinfo(mean.dtype).max else -1)
