"""Coverage of parts put together: what a ROI covers that is made of parts which count by a share each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.jit import njit
from georoi.kernels.spans import Spans

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def join_spans(
    spans: Spans,
    start: Ints,
    part: Ints,
    share: Floats,
    *,
    is_whole: bool = False,
    whole: Floats | None = None,
) -> Spans:
    """Put the coverage of parts together into that of ROIs, each pixel once.

    Args:
        spans: What each of m parts covers of a cell.
        start: Offsets of n ROIs into `part`, shape (n + 1,).
        part: Numbers of the parts that each ROI is made of.
        share: What each counts there, above 0 and up to 1.
        is_whole: Whether pixels are covered whole or not at all. Then one on an edge between parts may be in
            both, and has the least share that is met.
        whole: What a pixel that is covered whole has in columns of `spans.parts` behind the third, shape
            (rows, cols); None where there is no such column.

    Returns:
        The coverage of the ROIs. A pixel's share, moments and further columns are sums over parts; pixels
        whose share is 1 are in runs.
    """
    width = spans.parts.shape[1]
    whole = np.zeros((1, 1)) if whole is None else np.require(whole, np.float64, ["C", "W"])
    runs, pixels, parts = [np.empty((0, 3), np.int32)], [np.empty((0, 2), np.int32)], [np.empty((0, width))]
    for roi in range(len(start) - 1):
        mine = slice(int(start[roi]), int(start[roi + 1]))
        if mine.stop - mine.start == 1 and share[mine.start] == 1:
            found = _take(spans, int(part[mine.start]))
        else:
            found = _join(*spans, part[mine], share[mine], is_whole, whole)
        runs.append(found[0])
        pixels.append(found[1])
        parts.append(found[2])
    run_start, pixel_start = (np.cumsum([len(piece) for piece in pieces]) for pieces in (runs, pixels))
    return Spans(
        run_start.astype(np.int64),
        np.concatenate(runs),
        pixel_start.astype(np.int64),
        np.concatenate(pixels),
        np.concatenate(parts),
    )


def _take(spans: Spans, i: int) -> tuple[NDArray[np.int32], NDArray[np.int32], Floats]:
    runs = slice(spans.run_start[i], spans.run_start[i + 1])
    pixels = slice(spans.pixel_start[i], spans.pixel_start[i + 1])
    return spans.runs[runs], spans.pixels[pixels], spans.parts[pixels]


@njit
def _join(
    run_start: Ints,
    runs: NDArray[np.int32],
    pixel_start: Ints,
    pixels: NDArray[np.int32],
    parts: Floats,
    members: Ints,
    share: Floats,
    is_whole: bool,
    whole: Floats,
) -> tuple[NDArray[np.int32], NDArray[np.int32], Floats]:
    """Sum the coverage of some parts over the rows and columns that they reach, and list it row by row."""
    row0, row1, col0, col1 = _find_reach(run_start, runs, pixel_start, pixels, members)
    total = np.zeros((max(row1 - row0, 0), max(col1 - col0, 0), parts.shape[1]))
    for k in range(members.shape[0]):
        for i in range(run_start[members[k]], run_start[members[k] + 1]):
            row = runs[i, 0]
            for column in range(runs[i, 1], runs[i, 2]):
                found = total[row - row0, column - col0, 0]
                total[row - row0, column - col0, 0] = (
                    min(found, share[k]) if is_whole and found > 0 else found + share[k]
                )
                for field in range(3, parts.shape[1]):
                    total[row - row0, column - col0, field] += share[k] * whole[row, column]
        for i in range(pixel_start[members[k]], pixel_start[members[k] + 1]):
            for field in range(parts.shape[1]):
                total[pixels[i, 0] - row0, pixels[i, 1] - col0, field] += share[k] * parts[i, field]
    return _list(total, row0, col0)


@njit
def _find_reach(
    run_start: Ints,
    runs: NDArray[np.int32],
    pixel_start: Ints,
    pixels: NDArray[np.int32],
    members: Ints,
) -> tuple[int, int, int, int]:
    row0, row1, col0, col1 = 1 << 30, 0, 1 << 30, 0
    for member in members:
        for i in range(run_start[member], run_start[member + 1]):
            row0, row1 = min(row0, runs[i, 0]), max(row1, runs[i, 0] + 1)
            col0, col1 = min(col0, runs[i, 1]), max(col1, runs[i, 2])
        for i in range(pixel_start[member], pixel_start[member + 1]):
            row0, row1 = min(row0, pixels[i, 0]), max(row1, pixels[i, 0] + 1)
            col0, col1 = min(col0, pixels[i, 1]), max(col1, pixels[i, 1] + 1)
    return row0, row1, col0, col1


@njit
def _list(total: Floats, row0: int, col0: int) -> tuple[NDArray[np.int32], NDArray[np.int32], Floats]:
    """List whole pixels in runs, and the others that are covered."""
    height, width, fields = total.shape
    runs = np.empty((height * (width // 2 + 1), 3), np.int32)
    pixels, parts = np.empty((height * width, 2), np.int32), np.empty((height * width, fields))
    n, m = 0, 0
    for row in range(height):
        was_whole = False
        for column in range(width):
            found = total[row, column]
            is_whole = found[0] == 1 and found[1] == 0 and found[2] == 0
            if is_whole and was_whole:
                runs[n - 1, 2] += 1
            elif is_whole:
                runs[n, 0], runs[n, 1], runs[n, 2] = row + row0, column + col0, column + col0 + 1
                n += 1
            elif found[0] > 0:
                pixels[m, 0], pixels[m, 1] = row + row0, column + col0
                parts[m] = found
                m += 1
            was_whole = is_whole
    return runs[:n].copy(), pixels[:m].copy(), parts[:m].copy()
