"""The grid of a raster in words."""

from __future__ import annotations

from georoi.grid import describe
from georoi.values.raster import Header


def say_grid(header: Header) -> str:
    """Say the grid of a raster in one line."""
    text = describe(header.grid)
    return text.replace("no CRS", "pixel space") if header.is_pixel else text
