"""The work on a cell that counts values in ranges, for ROIs with more pixels than memory would hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.samples import gather
from georoi.kernels.spans import Spans
from georoi.kernels.tally import Keys, Ranges, Tally, count
from georoi.zonal.partials import Ints


@dataclass(frozen=True, eq=False)
class Tallying:
    """Which ROIs are counted in which ranges in one pass."""

    rois: Ints
    """Their numbers in the pass, ascending."""
    ranges: tuple[Ranges | None, ...]
    """Per layer; None for layers whose values are kept, since few of them differ, or are not asked for."""
    within: Mapping[tuple[int, int], Keys] | None = None
    """By ROI and layer, the ranges of an earlier pass that are looked into; None for all values."""

    def counts(self, layer: int) -> bool:
        """Tell whether a layer is counted in ranges."""
        return self.ranges[layer] is not None

    def holds(self, rois: Ints) -> NDArray[np.bool_]:
        """Tell which ROIs are counted in ranges."""
        return np.isin(rois, self.rois)

    def count(
        self, layer: int, spans: Spans, values: NDArray[Any], state: NDArray[np.uint8] | None, rois: Ints
    ) -> list[tuple[int, int, Tally]]:
        """Count the values of one layer in a cell.

        Args:
            layer: Number of the layer.
            spans: What each of n ROIs covers.
            values: Shape (rows, cols).
            state: What `validity.classify` gives.
            rois: Numbers of the n ROIs.

        Returns:
            ROI, layer and tally, for each ROI that has a pixel to be counted.
        """
        ranges = self.ranges[layer]
        if ranges is None:
            return []
        found = []
        for i in np.flatnonzero(self.holds(rois)).tolist():
            roi = int(rois[i])
            within = None if self.within is None else self.within.get((roi, layer))
            if self.within is not None and within is None:
                continue
            _, mine, weights = gather(
                drop_rois(spans, np.arange(len(rois)) != i), values, state, counted=False
            )
            tally = count(mine, weights, ranges, within)
            if len(tally.keys):
                found.append((roi, layer, tally))
        return found


def drop_rois(spans: Spans, dropped: NDArray[np.bool_]) -> Spans:
    """Leave some ROIs without pixels; the numbers of the others stay."""
    if not dropped.any():
        return spans
    runs, pixels = np.diff(spans.run_start), np.diff(spans.pixel_start)
    kept_runs, kept_pixels = np.repeat(~dropped, runs), np.repeat(~dropped, pixels)
    return Spans(
        np.append(0, np.cumsum(np.where(dropped, 0, runs))),
        np.ascontiguousarray(spans.runs[kept_runs]),
        np.append(0, np.cumsum(np.where(dropped, 0, pixels))),
        np.ascontiguousarray(spans.pixels[kept_pixels]),
        np.ascontiguousarray(spans.parts[kept_pixels]),
    )
