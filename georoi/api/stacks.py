"""Dated rasters as one source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from georoi.clipping.sources import load
from georoi.io.raster import stack_requests, stacks
from georoi.sources import as_source
from georoi.values.stack import Stack

if TYPE_CHECKING:
    import xarray as xr
    from odc.geo.geobox import GeoBox

    from georoi.io.raster.stack_sources import Dates
    from georoi.values.bands import BandRequest
    from georoi.values.raster import Number


def open_stack(
    source: object,
    *,
    dates: Dates | None = None,
    bands: BandRequest | None = None,
    pattern: str | None = None,
    raster_crs: object = None,
    nodata: Number | None = None,
    align: str | Mapping[str, str] | None = None,
    like: object = None,
    start: object = None,
    stop: object = None,
    mosaic: str | None = None,
    overlap: str = "first",
) -> Stack:
    """Describe dated rasters from their headers, in order of time; no pixel is read.

    Args:
        source: Paths or rasters; a folder; a text with wildcards; a table (CSV, GeoParquet or DataFrame) with
            the columns path and date, and band where each row is one band of a scene; STAC items (dicts,
            pystac's, or a JSON file); or one file whose bands are dates, such as a NetCDF variable.
        dates: Dates in the order of the rasters, a mapping from name to date, or a function of the name; they
            go before what the files say. Times are UTC.
        bands: Numbers from 1, or names; of STAC items keys of assets, or names or common names of bands.
        pattern: Where the date is in file names: as strptime writes it, "S2L2A_%Y-%m-%d.tif", with `*` for
            anything; a regular expression with groups (year, month, day, yday, hour, minute, second, date);
            or names alone, `*.tif`. In a folder it also chooses the files. By default the date is what the
            metadata say, else the first date in the name.
        raster_crs: See `open_raster`.
        nodata: See `open_raster`.
        align: How to resample rasters of other grids: "nearest", "bilinear", "cubic", "lanczos", "average",
            "mode", "min", "max", "med", "q1", "q3" or "rms"; or by band, {"SCL": "nearest", "*": "bilinear"}.
            Nothing is resampled without it.
        like: The grid wanted: a path, a `Raster`, a georeferenced DataArray or a GeoBox. Without `align` all
            rasters must lie on it; with it, it takes the place of the first raster's.
        start: First date to keep; "2018" and "2018-07" stand for all of it.
        stop: Last date to keep, inclusive.
        mosaic: "same-day" makes one image of the scenes of a day (UTC) that lie on one lattice of pixels.
        overlap: What a pixel of a mosaic gets, band by band, where several scenes have data: "first" or
            "last" in time, "min" or "max".

    Returns:
        The rasters, each with its date, grouped by grid.

    Raises:
        RasterError: E-STK-01 without a date, E-STK-02 grids differ, E-STK-03 bands differ, E-STK-04 nothing
            found, E-STK-05 one raster twice; E-RAS-01, E-RAS-04, E-RAS-05, E-RAS-07, E-RAS-09.
        CRSError: E-CRS-04, E-CRS-05.
        UsageError: E-USE-01.
    """
    request = stack_requests.StackRequest(
        dates=dates,
        bands=bands,
        pattern=pattern,
        raster_crs=raster_crs,
        nodata=nodata,
        align=align,
        like=None if like is None else _grid_of(like),
        start=start,
        stop=stop,
        mosaic=mosaic,
        overlap=overlap,
        loader=load,
        stack_loader=_load,
    )
    return stacks.open_stack(source, request)


def _grid_of(like: object) -> GeoBox:
    from odc.geo.geobox import GeoBox

    return like if isinstance(like, GeoBox) else as_source(like).header.grid


def _load(stack: Stack, chunks: Any, scaled: bool) -> xr.DataArray:
    from georoi.clipping.stack_loading import load_stack

    return load_stack(stack, chunks, scaled)
