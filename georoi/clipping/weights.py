"""Which pixels of a tile are kept, and with what weight."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.clipping.windows import place_in
from georoi.errors import ROIError, UsageError
from georoi.grid import Window
from georoi.kernels.coverage import cover
from georoi.kernels.distance import soften
from georoi.kernels.edges import Edges
from georoi.options import Boundary, parse_boundary, parse_feather
from georoi.planning.plan import TileTask


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How ROIs become weights."""

    boundary: Boundary = Boundary.CENTER
    invert: bool = False
    feather: float = 0.0
    """Width of the soft edge in pixels; 0 for none. Above 0 it takes the place of the boundary rule."""

    @classmethod
    def parse(
        cls,
        *,
        boundary: str | Boundary | None = None,
        all_touched: bool | None = None,
        invert: bool = False,
        feather: float = 0,
    ) -> Rule:
        """Make the rule from keywords as users write them.

        Raises:
            UsageError: E-USE-01 if a value is not allowed, or a soft edge is asked for beside a boundary rule
                that it would replace.
        """
        rule = parse_boundary(boundary, all_touched)
        width = parse_feather(feather)
        if width > 0 and rule is not Boundary.CENTER:
            raise UsageError(
                "E-USE-01",
                "a soft edge takes the place of the boundary rule, so only one of them can be asked for",
                found={"feather": f"{width:g} pixels", "boundary": str(rule)},
                hint="leave out feather= (--feather) or boundary= (--boundary)",
            )
        return cls(boundary=rule, invert=bool(invert), feather=width)

    @property
    def is_soft(self) -> bool:
        """Whether weights are fractions; they are kept or not kept otherwise."""
        return self.feather > 0 or self.boundary is Boundary.FRACTION

    @property
    def dtype(self) -> str:
        """Of the weights: float64 or bool."""
        return "float64" if self.is_soft else "bool"

    @property
    def outside(self) -> float | bool:
        """The weight of a pixel that no ROI touches."""
        return float(self.invert) if self.is_soft else self.invert

    def keeps_all(self, task: TileTask) -> bool:
        """Tell whether every pixel of a tile has the full weight, whatever the edges: no mask is needed."""
        if not task.rois:  # no ROI: the pixels lie outside an inverted mask, or no mask is applied
            return True
        return not self.invert and any(edges is None for _, edges in task.rois)

    def weigh(self, task: TileTask, window: Window | None = None) -> NDArray[Any] | None:
        """Give the weights of the union of a tile's ROIs, or None where every pixel has the full weight.

        Fractions of several ROIs are added up, so these may not overlap; soft edges take the larger weight.

        Args:
            task: A tile.
            window: The part of the tile that is wanted; all of it by default.

        Returns:
            Shape (rows, cols) of the window, bool or float64.
        """
        row0, row1, col0, col1 = window = window or task.window
        if self.keeps_all(task):
            return None
        if any(edges is None for _, edges in task.rois):
            return np.zeros((row1 - row0, col1 - col0), dtype=self.dtype)
        weights = self._cover(task, window)
        if not self.invert:
            return weights
        rest: NDArray[Any] = 1.0 - weights if self.is_soft else ~weights
        return rest

    def _cover(self, task: TileTask, window: Window) -> NDArray[Any]:
        row0, row1, col0, col1 = window
        total: NDArray[Any] = np.zeros((row1 - row0, col1 - col0), dtype=self.dtype)
        for (_, edges), bounds in zip(task.rois, task.bounds, strict=True):
            if edges is None:
                continue
            part = cut_to_reach(window, bounds, self.feather / 2)
            if part is not None:
                self._join(total[place_in(part, window)], edges, part)
        return total

    def _join(self, total: NDArray[Any], edges: Edges, window: Window) -> None:
        """Add the weights of one ROI to those of others."""
        if self.feather > 0:
            np.maximum(total, soften(edges, window, self.feather), out=total)
        elif self.boundary is Boundary.FRACTION:
            total += cover(edges, window, self.boundary)
            np.minimum(total, 1.0, out=total)
        else:
            total |= cover(edges, window, self.boundary)


def cut_to_reach(window: Window, bounds: NDArray[np.float64], distance: float = 0.0) -> Window | None:
    """Cut a window to the pixels that a ROI can reach, so that a small ROI costs its own pixels only.

    Args:
        window: (row0, row1, col0, col1).
        bounds: (x_min, y_min, x_max, y_max) of the ROI in pixels.
        distance: Pixels that its weights reach beyond its outline.

    Returns:
        None if there is no such pixel.
    """
    row0, row1, col0, col1 = window
    x_min, y_min, x_max, y_max = (float(side) for side in bounds)
    row0, row1 = max(row0, math.floor(y_min - distance)), min(row1, math.ceil(y_max + distance))
    col0, col1 = max(col0, math.floor(x_min - distance)), min(col1, math.ceil(x_max + distance))
    return (row0, row1, col0, col1) if row0 < row1 and col0 < col1 else None


@dataclass(frozen=True, kw_only=True)
class LabelRule:
    """How ROIs become numbers: ROI i gives its pixels the number i + 1."""

    boundary: Boundary
    overlap: str
    """What a pixel of several ROIs gets: "first", "last", or "error"."""
    dtype: str
    ids: tuple[object, ...]

    outside = 0
    """The number of a pixel that no ROI touches."""

    def number(self, task: TileTask, window: Window | None = None) -> NDArray[Any]:
        """Give the numbers of a tile's pixels, shape (rows, cols) of the window.

        Raises:
            ROIError: E-ROI-06 if two ROIs claim one pixel and `overlap` is "error".
        """
        row0, row1, col0, col1 = window = window or task.window
        labels = np.zeros((row1 - row0, col1 - col0), dtype=self.dtype)
        for (roi, edges), bounds in zip(task.rois, task.bounds, strict=True):
            part = cut_to_reach(window, bounds)
            if part is None:
                continue
            place = labels[place_in(part, window)]
            claimed = np.ones(place.shape, dtype=bool) if edges is None else cover(edges, part, self.boundary)
            if self.overlap == "error":
                self._refuse(place, claimed, roi, part)
            elif self.overlap == "first":
                claimed &= place == 0
            place[claimed] = roi + 1
        return labels

    def _refuse(self, labels: NDArray[Any], claimed: NDArray[np.bool_], roi: int, window: Window) -> None:
        twice = claimed & (labels != 0)
        if not twice.any():
            return
        row, col = (int(place[0]) for place in np.nonzero(twice))
        other = self.ids[int(labels[row, col]) - 1]
        raise ROIError(
            "E-ROI-06",
            "two ROIs claim the same pixel, which can have one label only",
            found={
                "rois": f"{other} and {self.ids[roi]}",
                "pixel": f"row {row + window[0]}, column {col + window[2]} of the raster",
            },
            hint="choose overlap='first' or 'last' (--overlap)",
        )
