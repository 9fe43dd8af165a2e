"""The work on one tile of a raster file: read its blocks once, weigh its pixels, fill the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from georoi.clipping.filling import Filling
from georoi.clipping.weights import Rule
from georoi.clipping.windows import place_in
from georoi.errors import RasterError
from georoi.grid import Window
from georoi.io.output.stored import read_stored
from georoi.io.raster.rasters import Pixels, read_window
from georoi.planning.plan import TileTask
from georoi.values.naming import some
from georoi.values.raster import Raster


class Clipped(NamedTuple):
    """A tile of a clip."""

    window: Window
    """(row0, row1, col0, col1) in pixels of the raster."""
    values: NDArray[Any]
    """Shape (bands, rows, cols)."""
    valid: NDArray[np.bool_] | None
    """Shape (rows, cols): inside the ROIs and not masked by the file in any band; None where all are."""


class Copied(NamedTuple):
    """A tile of a clip that is kept whole, as the file stores it."""

    window: Window
    """(row0, row1, col0, col1) in pixels of the raster."""
    raw: bytes


@dataclass(frozen=True, kw_only=True)
class TileClipper:
    """Clips tiles of a raster file; holds a description of the file, not the file."""

    raster: Raster
    rule: Rule
    filling: Filling

    def __call__(self, task: TileTask) -> Clipped:
        """Read, weigh and fill one tile."""
        return self.clip(task, self.read)

    def read(self, window: Window) -> Pixels:
        """Read a window of the raster."""
        return read_window(self.raster, window)

    def clip(self, task: TileTask, read: Callable[[Window], Pixels]) -> Clipped:
        """Weigh and fill one tile, with pixels that `read` gives and that nobody else holds."""
        values, by_band = self._read(task, read)
        weights = self.rule.weigh(task)
        kept: NDArray[np.bool_] | None = None
        if weights is not None:
            kept = weights if weights.dtype == np.bool_ else weights > 0
            np.copyto(values, self.filling.value, where=~kept)
        if by_band is None:
            return Clipped(task.window, values, kept)
        valid = by_band[0] if len(by_band) == 1 else self._agree(by_band, kept)
        return Clipped(task.window, values, valid if kept is None else valid & kept)

    def _agree(self, valid: NDArray[np.bool_], kept: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
        """Give where all bands are valid; where one mask must tell it for all, they may not differ."""
        everywhere: NDArray[np.bool_] = np.logical_and.reduce(valid)
        if self.filling.nodata is None:
            torn = np.logical_or.reduce(valid) & ~everywhere
            if (torn if kept is None else torn & kept).any():
                raise RasterError(
                    "E-RAS-05",
                    f"the bands of '{self.raster.name}' are valid in different places, and a file has one "
                    "mask for all",
                    found={"bands": some(self.raster.band_names)},
                    hint="say which value means no data: nodata= (--nodata)",
                )
        return everywhere

    def _read(
        self, task: TileTask, read: Callable[[Window], Pixels]
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Read the blocks of a tile into one array that may be changed; what is not read is fill.

        What is valid comes by band, or with one band that holds for all.
        """
        if task.reads == (task.window,):
            return self._read_part(read(task.window))
        row0, row1, col0, col1 = task.window
        shape = (row1 - row0, col1 - col0)
        values = np.full((self.raster.count, *shape), self.filling.value, dtype=self.filling.dtype)
        valid: NDArray[np.bool_] | None = None
        for window in task.reads:
            place = place_in(window, task.window)
            values[(..., *place)], part = self._read_part(read(window))
            if part is not None:
                valid = np.ones((len(part), *shape), dtype=bool) if valid is None else valid
                valid[(..., *place)] = part
        return values, valid

    def _read_part(self, pixels: Pixels) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        values = self.filling.convert(pixels.values)
        if pixels.valid is None:
            return values, None
        if not values.flags.writeable:
            values = values.copy()
        np.copyto(values, self.filling.value, where=~pixels.valid)
        shared = pixels.valid.strides[0] == 0  # one mask for all bands
        return values, pixels.valid[:1] if shared else pixels.valid


@dataclass(frozen=True, kw_only=True)
class TileCopier:
    """Clips tiles of a raster file, and copies those that are kept whole as they are stored."""

    clipper: TileClipper

    def __call__(self, task: TileTask) -> Clipped | Copied:
        """Copy a tile if it is one block, kept whole; read, weigh and fill it otherwise."""
        raster = self.clipper.raster
        row0, row1, col0, col1 = task.window
        if (row1 - row0, col1 - col0) == raster.block_shape and self.clipper.rule.keeps_all(task):
            raw = read_stored(raster, task.window)
            if raw is not None:
                return Copied(task.window, raw)
        return self.clipper(task)
