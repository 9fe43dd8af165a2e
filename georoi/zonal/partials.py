"""What the tiles of a pass give: partial results per ROI and layer, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.tally import Tally

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Sampling(StrEnum):
    """How the values of pixels are kept until their ROI is complete."""

    NONE = "none"
    VALUES = "values"
    """Each value that occurs with the sum of its weights, where that is less: integers of up to 16 bits."""
    PIXELS = "pixels"
    """Every pixel, with its place."""


class Samples(NamedTuple):
    """Valid pixels of one layer by ROI: ROI i owns start[i]:start[i + 1]."""

    start: Ints
    values: NDArray[Any]
    """As the file holds them; for integers of up to 16 bits each value once a ROI and cell, ascending."""
    weights: Floats | None
    """The weight of each, or the sum of those of equal values; None where each is 1."""
    places: Ints | None = None
    """Row * columns + column of each in the raster, where every pixel is kept."""


@dataclass(frozen=True, eq=False)
class CellPartial:
    """Partial results of one canonical cell."""

    rois: Ints
    """Numbers of the ROIs, ascending, shape (n,)."""
    moments: Floats
    """Shape (n, layers, reduction.FIELDS)."""
    ledger: Floats
    """Shape (n, layers, ledger.FIELDS)."""
    samples: tuple[tuple[Samples, ...], ...] = ()
    """Per layer, where values themselves are asked for: all of them, or whole pixels and parts of them."""
    positions: Floats | None = None
    """Shape (n, layers, positions.FIELDS), where asked for."""
    weighted: Floats | None = None
    """Shape (n, layers, weighting.FIELDS), where asked for."""
    tallies: tuple[tuple[int, int, Tally], ...] = ()
    """(ROI, layer, tally) of ROIs whose values are counted in ranges, not kept."""


@dataclass(frozen=True, eq=False)
class TilePartial:
    """Partial results of one tile."""

    cells: tuple[CellPartial, ...]
    """In cell order."""
    failed: Ints
    """Numbers of ROIs that meet a part which could not be read, ascending."""
    reason: str = ""
    """Why it could not."""
