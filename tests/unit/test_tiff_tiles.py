"""Tiles of a GeoTIFF: masks, tiles left out, sizes beyond 4 GB, and the same bytes however it is written."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import rasterio
import tifffile
from numpy.testing import assert_array_equal
from rasterio.enums import MaskFlags

from georoi.errors import OutputError
from georoi.io.output.directory import CLASSIC_LIMIT
from georoi.io.output.spec import Piece
from georoi.io.output.tiff import write_tiff
from tests.images import cut, make_pixels, make_spec, steps, whole
from tests.tiffs import SMALL, read


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("interleave", ["PIXEL", "BAND"])
def test_the_mask_is_internal_and_of_the_dataset(tmp_path, count, interleave):
    """GDAL sees one 1-bit mask for all bands, right at every pixel, also where pieces are missing."""
    spec = make_spec((70, 90), count, has_mask=True)
    pixels = make_pixels(spec)
    valid = np.random.default_rng(1).random((70, 90)) > 0.5
    pieces = cut(pixels, steps(70, 20), steps(90, 20), valid=valid, left_out=frozenset({3, 4, 12}))
    covered = np.zeros_like(valid)
    kept = list(pieces)
    for piece in kept:
        covered[piece.window[0] : piece.window[1], piece.window[2] : piece.window[3]] = True
    write_tiff(tmp_path / "a.tif", spec, kept, options={**SMALL, "INTERLEAVE": interleave})
    with rasterio.open(tmp_path / "a.tif") as image:
        assert image.mask_flag_enums == ([MaskFlags.per_dataset],) * count
        assert_array_equal(image.dataset_mask() > 0, valid & covered)
        assert_array_equal(image.read()[:, covered], pixels[:, covered])
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_a_mask_without_a_piece_masks_everything(tmp_path):
    """An image of no piece is wholly masked, in a file of a kilobyte."""
    spec = make_spec((2000, 3000), 3, has_mask=True)
    written = write_tiff(tmp_path / "a.tif", spec, [])
    with rasterio.open(written.path) as image:
        assert not image.dataset_mask().any()
    assert written.bytes < 2000


def tile_sizes(path: Path, page: int = 0) -> list[int]:
    with tifffile.TiffFile(path) as file:
        return list(file.pages[page].databytecounts)


@pytest.mark.parametrize("nodata", [None, 0, 7, float("nan"), -0.5])
def test_tiles_without_content_are_left_out(tmp_path, nodata):
    """A tile of nothing but nodata takes no byte; readers see nodata there, or 0."""
    spec = make_spec((64, 64), 2, "float32", nodata=nodata)
    pixels = make_pixels(spec)
    pixels[:, :32, 32:] = spec.fill
    pixels[0, 32:, :32] = spec.fill  # the other band has content
    write_tiff(
        tmp_path / "a.tif",
        spec,
        cut(pixels, [0, 32, 64], [0, 32, 64], left_out=frozenset({3})),
        options=SMALL,
    )
    sizes = tile_sizes(tmp_path / "a.tif")
    pixels[:, 32:, 32:] = spec.fill
    assert [size > 0 for size in sizes] == [True, False, True, False]
    assert_array_equal(read(tmp_path / "a.tif"), pixels)


def test_negative_zero_is_content(tmp_path):
    """-0.0 equals 0.0 but reads back otherwise, so its tile is written."""
    spec = make_spec((32, 32), dtype="float32")
    write_tiff(tmp_path / "a.tif", spec, whole(np.full((1, 32, 32), -0.0, dtype="float32")), options=SMALL)
    assert np.signbit(read(tmp_path / "a.tif")).all()


def test_wholly_masked_tiles_are_left_out_whatever_they_hold(tmp_path):
    """Neither the pixels nor the mask of such a tile are written; a valid zero is."""
    spec = make_spec((64, 32), has_mask=True)
    pixels = make_pixels(spec)
    pixels[:, :32] = 0
    valid = np.zeros((64, 32), dtype=bool)
    valid[0, 0] = True
    write_tiff(tmp_path / "a.tif", spec, whole(pixels, valid), options=SMALL)
    assert [size > 0 for size in tile_sizes(tmp_path / "a.tif")] == [True, False]
    assert [size > 0 for size in tile_sizes(tmp_path / "a.tif", 1)] == [True, False]


def test_a_huge_sparse_image_is_small_and_quick(tmp_path):
    """1,000,000 x 1,000,000 pixels, five of 3.8 million tiles: GDAL reads them and the rest."""
    spec = make_spec((1_000_000, 1_000_000), nodata=0)
    tile = np.full((1, 512, 512), 5, dtype="uint16")
    places = [(0, 0), (0, 512_000), (512_000, 512_000), (512_000, 512_512), (999_424, 0)]
    pieces = [Piece((row, row + 512, col, col + 512), tile) for row, col in places]
    written = write_tiff(tmp_path / "a.tif", spec, pieces)
    assert written.bytes < 48e6
    with rasterio.open(written.path) as image:
        for row, col in places:
            window = rasterio.windows.Window(col, row, 512, 512)
            assert (image.read(1, window=window) == 5).all()
        assert not image.read(1, window=rasterio.windows.Window(2000, 2000, 600, 600)).any()


@pytest.mark.parametrize(("bigtiff", "version"), [("IF_NEEDED", 42), ("YES", 43), ("NO", 42)])
def test_bigtiff_is_chosen_by_option(tmp_path, bigtiff, version):
    """Small images are classic unless told otherwise; both read back."""
    spec = make_spec((70, 90), 2, has_mask=True)
    pixels = make_pixels(spec)
    write_tiff(tmp_path / "a.tif", spec, whole(pixels), options={**SMALL, "BIGTIFF": bigtiff})
    assert struct.unpack("<H", (tmp_path / "a.tif").read_bytes()[2:4])[0] == version
    assert_array_equal(read(tmp_path / "a.tif"), pixels)


def test_bigtiff_is_chosen_by_the_true_size(tmp_path, monkeypatch):
    """What does not fit is a BigTIFF, or refused with BIGTIFF=NO; the size of the pixels does not matter."""
    spec = make_spec((70, 90), 2)
    pixels = make_pixels(spec)
    classic = write_tiff(tmp_path / "a.tif", spec, whole(pixels), options=SMALL)
    for limit, version in ((classic.bytes, 42), (classic.bytes - 1, 43), (1000, 43)):
        monkeypatch.setattr("georoi.io.output.tiff.CLASSIC_LIMIT", limit)
        write_tiff(tmp_path / "b.tif", spec, whole(pixels), options=SMALL, overwrite=True)
        assert struct.unpack("<H", (tmp_path / "b.tif").read_bytes()[2:4])[0] == version
        assert_array_equal(read(tmp_path / "b.tif"), pixels)
    for limit in (classic.bytes - 1, 1000):
        monkeypatch.setattr("georoi.io.output.tiff.CLASSIC_LIMIT", limit)
        with pytest.raises(OutputError) as caught:
            write_tiff(tmp_path / "c.tif", spec, whole(pixels), options={**SMALL, "BIGTIFF": "NO"})
        assert caught.value.id == "E-OUT-04"
    assert not (tmp_path / "c.tif").exists()
    assert CLASSIC_LIMIT == 2**32 - 1


def test_the_bytes_do_not_depend_on_threads_or_lattice(tmp_path):
    """One thread, many threads, one piece or many: the same file."""
    spec = make_spec((150, 170), 3, has_mask=True, nodata=9, band_names=("a", "b", "c"))
    pixels = make_pixels(spec)
    valid = np.random.default_rng(2).random((150, 170)) > 0.2
    sums = set()
    for workers in (1, 2, 5):
        for pieces in (whole(pixels, valid), cut(pixels, steps(150, 32), steps(170, 32, 7), valid=valid)):
            written = write_tiff(
                tmp_path / "a.tif", spec, pieces, options=SMALL, overwrite=True, workers=workers
            )
            sums.add(written.sha256)
    assert len(sums) == 1


@pytest.mark.parametrize("has_mask", [False, True])
def test_a_stored_tile_is_copied_as_it_is(tmp_path, has_mask):
    """Raw tiles of a file with the same storage give the same file, without an encoder."""
    spec = make_spec((70, 90), 3, has_mask=has_mask)
    pixels = make_pixels(spec)
    first = write_tiff(tmp_path / "a.tif", spec, whole(pixels), options=SMALL)
    with tifffile.TiffFile(first.path) as file:
        page = file.pages.first
        places = zip(page.dataoffsets, page.databytecounts, strict=True)
        content = first.path.read_bytes()
        tiles = [content[offset : offset + size] for offset, size in places]
    windows = [piece.window for piece in cut(pixels, steps(70, 32), steps(90, 32))]
    pieces = [Piece(window, None, raw=tile) for window, tile in zip(windows, tiles, strict=True)]
    second = write_tiff(tmp_path / "b.tif", spec, pieces, options=SMALL)
    assert second.sha256 == first.sha256
