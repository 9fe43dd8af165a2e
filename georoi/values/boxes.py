"""Check boxes given as numbers, and bring them to corners."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from georoi.errors import ROIError, UsageError


def bounds_corners(bounds: ArrayLike) -> NDArray[np.float64]:
    """Check boxes (xmin, ymin, xmax, ymax), shape (n, 4) or (4,), and give them with shape (n, 4).

    Raises:
        UsageError: E-USE-01 if they are no such rows.
        ROIError: E-ROI-03 if a number is not finite; E-ROI-07 if a minimum is not below its maximum.
    """
    boxes = _rows(bounds, "(xmin, ymin, xmax, ymax)")
    _check(boxes, (boxes[:, 0] < boxes[:, 2]) & (boxes[:, 1] < boxes[:, 3]), "minima below its maxima")
    return boxes


def size_corners(boxes: ArrayLike) -> NDArray[np.float64]:
    """Check boxes (x, y, width, height), shape (n, 4) or (4,), and give (xmin, ymin, xmax, ymax).

    Raises:
        UsageError: E-USE-01 if they are no such rows.
        ROIError: E-ROI-03 if a number is not finite; E-ROI-07 if a width or height is not above zero.
    """
    given = _rows(boxes, "(x, y, width, height)")
    _check(given, (given[:, 2] > 0) & (given[:, 3] > 0), "width and height above zero")
    return np.concatenate([given[:, :2], given[:, :2] + given[:, 2:]], axis=1)


def _rows(boxes: ArrayLike, form: str) -> NDArray[np.float64]:
    try:
        array = np.atleast_2d(np.asarray(boxes, dtype=np.float64))
    except (TypeError, ValueError):
        array = np.empty((0, 0))
    if array.ndim != 2 or array.shape[1] != 4:
        raise UsageError("E-USE-01", f"boxes are rows of four numbers {form}")
    return array


def _check(boxes: NDArray[np.float64], good: NDArray[np.bool_], rule: str) -> None:
    finite = np.isfinite(boxes).all(axis=1)
    if not finite.all():
        raise ROIError("E-ROI-03", f"box {int(np.argmin(finite))} has NaN or infinite coordinates")
    if not good.all():
        wrong = int(np.argmin(good))
        raise ROIError("E-ROI-07", f"box {wrong} needs its {rule}", found={"box": f"{boxes[wrong].tolist()}"})
