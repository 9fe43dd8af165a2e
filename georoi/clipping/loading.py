"""A whole raster file as a lazy DataArray."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from georoi.clipping.chunks import Chunk, ChunkSize, cut_window
from georoi.clipping.filling import Filling, choose_filling
from georoi.engine.lazy import lazy_array, make_name
from georoi.io.array.bands import BAND, add_scaling
from georoi.io.array.georeferencing import add_dates, make_array
from georoi.io.raster.rasters import read_window
from georoi.planning.tiles import choose_tile_shape
from georoi.values.raster import Raster


def load_raster(raster: Raster, chunks: ChunkSize = None) -> xr.DataArray:
    """Make the lazy DataArray (band, y, x) of a raster: values as stored, or masked and scaled if it says so.

    Pixels that the file's mask or alpha band takes out become nodata, as in a clip: integers that declare
    none, or a different one per band, become floats with NaN.

    Args:
        raster: What to load.
        chunks: Pixels per chunk, rounded up to whole tiles of blocks of the file; chosen by default.
    """
    rows, cols = raster.shape
    window = (0, rows, 0, cols)
    filling = choose_filling(raster, needed=raster.mask_kind in ("mask", "alpha"))
    pixel_bytes = raster.count * np.dtype(filling.dtype).itemsize
    row_cuts, col_cuts = cut_window(
        window, choose_tile_shape(raster.block_shape, pixel_bytes), chunks, pixel_bytes
    )
    places = {
        (0, i, j): Chunk((int(row_cuts[i]), int(row_cuts[i + 1]), int(col_cuts[j]), int(col_cuts[j + 1])), ())
        for i in range(len(row_cuts) - 1)
        for j in range(len(col_cuts) - 1)
    }
    data = lazy_array(
        _load_chunk,
        places,
        chunks=((raster.count,), tuple(np.diff(row_cuts).tolist()), tuple(np.diff(col_cuts).tolist())),
        dtype=filling.dtype,
        fill=filling.value,
        name=make_name(
            "load",
            raster.path,
            raster.fingerprint,
            raster.bands,
            filling,
            row_cuts.tolist(),
            col_cuts.tolist(),
        ),
        shared=_LoadWork(raster, filling),
    )
    array = make_array(
        data,
        raster.header,
        window,
        leading={BAND: raster.bands},
        nodata=filling.nodata,
        name=raster.name,
        attrs={"source": raster.name, "window": window, "scaled": int(raster.scaled)},
    )
    array = add_dates(array, raster.dates)
    return array if filling.scales else add_scaling(array, raster.scales, raster.offsets)


@dataclass(frozen=True, eq=False)
class _LoadWork:
    """What the chunks of a loaded raster share."""

    raster: Raster
    filling: Filling


def _load_chunk(chunk: Chunk, work: _LoadWork) -> NDArray[Any]:
    pixels = read_window(work.raster, chunk.window)
    values = work.filling.convert(pixels.values)
    if pixels.valid is not None:
        values = values if values.flags.writeable else values.copy()
        np.copyto(values, work.filling.value, where=~pixels.valid)
    return values
