"""Trace the outlines of pixel regions as exact rings along pixel edges."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.components import label
from georoi.kernels.jit import njit


class Outlines(NamedTuple):
    """Closed rings at pixel corners (x = column, y = row, y down), grouped by component, the shell first.

    Component i owns rings components[i]:components[i+1]; ring k owns vertices rings[k]:rings[k+1], the last
    equal to the first. Shells run clockwise on the screen (right along their top), holes the other way. No
    ring meets a vertex twice and none has a vertex on a straight run: shell and holes are a valid polygon.
    """

    x: NDArray[np.int32]
    y: NDArray[np.int32]
    rings: NDArray[np.int64]
    """Offsets of rings into x and y, shape (rings + 1,)."""
    components: NDArray[np.int64]
    """Offsets of components into rings, shape (components + 1,)."""
    values: NDArray[np.int32]
    """Value of each component, in the order in which a row-major scan meets the components."""
    pixels: NDArray[np.int64]
    """Number of pixels of each component."""


def trace(values: NDArray[np.int32]) -> Outlines:
    """Trace every 4-connected component of equal value, background 0 left out.

    Args:
        values: Classes or a mask of 0 and 1, shape (rows, cols).

    Pixels that touch at a corner only are two components. A hole is 4-connected too: holes that meet at a
    corner are two rings that touch there.
    """
    components = label(values, 4)
    count = int(components.max(initial=0))
    x, y, rings, owner = _trace(components)
    x, y, rings, owner = _split(x, y, rings, owner, np.int64(components.shape[1] + 1))
    return _group(components, values, count, x, y, rings, owner)


@njit
def _trace(
    regions: NDArray[np.int32],
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64], NDArray[np.int32]]:
    """Start a walk at every top side of a region that no walk has come along; every ring has a top side."""
    rows, cols = regions.shape
    seen = np.zeros((rows, cols), dtype=np.bool_)
    xs, ys = np.empty(1024, dtype=np.int32), np.empty(1024, dtype=np.int32)
    ends, owners = np.empty(256, dtype=np.int64), np.empty(256, dtype=np.int32)
    n, rings = 0, 0
    for r in range(rows):
        for c in range(cols):
            if regions[r, c] == 0 or seen[r, c] or _is(regions, r - 1, c, regions[r, c]):
                continue
            xs, ys, n = _walk(regions, seen, r, c, xs, ys, n)
            if rings + 1 > ends.shape[0]:
                ends, owners = _grow(ends), _grow(owners)
            ends[rings] = n
            owners[rings] = regions[r, c]
            rings += 1
    offsets = np.zeros(rings + 1, dtype=np.int64)
    offsets[1:] = ends[:rings]
    return xs[:n].copy(), ys[:n].copy(), offsets, owners[:rings].copy()


@njit
def _walk(
    regions: NDArray[np.int32],
    seen: NDArray[np.bool_],
    r: int,
    c: int,
    xs: NDArray[np.int32],
    ys: NDArray[np.int32],
    n: int,
) -> tuple[NDArray[np.int32], NDArray[np.int32], int]:
    """Walk once around, from the top side of pixel (r, c), with the region on the right; note the corners.

    A step runs along one side of a pixel p of the region, in direction (dr, dc). Then two pixels decide:

        left | ahead is of another region: turn right around p, whatever `left` is: corners do not connect;
        -->--+------
          p  | ahead is of the region: turn left if `left` is too, else go on.
    """
    region = regions[r, c]
    dr, dc = 0, 1
    first = n
    while True:
        if dc == 1:
            if seen[r, c]:
                break
            seen[r, c] = True
        ahead = _is(regions, r + dr, c + dc, region)
        if ahead and not _is(regions, r + dr - dc, c + dc + dr, region):
            r, c = r + dr, c + dc
            continue
        if n + 2 > xs.shape[0]:
            xs, ys = _grow(xs), _grow(ys)
        xs[n] = c + (dc == 1 or dr == 1)
        ys[n] = r + (dr == 1 or dc == -1)
        n += 1
        if ahead:
            r, c = r + dr - dc, c + dc + dr
            dr, dc = -dc, dr
        else:
            dr, dc = dc, -dr
    xs[n], ys[n] = xs[first], ys[first]
    return xs, ys, n + 1


@njit
def _is(regions: NDArray[np.int32], r: int, c: int, region: int) -> bool:
    return bool(0 <= r < regions.shape[0] and 0 <= c < regions.shape[1] and regions[r, c] == region)


@njit
def _grow(array: NDArray[Any]) -> NDArray[Any]:
    grown = np.empty(2 * array.shape[0], dtype=array.dtype)
    grown[: array.shape[0]] = array
    return grown


def gather(
    offsets: NDArray[np.int64], order: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Reorder the rows of a ragged array: give the new offsets, and where each element is taken from."""
    lengths = np.diff(offsets)[order]
    moved = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return moved, np.repeat(offsets[:-1][order] - moved[:-1], lengths) + np.arange(moved[-1])


def _split(
    x: NDArray[np.int32],
    y: NDArray[np.int32],
    rings: NDArray[np.int64],
    owner: NDArray[np.int32],
    width: np.int64,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64], NDArray[np.int32]]:
    """Cut rings that meet a corner twice into rings that do not: a shell's dents become holes, holes part."""
    lengths = np.diff(rings)
    ring_of = np.repeat(np.arange(lengths.shape[0]), lengths)
    place = y.astype(np.int64) * width + x
    closing = np.zeros(x.shape[0], dtype=np.bool_)
    closing[rings[1:] - 1] = True
    inner = np.flatnonzero(~closing)
    order = inner[np.lexsort((place[inner], ring_of[inner]))]
    same = (place[order[1:]] == place[order[:-1]]) & (ring_of[order[1:]] == ring_of[order[:-1]])
    if not same.any():
        return x, y, rings, owner
    # A ring meets a corner at most twice, since two of the four pixels there are of its region.
    earlier = np.full(x.shape[0], -1, dtype=np.int64)
    earlier[order[1:][same]] = order[:-1][same]
    return _cut(x, y, rings, owner, earlier)


@njit
def _cut(
    x: NDArray[np.int32],
    y: NDArray[np.int32],
    rings: NDArray[np.int64],
    owner: NDArray[np.int32],
    earlier: NDArray[np.int64],
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64], NDArray[np.int32]]:
    """Unwind each ring from a stack: a corner met again closes a ring of all that was stacked since."""
    meetings = 0
    for i in range(earlier.shape[0]):
        if earlier[i] >= 0:
            meetings += 1
    # Each meeting adds one ring, which needs a closing vertex in exchange for the corner met twice.
    out_x, out_y = np.empty(x.shape[0] + meetings, np.int32), np.empty(x.shape[0] + meetings, np.int32)
    out_rings = np.zeros(rings.shape[0] + meetings, np.int64)
    out_owner = np.empty(owner.shape[0] + meetings, np.int32)
    stack = np.empty(x.shape[0], np.int64)
    n, count = 0, 0
    for k in range(owner.shape[0]):
        top = 0
        for i in range(rings[k], rings[k + 1]):
            stop = i == rings[k + 1] - 1
            target = rings[k] if stop else earlier[i]
            if target < 0:
                stack[top] = i
                top += 1
                continue
            first = top - 1
            while stack[first] != target:
                first -= 1
            for j in range(first, top):
                out_x[n], out_y[n] = x[stack[j]], y[stack[j]]
                n += 1
            out_x[n], out_y[n] = x[target], y[target]
            n += 1
            count += 1
            out_rings[count] = n
            out_owner[count - 1] = owner[k]
            top = first + 1
    return out_x[:n], out_y[:n], out_rings[: count + 1], out_owner[:count]


def _group(
    components: NDArray[np.int32],
    values: NDArray[np.int32],
    count: int,
    x: NDArray[np.int32],
    y: NDArray[np.int32],
    rings: NDArray[np.int64],
    owner: NDArray[np.int32],
) -> Outlines:
    """Order rings by component, the shell (the one ring of positive area) first, holes in tracing order."""
    hole = _areas(x, y, rings) < 0
    order = np.lexsort((np.arange(owner.shape[0]), hole, owner))
    offsets, index = gather(rings, order)
    pixels = np.bincount(components.ravel(), minlength=count + 1)[1:].astype(np.int64)
    starts = np.searchsorted(owner[order], np.arange(1, count + 2)).astype(np.int64)
    found = np.zeros(count + 1, dtype=np.int32)
    found[components.ravel()] = np.asarray(values, dtype=np.int32).ravel()
    return Outlines(x[index], y[index], offsets, starts, found[1:], pixels)


@njit
def _areas(x: NDArray[np.int32], y: NDArray[np.int32], rings: NDArray[np.int64]) -> NDArray[np.int64]:
    """Twice the signed area of each ring (shoelace), positive when it runs clockwise on the screen."""
    areas = np.zeros(rings.shape[0] - 1, dtype=np.int64)
    for k in range(areas.shape[0]):
        for i in range(rings[k], rings[k + 1] - 1):
            areas[k] += np.int64(x[i]) * np.int64(y[i + 1]) - np.int64(x[i + 1]) * np.int64(y[i])
    return areas
