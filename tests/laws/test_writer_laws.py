"""Laws of the writers: whatever the lattice of pieces, GDAL reads the array, and the bytes are the same."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from georoi.io.output.assemble import Assembler, assemble
from georoi.io.output.cog import write_cog
from georoi.io.output.spec import DTYPES, ImageSpec, Piece
from georoi.io.output.tiff import write_tiff
from tests.images import cut, make_pixels, make_spec, whole


class Case(NamedTuple):
    """An image, cut along a lattice, and what a reader should see of it."""

    spec: ImageSpec
    pieces: list[Piece]
    expected: NDArray[Any]
    valid: NDArray[np.bool_]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw an image of up to 90 x 90 pixels, a lattice of up to 7 x 7 pieces, and pieces that are missing."""
    shape = (draw(st.integers(1, 90)), draw(st.integers(1, 90)))
    has_mask = draw(st.booleans())
    nodata = None if has_mask else draw(st.sampled_from([None, 0, 7]))
    count, dtype = draw(st.integers(1, 3)), draw(st.sampled_from(DTYPES))
    spec = make_spec(shape, count, dtype, has_mask=has_mask, nodata=nodata)
    pixels = make_pixels(spec, draw(st.integers(0, 10)))
    rows, cols = (
        sorted(
            {
                0,
                side,
                *draw(
                    st.lists(st.integers(0, side) | st.sampled_from([16, 32]).filter(side.__gt__), max_size=6)
                ),
            }
        )
        for side in shape
    )
    number = (len(rows) - 1) * (len(cols) - 1)
    left_out = frozenset(draw(st.sets(st.integers(0, number - 1), max_size=number)))
    valid = np.random.default_rng(0).random(shape) > draw(st.sampled_from([0.0, 0.5, 1.0]))
    pieces = list(cut(pixels, rows, cols, valid=valid if has_mask else None, left_out=left_out))
    expected = np.full_like(pixels, spec.fill)
    seen = np.zeros(shape, dtype=bool)
    for piece in pieces:
        part = (slice(*piece.window[:2]), slice(*piece.window[2:]))
        expected[(slice(None), *part)] = piece.values
        seen[part] = valid[part] if has_mask else True
    return Case(spec, pieces, expected, seen)


def check_read(path: Path, case: Case) -> None:
    with rasterio.open(path) as image:
        pixels, mask = image.read(), image.dataset_mask() > 0
    if case.spec.has_mask:
        assert_array_equal(mask, case.valid)
        assert_array_equal(pixels[:, case.valid], case.expected[:, case.valid])
    else:
        assert_array_equal(pixels, case.expected)


@given(case=cases(), interleave=st.sampled_from(["PIXEL", "BAND"]), workers=st.integers(1, 3))
def test_a_tiff_of_pieces_is_the_array(case: Case, interleave: str, workers: int) -> None:
    """GDAL reads back the array with fill in the gaps, and the mask."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.tif"
        options = {"BLOCKSIZE": 16, "INTERLEAVE": interleave}
        write_tiff(path, case.spec, case.pieces, options=options, workers=workers)
        check_read(path, case)


@given(case=cases())
def test_a_cog_of_pieces_is_the_array(case: Case) -> None:
    """The same, with overviews."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.tif"
        write_cog(path, case.spec, case.pieces, options={"BLOCKSIZE": 16})
        check_read(path, case)


@given(case=cases())
def test_the_bytes_do_not_depend_on_the_lattice(case: Case) -> None:
    """The same pixels as one piece make the same file."""
    if case.spec.has_mask:
        case.expected[:, ~case.valid] = 0
        for piece in case.pieces:
            assert piece.values is not None
            assert piece.valid is not None
            piece.values[:, ~piece.valid] = 0  # what is masked may differ, and is no pixel
    with tempfile.TemporaryDirectory() as folder:
        one = whole(case.expected, case.valid if case.spec.has_mask else None)
        for write in (write_tiff, write_cog):
            sums = {
                write(
                    Path(folder) / "a.tif", case.spec, pieces, options={"BLOCKSIZE": 16}, overwrite=True
                ).sha256
                for pieces in (one, case.pieces)
            }
            assert len(sums) == 1


@given(case=cases(), tile=st.sampled_from([(16, 16), (7, 31), (128, 128)]))
def test_tiles_come_in_row_major_order_and_once(case: Case, tile: tuple[int, int]) -> None:
    """Whatever the lattice; put together they are the array."""
    places = []
    found = np.full_like(case.expected, case.spec.fill)
    for made in assemble(case.spec, case.pieces, tile):
        places.append((made.row, made.col))
        assert made.values is not None
        _, rows, cols = made.values.shape
        part = (
            slice(made.row * tile[0], made.row * tile[0] + rows),
            slice(made.col * tile[1], made.col * tile[1] + cols),
        )
        found[(slice(None), *part)] = made.values
    assert places == sorted(set(places))
    seen = (
        np.broadcast_to(case.valid, found.shape) if case.spec.has_mask else np.ones(found.shape, dtype=bool)
    )
    assert_array_equal(found[seen], case.expected[seen])


@given(
    rows=st.integers(1, 6), cols=st.integers(1, 6), offset=st.tuples(st.integers(0, 15), st.integers(0, 15))
)
def test_memory_is_a_row_of_tiles(rows: int, cols: int, offset: tuple[int, int]) -> None:
    """With pieces as large as tiles, no more than a row and a tile are open, and none where they fit."""
    spec = make_spec((rows * 16, cols * 16))
    lattices = [
        sorted({0, side * 16, *range(start, side * 16, 16)})
        for side, start in zip((rows, cols), offset, strict=True)
    ]
    assembler, most = Assembler(spec, (16, 16)), 0
    for piece in cut(make_pixels(spec), *lattices):
        list(assembler.add(piece))
        most = max(most, len(assembler._open))
    assert most == 0 if offset == (0, 0) else most <= cols + 1
