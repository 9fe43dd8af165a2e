"""Coverage of a window by one ROI, under any boundary rule."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from georoi.kernels.center import cover_center
from georoi.kernels.edges import Edges
from georoi.kernels.fraction import cover_fraction
from georoi.kernels.touched import cover_touched
from georoi.options import Boundary

_COVER = {
    Boundary.CENTER: cover_center,
    Boundary.ALL_TOUCHED: cover_touched,
    Boundary.FRACTION: cover_fraction,
}


def cover(edges: Edges, window: tuple[int, int, int, int], rule: Boundary | str) -> NDArray[Any]:
    """Cover a window, with the same bits for a pixel whatever window it is asked for in.

    Args:
        edges: Edges of one ROI, at least those that `EdgeIndex.select` gives for the window; may be empty.
        window: (row0, row1, col0, col1) in pixels of the whole grid; may reach beyond the grid.
        rule: "center", "all_touched" or "fraction".

    Returns:
        Shape (row1 - row0, col1 - col0): bool for "center" and "all_touched", float64 for "fraction".
    """
    return _COVER[Boundary(rule)](edges.kernel_ready(), window)
