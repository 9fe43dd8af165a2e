"""COG: valid by rio-cogeo and GDAL, overviews aware of nodata and mask, nothing left of the scratch."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import tifffile
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags

from georoi.errors import OutputError, UsageError
from georoi.io.output.cog import write_cog
from georoi.io.output.spec import DTYPES, Piece
from georoi.kernels.halving import halve
from tests.images import cut, make_pixels, make_spec, steps, whole

SMALL = {"BLOCKSIZE": 32}


def problems(path: Path) -> list[str]:
    """What rio-cogeo finds wrong, strictly."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from rio_cogeo import cog_validate

        is_valid, errors, remarks = cog_validate(path, strict=True, quiet=True)
    assert is_valid is not bool(errors)
    return [*errors, *remarks]


def read_level(path: Path, level: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    with rasterio.open(path, overview_level=level) as image:
        return image.read(), image.dataset_mask() > 0


@pytest.mark.parametrize("has_mask", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_it_is_valid_and_every_level_is_right(tmp_path, dtype, has_mask):
    """Full resolution bit for bit; each overview is the level above it, halved; masks on every level."""
    spec = make_spec((601, 530), 2, dtype, has_mask=has_mask, nodata=None if has_mask else 7)
    pixels = make_pixels(spec)
    valid = np.random.default_rng(3).random((601, 530)) > 0.3
    valid[:200] = False
    pixels[:, 200:300, :250] = 7
    written = write_cog(
        tmp_path / "a.tif", spec, whole(pixels, valid if has_mask else None), options={"BLOCKSIZE": 128}
    )
    assert problems(written.path) == []
    expected, mask = pixels, valid if has_mask else None
    with rasterio.open(written.path) as image:
        assert image.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert image.overviews(1) == [2, 4, 8]
        assert image.mask_flag_enums == ([MaskFlags.per_dataset if has_mask else MaskFlags.nodata],) * 2
        stored, seen = image.read(), image.dataset_mask() > 0
    for level in range(3):
        if mask is not None:
            assert_array_equal(seen, mask)
        assert_array_equal(
            stored if mask is None else stored[:, mask], expected if mask is None else expected[:, mask]
        )
        expected, mask = halve(expected, mask, nodata=spec.nodata)
        stored, seen = read_level(written.path, level)
        assert stored.shape == expected.shape


def test_a_small_image_has_no_overview(tmp_path):
    """Nothing to halve below one tile."""
    spec = make_spec((100, 512))
    written = write_cog(tmp_path / "a.tif", spec, whole(make_pixels(spec)))
    assert problems(written.path) == []
    with rasterio.open(written.path) as image:
        assert image.overviews(1) == []


def test_overviews_can_be_left_out(tmp_path):
    """OVERVIEWS=NONE, for whoever wants no more than the layout."""
    spec = make_spec((100, 90))
    written = write_cog(
        tmp_path / "a.tif", spec, whole(make_pixels(spec)), options={**SMALL, "OVERVIEWS": "NONE"}
    )
    with rasterio.open(written.path) as image:
        assert image.overviews(1) == []


def test_classes_are_not_mixed(tmp_path):
    """A palette, or the option, takes pixels as they are."""
    colors = {value: (value, 0, 0, 255) for value in range(256)}
    for more, options in (({"colors": colors}, {}), ({}, {"OVERVIEW_RESAMPLING": "nearest"})):
        spec = make_spec((100, 90), dtype="uint8", **more)
        pixels = make_pixels(spec)
        write_cog(tmp_path / "a.tif", spec, whole(pixels), options={**SMALL, **options}, overwrite=True)
        assert_array_equal(read_level(tmp_path / "a.tif", 0)[0], pixels[:, ::2, ::2])
        assert_array_equal(read_level(tmp_path / "a.tif", 1)[0], pixels[:, ::4, ::4])
    with rasterio.open(tmp_path / "a.tif") as image:
        assert image.colorinterp == (ColorInterp.gray,)


@pytest.mark.parametrize("has_mask", [False, True])
def test_sparse_images_are_valid_too(tmp_path, has_mask):
    """Tiles left out on every level, the first one among them."""
    spec = make_spec((20_000, 30_000), 1, nodata=None if has_mask else 0, has_mask=has_mask)
    tile = np.full((1, 512, 512), 9, dtype="uint16")
    pieces = [Piece((row, row + 512, 1000, 1512), tile) for row in (9000, 9512)]
    written = write_cog(tmp_path / "a.tif", spec, pieces)
    assert problems(written.path) == []
    assert written.bytes < 200_000
    with rasterio.open(written.path) as image:
        assert image.overviews(1) == [2, 4, 8, 16, 32, 64]
        around = image.read(1, masked=True, window=rasterio.windows.Window(900, 8900, 800, 1300))
    assert around.count() == 2 * 512 * 512
    assert (around.compressed() == 9).all()
    with rasterio.open(written.path, overview_level=0) as image:
        half = image.read(1, masked=True, window=rasterio.windows.Window(400, 4000, 500, 2000))
    assert half.count() == 512 * 256
    assert (half.compressed() == 9).all()


def test_an_image_without_a_piece_is_valid(tmp_path):
    """Nothing but directories."""
    spec = make_spec((2000, 3000), has_mask=True)
    written = write_cog(tmp_path / "a.tif", spec, [])
    assert problems(written.path) == []
    with rasterio.open(written.path) as image:
        assert not image.dataset_mask().any()


def test_the_bytes_do_not_depend_on_threads_or_lattice(tmp_path):
    """One thread, many threads, one piece or many: the same file."""
    spec = make_spec((150, 170), 3, has_mask=True, band_names=("a", "b", "c"))
    pixels = make_pixels(spec)
    valid = np.random.default_rng(2).random((150, 170)) > 0.2
    sums = set()
    for workers in (1, 2, 5):
        for pieces in (whole(pixels, valid), cut(pixels, steps(150, 32), steps(170, 32, 7), valid=valid)):
            written = write_cog(
                tmp_path / "a.tif", spec, pieces, options=SMALL, overwrite=True, workers=workers
            )
            sums.add(written.sha256)
    assert len(sums) == 1


def test_tiles_have_leaders_and_trailers(tmp_path):
    """What the announcement promises to readers holds for every tile of every level."""
    spec = make_spec((150, 170), 2, has_mask=True)
    written = write_cog(tmp_path / "a.tif", spec, whole(make_pixels(spec)), options=SMALL)
    content = written.path.read_bytes()
    assert b"MASK_INTERLEAVED_WITH_IMAGERY=YES\n" in content[:300]
    seen = 0
    with tifffile.TiffFile(written.path) as file:
        ends = {0}
        pages = list(file.pages)
        for page in pages:
            for offset, size in zip(page.dataoffsets, page.databytecounts, strict=True):
                assert int.from_bytes(content[offset - 4 : offset], "little") == size
                assert (
                    content[offset + size : offset + size + 4] == content[offset + size - 4 : offset + size]
                )
                ends.add(offset + size + 4)
                seen += 1
        firsts = [page.dataoffsets[0] for page in pages[::2]]
        for image, mask in zip(pages[::2], pages[1::2], strict=True):
            pairs = zip(image.dataoffsets, image.databytecounts, mask.dataoffsets, strict=True)
            assert all(mask_at == at + size + 8 for at, size, mask_at in pairs)
    assert firsts == sorted(firsts, reverse=True)  # full resolution last
    assert max(ends) == len(content)
    assert seen == 2 * (30 + 9 + 4 + 1)


@pytest.mark.parametrize("bigtiff", ["YES", "IF_NEEDED"])
def test_bigtiff_is_chosen_by_option_or_size(tmp_path, monkeypatch, bigtiff):
    """Both ways give a valid BigTIFF; BIGTIFF=NO is refused when it does not fit."""
    monkeypatch.setattr("georoi.io.output.cog.CLASSIC_LIMIT", 2**32 - 1 if bigtiff == "YES" else 1000)
    spec = make_spec((150, 170), 2)
    pixels = make_pixels(spec)
    written = write_cog(tmp_path / "a.tif", spec, whole(pixels), options={**SMALL, "BIGTIFF": bigtiff})
    assert problems(written.path) == []
    assert written.path.read_bytes()[2] == 43
    with rasterio.open(written.path) as image:
        assert_array_equal(image.read(), pixels)
    monkeypatch.setattr("georoi.io.output.cog.CLASSIC_LIMIT", 1000)
    with pytest.raises(OutputError) as caught:
        write_cog(tmp_path / "b.tif", spec, whole(pixels), options={**SMALL, "BIGTIFF": "NO"})
    assert caught.value.id == "E-OUT-04"
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_options_of_others_are_refused(tmp_path):
    """A COG stores bands pixel by pixel."""
    with pytest.raises(UsageError):
        write_cog(tmp_path / "a.tif", make_spec((20, 30)), [], options={"INTERLEAVE": "BAND"})


def test_an_error_leaves_neither_file_nor_scratch(tmp_path):
    """Whatever the source raises."""
    spec = make_spec((100, 90))

    def broken() -> Any:
        yield from cut(make_pixels(spec), [0, 32], [0, 32, 90])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_cog(tmp_path / "a.tif", spec, broken(), options=SMALL)
    assert list(tmp_path.iterdir()) == []
