"""The areas of ROIs: on the ellipsoid, whole, off the raster and within single pixels; and in the plane."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from georoi.crs import Rings, geodesic_area, keep_polygons, plane, split_rings
from georoi.grid import grid_crs, is_pixel_grid, to_pixels, to_world
from georoi.kernels.areas import integrate_polygons
from georoi.planning.pixelareas import PixelAreas, is_split, make_pixel_areas
from georoi.planning.shapes import bounds_of
from georoi.values.gridrois import GridROIs

__all__ = ["PixelAreas", "make_pixel_areas", "part_areas", "planar_areas", "polygon_areas", "roi_areas"]

Floats = NDArray[np.float64]

_FURTHEST = 2.0**30  # patches from the origin: as far as they are counted
_WIDE = 100.0  # half-turns: wider than any polygon


class _Served(NamedTuple):
    """Which patch serves each polygon, -1 where none does, and the patches."""

    patch: NDArray[np.int64]
    origins: Floats
    coefficients: Floats


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
    total = _areas(Rings(rois.x, rois.y, rois.rings, rois.polygons, rois.rois), rois.bounds, areas)
    rows, cols = rois.grid.shape
    x0, y0, x1, y1 = rois.bounds.T
    beyond = (x1 <= 0) | (y1 <= 0) | (x0 >= cols) | (y0 >= rows)
    outside = np.where(beyond, total, 0.0)
    crossing = np.flatnonzero(~beyond & ((x0 < 0) | (y0 < 0) | (x1 > cols) | (y1 > rows)))
    if len(crossing):
        raster = shapely.box(0, 0, cols, rows)
        part = rois.take(crossing)
        polygons = keep_polygons(Rings(part.x, part.y, part.rings, part.polygons, part.rois).to_polygons())
        apart = ~shapely.relate_pattern(polygons, raster, "T********")
        left = shapely.difference(polygons, raster)
        outside[crossing] = np.where(apart, total[crossing], polygon_areas(left, areas))
    return total, outside


def polygon_areas(polygons: NDArray[np.object_], areas: PixelAreas) -> Floats:
    """Give the areas of polygons in pixel coordinates.

    Args:
        polygons: Polygons and MultiPolygons, shape (n,).
        areas: The areas of the grid's pixels.

    Returns:
        Square metres (pixels in pixel space), shape (n,).
    """
    parts = split_rings(polygons)
    return _areas(parts, bounds_of(parts), areas)


def part_areas(
    polygon: shapely.Geometry, rows: NDArray[np.int64], cols: NDArray[np.int64], areas: PixelAreas
) -> Floats:
    """Give the area of a polygon within each of some pixels: what moments are too rough for.

    The polygon is cut in halves until single pixels are left, so the cost is some 50 microseconds a pixel.

    Args:
        polygon: Polygon or MultiPolygon in pixel coordinates.
        rows: Rows of the pixels, shape (n,).
        cols: Their columns.
        areas: The areas of the grid's pixels.

    Returns:
        Square metres (pixels in pixel space), shape (n,).
    """
    pieces = np.full(len(rows), shapely.Polygon(), dtype=object)
    open_ = [(polygon, np.arange(len(rows)))] if len(rows) else []
    while open_:
        piece, members = open_.pop()
        row0, row1 = rows[members].min(), rows[members].max() + 1
        col0, col1 = cols[members].min(), cols[members].max() + 1
        piece = shapely.intersection(piece, shapely.box(col0, row0, col1, row1))
        if piece.geom_type not in ("Polygon", "MultiPolygon"):  # it touches the box along a line
            piece = keep_polygons(np.array([piece], dtype=object))[0]
        if row1 - row0 == 1 and col1 - col0 == 1:
            pieces[members] = piece
        elif not piece.is_empty:
            is_low = (
                rows[members] < (row0 + row1) // 2
                if row1 - row0 > col1 - col0
                else cols[members] < (col0 + col1) // 2
            )
            open_ += [(piece, half) for half in (members[is_low], members[~is_low]) if len(half)]
    return polygon_areas(pieces, areas)


def planar_areas(rois: GridROIs) -> Floats:
    """Give the area of each ROI in the plane: square units of the grid's CRS, pixels without one, shape (n,).

    It is summed in pixels about the middle of each ROI, where coordinates keep their digits.
    """
    a, b, _, d, e, _ = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0) if is_pixel_grid(rois.grid) else rois.grid.affine[:6]
    parts = Rings(rois.x, rois.y, rois.rings, rois.polygons, rois.rois)
    return _integrate(parts, rois.bounds, _uniform(len(rois), abs(float(a * e - b * d))))


def _areas(parts: Rings, bounds: Floats, areas: PixelAreas) -> Floats:
    """Integrate over shapes; over those that no patch serves, edge by edge on the ellipsoid."""
    if areas.varies == "nowhere":
        return _integrate(parts, bounds, _uniform(len(bounds), areas.constant))
    parts, bounds = _cut_at_poles(parts, bounds, areas)
    served = _find_patches(bounds, areas)
    found = _integrate(parts, bounds, served)
    wide = np.flatnonzero(served.patch < 0)
    crs = grid_crs(areas.grid)
    if len(wide) and crs is not None:
        polygons = parts.to_polygons()[wide]
        world = shapely.transform(
            polygons, lambda points: np.column_stack(to_world(areas.grid, points[:, 0], points[:, 1]))
        )
        found[wide] = geodesic_area(world, crs)
    return found


def _integrate(parts: Rings, bounds: Floats, served: _Served) -> Floats:
    found = np.zeros(len(bounds))
    x, y, inside = (np.require(array, np.float64, ["C", "W"]) for array in (parts.x, parts.y, bounds))
    rings, polygons, shapes = (np.require(array, np.int64, ["C", "W"]) for array in parts[2:])
    patch, origins, coefficients = served
    integrate_polygons(x, y, rings, polygons, shapes, inside, patch, origins, coefficients, found)
    return found


def _uniform(count: int, density: float) -> _Served:
    origins, coefficients = np.array([[0.0, 0.0, 1.0]]), np.full((1, 1, 1), density)
    return _Served(np.zeros(count, dtype=np.int64), origins, coefficients)


def _find_patches(bounds: Floats, areas: PixelAreas) -> _Served:
    """Find the patch about the middle of each shape; it must reach as far as the shape does."""
    by_row = areas.varies == "by row"
    x0, y0, x1, y1 = bounds.T
    rows, cols = (y0 + y1) / 2, np.zeros(len(bounds)) if by_row else (x0 + x1) / 2
    patch = np.full(len(bounds), -1, dtype=np.int64)
    patch[np.isnan(rows)] = 0  # empty shapes are 0 by any patch
    with np.errstate(invalid="ignore"):
        far = ~(np.maximum(np.abs(rows), np.abs(cols)) < _FURTHEST * areas.side)
    left = np.flatnonzero(~far & (y1 - y0 < 2 * areas.side) & (by_row | (x1 - x0 < 2 * areas.side)))
    origins: list[tuple[float, float, float]] = []
    coefficients: list[Floats] = []
    level = 0
    while len(left):
        side = areas.side >> level
        i, j = (np.floor(middle[left] / side).astype(np.int64) for middle in (rows, cols))
        keys, group = np.unique(i * 2**31 + j, return_inverse=True)
        order = np.argsort(group, kind="stable")
        ends = np.cumsum(np.bincount(group, minlength=len(keys)))
        again = []
        for members in np.split(left[order], ends[:-1]):
            first = members[0]
            found = areas.patch((level, int(rows[first] // side), int(cols[first] // side)))
            if is_split(found):
                again.append(members)
                continue
            (row, col, half), terms = found
            fits = (y0[members] >= row - half) & (y1[members] <= row + half) & np.isfinite(terms[0, 0])
            if not by_row:
                fits &= (x0[members] >= col - half) & (x1[members] <= col + half)
            patch[members[fits]] = len(origins)
            origins.append(found.origin)
            coefficients.append(terms)
        left = np.concatenate(again) if again else np.empty(0, dtype=np.int64)
        level += 1
    if not origins:
        return _Served(patch, np.ones((1, 3)), np.zeros((1, 1, 1)))
    return _Served(patch, np.array(origins), np.stack(coefficients))


def _cut_at_poles(parts: Rings, bounds: Floats, areas: PixelAreas) -> tuple[Rings, Floats]:
    """Cut what reaches beyond a pole of a geographic grid, where there is no Earth."""
    crs = grid_crs(areas.grid)
    if crs is None or not plane(crs).is_geographic or not len(bounds):
        return parts, bounds
    half_turn = math.pi / plane(crs).axis_info[0].unit_conversion_factor
    _, latitudes = to_world(areas.grid, bounds[:, [0, 2, 2, 0]], bounds[:, [1, 1, 3, 3]])
    with np.errstate(invalid="ignore"):
        beyond = np.flatnonzero((np.abs(latitudes) > half_turn / 2).any(axis=1))
    if not len(beyond):
        return parts, bounds
    wide, pole = _WIDE * half_turn, half_turn / 2
    strip = shapely.polygons(
        np.column_stack(to_pixels(areas.grid, [-wide, wide, wide, -wide], [-pole, -pole, pole, pole]))
    )
    polygons = parts.to_polygons()
    polygons[beyond] = keep_polygons(shapely.intersection(keep_polygons(polygons[beyond]), strip))
    cut = split_rings(polygons)
    return cut, bounds_of(cut)
