"""DataArrays on their way to a file: the image that they make, and its pieces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.errors import OutputError, RasterError
from georoi.io.array.arrays import ArraySource
from georoi.io.array.bands import band_scaling
from georoi.io.output.spec import ImageSpec, Piece
from georoi.io.raster.metadata import make_tags, name_bands
from georoi.options import CELL


def spec_of_array(source: ArraySource) -> ImageSpec:
    """Describe the image that an array makes: (band, y, x), or (y, x), or any one axis before y and x.

    Raises:
        OutputError: E-OUT-04 if it has more axes, or pixels that cannot be written.
        RasterError: E-RAS-05 if its nodata value does not fit, or bands declare different ones; E-RAS-10 if
            it does not tell which band has which scale and offset.
    """
    array = source.array
    if array.ndim > 3:
        raise OutputError(
            "E-OUT-04",
            f"an image has the axes band, y and x, and the array has {tuple(array.dims)}",
            hint="choose along the others with .isel(), or write one file for each",
        )
    count = source.header.count
    scales, offsets = band_scaling(array)
    nodata = set(map(str, source.header.nodata))
    if len(nodata) > 1:
        raise RasterError(
            "E-RAS-05",
            f"the bands of '{source.header.name}' declare different nodata values; a file has one for all",
            found={"nodata": ", ".join(sorted(nodata))},
            hint="choose one by clipping with nodata=, or write one file for each band",
        )
    return ImageSpec(
        grid=source.header.grid,
        count=count,
        dtype="uint8" if array.dtype.kind == "b" else str(array.dtype),
        nodata=source.header.nodata[0],
        band_names=name_bands(source.header.band_names),
        scales=scales,
        offsets=offsets,
        tags=make_tags(array.attrs),
        kind="mask" if array.dtype.kind == "b" else "labels" if "labels" in array.attrs else None,
    )


def cut_pieces(values: NDArray[Any]) -> Iterator[Piece]:
    """Cut an array in memory into pieces of a canonical cell.

    Args:
        values: Shape (bands, rows, cols) or (rows, cols).
    """
    for row in range(0, values.shape[-2], CELL):
        for col in range(0, values.shape[-1], CELL):
            yield make_piece(row, col, values[..., row : row + CELL, col : col + CELL].copy())


def make_piece(row: int, col: int, values: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> Piece:
    """Make the piece whose first pixel is at (row, col), of shape (bands, rows, cols) or (rows, cols)."""
    rows, cols = values.shape[-2:]
    pixels = values.reshape((-1, rows, cols))
    if pixels.dtype == np.bool_:
        pixels = pixels.view(np.uint8)
    return Piece((row, row + rows, col, col + cols), pixels, valid)
