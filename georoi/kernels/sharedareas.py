"""The area that pairs of polygons have in common, summed from their edges without an overlay."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.jit import njit

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_CHUNK = 32
_PAIRS = 4096
"""Pairs of edges up to which all are looked at; above, the window is halved."""
_DEPTH = 60


def shared_areas(
    x: Floats, y: Floats, rings: Ints, polygons: Ints, shapes: Ints, bounds: Floats, i: Ints, j: Ints
) -> Floats:
    """Give the area that each of some pairs of shapes has in common.

    A polygon is the signed sum of the strips between its edges and a base line, so what two have in common
    is the signed sum of what their strips have, which is a closed formula for each pair of edges: there is
    no case that fails, and rounding makes an error of about 1e-15 of the window that both boxes share. Edges
    above that window count as one, and where many are left it is halved again and again, so the cost is that
    of the edges near both shapes.

    Args:
        x: Vertices of all rings, shape (vertices,), as in `GridROIs`; y: see x.
        y: See x.
        rings: Offsets of rings into x and y; rings are closed, and of any direction.
        polygons: Offsets of polygons into rings; the first ring is the shell.
        shapes: Offsets of shapes into polygons, shape (n + 1,).
        bounds: (x_min, y_min, x_max, y_max) of each shape, shape (n, 4).
        i: Numbers of the first shape of each pair, shape (m,); none is empty.
        j: Of the second.

    Returns:
        Square units of x and y, shape (m,).
    """
    x, y, bounds = (np.require(array, np.float64, ["C", "W"]) for array in (x, y, bounds))
    rings, polygons, shapes, i, j = (
        np.require(array, np.int64, ["C", "W"]) for array in (rings, polygons, shapes, i, j)
    )
    area = np.zeros(len(i))
    if len(i):
        chunks = _cut_chunks(x, y, rings, polygons, shapes)
        longest = int(np.diff(rings[polygons[shapes]]).max())
        room = np.empty((2, 3 * longest + 3, 5))
        _share(x, y, *chunks, bounds, i, j, room[0], room[1], area)
    return area


@njit
def _cut_chunks(
    x: Floats, y: Floats, rings: Ints, polygons: Ints, shapes: Ints
) -> tuple[Ints, Ints, Floats, Floats]:
    """Cut rings into chains of some edges: (start of each shape, ends, sign of the ring, bounds)."""
    count = 0
    for ring in range(rings.shape[0] - 1):
        count += (max(rings[ring + 1] - rings[ring] - 1, 0) + _CHUNK - 1) // _CHUNK
    start = np.zeros(shapes.shape[0], np.int64)
    ends, sign, boxes = np.empty((count, 2), np.int64), np.empty(count), np.empty((count, 4))
    n = 0
    for shape in range(shapes.shape[0] - 1):
        for polygon in range(shapes[shape], shapes[shape + 1]):
            for ring in range(polygons[polygon], polygons[polygon + 1]):
                first, last = rings[ring], rings[ring + 1] - 1
                area = 0.0  # positive where the strips below the edges, as they run, add up to the inside
                for v in range(first, last):
                    area += (x[v + 1] - x[first]) * (y[v] - y[first])
                    area -= (x[v] - x[first]) * (y[v + 1] - y[first])
                is_shell = ring == polygons[polygon]
                for begin in range(first, last, _CHUNK):
                    stop = min(begin + _CHUNK, last)
                    ends[n, 0], ends[n, 1] = begin, stop
                    sign[n] = 1.0 if (area > 0) == is_shell else -1.0
                    boxes[n, 0], boxes[n, 1] = x[begin : stop + 1].min(), y[begin : stop + 1].min()
                    boxes[n, 2], boxes[n, 3] = x[begin : stop + 1].max(), y[begin : stop + 1].max()
                    n += 1
        start[shape + 1] = n
    return start, ends, sign, boxes


@njit
def _share(
    x: Floats,
    y: Floats,
    start: Ints,
    ends: Ints,
    sign: Floats,
    boxes: Floats,
    bounds: Floats,
    i: Ints,
    j: Ints,
    a: Floats,
    b: Floats,
    area: Floats,
) -> None:
    for pair in range(i.shape[0]):
        one, other = i[pair], j[pair]
        left, low = max(bounds[one, 0], bounds[other, 0]), max(bounds[one, 1], bounds[other, 1])
        width = min(bounds[one, 2], bounds[other, 2]) - left
        height = min(bounds[one, 3], bounds[other, 3]) - low
        if width <= 0 or height <= 0:
            continue
        n = _gather(x, y, start[one], start[one + 1], ends, sign, boxes, left, low, width, height, a)
        if n == 0:
            continue
        m = _gather(x, y, start[other], start[other + 1], ends, sign, boxes, left, low, width, height, b)
        if n * m <= _PAIRS:
            area[pair] = _overlay(a, n, b, m)
        else:
            area[pair] = _halve(a[:n].copy(), b[:m].copy(), width, height)


@njit
def _gather(
    x: Floats,
    y: Floats,
    first: int,
    last: int,
    ends: Ints,
    sign: Floats,
    boxes: Floats,
    left: float,
    low: float,
    width: float,
    height: float,
    pieces: Floats,
) -> int:
    """List the edges of a shape that matter to a window, cut to it and counted from its corner."""
    n = 0
    for chunk in range(first, last):
        if boxes[chunk, 2] <= left or boxes[chunk, 0] >= left + width or boxes[chunk, 3] <= low:
            continue
        begin, stop = ends[chunk, 0], ends[chunk, 1]
        step = stop - begin if boxes[chunk, 1] >= low + height else 1
        for v in range(begin, stop, step):
            n = _add(
                pieces,
                n,
                x[v] - left,
                y[v] - low,
                x[v + step] - left,
                y[v + step] - low,
                sign[chunk],
                width,
                height,
            )
    return n


@njit
def _add(
    pieces: Floats,
    n: int,
    xa: float,
    ya: float,
    xb: float,
    yb: float,
    sign: float,
    width: float,
    height: float,
) -> int:
    """Cut an edge to (0, 0, width, height), what lies above moved down to the upper side; list the pieces."""
    if xa == xb or max(xa, xb) <= 0 or min(xa, xb) >= width or max(ya, yb) <= 0:
        return n
    ends = min(max(xa, 0.0), width), min(max(xb, 0.0), width)
    ya, yb = _at(ends[0], xa, ya, xb, yb), _at(ends[1], xa, ya, xb, yb)
    xa, xb = ends
    if max(ya, yb) <= 0:
        return n
    if ya < 0:
        xa, ya = xa - (xb - xa) * ya / (yb - ya), 0.0
    elif yb < 0:
        xb, yb = xa - (xb - xa) * ya / (yb - ya), 0.0
    if min(ya, yb) >= height or max(ya, yb) <= height:
        return _put(pieces, n, xa, min(ya, height), xb, min(yb, height), sign, height)
    middle = xa + (xb - xa) * (height - ya) / (yb - ya)
    n = _put(pieces, n, xa, min(ya, height), middle, height, sign, height)
    return _put(pieces, n, middle, height, xb, min(yb, height), sign, height)


@njit
def _at(x: float, xa: float, ya: float, xb: float, yb: float) -> float:
    """Give y at x along an edge, its ends as they are."""
    if x == xa:
        return ya
    if x == xb:
        return yb
    return min(max(ya + (x - xa) * ((yb - ya) / (xb - xa)), min(ya, yb)), max(ya, yb))


@njit
def _put(
    pieces: Floats, n: int, xa: float, ya: float, xb: float, yb: float, sign: float, height: float
) -> int:
    """List a piece; along the upper side, one that goes on where the last ended makes that longer."""
    if (
        n > 0
        and ya == height
        and yb == height
        and pieces[n - 1, 1] == height
        and pieces[n - 1, 3] == height
        and pieces[n - 1, 2] == xa
        and pieces[n - 1, 4] == sign
    ):
        pieces[n - 1, 2] = xb
        return n
    pieces[n, 0], pieces[n, 1], pieces[n, 2], pieces[n, 3], pieces[n, 4] = xa, ya, xb, yb, sign
    return n + 1


@njit
def _overlay(a: Floats, n: int, b: Floats, m: int) -> float:
    """Sum what the strips below two lists of edges have in common; the lists are turned, in place."""
    _turn(a, n)
    _turn(b, m)
    total = 0.0
    for k in range(n):
        xa, ya, xb, one, sign = a[k, 0], a[k, 1], a[k, 2], a[k, 3], a[k, 4]
        for other in range(m):
            left, right = max(xa, b[other, 0]), min(xb, b[other, 2])
            if left >= right:
                continue
            xc, yc, two = b[other, 0], b[other, 1], b[other, 3]
            p, q = ya + (left - xa) * one, ya + (right - xa) * one
            r, s = yc + (left - xc) * two, yc + (right - xc) * two
            before, behind = p - r, q - s
            lower = min(p, r) + min(q, s)
            if before * behind < 0:  # they cross: below the upper ends lies a triangle less
                share = before / (before - behind)
                crossing = p + share * (q - p)
                lower = share * (min(p, r) + crossing) + (1 - share) * (crossing + min(q, s))
            total += sign * b[other, 4] * 0.5 * lower * (right - left)
    return total


@njit
def _turn(pieces: Floats, n: int) -> None:
    """Let pieces run from left to right: (x, y, x at the right end, slope, sign)."""
    for k in range(n):
        xa, ya, xb, yb = pieces[k, 0], pieces[k, 1], pieces[k, 2], pieces[k, 3]
        if xa > xb:
            pieces[k, 0], pieces[k, 1], pieces[k, 2] = xb, yb, xa
            pieces[k, 4] = -pieces[k, 4]
        pieces[k, 3] = (yb - ya) / (xb - xa) if xa != xb else 0.0


@njit
def _halve(a: Floats, b: Floats, width: float, height: float) -> float:
    """Sum over halves of the window, each of which few edges cross."""
    total = 0.0
    stack = [(a, b, width, height, 0)]
    while len(stack) > 0:
        a, b, width, height, depth = stack.pop()
        if a.shape[0] == 0 or b.shape[0] == 0:
            continue
        if a.shape[0] * b.shape[0] <= _PAIRS or depth >= _DEPTH:
            total += _overlay(a, a.shape[0], b, b.shape[0])
            continue
        left, low = 0.0, 0.0
        if width > height:
            left = width = width / 2
        else:
            low = height = height / 2
        for dx, dy in ((0.0, 0.0), (left, low)):
            halves = _cut(a, dx, dy, width, height), _cut(b, dx, dy, width, height)
            stack.append((halves[0], halves[1], width, height, depth + 1))
    return total


@njit
def _cut(pieces: Floats, left: float, low: float, width: float, height: float) -> Floats:
    """Cut pieces to a part of their window."""
    found = np.empty((3 * pieces.shape[0] + 1, 5))
    n = 0
    for k in range(pieces.shape[0]):
        n = _add(
            found,
            n,
            pieces[k, 0] - left,
            pieces[k, 1] - low,
            pieces[k, 2] - left,
            pieces[k, 3] - low,
            pieces[k, 4],
            width,
            height,
        )
    return found[:n].copy()
