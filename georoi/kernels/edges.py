"""Polygon edges as flat arrays: what every coverage kernel takes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Edges(NamedTuple):
    """The edges of one ROI, in pixel coordinates of the whole grid (x = column, y = row, y down).

    An edge runs from (x0, y0) to (x1, y1), in the order of its ring. All arrays have shape (n,).
    """

    x0: NDArray[np.float64]
    y0: NDArray[np.float64]
    x1: NDArray[np.float64]
    y1: NDArray[np.float64]
    sign: NDArray[np.int8]
    """+1 or -1 per edge, so that sign * (signed area of the edge's ring) is positive for a shell, negative
    for a hole, whichever way the ring was drawn."""
    part: NDArray[np.int32]
    """Number of the edge's polygon within the ROI; the edges of one part stand together."""

    def __len__(self) -> int:
        return int(self.x0.shape[0])

    def take(self, index: NDArray[np.int64]) -> Edges:
        """Select edges by position, keeping their order."""
        return Edges(
            self.x0[index], self.y0[index], self.x1[index], self.y1[index], self.sign[index], self.part[index]
        )
