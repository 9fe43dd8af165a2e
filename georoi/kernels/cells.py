"""Which cells of a coarse lattice each ROI overlaps, and which lie wholly inside it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.jit import njit
from georoi.kernels.rows import columns_at, side_of
from georoi.kernels.touched import MARK, THROUGH

ROOM = 1 << 24
"""Cells of a ROI's bounding box that are looked at in one go, at 2 bytes each."""

Ints = NDArray[np.int64]


def touched_cells(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    rings: Ints,
    polygons: Ints,
    rois: Ints,
    bounds: NDArray[np.float64],
    shape_yx: tuple[int, int],
    cell_yx: tuple[int, int],
) -> tuple[Ints, Ints, Ints, NDArray[np.bool_]]:
    """Find the cells that each ROI overlaps with an area above zero, as the all-touched rule does for pixels.

    Cell (k, l) begins at row k * cell_yx[0] and column l * cell_yx[1]; the last ones end with the grid.
    Decisions are exact for the coordinates given.

    Args:
        x: Columns of all vertices, in pixels of the grid.
        y: Rows of all vertices.
        rings: Offsets of rings into x and y; rings are closed.
        polygons: Offsets of polygons into rings; the first ring is the shell.
        rois: Offsets of ROIs into polygons, shape (n + 1,).
        bounds: (x_min, y_min, x_max, y_max) of each ROI, shape (n, 4); NaN for one without extent.
        shape_yx: Rows and columns of the grid.
        cell_yx: Rows and columns of a cell.

    Returns:
        Arrays (cell row, cell column, ROI, inner), sorted by row, column and ROI. Inner cells lie wholly in
        their ROI.
    """
    x, y, bounds = (np.require(array, np.float64, ["C", "W"]) for array in (x, y, bounds))
    rings, polygons, rois = (np.require(array, np.int64, ["C", "W"]) for array in (rings, polygons, rois))
    sizes = (int(shape_yx[0]), int(shape_yx[1]), int(cell_yx[0]), int(cell_yx[1]))
    found, inner, n = _touch(x, y, rings, polygons, rois, bounds, sizes, ROOM)
    (row, col, roi), inner = found[:, :n].copy(), inner[:n].copy()
    if len(rois) > 2:
        order = np.argsort(row * -(-shape_yx[1] // cell_yx[1]) + col, kind="stable")
        row, col, roi, inner = row[order], col[order], roi[order], inner[order]
    return row, col, roi, inner


@njit
def _touch(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    rings: Ints,
    polygons: Ints,
    rois: Ints,
    bounds: NDArray[np.float64],
    sizes: tuple[int, int, int, int],
    room: int,
) -> tuple[Ints, NDArray[np.bool_], int]:
    """Go through the ROIs, the cells of each row by row; give (row, col, roi), inner, and their number."""
    rows, cols, height, width = sizes
    found, inner, n = np.empty((3, 1024), np.int64), np.empty(1024, np.bool_), 0
    for roi in range(rois.shape[0] - 1):
        x_min, y_min, x_max, y_max = bounds[roi, 0], bounds[roi, 1], bounds[roi, 2], bounds[roi, 3]
        if not (x_max > 0 and y_max > 0 and x_min < cols and y_min < rows):
            continue
        row0, row1 = _floor(max(y_min, 0.0), height), -_floor(-min(y_max, float(rows)), height)
        col0, col1 = _floor(max(x_min, 0.0), width), -_floor(-min(x_max, float(cols)), width)
        if rois[roi + 1] - rois[roi] == 1 and _is_plain(bounds[roi], (row0, row1, col0, col1), sizes):
            count = (row1 - row0) * (col1 - col0)
            if n + count > inner.shape[0]:
                found, inner = _make_room(found, inner, n + count)
            for i in range(count):
                found[0, n + i], found[1, n + i] = row0 + i // (col1 - col0), col0 + i % (col1 - col0)
                found[2, n + i], inner[n + i] = roi, False
            n += count
            continue
        band = max(room // (col1 - col0), 1)
        for start in range(row0, row1, band):
            count = min(start + band, row1) - start
            marks = np.zeros((count, (col1 - col0 + 7) // 8 * 8), np.uint8)
            turns = np.zeros((count, col1 - col0), np.int8)
            for polygon in range(rois[roi], rois[roi + 1]):
                first, last = polygons[polygon], polygons[polygon + 1]
                _mark_rings(x, y, rings[first : last + 1], start, col0, sizes, marks, turns)
            if n + marks.size > inner.shape[0]:
                needed = _collect(marks, turns, start, col0, roi, found, inner, -1)
                if n + needed > inner.shape[0]:
                    found, inner = _make_room(found, inner, n + needed)
            n += _collect(marks, turns, start, col0, roi, found, inner, n)
    return found, inner, n


@njit
def _is_plain(
    bounds: NDArray[np.float64], cells: tuple[int, int, int, int], sizes: tuple[int, int, int, int]
) -> bool:
    """Tell whether a ROI of one part touches all cells of its bounds and fills none, by the bounds alone.

    So it is if they are one row or column of cells, as the interior of a part is connected, and if the bounds
    do not reach across that row or column.
    """
    x_min, y_min, x_max, y_max = bounds[0], bounds[1], bounds[2], bounds[3]
    row0, row1, col0, col1 = cells
    rows, cols, height, width = sizes
    if x_min < 0 or y_min < 0 or x_max > cols or y_max > rows:
        return False
    fills_height = y_min <= row0 * height and y_max >= min(row1 * height, rows)
    fills_width = x_min <= col0 * width and x_max >= min(col1 * width, cols)
    return (row1 - row0 == 1 and not fills_height) or (col1 - col0 == 1 and not fills_width)


@njit
def _floor(value: float, step: int) -> int:
    """Give the largest k with k * step <= value, exactly."""
    k = math.floor(value / step)
    while k * step > value:
        k -= 1
    while (k + 1) * step <= value:
        k += 1
    return k


@njit
def _make_room(found: Ints, inner: NDArray[np.bool_], needed: int) -> tuple[Ints, NDArray[np.bool_]]:
    size = inner.shape[0]
    more_found, more_inner = np.empty((3, 2 * needed), np.int64), np.empty(2 * needed, np.bool_)
    for i in range(size):  # loops compile in a tenth of the time that slices take
        more_found[0, i], more_found[1, i], more_found[2, i] = found[0, i], found[1, i], found[2, i]
        more_inner[i] = inner[i]
    return more_found, more_inner


@njit
def _mark_rings(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    rings: Ints,
    row0: int,
    col0: int,
    sizes: tuple[int, int, int, int],
    marks: NDArray[np.uint8],
    turns: NDArray[np.int8],
) -> None:
    """Mark the cells that a polygon's edges go through, and where the winding number changes in each row.

    As `touched` does for pixels, at the middle height of a row of cells. The first ring is the shell.
    """
    rows, cols, height, width = sizes
    row1, columns = row0 + turns.shape[0], turns.shape[1]
    for ring in range(rings.shape[0] - 1):
        first, last = rings[ring], rings[ring + 1] - 1
        area = 0.0
        for v in range(first, last):
            area += (x[v] - x[first]) * (y[v + 1] - y[first]) - (x[v + 1] - x[first]) * (y[v] - y[first])
        sign = 1 if (area > 0) == (ring == 0) else -1
        for v in range(first, last):
            xt, yt, xb, yb, turn = x[v], y[v], x[v + 1], y[v + 1], -sign
            if yt > yb:
                xt, yt, xb, yb, turn = xb, yb, xt, yt, sign
            if yb <= row0 * height or yt >= min(row1 * height, rows):
                continue
            for row in range(max(_floor(yt, height), row0), min(-_floor(-yb, height), row1)):
                top, bottom = float(row * height), float(min((row + 1) * height, rows))
                left, right = _cross_cells(xt, yt, xb, yb, top, bottom, cols, width)
                left, right = max(left - col0, 0), max(right - col0, 0)
                for column in range(left, min(right, columns)):
                    marks[row - row0, column] |= THROUGH
                if yt <= 0.5 * (top + bottom) < yb and right < columns:
                    marks[row - row0, right] |= MARK
                    turns[row - row0, right] += turn


@njit
def _cross_cells(
    xt: float, yt: float, xb: float, yb: float, top: float, bottom: float, cols: int, width: int
) -> tuple[int, int]:
    """Find the cell columns, half-open, that an edge enters between two heights; none if it only borders."""
    if yt >= bottom or (yt == yb and yt == top):
        return 0, 0
    low, high = _cell_columns(xt, yt, xb, yb, max(top, yt), cols, width)
    if yt == yb:
        next_low, next_high = _cell_columns(xb, yb, xb, yb, yb, cols, width)
    else:
        next_low, next_high = _cell_columns(xt, yt, xb, yb, min(bottom, yb), cols, width)
    return min(low, next_low), max(high, next_high)


@njit
def _cell_columns(
    xt: float, yt: float, xb: float, yb: float, y: float, cols: int, width: int
) -> tuple[int, int]:
    """Find the cell columns left and right of where an edge is at a height: floor and ceiling, exactly.

    The last column of cells ends with the grid, so what lies there beyond the grid counts as further right.
    """
    is_end = y in (yt, yb)
    x = (xt if y == yt else xb) if is_end else xt + (y - yt) * ((xb - xt) / (yb - yt))
    tolerance = 1e-14 * (1.0 + abs(xt) + abs(xb))
    if is_end:
        low, high = _floor(x, width), -_floor(-x, width)
    else:
        a, b = columns_at(x, tolerance, xt, yt, xb, yb, y, float(width))
        low, high = int(a), int(b)
    end = -(-cols // width)
    if low == end - 1 and end * width > cols:
        beyond = 1 if x > cols else 0 if x == cols else -1
        if not is_end and abs(x - cols) <= tolerance:
            beyond = side_of(xt, yt, xb, yb, float(cols), y)
        if beyond >= 0:
            return end, end + beyond
    return low, high


@njit
def _collect(
    marks: NDArray[np.uint8],
    turns: NDArray[np.int8],
    row0: int,
    col0: int,
    roi: int,
    found: Ints,
    inner: NDArray[np.bool_],
    n: int,
) -> int:
    """Write the cells from place `n` on, or only count them if that is -1."""
    count = 0
    marks_by_8 = marks.view(np.uint64)
    rows, columns = turns.shape
    for row in range(rows):
        winding = 0
        for word in range(marks_by_8.shape[1]):
            if marks_by_8[row, word] == 0 and winding <= 0:
                continue
            for column in range(8 * word, min(8 * word + 8, columns)):
                mark = marks[row, column]
                if mark & MARK:
                    winding = (winding + turns[row, column] + 128) % 256 - 128
                if mark & THROUGH or winding > 0:
                    if n >= 0:
                        found[0, n + count], found[1, n + count] = row0 + row, col0 + column
                        found[2, n + count], inner[n + count] = roi, not mark & THROUGH
                    count += 1
    return count
