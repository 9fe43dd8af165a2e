"""GeoTIFF: what GDAL and tifffile read back, the georeference, nodata, masks, sparse tiles and options."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import tifffile
from affine import Affine
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from rasterio.enums import Compression, Interleaving, MaskFlags

from georoi.crs import parse_crs, same_crs
from georoi.errors import OutputError, RasterError, UsageError
from georoi.io.output.creation import parse_pairs
from georoi.io.output.directory import CLASSIC_LIMIT
from georoi.io.output.spec import DTYPES, ImageSpec, Piece
from georoi.io.output.tiff import write_tiff
from georoi.io.raster.nodata import fit_nodata
from tests.images import UTM, cut, make_pixels, make_spec, steps, whole

SMALL = {"BLOCKSIZE": 32}


def read(path: Path) -> NDArray[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(path) as image:
            return image.read()


@pytest.mark.parametrize("interleave", ["PIXEL", "BAND"])
@pytest.mark.parametrize("compress", ["DEFLATE", "ZSTD", "LZW", "NONE"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_gdal_and_tifffile_read_what_was_written(tmp_path, dtype, compress, interleave):
    """Bit for bit, for every dtype, codec, predictor and layout, with tiles that hang over the edges."""
    spec = make_spec((70, 90), 3, dtype)
    pixels = make_pixels(spec)
    predictors = (
        ["NO"] if compress == "NONE" else ["NO", "2", "3"] if dtype.startswith("float") else ["NO", "2"]
    )
    for predictor in predictors:
        options = {**SMALL, "COMPRESS": compress, "INTERLEAVE": interleave, "PREDICTOR": predictor}
        path = tmp_path / f"{predictor}.tif"
        write_tiff(path, spec, whole(pixels), options=options)
        assert_array_equal(read(path), pixels)
        if predictor == "2" and dtype.startswith("float"):
            continue  # tifffile knows this predictor for integers only
        stored = tifffile.imread(path)
        assert_array_equal(stored if interleave == "BAND" else stored.transpose(2, 0, 1), pixels)


def test_the_default_is_tiled_deflated_with_a_predictor(tmp_path):
    """512-pixel tiles, DEFLATE, predictor 2 for integers and 3 for floats, bands pixel by pixel."""
    for dtype, predictor in (("int16", 2), ("float32", 3)):
        spec = make_spec((600, 700), 2, dtype)
        written = write_tiff(tmp_path / f"{dtype}.tif", spec, whole(make_pixels(spec)))
        assert written.format == "GTiff"
        with rasterio.open(written.path) as image:
            assert image.block_shapes == [(512, 512)] * 2
            assert image.compression is Compression.deflate
            assert image.interleaving is Interleaving.pixel
        with tifffile.TiffFile(written.path) as file:
            assert file.pages.first.predictor == predictor
            assert not file.is_bigtiff


GRIDS = {
    "north-up": (UTM, 32633),
    "geographic": (Affine(1 / 3600, 0, 15.0, 0, -1 / 3600, 47.0), 4326),
    "south-up": (Affine(10.0, 0, 500_000.0, 0, 10.0, 4_000_000.0), 32633),
    "rotated": (Affine(8.0, 6.0, 500_000.0, 6.0, -8.0, 5_000_000.0), 32633),
    "fractions": (Affine(9.9948, 0, 510_000.123, 0, -9.9974, 5_100_000.456), 3035),
    "own CRS": (UTM, "+proj=laea +lat_0=47.5 +lon_0=13.25 +x_0=0 +y_0=0 +ellps=GRS80 +units=m"),
    "no CRS": (UTM, None),
    "CRS alone": (Affine.identity(), 32633),
}


@pytest.mark.parametrize("name", GRIDS)
def test_the_georeference_is_read_back_to_the_bit(tmp_path, name):
    """Transform exactly, CRS by definition; nothing is noted where nothing is lost."""
    affine, crs = GRIDS[name]
    spec = make_spec((20, 30), affine=affine, crs=crs)
    written = write_tiff(tmp_path / "a.tif", spec, whole(make_pixels(spec)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        image = rasterio.open(written.path)
    with image:
        assert tuple(image.transform) == tuple(affine)
        if crs is None:
            assert image.crs is None
        else:
            assert image.tags()["AREA_OR_POINT"] == "Area"
            assert same_crs(parse_crs(image.crs), parse_crs(crs))
    assert written.notes == ()


def test_pixel_space_has_no_georeference(tmp_path):
    """No CRS and the identity transform: no geographic tag is written."""
    spec = make_spec((20, 30), affine=Affine.identity(), crs=None, band_names=("red",))
    write_tiff(tmp_path / "a.tif", spec, whole(make_pixels(spec)))
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        codes = {tag.code for tag in file.pages.first.tags}
    assert not codes & {33550, 33922, 34264, 34735, 34736, 34737}
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning), rasterio.open(tmp_path / "a.tif") as image:
        assert image.descriptions == ("red",)


def test_a_crs_that_geotiff_cannot_hold_is_noted(tmp_path):
    """A note says that the CRS is not stored exactly, instead of silence."""
    tilted = (
        "+proj=ob_tran +o_proj=longlat +o_lon_p=-162 +o_lat_p=39.25 +lon_0=180 +to_meter=0.0174532925199433"
    )
    spec = make_spec((20, 30), affine=Affine(0.1, 0, -5, 0, -0.1, 5), crs=tilted)
    written = write_tiff(tmp_path / "a.tif", spec, whole(make_pixels(spec)))
    with rasterio.open(written.path) as image:
        is_kept = image.crs is not None and same_crs(parse_crs(image.crs), parse_crs(tilted))
    assert bool(written.notes) is not is_kept


def test_bands_are_described(tmp_path):
    """Names, scales, offsets and further tags come back; scales change no pixel."""
    spec = make_spec(
        (20, 30),
        2,
        band_names=("red & <green>", ""),
        scales=(1e-4, 1.0),
        offsets=(-0.1, 0.0),
        tags={"source": "a scene"},
    )
    pixels = make_pixels(spec)
    write_tiff(tmp_path / "a.tif", spec, whole(pixels))
    with rasterio.open(tmp_path / "a.tif") as image:
        assert image.descriptions == ("red & <green>", None)
        assert image.scales == (1e-4, 1.0)
        assert image.offsets == (-0.1, 0.0)
        assert image.tags()["source"] == "a scene"
        assert_array_equal(image.read(), pixels)


@pytest.mark.parametrize(
    ("dtype", "nodata", "text"),
    [
        ("uint8", 255, "255"),
        ("int16", -9999.0, "-9999"),
        ("int64", -(2**62) - 1, str(-(2**62) - 1)),
        ("uint64", 2**64 - 1, str(2**64 - 1)),
        ("float32", float("nan"), "nan"),
        ("float32", -3.4028235e38, "-3.4028234663852886e+38"),
        ("float32", 0.1, "0.10000000149011612"),
        ("float64", float("-inf"), "-inf"),
        ("float64", -1.7976931348623157e308, "-1.7976931348623157e+308"),
    ],
)
def test_nodata_is_exact(tmp_path, dtype, nodata, text):
    """Every digit of an integer, the float that pixels hold, NaN and infinity."""
    spec = make_spec((20, 30), dtype=dtype, nodata=nodata)
    write_tiff(tmp_path / "a.tif", spec, [])
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.pages.first.tags[42113].value == text
    pixels = read(tmp_path / "a.tif")
    assert_array_equal(pixels, np.full((1, 20, 30), spec.nodata, dtype=dtype))
    assert not rasterio_mask(tmp_path / "a.tif").any() or dtype in ("int64", "uint64")


def rasterio_mask(path: Path) -> NDArray[np.bool_]:
    with rasterio.open(path) as image:
        return image.read_masks(1) > 0


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [
        ("uint8", 256),
        ("uint8", -1),
        ("int16", 0.5),
        ("uint16", float("nan")),
        ("float32", 1e39),
        ("int64", 10**400),
    ],
)
def test_nodata_that_does_not_fit_is_refused(dtype, nodata):
    """E-RAS-05, before anything is written."""
    with pytest.raises(RasterError) as caught:
        make_spec((20, 30), dtype=dtype, nodata=nodata)
    assert caught.value.id == "E-RAS-05"
    assert fit_nodata(7.0, "uint8") == 7


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


def test_a_palette_is_kept(tmp_path):
    """A map of classes keeps its colours."""
    spec = make_spec((20, 30), dtype="uint8", colors={0: (0, 0, 0, 255), 7: (255, 128, 1, 255)})
    write_tiff(tmp_path / "a.tif", spec, whole(make_pixels(spec)))
    with rasterio.open(tmp_path / "a.tif") as image:
        assert image.colormap(1)[7] == (255, 128, 1, 255)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"TILED": "YES"}, "BLOCKSIZE"),
        ({"COMPRESS": "JPEG"}, "DEFLATE, ZSTD, LZW, NONE"),
        ({"BLOCKSIZE": "100"}, "multiple of 16"),
        ({"BLOCKSIZE": "-16"}, "whole number"),
        ({"LEVEL": "13"}, "0 to 12"),
        ({"COMPRESS": "LZW", "LEVEL": "1"}, "none"),
        ({"LEVEL": "1", "ZLEVEL": "2"}, "twice"),
        ({"PREDICTOR": "3"}, "floats"),
        ({"PREDICTOR": "2", "COMPRESS": "NONE"}, "COMPRESS=NONE"),
        ({"BIGTIFF": "MAYBE"}, "IF_NEEDED"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_written(tmp_path, options, told):
    """E-USE-01, exit code 2, telling what is allowed."""
    spec = make_spec((20, 30))
    with pytest.raises(UsageError) as caught:
        write_tiff(tmp_path / "a.tif", spec, iter(()), options=options)
    assert caught.value.id == "E-USE-01"
    assert told in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_options_are_read_from_pairs():
    """K=V as on the command line, in any case; a value may hold the sign."""
    assert parse_pairs(["compress=zstd", "A=b=c"]) == {"COMPRESS": "zstd", "A": "b=c"}
    for wrong in (["compress"], ["=x"], ["a=1", "A=2"]):
        with pytest.raises(UsageError):
            parse_pairs(wrong)


def test_pixels_of_other_kinds_are_refused():
    """E-OUT-04 for complex numbers, half floats, bool, and images without a pixel."""
    for dtype in ("complex64", "float16", "bool", "U3"):
        with pytest.raises(OutputError) as caught:
            make_spec((20, 30), dtype=dtype)
        assert caught.value.id == "E-OUT-04"
    with pytest.raises(OutputError):
        make_spec((0, 30))


def test_tiles_too_large_for_readers_are_refused(tmp_path):
    """Many bands pixel by pixel make huge tiles; the hint leads to band by band, which works."""
    spec = make_spec((20, 30), 5000, "float64")
    with pytest.raises(OutputError) as caught:
        write_tiff(tmp_path / "a.tif", spec, [])
    assert caught.value.id == "E-OUT-04"
    write_tiff(tmp_path / "a.tif", spec, [], options={"INTERLEAVE": "BAND"})
    with rasterio.open(tmp_path / "a.tif") as image:
        assert image.count == 5000


WRONG: dict[str, Any] = {
    "outside": Piece((0, 21, 0, 30), np.zeros((1, 21, 30), "uint16")),
    "empty": Piece((5, 5, 0, 30), np.zeros((1, 0, 30), "uint16")),
    "shape": Piece((0, 20, 0, 30), np.zeros((2, 20, 30), "uint16")),
    "dtype": Piece((0, 20, 0, 30), np.zeros((1, 20, 30), "int16")),
    "byte order": Piece((0, 20, 0, 30), np.zeros((1, 20, 30), ">u2")),
    "mask": Piece((0, 20, 0, 30), np.zeros((1, 20, 30), "uint16"), np.zeros((20, 30), bool)),
    "mask shape": Piece((0, 20, 0, 30), np.zeros((1, 20, 30), "uint16"), np.ones((20, 29), bool)),
    "raw": Piece((0, 10, 0, 30), None, raw=b"x"),
    "nothing": Piece((0, 20, 0, 30), None),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_piece_that_does_not_fit_is_an_internal_error(tmp_path, name):
    """The writer checks what it is given, and leaves nothing."""
    with pytest.raises(OutputError) as caught:
        write_tiff(tmp_path / "a.tif", make_spec((20, 30)), [WRONG[name]])
    assert caught.value.id == "E-INT-01"
    assert list(tmp_path.iterdir()) == []


def test_pieces_out_of_order_are_an_internal_error(tmp_path):
    """Overlapping pieces, or pieces that come too late, would be lost silently otherwise."""
    spec = make_spec((64, 64))
    a, b = (Piece((row, row + 32, 0, 64), np.ones((1, 32, 64), "uint16")) for row in (0, 32))
    left, right = (Piece((0, 32, col, col + 32), np.ones((1, 32, 32), "uint16")) for col in (0, 32))
    for pieces in ([b, a], [a, a], [right, left], [a, right]):
        with pytest.raises(OutputError) as caught:
            write_tiff(tmp_path / "a.tif", spec, pieces, options=SMALL)
        assert caught.value.id == "E-INT-01"


def test_an_error_of_the_source_passes_and_leaves_nothing(tmp_path):
    """What pieces raise reaches the caller as it is, while tiles are being encoded."""
    spec: ImageSpec = make_spec((64, 64))

    def broken() -> Any:
        yield from cut(make_pixels(spec), [0, 32], [0, 32, 64])
        raise RasterError("E-RAS-02", "the raster is truncated")

    with pytest.raises(RasterError):
        write_tiff(tmp_path / "a.tif", spec, broken(), options=SMALL, workers=3)
    assert list(tmp_path.iterdir()) == []
