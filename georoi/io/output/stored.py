"""Tiles of a GeoTIFF as they are stored, so that whole ones can be copied without being decoded."""

from __future__ import annotations

import os
from pathlib import Path

import tifffile

from georoi.io.failures import FOREIGN
from georoi.io.output.codec import SCHEMES, Codec
from georoi.io.raster.gdal_profile import environment, is_remote
from georoi.io.raster.handles import borrow
from georoi.values.raster import Raster


def is_stored_alike(raster: Raster, codec: Codec) -> bool:
    """Tell whether the tiles of a raster file are what `codec` would make of their pixels, but for the level.

    True for a local little-endian GeoTIFF of which all bands are wanted, with the same tile shape,
    compression, predictor and interleaving. A file with a mask or an alpha band never is.
    """
    if raster.driver != "GTiff" or is_remote(raster.path) or raster.path.startswith("/vsi"):
        return False
    if raster.mask_kind not in ("none", "nodata") or raster.block_shape != codec.tile_shape:
        return False
    try:
        with tifffile.TiffFile(raster.path) as file:
            return file.byteorder == "<" and _is_alike(file.pages.first, raster, codec)
    except (tifffile.TiffFileError, OSError):
        return False


def _is_alike(page: tifffile.TiffPage | tifffile.TiffFrame, raster: Raster, codec: Codec) -> bool:
    if not isinstance(page, tifffile.TiffPage):
        return False
    codes = {SCHEMES[codec.compression].code} | ({32946} if codec.compression == "DEFLATE" else set())
    layout = (int(page.compression), int(page.predictor), page.bitspersample, page.samplesperpixel)
    by_band = int(page.planarconfig) == 2 and page.samplesperpixel > 1
    return (
        page.is_tiled
        and layout[0] in codes
        and layout[1:] == (codec.predictor, 8 * raster.itemsize, len(raster.bands))
        and raster.bands == tuple(range(1, len(raster.bands) + 1))
        and not by_band
        and not codec.by_band
        and int(page.fillorder) == 1
        and (page.tilelength, page.tilewidth) == codec.tile_shape
    )


def read_stored(raster: Raster, window: tuple[int, int, int, int]) -> bytes | None:
    """Read one whole tile as it is stored.

    Args:
        raster: A raster of which `is_stored_alike` holds.
        window: (row0, row1, col0, col1) of the tile, wholly inside the raster.

    Returns:
        Its bytes; None if the file leaves it out or ends before it does, which reading its pixels will tell.

    Raises:
        RasterError: E-RAS-08 if the file has changed.
    """
    name = f"{window[2] // raster.block_shape[1]}_{window[0] // raster.block_shape[0]}"
    with environment(raster.path):
        dataset = borrow(raster).dataset
        try:
            place, size = (
                dataset.get_tag_item(f"{what}_{name}", "TIFF", bidx=1)
                for what in ("BLOCK_OFFSET", "BLOCK_SIZE")
            )
        except FOREIGN:
            return None
    if not place or not size:
        return None
    with Path(raster.path).open("rb", buffering=0) as file:
        data = os.pread(file.fileno(), int(size), int(place))
    return data if len(data) == int(size) else None
