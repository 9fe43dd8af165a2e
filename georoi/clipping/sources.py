"""How a `Raster` becomes a DataArray, for those who open one; xarray and dask load when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from georoi.values.raster import Raster

if TYPE_CHECKING:
    import xarray as xr

    from georoi.clipping.chunks import ChunkSize


def load(raster: Raster, chunks: ChunkSize = None) -> xr.DataArray:
    """Make the DataArray of a raster, for `Raster.to_xarray`."""
    from georoi.clipping.loading import load_raster

    return load_raster(raster, chunks)
