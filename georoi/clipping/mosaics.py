"""ROI images put back on the grid that they were cut from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from georoi.clipping.chunks import ChunkSize, cut_window
from georoi.clipping.filling import Filling, choose_filling
from georoi.clipping.merging import OVERLAPS, Part, merge
from georoi.clipping.windows import intersect, place_in
from georoi.crs import same_crs
from georoi.engine.lazy import as_lazy, compute_now, is_lazy, lazy_mosaic, make_name
from georoi.errors import RasterError, UsageError
from georoi.grid import Window, describe, grid_crs, to_pixels, to_world
from georoi.io.array.arrays import ArraySource, find_nodata, read_array
from georoi.io.array.bands import BAND, band_scaling, carry_bands
from georoi.io.array.georeferencing import COVERAGE, make_array
from georoi.options import CELL
from georoi.values.naming import some
from georoi.values.raster import Header, Number

TOLERANCE = 1e-3
"""How far an image's pixels may be from those of the grid, in pixels."""


@dataclass(frozen=True, eq=False)
class _Image:
    """An image to be pasted."""

    id: object
    source: ArraySource
    window: Window
    """Its place on the grid, which it may reach past."""


@dataclass(frozen=True, eq=False)
class _Merging:
    """What the task of a chunk needs beside the parts of the images: opaque to dask."""

    window: Window
    shape: tuple[int, ...]
    overlap: str
    ids: tuple[object, ...]
    windows: tuple[Window, ...]
    fillings: tuple[Filling, ...]
    weighted: tuple[bool, ...]
    """Whether the values of an image are followed by its weights."""


def paste_images(
    images: object,
    like: Header,
    *,
    overlap: str = "first",
    nodata: Number | None = None,
    chunks: ChunkSize = None,
) -> xr.DataArray:
    """Put images back on a grid; see `georoi.paste`."""
    if overlap not in OVERLAPS:
        raise UsageError(
            "E-USE-01",
            f"overlap must be one of {', '.join(OVERLAPS)}, not {overlap!r}",
            hint="it says what a pixel gets that several images have data for",
        )
    placed = [_place(id, read_array(image, pixel=like.is_pixel), like) for id, image in _list_images(images)]
    first = placed[0].source
    placed = [replace(image, source=_in_order_of(first, image)) for image in placed]
    _refuse_mixed_scales(placed)
    header = _common_header(placed, like)
    filling = choose_filling(header, nodata=nodata)
    data = _merge_lazily(placed, header, filling, overlap, chunks)
    if not any(is_lazy(image.source.array.data) for image in placed):
        data = compute_now(data)[0]
    rows, cols = header.shape
    dims = (str(dim) for dim in first.array.dims[:-2])
    array = make_array(
        data,
        header,
        (0, rows, 0, cols),
        leading={dim: first.array.coords[dim].values if dim in first.array.coords else None for dim in dims},
        nodata=filling.nodata,
        name=first.header.name,
        attrs={"window": (0, rows, 0, cols), "overlap": overlap, "scaled": int(first.is_scaled)},
    )
    return carry_bands(first.array, array, [image.source.array for image in placed[1:]])


def _list_images(images: object) -> list[tuple[object, xr.DataArray]]:
    """Make (id, image) pairs of a mapping, of pairs, or of bare images, which are numbered."""
    if isinstance(images, xr.DataArray):
        return [(0, images)]
    if isinstance(images, Mapping):
        images = images.items()
    if not isinstance(images, Iterable):
        raise UsageError("E-USE-01", f"a {type(images).__name__} holds no images", hint="give DataArrays")
    pairs = []
    for number, item in enumerate(images):
        id, image = item if isinstance(item, tuple) and len(item) == 2 else (number, item)
        if not isinstance(image, xr.DataArray):
            raise UsageError(
                "E-USE-01",
                f"image {number} is a {type(image).__name__}, not a DataArray",
                hint="give what clip_each gives, DataArrays, or (id, DataArray) pairs",
            )
        pairs.append((id, image))
    if not pairs:
        raise UsageError(
            "E-USE-01",
            "there is no image to paste",
            hint="give at least one; an iterator that was run through once is empty",
        )
    return pairs


def _in_order_of(first: ArraySource, image: _Image) -> ArraySource:
    """Put an image's axes before the spatial ones, and the labels along them, in the order of another's.

    Raises:
        UsageError: E-USE-01 if the axes, their lengths or their labels are not the same.
    """
    wanted, array = first.array, image.source.array
    axes = wanted.dims[:-2]
    if set(array.dims[:-2]) != set(axes):
        raise _other_bands(image, tuple(wanted.dims[:-2]), tuple(array.dims[:-2]))
    array = array.transpose(*axes, ...)
    for axis in axes:
        ours, theirs = wanted.indexes.get(axis), array.indexes.get(axis)
        if wanted.sizes[axis] != array.sizes[axis]:
            raise _other_bands(image, f"{wanted.sizes[axis]} {axis}", f"{array.sizes[axis]} {axis}")
        if ours is None or theirs is None or ours.equals(theirs):
            continue
        if not theirs.is_unique or not ours.is_unique or (theirs.get_indexer(ours) < 0).any():
            raise _other_bands(image, f"{axis} {some(ours)}", f"{axis} {some(theirs)}")
        array = array.isel({axis: theirs.get_indexer(ours)})
    single = [str(one.coords[BAND].values) for one in (wanted, array) if BAND in one.coords]
    if BAND not in axes and len(set(single)) > 1:
        raise _other_bands(image, f"band {single[0]}", f"band {single[1]}")
    header = replace(image.source.header, nodata=find_nodata(array))
    return replace(image.source, array=array, header=header)


def _other_bands(image: _Image, wanted: object, found: object) -> UsageError:
    return UsageError(
        "E-USE-01",
        "the images do not have the same bands, so they cannot be pasted together",
        found={"first image": str(wanted), f"image {image.id}": str(found)},
        hint="clip them with the same bands=, or select the bands that all have",
    )


def _place(id: object, source: ArraySource, like: Header) -> _Image:
    """Find the window of an image on the grid.

    Raises:
        RasterError: E-RAS-11 if its pixels are not pixels of the grid.
    """
    grid, target = source.header.grid, like.grid
    rows, cols = source.header.shape
    corners = np.array([0.0, cols, cols, 0.0]), np.array([0.0, 0.0, rows, rows])
    here, there = grid_crs(grid), grid_crs(target)
    if (here is None and there is None) or (here is not None and there is not None and same_crs(here, there)):
        x, y = to_pixels(target, *to_world(grid, *corners))
        col, row = round(float(x[0])), round(float(y[0]))
        if np.hypot(x - col - corners[0], y - row - corners[1]).max() <= TOLERANCE:
            return _Image(id, source, (row, row + rows, col, col + cols))
    raise RasterError(
        "E-RAS-11",
        f"image {id} does not lie on the grid that it is to be pasted on",
        found={"image": describe(grid), "grid": describe(target)},
        hint="paste images on the raster that they were clipped from",
    )


def _common_header(images: list[_Image], like: Header) -> Header:
    """Describe the mosaic: the grid of `like`, the bands of the images, a dtype that holds all of them."""
    headers = [image.source.header for image in images]
    kinds = [np.dtype(header.dtype) for header in headers]
    kind = np.result_type(*kinds)
    inexact = [other for other in kinds if not _holds(kind, other)]
    if inexact:
        raise UsageError(
            "E-USE-01",
            f"no dtype holds the values of all images: {kind} would change those of {inexact[0]}",
            found={"dtypes": ", ".join(sorted({str(other) for other in kinds}))},
            hint="convert the images to one dtype first, such as image.astype('int64')",
        )
    nodata = tuple({str(value): value for header in headers for value in header.nodata}.values())
    same = len({str(header.nodata) for header in headers}) == 1
    return replace(
        headers[0],
        grid=like.grid,
        georeference=like.georeference,
        dtype=str(kind),
        nodata=headers[0].nodata if same else nodata,
    )


def _holds(kind: np.dtype[Any], other: np.dtype[Any]) -> bool:
    """Tell whether a dtype that numpy chose holds every value of another exactly: floats may lack digits."""
    if kind.kind != "f" or other.kind not in "iu":
        return True
    return bool(np.iinfo(other).bits - (other.kind == "i") <= np.finfo(kind).nmant + 1)


def _refuse_mixed_scales(images: list[_Image]) -> None:
    """Refuse images whose stored values do not mean the same.

    Raises:
        UsageError: E-USE-01.
    """
    known = {
        (image.source.is_scaled, *(() if image.source.is_scaled else band_scaling(image.source.array)))
        for image in images
    }
    if len(known) > 1:
        raise UsageError(
            "E-USE-01",
            "the images do not have the same scale and offset, so their values do not mean the same",
            found={
                "scale and offset": "; ".join(
                    sorted("applied" if len(one) == 1 else f"{one[1:]}" for one in known)
                )
            },
            hint="open the rasters that they come from with scaled=True",
        )


def _merge_lazily(
    images: list[_Image], header: Header, filling: Filling, overlap: str, chunks: ChunkSize
) -> Any:
    rows, cols = header.shape
    leading = images[0].source.array.shape[:-2]
    depth = int(np.prod(leading, dtype=np.int64)) * np.dtype(filling.dtype).itemsize
    row_cuts, col_cuts = cut_window((0, rows, 0, cols), (CELL, CELL), chunks, depth)
    payloads, parts = {}, {}
    for place, window, touching in _meetings(images, row_cuts, col_cuts):
        index = (*(0,) * len(leading), *place)
        shares = tuple(intersect(image.window, window) for image in touching)
        weighted = tuple(overlap == "blend" and COVERAGE in image.source.array.coords for image in touching)
        payloads[index] = _Merging(
            window,
            (*leading, window[1] - window[0], window[3] - window[2]),
            overlap,
            tuple(image.id for image in touching),
            shares,
            tuple(_filling_of(image.source, filling) for image in touching),
            weighted,
        )
        parts[index] = [
            _part_of(array, place_in(share, image.window))
            for image, share, both in zip(touching, shares, weighted, strict=True)
            for array in _arrays_of(image.source, both)
        ]
    lengths = (tuple(np.diff(row_cuts).tolist()), tuple(np.diff(col_cuts).tolist()))
    names = [part.name for several in parts.values() for part in several]
    return lazy_mosaic(
        _merge_chunk,
        payloads,
        parts,
        chunks=(*((side,) for side in leading), *lengths),
        dtype=filling.dtype,
        fill=filling.value,
        name=make_name("paste", [image.window for image in images], names, filling, overlap, lengths),
    )


def _meetings(
    images: list[_Image], row_cuts: NDArray[np.int64], col_cuts: NDArray[np.int64]
) -> list[tuple[tuple[int, int], Window, list[_Image]]]:
    """Find the chunks that images reach into, as (place, window, images in their order), row-major."""
    found: dict[tuple[int, int], list[_Image]] = {}
    for image in images:
        rows, cols = (
            range(
                max(0, int(np.searchsorted(cuts, start, side="right")) - 1),
                min(len(cuts) - 1, int(np.searchsorted(cuts, stop, side="left"))),
            )
            for cuts, start, stop in ((row_cuts, *image.window[:2]), (col_cuts, *image.window[2:]))
        )
        for i in rows:
            for j in cols:
                found.setdefault((i, j), []).append(image)
    return [
        ((i, j), (int(row_cuts[i]), int(row_cuts[i + 1]), int(col_cuts[j]), int(col_cuts[j + 1])), several)
        for (i, j), several in sorted(found.items(), key=lambda item: item[0])
    ]


def _arrays_of(source: ArraySource, with_weights: bool) -> list[Any]:
    """Give the image's data and, if they are wanted, its weights; numpy or dask (untyped)."""
    data = [source.array.data]
    if with_weights:
        data.append(source.array.coords[COVERAGE].transpose(*source.dims).data)
    return data


def _part_of(array: Any, place: tuple[slice, slice]) -> Any:
    part = array[(..., *place)]
    return part if is_lazy(part) else as_lazy(part, tuple((side,) for side in part.shape))


def _filling_of(source: ArraySource, filling: Filling) -> Filling:
    """Say how the values of one image are written down in the mosaic."""
    foreign = tuple(None if str(value) == str(filling.value) else value for value in source.header.nodata)
    return replace(filling, foreign=foreign, axis=source.band_axis)


def _merge_chunk(work: _Merging, _shared: None, *arrays: NDArray[Any]) -> NDArray[Any]:
    remaining = iter(arrays)
    parts = [
        Part(id, window, filling.convert(next(remaining)), next(remaining) if both else None)
        for id, window, filling, both in zip(
            work.ids, work.windows, work.fillings, work.weighted, strict=True
        )
    ]
    filling = work.fillings[0]
    return merge(parts, work.window, work.shape, filling.dtype, filling.value, work.overlap)
