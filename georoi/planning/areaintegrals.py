"""Integrate the density of area over polygons, cutting those that are wider than its patches."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from georoi.crs import Rings, metres_per_unit
from georoi.grid import grid_crs, to_world
from georoi.kernels.areas import integrate_polygons
from georoi.kernels.cutting import cut_rings
from georoi.planning.pixelareas import Key, Patch, PixelAreas, is_split
from georoi.planning.shapes import bounds_of

Floats = NDArray[np.float64]

_BEYOND = 1e8  # metres, nominal: further out no CRS has a place on the Earth
_NO_PATCH, _NO_PLACE = -1, -2


class _Served(NamedTuple):
    """Which patch serves each shape, or _NO_PATCH or _NO_PLACE; and the patches."""

    patch: NDArray[np.int64]
    origins: Floats
    coefficients: Floats


def integrate_shapes(parts: Rings, bounds: Floats, areas: PixelAreas) -> Floats:
    """Give the areas of shapes in pixel coordinates, whose edges are straight there.

    Shapes that one patch serves are integrated as they are, others piece by piece.

    Args:
        parts: The shapes.
        bounds: Their bounds (x_min, y_min, x_max, y_max), shape (n, 4); NaN for empty ones.
        areas: The areas of the grid's pixels.

    Returns:
        Square metres (pixels in pixel space), shape (n,); NaN where the CRS has no place on the Earth.
    """
    if areas.varies == "nowhere":
        return integrate_uniform(parts, bounds, areas.constant)
    if (bounds[:, 1] < areas.earth[0]).any() or (bounds[:, 3] > areas.earth[1]).any():
        parts = cut(cut(parts, "y", areas.earth[0], "high"), "y", areas.earth[1], "low")
        bounds = bounds_of(parts)
    known = dict(areas.patches)
    served = _find_patches(bounds, areas, known)
    found = _integrate(parts, bounds, served)
    found[served.patch == _NO_PLACE] = np.nan
    wide = np.flatnonzero(served.patch == _NO_PATCH)
    is_near = _reach(bounds[wide], areas) < _BEYOND
    found[wide[~is_near]] = np.nan
    pieces = [(shape, _take(parts, shape)) for shape in wide[is_near]]
    while pieces:
        together = gather([piece for _, piece in pieces])
        inside = bounds_of(together)
        served = _find_patches(inside, areas, known)
        owners = np.array([shape for shape, _ in pieces])
        np.add.at(found, owners, _integrate(together, inside, served))
        found[owners[served.patch == _NO_PLACE]] = np.nan
        left = np.flatnonzero((served.patch == _NO_PATCH) & ~np.isnan(found[owners]))
        pieces = [(pieces[i][0], half) for i in left for half in _halve(pieces[i][1], inside[i], areas)]
    return found


def integrate_uniform(parts: Rings, bounds: Floats, density: float) -> Floats:
    """Give the planar areas of shapes, times a density; see `integrate_shapes`."""
    patch = np.zeros(len(bounds), dtype=np.int64)
    return _integrate(parts, bounds, _Served(patch, np.array([[0.0, 0.0, 1.0]]), np.full((1, 1, 1), density)))


def cut(parts: Rings, axis: str, at: float, keep: str) -> Rings:
    """Keep what lies on one side of a line; see `georoi.kernels.cutting.cut_rings`."""
    x, y, rings = cut_rings(*_ready(parts)[:3], axis=axis, at=float(at), keep=keep)
    return parts._replace(x=x, y=y, rings=rings)


def gather(pieces: list[Rings]) -> Rings:
    """Put shapes one after the other."""
    offsets = []
    for level in ("rings", "polygons", "geometries"):
        arrays = [getattr(piece, level) for piece in pieces]
        starts = np.cumsum([0] + [array[-1] for array in arrays])
        moved = [array[1:] + start for array, start in zip(arrays, starts, strict=False)]
        offsets.append(np.concatenate([[0], *moved]))
    x, y = (np.concatenate([getattr(piece, axis) for piece in pieces]) for axis in ("x", "y"))
    return Rings(x, y, *offsets)


def _take(parts: Rings, shape: int) -> Rings:
    first, last = parts.geometries[shape], parts.geometries[shape + 1]
    polygons = parts.polygons[first : last + 1]
    rings = parts.rings[polygons[0] : polygons[-1] + 1]
    vertices = slice(rings[0], rings[-1])
    return Rings(
        parts.x[vertices],
        parts.y[vertices],
        rings - rings[0],
        polygons - polygons[0],
        np.array([0, last - first], dtype=np.int64),
    )


def _reach(bounds: Floats, areas: PixelAreas) -> Floats:
    """Tell how far from its origin a CRS is asked for, in metres by its unit."""
    crs = grid_crs(areas.grid)
    unit = 1.0 if crs is None else metres_per_unit(crs)
    x, y = to_world(areas.grid, bounds[:, [0, 2, 2, 0]], bounds[:, [1, 1, 3, 3]])
    return np.asarray(np.maximum(np.abs(x), np.abs(y)).max(axis=1, initial=0.0) * unit)


def _halve(piece: Rings, bounds: Floats, areas: PixelAreas) -> list[Rings]:
    """Cut a piece where patches meet that are as large as it holds, so that the parts come to fit theirs."""
    sides = {"y": _middle_line(bounds[1], bounds[3])}
    if areas.varies == "by pixel":
        sides["x"] = _middle_line(bounds[0], bounds[2])
    axis = max(sides, key=lambda name: sides[name][0])
    _, at = sides[axis]
    return [cut(piece, axis, at, keep) for keep in ("low", "high")]


def _middle_line(low: float, high: float) -> tuple[float, float]:
    """Give the largest power of 2 of which a multiple lies within an open interval, and that multiple."""
    side = 2.0 ** math.ceil(math.log2(max(high - low, 2.0**-20)) + 1)
    while True:
        at = (math.floor(low / side) + 1) * side
        if at < high:
            return side, at
        side /= 2


def _integrate(parts: Rings, bounds: Floats, served: _Served) -> Floats:
    found = np.zeros(len(bounds))
    inside = np.require(bounds, np.float64, ["C", "W"])
    integrate_polygons(*_ready(parts), inside, served.patch, served.origins, served.coefficients, found)
    return found


def _ready(parts: Rings) -> Rings:
    """Copy arrays that are strided or read-only, as they may be after a journey between processes."""
    x, y = (np.require(array, np.float64, ["C", "W"]) for array in parts[:2])
    return Rings(x, y, *(np.require(array, np.int64, ["C", "W"]) for array in parts[2:]))


def _find_patches(bounds: Floats, areas: PixelAreas, known: dict[Key, Patch]) -> _Served:
    """Find the patch about the middle of each shape; it must reach as far as the shape does.

    Patches that were not made ahead are added to `known`.
    """
    by_row = areas.varies == "by row"
    x0, y0, x1, y1 = bounds.T
    rows, cols = (y0 + y1) / 2, np.zeros(len(bounds)) if by_row else (x0 + x1) / 2
    patch = np.full(len(bounds), _NO_PATCH, dtype=np.int64)
    flat = ~((x1 > x0) & (y1 > y0))
    patch[flat] = 0  # what is empty or a line has no area by any patch
    near = _reach(bounds, areas) < _BEYOND
    left = np.flatnonzero(near & ~flat & (y1 - y0 < 2 * areas.side) & (by_row | (x1 - x0 < 2 * areas.side)))
    found: list[Patch] = []
    level = 0
    while len(left):
        side = areas.side >> level
        i, j = (np.floor(middle[left] / side).astype(np.int64) for middle in (rows, cols))
        _, heads, group = np.unique(i * 2**31 + j, return_index=True, return_inverse=True)
        order = np.argsort(group, kind="stable")
        ends = np.cumsum(np.bincount(group))[:-1]
        again = []
        for head, members in zip(heads, np.split(left[order], ends), strict=True):
            key = (level, int(i[head]), int(j[head]))
            one = known[key] = known.get(key) or areas.patch(key)
            if is_split(one):
                again.append(members)
                continue
            (row, col, half), terms = one
            fits = (y0[members] >= row - half) & (y1[members] <= row + half)
            if not by_row:
                fits &= (x0[members] >= col - half) & (x1[members] <= col + half)
            patch[members[fits]] = len(found) if np.isfinite(terms[0, 0]) else _NO_PLACE
            found.append(one)
        left = np.concatenate(again) if again else np.empty(0, dtype=np.int64)
        level += 1
    if not found:
        return _Served(patch, np.ones((1, 3)), np.zeros((1, 1, 1)))
    return _Served(
        patch, np.array([one.origin for one in found]), np.stack([one.coefficients for one in found])
    )
