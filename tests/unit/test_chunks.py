"""Chunks: whole tiles, each tile in one chunk, and never too many."""

from __future__ import annotations

import numpy as np
import pytest

import georoi
from georoi.clipping.chunks import cut_window
from georoi.engine.lazy import MAX_CHUNKS
from georoi.errors import UsageError
from tests.builders import write_raster


def cuts(window, tile, size, pixel_bytes=2) -> tuple[list[int], list[int]]:
    rows, cols = cut_window(window, tile, size, pixel_bytes)
    return rows.tolist(), cols.tolist()


def test_chunks_end_at_multiples_of_tiles_and_at_the_window():
    assert cuts((100, 1300, 0, 512), (512, 512), 512) == ([100, 512, 1024, 1300], [0, 512])


@pytest.mark.parametrize("size", [700, (700, 700), {"y": 700, "x": 700}])
def test_a_size_is_rounded_up_to_whole_tiles(size):
    assert cuts((0, 2048, 0, 2048), (512, 512), size)[0] == [0, 1024, 2048]


@pytest.mark.parametrize(("block", "asked", "given"), [(512, 600, (1024, 1024)), (None, 64, (520, 800))])
def test_blocks_of_a_file_set_the_chunks_of_its_clip(tmp_path, block, asked, given):
    """The sizes that docs/concepts.md names; whatever the chunks, the pixels are the same."""
    shape = (2100, 2200) if block else (655, 800)
    values = np.arange(shape[0] * shape[1], dtype="uint32").astype("uint8").reshape(1, *shape)
    path = write_raster(tmp_path / "scene.tif", values, block=block)
    raster = georoi.open_raster(path)
    assert raster.block_shape == ((512, 512) if block else (10, 800))
    rois = georoi.ROISet.from_boxes([raster.grid.boundingbox.bbox], crs=raster.grid.crs)
    clipped = georoi.clip(raster, rois, chunks=asked, nodata=0)
    assert (clipped.chunks[1][0], clipped.chunks[2][0]) == given
    assert np.array_equal(clipped.values, values)


def test_minus_one_is_a_single_chunk():
    assert cuts((10, 5000, 20, 6000), (512, 512), -1) == ([10, 5000], [20, 6000])


def test_chunks_are_chosen_to_hold_some_megabytes():
    rows, _ = cuts((0, 10_000, 0, 10_000), (512, 512), None, pixel_bytes=8)
    assert rows[1] == 1024


@pytest.mark.parametrize("size", [None, 512])
def test_there_are_never_too_many(size):
    rows, cols = cut_window((0, 10**6, 0, 10**6), (512, 512), size, 2)
    assert MAX_CHUNKS / 5 < (len(rows) - 1) * (len(cols) - 1) <= MAX_CHUNKS
    assert rows[1] % 512 == 0


@pytest.mark.parametrize("size", [0, -2, "big", "64", (1, 2, 3), (1, "2"), 0.5, True, {"band": 1}])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(UsageError) as caught:
        cut_window((0, 10, 0, 10), (5, 5), size, 1)
    assert caught.value.id == "E-USE-01"


@pytest.mark.parametrize("size", [np.int64(3), (np.int32(3), 3.0), {"lat": 3, "lon": 3}, [3, 3]])
def test_whole_numbers_of_any_type_and_axes_by_their_names_are_sizes(size):
    assert cuts((0, 20, 0, 20), (5, 5), size) == cuts((0, 20, 0, 20), (5, 5), 3)
