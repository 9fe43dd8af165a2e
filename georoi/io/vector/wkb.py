"""Parse WKB feature by feature, so that one bad ring never costs the file."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from georoi.values.naming import plain


def parse_wkb(
    blobs: NDArray[np.object_], numbers: NDArray[np.int64]
) -> tuple[NDArray[np.object_], dict[int, str], dict[int, str]]:
    """Parse geometries; what cannot be parsed is None, unclosed rings are closed.

    Args:
        blobs: WKB as bytes, or None, shape (n,).
        numbers: Feature numbers, shape (n,).

    Returns:
        Geometries, shape (n,); by feature number, why one could not be parsed; and what was put right in one.
    """
    with np.errstate(invalid="ignore"):  # NaN coordinates are dealt with when features become ROIs
        geometry = np.asarray(shapely.from_wkb(blobs, on_invalid="ignore"), dtype=object)
        unread: dict[int, str] = {}
        mended: dict[int, str] = {}
        for position in np.flatnonzero(
            shapely.is_missing(geometry) & np.array([blob is not None for blob in blobs], dtype=np.bool_)
        ).tolist():
            number = int(numbers[position])
            try:
                geometry[position] = shapely.from_wkb(blobs[position], on_invalid="fix")
                reason = _reason(blobs[position])
            except (shapely.errors.ShapelyError, TypeError, ValueError) as error:
                unread[number] = f"its geometry cannot be read ({plain(error)})"
                continue
            if geometry[position] is None:
                unread[number] = f"its geometry cannot be read ({reason})"
            else:
                mended[number] = reason
    return geometry, unread, mended


def _reason(blob: bytes) -> str:
    """Ask shapely why it does not take the WKB as it is."""
    try:
        shapely.from_wkb(blob)
    except shapely.errors.ShapelyError as error:
        text = str(error).partition(": ")[2] or str(error)
        return "a ring was not closed" if "closed linestring" in text else plain(text, 120)
    return "unreadable"
