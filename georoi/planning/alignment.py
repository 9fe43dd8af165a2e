"""Bring ROIs onto a grid: the CRS gate, the transform along edges, pixel coordinates as GDAL makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from georoi.crs import (
    CRS,
    Rings,
    check_range,
    crs_label,
    keep_polygons,
    lonlat_bounds,
    split_rings,
    transform_geometries,
)
from georoi.errors import CRSError
from georoi.grid import Bounds, describe, grid_bounds, grid_crs, pixel_size, to_pixels
from georoi.planning.overlap import Overlaps, dissolve, grow, overlaps
from georoi.planning.overlap_check import explained
from georoi.planning.seam import wrap_longitudes
from georoi.planning.shapes import bounds_of, to_polygons
from georoi.values.gridrois import Deferred, GridROIs

if TYPE_CHECKING:
    from georoi.values.rois import ROISet

__all__ = ["TOLERANCE", "Overlaps", "align", "dissolve", "grow", "overlaps", "to_polygons"]

TOLERANCE = 0.1
"""Largest distance in pixels between an edge as drawn on the grid and its true course."""


def align(rois: ROISet, grid: GeoBox, *, pixel_grid: bool, allow_ballpark: bool = False) -> GridROIs:
    """Give ROIs in the pixel coordinates of a grid.

    Rings keep direction and order of their vertices. Where ROIs and grid have the same CRS, coordinates are
    those that GDAL computes from the originals, bit for bit; where not, edges are followed to 0.1 pixel, and
    a polygon that the transform made invalid is repaired, with a note. Polygons that lie whole turns away
    from where a geographic grid counts longitudes are moved there, with a note. Every ROI is there in the
    result, if as an empty one.

    Args:
        rois: Valid polygons with a CRS, or in pixel space.
        grid: The raster's grid.
        pixel_grid: True if the grid is in pixel space; a grid without CRS is of unknown CRS otherwise.
        allow_ballpark: Accept an operation between the CRS that leaves the datum shift out.

    Raises:
        CRSError: E-CRS-01 if either CRS is unknown, E-CRS-02 if no operation is known where the ROIs lie and
            they are off the raster, E-CRS-03 if coordinates cannot be in their CRS, E-CRS-05 if one side is
            in pixel space and the other is not, E-CRS-06 if only a ballpark operation is known.
    """
    _check_sides(rois, grid, pixel_grid)
    target = grid_crs(grid)
    if pixel_grid or rois.crs is None or target is None or not len(rois.geometry):
        parts = split_rings(rois.geometry)
        col0, row0 = _first_pixel(grid)
        return _grid_rois(rois, grid, parts._replace(x=parts.x - col0, y=parts.y - row0), "", ())
    xmin, ymin, xmax, ymax = (float(value) for value in shapely.total_bounds(rois.geometry))
    bounds = (xmin, ymin, xmax, ymax)
    try:
        check_range(rois.crs, bounds)
        moved = transform_geometries(
            rois.geometry,
            rois.crs,
            target,
            tolerance=TOLERANCE * min(pixel_size(grid)),
            area=_common_area(rois.crs, bounds, target, grid_bounds(grid)),
            extent=grid_bounds(grid),
            allow_ballpark=allow_ballpark,
        )
    except CRSError as error:
        raise explained(error, bounds, rois.crs, grid) from error
    geometry = moved.geometry
    notes: list[str] = []
    if moved.operation.name:
        geometry, repaired = _repair(geometry)
        label = crs_label(target)
        notes = [
            *_note(rois.ids, repaired, f"invalid after the transform to {label}, repaired"),
            *_note(rois.ids, moved.cut, f"cut to where {label} can be used"),
            *_note(rois.ids, moved.broken, f"crosses a seam of {label}, so its outline may be wrong"),
        ]
    geometry, around = wrap_longitudes(geometry, grid)
    notes += _note(rois.ids, around, "moved by whole turns to where the raster counts longitudes")
    parts = split_rings(geometry)
    x, y = to_pixels(grid, parts.x, parts.y)
    return _grid_rois(rois, grid, parts._replace(x=x, y=y), str(moved.operation), tuple(notes))


def _first_pixel(grid: GeoBox) -> tuple[float, float]:
    """Give the pixel that a grid in pixel space begins at: that of its raster, if it is a window of one."""
    a, b, c, d, e, f = (float(value) for value in grid.affine[:6])
    return (c, f) if (a, b, d, e) == (1, 0, 0, 1) else (0.0, 0.0)


def _check_sides(rois: ROISet, grid: GeoBox, pixel_grid: bool) -> None:
    """Refuse sides of unknown CRS, and pixel space on one side only."""
    found = {
        "rois": "pixel space" if rois.pixel else crs_label(rois.crs),
        "raster": "pixel space" if pixel_grid else describe(grid),
    }
    if grid.crs is None and not pixel_grid:
        raise CRSError(
            "E-CRS-01",
            "the CRS of the raster is unknown",
            found=found,
            hint="say it with open_raster(..., raster_crs=) (--raster-crs), or raster_crs='pixel' (--pixel) "
            "to work in pixels",
        )
    if not rois.pixel and rois.crs is None:
        raise CRSError(
            "E-CRS-01",
            "the CRS of the ROIs is unknown",
            found=found,
            hint="say it with read_rois(..., rois_crs=) or ROISet.from_geometries(..., crs=) (--rois-crs)"
            + (", here rois_crs='pixel' or pixel=True (--pixel)" if pixel_grid else ""),
        )
    if rois.pixel == pixel_grid:
        return
    if pixel_grid:
        hint = "the raster has no place in the world: give ROIs in pixels, with rois_crs='pixel' (--pixel)"
    else:
        hint = "to work in pixels say raster_crs='pixel' (--pixel); or give the ROIs in a CRS"
    raise CRSError(
        "E-CRS-05", "one side is in pixel space and the other in world coordinates", found=found, hint=hint
    )


def _common_area(source: CRS, bounds: Bounds, target: CRS, extent: Bounds) -> Bounds | None:
    """Give the area in degrees that decides the operation: where ROIs and grid meet, else the ROIs'."""
    rois, grid = lonlat_bounds(source, bounds), lonlat_bounds(target, extent)
    if rois is None or grid is None or rois[0] > rois[2] or grid[0] > grid[2]:
        return rois
    west, south = max(rois[0], grid[0]), max(rois[1], grid[1])
    east, north = min(rois[2], grid[2]), min(rois[3], grid[3])
    return (west, south, east, north) if west <= east and south <= north else rois


def _repair(geometry: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    invalid = np.flatnonzero(~shapely.is_valid(geometry))
    if len(invalid):
        geometry = geometry.copy()
        geometry[invalid] = keep_polygons(geometry[invalid])
    return geometry, invalid


def _note(ids: NDArray[np.object_], which: NDArray[np.int64], what: str) -> list[str]:
    if not len(which):
        return []
    named = ", ".join(str(ids[i]) for i in which[:5]) + (", ..." if len(which) > 5 else "")
    return [f"{len(which)} ROI{'s' if len(which) > 1 else ''} {what}: {named}"]


def _grid_rois(rois: ROISet, grid: GeoBox, parts: Rings, operation: str, notes: tuple[str, ...]) -> GridROIs:
    return GridROIs(
        grid=grid,
        ids=rois.ids,
        x=parts.x,
        y=parts.y,
        rings=parts.rings,
        polygons=parts.polygons,
        rois=parts.geometries,
        bounds=bounds_of(parts),
        fingerprint=Deferred(lambda: rois.fingerprint),
        crs=rois.crs,
        operation=operation,
        notes=notes,
    )
