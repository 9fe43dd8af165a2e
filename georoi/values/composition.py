"""What a raster is made of that is no file of its own: bands joined, scenes side by side, another grid.

A `Raster` with a composition is planned, clipped and read as any other; its pixels come from the rasters that
the composition names. Nothing is copied, and nothing is open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from georoi.values.quality import MaskRule
    from georoi.values.raster import Raster

OVERLAPS = ("first", "last", "min", "max")
"""What a pixel of a mosaic gets where several scenes have data."""
RESAMPLINGS = (
    "nearest",
    "bilinear",
    "cubic",
    "lanczos",
    "average",
    "mode",
    "min",
    "max",
    "med",
    "q1",
    "q3",
    "rms",
)
"""Ways to bring pixels to another grid; the words are GDAL's."""

WARP_CELL = 256
"""Rows and columns of the cells of a grid that pixels are resampled to together."""


@dataclass(frozen=True, kw_only=True)
class Joined:
    """Bands of several rasters on one grid."""

    parts: tuple[Raster, ...]
    """Where the bands come from."""
    numbers: tuple[int, ...] = ()
    """By which number the raster knows each band of the parts, 0 where it has none; 1, 2, ... if empty."""

    @property
    def order(self) -> tuple[int, ...]:
        """The numbers of all bands of the parts."""
        return self.numbers or tuple(range(1, sum(part.count for part in self.parts) + 1))


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A raster and its place on the grid of a mosaic."""

    raster: Raster
    row: int
    """Row of the mosaic that its first row lies on."""
    col: int
    """Column of the mosaic that its first column lies on."""


@dataclass(frozen=True, kw_only=True)
class Mosaic:
    """Rasters of the same bands side by side on one lattice of pixels; no pixel is resampled."""

    pieces: tuple[Piece, ...]
    overlap: str = "first"
    """One of `OVERLAPS`, band by band, among the scenes that have valid data there."""


@dataclass(frozen=True, kw_only=True)
class Warped:
    """A raster resampled to another grid, which is that of the `Raster` that has this composition."""

    source: Raster
    """What is resampled; its bands have the same numbers."""
    resampling: str
    """One of `RESAMPLINGS`."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A raster of which a rule keeps some pixels; the others are masked."""

    source: Raster
    """What is masked; its bands have the same numbers."""
    rule: MaskRule
    masks: Raster
    """The bands that the rule looks at, in its order, on the same grid."""


Composition = Joined | Mosaic | Warped | Kept
"""How a raster is made of others."""


def list_files(raster: Raster) -> tuple[Raster, ...]:
    """Give the rasters that are files of their own, which a raster is made of; itself if it is one."""
    match raster.composition:
        case Joined(parts=parts):
            inner = parts
        case Mosaic(pieces=pieces):
            inner = tuple(piece.raster for piece in pieces)
        case Warped(source=source):
            inner = (source,)
        case Kept(source=source, masks=masks):
            inner = (source, masks)
        case None:
            return (raster,)
    return tuple(file for part in inner for file in list_files(part))
