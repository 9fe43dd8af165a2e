"""Georeferenced DataArrays as sources: their grid, bands and nodata, wherever these are kept."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from affine import Affine
from numpy.typing import NDArray
from odc.geo.xr import spatial_dims

from georoi.crs import CRS, parse_crs
from georoi.errors import GeoroiWarning, RasterError
from georoi.grid import make_grid, to_pixels
from georoi.io.array.bands import (
    BAND,
    band_names,
    band_numbers,
    band_scaling,
    band_values,
    count_bands,
    settle_bands,
)
from georoi.io.raster.nodata import fit_nodata
from georoi.options import CELL
from georoi.values.bands import BandRequest, find_bands
from georoi.values.raster import Georeference, Header, Number

REGULAR = 1e-2
"""How far a coordinate may be from its place on an even spacing, in pixels."""
SAME_PLACE = 1e-3
"""How far coordinates may be from the lattice of a stored transform for that transform to hold, in pixels."""


@dataclass(frozen=True, eq=False)
class ArraySource:
    """A DataArray made ready to be worked on: axes (..., y, x), and a header as a raster file has one."""

    array: xr.DataArray
    """The array, its two spatial axes last."""
    header: Header
    dims: tuple[str, str]
    """Names of the spatial axes, rows first."""
    grid_mapping: str
    """Name of the coordinate that tells CRS and transform."""

    @property
    def band_axis(self) -> int:
        """Which axis the bands lie along, counted from the last; the third-last without any."""
        dims = self.array.dims
        return dims.index(BAND) - len(dims) if BAND in dims else -3

    @property
    def is_scaled(self) -> bool:
        """Whether scale and offset are applied, by georoi, or by whoever decoded it and left their mark."""
        decoded = {"scale_factor", "add_offset"} & set(self.array.encoding)
        return bool(self.array.attrs.get("scaled", bool(decoded)))


def read_array(array: xr.DataArray, *, bands: BandRequest | None = None, pixel: bool = False) -> ArraySource:
    """Read the grid and nodata of a DataArray as made by georoi, rioxarray, odc-geo or by hand.

    Args:
        array: Numpy or dask inside; dimensions in any order.
        bands: Which bands to keep, by number (the `band` coordinate if it holds numbers, else from 1) or by
            name (the `band` coordinate if it holds texts, else `long_name`).
        pixel: Whether an array of unknown CRS is to be taken as one in pixel space.

    Raises:
        RasterError: E-RAS-10 if it has no two spatial axes, coordinates that are not evenly spaced, or lists
            that do not tell which band has which nodata value; E-RAS-04 if it has no such band; E-RAS-09 if
            it holds no real numbers.
        CRSError: E-CRS-04 if its CRS is not understood.
    """
    if array.dtype.kind not in "biuf":
        raise RasterError(
            "E-RAS-09", f"the array holds {array.dtype}, not real numbers", found={"array": _title(array)}
        )
    dims = find_spatial_dims(array)
    if not array.size:
        raise RasterError(
            "E-RAS-10",
            f"{_title(array)} has no pixels",
            found={"array": ", ".join(f"{count} along {dim}" for dim, count in array.sizes.items())},
            hint="check what was selected: a slice of coordinates runs in the order that these have",
        )
    array = array.transpose(..., *dims)
    names, nodata = band_names(array), find_nodata(array)
    if bands is not None:
        array, kept = _select(array, bands, names)
        names, nodata = tuple(names[i] for i in kept), tuple(nodata[i] for i in kept)
    array = settle_bands(array, names)
    mapping, attributes, crs = _find_crs(array)
    declared = "pixel" if attributes.get("georeference") == Georeference.PIXEL else None
    georeference = Georeference.CRS
    if crs is None:
        georeference = Georeference.PIXEL if declared or pixel else Georeference.UNKNOWN
    shape = (int(array.sizes[dims[0]]), int(array.sizes[dims[1]]))
    header = Header(
        grid=make_grid(shape, _find_transform(array, dims, attributes), crs),
        band_names=names,
        dtype=str(array.dtype),
        nodata=nodata,
        block_shape=_block_shape(array),
        name=_title(array),
        georeference=georeference,
    )
    return ArraySource(array, header, dims, mapping)


def find_spatial_dims(array: xr.DataArray) -> tuple[str, str]:
    """Find the spatial dimensions, rows first: (y, x), (latitude, longitude), (lat, lon), else the last two.

    Raises:
        RasterError: E-RAS-10 if there are none.
    """
    dims = spatial_dims(array)
    if dims is None and array.ndim >= 2 and not {BAND, "time"} & {str(dim) for dim in array.dims[-2:]}:
        dims = (str(array.dims[-2]), str(array.dims[-1]))
    if dims is None:
        raise RasterError(
            "E-RAS-10",
            "the array has no spatial dimensions",
            found={"array": f"{_title(array)}, dimensions {tuple(array.dims)}"},
            hint="name them y and x",
        )
    return dims


def find_nodata(array: xr.DataArray) -> tuple[Number | None, ...]:
    """Give for each band the value that marks invalid pixels in the array as it is now, or None.

    rioxarray and xarray move `_FillValue` to the encoding when they mask an array, whose invalid pixels are
    then NaN; otherwise it stands in the attributes, under one of several names. xarray's former open_rasterio
    lists values per band.

    Raises:
        RasterError: E-RAS-10 if there is a list that does not tell which band has which value.
    """
    count = count_bands(array)
    masked = array.encoding.get("_FillValue")
    if masked is not None and array.dtype.kind == "f":
        return (math.nan,) * count
    places = [array.attrs.get(name) for name in ("_FillValue", "nodata", "missing_value", "fill_value")]
    declared = next((value for value in places if value is not None), None)
    if declared is not None:
        return (_fit(array, declared),) * count
    several = band_values(array, "nodatavals")
    if several is not None:
        fitted = {str(value): _fit(array, value) for value in several}
        values = tuple(fitted[str(value)] for value in several)
        return values * count if len(values) == 1 else values
    return (None if masked is None else _fit(array, masked),) * count


def _fit(array: xr.DataArray, declared: Any) -> Number | None:
    """Give a declared value as the pixels hold it; None, with a warning, if they cannot."""
    if declared is None or np.ndim(declared) != 0 or array.dtype.kind == "b":
        return None
    number: Number = np.asarray(declared).item()
    if number != number and array.dtype.kind in "iu":
        return None  # how lists say that a band declares none
    try:
        return fit_nodata(number, str(array.dtype))
    except RasterError:
        warnings.warn(
            f"nodata {number} of {_title(array)} does not fit {array.dtype} and is ignored",
            GeoroiWarning,
            stacklevel=2,
        )
        return None


def _title(array: xr.DataArray) -> str:
    return str(array.name) if array.name is not None else "the array"


def _select(
    array: xr.DataArray, bands: BandRequest, names: tuple[str, ...]
) -> tuple[xr.DataArray, tuple[int, ...]]:
    """Give the bands asked for, and their places in the array."""
    if BAND not in array.dims:
        raise RasterError(
            "E-RAS-04",
            f"{_title(array)} has no dimension called band to choose from",
            found={"array": f"dimensions {tuple(array.dims)}"},
        )
    band_scaling(array)  # a list that does not tell which band has which would seem to after the choice
    kept = find_bands(bands, band_numbers(array), names, _title(array))
    return array.isel({BAND: list(kept)}), kept


def _find_crs(array: xr.DataArray) -> tuple[str, dict[str, Any], CRS | None]:
    """Find the coordinate that tells the CRS, as (its name, its attributes, the CRS or None)."""
    name = array.encoding.get("grid_mapping", array.attrs.get("grid_mapping"))
    scalars = {str(key): coord for key, coord in array.coords.items() if coord.ndim == 0}
    if name not in scalars:
        known = (key for key, coord in scalars.items() if {"spatial_ref", "crs_wkt"} & set(coord.attrs))
        name = next(known, "spatial_ref")
    attributes = dict(scalars[name].attrs) if name in scalars else {}
    places = [
        attributes,
        array.attrs,
        *(array.coords[dim].attrs for dim in array.dims if dim in array.coords),
    ]
    for place in places:
        for key in ("crs_wkt", "spatial_ref", "crs"):
            if place.get(key):
                return str(name), attributes, parse_crs(place[key])
    return str(name), attributes, None


def _find_transform(array: xr.DataArray, dims: tuple[str, str], attributes: dict[str, Any]) -> Affine:
    """Give the transform from pixels to the world.

    The stored one is taken to the bit where the coordinates lie on its lattice, since a window cut by hand
    keeps the transform of the whole.
    """
    stored = _stored_transform(attributes)
    y, x = (array.coords[dim].values if dim in array.coords else None for dim in dims)
    if stored is not None and (stored.b or stored.d):
        return _move(stored, *_rotated_offset(array, stored, x, y))
    if x is None or y is None:
        return stored or Affine.identity()
    if stored is not None:
        col, row = _offset(x, stored.c, stored.a), _offset(y, stored.f, stored.e)
        if col is not None and row is not None:
            return _move(stored, col, row)
    width, height = (
        _step(array, dims[1], x, None if stored is None else stored.a),
        _step(array, dims[0], y, None if stored is None else stored.e),
    )
    return Affine(width, 0.0, float(x[0]) - width / 2, 0.0, height, float(y[0]) - height / 2)


def _stored_transform(attributes: dict[str, Any]) -> Affine | None:
    parts = str(attributes.get("GeoTransform", "")).split()
    try:
        c, a, b, f, d, e = map(float, parts)
    except ValueError:
        return None
    return Affine(a, b, c, d, e, f)


def _offset(centers: NDArray[Any], origin: float, step: float) -> int | None:
    """Give how many pixels from `origin` an axis starts, or None where it is off the lattice or strided."""
    place = (centers.astype(np.float64) - origin) / step - 0.5
    first = round(float(place[0]))
    slack = SAME_PLACE + _rounding(centers) / abs(step)
    on_lattice = np.abs(place - (first + np.arange(len(place)))).max() <= slack
    return first if on_lattice else None


def _step(array: xr.DataArray, dim: str, centers: NDArray[Any], stored: float | None) -> float:
    """Give the signed distance between pixel centres along an axis."""
    values = centers.astype(np.float64)
    if len(values) == 1:
        known = array.coords[dim].attrs.get("resolution", stored)
        if known is None:
            raise _uneven(array, dim, "a single coordinate, which does not tell the size of a pixel")
        return float(known)
    step = float(values[-1] - values[0]) / (len(values) - 1)
    if step == 0 or not math.isfinite(step):
        raise _uneven(array, dim, f"from {values[0]} to {values[-1]}")
    away = np.abs(values - (values[0] + step * np.arange(len(values)))).max()
    if away > REGULAR * abs(step) + _rounding(centers):
        raise _uneven(array, dim, f"up to {away / abs(step):.3g} pixels away from an even spacing")
    return step


def _rounding(centers: NDArray[Any]) -> float:
    """Give how far rounding to the dtype of the coordinates may have moved them."""
    if centers.dtype.kind != "f" or centers.dtype.itemsize >= 8:
        return 0.0
    return 2 * float(np.finfo(centers.dtype).eps) * float(np.abs(centers).max())


def _rotated_offset(
    array: xr.DataArray, stored: Affine, x: NDArray[Any] | None, y: NDArray[Any] | None
) -> tuple[int, int]:
    """Give the (column, row) of a rotated array's first pixel in the grid of its stored transform.

    odc-geo and georoi give such arrays axes that count pixels, rioxarray two planes of coordinates, xc, yc.
    """
    if x is not None and y is not None:
        return round(float(x[0]) - 0.5), round(float(y[0]) - 0.5)
    if {"xc", "yc"} <= set(array.coords):
        corner = (float(array.coords[name].values[0, 0]) for name in ("xc", "yc"))
        col, row = (float(place) for place in to_pixels(make_grid((1, 1), stored), *corner))
        return round(col - 0.5), round(row - 0.5)
    return 0, 0


def _move(affine: Affine, col: int, row: int) -> Affine:
    """Give the transform of the same grid counted from another pixel."""
    a, b, c, d, e, f = affine[:6]
    return Affine(a, b, c + col * a + row * b, d, e, f + col * d + row * e)


def _uneven(array: xr.DataArray, dim: str, found: str) -> RasterError:
    return RasterError(
        "E-RAS-10",
        f"the coordinates of {_title(array)} along {dim} are not evenly spaced, so it has no grid",
        found={dim: found},
    )


def _block_shape(array: xr.DataArray) -> tuple[int, int]:
    """Give rows and columns of its chunks where they are even, else of a canonical cell."""
    rows, cols = array.shape[-2:]
    if array.chunks is not None:
        height, width = (max(lengths) for lengths in array.chunks[-2:])
        even = all(
            set(lengths[:-1]) <= {longest}
            for lengths, longest in zip(array.chunks[-2:], (height, width), strict=True)
        )
        if even:
            return int(height), int(width)
    return min(CELL, int(rows)), min(CELL, int(cols))
