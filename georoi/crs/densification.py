"""Follow the edges of rings through a projection, adding vertices only where the error asks for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from georoi.errors import MemoryBudgetError

Floats = NDArray[np.float64]
Project = Callable[[Floats, Floats], tuple[Floats, Floats]]
Course = Callable[[NDArray[np.int64], Floats], tuple[Floats, Floats]]

_MOST_PIECES = 64
_SHORTEST = 2.0**-16  # of an edge: what still bends there, jumps
_UNEVEN = 0.25  # of the chord: how far a third of the course may be from a third of the chord
_MOST_POINTS = 1 << 24
_SAFETY = 0.7  # between the two points looked at, the course may be up to 1.3 times as far off


class DenseRings(NamedTuple):
    """Projected rings."""

    x: Floats
    y: Floats
    rings: NDArray[np.int64]
    """Offsets of rings into x and y."""
    broken: NDArray[np.int64]
    """Positions in x and y of vertices whose edge jumps or cannot be projected."""


class _Pieces(NamedTuple):
    """Pieces of edges, from parameter t0 to t1 along the edge, 0 to 1, with their projected ends."""

    edge: NDArray[np.int64]
    t0: Floats
    t1: Floats
    x0: Floats
    y0: Floats
    x1: Floats
    y1: Floats

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> _Pieces:
        return _Pieces(*(np.asarray(column)[index] for column in self))  # type: ignore[arg-type]


def densify(x: Floats, y: Floats, rings: NDArray[np.int64], project: Project, tolerance: float) -> DenseRings:
    """Project rings, with points between their vertices until edges are within tolerance of their course.

    An edge is looked at in the direction from its smaller end (by x, then y), so that two polygons which
    share it get the same points. At 1/3 and 2/3 of a piece the true course is compared with the chord:
    together they see every bend up to a cubic, an S included. A piece that is too far off is split evenly,
    into as many as its error asks for (the error of an arc falls with the square of its length), and its
    pieces are looked at again.

    Args:
        x: Source coordinates of all vertices, shape (n,).
        y: The same for y.
        rings: Offsets of rings into x and y.
        project: Takes and gives arrays of x and y.
        tolerance: In projected units.
    """
    px, py = project(x, y)
    edge_start = np.ones(len(x), dtype=bool)
    edge_start[rings[1:] - 1] = False  # the last vertex of a ring starts no edge
    start = np.flatnonzero(edge_start)
    backwards = (x[start] > x[start + 1]) | ((x[start] == x[start + 1]) & (y[start] > y[start + 1]))
    low, high = start + backwards, start + ~backwards

    def course(edge: NDArray[np.int64], t: Floats) -> tuple[Floats, Floats]:
        a, b = low[edge], high[edge]
        return project(x[a] + (x[b] - x[a]) * t, y[a] + (y[b] - y[a]) * t)

    every = np.arange(len(start), dtype=np.int64)
    pieces = _Pieces(
        every, np.zeros(len(start)), np.ones(len(start)), px[low], py[low], px[high], py[high]
    ).take((x[low] != x[high]) | (y[low] != y[high]))
    added: list[tuple[NDArray[np.int64], Floats, Floats, Floats]] = []
    broken = [_not_finite(pieces)]
    points = 0
    while len(pieces.edge):
        pieces, counts = _too_coarse(pieces, course, tolerance * _SAFETY)
        fine = counts * _SHORTEST <= pieces.t1 - pieces.t0  # an infinite count is not
        broken.append(pieces.edge[~fine])
        points += int(counts[fine].sum())
        _check_budget(points, len(x))
        new, pieces = _split(pieces.take(fine), counts[fine].astype(np.int64), course)
        added.append(new)
    positions = start[np.unique(np.concatenate(broken))]
    return _merge(px, py, rings, start, backwards, added, positions)


def _check_budget(points: int, vertices: int) -> None:
    if points > _MOST_POINTS:
        raise MemoryBudgetError(
            "E-MEM-01",
            "to follow the edges of the ROIs through the projection would need too many vertices",
            found={"rois": f"{vertices} vertices in the part at hand", "needed": f"more than {_MOST_POINTS}"},
            hint="the CRS of the ROIs may be wrong; or transform them before",
        )


def _not_finite(pieces: _Pieces) -> NDArray[np.int64]:
    return pieces.edge[~np.isfinite(pieces.x0 + pieces.y0 + pieces.x1 + pieces.y1)]


def _too_coarse(pieces: _Pieces, course: Course, tolerance: float) -> tuple[_Pieces, Floats]:
    """Find the pieces that are off by more than the tolerance or jump, and into how many to split them.

    The number is infinite where the course cannot be projected between two ends that can.
    """
    worst = np.zeros(len(pieces.edge))
    for third in (1 / 3, 2 / 3):
        x, y = course(pieces.edge, pieces.t0 + (pieces.t1 - pieces.t0) * third)
        worst = np.fmax(worst, _error(pieces, x, y, third, tolerance))
    ends = np.isfinite(pieces.x0 + pieces.y0 + pieces.x1 + pieces.y1)
    chosen = np.flatnonzero(ends & (worst > tolerance))
    counts = np.exp2(np.ceil(np.log2(np.sqrt(worst[chosen] / tolerance))))
    counts = np.where(np.isfinite(counts), np.clip(counts, 2, _MOST_PIECES), np.inf)
    return pieces.take(chosen), counts


def _error(pieces: _Pieces, x: Floats, y: Floats, third: float, tolerance: float) -> Floats:
    """Give the distance of points of the course to the chord; infinite where they have no coordinates.

    A course that jumps may do so along the chord (from 180 to -180 degrees on one parallel). It is known by
    its pace: no third of the way is near a third of the chord. Such a piece counts as off by twice the
    tolerance.
    """
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        dx, dy = pieces.x1 - pieces.x0, pieces.y1 - pieces.y0
        square = dx * dx + dy * dy
        along = ((x - pieces.x0) * dx + (y - pieces.y0) * dy) / square
        uneven = (np.abs(along - third) > _UNEVEN) & (square > tolerance * tolerance)
        along = np.where(np.isfinite(along), np.clip(along, 0.0, 1.0), 0.0)
        distance = np.hypot(x - pieces.x0 - along * dx, y - pieces.y0 - along * dy)
    distance = np.where(uneven, np.fmax(distance, 2 * tolerance), distance)
    return np.where(np.isfinite(x + y), distance, np.inf)


def _split(
    pieces: _Pieces,
    counts: NDArray[np.int64],
    course: Course,
) -> tuple[tuple[NDArray[np.int64], Floats, Floats, Floats], _Pieces]:
    """Cut each piece into `counts` equal ones; give the new points (edge, t, x, y) and the new pieces."""
    owner = np.repeat(np.arange(len(counts)), counts)
    step = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    edge, first, last = pieces.edge[owner], step == 0, step == counts[owner] - 1
    t0 = pieces.t0[owner] + (pieces.t1 - pieces.t0)[owner] * (step / counts[owner])
    inner = np.flatnonzero(~first)
    x, y = course(edge[inner], t0[inner])
    x0, y0 = pieces.x0[owner], pieces.y0[owner]
    x0[inner], y0[inner] = x, y
    after = np.flatnonzero(~last)
    t1, x1, y1 = pieces.t1[owner], pieces.x1[owner], pieces.y1[owner]
    t1[after], x1[after], y1[after] = t0[after + 1], x0[after + 1], y0[after + 1]
    return (edge[inner], t0[inner], x, y), _Pieces(edge, t0, t1, x0, y0, x1, y1)


def _merge(
    px: Floats,
    py: Floats,
    rings: NDArray[np.int64],
    start: NDArray[np.int64],
    backwards: NDArray[np.bool_],
    added: list[tuple[NDArray[np.int64], Floats, Floats, Floats]],
    broken: NDArray[np.int64],
) -> DenseRings:
    """Put the added points behind the vertex that starts their edge, in the direction of the ring."""
    if not added:
        return DenseRings(px, py, rings, broken)
    edge, t, x, y = (np.concatenate(column) for column in zip(*added, strict=True))
    order = np.lexsort((np.where(backwards[edge], -t, t), edge))
    after = start[edge[order]] + 1
    inserted = np.bincount(start[edge], minlength=len(px))
    shift = np.cumsum(inserted) - inserted  # points added before each vertex
    total = np.append(shift, len(edge))
    return DenseRings(
        np.insert(px, after, x[order]),
        np.insert(py, after, y[order]),
        rings + total[rings],
        broken + shift[broken],
    )
