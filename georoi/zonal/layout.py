"""The canonical cells that statistics are formed in, the tiles they are read in, the task of each tile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from georoi.crs import Rings, keep_polygons
from georoi.grid import Window
from georoi.kernels.edges import EdgeIndex, Edges
from georoi.options import CELL, Boundary, Crop
from georoi.planning.ceding import Division
from georoi.planning.needs import find_pairs
from georoi.planning.plan import Plan, make_plan
from georoi.planning.tiles import TILE_PIXELS, Ints
from georoi.values.gridrois import GridROIs
from georoi.values.raster import Header
from georoi.zonal.overlaps import Sharing


@dataclass(frozen=True, eq=False)
class CellTask:
    """A canonical cell with the ROIs that meet it, each with the edges that matter there."""

    window: Window
    """(row0, row1, col0, col1) in pixels of the raster."""
    rois: Ints
    """Numbers of the ROIs, ascending, shape (n,)."""
    inner: NDArray[np.bool_]
    """Whether the cell lies wholly inside each, shape (n,)."""
    edges: Edges
    """Edges of those that are not inner, one after the other."""
    start: Ints
    """Offsets of these into the edges."""
    bounds: NDArray[np.float64]
    """(x_min, y_min, x_max, y_max) of each in pixels, shape (n, 4)."""
    polygons: NDArray[np.object_] | None = None
    """Of those that are not inner, in pixel coordinates, where areas of parts of pixels need them."""
    sharing: Sharing | None = None
    """How ROIs are made of parts: if it is there, `inner` and what follows speaks of parts."""


@dataclass(frozen=True, eq=False)
class ZonalTask:
    """What one tile needs: small, picklable, free of open files."""

    window: Window
    """The tile, (row0, row1, col0, col1) in pixels of the raster: whole cells and whole blocks."""
    reads: tuple[Window, ...]
    """Windows to read: unions of touched blocks."""
    cells: tuple[CellTask, ...]
    """Cells that a ROI meets, row-major."""


def choose_shapes(block_shape: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Choose cell and tile (rows, cols), which follow from the blocks alone.

    A cell is 512 pixels long where blocks nest in it or it in them, else as many whole blocks as reach that;
    fewer rows where strips are so wide that a tile would hold more than `TILE_PIXELS`. A tile is made of
    whole cells and whole blocks.
    """
    cell, tile = zip(*(_lengths(side) for side in block_shape), strict=True)
    most = max(TILE_PIXELS // tile[1], 1)
    if tile[0] > most and block_shape[0] < cell[0]:
        rows = max(block_shape[0], 1 << (most.bit_length() - 1))
        rows = rows // block_shape[0] * block_shape[0]
        return (rows, cell[1]), (rows, tile[1])
    return (cell[0], cell[1]), (tile[0], tile[1])


def _lengths(block: int) -> tuple[int, int]:
    if CELL % block == 0:
        return CELL, CELL
    if block % CELL == 0:
        return CELL, block
    length = block * -(-CELL // block)
    return length, length


@dataclass(frozen=True, eq=False)
class Layout:
    """The cells and tiles of one pass."""

    plan: Plan
    cell_shape: tuple[int, int]
    with_polygons: bool = False
    """Whether tasks carry the polygons of their ROIs."""
    division: Division | None = None
    """The parts that ROIs are made of, where overlaps are divided."""

    def __len__(self) -> int:
        return len(self.plan)

    @cached_property
    def _index(self) -> EdgeIndex:
        if self.division is None:
            return self.plan.index_edges()
        parts = self.division.parts
        y_up = parts.grid.affine.determinant < 0
        return EdgeIndex(parts.x, parts.y, parts.rings, parts.polygons, parts.rois, y_up=y_up)

    @cached_property
    def _polygons(self) -> NDArray[np.object_]:
        rois = self.plan.rois if self.division is None else self.division.parts
        return keep_polygons(Rings(rois.x, rois.y, rois.rings, rois.polygons, rois.rois).to_polygons())

    @cached_property
    def _cells(self) -> tuple[Ints, Ints, Ints, NDArray[np.bool_], Ints]:
        """Cells grouped by tile: corner rows and columns, the start of each cell's ROIs; ROIs, inner."""
        plan = self.plan
        shape = plan.lattice.tile_shape
        if shape == self.cell_shape:
            tiles = plan.tiles
            rois = plan.tile_rois
            return tiles[:, 0], tiles[:, 2], rois.roi, rois.inner, rois.start
        pairs = find_pairs(plan.rois, self.cell_shape)
        row, col = pairs.row * self.cell_shape[0], pairs.col * self.cell_shape[1]
        tile = row // shape[0] * plan.lattice.tile_columns + col // shape[1]
        order = np.lexsort((pairs.roi, col, row, tile))
        row, col = row[order], col[order]
        new = np.ones(len(row), dtype=bool)
        new[1:] = (row[1:] != row[:-1]) | (col[1:] != col[:-1])
        first = np.flatnonzero(new)
        return row[first], col[first], pairs.roi[order], pairs.inner[order], np.append(first, len(row))

    @cached_property
    def _cells_of_tile(self) -> Ints:
        """Offsets of the tiles into the cells."""
        rows, cols = self._cells[:2]
        shape = self.plan.lattice.tile_shape
        tile = rows // shape[0] * self.plan.lattice.tile_columns + cols // shape[1]
        return np.append(np.searchsorted(tile, self.plan.tiled_blocks.tile), len(tile))

    def last_tiles(self) -> Ints:
        """Give for each ROI the number of the last tile that it meets, -1 for one that meets none."""
        last = np.full(len(self.plan.rois), -1, dtype=np.int64)
        rois = self.plan.tile_rois
        tile = np.repeat(np.arange(len(self)), np.diff(rois.start))
        np.maximum.at(last, rois.roi, tile)
        return last

    def task(self, i: int) -> ZonalTask:
        """Make the task of tile `i`."""
        plan = self.plan
        row0, row1, col0, col1 = (int(side) for side in plan.tiles[i])
        reads = plan.reads.windows[plan.reads.start[i] : plan.reads.start[i + 1]]
        cells = range(int(self._cells_of_tile[i]), int(self._cells_of_tile[i + 1]))
        return ZonalTask(
            (row0, row1, col0, col1),
            tuple((int(a), int(b), int(c), int(d)) for a, b, c, d in reads),
            tuple(self._cell(cell) for cell in cells),
        )

    def _cell(self, cell: int) -> CellTask:
        rows, cols, rois, inner, start = self._cells
        shape = self.plan.header.shape
        row, col = int(rows[cell]), int(cols[cell])
        window = (row, min(row + self.cell_shape[0], shape[0]), col, min(col + self.cell_shape[1], shape[1]))
        mine = slice(start[cell], start[cell + 1])
        if self.division is not None:
            return self._divided_cell(self.division, window, rois[mine])
        outer = rois[mine][~inner[mine]]
        edges, offsets = self._index.select_many(outer, window)
        polygons = self._polygons[outer] if self.with_polygons else None
        bounds = self.plan.rois.bounds[rois[mine]]
        return CellTask(window, rois[mine], inner[mine], edges, offsets, bounds, polygons)

    def _divided_cell(self, division: Division, window: Window, rois: Ints) -> CellTask:
        """Make the task of a cell whose ROIs are made of parts; parts that do not meet it are left out."""
        start, part, share = division.find(rois)
        x_min, y_min, x_max, y_max = division.parts.bounds[part].T
        meets = (x_min < window[3]) & (x_max > window[2]) & (y_min < window[1]) & (y_max > window[0])
        counts = np.bincount(np.repeat(np.arange(len(rois)), np.diff(start))[meets], minlength=len(rois))
        parts, place = np.unique(part[meets], return_inverse=True)
        edges, offsets = self._index.select_many(parts, window)
        return CellTask(
            window,
            rois,
            np.zeros(len(parts), dtype=bool),
            edges,
            offsets,
            division.parts.bounds[parts],
            self._polygons[parts] if self.with_polygons else None,
            Sharing(np.append(0, np.cumsum(counts)), place.astype(np.int64), share[meets]),
        )

    def tasks(self) -> Iterator[ZonalTask]:
        """Make the tasks one by one, in row-major order of their tiles."""
        return (self.task(i) for i in range(len(self)))

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name in _FIELDS}


_FIELDS = ("plan", "cell_shape", "with_polygons", "division")


def lay_out(header: Header, rois: GridROIs, boundary: Boundary, bands: int, source: str = "") -> Layout:
    """Plan one pass over the blocks that ROIs touch.

    Args:
        header: What the raster's header says; arrays, which have no blocks, are laid out in canonical cells.
        rois: The ROIs, aligned to `header.grid`.
        boundary: The rule.
        bands: Number of bands to be read.
        source: What the raster is called in texts.

    Raises:
        CRSError: E-CRS-02 if no ROI overlaps the raster.
    """
    cell_shape, tile_shape = choose_shapes(header.block_shape)
    plan = make_plan(
        header,
        rois,
        boundary=boundary,
        crop=Crop.NONE,
        bands=bands,
        source=source,
        tile_shape=tile_shape,
    )
    return Layout(plan, cell_shape)


def in_cells(header: Header) -> Header:
    """Give a header whose blocks are canonical cells, for arrays, whose chunks may be any."""
    rows, cols = header.shape
    return replace(header, block_shape=(min(CELL, rows), min(CELL, cols)))
