"""Random polygons of every kind that decides something at a pixel's centre or border."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from georoi.grid import to_pixels, to_world
from georoi.kernels.edges import EdgeIndex, Edges

KINDS = (
    "convex",
    "concave",
    "holes",
    "parts",
    "sliver",
    "tiny",
    "outside",
    "on centres",
    "on borders",
    "on halves",
    "boxes",
    "collinear",
)


def make_polygon(kind: str, rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    """Draw one valid polygon or multipolygon in pixel coordinates, about the size of a grid of `shape`."""
    while True:
        geometry = _DRAW[kind](rng, shape)
        geometry = _polygonal(shapely.make_valid(geometry, method="structure", keep_collapsed=False))
        if not geometry.is_empty and geometry.area > 0:
            return geometry if rng.random() < 0.5 else shapely.reverse(geometry)


def make_polygons(
    count: int, seed: int, shape: tuple[int, int], kinds: tuple[str, ...] = KINDS
) -> NDArray[np.object_]:
    """Draw `count` polygons, all kinds in turn."""
    rng = np.random.default_rng(seed)
    polygons = np.empty(count, object)
    polygons[:] = [make_polygon(kinds[i % len(kinds)], rng, shape) for i in range(count)]
    return polygons


def ragged(geometry: Any) -> tuple[NDArray[np.float64], NDArray[np.float64], Any, Any, Any]:
    """Flatten shapely polygons and multipolygons to (x, y, rings, polygons, rois)."""
    geometry = np.atleast_1d(np.asarray(geometry, object))
    counts = np.maximum(shapely.get_num_geometries(geometry), 1)
    _, xy, (rings, polygons) = shapely.to_ragged_array(shapely.get_parts(geometry))
    rois = np.concatenate([[0], np.cumsum(counts)])
    return xy[:, 0].copy(), xy[:, 1].copy(), rings.astype(np.int64), polygons.astype(np.int64), rois


def index_of(geometry: Any, *, y_up: bool = True) -> EdgeIndex:
    """Index the edges of shapely geometries in pixel coordinates, one ROI each."""
    return EdgeIndex(*ragged(geometry), y_up=y_up)


def edges_of(geometry: Any, *, y_up: bool = True) -> Edges:
    """Take all edges of one shapely geometry in pixel coordinates."""
    return index_of(geometry, y_up=y_up).select(0)


def on_grid(geometry: Any, grid: GeoBox) -> Any:
    """Bring shapely geometries from world to pixel coordinates of a grid, in GDAL's arithmetic."""
    return shapely.transform(geometry, lambda xy: np.column_stack(to_pixels(grid, xy[:, 0], xy[:, 1])))


def off_grid(geometry: Any, grid: GeoBox) -> Any:
    """Bring shapely geometries from pixel to world coordinates of a grid."""
    return shapely.transform(geometry, lambda xy: np.column_stack(to_world(grid, xy[:, 0], xy[:, 1])))


def index_on(geometry: Any, grid: GeoBox) -> EdgeIndex:
    """Index the edges of shapely geometries in world coordinates on a grid, as planning does."""
    return index_of(on_grid(geometry, grid), y_up=grid.affine.determinant < 0)


def exact_area(geometry: Any, box: tuple[int, int, int, int]) -> Fraction:
    """Compute the area of a polygon within (x_min, y_min, x_max, y_max), without any rounding."""
    total = Fraction(0)
    for part in shapely.get_parts(geometry):
        for number, ring in enumerate(shapely.get_rings(part)):
            points = [tuple(point) for point in shapely.get_coordinates(ring)[:-1].tolist()]
            for axis, limit, side in ((0, box[0], 1), (0, box[2], -1), (1, box[1], 1), (1, box[3], -1)):
                points = _cut(points, axis, int(limit), side)
            points = [(Fraction(x), Fraction(y)) for x, y in points]
            area = sum(
                (a[0] * b[1] - b[0] * a[1] for a, b in zip(points, points[1:] + points[:1], strict=True)),
                Fraction(0),
            )
            total += abs(area) / 2 * (1 if number == 0 else -1)
    return total


def _cut(points: list[tuple[Any, ...]], axis: int, limit: int, side: int) -> list[tuple[Any, ...]]:
    """Keep of a ring what lies on one side of a line (Sutherland and Hodgman).

    Coordinates are floats until they are cut, then fractions; both compare with integers without rounding.
    """
    kept = []
    for a, b in zip(points, points[1:] + points[:1], strict=True):
        is_in, next_in = (p[axis] >= limit if side > 0 else p[axis] <= limit for p in (a, b))
        if is_in:
            kept.append(a)
        if is_in != next_in:
            one, other = (tuple(map(Fraction, p)) for p in (a, b))
            share = (limit - one[axis]) / (other[axis] - one[axis])
            kept.append(tuple(p + share * (q - p) for p, q in zip(one, other, strict=True)))
    return kept


def _polygonal(geometry: Any) -> Any:
    parts = [p for p in shapely.get_parts(geometry) if p.geom_type == "Polygon" and p.area > 0]
    if len(parts) == 1:
        return parts[0]
    return shapely.MultiPolygon(parts)


def _spot(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
    return rng.uniform(0, 1, 2) * (shape[1], shape[0])


def _ring(
    rng: np.random.Generator, centre: Any, radius: float, n: int, roughness: float
) -> NDArray[np.float64]:
    angles = np.sort(rng.uniform(0, 2 * np.pi, n))
    radii = radius * (1 - roughness * rng.uniform(0, 1, n))
    return np.asarray(centre) + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)


def _size(rng: np.random.Generator, shape: tuple[int, int]) -> float:
    return float(min(shape) * np.exp(rng.uniform(np.log(0.02), np.log(0.7))))


def _convex(rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    points = _spot(rng, shape) + rng.normal(0, _size(rng, shape) / 2, (rng.integers(3, 12), 2))
    return shapely.convex_hull(shapely.MultiPoint(points))


def _concave(rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    return shapely.Polygon(_ring(rng, _spot(rng, shape), _size(rng, shape), int(rng.integers(5, 40)), 0.8))


def _holes(rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    centre, size = _spot(rng, shape), _size(rng, shape)
    shape_with = shapely.Polygon(_ring(rng, centre, size, 20, 0.2))
    for _ in range(rng.integers(1, 4)):
        spot = centre + rng.normal(0, size / 3, 2)
        shape_with = shape_with.difference(shapely.Polygon(_ring(rng, spot, size / 4, 7, 0.5)).buffer(0))
    return shape_with


def _parts(rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    draw = (_convex, _concave, _holes, _tiny, _on_centres, _boxes)
    some = [_valid(draw[rng.integers(len(draw))](rng, shape)) for _ in range(rng.integers(2, 6))]
    return shapely.union_all(some)


def _valid(geometry: Any) -> Any:
    return shapely.make_valid(geometry, method="structure", keep_collapsed=False)


def _sliver(rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    start, end = _spot(rng, shape), _spot(rng, shape)
    if rng.random() < 0.3:
        end[rng.integers(2)] = start[rng.integers(2)]
    middle = (start + end) / 2 + rng.normal(0, 10.0 ** rng.uniform(-7, -0.5), 2)
    return shapely.Polygon([start, middle, end, (start + end) / 2 + rng.normal(0, 1e-3, 2)])


def _tiny(rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    centre = _spot(rng, shape)
    if rng.random() < 0.5:
        centre = np.round(centre * 2) / 2  # around a corner, a centre or the middle of a border
    return shapely.Polygon(_ring(rng, centre, 10.0 ** rng.uniform(-3, 0.2), int(rng.integers(3, 8)), 0.3))


def _outside(rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    centre = rng.uniform(-0.6, 1.6, 2) * (shape[1], shape[0])
    return shapely.Polygon(_ring(rng, centre, rng.uniform(0.2, 1.5) * max(shape), 15, 0.6))


def _snapped(rng: np.random.Generator, shape: tuple[int, int], step: float, shift: float) -> Any:
    rings = shapely.get_coordinates(_concave(rng, shape) if rng.random() < 0.7 else _convex(rng, shape))
    return (
        shapely.Polygon(np.round((rings - shift) / step) * step + shift)
        if len(rings) > 3
        else _boxes(rng, shape)
    )


def _on_centres(rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    return _snapped(rng, shape, 1.0, 0.5)


def _on_borders(rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    return _snapped(rng, shape, 1.0, 0.0)


def _on_halves(rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    return _snapped(rng, shape, 0.5, 0.0)


def _boxes(rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    boxes = []
    for _ in range(rng.integers(1, 5)):
        corner = np.round(_spot(rng, shape) * 2) / 2
        width, height = np.round(rng.uniform(0.5, max(2, min(shape) / 4), 2) * 2) / 2
        boxes.append(shapely.box(*corner, corner[0] + width, corner[1] + height))
    return shapely.union_all(boxes) if rng.random() < 0.7 else shapely.union_all(boxes, grid_size=0.5)


def _collinear(rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    """Split edges at pixel borders and centres, so that vertices lie on straight edges."""
    geometry = _valid(_snapped(rng, shape, 0.5, 0.0))
    return shapely.segmentize(geometry, rng.choice([0.25, 0.5, 1.0, 3.0]))


_DRAW = {
    "convex": _convex,
    "concave": _concave,
    "holes": _holes,
    "parts": _parts,
    "sliver": _sliver,
    "tiny": _tiny,
    "outside": _outside,
    "on centres": _on_centres,
    "on borders": _on_borders,
    "on halves": _on_halves,
    "boxes": _boxes,
    "collinear": _collinear,
}
