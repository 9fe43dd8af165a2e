"""Bring polygons to another CRS with their edges followed, so that a long edge stays where it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from georoi.crs.densification import densify
from georoi.crs.geometry import Rings, keep_polygons, split_rings
from georoi.crs.identity import plane
from georoi.crs.operations import (
    Bounds,
    Operation,
    area_of_use,
    find_operation,
    in_degrees,
    lonlat_bounds,
    transform_points,
)
from georoi.crs.proj import Area, projection

_VERTICES_AT_ONCE = 1 << 20
_MARGIN = 20.0  # degrees around the area of use: a UTM zone is good for far more
_HIGHEST = 89.0  # degrees: closer to the poles only where the area of use is, since Mercator has no pole


class Transformed(NamedTuple):
    """Geometries in another CRS, and how they came there."""

    geometry: NDArray[np.object_]
    operation: Operation
    cut: NDArray[np.int64]
    """Numbers of geometries that reach beyond where the target CRS can be used, and were cut to that; empty
    where
    they lie wholly beyond and have no coordinates."""
    broken: NDArray[np.int64]
    """Numbers of geometries with an edge that jumps, at the antimeridian or a pole, and cannot be drawn."""


def transform_geometries(
    geometry: NDArray[Any],
    source: CRS,
    target: CRS,
    *,
    tolerance: float,
    area: Area | None = None,
    extent: Bounds | None = None,
    allow_ballpark: bool = False,
) -> Transformed:
    """Transform polygons, adding vertices where an edge would otherwise leave its place.

    Edges are straight lines in the source CRS. Vertices are added until the true course of an edge is within
    `tolerance` of the line drawn; where two polygons share an edge both get the same vertices. Polygons that
    reach far beyond the area of use of the target (a world-wide box against a UTM zone) are cut to it with a
    wide margin, for a projection turns such polygons inside out. Where both CRS are the same the input array
    itself comes back.

    Args:
        geometry: Polygons and MultiPolygons, shape (n,).
        source: Their CRS.
        target: The CRS wanted.
        tolerance: Largest distance of a drawn edge from its true course, in units of `target`.
        area: Where the geometries lie, in degrees; found from their bounds if None.
        extent: Bounds in `target` within which nothing may be cut.
        allow_ballpark: See `find_operation`.

    Raises:
        CRSError: E-CRS-06 if there is no operation.
        MemoryBudgetError: E-MEM-01 if the edges would need far more vertices than any sensible polygon.
    """
    none = np.empty(0, dtype=np.int64)
    if area is None and len(geometry):
        xmin, ymin, xmax, ymax = (float(value) for value in shapely.total_bounds(geometry))
        area = lonlat_bounds(source, (xmin, ymin, xmax, ymax))
    transformer, operation = find_operation(source, target, area, allow_ballpark=allow_ballpark)
    if not operation.name or len(geometry) == 0:
        return Transformed(geometry, operation, none, none)
    reach = _reach(source, target, extent)
    whole, cut = _cut_to(geometry, reach)
    moved = np.empty(len(geometry), dtype=object)
    broken = []
    for start, stop in _chunks(whole):
        moved[start:stop], jumping = _follow(whole[start:stop], transformer, tolerance)
        broken.append(start + jumping)
    jumps = np.concatenate(broken)
    # What has no coordinates, or jumps beyond the reach, has no place; within it, the outline is doubtful.
    gone = ~_is_finite(moved[jumps])
    if reach is not None:
        gone |= ~shapely.intersects(whole[jumps], reach)
    moved[jumps[gone]] = shapely.Polygon()
    return Transformed(moved, operation, np.union1d(cut, jumps[gone]), jumps[~gone])


def _chunks(geometry: NDArray[np.object_]) -> Iterator[tuple[int, int]]:
    """Cut into slices of about a million vertices, so that the arrays in use stay small."""
    ends = np.cumsum(shapely.get_num_coordinates(geometry))
    start = 0
    while start < len(geometry):
        done = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, done + _VERTICES_AT_ONCE, side="right")), start + 1)
        yield start, stop
        start = stop


def _follow(
    geometry: NDArray[np.object_], transformer: Transformer, tolerance: float
) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Transform, and tell which geometries have edges that jump or points that have no coordinates."""
    parts = split_rings(geometry)
    dense = densify(
        parts.x, parts.y, parts.rings, lambda x, y: transform_points(transformer, x, y), tolerance
    )
    moved = Rings(dense.x, dense.y, dense.rings, parts.polygons, parts.geometries)
    return moved.to_polygons(), np.unique(moved.owners()[dense.broken])


def _is_finite(geometry: NDArray[np.object_]) -> NDArray[np.bool_]:
    finite: NDArray[np.bool_] = np.isfinite(shapely.bounds(geometry)).all(axis=1)
    empty: NDArray[np.bool_] = shapely.is_empty(geometry)
    return finite | empty


def _cut_to(
    geometry: NDArray[np.object_], reach: shapely.Geometry | None
) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Cut the geometries that lie on both sides of the border of the reach; leave the others as they are."""
    if reach is None or shapely.covers(reach, shapely.box(*shapely.total_bounds(geometry))):
        return geometry, np.empty(0, dtype=np.int64)
    shapely.prepare(reach)
    astride = np.flatnonzero(~shapely.covers(reach, geometry))
    astride = astride[shapely.intersects(reach, geometry[astride])]
    if len(astride):
        geometry = geometry.copy()
        geometry[astride] = keep_polygons(shapely.intersection(geometry[astride], reach))
    return geometry, astride


def _reach(source: CRS, target: CRS, extent: Bounds | None) -> shapely.Geometry | None:
    """Give the area of use of the target with its margin, and the extent with one, in the source CRS.

    None where the register tells no area, or where the source CRS cannot show it as one plain polygon.
    """
    area, flat = area_of_use(target), plane(source)
    if area is None:
        return None
    _, south, _, north = area
    low, high = max(south - _MARGIN, min(south, -_HIGHEST)), min(north + _MARGIN, max(north, _HIGHEST))
    boxes = _boxes(area[0], low, area[2], high, _MARGIN)
    kept = lonlat_bounds(target, extent) if extent is not None else None
    if kept is not None:
        boxes += _boxes(kept[0], max(kept[1] - 1, -90.0), kept[2], min(kept[3] + 1, 90.0), 1.0)
    if flat.is_geographic:
        return shapely.union_all(boxes) if in_degrees(flat) else None
    return _project_outline(shapely.union_all(boxes), source)


def _boxes(west: float, south: float, east: float, north: float, margin: float) -> list[shapely.Polygon]:
    """Give a range of longitudes as boxes for all ways to count them, from -540 to 540."""
    west, east = west - margin, (east if east >= west else east + 360) + margin
    if east - west >= 360:
        return [shapely.box(-540, south, 540, north)]
    return [shapely.box(west + turn, south, east + turn, north) for turn in (-360, 0, 360)]


def _project_outline(reach: shapely.Geometry, target: CRS) -> shapely.Polygon | None:
    """Bring the reach to a projected CRS, unless that would tear it."""
    base = target.geodetic_crs
    world = shapely.intersection(reach, shapely.box(-180, -90, 180, 90))
    if base is None or not in_degrees(base) or world.geom_type != "Polygon":
        return None
    outline = np.array([shapely.segmentize(world, 0.5)], dtype=object)
    moved, broken = _follow(outline, projection(base, plane(target)), np.inf)
    usable = not len(broken) and bool(_is_finite(moved)[0]) and bool(shapely.is_valid(moved[0]))
    return moved[0] if usable else None
