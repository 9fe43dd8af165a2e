"""What the verbs work on: a raster file or an array, made of whatever the user gives."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from georoi.errors import RasterError
from georoi.grid import make_grid
from georoi.io.raster.rasters import open_raster
from georoi.values.bands import BandRequest
from georoi.values.raster import Georeference, Raster
from georoi.values.stack import Stack

if TYPE_CHECKING:
    from georoi.io.array.arrays import ArraySource


def as_source(
    source: object, *, bands: BandRequest | None = None, pixel: bool = False
) -> Raster | ArraySource:
    """Make what the verbs work on of a path, a `Raster`, a `Stack` or a DataArray.

    Args:
        source: What the user gave; a `Stack` becomes a lazy array (time, band, y, x).
        bands: Which bands are wanted.
        pixel: Whether the ROIs are in pixel space: a raster of unknown CRS is then taken to be too.

    Raises:
        RasterError: Those of `open_raster` and of `georoi.io.array.arrays.read_array`.
    """
    xarray = sys.modules.get("xarray")  # whoever has a DataArray has imported it
    if xarray is not None and isinstance(source, xarray.Dataset):
        raise RasterError(
            "E-RAS-10",
            "a Dataset holds several arrays",
            found={"variables": ", ".join(str(name) for name in source.data_vars)},
            hint="choose one: dataset['name'], or dataset.to_dataarray('band')",
        )
    if xarray is not None and isinstance(source, xarray.DataArray):
        from georoi.io.array.arrays import read_array

        return read_array(source, bands=bands, pixel=pixel)
    if isinstance(source, Stack):
        from georoi.io.array.arrays import read_array

        return read_array(source.to_xarray(), bands=bands, pixel=pixel)
    if isinstance(source, Raster):
        raster = source if bands is None else source.select(bands)
    else:
        raster = open_raster(source, bands=bands)
    if pixel and raster.georeference == Georeference.UNKNOWN:
        grid = make_grid(raster.shape, (1, 0, 0, 0, 1, 0))
        return replace(raster, grid=grid, georeference=Georeference.PIXEL)
    return raster
