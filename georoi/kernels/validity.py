"""Why a pixel does not count: nodata, not finite, masked; decided once for a band and date."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.jit import njit

VALID, NODATA, NONFINITE, MASKED = 0, 1, 2, 3
"""States of a pixel, in the order in which they are asked: the first that holds is the pixel's."""


def classify(
    values: NDArray[Any], nodata: float | int | None, kept: NDArray[np.bool_] | None
) -> NDArray[np.uint8] | None:
    """Give the state of each pixel of a band; None where all are valid.

    Args:
        values: Shape (rows, cols), as the file holds them.
        nodata: The nodata value, NaN included; None where there is none.
        kept: False where a mask takes a pixel out, shape (rows, cols); None where there is no mask.

    Returns:
        uint8, shape (rows, cols): `VALID`, `NODATA`, `NONFINITE` or `MASKED`.
    """
    is_float = values.dtype.kind == "f"
    if nodata is None and kept is None and not is_float:
        return None
    values = np.ascontiguousarray(values)
    state = np.zeros(values.shape, np.uint8)
    missing = np.array([0 if nodata is None else nodata]).astype(values.dtype)
    mask = np.ones((1, 1), np.bool_) if kept is None else np.require(kept, np.bool_, ["C", "W"])
    find = _classify_floats if is_float else _classify_integers
    values = values if values.flags.writeable else values.copy()
    invalid = find(values, missing, nodata is not None, mask, kept is not None, state)
    return state if invalid else None


@njit
def _classify_floats(
    values: NDArray[Any],
    nodata: NDArray[Any],
    has_nodata: bool,
    kept: NDArray[np.bool_],
    has_mask: bool,
    state: NDArray[np.uint8],
) -> int:
    invalid = 0
    missing = nodata[0]
    nan_is_missing = has_nodata and missing != missing
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            value = values[row, column]
            found = 0
            if has_nodata and (value == missing or (nan_is_missing and value != value)):
                found = NODATA
            elif not np.isfinite(value):
                found = NONFINITE
            elif has_mask and not kept[row, column]:
                found = MASKED
            state[row, column] = found
            invalid += found != 0
    return invalid


@njit
def _classify_integers(
    values: NDArray[Any],
    nodata: NDArray[Any],
    has_nodata: bool,
    kept: NDArray[np.bool_],
    has_mask: bool,
    state: NDArray[np.uint8],
) -> int:
    invalid = 0
    missing = nodata[0]
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            found = 0
            if has_nodata and values[row, column] == missing:
                found = NODATA
            elif has_mask and not kept[row, column]:
                found = MASKED
            state[row, column] = found
            invalid += found != 0
    return invalid
