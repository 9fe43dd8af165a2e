"""The areas of ROIs: on the ellipsoid, whole, off the raster and within single pixels; and in the plane."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from georoi.crs import Rings, split_rings
from georoi.grid import is_pixel_grid
from georoi.planning.areaintegrals import cut, gather, integrate_shapes, integrate_uniform
from georoi.planning.pixelareas import PixelAreas, make_pixel_areas
from georoi.planning.shapes import bounds_of
from georoi.values.gridrois import GridROIs

__all__ = ["PixelAreas", "make_pixel_areas", "part_areas", "planar_areas", "polygon_areas", "roi_areas"]

Floats = NDArray[np.float64]

_NOTHING = 1e-13  # of a ROI: as much as rounding leaves within the raster of one that lies beside it


def roi_areas(rois: GridROIs, areas: PixelAreas) -> tuple[Floats, Floats]:
    """Give the area of each ROI, and of what of it lies outside the raster.

    Edges are straight in the plane of the grid, as coverage has them. Both are computed on their own, the
    one from the ROI's outline, the other from the outline of the ROI less the raster.

    Args:
        rois: ROIs on the grid.
        areas: The areas of the grid's pixels.

    Returns:
        Square metres (pixels in pixel space), each of shape (n,): total, and outside: exactly 0.0 for ROIs
        within the raster, and the total for those that have no area in it. Empty ROIs have 0; NaN where the
        CRS has no place on the Earth.
    """
    parts = Rings(rois.x, rois.y, rois.rings, rois.polygons, rois.rois)
    total = integrate_shapes(parts, rois.bounds, areas)
    rows, cols = rois.grid.shape
    x0, y0, x1, y1 = rois.bounds.T
    beyond = (x1 <= 0) | (y1 <= 0) | (x0 >= cols) | (y0 >= rows)
    outside = np.where(beyond, total, 0.0)
    crossing = np.flatnonzero(~beyond & ((x0 < 0) | (y0 < 0) | (x1 > cols) | (y1 > rows)))
    if len(crossing):
        some = rois.take(crossing)
        left = Rings(some.x, some.y, some.rings, some.polygons, some.rois)
        found = np.zeros(len(crossing))
        for axis, side in (("x", cols), ("y", rows)):
            for at, off, on in ((0, "low", "high"), (side, "high", "low")):
                found += _of(cut(left, axis, at, off), areas)
                left = cut(left, axis, at, on)
        apart = _of(left, areas) <= _NOTHING * total[crossing]
        outside[crossing] = np.where(apart, total[crossing], found)
    return total, outside


def polygon_areas(polygons: NDArray[np.object_], areas: PixelAreas) -> Floats:
    """Give the areas of polygons in pixel coordinates.

    Args:
        polygons: Polygons and MultiPolygons, shape (n,).
        areas: The areas of the grid's pixels.

    Returns:
        Square metres (pixels in pixel space), shape (n,).
    """
    return _of(split_rings(polygons), areas)


def part_areas(
    polygon: shapely.Geometry, rows: NDArray[np.int64], cols: NDArray[np.int64], areas: PixelAreas
) -> Floats:
    """Give the area of a polygon within each of some pixels: what moments are too rough for.

    The polygon is cut into halves until single pixels are left: some 100 microseconds a pixel.

    Args:
        polygon: Polygon or MultiPolygon in pixel coordinates.
        rows: Rows of the pixels, shape (n,).
        cols: Their columns.
        areas: The areas of the grid's pixels.

    Returns:
        Square metres (pixels in pixel space), shape (n,).
    """
    if not len(rows):
        return np.zeros(0)
    whole = split_rings(np.array([polygon], dtype=object))
    pieces: list[Rings] = []
    members: list[NDArray[np.int64]] = []
    open_ = [(whole, np.arange(len(rows)))]
    while open_:
        piece, pixels = open_.pop()
        row0, row1 = int(rows[pixels].min()), int(rows[pixels].max()) + 1
        col0, col1 = int(cols[pixels].min()), int(cols[pixels].max()) + 1
        for axis, low, high in (("x", col0, col1), ("y", row0, row1)):
            piece = cut(cut(piece, axis, low, "high"), axis, high, "low")
        if row1 - row0 == 1 and col1 - col0 == 1:
            pieces.append(piece)
            members.append(pixels)
        elif row1 - row0 > col1 - col0:
            is_low = rows[pixels] < (row0 + row1) // 2
            open_ += [(piece, pixels[is_low]), (piece, pixels[~is_low])]
        else:
            is_low = cols[pixels] < (col0 + col1) // 2
            open_ += [(piece, pixels[is_low]), (piece, pixels[~is_low])]
    found = np.empty(len(rows))
    values = _of(gather(pieces), areas)
    found[np.concatenate(members)] = np.repeat(values, [len(pixels) for pixels in members])
    return found


def planar_areas(rois: GridROIs) -> Floats:
    """Give the area of each ROI in the plane: square units of the grid's CRS, pixels without one, shape (n,).

    It is summed in pixels about the middle of each ROI, where coordinates keep their digits.
    """
    a, b, _, d, e, _ = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0) if is_pixel_grid(rois.grid) else rois.grid.affine[:6]
    parts = Rings(rois.x, rois.y, rois.rings, rois.polygons, rois.rois)
    return integrate_uniform(parts, rois.bounds, abs(float(a * e - b * d)))


def _of(parts: Rings, areas: PixelAreas) -> Floats:
    return integrate_shapes(parts, bounds_of(parts), areas)
