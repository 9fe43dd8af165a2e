"""Overlaps between ROIs on a grid: find them, dissolve them, grow ROIs by pixels."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from georoi.crs import keep_polygons
from georoi.kernels.sharedareas import shared_areas
from georoi.planning.shapes import to_polygons, with_polygons
from georoi.values.gridrois import GridROIs

SMALLEST_OVERLAP = 1e-9
"""Area in pixels above which two ROIs overlap; less is rounding along a shared edge."""

SLIVER_PIXELS, SLIVER_SHARE = 0.01, 1e-6
"""Neighbours that share less than both, in pixels and as a share of the smaller ROI, touch: no overlap."""

_QUARTER_SEGMENTS = 8
_ERROR = 2e-14
"""Share of the window of two ROIs that rounding can make of the area that they have in common."""


class Overlaps(NamedTuple):
    """Pairs of ROIs that overlap, i < j, ordered by i then j."""

    i: NDArray[np.int64]
    j: NDArray[np.int64]
    area: NDArray[np.float64]
    """Area that both cover, in pixels."""


def overlaps(rois: GridROIs) -> Overlaps:
    """Find the pairs of ROIs that share an area; ROIs that only touch do not overlap.

    Areas that the rounding of coordinates alone can make along a shared edge are not counted.
    """
    i, j = _meeting(rois)
    area = shared_areas(rois.x, rois.y, rois.rings, rois.polygons, rois.rois, rois.bounds, i, j)
    length = _lengths(rois)
    a, b = rois.bounds[i], rois.bounds[j]
    window = np.prod(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), axis=1)
    least = np.maximum(_rounding(rois) * np.minimum(length[i], length[j]), _ERROR * window)
    counted = area > np.maximum(SMALLEST_OVERLAP, least)
    return Overlaps(i[counted], j[counted], area[counted])


def leave_slivers(pairs: Overlaps, area: NDArray[np.float64]) -> tuple[Overlaps, int]:
    """Leave out pairs that share a sliver, as edges drawn twice in another CRS do; say how many these are.

    Args:
        pairs: Which ROIs overlap.
        area: Of each ROI, in pixels, shape (n,).
    """
    smaller = np.minimum(area[pairs.i], area[pairs.j])
    kept = (pairs.area >= SLIVER_PIXELS) | (pairs.area >= SLIVER_SHARE * smaller)
    return Overlaps(pairs.i[kept], pairs.j[kept], pairs.area[kept]), int(np.count_nonzero(~kept))


def _meeting(rois: GridROIs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the pairs whose bounding boxes share an area, i < j, ordered by i then j."""
    filled = np.flatnonzero(~np.isnan(rois.bounds[:, 0]))
    boxes = shapely.box(*rois.bounds[filled].T)
    first, second = shapely.STRtree(boxes).query(boxes)
    once = first < second
    i, j = filled[first[once]], filled[second[once]]
    a, b = rois.bounds[i], rois.bounds[j]
    shares = (np.maximum(a[:, :2], b[:, :2]) < np.minimum(a[:, 2:], b[:, 2:])).all(axis=1)
    i, j = i[shares], j[shares]
    order = np.lexsort((j, i))
    return i[order].astype(np.int64), j[order].astype(np.int64)


def _lengths(rois: GridROIs) -> NDArray[np.float64]:
    """Give the length of each ROI's outline, in pixels, shape (n,)."""
    steps = np.hypot(np.diff(rois.x, append=0.0), np.diff(rois.y, append=0.0))
    steps[rois.rings[1:] - 1] = 0.0  # from one ring to the next
    along = np.concatenate([[0.0], np.cumsum(steps)])
    ends = along[rois.rings[rois.polygons[rois.rois]]]
    return np.diff(ends)


def _touching(polygons: NDArray[np.object_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the pairs that have at least a point in common, i < j, ordered by i then j."""
    first, second = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    once = first < second
    order = np.lexsort((second[once], first[once]))
    return first[once][order].astype(np.int64), second[once][order].astype(np.int64)


def _rounding(rois: GridROIs) -> float:
    """Give how far rounding of world or pixel coordinates can move a vertex, in pixels."""
    a, b, c, d, e, f = (abs(float(value)) for value in rois.grid.affine[:6])
    side = max(min(math.hypot(a, d), math.hypot(b, e)), np.finfo(float).tiny)
    largest = float(np.nanmax(np.abs(rois.bounds), initial=0.0))
    return 4 * np.finfo(float).eps * (max(c, f) / side + largest)


def dissolve(rois: GridROIs, *, touching: bool = False) -> GridROIs:
    """Join ROIs that overlap, directly or through others, into their union; others stay, to the bit.

    A union stands where its first ROI stood; its id is the ids of its ROIs joined by "+", those after the
    eighth counted only. Which pixels a union covers does not depend on the order of the ROIs.

    Args:
        rois: The ROIs.
        touching: Join ROIs that share no more than an edge or a point, too.
    """
    polygons = to_polygons(rois)
    i, j = _touching(polygons) if touching else overlaps(rois)[:2]
    if not len(i):
        return rois
    from scipy.sparse import coo_array  # takes half a second to load, which few jobs need
    from scipy.sparse.csgraph import connected_components

    links = coo_array((np.ones(len(i), dtype=np.int8), (i, j)), shape=(len(rois), len(rois)))
    _, group = connected_components(links, directed=False)
    _, heads, counts = np.unique(group, return_index=True, return_counts=True)
    polygons, ids = polygons.copy(), rois.ids.copy()
    order = np.argsort(group, kind="stable")
    for start, count in zip(np.cumsum(counts) - counts, counts, strict=True):
        if count > 1:
            members = order[start : start + count]
            polygons[members[0]] = _union(polygons[members])
            ids[members[0]] = _join([str(rois.ids[member]) for member in members])
    kept = np.sort(heads)
    return with_polygons(rois, polygons[kept], ids[kept])


def _union(polygons: NDArray[np.object_]) -> shapely.Geometry:
    """Unite in an order that the polygons alone decide, and start rings where their coordinates say."""
    normal = shapely.normalize(polygons)
    order = sorted(range(len(normal)), key=lambda i: shapely.to_wkb(normal[i]))
    return shapely.normalize(shapely.union_all(normal[order]))


def _join(ids: list[str]) -> str:
    return "+".join(ids[:8]) + (f"+{len(ids) - 8} more" if len(ids) > 8 else "")


def grow(rois: GridROIs, pixels: float) -> GridROIs:
    """Widen ROIs by a distance in pixels, or narrow them where it is negative; what vanishes becomes empty.

    Round corners are drawn with chords that lie outside the true arc: grown ROIs hold every point within the
    distance, narrowed ones none within it of the outline, and both exceed it by half a percent at most.
    """
    if pixels == 0:
        return rois
    reach = pixels / math.cos(math.pi / (4 * _QUARTER_SEGMENTS))
    grown = shapely.buffer(to_polygons(rois), reach, quad_segs=_QUARTER_SEGMENTS, join_style="round")
    return with_polygons(rois, keep_polygons(grown), rois.ids)
