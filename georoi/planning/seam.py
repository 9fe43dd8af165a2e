"""Longitudes that go around: ROIs moved by whole turns to where a geographic grid counts them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from georoi.crs import keep_polygons, plane
from georoi.grid import grid_bounds, grid_crs, pixel_size

_LEAST = 1e-3  # pixels that a moved polygon must reach into the grid: less is rounding of where it ends
_TURNS = (-3, -2, -1, 0, 1, 2, 3)
_FURTHEST = 1.5  # turns from Greenwich: a grid beyond it does not count longitudes


class Wrapped(NamedTuple):
    """ROIs in a grid's own count of longitudes."""

    geometry: NDArray[np.object_]
    moved: NDArray[np.int64]
    """Numbers of the geometries that are not what they were."""


def wrap_longitudes(geometry: NDArray[np.object_], grid: GeoBox) -> Wrapped:
    """Move the polygons of ROIs by whole turns, where that makes them meet a geographic grid.

    So both halves of a ROI cut at the antimeridian (RFC 7946, 3.1.9) come together on a grid that runs across
    it, and a ROI at -10 to 10 degrees is found at both ends of a grid from 0 to 360. A polygon that meets the
    grid in several places is there several times, whole, and the grid cuts it, so that neither distances nor
    fractions see a border at the seam. Polygons of one ROI that meet are joined. ROIs that need no move are
    the same objects.

    Args:
        geometry: Polygons and MultiPolygons in the grid's CRS, shape (n,).
        grid: Any grid; nothing is moved where its CRS is not geographic.
    """
    none = Wrapped(geometry, np.empty(0, dtype=np.int64))
    turn = _full_turn(grid)
    west, south, east, north = grid_bounds(grid)
    if turn is None or west < -_FURTHEST * turn or east > _FURTHEST * turn or not len(geometry):
        return none
    parts, owner = shapely.get_parts(geometry, return_index=True)
    x_min, y_min, x_max, y_max = shapely.bounds(parts).T
    least = _LEAST * min(pixel_size(grid))
    in_rows = (y_min < north) & (y_max > south)
    meets = np.stack(
        [
            in_rows & (x_min + number * turn < east - least) & (x_max + number * turn > west + least)
            for number in _TURNS
        ]
    )
    here = _TURNS.index(0)
    meets[here] |= ~meets.any(axis=0)  # what meets the grid nowhere stays where it is
    moved = np.unique(owner[np.delete(meets, here, axis=0).any(axis=0)])
    if len(moved):
        geometry = geometry.copy()
        for i in moved:
            first, last = np.searchsorted(owner, i), np.searchsorted(owner, i, side="right")
            copies = [
                _shift(parts[j], _TURNS[k] * turn)
                for j in range(first, last)
                for k in np.flatnonzero(meets[:, j])
            ]
            geometry[i] = shapely.union_all(copies)
        geometry[moved] = keep_polygons(geometry[moved])
    return Wrapped(geometry, moved)


def wrap_points(x: NDArray[np.float64], grid: GeoBox) -> NDArray[np.float64]:
    """Move points by whole turns to where a geographic grid counts longitudes; where it does not, leave them.

    Args:
        x: In the grid's CRS, shape (n,).
        grid: Any grid; nothing is moved where its CRS is not geographic.
    """
    turn = _full_turn(grid)
    west, _, east, _ = grid_bounds(grid)
    if turn is None or west < -_FURTHEST * turn or east > _FURTHEST * turn:
        return x
    with np.errstate(invalid="ignore"):  # points without coordinates are infinite
        wrapped = x + np.ceil((west - x) / turn) * turn
    moves = ~((x >= west) & (x <= east)) & (wrapped >= west) & (wrapped <= east)
    return np.where(moves, wrapped, x)


def whole_turns(grid: GeoBox) -> tuple[float, ...]:
    """Give by how much longitudes may be moved to come to a geographic grid, least first; (0,) for others."""
    turn = _full_turn(grid)
    west, _, east, _ = grid_bounds(grid)
    if turn is None or west < -_FURTHEST * turn or east > _FURTHEST * turn:
        return (0.0,)
    return (0.0, turn, -turn, 2 * turn, -2 * turn)


def goes_around(grid: GeoBox) -> bool:
    """Tell whether a geographic grid is north-up or south-up and goes all around the Earth."""
    turn = _full_turn(grid)
    a, b, _, d, _, _ = (float(value) for value in grid.affine[:6])
    return turn is not None and not b and not d and abs(a) * grid.shape[1] >= turn - _LEAST * abs(a)


def _shift(polygon: shapely.Geometry, by: float) -> shapely.Geometry:
    return shapely.transform(polygon, lambda points: points + np.array([by, 0.0])) if by else polygon


def _full_turn(grid: GeoBox) -> float | None:
    """Give 360 degrees in units of a geographic CRS; None where the CRS is of another kind."""
    crs = grid_crs(grid)
    if crs is None or not plane(crs).is_geographic or not crs.axis_info:
        return None
    unit = plane(crs).axis_info[0]
    return 360.0 if unit.unit_name == "degree" else 2 * math.pi / unit.unit_conversion_factor
