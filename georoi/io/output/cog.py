"""Write a cloud-optimised GeoTIFF from pieces as they come: levels to scratch, then one ordered assembly."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from georoi.errors import OutputError
from georoi.io.output.assemble import Assembler, Tile, assemble, is_empty
from georoi.io.output.claims import translate
from georoi.io.output.codec import Codec, EncodedTile, map_in_order, tile_grid
from georoi.io.output.commit import Output, write_all
from georoi.io.output.creation import COG_OPTIONS, Storage, choose_storage, parse_options
from georoi.io.output.directory import (
    CLASSIC_LIMIT,
    HEAD,
    Tag,
    TileIndex,
    directory_size,
    encode_directories,
    encode_header,
    image_tags,
    mask_tags,
)
from georoi.io.output.geotags import NODATA_TAG, make_geotags
from georoi.io.output.spec import ImageSpec, Piece, Written
from georoi.kernels.halving import Rule, halve

_COPY = 1 << 22
_LEADER = 4
Shape = tuple[int, int]


def write_cog(
    path: str | os.PathLike[str],
    spec: ImageSpec,
    pieces: Iterable[Piece],
    *,
    options: Mapping[str, object] | None = None,
    overwrite: bool = False,
    workers: int | None = None,
) -> Written:
    """Write a cloud-optimised GeoTIFF, streaming: memory is about two rows of tiles, scratch as the file.

    Overviews are by 2 down to one tile. Every tile of one level, while it is in memory, makes a quarter of a
    tile of the next, so pixels are never read back. Layout, as GDAL's COG driver writes and announces it:

        header | announcement | directories: image, mask, overview, mask, ... | smallest level | ... | image

    where each tile has its size before it, its last four bytes repeated behind it, and its mask after that.

    Args:
        path: The output.
        spec: The image.
        pieces: Its pieces, in the order that `Piece` states; drawn once, on the calling thread.
        options: Those of `write_tiff` but INTERLEAVE, and OVERVIEW_RESAMPLING (AVERAGE; NEAREST is the
            default for images with a palette) and OVERVIEWS (AUTO, NONE).
        overwrite: Whether an existing file may be replaced.
        workers: Threads that encode; None for one per processor.

    Raises:
        UsageError: E-USE-01 for an unknown option or value.
        OutputExistsError: E-OUT-01.
        OutputError: E-OUT-02, E-OUT-03, E-OUT-05; E-OUT-04 if it does not fit a classic TIFF and BIGTIFF=NO.
    """
    parsed = parse_options(options, COG_OPTIONS, "COG")
    storage = choose_storage(spec, parsed)
    resampling = parsed.get("OVERVIEW_RESAMPLING", "AVERAGE" if spec.colors is None else "NEAREST")
    shapes = _level_shapes(spec.shape, storage.codec.tile_shape, parsed)
    with Output(path, overwrite=overwrite) as output, output.scratch() as folder:
        geotags, notes = make_geotags(spec)
        with contextlib.ExitStack() as stack:
            levels = [
                stack.enter_context(_Level(folder / str(number), shape, storage.codec, spec, output.path))
                for number, shape in enumerate(shapes)
            ]
            cascade = _Cascade(spec, shapes, storage.codec, resampling.lower())
            for work in cascade.run(assemble(spec, pieces, storage.codec.tile_shape), workers):
                levels[work.level].append(work.encoded)
            _put_together(output, levels, geotags, storage, has_mask=spec.has_mask)
        return output.commit("COG", notes=notes)


def _level_shapes(shape: Shape, tile_shape: Shape, options: Mapping[str, Any]) -> list[Shape]:
    shapes = [shape]
    if options.get("OVERVIEWS") != "NONE":
        while max(shapes[-1]) > max(tile_shape):
            rows, cols = shapes[-1]
            shapes.append((-(-rows // 2), -(-cols // 2)))
    return shapes


class _Work(NamedTuple):
    """A tile of a level, encoded, and the part of the next level that it makes."""

    level: int
    encoded: EncodedTile
    halved: Piece | None


class _Cascade:
    """Makes the tiles of all levels out of those of full resolution, halving and encoding on threads."""

    def __init__(self, spec: ImageSpec, shapes: list[Shape], codec: Codec, rule: Rule) -> None:
        self._spec, self._codec, self._rule = spec, codec, rule
        self._assemblers = [Assembler(spec, codec.tile_shape, shape) for shape in shapes[1:]]

    def run(self, tiles: Iterable[Tile], workers: int | None) -> Iterator[_Work]:
        """Give the tiles of all levels, each level's in row-major order."""
        yield from map_in_order(self._work, ((0, tile) for tile in tiles), workers, self._follow)
        for level, assembler in enumerate(self._assemblers, start=1):
            rest = self._numbered(level, assembler.finish())
            yield from map_in_order(self._work, rest, workers, self._follow)

    def _numbered(self, level: int, tiles: Iterable[Tile]) -> Iterator[tuple[int, Tile]]:
        return ((level, tile) for tile in tiles if not is_empty(tile, self._spec.fill))

    def _work(self, item: tuple[int, Tile]) -> _Work:
        level, tile = item
        encoded = self._codec(tile)
        if level == len(self._assemblers):
            return _Work(level, encoded, None)
        if tile.values is None:
            raise OutputError("E-INT-01", "a COG with overviews needs the values of every piece")
        values, valid = halve(tile.values, tile.valid, nodata=self._spec.nodata, rule=self._rule)
        row, col = tile.row * self._codec.tile_shape[0] // 2, tile.col * self._codec.tile_shape[1] // 2
        window = (row, row + values.shape[1], col, col + values.shape[2])
        return _Work(level, encoded, Piece(window, values, valid))

    def _follow(self, work: _Work) -> Iterator[tuple[int, Tile]]:
        if work.halved is None:
            return iter(())
        return self._numbered(work.level + 1, self._assemblers[work.level].add(work.halved))


class _Level:
    """The tiles of one level, in a scratch file just as they will lie in the output."""

    def __init__(self, path: Path, shape: Shape, codec: Codec, spec: ImageSpec, target: Path) -> None:
        self.shape = shape
        self.size = 0
        self._path, self._codec, self._spec, self._target = path, codec, spec, target
        tiles_yx = tile_grid(shape, codec.tile_shape)
        self._image = TileIndex(tiles_yx)
        self._mask = TileIndex(tiles_yx) if spec.has_mask else None

    def __enter__(self) -> _Level:
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise translate(error, self._target) from error
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def append(self, tile: EncodedTile) -> None:
        """Write a tile and its mask."""
        self._append(tile, tile.planes[0], self._image)
        if self._mask is not None and tile.mask is not None:
            self._append(tile, tile.mask, self._mask)

    def _append(self, tile: EncodedTile, data: bytes, index: TileIndex) -> None:
        leader, trailer = len(data).to_bytes(_LEADER, "little"), data[-4:].rjust(4, b"\0")
        index.put(tile.row, tile.col, self.size + _LEADER, len(data))
        write_all(self._file, b"".join([leader, data, trailer]), self._target)
        self.size += _LEADER + len(data) + len(trailer)

    def tags(self, at: int, *, big: bool, is_overview: bool, geotags: list[Tag]) -> list[list[Tag]]:
        """Give the level's directories, once its tiles are known to start at `at`."""
        tags = image_tags(self._spec, self._codec, self.shape, is_overview=is_overview)
        found = [[*tags, *geotags, *self._image.moved(at).tags(big=big)]]
        if self._mask is not None:
            tags = mask_tags(self._codec, self.shape, is_overview=is_overview)
            found.append([*tags, *self._mask.moved(at).tags(big=big)])
        return found

    def copy_to(self, output: Output) -> None:
        """Append all tiles to the output."""
        at = 0
        while at < self.size:
            try:
                data = os.pread(self._file, _COPY, at)
            except OSError as error:
                raise translate(error, self._target) from error
            if not data:
                raise OutputError("E-OUT-03", f"the scratch of {self._target.name} was cut short")
            output.write(data)
            at += len(data)


def _announce(*, has_mask: bool) -> bytes:
    """Give the text that tells readers of the layout (GDAL's COG driver: "header ghost area")."""
    lines = ["LAYOUT=IFDS_BEFORE_DATA", "BLOCK_ORDER=ROW_MAJOR", "BLOCK_LEADER=SIZE_AS_UINT4"]
    lines += ["BLOCK_TRAILER=LAST_4_BYTES_REPEATED", "KNOWN_INCOMPATIBLE_EDITION=NO"]
    text = "".join(line + "\n" for line in lines) + " "  # room for YES, should an editor break the layout
    if has_mask:
        text += "MASK_INTERLEAVED_WITH_IMAGERY=YES\n"
    return f"GDAL_STRUCTURAL_METADATA_SIZE={len(text):06d} bytes\n{text}".encode("ascii")


def _put_together(
    output: Output, levels: list[_Level], geotags: list[Tag], storage: Storage, *, has_mask: bool
) -> None:
    announcement = _announce(has_mask=has_mask)

    def directories(big: bool, data: int) -> list[list[Tag]]:
        found: list[list[Tag]] = []
        for number, level in enumerate(levels):
            at = data + sum(smaller.size for smaller in levels[number + 1 :])
            kept = geotags if number == 0 else [tag for tag in geotags if tag.code == NODATA_TAG]
            found += level.tags(at, big=big, is_overview=number > 0, geotags=kept)
        return found

    def measure(big: bool) -> tuple[int, int]:
        first = -(-((HEAD if big else HEAD // 2) + len(announcement)) // 8) * 8
        return first, first + sum(directory_size(tags, big=big) for tags in directories(big, 0))

    big = storage.bigtiff == "YES" or measure(False)[1] + sum(level.size for level in levels) > CLASSIC_LIMIT
    if big and storage.bigtiff == "NO":
        raise OutputError(
            "E-OUT-04",
            "the image takes more than 4 GiB, which a classic TIFF cannot hold",
            hint="use BIGTIFF=IF_NEEDED",
        )
    first, data = measure(big)
    header = encode_header(first, big=big)[: HEAD if big else HEAD // 2]
    output.write((header + announcement).ljust(first, b"\0"))
    output.write(encode_directories(directories(big, data), first, big=big))
    for level in reversed(levels):
        level.copy_to(output)
