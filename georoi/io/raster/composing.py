"""Windows of rasters that are made of others: bands joined, scenes merged, pixels resampled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from georoi.grid import Window
from georoi.io.failures import FOREIGN, reading_failed
from georoi.io.raster.gdal_profile import environment
from georoi.io.raster.warping import warp
from georoi.values.composition import Joined, Kept, Mosaic, Piece, Warped
from georoi.values.quality import MaskRule
from georoi.values.raster import Number, Raster


class Pixels(NamedTuple):
    """Pixels of a window as the file holds them."""

    values: NDArray[Any]
    """Shape (bands, rows, cols), in the raster's dtype; not scaled, nothing masked."""
    valid: NDArray[np.bool_] | None
    """What the file's mask or alpha band says, shape (bands, rows, cols), read-only; None where it has
    neither. Nodata values and NaN are not in it."""


Reader = Callable[[Raster, Window], Pixels]
"""Reads a window of a raster, whatever it is made of."""


def read_composed(raster: Raster, window: Window, read: Reader) -> Pixels:
    """Read a window of a raster with a composition.

    Args:
        raster: What to read from.
        window: (row0, row1, col0, col1), not empty, inside the raster.
        read: Reads what the raster is made of.

    Raises:
        GeoroiError: What `read` raises.
    """
    match raster.composition:
        case Joined() as joined:
            return _read_joined(raster, joined, window, read)
        case Mosaic() as mosaic:
            return _read_mosaic(raster, mosaic, window, read)
        case Warped() as warped:
            return _read_warped(raster, warped, window, read)
        case Kept() as kept:
            return _read_kept(raster, kept, window, read)
        case None:
            return read(raster, window)


def _read_joined(raster: Raster, joined: Joined, window: Window, read: Reader) -> Pixels:
    """Read each part that has bands of the raster once, and put these in the order asked for."""
    values = np.empty(_shape(raster, window), dtype=raster.dtype)
    valid = np.ones(values.shape, dtype=bool) if raster.mask_kind == "mask" else None
    order, offset = joined.order, 0
    for part in joined.parts:
        wanted = [
            (place, order.index(number) - offset)
            for place, number in enumerate(raster.bands)
            if offset <= order.index(number) < offset + part.count
        ]
        offset += part.count
        if not wanted:
            continue
        places = [place for place, _ in wanted]
        pixels = read(part.select([part.bands[i] for _, i in wanted]), window)
        values[places] = pixels.values
        if valid is not None and pixels.valid is not None:
            valid[places] = pixels.valid
    return _frozen(values, valid)


def _read_mosaic(raster: Raster, mosaic: Mosaic, window: Window, read: Reader) -> Pixels:
    """Lay the scenes over each other, band by band; scenes under pixels that are settled are not read."""
    values = np.zeros(_shape(raster, window), dtype=raster.dtype)
    filled = np.zeros(values.shape, dtype=bool)
    pieces = mosaic.pieces[::-1] if mosaic.overlap == "last" else mosaic.pieces
    settled = mosaic.overlap in ("first", "last")
    for piece, part, place in _overlapping(pieces, window):
        target, known = values[(slice(None), *place)], filled[(slice(None), *place)]
        if settled and known.all():
            continue
        scene = piece.raster.select([piece.raster.bands[number - 1] for number in raster.bands])
        pixels = read(scene, part)
        good = find_valid(pixels, scene.nodata)
        if settled:
            better = good & ~known
        elif mosaic.overlap == "min":
            better = good & (~known | (pixels.values < target))
        else:
            better = good & (~known | (pixels.values > target))
        np.copyto(target, pixels.values, where=better)
        known |= good
    return _mark(raster, values, filled)


def _overlapping(
    pieces: tuple[Piece, ...], window: Window
) -> Iterator[tuple[Piece, Window, tuple[slice, slice]]]:
    """Give the pieces that a window meets, each with its own part of it and where that lies in the window."""
    row0, row1, col0, col1 = window
    for piece in pieces:
        rows, cols = piece.raster.shape
        top, bottom = max(row0, piece.row), min(row1, piece.row + rows)
        left, right = max(col0, piece.col), min(col1, piece.col + cols)
        if top < bottom and left < right:
            part = (top - piece.row, bottom - piece.row, left - piece.col, right - piece.col)
            yield piece, part, (slice(top - row0, bottom - row0), slice(left - col0, right - col0))


def _read_warped(raster: Raster, warped: Warped, window: Window, read: Reader) -> Pixels:
    source = warped.source.select(raster.bands)

    def read_source(part: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        pixels = read(source, part)
        return pixels.values, find_valid(pixels, source.nodata)

    with environment(raster.path):
        try:
            values, valid = warp(
                read_source,
                source.grid,
                raster.grid,
                window,
                resampling=warped.resampling,
                count=raster.count,
                dtype=raster.dtype,
                nodata=source.nodata,
            )
        except FOREIGN as error:
            raise reading_failed(error, raster.name, window, raster.bands) from error
    return _mark(raster, values, valid)


def _read_kept(raster: Raster, kept: Kept, window: Window, read: Reader) -> Pixels:
    pixels = read(kept.source.select(raster.bands), window)
    clear = judge_pixels(kept.rule, read(kept.masks, window), kept.masks.nodata)
    valid = np.broadcast_to(clear, pixels.values.shape) if pixels.valid is None else pixels.valid & clear
    return Pixels(pixels.values, valid)


def judge_pixels(rule: MaskRule, pixels: Pixels, nodata: tuple[Number | None, ...]) -> NDArray[np.bool_]:
    """Tell which pixels a rule keeps; those that are not valid in one of its bands are not kept.

    Args:
        rule: The rule.
        pixels: Its bands, in the order of `rule.bands`.
        nodata: Of these bands.

    Returns:
        Shape (rows, cols).
    """
    bands = dict(zip(rule.bands, pixels.values, strict=True))
    return rule.keep(bands, dict(zip(rule.bands, find_valid(pixels, nodata), strict=True)))


def find_valid(pixels: Pixels, nodata: tuple[Number | None, ...]) -> NDArray[np.bool_]:
    """Tell which pixels hold data: finite, not nodata, and not masked; shape (bands, rows, cols)."""
    values = pixels.values
    valid = np.isfinite(values) if values.dtype.kind == "f" else np.ones(values.shape, dtype=bool)
    for band, value in enumerate(nodata):
        if value is not None and value == value:
            valid[band] &= values[band] != values.dtype.type(value)
    if pixels.valid is not None:
        valid &= pixels.valid
    return valid


def _mark(raster: Raster, values: NDArray[Any], valid: NDArray[np.bool_]) -> Pixels:
    """Mark pixels without data as the raster says that they are: by its nodata value, or by a mask."""
    if raster.mask_kind != "mask":
        for band, value in enumerate(raster.nodata):
            values[band][~valid[band]] = value
        return Pixels(values, None)
    values[~valid] = np.nan if values.dtype.kind == "f" else 0
    return _frozen(values, valid)


def _shape(raster: Raster, window: Window) -> tuple[int, int, int]:
    row0, row1, col0, col1 = window
    return raster.count, row1 - row0, col1 - col0


def _frozen(values: NDArray[Any], valid: NDArray[np.bool_] | None) -> Pixels:
    if valid is not None:
        valid.flags.writeable = False
    return Pixels(values, valid)
