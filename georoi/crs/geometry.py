"""Bring polygons to another CRS with their edges followed, so that a long edge stays where it was."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from georoi.crs.densification import densify
from georoi.crs.operations import Operation, find_operation, lonlat_bounds, transform_points
from georoi.crs.proj import Area


class Rings(NamedTuple):
    """Polygons as ragged arrays: geometry i owns polygons geometries[i]:geometries[i+1], and so on down."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    rings: NDArray[np.int64]
    """Offsets of rings into x and y, shape (rings + 1,); rings are closed."""
    polygons: NDArray[np.int64]
    """Offsets of polygons into rings, shape (polygons + 1,); the first ring is the shell."""
    geometries: NDArray[np.int64]
    """Offsets of geometries into polygons, shape (n + 1,)."""

    def to_polygons(self) -> NDArray[np.object_]:
        """Make shapely geometries: a Polygon where a geometry has one polygon, else a MultiPolygon."""
        coordinates = np.column_stack([self.x, self.y])
        polygons = shapely.from_ragged_array(
            shapely.GeometryType.POLYGON, coordinates, (self.rings, self.polygons)
        )
        counts = np.diff(self.geometries)
        made = np.empty(len(counts), dtype=object)
        single = counts == 1
        made[single] = polygons[self.geometries[:-1][single]]
        many = np.flatnonzero(~single)
        if len(many):
            owner = np.repeat(np.arange(len(counts)), counts)
            members = ~single[owner]
            made[many] = shapely.multipolygons([])
            shapely.multipolygons(polygons[members], indices=owner[members], out=made)
        return made

    def owners(self) -> NDArray[np.int64]:
        """Give the number of the geometry that each vertex belongs to."""
        starts = self.rings[self.polygons[self.geometries]]
        return np.repeat(np.arange(len(self.geometries) - 1, dtype=np.int64), np.diff(starts))


def split_rings(geometry: NDArray[np.object_]) -> Rings:
    """Take Polygons and MultiPolygons apart, keeping direction and order of their vertices; z is left out."""
    kind, coordinates, offsets = shapely.to_ragged_array(geometry, include_z=False)
    if len(geometry) == 0 or kind == shapely.GeometryType.POLYGON:
        offsets = (*offsets[:2], np.arange(len(geometry) + 1))
    rings, polygons, geometries = (np.asarray(level, dtype=np.int64) for level in offsets)
    x, y = np.ascontiguousarray(coordinates[:, 0]), np.ascontiguousarray(coordinates[:, 1])
    return Rings(x, y, rings, polygons, geometries)


class Transformed(NamedTuple):
    """Geometries in another CRS, and how they came there."""

    geometry: NDArray[np.object_]
    operation: Operation
    broken: NDArray[np.int64]
    """Numbers of geometries that cannot be followed everywhere (antimeridian, pole, far side of Earth)."""


def transform_geometries(
    geometry: NDArray[Any],
    source: CRS,
    target: CRS,
    *,
    tolerance: float,
    area: Area | None = None,
    allow_ballpark: bool = False,
) -> Transformed:
    """Transform polygons, adding vertices where an edge would otherwise leave its place.

    Edges are straight lines in the source CRS. Vertices are added until the true course of an edge is within
    `tolerance` of the line drawn; where two polygons share an edge both get the same vertices. Where both CRS
    are the same the input array itself comes back.

    Args:
        geometry: Polygons and MultiPolygons, shape (n,).
        source: Their CRS.
        target: The CRS wanted.
        tolerance: Largest distance of a drawn edge from its true course, in units of `target`.
        area: Where the geometries lie, in degrees; found from their bounds if None.
        allow_ballpark: See `find_operation`.

    Raises:
        CRSError: E-CRS-06 if there is no operation.
    """
    none = np.empty(0, dtype=np.int64)
    if area is None and len(geometry):
        xmin, ymin, xmax, ymax = (float(value) for value in shapely.total_bounds(geometry))
        area = lonlat_bounds(source, (xmin, ymin, xmax, ymax))
    transformer, operation = find_operation(source, target, area, allow_ballpark=allow_ballpark)
    if not operation.name or len(geometry) == 0:
        return Transformed(geometry, operation, none)
    parts = split_rings(geometry)
    dense = densify(
        parts.x, parts.y, parts.rings, lambda x, y: transform_points(transformer, x, y), tolerance
    )
    moved = parts._replace(x=dense.x, y=dense.y, rings=dense.rings)
    broken = np.unique(moved.owners()[dense.broken])
    return Transformed(moved.to_polygons(), operation, broken)
