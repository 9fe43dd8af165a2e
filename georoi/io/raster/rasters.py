"""Rasters in: a header as a `Raster`, and windows of pixels inside tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import MaskFlags
from rasterio.io import DatasetReader
from rasterio.windows import Window

from georoi.errors import RasterError, UsageError
from georoi.io.failures import FOREIGN, opening_failed, reading_failed, say_window
from georoi.io.raster.composing import Pixels, read_composed
from georoi.io.raster.gdal_profile import environment, is_remote, open_dataset
from georoi.io.raster.handles import Handle, borrow, close_handles, make_fingerprint
from georoi.io.raster.headers import Request, header_digest, read_header
from georoi.io.raster.netcdf import Variable, choose_variable, find_variables
from georoi.io.raster.sources import Source, find_source, netcdf_path
from georoi.values.bands import BandRequest
from georoi.values.raster import Number, Raster

__all__ = ["Pixels", "close_handles", "list_variables", "open_raster", "read_window"]

_NETCDF_HINT = (
    "NetCDF inside an archive or behind a URL needs help from the system: fetch or extract it first"
)


def open_raster(
    path: object,
    *,
    bands: BandRequest | None = None,
    nodata: Number | None = None,
    masked: bool = False,
    scaled: bool = False,
    raster_crs: object = None,
    loader: Callable[[Raster, Any], Any] | None = None,
) -> Raster:
    """Describe a raster from its header.

    Args:
        path: A file (GeoTIFF, VRT, NetCDF, JPEG 2000, PNG, JPEG, by content), `file.nc::variable`, an
            http(s), s3, gs or az URL, or `/vsizip/` and `/vsitar/` with a local archive. NetCDF inside an
            archive or behind a URL works only where the system allows it.
        bands: Numbers from 1 or names; all by default. They must be of one dtype.
        nodata: Replaces what the file declares, for all bands.
        masked: Arrays made from it carry NaN in place of invalid pixels.
        scaled: Arrays made from it have scale and offset applied.
        raster_crs: A CRS that replaces the file's own, or "pixel" for pixel space, which only a raster
            without georeference can be opened in.
        loader: Makes the DataArray for `Raster.to_xarray`.

    Raises:
        RasterError: E-RAS-01 missing, unreadable or refused; E-RAS-04 no such band; E-RAS-05 unfit nodata;
            E-RAS-07 several rasters; E-RAS-09 complex pixels or mixed dtypes; E-RAS-10 no path.
        CRSError: E-CRS-04 and E-CRS-05, about `raster_crs`.
    """
    request = Request(
        bands=bands, nodata=nodata, masked=masked, scaled=scaled, raster_crs=raster_crs, loader=loader
    )
    source = find_source(path)
    if source.variable:
        source = replace(source, path=netcdf_path(source.path, source.variable), drivers=("netCDF",))
    with environment(source.path):
        stamp = make_fingerprint(source.path, source.drivers[0])
        with _opened(source) as dataset:
            if not dataset.count and dataset.driver == "netCDF":
                source = replace(source, path=choose_variable(dataset, source), drivers=("netCDF",))
            else:
                return _described(dataset, source, stamp, request)
        with _opened(source) as dataset:
            return _described(dataset, source, stamp, request)


def list_variables(path: object) -> tuple[Variable, ...]:
    """List the raster variables of a NetCDF file, each of which `open_raster("file.nc::name")` opens.

    Raises:
        RasterError: E-RAS-01 if it is no NetCDF file, or cannot be opened.
    """
    source = find_source(path)
    if "netCDF" not in source.drivers:
        raise RasterError("E-RAS-01", f"'{source.name}' is no NetCDF file", hint="open it with open_raster")
    source = replace(source, drivers=("netCDF",))
    with environment(source.path), _opened(source) as dataset:
        return find_variables(dataset)


def read_window(raster: Raster, window: tuple[int, int, int, int]) -> Pixels:
    """Read a window of all the raster's bands in one go, by the calling thread's own handle.

    Blocks that the window does not meet are not read. A block that it meets is decoded once, also where an
    alpha band is read along with the others.

    Args:
        raster: What to read from.
        window: (row0, row1, col0, col1), half-open, inside the raster; it may be empty.

    Raises:
        RasterError: E-RAS-02 if a part is truncated or corrupt, E-RAS-08 if the file has changed.
        MemoryBudgetError: E-MEM-01 if a block is too large.
        UsageError: E-USE-01 if the window is not inside the raster.
    """
    row0, row1, col0, col1 = window = _checked_window(raster, window)
    if row0 == row1 or col0 == col1:
        empty = np.empty((raster.count, row1 - row0, col1 - col0), dtype=raster.dtype)
        return Pixels(empty, None)
    if raster.composition is not None:
        return read_composed(raster, window, read_window)
    with environment(raster.path):
        handle = borrow(raster)
        try:
            return _read(handle, raster, Window(col0, row0, col1 - col0, row1 - row0))
        except FOREIGN as error:
            raise reading_failed(error, raster.name, window, raster.bands) from error


def _opened(source: Source) -> DatasetReader:
    try:
        return open_dataset(source.path, source.drivers)
    except FOREIGN as error:
        outside = source.drivers == ("netCDF",) and "/vsi" in source.path
        raise opening_failed(error, source.name, _NETCDF_HINT if outside else None) from error


def _described(dataset: DatasetReader, source: Source, stamp: str, request: Request) -> Raster:
    if is_remote(source.path):
        stamp = f"{stamp}+{header_digest(dataset)}"
    try:
        return read_header(dataset, source, stamp, request)
    except FOREIGN as error:
        raise opening_failed(error, source.name) from error


def _checked_window(raster: Raster, window: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    row0, row1, col0, col1 = (int(side) for side in window)
    rows, cols = raster.shape
    if not (0 <= row0 <= row1 <= rows and 0 <= col0 <= col1 <= cols):
        raise UsageError(
            "E-USE-01",
            f"the window is not inside raster '{raster.name}'",
            found={"window": say_window((row0, row1, col0, col1)), "raster": f"{rows} rows, {cols} columns"},
        )
    return row0, row1, col0, col1


def _read(handle: Handle, raster: Raster, window: Window) -> Pixels:
    dataset, bands = handle.dataset, list(raster.bands)
    if raster.mask_kind == "mask":
        values = dataset.read(bands, window=window)
        return Pixels(values, _read_mask(dataset, bands, window, values.shape))
    if raster.mask_kind != "alpha" or handle.alpha is None:
        return Pixels(dataset.read(bands, window=window), None)
    if handle.alpha in bands:
        values = dataset.read(bands, window=window)
        alpha = values[bands.index(handle.alpha)]
    elif dataset.dtypes[handle.alpha - 1] == raster.dtype:
        both = dataset.read([*bands, handle.alpha], window=window)  # one pass over interleaved blocks
        values, alpha = both[:-1], both[-1]
    else:
        values = dataset.read(bands, window=window)
        alpha = dataset.read(handle.alpha, window=window)
    return Pixels(values, np.broadcast_to(alpha > 0, values.shape))


def _read_mask(
    dataset: DatasetReader, bands: list[int], window: Window, shape: tuple[int, ...]
) -> NDArray[np.bool_]:
    """Read the mask that all bands share, once, or that of each band; non-zero is valid."""
    flags = dataset.mask_flag_enums
    shared = all(MaskFlags.per_dataset in flags[band - 1] for band in bands)
    mask = dataset.read_masks(bands[0] if shared else bands, window=window)
    return np.broadcast_to(mask > 0, shape)
