"""Write a GeoTIFF from pieces as they come: tiles encoded on threads, appended in order, directory last."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from georoi.errors import OutputError
from georoi.io.output.assemble import assemble
from georoi.io.output.codec import EncodedTile, map_in_order, tile_grid
from georoi.io.output.commit import Output
from georoi.io.output.creation import GTIFF_OPTIONS, choose_storage, parse_options
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
from georoi.io.output.geotags import make_geotags
from georoi.io.output.spec import ImageSpec, Piece, Written


def write_tiff(
    path: str | os.PathLike[str],
    spec: ImageSpec,
    pieces: Iterable[Piece],
    *,
    options: Mapping[str, object] | None = None,
    overwrite: bool = False,
    workers: int | None = None,
) -> Written:
    """Write a tiled GeoTIFF, streaming: memory is a few tiles, or a row of them where pieces are no tiles.

    A tile that holds nothing but nodata, or is wholly masked, is left out (sparse); readers see nodata, or
    masked zeros. The bytes depend on the pixels and options alone, not on the pieces' lattice or the number
    of threads. Whether it is a BigTIFF is decided by its true size at the end. The layout is: 16 bytes for
    the header, tiles in row-major order each followed by its part of the mask, the image's directory, the
    mask's directory.

    Args:
        path: The output.
        spec: The image.
        pieces: Its pieces, in the order that `Piece` states; drawn once, on the calling thread.
        options: BLOCKSIZE (512), COMPRESS (DEFLATE, ZSTD, LZW, NONE), PREDICTOR (2 for integers, 3 for
            floats), LEVEL or ZLEVEL (1), INTERLEAVE (PIXEL, BAND), BIGTIFF (IF_NEEDED, YES, NO).
        overwrite: Whether an existing file may be replaced.
        workers: Threads that encode; None for one per processor.

    Raises:
        UsageError: E-USE-01 for an unknown option or value.
        OutputExistsError: E-OUT-01.
        OutputError: E-OUT-02, E-OUT-03, E-OUT-05; E-OUT-04 if it does not fit a classic TIFF and BIGTIFF=NO.
    """
    storage = choose_storage(spec, parse_options(options, GTIFF_OPTIONS, "GTiff"))
    codec = storage.codec
    with Output(path, overwrite=overwrite, reserve=HEAD) as output:
        geotags, notes = make_geotags(spec)
        tiles_yx = tile_grid(spec.shape, codec.tile_shape)
        image = TileIndex(tiles_yx, spec.count if codec.by_band else 1)
        mask = TileIndex(tiles_yx) if spec.has_mask else None
        encoded = map_in_order(codec, assemble(spec, pieces, codec.tile_shape), workers)
        for tile in encoded:
            _append(output, tile, image, mask)
            if storage.bigtiff == "NO" and output.tell() > CLASSIC_LIMIT:
                raise _too_large()

        def directories(big: bool) -> list[list[Tag]]:
            tags = [[*image_tags(spec, codec, spec.shape), *geotags, *image.tags(big=big)]]
            if mask is not None:
                tags.append([*mask_tags(codec, spec.shape), *mask.tags(big=big)])
            return tags

        output.write(bytes(-output.tell() % 8))
        first = output.tell()
        big = storage.bigtiff == "YES"
        if not big:
            end = first + sum(directory_size(tags, big=False) for tags in directories(big=False))
            big = end > CLASSIC_LIMIT
        if big and storage.bigtiff == "NO":
            raise _too_large()
        output.write(encode_directories(directories(big), first, big=big))
        return output.commit("GTiff", head=encode_header(first, big=big), notes=notes)


def _append(output: Output, tile: EncodedTile, image: TileIndex, mask: TileIndex | None) -> None:
    for number, plane in enumerate(tile.planes):
        image.put(tile.row, tile.col, output.tell(), len(plane), number)
        output.write(plane)
    if mask is not None and tile.mask is not None:
        mask.put(tile.row, tile.col, output.tell(), len(tile.mask))
        output.write(tile.mask)


def _too_large() -> OutputError:
    return OutputError(
        "E-OUT-04",
        "the image takes more than 4 GiB, which a classic TIFF cannot hold",
        hint="use BIGTIFF=IF_NEEDED",
    )
