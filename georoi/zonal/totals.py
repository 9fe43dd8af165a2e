"""Partial results merged in cell order; what is complete is handed on, and what only it needed is let go."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.kernels import ledger, reduction
from georoi.zonal.partials import CellPartial, TilePartial


@dataclass(eq=False)
class Totals:
    """The state of n ROIs and some layers, cell after cell."""

    moments: NDArray[np.float64]
    """Shape (n, layers, reduction.FIELDS)."""
    ledger: NDArray[np.float64]
    """Shape (n, layers, ledger.FIELDS)."""
    failures: dict[int, str] = field(default_factory=dict)
    """By number of a ROI, why a part of it could not be read."""
    _samples: dict[int, list[list[tuple[NDArray[Any], NDArray[np.float64]]]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    @classmethod
    def empty(cls, rois: int, layers: int) -> Totals:
        """Start with nothing."""
        return cls(reduction.no_moments(rois, layers), np.zeros((rois, layers, ledger.FIELDS)))

    def add(self, tile: TilePartial) -> None:
        """Merge the results of a tile, cell by cell."""
        for roi in tile.failed.tolist():
            self.failures.setdefault(roi, tile.reason)
        for cell in tile.cells:
            total = self.moments[cell.rois]
            reduction.join_moments(total, cell.moments)
            self.moments[cell.rois] = total
            self.ledger[cell.rois] += cell.ledger
            self._keep_samples(cell)

    def _keep_samples(self, cell: CellPartial) -> None:
        for layer, samples in enumerate(cell.samples):
            for i, roi in enumerate(cell.rois.tolist()):
                mine = slice(samples.start[i], samples.start[i + 1])
                kept = self._samples[roi]
                while len(kept) <= layer:
                    kept.append([])
                kept[layer].append((samples.values[mine], samples.weights[mine]))

    def take_samples(self, roi: int, layer: int) -> tuple[NDArray[Any], NDArray[np.float64]] | None:
        """Give all values and weights of a ROI in a layer, in cell order; None if it has none."""
        kept = self._samples.get(roi)
        if kept is None:
            return None
        pieces = kept[layer]
        return np.concatenate([values for values, _ in pieces]), np.concatenate([w for _, w in pieces])

    def forget(self, roi: int) -> None:
        """Let go of the values of a ROI."""
        self._samples.pop(roi, None)
