"""The tile lattice of a plan: blocks gathered into tiles, tiles into reads, and the ROIs of each tile.

      block grid of the file           tiles of 2 x 2 blocks       reads of the tile (touched blocks only)
    +---+---+---+---+               +-------+-------+              +-------+
    |   | # | # |   |               |   # . | #     |              |   # # |   one read, the run of row 0
    +---+---+---+---+      -->      | # # . | # # . |     -->      +-------+
    |   | # | # | # |               +-------+-------+              and runs of equal columns grow downwards
    +---+---+---+---+

Everything here is arithmetic on arrays: no loop over blocks, tiles or ROIs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from georoi.errors import MemoryBudgetError
from georoi.grid import Window, Windows
from georoi.options import CELL

TILE_BYTES = 64 * 2**20
"""A tile of stacked strips holds at most this many decoded bytes, or one strip."""
TILE_PIXELS = 8 * 2**20
"""And at most this many pixels, each of which needs some 16 bytes of coverage besides."""
MAX_BLOCKS = 32_000_000
"""A plan lists at most this many blocks, so that it stays within some gigabytes."""

Ints = NDArray[np.int64]


class Pairs(NamedTuple):
    """Which ROI meets which block (or tile): parallel arrays of shape (n,), sorted by (row, col, roi)."""

    row: Ints
    col: Ints
    roi: Ints
    inner: NDArray[np.bool_]
    """True where the block lies wholly inside the ROI."""

    def take(self, kept: NDArray[np.bool_] | slice) -> Pairs:
        """Keep some of the pairs, in their order."""
        return Pairs(self.row[kept], self.col[kept], self.roi[kept], self.inner[kept])


class TiledBlocks(NamedTuple):
    """Blocks grouped by tile: tile t owns blocks start[t]:start[t+1]; tiles and blocks are row-major."""

    tile: Ints
    """Key of each tile (row * tile columns + column), ascending, shape (tiles,)."""
    start: Ints
    row: Ints
    col: Ints


class TileROIs(NamedTuple):
    """ROIs grouped by tile: tile t meets ROIs roi[start[t]:start[t+1]], ascending."""

    start: Ints
    roi: Ints
    inner: NDArray[np.bool_]
    """True where the tile (within the output window) lies wholly inside the ROI."""


class TileReads(NamedTuple):
    """Reads grouped by tile: tile t takes windows[start[t]:start[t+1]], row-major."""

    start: Ints
    windows: Windows
    """Unions of whole touched blocks, cut to the output window."""


def choose_tile_shape(block_shape: tuple[int, int], pixel_bytes: int) -> tuple[int, int]:
    """Choose the tile (rows, cols): per axis the smallest multiple of the block that reaches 512 pixels.

    Wide strips stack to fewer rows where 512 would exceed `TILE_BYTES` or `TILE_PIXELS`; no block is split.

    Args:
        block_shape: Rows and columns of a block, cut to the raster.
        pixel_bytes: Decoded bytes of one pixel over all bands wanted.
    """
    rows, cols = (side * -(-CELL // side) for side in block_shape)
    if block_shape[1] > CELL:
        rows = _limit(rows, block_shape[0], cols, pixel_bytes)
    elif block_shape[0] > CELL:
        cols = _limit(cols, block_shape[1], rows, pixel_bytes)
    return rows, cols


def _limit(length: int, block: int, across: int, pixel_bytes: int) -> int:
    """Shorten a stack of blocks `across` pixels wide to the budget, keeping at least one block."""
    budget = min(TILE_BYTES // pixel_bytes, TILE_PIXELS) // across
    return max(block, min(length, budget // block * block))


@dataclass(frozen=True)
class Lattice:
    """The blocks of a raster and the tiles made of whole blocks, seen through an output window."""

    grid_shape: tuple[int, int]
    """Rows and columns of the raster."""
    block_shape: tuple[int, int]
    tile_shape: tuple[int, int]
    """A multiple of `block_shape` per axis."""
    window: Window
    """(row0, row1, col0, col1), half-open, within the raster."""

    @property
    def blocks_per_tile(self) -> tuple[int, int]:
        """Rows and columns of blocks in a whole tile."""
        return self.tile_shape[0] // self.block_shape[0], self.tile_shape[1] // self.block_shape[1]

    @property
    def block_counts(self) -> tuple[int, int]:
        """Rows and columns of blocks in the raster."""
        return -(-self.grid_shape[0] // self.block_shape[0]), -(-self.grid_shape[1] // self.block_shape[1])

    @property
    def tile_columns(self) -> int:
        """Number of tiles in a row of the whole raster."""
        return -(-self.grid_shape[1] // self.tile_shape[1])

    def block_windows(self, rows: Ints, cols: Ints) -> Windows:
        """Give the windows of blocks, cut to the raster, shape (n, 4)."""
        return _lattice_windows(rows, cols, self.block_shape, (0, self.grid_shape[0], 0, self.grid_shape[1]))

    def tile_windows(self, tile: Ints) -> Windows:
        """Give the windows of tiles, cut to the output window, shape (n, 4)."""
        rows, cols = np.divmod(tile, self.tile_columns)
        return _lattice_windows(rows, cols, self.tile_shape, self.window)

    def tile_of(self, rows: Ints, cols: Ints) -> Ints:
        """Give the key of the tile that holds each block."""
        per_rows, per_cols = self.blocks_per_tile
        return rows // per_rows * self.tile_columns + cols // per_cols

    def blocks_in(self, tile: Ints) -> Ints:
        """Count the blocks of each tile that the output window meets."""
        windows = self.tile_windows(tile)
        height, width = self.block_shape
        rows = -(-windows[:, 1] // height) - windows[:, 0] // height
        cols = -(-windows[:, 3] // width) - windows[:, 2] // width
        return rows * cols


def _lattice_windows(rows: Ints, cols: Ints, shape: tuple[int, int], limits: Window) -> Windows:
    height, width = shape
    windows = np.empty((rows.shape[0], 4), dtype=np.int64)
    windows[:, 0] = np.maximum(rows * height, limits[0])
    windows[:, 1] = np.minimum((rows + 1) * height, limits[1])
    windows[:, 2] = np.maximum(cols * width, limits[2])
    windows[:, 3] = np.minimum((cols + 1) * width, limits[3])
    return windows


def widen_to_blocks(window: Window, block_shape: tuple[int, int], grid_shape: tuple[int, int]) -> Window:
    """Widen a window to the block grid, within the raster."""
    (row0, row1, col0, col1), (height, width) = window, block_shape
    return (
        row0 // height * height,
        min(-(-row1 // height) * height, grid_shape[0]),
        col0 // width * width,
        min(-(-col1 // width) * width, grid_shape[1]),
    )


def window_blocks(lattice: Lattice) -> tuple[Ints, Ints]:
    """List all blocks that the output window meets, row-major, as (rows, cols).

    Raises:
        MemoryBudgetError: E-MEM-01 if there are more than `MAX_BLOCKS`.
    """
    (row0, row1, col0, col1), (height, width) = lattice.window, lattice.block_shape
    rows = np.arange(row0 // height, -(-row1 // height), dtype=np.int64)
    cols = np.arange(col0 // width, -(-col1 // width), dtype=np.int64)
    if len(rows) * len(cols) > MAX_BLOCKS:
        raise MemoryBudgetError(
            "E-MEM-01",
            "the output window has too many blocks to plan one by one",
            found={"blocks": f"{len(rows) * len(cols):,}, at most {MAX_BLOCKS:,}"},
            hint="crop to the ROIs, or leave out invert and apply_mask=False, which need every block",
        )
    return np.repeat(rows, len(cols)), np.tile(cols, len(rows))


def gather_blocks(lattice: Lattice, rows: Ints, cols: Ints) -> TiledBlocks:
    """Group distinct blocks by tile, tiles row-major, blocks row-major within their tile."""
    per_rows, per_cols = lattice.blocks_per_tile
    tile = lattice.tile_of(rows, cols)
    order = np.argsort((tile * per_rows + rows % per_rows) * per_cols + cols % per_cols, kind="stable")
    tile, start = _starts(tile[order])
    return TiledBlocks(tile, start, rows[order], cols[order])


def gather_rois(lattice: Lattice, tiles: Ints, pairs: Pairs) -> TileROIs:
    """Group the ROIs by the tiles that have work; a tile is inner to a ROI if all its blocks are.

    Args:
        lattice: The lattice of the plan.
        tiles: Keys of the tiles with work, ascending.
        pairs: Which ROI meets which block.
    """
    tile = lattice.tile_of(pairs.row, pairs.col)
    place = np.searchsorted(tiles, tile)
    known = place < len(tiles)
    known[known] = tiles[place[known]] == tile[known]
    # One number per pair, (tile, ROI, inner), sorts several times faster than three columns do.
    count = int(pairs.roi.max(initial=0)) + 1
    key = np.sort((place[known] * count + pairs.roi[known]) * 2 + pairs.inner[known])
    first = np.flatnonzero(_changes(key // 2))
    whole = np.add.reduceat(key % 2, first) if len(first) else first
    place, roi = np.divmod(key[first] // 2, count)
    start = np.searchsorted(place, np.arange(len(tiles) + 1))
    return TileROIs(start, roi, whole == lattice.blocks_in(tiles)[place])


def merge_reads(lattice: Lattice, blocks: TiledBlocks) -> TileReads:
    """Merge the blocks of each tile into few reads: runs along rows, then equal runs on adjacent rows.

    No read holds a block that is not listed, and each listed block is in exactly one read.
    """
    if lattice.blocks_per_tile == (1, 1):
        return TileReads(blocks.start, _cut(lattice.block_windows(blocks.row, blocks.col), lattice.window))
    tile = np.repeat(np.arange(len(blocks.tile)), np.diff(blocks.start))
    run = _changes(tile, blocks.row)
    run[1:] |= blocks.col[1:] != blocks.col[:-1] + 1
    first = np.flatnonzero(run)
    last = np.append(first[1:], len(run)) - 1 if len(first) else first
    tile, row, col0, col1 = tile[first], blocks.row[first], blocks.col[first], blocks.col[last]

    order = np.lexsort((row, col1, col0, tile))
    tile, row, col0, col1 = tile[order], row[order], col0[order], col1[order]
    stack = _changes(tile, col0, col1)
    stack[1:] |= row[1:] != row[:-1] + 1
    first = np.flatnonzero(stack)
    last = np.append(first[1:], len(stack)) - 1 if len(first) else first
    windows = _cut(
        np.column_stack(
            [
                row[first] * lattice.block_shape[0],
                (row[last] + 1) * lattice.block_shape[0],
                col0[first] * lattice.block_shape[1],
                (col1[first] + 1) * lattice.block_shape[1],
            ]
        ),
        lattice.window,
    )
    tile = tile[first]
    order = np.lexsort((windows[:, 2], windows[:, 0], tile))
    start = np.searchsorted(tile, np.arange(len(blocks.tile) + 1))
    return TileReads(start, windows[order])


def _cut(windows: Windows, limits: Window) -> Windows:
    """Cut windows to the limits in place."""
    np.clip(windows[:, :2], limits[0], limits[1], out=windows[:, :2])
    np.clip(windows[:, 2:], limits[2], limits[3], out=windows[:, 2:])
    return windows


def _changes(*keys: Ints) -> NDArray[np.bool_]:
    """Tell where a sorted table with these columns starts a new combination."""
    new = np.ones(len(keys[0]), dtype=bool)
    new[1:] = False
    for key in keys:
        new[1:] |= key[1:] != key[:-1]
    return new


def _starts(sorted_keys: Ints) -> tuple[Ints, Ints]:
    """Give the distinct keys of a sorted array and the offsets of their groups, shapes (k,) and (k + 1,)."""
    first = np.flatnonzero(_changes(sorted_keys))
    return sorted_keys[first], np.append(first, len(sorted_keys))
