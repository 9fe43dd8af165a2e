"""The plan: which blocks are read, in which tiles, for which ROIs, before any pixel is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from georoi import grid as grids
from georoi.errors import UsageError
from georoi.grid import Window, Windows
from georoi.kernels.edges import EdgeIndex, Edges
from georoi.options import CELL, Boundary, Crop
from georoi.planning import dryrun
from georoi.planning.needs import find_feathered_pairs, find_pairs, needed_blocks, output_window, within
from georoi.planning.overlap_check import check_overlap, no_overlap, overlapping
from georoi.planning.tiles import (
    Lattice,
    Pairs,
    TiledBlocks,
    TileReads,
    TileROIs,
    choose_tile_shape,
    gather_blocks,
    gather_rois,
    merge_reads,
)
from georoi.values.gridrois import GridROIs
from georoi.values.raster import Header

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class TileTask:
    """What one tile needs to be read and covered: small, picklable, free of open files."""

    window: Window
    """The tile within the output window, (row0, row1, col0, col1) in pixels of the raster."""
    reads: tuple[Window, ...]
    """Windows to read, disjoint and within `window`: unions of needed blocks, none unneeded."""
    rois: tuple[tuple[int, Edges | None], ...]
    """Per ROI that meets the tile, ascending: its number, and the edges that decide its coverage here, or
    None where the tile lies wholly inside it. Empty where no mask is applied."""
    bounds: NDArray[np.float64]
    """(x_min, y_min, x_max, y_max) in pixels of each of these ROIs, shape (len(rois), 4)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Plan:
    """The tiles, blocks and reads of one pass over a raster; printing it is the dry run. See `make_plan`."""

    header: Header
    source: str
    """What the raster is called in texts."""
    rois: GridROIs
    boundary: Boundary
    crop: Crop
    invert: bool
    apply_mask: bool
    pad: int
    """Pixels added around the ROIs, before widening to blocks."""
    feather: float
    """Width of the soft edge in pixels; 0 for none."""
    bands: int
    """Number of bands to be read."""
    lattice: Lattice
    pairs: Pairs
    """Which ROI meets which block."""
    tiled_blocks: TiledBlocks
    tile_rois: TileROIs
    reads: TileReads

    passes = 1
    """How often each block is decoded."""

    def __len__(self) -> int:
        return len(self.tiled_blocks.tile)

    def __repr__(self) -> str:
        return f"<Plan {self.n_blocks:,} blocks in {len(self):,} tiles, {self.bytes_to_read:,} bytes>"

    def __str__(self) -> str:
        return self.summary()

    @property
    def window(self) -> Window:
        """The output window (row0, row1, col0, col1) in pixels of the raster."""
        return self.lattice.window

    @property
    def tile_shape(self) -> tuple[int, int]:
        """Rows and columns of a whole tile: a multiple of the blocks, from the raster's origin."""
        return self.lattice.tile_shape

    @cached_property
    def tiles(self) -> Windows:
        """Windows of the tiles with work, within the output window, row-major, shape (tiles, 4)."""
        return self.lattice.tile_windows(self.tiled_blocks.tile)

    @cached_property
    def blocks(self) -> Windows:
        """Windows of the blocks to be read, cut to the raster, in reading order, shape (blocks, 4)."""
        return self.lattice.block_windows(self.tiled_blocks.row, self.tiled_blocks.col)

    @property
    def n_blocks(self) -> int:
        """Number of blocks to be read."""
        return len(self.tiled_blocks.row)

    @property
    def n_blocks_total(self) -> int:
        """Number of blocks in the raster."""
        rows, cols = self.lattice.block_counts
        return rows * cols

    @cached_property
    def n_cells(self) -> int:
        """Number of canonical cells (512 x 512 from the grid's origin) that the ROIs touch."""
        same = self.lattice.block_shape == (CELL, CELL) and not self.feather
        pairs = self.pairs if same else find_pairs(self.rois, (CELL, CELL))
        if not len(pairs.row):
            return 0
        return int(1 + np.count_nonzero((np.diff(pairs.row) != 0) | (np.diff(pairs.col) != 0)))

    @property
    def n_reads(self) -> int:
        """Number of windows asked of the file."""
        return len(self.reads.windows)

    @property
    def pixel_bytes(self) -> int:
        """Decoded bytes of one pixel over the bands to be read."""
        return self.bands * self.header.itemsize

    @cached_property
    def bytes_to_read(self) -> int:
        """Bytes of the blocks to be read, once decoded; what the file stores is less where compressed."""
        blocks = self.blocks
        pixels = (blocks[:, 1] - blocks[:, 0]) * (blocks[:, 3] - blocks[:, 2])
        return int(pixels.sum()) * self.pixel_bytes

    @cached_property
    def memory(self) -> int:
        """Bytes that the largest tile needs while it is worked on.

        Per pixel: the bands twice (as read, as given out), a flag per band, and two float64 of coverage.
        """
        tiles = self.tiles
        pixels = (tiles[:, 1] - tiles[:, 0]) * (tiles[:, 3] - tiles[:, 2])
        return int(pixels.max(initial=0)) * (2 * self.pixel_bytes + self.bands + 16)

    @property
    def memory_of_result(self) -> int:
        """Bytes of the whole output window in the raster's dtype, if it is loaded at once."""
        row0, row1, col0, col1 = self.window
        return (row1 - row0) * (col1 - col0) * self.pixel_bytes

    @cached_property
    def digest(self) -> str:
        """SHA-256 of grid, ROIs, rule, options and blocks: the same in every process and on every machine.

        The order of the ROIs counts, since tasks name them by number.
        """
        head = {
            "plan": 1,
            "grid": grids.key(self.header.grid),
            "rois": str(self.rois.fingerprint),
            "ids": [
                str(roi_id) for roi_id in self.rois.ids
            ],  # tells some of the ROIs, or their union, from all
            "boundary": str(self.boundary),
            "crop": str(self.crop),
            "invert": self.invert,
            "apply_mask": self.apply_mask,
            "pad": self.pad,
            "feather": float(self.feather).hex(),
            "bands": self.bands,
            "window": self.window,
            "block_shape": self.lattice.block_shape,
            "tile_shape": self.tile_shape,
        }
        state = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
        for array in (self.tiled_blocks.row, self.tiled_blocks.col):
            state.update(np.ascontiguousarray(array, dtype="<i8").tobytes())
        return state.hexdigest()

    @cached_property
    def _edges(self) -> EdgeIndex:
        return self.index_edges()

    def index_edges(self) -> EdgeIndex:
        """Make the index that finds the edges of ROIs which matter to a window."""
        rois = self.rois
        y_up = rois.grid.affine.determinant < 0
        return EdgeIndex(rois.x, rois.y, rois.rings, rois.polygons, rois.rois, y_up=y_up)

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "_edges"}

    def task(self, i: int) -> TileTask:
        """Make the task of tile `i`, with just the edges that matter to it."""
        row0, row1, col0, col1 = (int(side) for side in self.tiles[i])
        reads = self.reads.windows[self.reads.start[i] : self.reads.start[i + 1]]
        chosen = slice(self.tile_rois.start[i], self.tile_rois.start[i + 1])
        reach = int(np.ceil(self.feather / 2)) + 1 if self.feather else 0
        window = (row0 - reach, row1 + reach, col0 - reach, col1 + reach)
        roi, inner = self.tile_rois.roi[chosen], self.tile_rois.inner[chosen]
        edges, starts = self._edges.select_many(roi[~inner], window)
        pieces: list[Edges | None] = [None] * len(roi)
        for place, start, stop in zip(np.flatnonzero(~inner), starts[:-1], starts[1:], strict=True):
            pieces[place] = edges.take(slice(start, stop))
        return TileTask(
            (row0, row1, col0, col1),
            tuple((int(a), int(b), int(c), int(d)) for a, b, c, d in reads),
            tuple(zip(roi.tolist(), pieces, strict=True)),
            self.rois.bounds[roi],
        )

    def tasks(self) -> Iterator[TileTask]:
        """Make the tasks one by one, in row-major order of their tiles."""
        return (self.task(i) for i in range(len(self)))

    def summary(self) -> str:
        """Say in a few lines what would be read and what it needs: the dry run."""
        return dryrun.describe(self)

    def to_dict(self) -> dict[str, object]:
        """Give the summary as plain values, ready for JSON."""
        return dryrun.to_dict(self)

    def to_frame(self) -> pd.DataFrame:
        """Give one row per block to be read, in reading order: row, col, window, rois (ids)."""
        return dryrun.to_frame(self)


def make_plan(
    header: Header,
    rois: GridROIs,
    *,
    boundary: Boundary,
    crop: Crop = Crop.WINDOW,
    invert: bool = False,
    apply_mask: bool = True,
    pad: int = 0,
    feather: float = 0,
    bands: int | None = None,
    source: str = "",
    tile_shape: tuple[int, int] | None = None,
) -> Plan:
    """Plan one pass: the blocks that matter, gathered into tiles, without reading a pixel.

    Cost grows with the blocks that the ROIs touch, not with their bounding boxes, nor with the raster;
    only `invert` and `apply_mask=False` list every block of the output window.

    Args:
        header: What the raster's header says.
        rois: The ROIs, aligned to `header.grid`.
        boundary: The rule; the blocks are the same for all three.
        crop: What the output window is.
        invert: Keep what lies outside the ROIs: all blocks of the window but those wholly inside one ROI.
        apply_mask: False to keep all pixels of the window: all its blocks are read.
        pad: Pixels added on each side of the window, cut at the raster. No ROI reaches into them, so they
            ask for no block of their own.
        feather: Width of the soft edge in pixels; blocks within half of it of a ROI count as touched.
        bands: Number of bands to be read; all of the header's by default.
        source: What the raster is called in texts; the name in its header by default.
        tile_shape: Rows and columns of a tile, multiples of the blocks; chosen by default.

    Raises:
        CRSError: E-CRS-02 if no ROI overlaps the raster.
        UsageError: E-USE-01 if `pad` or `feather` is negative, or both masks are contradicted.
        MemoryBudgetError: E-MEM-01 if every block of an immense window would be needed.
    """
    _check_options(pad, feather, invert, apply_mask)
    check_overlap(rois, header, feather / 2)
    bands = header.count if bands is None else bands
    block_shape = (int(header.block_shape[0]), int(header.block_shape[1]))
    pairs = find_feathered_pairs(rois, block_shape, feather) if feather else find_pairs(rois, block_shape)
    if feather:  # grown ROIs may reach a little further than their weights
        pairs = pairs.take(overlapping(rois, feather / 2)[pairs.roi])
    if not len(pairs.roi):
        raise no_overlap(rois, header)
    window = output_window(
        rois,
        np.flatnonzero(np.bincount(pairs.roi)),
        crop=crop,
        pad=pad,
        feather=feather,
        block_shape=block_shape,
    )
    pairs = within(pairs, window, block_shape) if feather else pairs
    tile_shape = tile_shape or choose_tile_shape(block_shape, bands * header.itemsize)
    lattice = Lattice(header.shape, block_shape, tile_shape, window)
    rows, cols = needed_blocks(lattice, pairs, invert=invert, apply_mask=apply_mask)
    blocks = gather_blocks(lattice, rows, cols)
    return Plan(
        header=header,
        source=source or header.name,
        rois=rois,
        boundary=boundary,
        crop=crop,
        invert=invert,
        apply_mask=apply_mask,
        pad=pad,
        feather=feather,
        bands=bands,
        lattice=lattice,
        pairs=pairs,
        tiled_blocks=blocks,
        tile_rois=gather_rois(lattice, blocks.tile, pairs if apply_mask else pairs.take(slice(0))),
        reads=merge_reads(lattice, blocks),
    )


def _check_options(pad: int, feather: float, invert: bool, apply_mask: bool) -> None:
    if pad < 0 or pad != int(pad):
        raise UsageError("E-USE-01", f"pad must be a whole number of pixels, 0 or more, not {pad!r}")
    if not 0 <= feather < np.inf:
        raise UsageError("E-USE-01", f"feather must be a width in pixels, 0 or more, not {feather!r}")
    if not apply_mask and (invert or feather):
        raise UsageError(
            "E-USE-01",
            "invert and feather shape the mask, so they need apply_mask=True",
            hint="leave out apply_mask=False, or invert= and feather=",
        )
