"""The tile lattice: how blocks become tiles and reads."""

from __future__ import annotations

import numpy as np
import pytest

from georoi.errors import MemoryBudgetError
from georoi.planning.tiles import (
    TILE_BYTES,
    TILE_PIXELS,
    Lattice,
    Pairs,
    choose_tile_shape,
    gather_blocks,
    gather_rois,
    merge_reads,
    widen_to_blocks,
    window_blocks,
)


@pytest.mark.parametrize(
    ("block", "pixel_bytes", "tile"),
    [
        ((512, 512), 8, (512, 512)),
        ((256, 256), 8, (512, 512)),
        ((300, 200), 8, (600, 600)),
        ((1024, 2048), 8, (1024, 2048)),
        ((1, 10_980), 8, (512, 10_980)),
        ((16, 10_980), 8, (512, 10_980)),
        ((100, 600), 1, (600, 600)),
        ((512, 512), 4000, (512, 512)),
    ],
)
def test_tile_is_the_smallest_multiple_of_the_block_that_reaches_512(block, pixel_bytes, tile):
    """Per axis, blocks are stacked until they reach 512 pixels; larger blocks stay as they are."""
    assert tile == choose_tile_shape(block, pixel_bytes)


def test_wide_strips_stack_within_the_pixels():
    """Of a single byte per pixel too, strips stack to no more pixels than coverage has room for."""
    assert choose_tile_shape((1, 100_000), 1) == (TILE_PIXELS // 100_000, 100_000)


@pytest.mark.parametrize(("strip", "pixel_bytes"), [(1, 8), (7, 8), (16, 24)])
def test_wide_strips_stack_within_the_budget(strip, pixel_bytes):
    """Strips a million pixels wide stack to whole strips of at most 64 MB."""
    rows, cols = choose_tile_shape((strip, 100_000), pixel_bytes)

    assert cols == 100_000
    assert rows % strip == 0
    assert strip <= rows < 512
    assert rows * cols * pixel_bytes <= TILE_BYTES
    assert (rows + strip) * cols * pixel_bytes > TILE_BYTES


def test_one_strip_may_exceed_the_budget():
    """A single strip beyond the budget is a tile of its own, since a block is never split."""
    assert choose_tile_shape((256, 1_000_000), 8) == (256, 1_000_000)


def test_window_widens_to_blocks_within_the_raster():
    """A window grows to the block grid, but not past the raster."""
    assert widen_to_blocks((5, 95, 12, 13), (10, 8), (97, 100)) == (0, 97, 8, 16)


def test_reads_are_runs_then_stacks():
    """Runs along rows merge first, and equal runs on adjacent rows merge into one read."""
    lattice = Lattice((40, 40), (10, 10), (40, 40), (0, 40, 0, 40))
    #   . # # .
    #   . # # .
    #   # . # .
    #   . . . #
    rows = np.array([0, 0, 1, 1, 2, 2, 3])
    cols = np.array([1, 2, 1, 2, 0, 2, 3])

    reads = merge_reads(lattice, gather_blocks(lattice, rows, cols))

    assert reads.windows.tolist() == [[0, 20, 10, 30], [20, 30, 0, 10], [20, 30, 20, 30], [30, 40, 30, 40]]
    assert reads.start.tolist() == [0, 4]


def test_reads_do_not_cross_tiles():
    """Adjacent blocks of two tiles are two reads, and tiles come row-major."""
    lattice = Lattice((20, 40), (10, 10), (20, 20), (0, 20, 0, 40))

    blocks = gather_blocks(lattice, np.array([0, 0, 0, 1]), np.array([1, 2, 3, 2]))
    reads = merge_reads(lattice, blocks)

    assert blocks.tile.tolist() == [0, 1]
    assert reads.windows.tolist() == [[0, 10, 10, 20], [0, 10, 20, 40], [10, 20, 20, 30]]
    assert reads.start.tolist() == [0, 1, 3]


def test_reads_are_cut_to_the_output_window():
    """A block that reaches past the output window is read within it only."""
    lattice = Lattice((20, 20), (10, 10), (10, 10), (3, 17, 4, 8))

    reads = merge_reads(lattice, gather_blocks(lattice, np.array([0, 1]), np.array([0, 0])))

    assert reads.windows.tolist() == [[3, 10, 4, 8], [10, 17, 4, 8]]


def test_tile_is_inner_only_if_all_its_blocks_in_the_window_are():
    """A ROI holds a tile if it holds every block of it that the window meets."""
    lattice = Lattice((20, 40), (10, 10), (20, 20), (0, 10, 0, 40))
    row, col = np.array([0, 0, 0, 0, 0]), np.array([0, 0, 1, 2, 3])
    roi, inner = np.array([0, 1, 0, 1, 1]), np.array([True, True, True, True, False])

    found = gather_rois(lattice, np.array([0, 1]), Pairs(row, col, roi, inner))

    assert found.start.tolist() == [0, 2, 3]
    assert found.roi.tolist() == [0, 1, 1]
    assert found.inner.tolist() == [True, False, False]


def test_an_immense_window_is_refused():
    """Listing 10^10 blocks would fill the memory, so it is an error with a hint."""
    lattice = Lattice((1_600_000, 1_600_000), (16, 16), (512, 512), (0, 1_600_000, 0, 1_600_000))

    with pytest.raises(MemoryBudgetError, match="E-MEM-01"):
        window_blocks(lattice)
