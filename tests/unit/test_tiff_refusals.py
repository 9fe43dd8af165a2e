"""What the GeoTIFF writer refuses, and that it leaves nothing behind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import rasterio

from georoi.errors import OutputError, RasterError, UsageError
from georoi.io.output.creation import parse_pairs
from georoi.io.output.spec import ImageSpec, Piece
from georoi.io.output.tiff import write_tiff
from tests.images import cut, make_pixels, make_spec
from tests.tiffs import SMALL


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
