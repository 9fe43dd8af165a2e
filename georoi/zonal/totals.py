"""Partial results merged in cell order; what is complete is handed on, and what only it needed is let go."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.kernels import ledger, positions, reduction, weighting
from georoi.kernels.distribution import Distribution, make_distribution
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


@dataclass(frozen=True, eq=False)
class Gathered:
    """All values of one ROI in a layer, as its cells gave them."""

    pieces: list[Samples]

    def distribute(self) -> Distribution:
        """Sort them and join equal ones."""
        whole = [one.values for one in self.pieces if one.weights is None]
        others = [(one.values, one.weights) for one in self.pieces if one.weights is not None]
        none = self.pieces[0].values[:0]
        return make_distribution(
            np.concatenate([none, *(values for values, _ in others)]),
            np.concatenate([np.empty(0), *(weights for _, weights in others)]),
            np.concatenate([none, *whole]),
        )

    def list_pixels(self) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Give value and weight of each pixel, row by row."""
        places = np.concatenate([one.places for one in self.pieces if one.places is not None])
        order = np.argsort(places)
        weights = [np.ones(len(one.values)) if one.weights is None else one.weights for one in self.pieces]
        return np.concatenate([one.values for one in self.pieces])[order], np.concatenate(weights)[order]


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
    _samples: dict[int, dict[int, list[Samples]]] = field(default_factory=lambda: defaultdict(dict))

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
        for layer, pieces in enumerate(cell.samples):
            for samples in pieces:
                start = samples.start.tolist()
                for i, roi in enumerate(cell.rois.tolist()):
                    mine = slice(start[i], start[i + 1])
                    if mine.start == mine.stop:
                        continue
                    places = None if samples.places is None else samples.places[mine]
                    weights = None if samples.weights is None else samples.weights[mine]
                    one = Samples(samples.start[:1], samples.values[mine], weights, places)
                    self._samples[roi].setdefault(layer, []).append(one)

    def take_samples(self, roi: int, layer: int) -> Gathered | None:
        """Give all values and weights of a ROI in a layer; None if it has none."""
        kept = self._samples.get(roi, {}).get(layer)
        return None if kept is None else Gathered(kept)

    def forget(self, roi: int) -> None:
        """Let go of the values of a ROI."""
        self._samples.pop(roi, None)
