"""Grids of every kind that areas vary on, and the two ways to sum the area of an ROI."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from georoi.crs import geodesic_area, metres_per_unit, split_rings
from georoi.grid import Window, grid_crs, make_grid, pixel_size, to_world
from georoi.kernels.coverage import cover
from georoi.planning.areas import part_areas
from georoi.planning.pixelareas import PixelAreas
from georoi.planning.shapes import bounds_of
from georoi.values.gridrois import GridROIs
from tests.polygons import index_of

GRIDS = {
    "UTM": make_grid((1500, 1400), (10, 0, 399_990, 0, -10, 5_600_010), 32633),
    "degrees": make_grid((1500, 1400), (1 / 3600, 0, 10, 0, -1 / 3600, 55), 4326),
    "Web Mercator": make_grid((1500, 1400), (30, 0, 1e6, 0, -30, 8e6), 3857),
    "north polar": make_grid((1500, 1400), (30, 0, -6e5, 0, -30, -1e6), 3413),
    "south pole": make_grid((1500, 1400), (250, 0, -175_000, 0, -250, 187_500), 3031),
    "equal-area": make_grid((1500, 1400), (10, 0, 4_321_000, 0, -10, 3.2e6), 3035),
    "rotated": make_grid((1500, 1400), (8, 3, 4e5, 3, -8, 5.6e6), 32633),
    "rotated degrees": make_grid((1500, 1400), (1e-3, 3e-4, 10, 3e-4, -1e-3, 55), 4326),
    "south-up": make_grid((1500, 1400), (20, 0, 4e5, 0, 20, 5.6e6), 32633),
    "feet": make_grid((1500, 1400), (30, 0, 2e6, 0, -30, 5e5), 2272),
    "Mollweide": make_grid((1500, 1400), (300, 0, -2e5, 0, -300, 5e6), "ESRI:54009"),
    "pixels": make_grid((1500, 1400), (1, 0, 0, 0, 1, 0)),
}
"""Pixels are small enough for moments on all of them."""

COARSE = {
    "coarse UTM": make_grid((400, 300), (2000, 0, 2e5, 0, -2000, 5.6e6), 32633),
    "ERA5": make_grid((721, 1440), (0.25, 0, -180.125, 0, -0.25, 90.125), 4326),
    "5 degrees": make_grid((36, 72), (5, 0, -180, 0, -5, 90), 4326),
    "25 km polar": make_grid((448, 304), (25_000, 0, -3.85e6, 0, -25_000, 5.85e6), 3413),
}


def rois_on(grid: GeoBox, polygons: Any) -> GridROIs:
    """Make ROIs of polygons in pixel coordinates."""
    geometry = np.atleast_1d(np.asarray(polygons, dtype=object))
    parts = split_rings(geometry)
    return GridROIs(
        grid=grid,
        ids=np.arange(len(geometry)).astype(object),
        x=parts.x,
        y=parts.y,
        rings=parts.rings,
        polygons=parts.polygons,
        rois=parts.geometries,
        bounds=bounds_of(parts),
        fingerprint="",
    )


def drawn_area(grid: GeoBox, polygons: Any) -> NDArray[np.float64]:
    """Give the geodesic area of polygons in pixel coordinates, as they are drawn in the grid's CRS.

    Long edges past a pole cost `geodesic_area` some digits, short ones do not.
    """
    geometry = shapely.segmentize(np.atleast_1d(np.asarray(polygons, dtype=object)), 20)
    crs = grid_crs(grid)
    if crs is None:
        return np.asarray(shapely.area(geometry))
    world = shapely.transform(geometry, lambda points: np.column_stack(to_world(grid, *points.T)))
    return geodesic_area(world, crs)


def rounding_of(grid: GeoBox, polygons: Any) -> NDArray[np.float64]:
    """Give what rounding to nanometres, of world coordinates and of nodes, does to an area."""
    geometry = np.atleast_1d(np.asarray(polygons, dtype=object))
    crs = grid_crs(grid)
    side = 0.0 if crs is None else max(pixel_size(grid)) * metres_per_unit(crs)
    return np.asarray(3e-8 * side * shapely.length(geometry))


def window_of(polygon: Any, grid: GeoBox) -> Window:
    """Give the window of all pixels of the grid that a polygon may touch."""
    x0, y0, x1, y1 = polygon.bounds
    rows, cols = grid.shape
    row0, col0 = max(int(np.floor(y0)), 0), max(int(np.floor(x0)), 0)
    return row0, max(min(int(np.ceil(y1)), rows), row0), col0, max(min(int(np.ceil(x1)), cols), col0)


def summed_area(areas: PixelAreas, polygon: Any) -> float:
    """Sum the area of a polygon within the raster pixel by pixel, as a table of statistics does."""
    window = window_of(polygon, areas.grid)
    share = cover(index_of(polygon).select(0, window), window, "fraction")
    table = areas.table(window)
    rows, cols = np.nonzero((share > 0) & (share < 1))
    total = float(np.sum(table[share == 1]))
    if areas.is_coarse:
        return total + float(part_areas(polygon, rows + window[0], cols + window[2], areas).sum())
    boxes = shapely.box(cols + window[2], rows + window[0], cols + window[2] + 1, rows + window[0] + 1)
    pieces = shapely.intersection(polygon, boxes)
    middle = shapely.get_coordinates(shapely.centroid(pieces)) if len(pieces) else np.empty((0, 2))
    lever = middle - np.column_stack([cols + window[2], rows + window[0]]) - 0.5
    lever[shapely.area(pieces) == 0] = 0
    per_row, per_col = (np.broadcast_to(slope, table.shape)[rows, cols] for slope in areas.gradients(window))
    parts = share[rows, cols] * (table[rows, cols] + lever[:, 1] * per_row + lever[:, 0] * per_col)
    return total + float(parts.sum())
