"""Write PNG and JPEG pictures: small images, put together and encoded in memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from georoi.errors import MemoryBudgetError, OutputError
from georoi.io.output.assemble import assemble
from georoi.io.output.commit import Output
from georoi.io.output.creation import Parser, parse_options, whole
from georoi.io.output.spec import ImageSpec, Piece, Written

MAX_BYTES = 1 << 30
"""Largest picture, in bytes of pixels."""
MAX_SIDE = 65_000

_OPTIONS: Mapping[str, Mapping[str, Parser]] = {
    "PNG": {"LEVEL": whole(0, 9)},
    "JPEG": {"QUALITY": whole(1, 100)},
}
_DTYPES = {"PNG": ("uint8", "uint16"), "JPEG": ("uint8",)}


def write_picture(
    path: str | os.PathLike[str],
    spec: ImageSpec,
    pieces: Iterable[Piece],
    *,
    format: str,
    options: Mapping[str, object] | None = None,
    overwrite: bool = False,
) -> Written:
    """Write a picture of one band (grey) or three (red, green, blue).

    PNG takes 8 and 16 bits, and tells pixels that are masked, nodata or covered by no piece by an alpha
    channel, which is there whenever the image has a mask or nodata value. JPEG takes 8 bits, changes values,
    and has no way to tell missing pixels, so an image with any is refused. A picture has no georeference: a
    note says so, and another if values are so small that it looks dark: none is stretched. Masks alone are
    written as 0 and 255; JPEG takes neither them nor labels.

    Args:
        path: The output.
        spec: The image.
        pieces: Its pieces, in the order that `Piece` states; drawn once.
        format: "PNG" or "JPEG".
        options: LEVEL (6) for PNG, QUALITY (90) for JPEG.
        overwrite: Whether an existing file may be replaced.

    Raises:
        UsageError: E-USE-01 for an unknown option or value.
        OutputExistsError: E-OUT-01.
        OutputError: E-OUT-02, E-OUT-03, E-OUT-05; E-OUT-04 if the format cannot hold the image.
        MemoryBudgetError: E-MEM-01 if it is larger than a picture should be.
    """
    parsed = parse_options(options, _OPTIONS[format], format)
    _check(spec, format)
    with Output(path, overwrite=overwrite) as output:
        pixels, valid = _gather(spec, pieces)
        is_missing_told = spec.has_mask or spec.nodata is not None
        if format == "JPEG" and not valid.all():
            raise OutputError(
                "E-OUT-04",
                "JPEG cannot tell which pixels are missing, and some are",
                found={"missing": f"{int((~valid).sum())} of {valid.size} pixels"},
                hint="write PNG, or keep the whole window (apply_mask=False)",
            )
        dark = _say_dark(pixels, valid)
        if format == "PNG" and is_missing_told:
            alpha = np.where(valid, np.iinfo(spec.dtype).max, 0).astype(spec.dtype)
            pixels = np.concatenate([pixels, alpha[..., None]], axis=-1)
        if pixels.shape[-1] == 1:
            pixels = pixels[..., 0]
        output.write(_encode(pixels, format, parsed))
        return output.commit(format, notes=(*_notes(spec), *dark))


def _check(spec: ImageSpec, format: str) -> None:
    if format == "JPEG" and spec.kind is not None:
        what = "a mask" if spec.kind == "mask" else "labels"
        raise OutputError(
            "E-OUT-04",
            f"JPEG changes values, so it does not hold {what}",
            hint="write PNG or GeoTIFF, which keep them",
        )
    if spec.dtype not in _DTYPES[format] or spec.count not in (1, 3):
        raise OutputError(
            "E-OUT-04",
            f"{format} holds 1 or 3 bands of {' or '.join(_DTYPES[format])}",
            found={"image": f"{spec.count} bands of {spec.dtype}"},
            hint="choose bands with bands= (--band), write PNG for 16 bits, or GeoTIFF for anything",
        )
    rows, cols = spec.shape
    if max(rows, cols) > MAX_SIDE:
        raise OutputError(
            "E-OUT-04", f"a picture has at most {MAX_SIDE} pixels a side, not {max(rows, cols)}"
        )
    size = rows * cols * (spec.count + 1) * np.dtype(spec.dtype).itemsize
    if size > MAX_BYTES:
        raise MemoryBudgetError(
            "E-MEM-01",
            "the picture is too large to be put together in memory",
            found={"needs": f"{size / 2**20:,.0f} MiB", "limit": f"{MAX_BYTES / 2**20:,.0f} MiB"},
            hint="write GeoTIFF, which is written tile by tile",
        )


def _gather(spec: ImageSpec, pieces: Iterable[Piece]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Put the whole image together as (rows, cols, bands), and which of its pixels are there."""
    values: NDArray[Any] = np.full((spec.count, *spec.shape), spec.fill, dtype=spec.dtype)
    valid = np.full(spec.shape, not spec.has_mask, dtype=np.bool_)
    for tile in assemble(spec, pieces, spec.shape):  # one tile is all, or none where all is fill
        if tile.values is None:
            raise OutputError("E-INT-01", "a picture takes values, not raw tiles")
        values = tile.values
        valid = valid if tile.valid is None else tile.valid
    if spec.nodata is not None:
        valid = valid & (values != spec.nodata).any(axis=0)
    if spec.kind == "mask":
        values = np.where(values, np.iinfo(spec.dtype).max, 0).astype(spec.dtype)
    return np.moveaxis(values, 0, -1), valid


def _say_dark(pixels: NDArray[Any], valid: NDArray[np.bool_]) -> tuple[str, ...]:
    """Say that a picture of shape (rows, cols, bands) uses less than an eighth of its range."""
    largest, limit = int(np.max(pixels, where=valid[..., None], initial=0)), int(np.iinfo(pixels.dtype).max)
    if not 0 < largest < limit / 8:
        return ()
    return (f"values are kept: the largest is {largest:,} of {limit:,}, so the picture looks dark",)


def _encode(pixels: NDArray[Any], format: str, options: Mapping[str, Any]) -> bytes:
    pixels = np.ascontiguousarray(pixels)
    if format == "PNG":
        return bytes(imagecodecs.png_encode(pixels, level=options.get("LEVEL", 6)))
    return bytes(imagecodecs.jpeg8_encode(pixels, level=options.get("QUALITY", 90)))


def _notes(spec: ImageSpec) -> tuple[str, ...]:
    notes = []
    if spec.is_georeferenced:
        notes.append("a picture has no georeference; the image's is lost")
    if spec.colors is not None:
        notes.append("the palette was left out; the picture shows the values as grey")
    return tuple(notes)
