"""Georeferenced DataArrays as results: coordinates of a window, `spatial_ref`, nodata, band names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_crs_coord

from georoi.grid import Window, crop_grid
from georoi.io.array.arrays import ArraySource
from georoi.io.array.bands import BAND, add_names
from georoi.values.raster import Georeference, Header, Number

SPATIAL_REF = "spatial_ref"
"""Name of the coordinate that tells CRS and transform, as rioxarray and odc-geo have it."""
COVERAGE = "coverage"
"""Name of the coordinate that holds the weights of pixels."""


def make_array(
    data: Any,
    header: Header,
    window: Window,
    *,
    leading: Mapping[str, ArrayLike | None] | None = None,
    nodata: Number | None = None,
    name: str | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> xr.DataArray:
    """Make a georeferenced DataArray (y, x), with axes before these if `leading` names them.

    Args:
        data: Numpy or dask array (Any: dask is untyped).
        header: Of the raster that the window lies in; its grid gives the coordinates, so that those of a
            window equal, to the bit, a slice of those of the whole.
        window: (row0, row1, col0, col1) of `data` in that raster.
        leading: Names of the axes before y and x, such as band, and their coordinates if they have any.
        nodata: To be declared.
        name: Of the array.
        attrs: Further attributes.
    """
    leading = leading or {}
    coords: dict[str, Any] = {
        dim: (dim, np.asarray(labels)) for dim, labels in leading.items() if labels is not None
    }
    coords |= _window_coords(header.grid, window)
    coords[SPATIAL_REF] = _spatial_ref(crop_grid(header.grid, window), header.georeference)
    array = xr.DataArray(data, dims=(*leading, "y", "x"), coords=coords, name=name, attrs=dict(attrs or {}))
    if BAND in leading:
        add_names(array, header.band_names)
    array.encoding["grid_mapping"] = SPATIAL_REF
    declare_nodata(array, nodata)
    return array


def crop_array(
    source: ArraySource,
    window: Window,
    data: Any,
    *,
    nodata: Number | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> xr.DataArray:
    """Make the DataArray of a window of another one, with its dimensions, coordinates, attributes and name.

    Args:
        source: The array that the window lies in.
        window: (row0, row1, col0, col1).
        data: What the window holds now, of its shape; numpy or dask (Any: dask is untyped).
        nodata: To be declared; None takes a declared one away.
        attrs: Attributes to add.
    """
    row0, row1, col0, col1 = window
    rows, cols = source.dims
    cropped = source.array.isel({rows: slice(row0, row1), cols: slice(col0, col1)}).copy(data=data)
    header = source.header
    axes = _window_coords(header.grid, window, source.dims)
    reference = _spatial_ref(crop_grid(header.grid, window), header.georeference)
    if source.grid_mapping in cropped.coords:
        known = cropped.coords[source.grid_mapping]
        reference = known.copy().assign_attrs({**reference.attrs, **known.attrs, **_transform_of(reference)})
    turned = bool(
        header.grid.affine.b or header.grid.affine.d
    )  # its axes count pixels, of the window from now on
    cropped = cropped.assign_coords(
        {source.grid_mapping: reference.variable}
        | {name: axis for name, axis in axes.items() if turned or name not in cropped.coords}
    )
    cropped.encoding = {**source.array.encoding, "grid_mapping": source.grid_mapping}
    cropped.attrs.pop("grid_mapping", None)
    cropped.attrs.update(attrs or {})
    declare_nodata(cropped, nodata)
    return cropped


def add_dates(array: xr.DataArray, dates: tuple[datetime | None, ...] | None) -> xr.DataArray:
    """Add when each band was taken as the coordinate `time` along the bands, if the file says so."""
    if dates is None:
        return array
    times = [None if date is None else date.replace(tzinfo=None) for date in dates]  # they are UTC already
    return array.assign_coords(time=(BAND, np.array(times, dtype="datetime64[ns]")))


def add_weights(array: xr.DataArray, weights: Any) -> xr.DataArray:
    """Add the weights of the pixels as a coordinate called coverage.

    Args:
        array: Axes (..., y, x).
        weights: Shape (rows, cols), numpy or dask (Any: dask is untyped), 0 to 1.
    """
    attrs = {"long_name": "weight of the pixel, 0 to 1"}
    return array.assign_coords({COVERAGE: xr.Variable(array.dims[-2:], weights, attrs)})


def declare_nodata(array: xr.DataArray, nodata: Number | None) -> None:
    """Set nodata where rioxarray, odc-geo and xarray's writers look for it; None takes it away.

    An array that was masked when it was read keeps the `_FillValue` of its encoding, since its nodata is NaN
    already. Everywhere else the value stands in the attributes: in the encoding it would tell rioxarray that
    invalid pixels are NaN.
    """
    for name in ("nodata", "missing_value", "fill_value", "nodatavals"):
        array.attrs.pop(name, None)
    masked = array.encoding.get("_FillValue") is not None and array.dtype.kind == "f"
    if masked and nodata is not None and np.isnan(nodata):
        array.attrs.pop("_FillValue", None)
        array.attrs["nodata"] = nodata
        return
    array.encoding.pop("_FillValue", None)
    array.attrs.pop("_FillValue", None)
    if nodata is not None:
        array.attrs["nodata"] = nodata
        array.attrs["_FillValue"] = array.dtype.type(nodata)


def _window_coords(
    grid: GeoBox, window: Window, dims: tuple[str, str] = ("y", "x")
) -> dict[str, xr.Variable]:
    """Give the coordinates of pixel centres; along a rotated grid's axes these count pixels of the window."""
    row0, row1, col0, col1 = window
    a, b, c, d, e, f = (float(value) for value in grid.affine[:6])
    rows, cols = dims
    if b or d:
        ys, xs = np.arange(row1 - row0) + 0.5, np.arange(col1 - col0) + 0.5
        return {rows: _axis(rows, ys, "pixel"), cols: _axis(cols, xs, "pixel")}
    units = ("pixel", "pixel") if grid.crs is None else grid.crs.units
    ys = np.arange(row0, row1) * e + (f + e / 2)
    xs = np.arange(col0, col1) * a + (c + a / 2)
    return {rows: _axis(rows, ys, units[0], e), cols: _axis(cols, xs, units[1], a)}


def _axis(
    dim: str, values: NDArray[np.floating[Any]], units: str, resolution: float | None = None
) -> xr.Variable:
    attrs: dict[str, Any] = {"units": units}
    if resolution is not None:
        attrs["resolution"] = resolution
    return xr.Variable((dim,), values, attrs)


def _spatial_ref(grid: GeoBox, georeference: Georeference) -> xr.DataArray:
    if grid.crs is None:
        reference = xr.DataArray(np.int32(0), attrs={"georeference": str(georeference)})
    else:
        reference = xr_crs_coord(grid.crs, SPATIAL_REF)
    c, a, b, f, d, e = grid.affine.to_gdal()
    reference.attrs["GeoTransform"] = " ".join(repr(float(value)) for value in (c, a, b, f, d, e))
    return reference


def _transform_of(reference: xr.DataArray) -> dict[str, Any]:
    return {"GeoTransform": reference.attrs["GeoTransform"]}
