"""The values of valid pixels by ROI, with their weights: what quantiles, modes and tables are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.jit import njit
from georoi.kernels.spans import Spans

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def gather(
    spans: Spans, values: NDArray[Any], state: NDArray[np.uint8] | None, *, counted: bool = True
) -> tuple[Ints, NDArray[Any], Floats]:
    """Gather the valid pixels of each ROI in a cell.

    Args:
        spans: What each of n ROIs covers.
        values: Shape (rows, cols).
        state: What `validity.classify` gives; None if all pixels are valid.
        counted: Of integers of up to 16 bits, give each value once per ROI, ascending, with the sum of its
            weights.

    Returns:
        Offsets of the ROIs, shape (n + 1,); values and weights, one after the other.
    """
    values = np.require(values, None, ["C", "W"])
    all_valid = state is None
    state = np.zeros((1, 1), np.uint8) if state is None else state
    start = np.zeros(len(spans) + 1, np.int64)
    room = int((spans.runs[:, 2] - spans.runs[:, 1]).sum()) + len(spans.pixels)
    found, weights = np.empty(room, values.dtype), np.empty(room)
    place = (spans.run_start, spans.runs, spans.pixel_start, spans.pixels, spans.parts)
    if counted and values.dtype.kind in "iu" and values.dtype.itemsize <= 2:
        limits = np.iinfo(values.dtype)
        counts = np.zeros(limits.max - limits.min + 1)
        _count(*place, values, state, all_valid, int(limits.min), counts, start, found, weights)
    else:
        _list(*place, values, state, all_valid, start, found, weights)
    if start[-1] < room:
        found, weights = found[: start[-1]].copy(), weights[: start[-1]].copy()
    return start, found, weights


def locate(spans: Spans, state: NDArray[np.uint8] | None, corner: tuple[int, int], columns: int) -> Ints:
    """Tell where the pixels lie that `gather` lists, of every pixel: row * columns + column.

    Args:
        spans: What each of n ROIs covers.
        state: What `validity.classify` gives; None if all pixels are valid.
        corner: Row and column of the cell's first pixel in the raster.
        columns: Number of columns of the raster.
    """
    all_valid = state is None
    state = np.zeros((1, 1), np.uint8) if state is None else state
    room = int((spans.runs[:, 2] - spans.runs[:, 1]).sum()) + len(spans.pixels)
    places = np.empty(room, np.int64)
    shapes = (spans.run_start, spans.runs, spans.pixel_start, spans.pixels)
    used = _locate(*shapes, state, all_valid, corner[0], corner[1], columns, places)
    return places[:used].copy()


@njit
def _locate(
    run_start: Ints,
    runs: NDArray[np.int32],
    pixel_start: Ints,
    pixels: NDArray[np.int32],
    state: NDArray[np.uint8],
    all_valid: bool,
    row0: int,
    col0: int,
    columns: int,
    places: Ints,
) -> int:
    n = 0
    for roi in range(run_start.shape[0] - 1):
        for run in range(run_start[roi], run_start[roi + 1]):
            row = int(runs[run, 0])
            for column in range(runs[run, 1], runs[run, 2]):
                if all_valid or state[row, column] == 0:
                    places[n] = (row0 + row) * columns + col0 + column
                    n += 1
        for i in range(pixel_start[roi], pixel_start[roi + 1]):
            row, column = int(pixels[i, 0]), int(pixels[i, 1])
            if all_valid or state[row, column] == 0:
                places[n] = (row0 + row) * columns + col0 + column
                n += 1
    return n


def gather_whole(
    spans: Spans, values: NDArray[Any], state: NDArray[np.uint8] | None
) -> tuple[Ints, NDArray[Any]]:
    """Gather the valid pixels that each ROI in a cell covers whole; see `gather`.

    Returns:
        Offsets of the ROIs, shape (n + 1,), and values, one after the other.
    """
    values = np.require(values, None, ["C", "W"])
    all_valid = state is None
    state = np.zeros((1, 1), np.uint8) if state is None else state
    start = np.zeros(len(spans) + 1, np.int64)
    room = int((spans.runs[:, 2] - spans.runs[:, 1]).sum())
    found = np.empty(room, values.dtype)
    _list_whole(spans.run_start, spans.runs, values, state, all_valid, start, found)
    return start, found if start[-1] == room else found[: start[-1]].copy()


@njit
def _list_whole(
    run_start: Ints,
    runs: NDArray[np.int32],
    values: NDArray[Any],
    state: NDArray[np.uint8],
    all_valid: bool,
    start: Ints,
    found: NDArray[Any],
) -> None:
    n = 0
    for roi in range(run_start.shape[0] - 1):
        for run in range(run_start[roi], run_start[roi + 1]):
            row = runs[run, 0]
            for column in range(runs[run, 1], runs[run, 2]):
                if all_valid or state[row, column] == 0:
                    found[n] = values[row, column]
                    n += 1
        start[roi + 1] = n


def split_parts(spans: Spans) -> tuple[Spans, Spans]:
    """Take whole and partly covered pixels apart."""
    none = np.zeros(len(spans) + 1, np.int64)
    whole = Spans(spans.run_start, spans.runs, none, spans.pixels[:0], spans.parts[:0])
    return whole, Spans(none, spans.runs[:0], spans.pixel_start, spans.pixels, spans.parts)


@njit
def _list(
    run_start: Ints,
    runs: NDArray[np.int32],
    pixel_start: Ints,
    pixels: NDArray[np.int32],
    parts: Floats,
    values: NDArray[Any],
    state: NDArray[np.uint8],
    all_valid: bool,
    start: Ints,
    found: NDArray[Any],
    weights: Floats,
) -> None:
    n = 0
    for roi in range(run_start.shape[0] - 1):
        for run in range(run_start[roi], run_start[roi + 1]):
            row = runs[run, 0]
            for column in range(runs[run, 1], runs[run, 2]):
                if all_valid or state[row, column] == 0:
                    found[n], weights[n] = values[row, column], 1.0
                    n += 1
        for i in range(pixel_start[roi], pixel_start[roi + 1]):
            row, column = pixels[i, 0], pixels[i, 1]
            if all_valid or state[row, column] == 0:
                found[n], weights[n] = values[row, column], parts[i, 0]
                n += 1
        start[roi + 1] = n


@njit
def _count(
    run_start: Ints,
    runs: NDArray[np.int32],
    pixel_start: Ints,
    pixels: NDArray[np.int32],
    parts: Floats,
    values: NDArray[Any],
    state: NDArray[np.uint8],
    all_valid: bool,
    lowest: int,
    counts: Floats,
    start: Ints,
    found: NDArray[Any],
    weights: Floats,
) -> None:
    """Sum weights by value, in a table that is left as clean as it was."""
    n = 0
    for roi in range(run_start.shape[0] - 1):
        least, most = counts.shape[0], -1
        for run in range(run_start[roi], run_start[roi + 1]):
            row = runs[run, 0]
            for column in range(runs[run, 1], runs[run, 2]):
                if all_valid or state[row, column] == 0:
                    place = int(values[row, column]) - lowest
                    counts[place] += 1.0
                    least = min(least, place)
                    most = max(most, place)
        for i in range(pixel_start[roi], pixel_start[roi + 1]):
            row, column = pixels[i, 0], pixels[i, 1]
            if all_valid or state[row, column] == 0:
                place = int(values[row, column]) - lowest
                counts[place] += parts[i, 0]
                least = min(least, place)
                most = max(most, place)
        for place in range(least, most + 1):
            if counts[place] > 0:
                found[n], weights[n] = place + lowest, counts[place]
                counts[place] = 0.0
                n += 1
        start[roi + 1] = n
