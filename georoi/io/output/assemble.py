"""Turn pieces on any lattice into tiles of the output, in row-major order, keeping only what is open."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from georoi.errors import OutputError
from georoi.grid import Window
from georoi.io.output.spec import ImageSpec, Number, Piece


class Tile(NamedTuple):
    """One tile of the output, clipped to the image: its place, its pixels, and which of them are valid."""

    row: int
    """Number of the tile's row, from 0."""
    col: int
    values: NDArray[np.generic] | None
    """Shape (bands, rows, cols); None only where `raw` stands for it."""
    valid: NDArray[np.bool_] | None
    """Shape (rows, cols); None where the image has no mask."""
    raw: bytes | None = None


class Assembler:
    """Takes pieces with `add` and gives the tiles that each makes complete; `finish` gives the rest.

    Tiles leave in row-major order whatever the lattice of the pieces, so what is written does not depend on
    it. A tile is complete when no later piece can touch it:

        pieces arrive band by band       | done | piece | to come     tile c is complete once its columns are
        and, in one, left to right       |______|_______|________     done, and its rows end in this band

    Only the topmost row of tiles that a band touches may leave within the band; others wait for the band's
    end. With pieces that are tiles of the output, one tile is open at a time and none is copied.

    Args:
        spec: The image.
        tile_shape: Rows and columns of a tile.
        shape: Rows and columns, where they are not those of the image, as for its overviews.
    """

    def __init__(
        self, spec: ImageSpec, tile_shape: tuple[int, int], shape: tuple[int, int] | None = None
    ) -> None:
        self._spec = spec
        self._rows, self._cols = shape or spec.shape
        self._tile_shape = tile_shape
        self._open: dict[tuple[int, int], Tile] = {}
        self._queue: list[tuple[int, int]] = []
        self._band = (0, 0)
        self._done_col = 0

    def add(self, piece: Piece) -> Iterator[Tile]:
        """Place a piece; give the tiles that no later piece can touch.

        Raises:
            OutputError: E-INT-01 if the piece does not follow the order that `Piece` states, or does not fit
            the image.
        """
        self._check(piece)
        row0, row1, _, col1 = piece.window
        is_next_band = row0 >= self._band[1]
        self._band = (row0, row1) if is_next_band else (self._band[0], max(row1, self._band[1]))
        self._place(piece)
        self._done_col = col1
        yield from self._take()

    def finish(self) -> Iterator[Tile]:
        """Give the tiles that are still open."""
        self._band = (self._rows, self._rows)
        yield from self._take()

    def _check(self, piece: Piece) -> None:
        row0, row1, col0, col1 = piece.window
        inside = 0 <= row0 < row1 <= self._rows and 0 <= col0 < col1 <= self._cols
        follows = row0 >= self._band[1] or (row0 == self._band[0] and col0 >= self._done_col)
        if not (inside and follows):
            raise OutputError(
                "E-INT-01", f"the piece at window {tuple(piece.window)} is out of order or place"
            )
        shape = (row1 - row0, col1 - col0)
        if piece.values is None:
            if piece.raw is None or not self._is_tile(piece.window):
                raise OutputError("E-INT-01", f"the piece at window {tuple(piece.window)} has no values")
        elif piece.values.shape != (self._spec.count, *shape) or piece.values.dtype != self._spec.dtype:
            raise OutputError(
                "E-INT-01",
                f"a piece of {piece.values.shape} {piece.values.dtype} does not fit its window or the image",
            )
        if piece.valid is not None:
            if piece.valid.shape != shape or piece.valid.dtype != np.bool_:
                raise OutputError("E-INT-01", "the validity of a piece is no bool array of its window")
            if not self._spec.has_mask and not piece.valid.all():
                raise OutputError("E-INT-01", "a piece has masked pixels, but the image has no mask")

    def _is_tile(self, window: Window) -> bool:
        rows, cols = self._tile_shape
        row0, row1, col0, col1 = window
        at_corner = row0 % rows == 0 and col0 % cols == 0
        return at_corner and row1 == min(row0 + rows, self._rows) and col1 == min(col0 + cols, self._cols)

    def _place(self, piece: Piece) -> None:
        row0, row1, col0, col1 = piece.window
        rows, cols = self._tile_shape
        if self._is_tile(piece.window):
            valid = piece.valid
            if self._spec.has_mask and valid is None:
                valid = np.ones((row1 - row0, col1 - col0), dtype=np.bool_)
            self._store(Tile(row0 // rows, col0 // cols, piece.values, valid, piece.raw))
            return
        for row in range(row0 // rows, (row1 - 1) // rows + 1):
            for col in range(col0 // cols, (col1 - 1) // cols + 1):
                self._copy(piece, self._open.get((row, col)) or self._make(row, col))

    def _copy(self, piece: Piece, tile: Tile) -> None:
        row0, row1, col0, col1 = piece.window
        top, left = tile.row * self._tile_shape[0], tile.col * self._tile_shape[1]
        r0, r1 = max(row0, top), min(row1, top + self._tile_shape[0])
        c0, c1 = max(col0, left), min(col1, left + self._tile_shape[1])
        there = (slice(r0 - top, r1 - top), slice(c0 - left, c1 - left))
        here = (slice(r0 - row0, r1 - row0), slice(c0 - col0, c1 - col0))
        if tile.values is not None and piece.values is not None:
            tile.values[(slice(None), *there)] = piece.values[(slice(None), *here)]
        if tile.valid is not None:
            tile.valid[there] = True if piece.valid is None else piece.valid[here]

    def _make(self, row: int, col: int) -> Tile:
        height = min(self._tile_shape[0], self._rows - row * self._tile_shape[0])
        width = min(self._tile_shape[1], self._cols - col * self._tile_shape[1])
        values = np.full((self._spec.count, height, width), self._spec.fill, dtype=self._spec.dtype)
        valid = np.zeros((height, width), dtype=np.bool_) if self._spec.has_mask else None
        return self._store(Tile(row, col, values, valid))

    def _store(self, tile: Tile) -> Tile:
        self._open[tile.row, tile.col] = tile
        heapq.heappush(self._queue, (tile.row, tile.col))
        return tile

    def _take(self) -> Iterator[Tile]:
        while self._queue and self._is_complete(*self._queue[0]):
            yield self._open.pop(heapq.heappop(self._queue))

    def _is_complete(self, row: int, col: int) -> bool:
        rows, cols = self._tile_shape
        last_row = min((row + 1) * rows, self._rows)
        if last_row <= self._band[0]:
            return True
        last_col = min((col + 1) * cols, self._cols)
        return row == self._band[0] // rows and last_row <= self._band[1] and last_col <= self._done_col


def assemble(spec: ImageSpec, pieces: Iterable[Piece], tile_shape: tuple[int, int]) -> Iterator[Tile]:
    """Give the tiles of an image in row-major order; tiles without a pixel other than fill are left out.

    Args:
        spec: The image.
        pieces: Its pieces, in the order that `Piece` states.
        tile_shape: Rows and columns of a tile.
    """
    assembler = Assembler(spec, tile_shape)
    for piece in pieces:
        yield from (tile for tile in assembler.add(piece) if not is_empty(tile, spec.fill))
    yield from (tile for tile in assembler.finish() if not is_empty(tile, spec.fill))


def is_empty(tile: Tile, fill: Number) -> bool:
    """Tell whether a tile holds nothing: all pixels masked or, in an image without mask, all values fill."""
    if tile.valid is not None:
        return not tile.valid.any()
    values = tile.values
    if values is None:
        return False
    if fill != fill:
        return bool(np.isnan(values.flat[0]) and np.isnan(values).all())
    first = np.asarray(fill, dtype=values.dtype)
    if values.flat[0] != first:
        return False
    if values.dtype.kind == "f" and fill == 0:  # -0.0 equals 0.0, but is another value to a reader
        return not (values.any() or np.signbit(values).any())
    return bool((values == first).all())
