"""Grids and windows: where pixels lie, in GDAL's own arithmetic, and whether two grids are one.

A grid is an `odc.geo.geobox.GeoBox`: shape, affine transform from pixels to the world, CRS. Pixel coordinates
have x along columns and y along rows, counted from the outer corner of the first pixel. Windows are (row0,
row1, col0, col1), half-open; many of them are an array of shape (n, 4).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np
import shapely
from affine import Affine
from numpy.typing import ArrayLike, NDArray
from odc.geo.geobox import GeoBox

from georoi.crs import CRS, crs_label, definition, parse_crs, same_crs
from georoi.errors import RasterError

Windows = NDArray[np.int64]
"""Windows (row0, row1, col0, col1), half-open, shape (n, 4)."""
Window = tuple[int, int, int, int]
"""One window (row0, row1, col0, col1), half-open."""
Bounds = tuple[float, float, float, float]
"""(xmin, ymin, xmax, ymax)."""


def make_grid(shape_yx: tuple[int, int], affine: Affine | Sequence[float], crs: object = None) -> GeoBox:
    """Make a grid.

    Args:
        shape_yx: Rows and columns.
        affine: From pixel to world: an `Affine`, or its six numbers (a, b, c, d, e, f) in Affine's order.
        crs: Anything `georoi.crs.parse_crs` takes; None for pixel space, or where it is not known.

    Raises:
        RasterError: E-RAS-10 if the transform is not finite or cannot be inverted, or the shape is negative.
    """
    matrix = affine if isinstance(affine, Affine) else Affine(*(float(value) for value in list(affine)[:6]))
    rows, cols = (int(side) for side in shape_yx)
    if rows < 0 or cols < 0 or not all(map(math.isfinite, matrix[:6])) or invert(matrix) is None:
        raise RasterError(
            "E-RAS-10",
            "the grid is degenerate: pixels need a finite transform that can be inverted",
            found={"grid": f"{rows} x {cols} pixels, transform {tuple(matrix[:6])}"},
        )
    return GeoBox((rows, cols), matrix, None if crs is None else parse_crs(crs))


def grid_crs(grid: GeoBox) -> CRS | None:
    """Give the CRS of a grid as pyproj's, or None in pixel space and where it is not known."""
    return None if grid.crs is None else parse_crs(grid.crs)


def is_pixel_grid(grid: GeoBox) -> bool:
    """Tell whether a grid has no CRS: it is in pixel space, if whoever made it does not say it is unknown."""
    return grid.crs is None


def invert(affine: Affine) -> tuple[float, float, float, float, float, float] | None:
    """Invert a transform with the very operations of GDAL's GDALInvGeoTransform, in GDAL's order of numbers.

    Gives (g0, g1, g2, g3, g4, g5) with column = g0 + x * g1 + y * g2 and row = g3 + x * g4 + y * g5, or None
    where there is no inverse. Source: gcore/gdal_misc.cpp, GDAL 3.10.
    """
    t1, t2, t0, t4, t5, t3 = (float(value) for value in affine[:6])
    if t2 == 0 and t4 == 0 and t1 != 0 and t5 != 0:
        return (-t0 / t1, 1.0 / t1, 0.0, -t3 / t5, 0.0, 1.0 / t5)
    determinant = t1 * t5 - t2 * t4
    magnitude = max(abs(t1), abs(t2), abs(t4), abs(t5))
    if abs(determinant) <= 1e-10 * magnitude * magnitude:
        return None
    inverse = 1.0 / determinant
    return (
        (t2 * t3 - t0 * t5) * inverse,
        t5 * inverse,
        -t2 * inverse,
        (-t1 * t3 + t0 * t4) * inverse,
        -t4 * inverse,
        t1 * inverse,
    )


def pixel_transform(grid: GeoBox) -> tuple[float, float, float, float, float, float]:
    """Give the transform from the world to pixels as GDAL computes it; see `invert` for the order of numbers.

    Raises:
        RasterError: E-RAS-10 if the grid's transform has no inverse.
    """
    inverse = invert(grid.affine)
    if inverse is None:
        raise RasterError(
            "E-RAS-10", "the grid's transform cannot be inverted", found={"grid": describe(grid)}
        )
    return inverse


def to_pixels(grid: GeoBox, x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bring world coordinates to pixel coordinates (columns, rows), bit for bit as GDAL's rasteriser does.

    Args:
        grid: The grid.
        x: World coordinates in the grid's CRS, any shape.
        y: The same for y.
    """
    g0, g1, g2, g3, g4, g5 = pixel_transform(grid)
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    return g0 + x * g1 + y * g2, g3 + x * g4 + y * g5


def to_world(
    grid: GeoBox, cols: ArrayLike, rows: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bring pixel coordinates to world coordinates (x, y), as GDAL applies a geotransform."""
    a, b, c, d, e, f = (float(value) for value in grid.affine[:6])
    cols, rows = np.asarray(cols, dtype=np.float64), np.asarray(rows, dtype=np.float64)
    return c + cols * a + rows * b, f + cols * d + rows * e


def bounds_to_windows(bounds_px: ArrayLike, shape_yx: tuple[int, int]) -> Windows:
    """Give the smallest windows of whole pixels that hold bounds in pixels, clipped to a grid.

    Args:
        bounds_px: (x_min, y_min, x_max, y_max), shape (n, 4); NaN where there is nothing.
        shape_yx: Rows and columns of the grid.

    Returns:
        Windows, shape (n, 4); those without a pixel on the grid are all zero.
    """
    bounds = np.asarray(bounds_px, dtype=np.float64).reshape(-1, 4)
    rows, cols = shape_yx
    low = np.clip(np.floor(bounds[:, [1, 0]]), 0, (rows, cols))
    high = np.clip(np.ceil(bounds[:, [3, 2]]), 0, (rows, cols))
    empty = ~(low < high).all(axis=1)  # NaN compares false
    windows = np.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], axis=1)
    windows[empty] = 0
    return windows.astype(np.int64)


def crop_grid(grid: GeoBox, window: Window) -> GeoBox:
    """Give the grid of a window, which may reach past the grid: the same grid, moved by whole pixels."""
    row0, row1, col0, col1 = (int(value) for value in window)
    a, b, c, d, e, f = (float(value) for value in grid.affine[:6])
    moved = Affine(a, b, c + col0 * a + row0 * b, d, e, f + col0 * d + row0 * e)
    return GeoBox((row1 - row0, col1 - col0), moved, grid.crs)


def window_bounds(grid: GeoBox, window: Window) -> Bounds:
    """Give the envelope of a window in the grid's CRS, true for rotated and south-up grids too."""
    row0, row1, col0, col1 = window
    x, y = to_world(grid, [col0, col1, col1, col0], [row0, row0, row1, row1])
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def grid_bounds(grid: GeoBox) -> Bounds:
    """Give the envelope of a whole grid in its CRS."""
    return window_bounds(grid, (0, grid.shape[0], 0, grid.shape[1]))


def footprint(grid: GeoBox) -> shapely.Polygon:
    """Give the outline of a grid in its CRS: four corners, from the first pixel along the first row."""
    rows, cols = grid.shape
    x, y = to_world(grid, [0, cols, cols, 0], [0, 0, rows, rows])
    return shapely.Polygon(np.column_stack([x, y]))


def pixel_size(grid: GeoBox) -> tuple[float, float]:
    """Give the lengths of a pixel's sides (along a row, along a column) in units of the CRS."""
    a, b, _, d, e, _ = grid.affine[:6]
    return math.hypot(a, d), math.hypot(b, e)


def same(a: GeoBox, b: GeoBox, tol: float = 1e-3) -> bool:
    """Tell whether two grids are one: same shape, same CRS by definition, corners within `tol` pixels.

    Grids without CRS are the same as each other only. Neither `==` nor the hash of a GeoBox decides, so a
    grid in EPSG:3035 is the same as one in IGNF:ETRS89LAEA.
    """
    if tuple(a.shape) != tuple(b.shape):
        return False
    if (a.crs is None) != (b.crs is None):
        return False
    if a.crs is not None and not same_crs(grid_crs(a), grid_crs(b)):
        return False
    rows, cols = a.shape
    corners_x, corners_y = np.array([0.0, cols, cols, 0.0]), np.array([0.0, 0.0, rows, rows])
    moved_x, moved_y = to_pixels(b, *to_world(a, corners_x, corners_y))
    return bool(np.all(np.hypot(moved_x - corners_x, moved_y - corners_y) <= tol))


def key(grid: GeoBox) -> str:
    """Give the canonical digest of a grid: equal shape, transform (to the bit) and CRS by definition.

    Grids whose corners differ by less than `same` tolerates have different keys: what was computed on one is
    not to the bit what the other would give.
    """
    crs = grid_crs(grid)
    content = (
        tuple(int(side) for side in grid.shape),
        tuple((float(value) + 0.0).hex() for value in grid.affine[:6]),
        None if crs is None else definition(crs),
    )
    return hashlib.sha256(repr(content).encode()).hexdigest()


def describe(grid: GeoBox) -> str:
    """Describe a grid in one line: rows x columns, size of a pixel along x and y, CRS, origin."""
    rows, cols = grid.shape
    dx, dy = pixel_size(grid)
    side = f"{dx:.10g}" if dx == dy else f"{dx:.10g} x {dy:.10g} (x, y)"
    _, b, c, d, e, f = grid.affine[:6]
    turned = ", rotated" if b or d else ", south-up" if e > 0 and grid.crs is not None else ""
    crs = crs_label(grid_crs(grid)) if grid.crs is not None else "no CRS"
    return f"{rows} rows x {cols} columns of {side}, {crs}, origin ({c:.10g}, {f:.10g}){turned}"
