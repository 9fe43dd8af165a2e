"""Chunks of lazy arrays: whole tiles of a plan, few enough that the graph stays small, and their tasks.

tiles of the plan, anchored at the raster's origin      chunks of 2 x 2 tiles, cut by the window
+--+--+--+--+--+                                        +--+-----+--+
|  |  |##|  |  |                                        |  |  ## |  |    a chunk knows its tiles with work;
+--+--+--+--+--+         window = [1:3) x [1:5)  -->    +--+-----+--+    one without any is a constant
|  |##|##|  |  |
+--+--+--+--+--+
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.clipping.tiles import TileClipper
from georoi.clipping.weights import LabelRule, Rule
from georoi.clipping.windows import intersect, place_in
from georoi.engine.lazy import MAX_CHUNKS, lazy_array, make_name
from georoi.errors import UsageError
from georoi.grid import Window
from georoi.options import whole_number
from georoi.planning.plan import Plan

CHUNK_BYTES = 16 * 2**20
"""Chunks that georoi chooses hold at most this, or one tile, or what `MAX_CHUNKS` leaves."""

ChunkSize = int | str | tuple[int, int] | Mapping[str, int] | None
"""Pixels per chunk: one side, (rows, cols), {"y": rows, "x": cols}, -1 for all; None or "auto" to choose."""

_SIDES = (("y", "latitude", "lat"), ("x", "longitude", "lon"))
"""What the axes of rows and columns are called in a mapping of chunks."""


@dataclass(frozen=True, eq=False)
class Chunk:
    """A chunk with work, opaque to dask."""

    window: Window
    """(row0, row1, col0, col1) in pixels of the raster."""
    tiles: tuple[int, ...]
    """Numbers of the plan's tiles that meet it."""


@dataclass(frozen=True, eq=False)
class Layout:
    """The chunks of a window."""

    rows: tuple[int, ...]
    """Lengths of the chunks along rows."""
    cols: tuple[int, ...]
    work: dict[tuple[int, int], Chunk]
    """Chunks with work by their place (row, column) in the layout."""


def lay_chunks(plan: Plan, size: ChunkSize, pixel_bytes: int) -> Layout:
    """Cut the output window into chunks of whole tiles, so that each block is read by one chunk.

    Args:
        plan: The plan.
        size: What the user asked for; rounded up to whole tiles, and further where there would be more than
            `MAX_CHUNKS`.
        pixel_bytes: Bytes of one pixel over all bands of the result.

    Raises:
        UsageError: E-USE-01 if the size is not understood.
    """
    return find_work(plan, *cut_window(plan.window, plan.tile_shape, size, pixel_bytes))


def cut_window(
    window: Window, tile_shape: tuple[int, int], size: ChunkSize, pixel_bytes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choose where chunks begin and end along rows and columns: at multiples of tiles, see `lay_chunks`."""
    row0, row1, col0, col1 = window
    sides = (row1 - row0, col1 - col0)
    height, width = _choose_shape(sides, tile_shape, _parse_size(size), pixel_bytes)
    return _cuts(row0, row1, height), _cuts(col0, col1, width)


def find_work(plan: Plan, row_cuts: NDArray[np.int64], col_cuts: NDArray[np.int64]) -> Layout:
    """Find which tiles each chunk needs, wherever chunks are cut: those with a touched block in common.

    Args:
        plan: The plan.
        row_cuts: Where chunks begin and end along rows, in pixels of the raster, shape (chunk rows + 1,).
        col_cuts: The same along columns.
    """
    blocks = plan.blocks
    tiles = np.repeat(np.arange(len(plan)), np.diff(plan.tiled_blocks.start))
    rows = _spans(row_cuts, blocks[:, 0], blocks[:, 1])
    cols = _spans(col_cuts, blocks[:, 2], blocks[:, 3])
    wide = cols[1] - cols[0]
    count = (rows[1] - rows[0]) * wide
    block = np.repeat(np.arange(len(blocks)), count)
    step = np.arange(len(block)) - np.repeat(np.cumsum(count) - count, count)
    row, col = rows[0][block] + step // wide[block], cols[0][block] + step % wide[block]
    needs = np.unique((row * len(col_cuts) + col) * len(plan) + tiles[block])
    chunk, tile = np.divmod(needs, len(plan))
    starts = np.flatnonzero(np.diff(chunk, prepend=-1))
    work: dict[tuple[int, int], Chunk] = {}
    for number, group in zip(chunk[starts].tolist(), np.split(tile, starts[1:]), strict=bool(len(starts))):
        i, j = divmod(number, len(col_cuts))
        window = (int(row_cuts[i]), int(row_cuts[i + 1]), int(col_cuts[j]), int(col_cuts[j + 1]))
        work[i, j] = Chunk(window, tuple(group.tolist()))
    return Layout(_lengths(row_cuts), _lengths(col_cuts), work)


def _spans(
    cuts: NDArray[np.int64], start: NDArray[np.int64], stop: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the first chunk that each stretch meets, and the one after the last."""
    first = np.searchsorted(cuts, np.maximum(start, cuts[0]), side="right") - 1
    return first, np.searchsorted(cuts, np.minimum(stop, cuts[-1]), side="left")


def _lengths(cuts: NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(int(stop - start) for start, stop in pairwise(cuts.tolist()))


def _cuts(start: int, stop: int, step: int) -> NDArray[np.int64]:
    """Give where a side is cut: at its ends and at the multiples of `step` between them."""
    inner = np.arange(start // step * step + step, stop, step, dtype=np.int64)
    return np.concatenate([[start], inner, [stop]]).astype(np.int64)


def _choose_shape(
    sides: tuple[int, int], tile: tuple[int, int], size: tuple[int, int] | None, pixel_bytes: int
) -> tuple[int, int]:
    """Give rows and columns of a chunk, multiples of a tile's."""
    times = [1, 1]
    if size is not None:
        wanted = [side if n < 0 else n for n, side in zip(size, sides, strict=True)]
        times = [-(-n // step) for n, step in zip(wanted, tile, strict=True)]
    else:
        while 4 * times[0] * times[1] * tile[0] * tile[1] * pixel_bytes <= CHUNK_BYTES:
            times = [2 * times[0], 2 * times[1]]
    while True:
        chunks = [side / (step * n) + 1 for side, step, n in zip(sides, tile, times, strict=True)]
        if chunks[0] * chunks[1] <= MAX_CHUNKS:
            return tile[0] * times[0], tile[1] * times[1]
        times[int(chunks[1] > chunks[0])] *= 2


def _parse_size(size: ChunkSize) -> tuple[int, int] | None:
    if size is None or (isinstance(size, str) and size == "auto"):
        return None
    sides: Any = (size, size)
    if isinstance(size, Mapping):
        sides = tuple(next((size[name] for name in names if name in size), -1) for names in _SIDES)
        unknown = set(size).difference(*_SIDES)
        if unknown:
            raise UsageError(
                "E-USE-01",
                f"chunks name no axis of the image: {', '.join(map(repr, unknown))}",
                hint="name 'y' and 'x'; bands are never cut apart",
            )
    elif isinstance(size, Sequence) and not isinstance(size, str) and len(size) == 2:
        sides = size
    numbers = [whole_number(side) for side in sides]
    rows, cols = (0 if number is None else number for number in numbers)
    if not all(side == -1 or side > 0 for side in (rows, cols)):
        raise UsageError(
            "E-USE-01",
            f"chunks must be pixels: a number, (rows, cols), -1 for all, or 'auto', not {size!r}",
            hint="leave chunks= out for chunks of some megabytes",
        )
    return rows, cols


@dataclass(frozen=True, eq=False)
class ChunkWork:
    """What all chunk tasks of one array share."""

    plan: Plan


@dataclass(frozen=True, eq=False)
class ClipWork(ChunkWork):
    """What the chunks of a clipped file share."""

    clipper: TileClipper


@dataclass(frozen=True, eq=False)
class WeighWork(ChunkWork):
    """What the chunks of weights or labels share."""

    rule: Rule | LabelRule
    dtype: str


def clip_chunk(chunk: Chunk, work: ClipWork) -> NDArray[Any]:
    """Clip a chunk of a raster file, shape (bands, rows, cols); reads its tiles' blocks and no others."""
    clipper = work.clipper
    if len(chunk.tiles) == 1:
        task = work.plan.task(chunk.tiles[0])
        if task.window == chunk.window:
            return clipper(task).values
    row0, row1, col0, col1 = chunk.window
    shape = (clipper.raster.count, row1 - row0, col1 - col0)
    values = np.full(shape, clipper.filling.value, dtype=clipper.filling.dtype)
    for tile in chunk.tiles:
        clipped = clipper(work.plan.task(tile))
        values[(..., *place_in(clipped.window, chunk.window))] = clipped.values
    return values


def weigh_chunk(chunk: Chunk, work: WeighWork) -> NDArray[Any]:
    """Give the weights or labels of a chunk, shape (rows, cols); no pixel is read."""
    rule = work.rule
    row0, row1, col0, col1 = chunk.window
    weights = np.full((row1 - row0, col1 - col0), unplanned(work.plan, rule), dtype=work.dtype)
    for tile in chunk.tiles:
        task = work.plan.task(tile)
        window = intersect(task.window, chunk.window)
        part = rule.number(task, window) if isinstance(rule, LabelRule) else rule.weigh(task, window)
        weights[place_in(window, chunk.window)] = 1 if part is None else part
    return weights


def unplanned(plan: Plan, rule: Rule | LabelRule) -> float | bool:
    """Give the weight of pixels that no tile holds: an inverted plan leaves out what lies inside."""
    return False if plan.invert else rule.outside


def lazy_weights(plan: Plan, rule: Rule | LabelRule, layout: Layout, dtype: str | None = None) -> Any:
    """Make the dask array (untyped) of the weights or labels of the plan's ROIs, in chunks of a layout."""
    dtype = dtype or rule.dtype
    return lazy_array(
        weigh_chunk,
        layout.work,
        chunks=(layout.rows, layout.cols),
        dtype=dtype,
        fill=unplanned(plan, rule),
        name=make_name("weights", plan.digest, rule, dtype, layout.rows, layout.cols),
        shared=WeighWork(plan, rule, dtype),
    )
