"""Images merged into one array, pixel by pixel, where they overlap by a stated rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from georoi.clipping.windows import place_in
from georoi.errors import ROIError
from georoi.grid import Window
from georoi.values.raster import Number

OVERLAPS = ("first", "last", "mean", "blend", "error")
"""What a pixel of several images gets: the first or last value, the mean, the mean by weight, or an error."""


class Part(NamedTuple):
    """A part of an image."""

    id: object
    window: Window
    """(row0, row1, col0, col1) on the grid."""
    values: NDArray[Any]
    """Shape (..., rows, cols), in the dtype of the result and with its nodata value."""
    weights: NDArray[np.float64] | None
    """Shape (rows, cols); 1 everywhere if None."""


def merge(
    parts: Iterable[Part], window: Window, shape: tuple[int, ...], dtype: str, nodata: Number, overlap: str
) -> NDArray[Any]:
    """Merge parts of images in a window.

    Pixels without data never hide others. A pixel of one image keeps its value to the bit; means of integers
    are rounded to the nearest, halves to even.

    Args:
        parts: Within the window, in the order that "first" and "last" mean.
        window: (row0, row1, col0, col1) on the grid.
        shape: Of the result, (..., rows, cols).
        dtype: Of the result.
        nodata: What stands where no image has data.
        overlap: One of `OVERLAPS`.

    Raises:
        ROIError: E-ROI-06 if two images hold a pixel and `overlap` is "error".
    """
    merged: NDArray[Any] = np.full(shape, nodata, dtype=dtype)
    count = np.zeros(shape, dtype=np.int32)
    averaged = overlap in ("mean", "blend")
    total, weight = (np.zeros(shape if averaged else 0) for _ in range(2))
    for part in parts:
        place = (..., *place_in(part.window, window))
        valid = is_valid(part.values, nodata)
        if overlap == "error":
            _refuse(part, valid & (count[place] > 0))
        taken = valid & (count[place] == 0) if overlap == "first" else valid
        np.copyto(merged[place], part.values, where=taken)
        count[place] += valid
        if averaged:
            factor = np.float64(1) if part.weights is None or overlap == "mean" else part.weights
            factor = np.where(valid, factor, 0.0)
            weight[place] += factor
            total[place] += np.where(valid, part.values, 0) * factor
    if averaged:
        several = (count > 1) & (weight > 0)
        mean = total[several] / weight[several]
        merged[several] = np.rint(mean) if merged.dtype.kind in "iu" else mean
    return merged


def is_valid(values: NDArray[Any], nodata: Number) -> NDArray[np.bool_]:
    """Tell which values are data: neither the nodata value nor NaN."""
    valid: NDArray[np.bool_] = values != values.dtype.type(nodata)
    return valid & ~np.isnan(values) if values.dtype.kind == "f" else valid


def _refuse(part: Part, twice: NDArray[np.bool_]) -> None:
    if not twice.any():
        return
    row, col = (int(places[0]) for places in np.nonzero(twice)[-2:])
    raise ROIError(
        "E-ROI-06",
        "two images hold the same pixel, and overlap='error' was asked for",
        found={
            "images": f"{part.id} and one before it",
            "pixel": f"row {row + part.window[0]}, column {col + part.window[2]} of the grid",
        },
        hint="choose overlap='first', 'last', 'mean' or 'blend'",
    )
