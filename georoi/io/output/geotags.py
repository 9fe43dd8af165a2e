"""The tags that make a TIFF a GeoTIFF, copied from a tiny image on the same grid that GDAL writes in memory.

The nodata value is our own text, since rasterio takes it as a float and would lose large integers.
"""

from __future__ import annotations

import io
import math

import rasterio
import tifffile
from affine import Affine
from rasterio._err import CPLE_BaseError  # rasterio offers no public name for GDAL's own errors
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile

from georoi.crs import crs_label, parse_crs, same_crs
from georoi.errors import OutputError
from georoi.io.failures import reason
from georoi.io.output.directory import Tag
from georoi.io.output.spec import ImageSpec, Number

NODATA_TAG = 42113
"""TIFF tag of the nodata value, as GDAL knows it."""
_GDAL_METADATA = 42112
_TRANSFORM = frozenset({33550, 33922, 34264})
_CRS = frozenset({34735, 34736, 34737})
_ASCII = 2


def make_geotags(spec: ImageSpec) -> tuple[list[Tag], tuple[str, ...]]:
    """Make the tags of an image's georeference, nodata, band names, scales, offsets and metadata.

    Returns:
        The tags, and notes on what they cannot carry.

    Raises:
        OutputError: E-OUT-04 if GDAL cannot express the georeference.
    """
    tags: list[Tag] = []
    notes: tuple[str, ...] = ()
    if spec.is_georeferenced or spec.tags or spec.scales or spec.offsets or any(spec.band_names):
        try:
            tags, notes = _made_by_gdal(spec)
        except (RasterioError, CPLE_BaseError) as error:
            raise OutputError(
                "E-OUT-04", "the georeference cannot be stored in a GeoTIFF", found={"cause": reason(error)}
            ) from error
    if spec.nodata is not None:
        text = format_nodata(spec.nodata).encode("ascii") + b"\0"
        tags.append(Tag(NODATA_TAG, _ASCII, len(text), text))
    return tags, notes


def format_nodata(nodata: Number) -> str:
    """Give a nodata value as GDAL reads it back exactly: every digit of an int, the exact text of a float."""
    if isinstance(nodata, float) and nodata.is_integer() and abs(nodata) < 2**53:
        return str(int(nodata)) if math.copysign(1, nodata) > 0 or nodata else "-0"
    return str(nodata)  # "nan", "inf" and "-inf" are GDAL's words too


def _made_by_gdal(spec: ImageSpec) -> tuple[list[Tag], tuple[str, ...]]:
    copied = {_GDAL_METADATA}
    profile = {"driver": "GTiff", "width": 1, "height": 1, "count": spec.count, "dtype": spec.dtype}
    if spec.grid.affine.is_identity:
        profile["transform"] = Affine.translation(1.0, 1.0)  # not copied; without any, rasterio warns
    else:
        profile["transform"] = spec.grid.affine
        copied |= _TRANSFORM
    if spec.is_georeferenced:
        copied |= _CRS
    if spec.grid.crs is not None:
        profile["crs"] = rasterio.crs.CRS.from_wkt(spec.grid.crs.to_wkt())
    with rasterio.Env(GDAL_PAM_ENABLED="NO"), MemoryFile() as memory:
        with memory.open(**profile) as image:
            _describe(image, spec)
        notes = _compare(memory, spec)
        content = memory.read()
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        tags = [
            Tag(
                tag.code,
                int(tag.dtype),
                tag.count,
                content[tag.valueoffset : tag.valueoffset + tag.valuebytecount],
            )
            for tag in file.pages.first.tags.values()
            if tag.code in copied
        ]
    return tags, notes


def _describe(image: rasterio.io.DatasetWriter, spec: ImageSpec) -> None:
    if any(spec.band_names):
        image.descriptions = tuple(name or None for name in spec.band_names)
    if any(scale != 1 for scale in spec.scales):
        image.scales = spec.scales
    if any(offset != 0 for offset in spec.offsets):
        image.offsets = spec.offsets
    if spec.tags:
        image.update_tags(**dict(spec.tags))


def _compare(memory: MemoryFile, spec: ImageSpec) -> tuple[str, ...]:
    """Read the CRS back: GeoTIFF keys cannot express every CRS."""
    if spec.grid.crs is None:
        return ()
    wanted = parse_crs(spec.grid.crs)
    with memory.open() as image:
        stored = image.crs
    if stored is not None and same_crs(wanted, parse_crs(stored)):
        return ()
    return (f"GeoTIFF cannot express the CRS {crs_label(wanted)} exactly",)
