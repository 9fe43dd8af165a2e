"""Where pixels of one grid lie on another: the windows that resampling reads, and the scale between them.

Longitudes go around: a source that counts them from 0 to 360 is found by a target that counts them to -180.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from georoi.crs import find_operation, lonlat_bounds, same_crs, transform_points
from georoi.errors import CRSError
from georoi.grid import Window, crop_grid, grid_bounds, grid_crs, to_pixels, to_world
from georoi.planning.seam import whole_turns

_RADIUS = {"nearest": 1, "bilinear": 1, "cubic": 2, "lanczos": 3}
"""Half the width of a kernel in source pixels, at a scale of 1; others take the pixels they cover."""


class Needed(NamedTuple):
    """A part of a source that lies under a part of a target."""

    window: Window
    """(row0, row1, col0, col1) of the source, not empty."""
    grid: GeoBox
    """The grid of this window, moved by whole turns to where the target is."""


def find_sources(source: GeoBox, target: GeoBox, window: Window, resampling: str) -> list[Needed]:
    """Find the windows of the source grid that hold every pixel under a window of the target.

    It is one, or none; or several where the target runs over the ends of a geographic source's longitudes.

    Args:
        source: In a CRS.
        target: In a CRS.
        window: Of the target, not empty.
        resampling: One of `georoi.values.composition.RESAMPLINGS`.

    Raises:
        CRSError: E-CRS-06 if only a ballpark operation is known between the CRS.
    """
    scale_x, scale_y = scales(source, target)
    reach = _RADIUS.get(resampling, 1)
    margins = reach * max(1.0, scale_x) + 2, reach * max(1.0, scale_y) + 2
    found = []
    for turn, left, right, top, bottom in _extents(source, target, window):
        height, width = (int(side) for side in source.shape)
        if turn and not (left < width and right > 0 and top < height and bottom > 0):
            continue  # it only touches the end of the longitudes, where no pixel is under it
        rows = max(0, math.floor(top - margins[1])), min(height, math.ceil(bottom + margins[1]))
        cols = max(0, math.floor(left - margins[0])), min(width, math.ceil(right + margins[0]))
        if rows[0] < rows[1] and cols[0] < cols[1]:
            part = (*rows, *cols)
            found.append(Needed(part, _moved(crop_grid(source, part), -turn)))
    return found


@lru_cache(maxsize=4096)
def meets(source: GeoBox, target: GeoBox) -> bool:
    """Tell whether a grid may have pixels on another one; where it may not, resampling gives nothing.

    Raises:
        CRSError: E-CRS-06 if only a ballpark operation is known between the CRS.
    """
    for one, other in ((source, target), (target, source)):
        rows, cols = (int(side) for side in other.shape)
        height, width = one.shape
        for _, left, right, top, bottom in _extents(one, other, (0, rows, 0, cols)):
            if left < width and right > 0 and top < height and bottom > 0:
                return True
    return False


def scales(source: GeoBox, target: GeoBox) -> tuple[float, float]:
    """Give how many pixels of the source a pixel of the target is wide and high, in the middle of the source.

    Within 5 % of 1 it is 1, as GDAL has it.
    """
    return _scales(source, target)


@lru_cache(maxsize=64)
def require_operation(
    source: GeoBox, target: GeoBox
) -> Any:  # a pyproj Transformer, whose name only crs knows
    """Find what brings coordinates of one grid to the CRS of another; None if the CRS is the same.

    Raises:
        CRSError: E-CRS-06 if only a ballpark operation is known.
    """
    crs, other = grid_crs(source), grid_crs(target)
    if crs is None or other is None or same_crs(crs, other):
        return None
    try:
        area = lonlat_bounds(crs, grid_bounds(source))
    except CRSError:
        area = None
    return find_operation(crs, other, area)[0]


def _extents(
    source: GeoBox, target: GeoBox, window: Window
) -> list[tuple[float, float, float, float, float]]:
    """Give the extent of a window of the target in pixels of the source, for each turn it is moved by.

    Returns:
        (turn, left, right, top, bottom), the turn in units of the source's CRS.
    """
    row0, row1, col0, col1 = window
    x, y = np.meshgrid(_edge_points(col0, col1), _edge_points(row0, row1))
    x, y = _to_crs_of(source, target, x.ravel(), y.ravel())
    finite = np.isfinite(x) & np.isfinite(y)
    if not finite.any():
        return []
    extents = []
    for turn in whole_turns(source):
        cols, rows = to_pixels(source, x[finite] + turn, y[finite])
        extents.append((turn, float(cols.min()), float(cols.max()), float(rows.min()), float(rows.max())))
    return extents


@lru_cache(maxsize=256)
def _scales(source: GeoBox, target: GeoBox) -> tuple[float, float]:
    rows, cols = source.shape
    x, y = _to_pixels_of(target, source, np.array([cols / 2]), np.array([rows / 2]))
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return 1.0, 1.0
    steps_x, steps_y = x[0] + np.array([0.0, 1.0, 0.0]), y[0] + np.array([0.0, 0.0, 1.0])
    col, row = _to_pixels_of(source, target, steps_x, steps_y)
    across = math.hypot(col[1] - col[0], col[2] - col[0])
    along = math.hypot(row[1] - row[0], row[2] - row[0])
    sides = [side if math.isfinite(side) and side > 0 else 1.0 for side in (across, along)]
    return _settled(sides[0]), _settled(sides[1])


def _settled(scale: float) -> float:
    return 1.0 if abs(scale - 1) < 0.05 else scale


def _edge_points(start: int, stop: int) -> NDArray[np.float64]:
    """Give at most 65 places from the first pixel's edge to the last one's."""
    return np.linspace(start, stop, min(stop - start, 64) + 1)


def _to_crs_of(
    source: GeoBox, target: GeoBox, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bring pixel coordinates (columns, rows) of the target to the CRS of the source."""
    moved = to_world(target, x, y)
    operation = require_operation(target, source)
    return moved if operation is None else transform_points(operation, *moved)


def _to_pixels_of(
    source: GeoBox, target: GeoBox, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bring neighbouring pixel coordinates of the target to those of the source, on one side of its seam."""
    x, y = _to_crs_of(source, target, x, y)
    turns = whole_turns(source)
    with np.errstate(invalid="ignore"):
        if len(turns) > 1:
            x = x - np.round((x - x[0]) / turns[1]) * turns[1]
        return to_pixels(source, x, y)


def _moved(grid: GeoBox, by: float) -> GeoBox:
    return GeoBox(grid.shape, Affine.translation(by, 0.0) @ grid.affine, grid.crs) if by else grid
