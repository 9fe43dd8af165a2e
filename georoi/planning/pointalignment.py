"""Bring points onto a grid: the CRS gate, the transform, pixel coordinates as GDAL makes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from georoi.crs import CRS, check_range, crs_label, find_operation, lonlat_bounds, transform_points
from georoi.errors import CRSError
from georoi.grid import Bounds, describe, grid_bounds, grid_crs, to_pixels
from georoi.planning.overlap_check import bounds_look_swapped, explained
from georoi.planning.seam import wrap_points
from georoi.values.points import PointSet
from georoi.wording import say_count

_SAY_CRS = "if a CRS is wrong, say the right one (--rois-crs, --raster-crs)"


@dataclass(frozen=True, eq=False, kw_only=True)
class GridPoints:
    """Points on a grid; arrays of shape (n,)."""

    x: NDArray[np.float64]
    """In the grid's CRS; infinite or NaN for a point that has no coordinates there."""
    y: NDArray[np.float64]
    col: NDArray[np.float64]
    """In pixels from the outer corner of the first pixel."""
    row: NDArray[np.float64]
    inside: NDArray[np.bool_]
    """Whether a pixel holds it: first edges belong to the grid, last edges do not."""
    notes: tuple[str, ...] = ()


def align_points(points: PointSet, grid: GeoBox, *, pixel_grid: bool) -> GridPoints:
    """Give points in the coordinates of a grid, through the same gate as `align` has for ROIs.

    Args:
        points: With a CRS, or in pixel space.
        grid: The raster's grid.
        pixel_grid: True if the grid is in pixel space.

    Raises:
        CRSError: E-CRS-01 if either CRS is unknown, E-CRS-02 if no point lies on the raster, E-CRS-03 if
            coordinates cannot be in their CRS, E-CRS-05 if one side is in pixel space and the other is not,
            E-CRS-06 if only a ballpark operation is known.
    """
    _check_sides(points, grid, pixel_grid)
    target = grid_crs(grid)
    x, y = points.x, points.y
    notes: tuple[str, ...] = ()
    if not pixel_grid and points.crs is not None and target is not None:
        x, y, notes = _transform(points, points.crs, grid, target)
    with np.errstate(invalid="ignore"):
        col, row = to_pixels(grid, x, y)
        inside = (col >= 0) & (col < grid.shape[1]) & (row >= 0) & (row < grid.shape[0])
    if not inside.any():
        raise _no_overlap(points, grid, x, y)
    return GridPoints(x=x, y=y, col=col, row=row, inside=inside, notes=notes)


def _transform(
    points: PointSet, source: CRS, grid: GeoBox, target: CRS
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[str, ...]]:
    bounds = points.bounds
    try:
        check_range(source, bounds, name="points")
        area = _common_area(source, bounds, target, grid_bounds(grid))
        operation, described = find_operation(source, target, area)
    except CRSError as error:
        raise explained(error, bounds, source, grid) from error
    x, y = transform_points(operation, points.x, points.y) if described.name else (points.x, points.y)
    wrapped = wrap_points(x, grid)
    moved = int((wrapped != x).sum())
    note = f"{say_count(moved, 'point')} moved by whole turns to where the raster counts longitudes"
    return wrapped, y, (note,) if moved else ()


def _common_area(source: CRS, bounds: Bounds, target: CRS, extent: Bounds) -> Bounds | None:
    """Give the area in degrees that decides the operation: where points and grid meet, else the points'."""
    points, grid = lonlat_bounds(source, bounds), lonlat_bounds(target, extent)
    if points is None or grid is None or points[0] > points[2] or grid[0] > grid[2]:
        return points
    west, south = max(points[0], grid[0]), max(points[1], grid[1])
    east, north = min(points[2], grid[2]), min(points[3], grid[3])
    return (west, south, east, north) if west <= east and south <= north else points


def _check_sides(points: PointSet, grid: GeoBox, pixel_grid: bool) -> None:
    found = {
        "points": "pixel space" if points.pixel else crs_label(points.crs),
        "raster": "pixel space" if pixel_grid else describe(grid),
    }
    if grid.crs is None and not pixel_grid:
        raise CRSError(
            "E-CRS-01",
            "the CRS of the raster is unknown",
            found=found,
            hint="say it with open_raster(..., raster_crs=) (--raster-crs), or raster_crs='pixel' (--pixel)",
        )
    if not points.pixel and points.crs is None:
        raise CRSError(
            "E-CRS-01",
            "the CRS of the points is unknown",
            found=found,
            hint="say it with read_points(..., points_crs=) (--rois-crs), or give a GeoSeries with a CRS",
        )
    if points.pixel != pixel_grid:
        raise CRSError(
            "E-CRS-05",
            "one side is in pixel space and the other in world coordinates",
            found=found,
            hint="give both in pixels (--pixel), or both in a CRS",
        )


def _no_overlap(points: PointSet, grid: GeoBox, x: NDArray[np.float64], y: NDArray[np.float64]) -> CRSError:
    finite = np.isfinite(x + y)
    target = grid_crs(grid)
    if finite.any():
        extent = _say((x[finite].min(), y[finite].min(), x[finite].max(), y[finite].max()))
    else:
        extent = f"no coordinates in {crs_label(target)}"
    swapped = points.crs is not None and bounds_look_swapped(points.bounds, points.crs, grid)
    return CRSError(
        "E-CRS-02",
        "no point lies on the raster",
        found={
            "points": f"{len(points):,} from {points.name}, in the raster's CRS: {extent}",
            "raster": f"{describe(grid)}: {_say(grid_bounds(grid))}",
        },
        hint="with x and y exchanged they would: coordinates are x, then y" if swapped else _SAY_CRS,
    )


def _say(bounds: Bounds) -> str:
    xmin, ymin, xmax, ymax = bounds
    return f"x {xmin:.10g} to {xmax:.10g}, y {ymin:.10g} to {ymax:.10g}"
