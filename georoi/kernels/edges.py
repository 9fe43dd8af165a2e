"""Polygon edges as flat arrays, and an index that finds those which matter to a window."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.jit import njit

CHUNK = 64


class Edges(NamedTuple):
    """The edges of one ROI, in pixel coordinates of the whole grid (x = column, y = row, y down).

    An edge runs from (x0, y0) to (x1, y1), clockwise around its ring as seen in world coordinates, which is
    how GDAL orders them. All arrays have shape (n,).
    """

    x0: NDArray[np.float64]
    y0: NDArray[np.float64]
    x1: NDArray[np.float64]
    y1: NDArray[np.float64]
    sign: NDArray[np.int8]
    """+1 or -1 per edge, so that sign * (signed area of the edge's ring) is positive for a shell, negative
    for a hole."""
    part: NDArray[np.int32]
    """Number of the edge's polygon within the ROI; the edges of one part stand together."""

    def __len__(self) -> int:
        return int(self.x0.shape[0])

    def kernel_ready(self) -> Edges:
        """Copy arrays that are strided or read-only, as they may be after a journey between processes."""
        x0, y0, x1, y1 = (np.require(array, np.float64, ["C", "W"]) for array in self[:4])
        sign, part = np.require(self.sign, np.int8, ["C", "W"]), np.require(self.part, np.int32, ["C", "W"])
        return Edges(x0, y0, x1, y1, sign, part)

    def take(self, index: NDArray[np.int64] | slice) -> Edges:
        """Select edges by position, keeping their order."""
        return Edges(
            self.x0[index], self.y0[index], self.x1[index], self.y1[index], self.sign[index], self.part[index]
        )


class EdgeIndex:
    """Finds the edges of ROIs that decide the coverage of a window.

    Every `CHUNK` consecutive vertices of a ROI have one bounding box, which is all that is stored beside the
    coordinates (about 1 byte per edge of a long ring, 40 bytes for a small ROI), so a search costs n / CHUNK
    plus what it finds.

    Args:
        x: Columns of all vertices, shape (vertices,); y: their rows. Both in pixels of the whole grid.
        y: See x.
        rings: Offsets of rings into x and y, shape (rings + 1,). Rings are closed.
        polygons: Offsets of polygons into rings, shape (polygons + 1,). The first ring is the shell.
        rois: Offsets of ROIs into polygons, shape (n + 1,).
        y_up: Whether rows run against the world's y axis, as on a north-up grid (the determinant of its
            transform is negative). False for pixel space and south-up grids. It decides ties of the centre
            rule.
    """

    def __init__(
        self,
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        rings: NDArray[np.int64],
        polygons: NDArray[np.int64],
        rois: NDArray[np.int64],
        y_up: bool = True,
    ) -> None:
        x, y = (np.require(values, np.float64, ["C", "W"]) for values in (x, y))
        rings, polygons, rois = (
            np.require(offsets, np.int64, ["C", "W"]) for offsets in (rings, polygons, rois)
        )
        x, y = x.copy(), y.copy()
        self._sign, self._part = _order_rings(x, y, rings, polygons, rois, y_up)
        vertices = rings[polygons[rois]]
        chunks = np.concatenate([[0], np.cumsum(-(-np.diff(vertices) // CHUNK))])
        bounds, first_ring = _bound_chunks(x, y, rings, vertices, chunks)
        self._source = (x, y, rings, vertices, chunks, bounds, first_ring)

    def __len__(self) -> int:
        return int(self._source[3].shape[0]) - 1

    def select(self, roi: int, window: tuple[int, int, int, int] | None = None) -> Edges:
        """Find the edges that decide the coverage of one ROI in a window.

        What lies wholly right of the window, above or below it is left out. What lies wholly left of it
        matters by its rows alone, so each chain of such edges is replaced by one edge from its first to its
        last vertex. A window may lie anywhere; for distances up to d pixels pass the window grown by d + 1.

        Args:
            roi: Number of the ROI.
            window: (row0, row1, col0, col1); None for all edges as they are.
        """
        return self.select_many(np.array([roi], np.int64), window)[0]

    def select_many(
        self, rois: NDArray[np.int64], window: tuple[int, int, int, int] | None = None
    ) -> tuple[Edges, NDArray[np.int64]]:
        """Find the edges of several ROIs at once, as `select` does for each.

        Returns:
            The edges of all, one ROI after the other, and offsets of the ROIs into them, shape
            (len(rois) + 1,).
        """
        row0, row1, col0, col1 = (-np.inf, np.inf, -np.inf, np.inf) if window is None else window
        rois = np.require(rois, np.int64, ["C", "W"])
        offsets = np.zeros(rois.shape[0] + 1, np.int64)
        window_xy = (float(row0), float(row1), float(col0), float(col1))
        room = 2 * CHUNK
        while True:
            found, ring = np.empty((4, room), np.float64), np.empty(room, np.int64)
            count = int(_select(*self._source, rois, window_xy, offsets, found, ring))
            if count <= room:
                break
            room = count
        ring = ring[:count]
        x0, y0, x1, y1 = found[:, :count]
        return Edges(x0, y0, x1, y1, self._sign[ring], self._part[ring]), offsets


@njit
def _order_rings(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    rings: NDArray[np.int64],
    polygons: NDArray[np.int64],
    rois: NDArray[np.int64],
    y_up: bool,
) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
    """Bring rings into the order of `Edges`, in place; give each its sign and the number of its polygon."""
    sign = np.empty(rings.shape[0] - 1, np.int8)
    part = np.empty(rings.shape[0] - 1, np.int32)
    for roi in range(rois.shape[0] - 1):
        for polygon in range(rois[roi], rois[roi + 1]):
            for ring in range(polygons[polygon], polygons[polygon + 1]):
                first, last = rings[ring], rings[ring + 1] - 1
                area = 0.0  # positive if the ring runs clockwise on the screen, where rows run down
                for v in range(first, last):
                    area += (x[v] - x[first]) * (y[v + 1] - y[first])
                    area -= (x[v + 1] - x[first]) * (y[v] - y[first])
                if (area < 0) == y_up:
                    for i in range((last + 1 - first) // 2):
                        x[first + i], x[last - i] = x[last - i], x[first + i]
                        y[first + i], y[last - i] = y[last - i], y[first + i]
                sign[ring] = 1 if (ring == polygons[polygon]) == y_up else -1
                part[ring] = polygon - rois[roi]
    return sign, part


@njit
def _bound_chunks(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    rings: NDArray[np.int64],
    vertices: NDArray[np.int64],
    chunks: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Give each chunk its bounds (x_min, y_min, x_max, y_max) and the ring of its first vertex.

    The bounds take in the vertex after the last, where the last edge ends.
    """
    bounds = np.empty((chunks[-1], 4), np.float64)
    first_ring = np.empty(chunks[-1], np.int64)
    ring = 0
    for roi in range(vertices.shape[0] - 1):
        for chunk in range(chunks[roi], chunks[roi + 1]):
            start = vertices[roi] + (chunk - chunks[roi]) * CHUNK
            while start >= rings[ring + 1]:
                ring += 1
            first_ring[chunk] = ring
            bounds[chunk, 0] = bounds[chunk, 2] = x[start]
            bounds[chunk, 1] = bounds[chunk, 3] = y[start]
            for v in range(start + 1, min(start + CHUNK + 1, vertices[roi + 1])):
                bounds[chunk, 0] = min(bounds[chunk, 0], x[v])
                bounds[chunk, 1] = min(bounds[chunk, 1], y[v])
                bounds[chunk, 2] = max(bounds[chunk, 2], x[v])
                bounds[chunk, 3] = max(bounds[chunk, 3], y[v])
    return bounds, first_ring


_Window = tuple[float, float, float, float]


@njit
def _select(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    rings: NDArray[np.int64],
    vertices: NDArray[np.int64],
    chunks: NDArray[np.int64],
    bounds: NDArray[np.float64],
    first_ring: NDArray[np.int64],
    rois: NDArray[np.int64],
    window: _Window,
    offsets: NDArray[np.int64],
    found: NDArray[np.float64],
    found_ring: NDArray[np.int64],
) -> int:
    """Write the edges that matter into `found`, as far as it has room, and count them.

    `vertices` and `chunks` hold the offsets of all ROIs into x and y, and into the chunks; `offsets` receives
    those of `rois` into `found`, which takes x0, y0, x1, y1, shape (4, room).
    """
    n = 0
    for i in range(rois.shape[0]):
        roi = rois[i]
        chain, origin = -1, 0
        for chunk in range(chunks[roi], chunks[roi + 1]):
            if bounds[chunk, 3] <= window[0] or bounds[chunk, 1] >= window[1]:
                continue  # a chain may go on behind: it comes back at the side where it left
            if bounds[chunk, 0] >= window[3]:
                chain = -1
                continue
            start = vertices[roi] + (chunk - chunks[roi]) * CHUNK
            stop = min(start + CHUNK, vertices[roi + 1])
            is_left = bounds[chunk, 2] <= window[2]
            n, chain, origin = _search_chunk(
                x,
                y,
                rings,
                start,
                stop,
                first_ring[chunk],
                is_left,
                window,
                n,
                chain,
                origin,
                found,
                found_ring,
            )
        offsets[i + 1] = n
    return n


@njit
def _search_chunk(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    rings: NDArray[np.int64],
    start: int,
    stop: int,
    ring: int,
    is_left: bool,
    window: _Window,
    n: int,
    chain: int,
    origin: int,
    found: NDArray[np.float64],
    found_ring: NDArray[np.int64],
) -> tuple[int, int, int]:
    """Write the edges of one chunk that matter; if the chunk is left of the window, in one step per ring.

    `chain` is the ring of the chain that is being followed left of the window, or -1. It began at vertex
    `origin` and is the last edge written; its end moves on as it is followed.
    """
    room = found_ring.shape[0]
    end = start
    while start < stop:
        while start >= rings[ring + 1]:
            ring += 1
        last = rings[ring + 1] - 1
        end = min(stop, last) if is_left else start + 1
        if start == last:
            start += 1
            continue
        xa, ya, xb, yb = x[start], y[start], x[end], y[end]
        left = is_left or max(xa, xb) <= window[2]
        if is_left or (max(ya, yb) > window[0] and min(ya, yb) < window[1]):
            if left and chain == ring:
                if n <= room:
                    found[2, n - 1], found[3, n - 1] = xb, yb
            elif left or min(xa, xb) < window[3]:
                if n < room:
                    found[0, n], found[1, n], found[2, n], found[3, n] = xa, ya, xb, yb
                    found_ring[n] = ring
                n += 1
                origin = start
            chain = ring if left else -1
            if left and origin == rings[ring] and end == last:  # a ring all left comes back to where it began
                n -= 1
                chain = -1
        start = end
    return n, chain, origin
