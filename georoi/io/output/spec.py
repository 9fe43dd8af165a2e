"""What a writer is told and what it tells: the image to be, the pieces it comes in, and what was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from georoi.errors import OutputError
from georoi.grid import Window
from georoi.io.raster.nodata import fit_nodata

Number = int | float

DTYPES = (
    "uint8",
    "int8",
    "uint16",
    "int16",
    "uint32",
    "int32",
    "uint64",
    "int64",
    "float32",
    "float64",
)
"""Kinds of pixels that can be written."""

COLOR_ROLES = frozenset({"gray", "undefined", "red", "green", "blue", "alpha", "palette"})
"""What a band can be for the eye, in rasterio's words."""

MAX_BANDS = 65_535
MAX_SIDE = 2**31 - 1


@dataclass(frozen=True, eq=False, kw_only=True)
class ImageSpec:
    """An image that is to be written: where it lies and what its pixels are, not how they are stored.

    Raises:
        OutputError: E-OUT-04 if pixels are of a kind, or the image of a size, that no writer takes.
        RasterError: E-RAS-05 if the nodata value does not fit the dtype.
    """

    grid: GeoBox
    """Shape, transform and CRS; without CRS and with the identity transform it is in pixel space."""
    count: int
    """Number of bands."""
    dtype: str
    nodata: Number | None = None
    """Value of pixels that no piece covers; exact integer, or float (rounded to the dtype), or NaN."""
    has_mask: bool = False
    """Whether validity is told by a 1-bit mask beside the pixels, from the pieces' `valid`."""
    band_names: tuple[str, ...] = ()
    """One per band, or none at all; empty texts are left out."""
    scales: tuple[float, ...] = ()
    """One per band, or none at all: physical value = stored value x scale + offset."""
    offsets: tuple[float, ...] = ()
    colors: Mapping[int, tuple[int, ...]] | None = None
    """Palette of a one-band uint8 or uint16 image: value to (red, green, blue[, alpha]), each 0..255."""
    roles: tuple[str, ...] = ()
    """What each band is for the eye, of `COLOR_ROLES`, or nothing at all if that is not known."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Further metadata, as texts."""
    kind: Literal["mask", "labels"] | None = None
    """What the pixels stand for where they are no measures: "mask" is 0 and 1, which a picture shows as 0
    and 255; neither that nor labels stand changed values."""

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise OutputError(
                "E-OUT-04",
                f"pixels of dtype {self.dtype} cannot be written",
                hint=f"convert them to one of {', '.join(DTYPES)}",
            )
        rows, cols = self.shape
        if not (1 <= self.count <= MAX_BANDS and 1 <= rows <= MAX_SIDE and 1 <= cols <= MAX_SIDE):
            raise OutputError(
                "E-OUT-04", f"an image of {self.count} bands of {rows} x {cols} pixels cannot be written"
            )
        for name in ("band_names", "scales", "offsets", "roles"):
            if len(getattr(self, name)) not in (0, self.count):
                raise OutputError("E-INT-01", f"{len(getattr(self, name))} {name} for {self.count} bands")
        if self.nodata is not None:
            object.__setattr__(self, "nodata", fit_nodata(self.nodata, self.dtype))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, cols = self.grid.shape
        return int(rows), int(cols)

    @property
    def fill(self) -> Number:
        """The value of pixels that no piece covers: nodata, or 0 where there is none."""
        return 0 if self.nodata is None else self.nodata

    @property
    def is_georeferenced(self) -> bool:
        """Whether the image has a CRS, or a transform other than that of plain pixels."""
        return self.grid.crs is not None or not self.grid.affine.is_identity


class Piece(NamedTuple):
    """A part of an image on its way to a writer, which takes its arrays over: do not change them afterwards.

    Pieces are disjoint and come in row-major order of a lattice: all of one band of rows from left to right,
    then those of a band further down. What no piece covers is fill.
    """

    window: Window
    """(row0, row1, col0, col1) in pixels of the image, half-open."""
    values: NDArray[np.generic] | None
    """Shape (bands, rows, cols), of the image's dtype; None only where `raw` stands for it."""
    valid: NDArray[np.bool_] | None = None
    """Shape (rows, cols); None means that all pixels are valid. For images with a mask only."""
    raw: bytes | None = None
    """The tile as it is stored, where the window is one whole tile of the output and stored the same way."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """What was written, and where."""

    path: Path
    format: str
    bytes: int
    sha256: str
    """Of the file; of the sorted list of names and sums for a folder."""
    notes: tuple[str, ...] = ()
    """What the format could not carry, or the writer decided, in words."""
