"""Write a Zarr v3 store from pieces as they come, into a private folder that is renamed when complete."""

from __future__ import annotations

import base64
import contextlib
import math
import os
import struct
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.crs import parse_crs
from georoi.errors import MissingExtraError, OutputError
from georoi.grid import to_world
from georoi.io.output.assemble import Tile, assemble
from georoi.io.output.claims import translate
from georoi.io.output.codec import map_in_order
from georoi.io.output.creation import Parser, parse_options, whole
from georoi.io.output.folders import OutputFolder
from georoi.io.output.spec import ImageSpec, Piece, Written

try:
    import zarr
    from zarr.codecs import ZstdCodec
except ImportError as error:  # the extra `zarr`
    raise MissingExtraError.of("zarr", "zarr") from error

VARIABLE = "image"
"""Name of the variable that holds the pixels, with dimensions (band, y, x)."""

_OPTIONS: Mapping[str, Parser] = {"BLOCKSIZE": whole(16, 8192), "LEVEL": whole(0, 22)}
_MAX_COORDINATES = 2_000_000
_MAX_CHUNK_BYTES = 1 << 24
_MARKS = ("zarr.json", ".zgroup", ".zarray", ".zmetadata")


def write_zarr(
    path: str | os.PathLike[str],
    spec: ImageSpec,
    pieces: Iterable[Piece],
    *,
    options: Mapping[str, object] | None = None,
    overwrite: bool = False,
    workers: int | None = None,
) -> Written:
    """Write a Zarr v3 store that `xarray.open_zarr` opens: `image` (band, y, x), `spatial_ref`, coordinates.

    Chunks that hold nothing but fill are left out. Coordinates x and y are written where they are 1-D (the
    grid is not rotated) and together no longer than two million; the grid is in `spatial_ref` in any case. An
    image with a mask gets it as the variable `valid` (y, x). Scale and offset become CF attributes where all
    bands share them, which xarray applies on opening; otherwise they are the lists `scales` and `offsets`.

    Args:
        path: The store's folder. With `overwrite`, only a Zarr store or an empty folder is replaced.
        spec: The image.
        pieces: Its pieces, in the order that `Piece` states; drawn once, on the calling thread.
        options: BLOCKSIZE (512), LEVEL of Zstandard (3).
        overwrite: Whether an existing store may be replaced.
        workers: Threads that encode; None for one per processor.

    Raises:
        UsageError: E-USE-01 for an unknown option or value.
        OutputExistsError: E-OUT-01.
        OutputError: E-OUT-02, E-OUT-03, E-OUT-05.
    """
    parsed = parse_options(options, _OPTIONS, "Zarr")
    side = parsed.get("BLOCKSIZE", 512)
    output = OutputFolder(path, overwrite=overwrite, may_replace=_is_store)
    with output as folder:
        with _translated(output.path):
            image, valid = _create(folder, spec, side, ZstdCodec(level=parsed.get("LEVEL", 3)))

        def store(tile: Tile) -> None:
            if tile.values is None:
                raise OutputError("E-INT-01", "Zarr takes values, not raw tiles")
            row, col = tile.row * side, tile.col * side
            _, rows, cols = tile.values.shape
            window = (slice(row, row + rows), slice(col, col + cols))
            with _translated(output.path):
                image[(slice(None), *window)] = tile.values
                if valid is not None and tile.valid is not None:
                    valid[window] = tile.valid

        for _ in map_in_order(store, assemble(spec, pieces, (side, side)), workers):
            pass
        with _translated(output.path):
            _consolidate(folder)
        return output.commit("Zarr")


@contextlib.contextmanager
def _translated(target: Path) -> Iterator[None]:
    """Make our errors of the system's; not around the pieces, whose errors are not the output's."""
    try:
        yield
    except OSError as error:
        raise translate(error, target) from error


def _consolidate(folder: Path) -> None:
    """Gather the metadata in one place, where xarray looks first; zarr warns that it is no standard."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        zarr.consolidate_metadata(folder)


def _is_store(folder: Path) -> bool:
    return any((folder / name).is_file() for name in _MARKS) or not any(folder.iterdir())


def _create(folder: Path, spec: ImageSpec, side: int, codec: Any) -> tuple[Any, Any]:
    rows, cols = spec.shape
    root = zarr.create_group(store=folder, zarr_format=3, attributes=dict(spec.tags))
    deep = max(1, min(spec.count, _MAX_CHUNK_BYTES // (side * side * np.dtype(spec.dtype).itemsize)))
    has_axes = _write_axes(root, spec)
    attributes = _attributes(spec)
    if has_axes:
        attributes["coordinates"] = "spatial_ref"
    image = root.create_array(
        VARIABLE,
        shape=(spec.count, rows, cols),
        chunks=(deep, side, side),
        dtype=spec.dtype,
        fill_value=spec.fill,
        compressors=codec,
        dimension_names=("band", "y", "x"),
        attributes=attributes,
        config={"write_empty_chunks": False},
    )
    if not spec.has_mask:
        return image, None
    valid = root.create_array(
        "valid",
        shape=(rows, cols),
        chunks=(side, side),
        dtype="bool",
        fill_value=False,
        compressors=codec,
        dimension_names=("y", "x"),
        attributes={"long_name": "valid pixels", "grid_mapping": "spatial_ref"},
        config={"write_empty_chunks": False},
    )
    return image, valid


def _attributes(spec: ImageSpec) -> dict[str, Any]:
    attributes: dict[str, Any] = {"grid_mapping": "spatial_ref"}
    if spec.nodata is not None:
        attributes["_FillValue"] = _encode_fill(spec.nodata, spec.dtype)
    if any(spec.band_names):
        attributes["long_name"] = list(spec.band_names)
    if any(scale != 1 for scale in spec.scales) or any(offset != 0 for offset in spec.offsets):
        scales = spec.scales or (1.0,) * spec.count
        offsets = spec.offsets or (0.0,) * spec.count
        if len(set(scales)) == len(set(offsets)) == 1:
            attributes |= {"scale_factor": float(scales[0]), "add_offset": float(offsets[0])}
        else:
            attributes |= {"scales": [float(s) for s in scales], "offsets": [float(o) for o in offsets]}
    if spec.has_mask:
        attributes["ancillary_variables"] = "valid"
    return attributes


def _encode_fill(nodata: int | float, dtype: str) -> int | str:
    """Give `_FillValue` as xarray stores it in Zarr v3: ints as they are, floats as base64 of float64."""
    if np.dtype(dtype).kind != "f":
        return int(nodata)
    return base64.standard_b64encode(struct.pack("<d", nodata)).decode("ascii")


def _write_axes(root: Any, spec: ImageSpec) -> bool:
    """Write `band`, `spatial_ref` and, where they are 1-D and not too long, `x` and `y`."""
    rows, cols = spec.shape
    _write_array(root, "band", np.arange(1, spec.count + 1), ("band",), {})
    a, b, c, d, e, f = (float(value) for value in spec.grid.affine[:6])
    reference: dict[str, Any] = {"GeoTransform": " ".join(repr(value) for value in (c, a, b, f, d, e))}
    crs = None if spec.grid.crs is None else parse_crs(spec.grid.crs)
    if crs is not None:
        reference = {**crs.to_cf(), "spatial_ref": crs.to_wkt(), **reference}
    _write_array(root, "spatial_ref", np.array(0), (), _plain(reference))
    if b or d or rows + cols > _MAX_COORDINATES:
        return False
    names = {axis["axis"]: axis for axis in crs.cs_to_cf()} if crs is not None else {}
    x = to_world(spec.grid, np.arange(cols) + 0.5, np.zeros(cols))[0]
    y = to_world(spec.grid, np.zeros(rows), np.arange(rows) + 0.5)[1]
    _write_array(root, "x", x, ("x",), _plain(names.get("X", {})))
    _write_array(root, "y", y, ("y",), _plain(names.get("Y", {})))
    return True


def _write_array(
    root: Any, name: str, values: NDArray[Any], dimensions: tuple[str, ...], attributes: Mapping[str, Any]
) -> None:
    array = root.create_array(
        name,
        shape=values.shape,
        chunks=values.shape or "auto",
        dtype=values.dtype,
        dimension_names=dimensions,
        attributes=dict(attributes),
        config={"write_empty_chunks": True},
    )
    array[...] = values


def _plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what JSON can say."""
    kept: dict[str, Any] = {}
    for key, value in attributes.items():
        if isinstance(value, (list, tuple)):
            kept[key] = [float(item) for item in value]
        elif isinstance(value, str) or (isinstance(value, (int, float)) and math.isfinite(value)):
            kept[key] = value
    return kept
