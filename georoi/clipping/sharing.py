"""One pass over a raster for the images of many ROIs: each block is read once, whoever wants pixels of it."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from georoi.clipping.options import ClipOptions
from georoi.clipping.tiles import Clipped, TileClipper
from georoi.clipping.windows import place_in
from georoi.grid import Window
from georoi.io.raster.rasters import Pixels
from georoi.planning.plan import Plan, TileTask
from georoi.planning.tiles import Lattice, gather_blocks, merge_reads
from georoi.values.gridrois import GridROIs
from georoi.values.raster import Header

LARGE = 64 * 2**20
"""An image of more bytes than this is written while it is read, in a pass of its own."""
OPEN = 256 * 2**20
"""Images of one pass that are begun and not done have at most this many bytes together."""

Ints = NDArray[np.int64]


class Passes(NamedTuple):
    """In which passes the images of ROIs are made."""

    shared: list[SharedPass]
    large: Ints
    """Numbers of the ROIs that have a pass of their own."""

    def __len__(self) -> int:
        return len(self.shared) + len(self.large)


class SharedPass(NamedTuple):
    """Which ROI has work in which tile: parallel arrays, sorted by tile, then by ROI."""

    rois: Ints
    """Numbers of all the ROIs of the pass, ascending; some may have no tile."""
    tile: Ints
    """Key of the tile, as `georoi.planning.tiles.TiledBlocks` has it."""
    roi: Ints


@dataclass(frozen=True, eq=False)
class SharedTask:
    """What one tile needs for all the ROIs that have work there."""

    reads: tuple[Window, ...]
    """Windows to read, disjoint: unions of the blocks that any of the ROIs needs."""
    tasks: tuple[tuple[int, TileTask], ...]
    """Number of each ROI, and its own task, whose reads lie within those of all."""


def arrange_passes(header: Header, rois: GridROIs, options: ClipOptions, pixel_bytes: int) -> Passes:
    """Sort ROIs into passes, so that each block is read once where the images begun fit into memory.

    Args:
        header: Of the raster.
        rois: On its grid; each reaches into it.
        options: Of the clips.
        pixel_bytes: Bytes of a pixel of the images, over all bands.
    """
    tiles: list[Ints] = []
    sizes = np.zeros(len(rois), dtype=np.int64)
    for number in range(len(rois)):
        plan = options.plan(header, rois.take(number))
        row0, row1, col0, col1 = plan.window
        sizes[number] = (row1 - row0) * (col1 - col0) * pixel_bytes
        is_large = sizes[number] > LARGE
        tiles.append(np.empty(0, dtype=np.int64) if is_large else plan.tiled_blocks.tile)
    rest = np.flatnonzero(sizes <= LARGE)
    shared = []
    while len(rest):
        chosen, rest = _choose(rest, tiles, sizes)
        tile = np.concatenate([tiles[number] for number in chosen])
        roi = np.repeat(chosen, [len(tiles[number]) for number in chosen])
        order = np.lexsort((roi, tile))
        shared.append(SharedPass(chosen, tile[order], roi[order]))
    return Passes(shared, np.flatnonzero(sizes > LARGE))


def _choose(rois: Ints, tiles: list[Ints], sizes: Ints) -> tuple[Ints, Ints]:
    """Choose the ROIs of the next pass, in the order of their first tiles, and give those left over."""
    begins = np.array([tiles[number][0] if len(tiles[number]) else -1 for number in rois])
    open_images: list[tuple[int, int]] = []  # (last tile, bytes)
    begun, chosen, left = 0, [], []
    for number, begin in zip(rois[np.argsort(begins, kind="stable")].tolist(), np.sort(begins), strict=True):
        while open_images and open_images[0][0] < begin:
            begun -= heapq.heappop(open_images)[1]
        if begun + sizes[number] > OPEN:
            left.append(number)
            continue
        chosen.append(number)
        if len(tiles[number]):
            begun += int(sizes[number])
            heapq.heappush(open_images, (int(tiles[number][-1]), int(sizes[number])))
    return np.sort(np.array(chosen, dtype=np.int64)), np.sort(np.array(left, dtype=np.int64))


def shared_tasks(
    header: Header, rois: GridROIs, options: ClipOptions, work: SharedPass, plans: dict[int, Plan]
) -> Iterator[SharedTask]:
    """Make the tasks of a pass, tile by tile in row-major order.

    Plans are made as their first tile comes, and put into `plans`; whoever is done with an image takes its
    plan out.
    """
    starts = np.flatnonzero(np.diff(work.tile, prepend=-1))
    for start, stop in zip(starts, [*starts[1:], len(work.tile)], strict=True):
        tile = int(work.tile[start])
        tasks, rows, cols = [], [], []
        for number in work.roi[start:stop].tolist():
            if number not in plans:
                plans[number] = options.plan(header, rois.take(number))
            plan = plans[number]
            place = int(np.searchsorted(plan.tiled_blocks.tile, tile))
            blocks = slice(plan.tiled_blocks.start[place], plan.tiled_blocks.start[place + 1])
            tasks.append((number, plan.task(place)))
            rows.append(plan.tiled_blocks.row[blocks])
            cols.append(plan.tiled_blocks.col[blocks])
        frame = _frame(task.window for _, task in tasks)
        lattice = Lattice(header.shape, plan.lattice.block_shape, plan.tile_shape, frame)
        distinct = np.unique(np.stack([np.concatenate(rows), np.concatenate(cols)]), axis=1)
        reads = merge_reads(lattice, gather_blocks(lattice, *distinct)).windows
        yield SharedTask(tuple((int(a), int(b), int(c), int(d)) for a, b, c, d in reads), tuple(tasks))


def _frame(windows: Iterator[Window]) -> Window:
    sides = np.array(list(windows))
    row0, _, col0, _ = sides.min(axis=0).tolist()
    _, row1, _, col1 = sides.max(axis=0).tolist()
    return row0, row1, col0, col1


@dataclass(frozen=True)
class SharedClipper:
    """Clips the tile of several ROIs, reading its blocks once."""

    clipper: TileClipper

    def __call__(self, shared: SharedTask) -> list[tuple[int, Clipped]]:
        """Give the number of each ROI, and its part of the tile."""
        pixels = _SharedPixels(self.clipper, shared.reads)
        return [(number, self.clipper.clip(task, pixels)) for number, task in shared.tasks]


class _SharedPixels:
    """What was read of a tile, from which windows are copied."""

    def __init__(self, clipper: TileClipper, reads: tuple[Window, ...]) -> None:
        if len(reads) == 1:
            self._frame, self._pixels = reads[0], clipper.read(reads[0])
            return
        self._frame = _frame(iter(reads))
        row0, row1, col0, col1 = self._frame
        shape = (clipper.raster.count, row1 - row0, col1 - col0)
        values: NDArray[Any] = np.zeros(shape, dtype=clipper.raster.dtype)
        valid: NDArray[np.bool_] | None = None
        for window in reads:
            pixels, place = clipper.read(window), place_in(window, self._frame)
            values[(..., *place)] = pixels.values
            if pixels.valid is not None:
                if valid is None:
                    is_shared = pixels.valid.strides[0] == 0
                    valid = np.ones((1, *shape[1:]) if is_shared else shape, dtype=bool)
                valid[(..., *place)] = pixels.valid[: len(valid)]
        self._pixels = Pixels(values, None if valid is None else np.broadcast_to(valid, shape))

    def __call__(self, window: Window) -> Pixels:
        values, valid = self._pixels
        place = place_in(window, self._frame)
        return Pixels(values[(..., *place)].copy(), None if valid is None else valid[(..., *place)])
