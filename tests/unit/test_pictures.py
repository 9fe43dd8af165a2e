"""Pictures and the choice of formats: channels, alpha, what a format cannot hold, and names."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest
from affine import Affine
from numpy.testing import assert_array_equal

from georoi.errors import MemoryBudgetError, OutputError, OutputExistsError, UsageError
from georoi.io.output.outputs import FORMATS, check_output, output_format, suffix_of, write_image
from tests.images import cut, make_pixels, make_spec, steps, whole

PIXELS = {"affine": Affine.identity(), "crs": None}


def read(path):
    return np.atleast_3d(imagecodecs.imread(str(path)))


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_png_is_exact_and_has_alpha_from_the_mask(tmp_path, dtype, count):
    """1 and 3 bands, 8 and 16 bits; with a mask there is a last channel, full where valid."""
    for has_mask in (False, True):
        spec = make_spec((40, 50), count, dtype, has_mask=has_mask, **PIXELS)
        pixels = make_pixels(spec)
        valid = np.random.default_rng(0).random((40, 50)) > 0.5 if has_mask else None
        pieces = cut(pixels, steps(40, 16), steps(50, 16), valid=valid)
        written = write_image(tmp_path / "a.png", spec, pieces, overwrite=True)
        stored = read(written.path)
        assert stored.dtype == dtype
        assert stored.shape[-1] == count + has_mask
        assert_array_equal(np.moveaxis(stored, -1, 0)[:count], pixels)
        if valid is not None:
            assert_array_equal(stored[..., -1], np.where(valid, np.iinfo(dtype).max, 0))
        assert written.format == "PNG"
        assert written.notes == ()


def test_nodata_and_missing_pieces_are_transparent(tmp_path):
    """A pixel is there if any band differs from nodata; what no piece covers is not."""
    spec = make_spec((20, 30), 3, "uint8", nodata=0, **PIXELS)
    pixels = np.zeros((3, 20, 30), dtype="uint8")
    pixels[2, :5] = 9
    write_image(tmp_path / "a.png", spec, cut(pixels, [0, 20], [0, 10, 30], left_out=frozenset({1})))
    expected = np.zeros((20, 30), dtype="uint8")
    expected[:5, :10] = 255
    assert_array_equal(read(tmp_path / "a.png")[..., 3], expected)
    write_image(tmp_path / "b.png", spec, [])
    assert not read(tmp_path / "b.png").any()


@pytest.mark.parametrize("count", [1, 3])
def test_jpeg_is_close(tmp_path, count):
    """Values change a little; channels and place do not. A mask that hides nothing is no hindrance."""
    for has_mask in (False, True):
        spec = make_spec((64, 64), count, "uint8", has_mask=has_mask, **PIXELS)
        ramp = np.linspace(0, 255, 64).astype("uint8")
        pixels = np.stack(
            [np.tile(ramp + band * 0, (64, 1)).T if band else np.tile(ramp, (64, 1)) for band in range(count)]
        )
        written = write_image(tmp_path / "a.jpg", spec, whole(pixels), overwrite=True)
        stored = np.moveaxis(read(written.path), -1, 0).astype(int)
        assert np.abs(stored - pixels).mean() < 4
    sizes = [
        write_image(tmp_path / f"{quality}.jpg", spec, whole(pixels), options={"QUALITY": quality}).bytes
        for quality in (10, 95)
    ]
    assert sizes[0] < sizes[1]


def test_jpeg_refuses_what_it_cannot_tell(tmp_path):
    """E-OUT-04 with a hint where pixels are missing, by mask, nodata or lack of a piece; nothing is left."""
    for more in ({"has_mask": True}, {"nodata": 0}):
        spec = make_spec((20, 30), 3, "uint8", **more, **PIXELS)
        pixels = np.ones((3, 20, 30), dtype="uint8")
        with pytest.raises(OutputError) as caught:
            write_image(tmp_path / "a.jpg", spec, cut(pixels, [0, 20], [0, 10, 30], left_out=frozenset({1})))
        assert caught.value.id == "E-OUT-04"
        assert "PNG" in str(caught.value.hint)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "count", "dtype"),
    [
        ("a.jpg", 1, "uint16"),
        ("a.jpg", 4, "uint8"),
        ("a.png", 2, "uint8"),
        ("a.png", 3, "float32"),
        ("a.png", 1, "int16"),
    ],
)
def test_images_that_are_no_pictures_are_refused(tmp_path, name, count, dtype):
    """E-OUT-04 before the first piece is drawn."""

    def never():
        pytest.fail("a piece was drawn")
        yield

    with pytest.raises(OutputError) as caught:
        write_image(tmp_path / name, make_spec((20, 30), count, dtype), never())
    assert caught.value.id == "E-OUT-04"
    assert caught.value.hint


def test_huge_pictures_are_refused(tmp_path):
    """E-MEM-01 beyond the memory budget, E-OUT-04 beyond the formats' sides."""
    with pytest.raises(MemoryBudgetError) as caught:
        write_image(tmp_path / "a.png", make_spec((30_000, 30_000), 3, "uint8"), [])
    assert caught.value.id == "E-MEM-01"
    with pytest.raises(OutputError) as refused:
        write_image(tmp_path / "a.png", make_spec((1, 70_000), 1, "uint8"), [])
    assert refused.value.id == "E-OUT-04"


def test_a_lost_georeference_is_noted(tmp_path):
    """A picture of a georeferenced raster is fine; the result says what is lost."""
    spec = make_spec((20, 30), dtype="uint8")
    assert "georeference" in write_image(tmp_path / "a.png", spec, whole(make_pixels(spec))).notes[0]


def test_a_wrong_option_is_refused(tmp_path):
    """Each format has its own."""
    spec = make_spec((20, 30), dtype="uint8")
    for name, options in (("a.png", {"QUALITY": 3}), ("a.jpg", {"QUALITY": 101}), ("a.jpg", {"LEVEL": 1})):
        with pytest.raises(UsageError):
            write_image(tmp_path / name, spec, [], options=options)


@pytest.mark.parametrize(
    ("path", "of", "expected"),
    [
        ("a.tif", None, "GTiff"),
        ("a.TIFF", None, "GTiff"),
        ("a.tif", "cog", "COG"),
        ("a.dat", "GeoTIFF", "GTiff"),
        ("b/a.zarr", None, "Zarr"),
        ("a.png", None, "PNG"),
        ("a.jpeg", None, "JPEG"),
        ("a", " jpg ", "JPEG"),
    ],
)
def test_the_format_is_the_one_asked_for_or_that_of_the_name(path, of, expected):
    """`of` comes first, in any case; else the ending tells."""
    assert output_format(path, of) == expected
    assert output_format("x" + suffix_of(expected), None if expected != "COG" else "COG") == expected


@pytest.mark.parametrize(
    ("path", "of"), [("a", None), ("a.gif", None), ("a.tif", "GIF"), ("a.tif.bak", None)]
)
def test_an_unknown_format_is_refused(path, of):
    """E-OUT-04 tells those that exist."""
    with pytest.raises(OutputError) as caught:
        output_format(path, of)
    assert caught.value.id == "E-OUT-04"
    assert all(name in str(caught.value.hint) for name in FORMATS)


def test_an_output_is_checked_without_writing(tmp_path):
    """Before a plan is made: format, folder, existing output."""
    assert check_output(tmp_path / "a.tif") == "GTiff"
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a.tif").write_bytes(b"")
    with pytest.raises(OutputExistsError):
        check_output(tmp_path / "a.tif")
    assert check_output(tmp_path / "a.tif", overwrite=True, of="COG") == "COG"
    with pytest.raises(OutputError):
        check_output(tmp_path / "no" / "a.tif")


def test_masks_are_black_and_white_and_dark_pictures_are_told(tmp_path):
    """A mask is 0 and 255; small values are kept, with a note, unless a pixel is bright."""
    mask = make_spec((4, 4), 1, "uint8", kind="mask", **PIXELS)
    pixels = np.eye(4, dtype="uint8")[None]
    assert write_image(tmp_path / "m.png", mask, whole(pixels)).notes == ()
    assert_array_equal(read(tmp_path / "m.png")[..., 0], pixels[0] * 255)
    for dtype, largest in (("uint8", "3 of 255"), ("uint16", "3 of 65,535")):
        plain = make_spec((4, 4), 1, dtype, **PIXELS)
        values = (pixels * 3).astype(dtype)
        (note,) = write_image(tmp_path / "d.png", plain, whole(values), overwrite=True).notes
        assert largest in note
        assert_array_equal(read(tmp_path / "d.png")[..., 0], values[0])


@pytest.mark.parametrize("kind", ["mask", "labels"])
def test_jpeg_is_refused_for_masks_and_labels(tmp_path, kind):
    """Changed values would be other ROIs, or neither inside nor outside."""
    spec = make_spec((4, 4), 1, "uint8", kind=kind, **PIXELS)
    with pytest.raises(OutputError, match="JPEG changes values") as caught:
        write_image(tmp_path / "m.jpg", spec, whole(np.eye(4, dtype="uint8")[None]))
    assert caught.value.id == "E-OUT-04"
    assert not any(tmp_path.iterdir())
