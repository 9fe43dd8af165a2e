"""Partial results merged in cell order; what is complete is handed on, and what only it needed is let go."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.kernels import ledger, positions, reduction, weighting
from georoi.kernels.tally import Tally, merge
from georoi.zonal.partials import CellPartial, Samples, TilePartial

_MOST = 1 << 18
"""Ranges of a ROI and layer that are kept before equal ones are joined."""


@dataclass(eq=False)
class Tallies:
    """Counts by ranges of values, per ROI and layer."""

    _open: dict[tuple[int, int], list[Tally]] = field(default_factory=lambda: defaultdict(list))

    def add(self, cell: CellPartial) -> None:
        """Take the counts of a cell."""
        for roi, layer, tally in cell.tallies:
            kept = self._open[roi, layer]
            kept.append(tally)
            if sum(len(one.keys) for one in kept) > _MOST and len(kept) > 1:
                kept[:] = [merge(kept)]

    def take(self) -> dict[tuple[int, int], Tally]:
        """Give the counts by ROI and layer, of those that have a pixel."""
        merged = {key: merge(kept) for key, kept in sorted(self._open.items())}
        return {key: tally for key, tally in merged.items() if len(tally.keys)}


@dataclass(eq=False)
class Totals:
    """The state of n ROIs and some layers, cell after cell."""

    moments: NDArray[np.float64]
    """Shape (n, layers, reduction.FIELDS)."""
    ledger: NDArray[np.float64]
    """Shape (n, layers, ledger.FIELDS)."""
    positions: NDArray[np.float64] | None = None
    """Shape (n, layers, positions.FIELDS), where asked for."""
    weighted: NDArray[np.float64] | None = None
    """Shape (n, layers, weighting.FIELDS), where asked for."""
    failures: dict[int, str] = field(default_factory=dict)
    """By number of a ROI, why a part of it could not be read."""
    tallies: Tallies = field(default_factory=Tallies)
    _samples: dict[int, list[list[tuple[NDArray[Any], NDArray[np.float64], NDArray[np.int64] | None]]]] = (
        field(default_factory=lambda: defaultdict(list))
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
            if cell.positions is not None:
                self._add_positions(cell.rois, cell.positions)
            if cell.weighted is not None:
                self._add_weighted(cell.rois, cell.weighted)
            self._keep_samples(cell)
            self.tallies.add(cell)

    def _add_positions(self, rois: NDArray[np.int64], part: NDArray[np.float64]) -> None:
        if self.positions is None:
            self.positions = positions.no_positions(*self.moments.shape[:2])
        total = self.positions[rois]
        positions.join_positions(total, part)
        self.positions[rois] = total

    def _add_weighted(self, rois: NDArray[np.int64], part: NDArray[np.float64]) -> None:
        if self.weighted is None:
            self.weighted = weighting.no_weighted(*self.moments.shape[:2])
        total = self.weighted[rois]
        weighting.join_weighted(total, part)
        self.weighted[rois] = total

    def _keep_samples(self, cell: CellPartial) -> None:
        for layer, samples in enumerate(cell.samples):
            for i, roi in enumerate(cell.rois.tolist()):
                mine = slice(samples.start[i], samples.start[i + 1])
                kept = self._samples[roi]
                while len(kept) <= layer:
                    kept.append([])
                if mine.start == mine.stop:
                    continue
                places = None if samples.places is None else samples.places[mine]
                kept[layer].append((samples.values[mine], samples.weights[mine], places))

    def take_samples(self, roi: int, layer: int) -> Samples | None:
        """Give all values and weights of a ROI in a layer; None if it has none.

        Returns:
            In cell order, or row by row where places are known.
        """
        kept = self._samples.get(roi)
        if kept is None or not kept[layer]:
            return None
        values, weights, places = zip(*kept[layer], strict=True)
        found = Samples(np.array([0]), np.concatenate(values), np.concatenate(weights))
        if places[0] is None:
            return found
        order = np.argsort(np.concatenate(places))
        return found._replace(values=found.values[order], weights=found.weights[order])

    def forget(self, roi: int) -> None:
        """Let go of the values of a ROI."""
        self._samples.pop(roi, None)
