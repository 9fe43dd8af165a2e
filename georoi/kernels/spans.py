"""Sparse coverage of a cell by many ROIs: runs of whole pixels, and parts of pixels with their moments."""

from __future__ import annotations

import threading
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.accumulation import ONE, accumulate
from georoi.kernels.coverage import cover
from georoi.kernels.edges import Edges
from georoi.kernels.jit import njit
from georoi.kernels.touched import THROUGH
from georoi.options import Boundary

Ints = NDArray[np.int64]


class Spans(NamedTuple):
    """The pixels of a window that each ROI covers, row-major within the ROI.

    ROI i owns runs[run_start[i]:run_start[i + 1]] and the partly covered pixels
    pixels[pixel_start[i]:pixel_start[i + 1]]. Rows and columns are counted from the window's corner.
    """

    run_start: Ints
    runs: NDArray[np.int32]
    """(row, first column, column behind the last) of pixels that are covered whole, shape (n, 3)."""
    pixel_start: Ints
    pixels: NDArray[np.int32]
    """(row, column) of partly covered pixels, shape (m, 2)."""
    parts: NDArray[np.float64]
    """Of each, the share that is covered, and its first moments in columns and rows about the pixel's centre,
    in pixels; shape (m, 3)."""

    def __len__(self) -> int:
        return int(self.run_start.shape[0]) - 1


class _Scratch(threading.local):
    """Memory of one thread for the sums of a ROI: all zero between calls, so that it is cleared once."""

    def __init__(self) -> None:
        self.marks = np.zeros(0, np.uint64)
        self.areas = np.zeros(0, np.int64)
        self.moments = np.zeros(0, np.int64)

    def hold(self, words: int, pixels: int) -> None:
        """Make room for a ROI's window, of so many words of eight marks and so many pixels."""
        if len(self.marks) < words:
            self.marks = np.zeros(words, np.uint64)
        if len(self.areas) < pixels:
            self.areas, self.moments = np.zeros(pixels, np.int64), np.zeros(2 * pixels, np.int64)


_scratch = _Scratch()


def cover_spans(
    edges: Edges,
    start: Ints,
    inner: NDArray[np.bool_],
    bounds: NDArray[np.float64],
    window: tuple[int, int, int, int],
    rule: Boundary,
) -> Spans:
    """Cover a window by several ROIs, each on its own.

    Args:
        edges: Edges of the ROIs that are not inner, one after the other, as `EdgeIndex.select_many` gives.
        start: Offsets of these ROIs into the edges.
        inner: For every ROI, whether the window lies wholly inside it, shape (n,).
        bounds: (x_min, y_min, x_max, y_max) of every ROI in pixels of the grid, shape (n, 4).
        window: (row0, row1, col0, col1) in pixels of the grid.
        rule: Under "center" and "all_touched" pixels are covered whole or not at all.
    """
    reach = _reach(bounds, inner, window)
    if rule is not Boundary.FRACTION:
        return _cover_whole(edges, start, inner, reach, window, rule)
    edges = edges.kernel_ready()
    outer = reach[~inner]
    heights, widths = outer[:, 1] - outer[:, 0], outer[:, 3] - outer[:, 2]
    _scratch.hold(int((heights * (-(-widths // 8))).max(initial=1)), int((heights * widths).max(initial=1)))
    n = len(inner)
    run_start, pixel_start = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    runs, pixels, parts = _trace(
        edges.x0,
        edges.y0,
        edges.x1,
        edges.y1,
        edges.sign,
        np.ascontiguousarray(start, dtype=np.int64),
        inner,
        reach,
        (int(window[0]), int(window[2])),
        _scratch.marks,
        _scratch.areas,
        _scratch.moments,
        run_start,
        pixel_start,
    )
    return Spans(run_start, runs, pixel_start, pixels, parts)


def _reach(bounds: NDArray[np.float64], inner: NDArray[np.bool_], window: tuple[int, int, int, int]) -> Ints:
    """Cut the window to what each ROI can reach: (row0, row1, col0, col1) in pixels of the grid."""
    row0, row1, col0, col1 = window
    reach = np.empty((len(bounds), 4), np.int64)
    reach[:, 0] = np.maximum(np.floor(bounds[:, 1]), row0)
    reach[:, 1] = np.minimum(np.ceil(bounds[:, 3]), row1)
    reach[:, 2] = np.maximum(np.floor(bounds[:, 0]), col0)
    reach[:, 3] = np.minimum(np.ceil(bounds[:, 2]), col1)
    reach[inner] = window
    np.maximum(reach[:, 1], reach[:, 0], out=reach[:, 1])
    np.maximum(reach[:, 3], reach[:, 2], out=reach[:, 3])
    return reach


def _cover_whole(
    edges: Edges,
    start: Ints,
    inner: NDArray[np.bool_],
    reach: Ints,
    window: tuple[int, int, int, int],
    rule: Boundary,
) -> Spans:
    """Cover under a rule that knows no parts: masks, turned into runs."""
    found, counts = [np.empty((0, 3), np.int32)], np.zeros(len(inner) + 1, np.int64)
    outer = -1
    for i, (row0, row1, col0, col1) in enumerate(reach.tolist()):
        if inner[i]:
            mask = np.ones((row1 - row0, col1 - col0), dtype=bool)
        else:
            outer += 1
            piece = edges.take(slice(int(start[outer]), int(start[outer + 1])))
            mask = cover(piece, (row0, row1, col0, col1), rule)
        runs = find_runs(mask)
        runs += np.array([row0 - window[0], col0 - window[2], col0 - window[2]], np.int32)
        found.append(runs)
        counts[i + 1] = len(runs)
    none = np.zeros(len(inner) + 1, np.int64)
    return Spans(np.cumsum(counts), np.concatenate(found), none, np.empty((0, 2), np.int32), np.empty((0, 3)))


def find_runs(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """List the runs of True along rows as `Spans.runs` has them, row-major, shape (n, 3)."""
    padded = np.zeros((mask.shape[0], mask.shape[1] + 2), np.int8)
    padded[:, 1:-1] = mask
    row, turn = np.nonzero(np.diff(padded, axis=1))
    return np.column_stack([row[::2], turn[::2], turn[1::2]]).astype(np.int32)


@njit
def _trace(
    x0: NDArray[np.float64],
    y0: NDArray[np.float64],
    x1: NDArray[np.float64],
    y1: NDArray[np.float64],
    sign: NDArray[np.int8],
    start: Ints,
    inner: NDArray[np.bool_],
    reach: Ints,
    corner: tuple[int, int],
    marks_memory: NDArray[np.uint64],
    areas_memory: NDArray[np.int64],
    moments_memory: NDArray[np.int64],
    run_start: Ints,
    pixel_start: Ints,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    """Accumulate and sweep ROI by ROI, in scratch memory that each leaves as clean as it was."""
    runs = np.empty((1024, 3), np.int32)
    pixels, parts = np.empty((1024, 2), np.int32), np.empty((1024, 3), np.float64)
    n, m, outer = 0, 0, 0
    for i in range(inner.shape[0]):
        row0, row1, col0, col1 = reach[i, 0], reach[i, 1], reach[i, 2], reach[i, 3]
        height, width = row1 - row0, col1 - col0
        first, last = 0, 0
        if not inner[i]:
            first, last = start[outer], start[outer + 1]
            outer += 1
        if height > 0 and width > 0 and (inner[i] or first < last):
            words = (width + 7) // 8
            most = height * width
            if n + most > runs.shape[0]:
                runs = _grow_ints(runs, n, min(most, height * (width // 2 + 1)))
            if m + most > pixels.shape[0] and not inner[i]:
                pixels, parts = _grow_ints(pixels, m, most), _grow_floats(parts, m, most)
            row, col = row0 - corner[0], col0 - corner[1]
            if inner[i]:
                for r in range(height):
                    runs[n, 0], runs[n, 1], runs[n, 2] = row + r, col, col + width
                    n += 1
            else:
                marks_by_8 = marks_memory[: height * words].reshape(height, words)
                marks = marks_memory.view(np.uint8)[: height * words * 8].reshape(height, words * 8)
                areas = areas_memory[:most].reshape(height, width)
                moments = moments_memory[: 2 * most].reshape(2, height, width)
                accumulate(
                    x0[first:last],
                    y0[first:last],
                    x1[first:last],
                    y1[first:last],
                    sign[first:last],
                    row0,
                    col0,
                    marks,
                    areas,
                    moments,
                )
                n, m = _sweep(marks, marks_by_8, areas, moments, row, col, runs, n, pixels, parts, m)
        run_start[i + 1], pixel_start[i + 1] = n, m
    return runs[:n].copy(), pixels[:m].copy(), parts[:m].copy()


@njit
def _grow_ints(array: NDArray[np.int32], used: int, more: int) -> NDArray[np.int32]:
    grown = np.empty((max(2 * array.shape[0], used + more), array.shape[1]), np.int32)
    grown[:used] = array[:used]
    return grown


@njit
def _grow_floats(array: NDArray[np.float64], used: int, more: int) -> NDArray[np.float64]:
    grown = np.empty((max(2 * array.shape[0], used + more), array.shape[1]), np.float64)
    grown[:used] = array[:used]
    return grown


@njit
def _sweep(
    marks: NDArray[np.uint8],
    marks_by_8: NDArray[np.uint64],
    areas: NDArray[np.int64],
    moments: NDArray[np.int64],
    row0: int,
    col0: int,
    runs: NDArray[np.int32],
    n: int,
    pixels: NDArray[np.int32],
    parts: NDArray[np.float64],
    m: int,
) -> tuple[int, int]:
    """Sum along rows, list what is covered, and clean the scratch memory."""
    height, width = areas.shape
    for row in range(height):
        area, moment = 0, 0
        begin = 0
        for word in range(marks_by_8.shape[1]):
            if marks_by_8[row, word] == 0:
                continue
            for column in range(8 * word, min(8 * word + 8, width)):
                mark = marks[row, column]
                if mark == 0:
                    continue
                was_full = area > ONE // 2
                area += areas[row, column]
                moment += moments[1, row, column]
                is_full = not mark & THROUGH and area > ONE // 2
                if was_full and not is_full and begin < column:
                    runs[n, 0], runs[n, 1], runs[n, 2] = row0 + row, col0 + begin, col0 + column
                    n += 1
                if mark & THROUGH:
                    pixels[m, 0], pixels[m, 1] = row0 + row, col0 + column
                    parts[m, 0] = min(max(area, 1), ONE) / float(ONE)
                    parts[m, 1] = moments[0, row, column] / float(ONE)
                    parts[m, 2] = moment / float(ONE)
                    m += 1
                    begin = column + 1
                elif not was_full:
                    begin = column
                areas[row, column] = moments[0, row, column] = moments[1, row, column] = 0
            marks_by_8[row, word] = 0
        if area > ONE // 2 and begin < width:
            runs[n, 0], runs[n, 1], runs[n, 2] = row0 + row, col0 + begin, col0 + width
            n += 1
    return n, m
