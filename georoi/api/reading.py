"""Sources, and what can be said of them before any pixel is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from georoi.clipping.options import ClipOptions, lay_out
from georoi.clipping.sources import load
from georoi.io.raster import rasters
from georoi.io.vector.vectors import read_rois
from georoi.options import Boundary
from georoi.planning.preflight import preflight
from georoi.sources import as_source
from georoi.values.raster import Raster

if TYPE_CHECKING:
    from georoi.options import Crop
    from georoi.planning.checkreport import CheckReport
    from georoi.planning.plan import Plan
    from georoi.values.bands import BandRequest
    from georoi.values.raster import Number


def open_raster(
    path: object,
    *,
    bands: BandRequest | None = None,
    nodata: Number | None = None,
    masked: bool = False,
    scaled: bool = False,
    raster_crs: object = None,
) -> Raster:
    """Describe a raster from its header; no pixel is read.

    Args:
        path: A file (GeoTIFF or COG, VRT, NetCDF, JPEG 2000, PNG, JPEG), "file.nc::variable", or an http(s),
            s3, gs or az URL.
        bands: Numbers from 1, or names; all by default.
        nodata: The value of pixels without data, in place of what the file declares.
        masked: Arrays made from the raster are floats with NaN in place of pixels without data.
        scaled: Arrays made from the raster have scale and offset applied; implies `masked`.
        raster_crs: The CRS, where the file does not say it or says it wrong; "pixel" for pixel space.

    Raises:
        RasterError: E-RAS-01, E-RAS-04, E-RAS-05, E-RAS-07, E-RAS-09.
        CRSError: E-CRS-04, E-CRS-05.
    """
    return rasters.open_raster(
        path,
        bands=bands,
        nodata=nodata,
        masked=masked,
        scaled=scaled,
        raster_crs=raster_crs,
        loader=load,
    )


def check(raster: object, rois: object) -> CheckReport:
    """Look for trouble before any pixel is read: CRS, overlap, ROIs too small or outside, nodata traps.

    Args:
        raster: A path, a `Raster` or a georeferenced DataArray.
        rois: Anything that `read_rois` takes.

    Returns:
        A table with a verdict per ROI, remarks, and predictions; `print` it.
    """
    regions = read_rois(rois)
    source = as_source(raster, pixel=regions.pixel)
    return preflight(source if isinstance(source, Raster) else source.header, regions)


def plan(
    raster: object,
    rois: object,
    *,
    boundary: str | Boundary | None = None,
    all_touched: bool | None = None,
    crop: bool | str | Crop | None = None,
    apply_mask: bool = True,
    invert: bool = False,
    pad: int = 0,
    bands: BandRequest | None = None,
    mask: object = None,
    feather: float = 0,
) -> Plan:
    """Say which blocks a clip would read, and how much memory it needs; `print` it. Headers alone are read.

    The arguments are those of `clip`. Of a mask the rule and its bands are checked; what it reads is not
    counted.
    """
    options = ClipOptions.parse(
        boundary=boundary,
        all_touched=all_touched,
        crop=crop,
        apply_mask=apply_mask,
        invert=invert,
        pad=pad,
        feather=feather,
    )
    regions = read_rois(rois)
    source = as_source(raster, bands=bands, pixel=regions.pixel, mask=mask)
    return options.plan(source.header, lay_out(source.header, regions))
