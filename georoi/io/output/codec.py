"""Encode tiles for TIFF in memory: predictor, compression, validity bits; many at once, handed on in order.

Measured on 512 x 512 x 4 uint16 and on Sentinel-2 and Landsat tiles, one core: libdeflate
(imagecodecs.deflate_encode, which writes zlib's format) at level 1 is 1.5 to 2.5 times as fast as at level 6
and within 2 % of its size on imagery (maps of few classes come out up to 40 % larger), 5 times as fast as
zlib, and ahead of zlib-ng in both. NumPy's differences, written straight into pixel order, take half the time
of a transposition followed by imagecodecs.delta_encode.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from georoi.io.output.assemble import Tile
from georoi.options import count_cores

Item = TypeVar("Item")
Result = TypeVar("Result")


class Scheme(NamedTuple):
    """A compression: its number in TIFF, and the level used where none is asked for."""

    code: int
    level: int | None
    levels: tuple[int, int]


SCHEMES = {
    "DEFLATE": Scheme(8, 1, (0, 12)),
    "ZSTD": Scheme(50_000, 9, (1, 22)),
    "LZW": Scheme(5, None, (0, 0)),
    "NONE": Scheme(1, None, (0, 0)),
}

_UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


class EncodedTile(NamedTuple):
    """A tile as it is stored."""

    row: int
    col: int
    planes: tuple[bytes, ...]
    """One for all bands where they are stored pixel by pixel, else one per band."""
    mask: bytes | None


@dataclass(frozen=True, kw_only=True)
class Codec:
    """How tiles of an image are encoded; calling it encodes one tile."""

    tile_shape: tuple[int, int]
    compression: str
    """A key of `SCHEMES`."""
    level: int | None
    predictor: int
    """1 none, 2 differences along rows, 3 the floating-point predictor (TIFF Technical Note 3)."""
    by_band: bool
    fill: int | float
    """What lies in the part of a tile beyond the image."""

    def __call__(self, tile: Tile) -> EncodedTile:
        """Encode a tile; it may be clipped to the image."""
        mask = None if tile.valid is None else self.encode_mask(tile.valid)
        if tile.raw is not None:
            return EncodedTile(tile.row, tile.col, (tile.raw,), mask)
        if tile.values is None:
            raise ValueError("a tile has neither values nor raw bytes")
        planes = tile.values[:, None] if self.by_band else tile.values[None]
        return EncodedTile(tile.row, tile.col, tuple(self.encode(plane) for plane in planes), mask)

    def encode(self, values: NDArray[np.generic]) -> bytes:
        """Encode an array (bands, rows, cols) of at most the tile's size, as the pixels of one tile."""
        pixels = self._arrange(values)
        if self.predictor == 3:
            pixels = imagecodecs.floatpred_encode(pixels, axis=-2)
        return self._compress(pixels)

    def encode_mask(self, valid: NDArray[np.bool_]) -> bytes:
        """Encode validity as one bit per pixel, always deflated."""
        padded = np.zeros(self.tile_shape, dtype=np.bool_)
        padded[: valid.shape[0], : valid.shape[1]] = valid
        return bytes(imagecodecs.deflate_encode(np.packbits(padded, axis=1).tobytes(), level=6))

    def _arrange(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """Bring bands to pixel order, filling up the tile; with predictor 2, write the differences."""
        bands, rows, cols = values.shape
        pixels = np.empty((*self.tile_shape, bands), dtype=values.dtype)
        if (rows, cols) != self.tile_shape:
            pixels[...] = np.asarray(self.fill, dtype=values.dtype)
        if self.predictor != 2:
            pixels.transpose(2, 0, 1)[:, :rows, :cols] = values
            return pixels
        unsigned = _UNSIGNED[values.dtype.itemsize]  # so that differences wrap around
        source, target = values.view(unsigned), pixels.view(unsigned).transpose(2, 0, 1)
        if (rows, cols) != self.tile_shape:
            target[:, :rows, :cols] = source
            source = target.copy()
        target[:, :, 0] = source[:, :, 0]
        np.subtract(source[:, :, 1:], source[:, :, :-1], out=target[:, :, 1:])
        return pixels

    def _compress(self, pixels: NDArray[np.generic]) -> bytes:
        if self.compression == "NONE":
            return pixels.tobytes()
        if self.compression == "LZW":
            return bytes(imagecodecs.lzw_encode(pixels.tobytes()))
        if self.compression == "ZSTD":
            return bytes(imagecodecs.zstd_encode(pixels.tobytes(), level=self.level))
        return bytes(imagecodecs.deflate_encode(pixels.tobytes(), level=self.level))


def map_in_order(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int | None = None,
    follow: Callable[[Result], Iterable[Item]] = lambda _: (),
) -> Iterator[Result]:
    """Apply a function on threads; give the results in the items' order, at most a few per thread in flight.

    Args:
        function: Releases the GIL where it matters.
        items: Drawn on the caller's thread, while earlier ones are worked on.
        workers: Threads; None for one per processor.
        follow: Gives further items that a result brings about; called on the caller's thread, in the order of
            results, just before the result is given.
    """
    count = workers or count_cores()
    if count == 1:
        yield from _map_here(function, items, follow)
        return
    pending: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(count, thread_name_prefix="georoi-encode")

    def take() -> Result:
        result = pending.popleft().result()
        pending.extend(pool.submit(function, further) for further in follow(result))
        return result

    try:
        for item in items:
            pending.append(pool.submit(function, item))
            while pending and (len(pending) > count + 1 or pending[0].done()):
                yield take()
        while pending:
            yield take()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _map_here(
    function: Callable[[Item], Result], items: Iterable[Item], follow: Callable[[Result], Iterable[Item]]
) -> Iterator[Result]:
    for item in items:
        waiting = deque([item])
        while waiting:
            result = function(waiting.popleft())
            waiting.extend(follow(result))
            yield result


def tile_grid(shape_yx: tuple[int, int], tile_shape: tuple[int, int]) -> tuple[int, int]:
    """Give the numbers of tile rows and columns that an image takes."""
    rows, cols = shape_yx
    return -(-rows // tile_shape[0]), -(-cols // tile_shape[1])
