"""Pixels on another grid, window by window: the same values however the windows are cut.

GDAL's warper works on fixed cells of the target grid, so that what it interpolates is the same for every
window, and is told what it would otherwise guess from the window: the size of its kernels, which is that of
the whole grids. Validity travels as an alpha band. Cells whose source would be large are cut.
"""

from __future__ import annotations

import math
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

from georoi.crs import find_operation, lonlat_bounds, same_crs, transform_points
from georoi.errors import CRSError
from georoi.grid import Window, crop_grid, grid_bounds, grid_crs, to_pixels, to_world
from georoi.values.composition import WARP_CELL
from georoi.values.raster import Number

TOLERANCE = 1e-3
"""How far GDAL may place a pixel from its exact place, in pixels of the source."""
SOURCE_BYTES = 128 * 2**20
"""A cell is cut while its source would take more than this, unless it is one pixel."""

_RADIUS = {"nearest": 1, "bilinear": 1, "cubic": 2, "lanczos": 3}
"""Half the width of a kernel in source pixels, at a scale of 1; others take the pixels they cover."""

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
            needed = find_source_window(source, target, part, resampling) if place else None
            if place is None or needed is None:
                continue
            rows, cols = part[1] - part[0], part[3] - part[2]
            size = (needed[1] - needed[0]) * (needed[3] - needed[2]) * pixel_bytes
            if size > SOURCE_BYTES and rows * cols > 1:
                todo += _halve(part)
                continue
            grids = crop_grid(source, needed), crop_grid(target, part)
            made, good = _warp_part(*read(needed), *grids, scales(source, target), resampling)
            inside = _slices(place, part)
            into = _slices(place, window)
            values[into], valid[into] = made[inside], good[inside]
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


def find_source_window(source: GeoBox, target: GeoBox, window: Window, resampling: str) -> Window | None:
    """Find the window of the source grid that holds every pixel under a window of the target, or None."""
    row0, row1, col0, col1 = window
    cols, rows = _edge_points(col0, col1), _edge_points(row0, row1)
    x, y = np.meshgrid(cols, rows)
    x, y = _to_source(source, target, x.ravel(), y.ravel())
    finite = np.isfinite(x) & np.isfinite(y)
    if not finite.any():
        return None
    scale_x, scale_y = scales(source, target)
    reach = _RADIUS.get(resampling, 1)
    margin_x = reach * max(1.0, scale_x) + 2
    margin_y = reach * max(1.0, scale_y) + 2
    top, bottom = math.floor(y[finite].min() - margin_y), math.ceil(y[finite].max() + margin_y)
    left, right = math.floor(x[finite].min() - margin_x), math.ceil(x[finite].max() + margin_x)
    height, width = (int(side) for side in source.shape)
    found = (max(0, top), min(height, bottom), max(0, left), min(width, right))
    return found if found[0] < found[1] and found[2] < found[3] else None


@lru_cache(maxsize=256)
def _scales(source: GeoBox, target: GeoBox) -> tuple[float, float]:
    rows, cols = source.shape
    x, y = _to_source(target, source, np.array([cols / 2]), np.array([rows / 2]))
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return 1.0, 1.0
    steps_x, steps_y = x[0] + np.array([0.0, 1.0, 0.0]), y[0] + np.array([0.0, 0.0, 1.0])
    col, row = _to_source(source, target, steps_x, steps_y)
    across = math.hypot(col[1] - col[0], col[2] - col[0])
    along = math.hypot(row[1] - row[0], row[2] - row[0])
    sides = [side if math.isfinite(side) and side > 0 else 1.0 for side in (across, along)]
    return _settled(sides[0]), _settled(sides[1])


def scales(source: GeoBox, target: GeoBox) -> tuple[float, float]:
    """Give how many pixels of the source a pixel of the target is wide and high, in the middle of the source.

    Within 5 % of 1 it is 1, as GDAL has it.
    """
    return _scales(source, target)


def _settled(scale: float) -> float:
    return 1.0 if abs(scale - 1) < 0.05 else scale


def _edge_points(start: int, stop: int) -> NDArray[np.float64]:
    """Give at most 65 places from the first pixel's edge to the last one's."""
    return np.linspace(start, stop, min(stop - start, 64) + 1)


def _to_source(
    source: GeoBox, target: GeoBox, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bring pixel coordinates (columns, rows) of the target to those of the source."""
    moved = to_world(target, x, y)
    ours, theirs = grid_crs(target), grid_crs(source)
    if ours is not None and theirs is not None and not same_crs(ours, theirs):
        moved = transform_points(_operation(target, source), *moved)
    with np.errstate(invalid="ignore"):
        return to_pixels(source, *moved)


@lru_cache(maxsize=64)
def _operation(source: GeoBox, target: GeoBox) -> Any:  # a pyproj Transformer, whose name only crs knows
    crs, other = grid_crs(source), grid_crs(target)
    assert crs is not None
    assert other is not None
    try:
        area = lonlat_bounds(crs, grid_bounds(source))
    except CRSError:
        area = None
    return find_operation(crs, other, area)[0]


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
