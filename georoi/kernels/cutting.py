"""Cut rings with lines along rows and columns, to the bit the same on both sides of a line."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.jit import njit

Floats = NDArray[np.float64]
Offsets = NDArray[np.int64]


def cut_rings(
    x: Floats, y: Floats, rings: Offsets, *, axis: str, at: float, keep: str
) -> tuple[Floats, Floats, Offsets]:
    """Keep what lies on one side of a line x = at or y = at.

    A ring that crosses the line goes on along it (Sutherland and Hodgman 1974), so a cut ring may touch
    itself there, but it encloses what the ring encloses on that side, with the same sign.

    Args:
        x: Columns of the vertices, shape (vertices,).
        y: Their rows.
        rings: Offsets of closed rings into x and y, shape (n + 1,).
        axis: "x" or "y".
        at: Where the line lies.
        keep: "low" or "high", the side of the coordinates that stay.

    Returns:
        x, y and offsets of as many closed rings; those without a vertex on that side are empty.
    """
    across, along = (x, y) if axis == "x" else (y, x)
    room = 2 * len(x) + len(rings)
    cut_across, cut_along, offsets = np.empty(room), np.empty(room), np.zeros(len(rings), np.int64)
    _cut(across, along, rings, at, 1.0 if keep == "low" else -1.0, cut_across, cut_along, offsets)
    cut_across, cut_along = cut_across[: offsets[-1]].copy(), cut_along[: offsets[-1]].copy()
    return (cut_across, cut_along, offsets) if axis == "x" else (cut_along, cut_across, offsets)


@njit
def _cut(
    across: Floats,
    along: Floats,
    rings: Offsets,
    at: float,
    side: float,
    cut_across: Floats,
    cut_along: Floats,
    offsets: Offsets,
) -> None:
    n = 0
    for ring in range(rings.shape[0] - 1):
        first = n
        for i in range(rings[ring], rings[ring + 1] - 1):
            here, there = side * (across[i] - at), side * (across[i + 1] - at)
            if here <= 0:
                cut_across[n], cut_along[n] = across[i], along[i]
                n += 1
            if (here < 0 < there) or (there < 0 < here):
                share = (at - across[i]) / (across[i + 1] - across[i])
                cut_across[n], cut_along[n] = at, along[i] + share * (along[i + 1] - along[i])
                n += 1
        if n > first:
            cut_across[n], cut_along[n] = cut_across[first], cut_along[first]
            n += 1
        offsets[ring + 1] = n
