"""Polygons as ragged arrays of coordinates, and back."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray


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
        polygons = np.full(len(self.polygons) - 1, shapely.Polygon(), dtype=object)
        if len(self.rings) > 1:  # shapely does not take an array of empty polygons only
            polygons[:] = shapely.from_ragged_array(
                shapely.GeometryType.POLYGON,
                np.column_stack([self.x, self.y]),
                (self.rings, self.polygons),
            )
        counts = np.diff(self.geometries)
        made = np.empty(len(counts), dtype=object)
        single = counts == 1
        made[single] = polygons[self.geometries[:-1][single]]
        many = np.flatnonzero(~single)
        if len(many):
            owner = np.repeat(np.arange(len(counts)), counts)
            members = ~single[owner]
            made[many] = shapely.MultiPolygon()
            shapely.multipolygons(polygons[members], indices=owner[members], out=made)
        return made

    def owners(self) -> NDArray[np.int64]:
        """Give the number of the geometry that each vertex belongs to."""
        starts = self.rings[self.polygons[self.geometries]]
        return np.repeat(np.arange(len(self.geometries) - 1, dtype=np.int64), np.diff(starts))


def split_rings(geometry: NDArray[np.object_]) -> Rings:
    """Take Polygons and MultiPolygons apart, keeping direction and order of their vertices; z is left out."""
    if len(geometry) == 0:
        return Rings(np.empty(0), np.empty(0), *(np.zeros(1, dtype=np.int64) for _ in range(3)))
    kind, coordinates, offsets = shapely.to_ragged_array(geometry, include_z=False)
    if kind == shapely.GeometryType.POLYGON:
        offsets = (*offsets[:2], np.arange(len(geometry) + 1))
    rings, polygons, geometries = (np.asarray(level, dtype=np.int64) for level in offsets)
    x, y = np.ascontiguousarray(coordinates[:, 0]), np.ascontiguousarray(coordinates[:, 1])
    return Rings(x, y, rings, polygons, geometries)


def repair(geometry: NDArray[Any]) -> NDArray[np.object_]:
    """Make polygonal geometries valid; what collapses becomes empty, and lines and points may remain.

    Structure repair may leave parts that share an edge, which is invalid in turn; these are united.

    Raises:
        shapely.errors.GEOSException: If a geometry cannot be repaired.
    """
    made = shapely.make_valid(geometry, method="structure", keep_collapsed=False)
    repaired = np.asarray(made, dtype=object)
    for i in np.flatnonzero(~shapely.is_valid(repaired)):
        repaired[i] = shapely.union_all(shapely.get_parts(repaired[i]))
    return repaired


def keep_polygons(geometry: NDArray[Any]) -> NDArray[np.object_]:
    """Make geometries valid Polygons or MultiPolygons, without lines and points; some may become empty."""
    kept = np.array(geometry, dtype=object)
    bad = np.flatnonzero(~shapely.is_valid(kept))
    kept[bad] = repair(kept[bad])
    for i in np.flatnonzero(~np.isin(shapely.get_type_id(kept), (3, 6))):
        parts = shapely.get_parts(kept[i])
        kept[i] = shapely.union_all(parts[np.isin(shapely.get_type_id(parts), (3, 6))])
    kept[shapely.is_empty(kept)] = shapely.Polygon()
    return kept
