"""What a plan needs: its output window, the ROIs that meet each block, and the blocks to be read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from georoi.grid import Window, bounds_to_windows
from georoi.kernels.cells import touched_cells
from georoi.options import Crop
from georoi.planning.overlap import grow
from georoi.planning.tiles import Ints, Lattice, Pairs, widen_to_blocks, window_blocks
from georoi.values.gridrois import GridROIs


def find_pairs(rois: GridROIs, cell_yx: tuple[int, int]) -> Pairs:
    """Find which ROIs overlap which cells of a lattice with an area above zero, sorted by (row, col, roi)."""
    shape_yx = (int(rois.grid.shape[0]), int(rois.grid.shape[1]))
    row, col, roi, inner = touched_cells(
        rois.x, rois.y, rois.rings, rois.polygons, rois.rois, rois.bounds, shape_yx, cell_yx
    )
    return Pairs(row, col, roi, inner)


def find_feathered_pairs(rois: GridROIs, cell_yx: tuple[int, int], feather: float) -> Pairs:
    """Find the cells where a soft mask of this width is above zero; inner where it is 1 throughout."""
    pairs = find_pairs(grow(rois, feather / 2), cell_yx)
    full = find_pairs(grow(rois, -feather / 2), cell_yx)
    columns = -(-int(rois.grid.shape[1]) // cell_yx[1])
    keys = _keys(pairs, columns, len(rois))
    inner = np.isin(keys, _keys(full, columns, len(rois))[full.inner], assume_unique=True)
    return pairs._replace(inner=inner)


def _keys(pairs: Pairs, columns: int, count: int) -> Ints:
    """Number each (cell, ROI)."""
    return (pairs.row * columns + pairs.col) * count + pairs.roi


def output_window(
    rois: GridROIs,
    touching: NDArray[np.int64],
    *,
    crop: Crop,
    pad: int,
    feather: float,
    block_shape: tuple[int, int],
) -> Window:
    """Choose the output window (row0, row1, col0, col1) in pixels of the raster, within the raster.

    Args:
        rois: The ROIs.
        touching: Numbers of the ROIs that meet the raster; others do not widen the window.
        crop: What to crop to; `Crop.NONE` gives the whole raster.
        pad: Pixels added on each side, before widening to blocks.
        feather: Width of the soft edge, half of which lies outside the ROIs.
        block_shape: Rows and columns of a block.
    """
    rows, cols = int(rois.grid.shape[0]), int(rois.grid.shape[1])
    if crop is Crop.NONE:
        return 0, rows, 0, cols
    reach = feather / 2 * np.array([-1, -1, 1, 1])
    windows = bounds_to_windows(rois.bounds[touching] + reach, (rows, cols))
    window = (
        max(int(windows[:, 0].min()) - pad, 0),
        min(int(windows[:, 1].max()) + pad, rows),
        max(int(windows[:, 2].min()) - pad, 0),
        min(int(windows[:, 3].max()) + pad, cols),
    )
    return widen_to_blocks(window, block_shape, (rows, cols)) if crop is Crop.BLOCKS else window


def within(pairs: Pairs, window: Window, block_shape: tuple[int, int]) -> Pairs:
    """Keep the pairs whose blocks meet a window: grown ROIs may reach a little further than their weights."""
    (row0, row1, col0, col1), (height, width) = window, block_shape
    kept = (pairs.row * height < row1) & ((pairs.row + 1) * height > row0)
    kept &= (pairs.col * width < col1) & ((pairs.col + 1) * width > col0)
    return pairs.take(kept)


def needed_blocks(lattice: Lattice, pairs: Pairs, *, invert: bool, apply_mask: bool) -> tuple[Ints, Ints]:
    """List the distinct blocks to be read, row-major, as (rows, cols).

    With a mask, those that a ROI touches; inverted, those of the window that do not lie wholly inside one
    ROI; without a mask, all of the window.
    """
    columns = lattice.block_counts[1]
    if apply_mask and not invert:
        return np.divmod(_distinct(pairs.row * columns + pairs.col), columns)
    rows, cols = window_blocks(lattice)
    if not apply_mask:
        return rows, cols
    inside = _distinct((pairs.row * columns + pairs.col)[pairs.inner])
    wanted = ~np.isin(rows * columns + cols, inside, assume_unique=True)
    return rows[wanted], cols[wanted]


def _distinct(sorted_keys: Ints) -> Ints:
    """Drop repetitions from a sorted array."""
    first = np.ones(len(sorted_keys), dtype=bool)
    first[1:] = sorted_keys[1:] != sorted_keys[:-1]
    return sorted_keys[first]
