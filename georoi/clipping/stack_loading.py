"""A stack as a lazy DataArray (time, band, y, x)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from georoi.clipping.chunks import ChunkSize
from georoi.clipping.filling import choose_filling
from georoi.clipping.loading import load_raster
from georoi.errors import UsageError
from georoi.io.array.bands import BAND
from georoi.values.raster import Raster
from georoi.values.stack import Stack

TIME = "time"
LABEL = "label"


def load_stack(stack: Stack, chunks: ChunkSize = None, scaled: bool = False) -> xr.DataArray:
    """Make the lazy DataArray of a stack on one grid; see `georoi.values.stack.Stack.to_xarray`.

    Values are as stored; where dates mark invalid pixels differently, all become floats with NaN.

    Args:
        stack: What to load.
        chunks: Pixels per chunk.
        scaled: Apply scale and offset.

    Raises:
        RasterError: E-STK-02 if it lies on several grids.
        UsageError: E-USE-01 if scale or offset differ between dates and are not to be applied.
    """
    stack.require_one_grid()
    first = stack.rasters[0]
    rasters = [replace(raster, scaled=raster.scaled or scaled) for raster in stack.rasters]
    rasters = _marked_alike(rasters)
    _refuse_mixed_scales(rasters)
    # Grids that are one may still differ in the last bits of their transforms: the first one's holds.
    arrays = [load_raster(replace(raster, grid=first.grid), chunks) for raster in rasters]
    array = xr.concat(
        [one.assign_coords({BAND: list(stack.bands)}) for one in arrays],
        dim=TIME,
        coords="minimal",
        compat="override",
        join="override",
        combine_attrs="override",
    )
    array = array.assign_coords(
        {
            TIME: (TIME, _times(stack.dates)),
            LABEL: (TIME, np.array(stack.labels, dtype=object).astype(str)),
        }
    )
    array.name = "stack"
    array.attrs["source"] = f"{len(stack)} rasters, {stack.labels[0]} to {stack.labels[-1]}"
    array.encoding["grid_mapping"] = arrays[0].encoding["grid_mapping"]
    return array


def _times(dates: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """Give dates in nanoseconds, xarray's default; in microseconds where these would overflow."""
    fine = dates.astype("datetime64[ns]")
    return fine if np.array_equal(fine.astype(dates.dtype), dates) else dates


def _marked_alike(rasters: list[Raster]) -> list[Raster]:
    """Let all become floats with NaN where they would not have one dtype and one nodata value otherwise."""
    ways = set()
    for raster in rasters:
        filling = choose_filling(raster, needed=raster.mask_kind in ("mask", "alpha"))
        ways.add((filling.dtype, str(filling.nodata)))
    return rasters if len(ways) == 1 else [replace(raster, masked=True) for raster in rasters]


def _refuse_mixed_scales(rasters: list[Raster]) -> None:
    first = rasters[0]
    for raster in rasters[1:]:
        alike = (raster.scales, raster.offsets) == (first.scales, first.offsets)
        if raster.scaled != first.scaled or not (alike or raster.scaled):
            raise UsageError(
                "E-USE-01",
                "scale or offset differ between the dates of the stack, so values as stored do not compare",
                found={
                    one.name: f"scale {one.scales}, offset {one.offsets}, scaled {one.scaled}"
                    for one in (first, raster)
                },
                hint="let them be applied: to_xarray(scaled=True)",
            )
