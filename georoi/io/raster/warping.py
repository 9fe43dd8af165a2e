"""Pixels on another grid, window by window: the same values however the windows are cut.

GDAL's warper works on fixed cells of the target grid, so that what it interpolates is the same for every
window, and is told what it would otherwise guess from the window: the size of its kernels, which is that of
the whole grids. Validity travels as an alpha band. Cells whose source would be large are cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.crs import CRS as RasterioCRS  # noqa: N811 - CRS is pyproj's in georoi
from rasterio.enums import ColorInterp, Resampling
from rasterio.io import MemoryFile
from rasterio.vrt import WarpedVRT

from georoi.crs import same_crs
from georoi.grid import Window, crop_grid, grid_crs
from georoi.planning.resampling import find_sources, scales
from georoi.values.composition import WARP_CELL
from georoi.values.raster import Number

TOLERANCE = 1e-3
"""How far GDAL may place a pixel from its exact place, in pixels of the source."""
SOURCE_BYTES = 128 * 2**20
"""A cell is cut while its source would take more than this, unless it is one pixel."""

Read = Callable[[Window], tuple[NDArray[Any], NDArray[np.bool_]]]


def warp(
    read: Read,
    source: GeoBox,
    target: GeoBox,
    window: Window,
    *,
    resampling: str,
    count: int,
    dtype: str,
    nodata: tuple[Number | None, ...],
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Resample a window of the target grid.

    As gdalwarp has it, a pixel is valid where a valid one is under it or its kernel, and valid pixels alone
    count in its value. Valid values are never the nodata value: one that would be is moved by the least step.

    Args:
        read: Reads a window of the source: values (bands, rows, cols) and which of them are valid.
        source: Grid of the source, in a CRS.
        target: Grid wanted, in a CRS.
        window: (row0, row1, col0, col1) of the target, not empty.
        resampling: One of `georoi.values.composition.RESAMPLINGS`.
        count: Number of bands.
        dtype: Of the values, no 64-bit integer.
        nodata: Per band, what values must not become.

    Returns:
        Values, shape (bands, rows, cols), 0 where not valid; and which are valid.
    """
    row0, row1, col0, col1 = window
    values = np.zeros((count, row1 - row0, col1 - col0), dtype=dtype)
    valid = np.zeros(values.shape, dtype=bool)
    pixel_bytes = count * (values.itemsize + 1)
    for cell in _cells(window, *target.shape):
        todo = [cell]
        while todo:
            part = todo.pop()
            place = _overlap(window, part)
            if place is None:
                continue
            sources = find_sources(source, target, part, resampling)
            rows, cols = part[1] - part[0], part[3] - part[2]
            areas = [(one[1] - one[0]) * (one[3] - one[2]) for one, _ in sources]
            if sum(areas) * pixel_bytes > SOURCE_BYTES and rows * cols > 1:
                todo += _halve(part)
                continue
            inside, into = _slices(place, part), _slices(place, window)
            for needed, grid in sources:
                grids = grid, crop_grid(target, part)
                made, good = _warp_part(*read(needed), *grids, scales(source, target), resampling)
                new = good[inside] & ~valid[into]
                np.copyto(values[into], made[inside], where=new)
                valid[into] |= new
    for band, value in enumerate(nodata):
        if value is not None:
            _keep_off(values[band], valid[band], value)
    return values, valid


def _cells(window: Window, height: int, width: int) -> Iterator[Window]:
    """Give the cells that a window meets, clipped to the grid."""
    row0, row1, col0, col1 = window
    for row in range(row0 // WARP_CELL * WARP_CELL, row1, WARP_CELL):
        for col in range(col0 // WARP_CELL * WARP_CELL, col1, WARP_CELL):
            yield row, min(row + WARP_CELL, height), col, min(col + WARP_CELL, width)


def _overlap(a: Window, b: Window) -> Window | None:
    found = max(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), min(a[3], b[3])
    return found if found[0] < found[1] and found[2] < found[3] else None


def _slices(part: Window, whole: Window) -> tuple[slice, slice, slice]:
    """Give the place of a window within another, for arrays (bands, rows, cols)."""
    rows = slice(part[0] - whole[0], part[1] - whole[0])
    return slice(None), rows, slice(part[2] - whole[2], part[3] - whole[2])


def _warp_part(
    values: NDArray[Any],
    valid: NDArray[np.bool_],
    source: GeoBox,
    target: GeoBox,
    scale_xy: tuple[float, float],
    resampling: str,
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Resample what was read; bands that are valid in the same places go together."""
    count, (rows, cols) = len(values), target.shape
    made = np.zeros((count, rows, cols), dtype=values.dtype)
    good = np.zeros(made.shape, dtype=bool)
    alike = bool((valid == valid[:1]).all())
    for bands in [slice(0, count)] if alike else [slice(band, band + 1) for band in range(count)]:
        shown = valid[bands.start]
        if shown.any():
            layers = np.concatenate([np.where(shown, values[bands], 0), shown[None]], dtype=values.dtype)
            result = _warp_layers(layers, source, target, scale_xy, resampling)
            good[bands] = result[-1] > 0
            made[bands] = np.where(good[bands], result[:-1], 0)
    return made, good


def _warp_layers(
    layers: NDArray[Any], source: GeoBox, target: GeoBox, scale_xy: tuple[float, float], resampling: str
) -> NDArray[Any]:
    """Resample layers, of which the last is alpha, 0 or 1."""
    ours, theirs = _for_gdal(source), _for_gdal(target)
    if same_crs(grid_crs(source), grid_crs(target)):
        theirs = ours
    count, height, width = layers.shape
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            count=count,
            height=height,
            width=width,
            dtype=layers.dtype,
            crs=ours,
            transform=source.affine,
            photometric="minisblack",
            interleave="band",
        ) as file:
            file.colorinterp = [ColorInterp.gray] * (count - 1) + [ColorInterp.alpha]
            file.write(layers)
        with (
            memory.open() as file,
            WarpedVRT(
                file,
                crs=theirs,
                transform=target.affine,
                height=target.shape[0],
                width=target.shape[1],
                resampling=Resampling[resampling],
                tolerance=TOLERANCE,
                XSCALE=1 / scale_xy[0],
                YSCALE=1 / scale_xy[1],
                SRC_ALPHA_MAX="1",
            ) as warped,
        ):
            result: NDArray[Any] = warped.read()
            return result


@lru_cache(maxsize=64)
def _gdal_crs(wkt: str) -> RasterioCRS:
    return RasterioCRS.from_wkt(wkt)


def _for_gdal(grid: GeoBox) -> RasterioCRS:
    crs = grid_crs(grid)
    assert crs is not None  # rasters in pixel space are not resampled
    return _gdal_crs(crs.to_wkt())


def _keep_off(values: NDArray[Any], valid: NDArray[np.bool_], nodata: Number) -> None:
    """Move valid values that came to be the nodata value by the least step, away from it."""
    if nodata != nodata:
        return
    hit = valid & (values == values.dtype.type(nodata))
    if not hit.any():
        return
    if values.dtype.kind == "f":
        values[hit] = np.nextafter(values.dtype.type(nodata), values.dtype.type(np.inf))
    else:
        values[hit] = nodata + 1 if nodata < np.iinfo(values.dtype).max else nodata - 1


def _halve(window: Window) -> list[Window]:
    row0, row1, col0, col1 = window
    if row1 - row0 >= col1 - col0:
        middle = (row0 + row1) // 2
        return [(row0, middle, col0, col1), (middle, row1, col0, col1)]
    middle = (col0 + col1) // 2
    return [(row0, row1, col0, middle), (row0, row1, middle, col1)]
