"""A raster of weights for the pixels of another: on the same grid, or on a coarser one that nests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from georoi.crs import same_crs
from georoi.errors import MemoryBudgetError, RasterError, UsageError
from georoi.grid import Window, describe, grid_crs, same, to_pixels, to_world
from georoi.io.array.arrays import ArraySource
from georoi.io.array.bands import band_scaling
from georoi.io.raster.rasters import Pixels, read_window
from georoi.kernels.validity import classify
from georoi.values.raster import Header, Number, Raster, require_grid

_TOLERANCE = 1e-3
"""Pixels: how far corners may be from where they would meet."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Weights:
    """Weights u of the pixels of a raster: whole coarse pixels, each of which holds so many of them."""

    name: str
    raster: Raster | None
    """The file, with one band; None where `values` are given."""
    values: NDArray[Any] | None
    """Shape (rows, cols), where there is no file."""
    shape: tuple[int, int]
    """Rows and columns of the weights."""
    nodata: Number | None
    scale: float
    offset: float
    factor: tuple[int, int]
    """Rows and columns of pixels in one of the weights'."""
    corner: tuple[int, int]
    """Row and column of the first pixel in the first of the weights', in pixels of the raster."""

    @property
    def fingerprint(self) -> str | None:
        """That of the file; None for an array."""
        return None if self.raster is None else self.raster.fingerprint

    @property
    def is_coarser(self) -> bool:
        """Whether several pixels share a weight."""
        return self.factor != (1, 1)

    def read(self, window: Window) -> Floats:
        """Read the weights of a window of the raster, each once.

        Args:
            window: (row0, row1, col0, col1) in pixels of the raster, not of the weights.

        Returns:
            Shape (rows, cols); NaN where a weight is nodata, not finite or masked, and beyond the weights.
        """
        row0, row1, col0, col1 = window
        rows = (np.arange(row0, row1) - self.corner[0]) // self.factor[0]
        cols = (np.arange(col0, col1) - self.corner[1]) // self.factor[1]
        has_rows, has_cols = (rows >= 0) & (rows < self.shape[0]), (cols >= 0) & (cols < self.shape[1])
        found = np.full((row1 - row0, col1 - col0), np.nan)
        if not (has_rows.any() and has_cols.any()):
            return found
        rows, cols = rows[has_rows], cols[has_cols]
        own = int(rows[0]), int(rows[-1]) + 1, int(cols[0]), int(cols[-1]) + 1
        weights = self._read_own(own)[np.ix_(rows - own[0], cols - own[2])]
        found[np.ix_(has_rows, has_cols)] = weights
        return found

    def _read_own(self, window: Window) -> Floats:
        row0, row1, col0, col1 = window
        if self.raster is not None:
            pixels = read_window(self.raster, window)
        elif self.values is not None:
            pixels = Pixels(self.values[None, row0:row1, col0:col1], None)
        else:
            raise ValueError("weights are a file or an array")
        state = classify(pixels.values[0], self.nodata, None if pixels.valid is None else pixels.valid[0])
        weights = pixels.values[0].astype(np.float64) * self.scale + self.offset
        return weights if state is None else np.where(state == 0, weights, np.nan)

    def describe(self) -> str:
        """Say in words how they are applied, for the notes of a result."""
        rows, cols = self.factor
        each = f"; each holds for {rows} x {cols} pixels" if self.is_coarser else ""
        return f"weights are those of '{self.name}'{each}"


def make_weights(
    source: object, header: Header, *, scaled: bool = True, max_memory: int | None = None
) -> Weights:
    """Make the weights of a raster's pixels.

    Weights may not be negative, which is looked at where they are used. They may begin and end elsewhere than
    the raster, as long as their pixels meet its pixels; pixels beyond them have no weight.

    Args:
        source: A `Raster` or an `ArraySource` of one band; arrays are loaded, dask ones too.
        header: Of the raster whose pixels are weighted.
        scaled: Apply scale and offset of the weights.
        max_memory: Bytes that an array may take.

    Raises:
        RasterError: E-STK-02 if their grid is another one and does not nest.
        UsageError: E-USE-01 if they have several bands or are no raster.
        MemoryBudgetError: E-MEM-01 if an array is too large to be loaded.
    """
    if not isinstance(source, (Raster, ArraySource)):
        raise UsageError(
            "E-USE-01", "weights= takes one raster", hint="give a path, a Raster or a DataArray of one band"
        )
    own = source.header
    require_grid(own)
    if own.count != 1 or (isinstance(source, ArraySource) and source.array.squeeze().ndim > 2):
        raise UsageError(
            "E-USE-01",
            f"weights are one band, and '{own.name}' has {own.count}",
            hint="choose one: open_raster(path, bands=1), or array.sel(band=...)",
        )
    factor, corner = _nest(own.grid, header.grid, own.name, header.name)
    if isinstance(source, Raster):
        scales, offsets, values = source.scales, source.offsets, None
    else:
        if max_memory is not None and source.array.chunks and source.array.nbytes > max_memory:
            raise MemoryBudgetError(
                "E-MEM-01",
                f"the weights '{own.name}' would be loaded whole",
                found={"weights": f"{source.array.nbytes} bytes", "max_memory": f"{max_memory} bytes"},
                hint="write them to a file and give its path: then windows of it are read",
            )
        scales, offsets = ((), ()) if source.is_scaled else band_scaling(source.array)
        values = np.ascontiguousarray(source.array.values.reshape(own.shape))
    return Weights(
        name=own.name,
        raster=source if isinstance(source, Raster) else None,
        values=values,
        shape=own.shape,
        nodata=own.nodata[0],
        scale=float(scales[0]) if scaled and scales else 1.0,
        offset=float(offsets[0]) if scaled and offsets else 0.0,
        factor=factor,
        corner=corner,
    )


def _nest(own: GeoBox, grid: GeoBox, own_name: str, name: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """Find how many pixels of a grid lie in one of a coarser grid, and where its first one begins."""
    if same(own, grid, _TOLERANCE):
        return (1, 1), (0, 0)
    if same_crs(grid_crs(own), grid_crs(grid)):
        rows, cols = grid.shape
        at_x, at_y = np.array([0.0, cols, cols, 0.0]), np.array([0.0, 0.0, rows, rows])
        u, v = to_pixels(own, *to_world(grid, at_x, at_y))
        factor = max(round(rows / max(v[2] - v[0], 1e-9)), 1), max(round(cols / max(u[2] - u[0], 1e-9)), 1)
        corner = round(-v[0] * factor[0]), round(-u[0] * factor[1])
        off_x = np.abs(u * factor[1] + corner[1] - at_x)
        off_y = np.abs(v * factor[0] + corner[0] - at_y)
        if max(off_x.max(), off_y.max()) <= _TOLERANCE:
            return factor, corner
    raise RasterError(
        "E-STK-02",
        f"the weights '{own_name}' lie neither on the grid of '{name}' nor on a coarser one that nests",
        found={"weights": describe(own), "raster": describe(grid)},
        hint="bring them there first: open_stack([weights], like=raster, align='nearest')[0]",
    )
