"""Turn masks and label rasters into outlines: one polygon per mask, class or connected object."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from georoi.crs import CRS, Rings
from georoi.errors import CRSError, ROIError, UsageError
from georoi.grid import grid_crs, to_world
from georoi.kernels.components import label
from georoi.kernels.tracing import Outlines, gather, trace
from georoi.values.features import Features
from georoi.values.naming import Id, as_ids, plain


class Outlined(NamedTuple):
    """Features made of pixels, and where they lie; `crs` is None in pixel space."""

    features: Features
    ids: list[Id | None]
    crs: CRS | None


class _Pixels(NamedTuple):
    values: NDArray[Any]
    """Shape (rows, cols)."""
    unknown: NDArray[np.bool_] | None
    """Where there is no value: NaN, masked, nodata."""
    grid: GeoBox | None


def outline_mask(mask: Any, grid: GeoBox | None) -> Outlined:
    """Outline all True pixels as one feature.

    Args:
        mask: Boolean, shape (rows, cols): an array, or a DataArray, whose grid is used.
        grid: Where the pixels lie; None for pixel space.

    Raises:
        UsageError: E-USE-01 if the mask is not boolean, not two-dimensional or not of the grid's shape.
        ROIError: E-ROI-02 if no pixel is True.
        CRSError: E-CRS-01 if the mask has coordinates without a CRS.
    """
    pixels = _read(mask, grid)
    if pixels.values.dtype.kind != "b" and not np.isin(pixels.values[~_unknown(pixels)], (0, 1)).all():
        raise UsageError(
            "E-USE-01",
            "a mask holds True and False, or 1 and 0",
            found={"mask": f"{pixels.values.dtype}"},
            hint="compare first, such as labels == 3, or use from_labels",
        )
    codes = ((pixels.values == 1) & ~_unknown(pixels)).astype(np.int32)
    outlines = trace(codes)
    if not len(outlines.values):
        raise _nothing("no pixel of the mask is True", codes)
    groups = np.zeros(len(outlines.values), dtype=np.int64)
    return _features(outlines, groups, {"pixels": np.array([outlines.pixels.sum()])}, pixels.grid)


def outline_labels(
    labels: Any,
    grid: GeoBox | None,
    *,
    mode: str,
    connectivity: int,
    background: float | None,
    names: Mapping[Any, str] | None,
) -> Outlined:
    """Outline the classes or the connected objects of a label raster; see `ROISet.from_labels`.

    Raises:
        UsageError: E-USE-01 for a wrong mode, connectivity or shape.
        ROIError: E-ROI-02 if all is background.
        CRSError: E-CRS-01 if the labels have coordinates without a CRS.
    """
    if mode not in ("class", "instance", "component"):
        raise UsageError("E-USE-01", f"mode must be class, instance or component, not {plain(repr(mode))}")
    if connectivity not in (4, 8):
        raise UsageError("E-USE-01", f"connectivity must be 4 or 8, not {plain(repr(connectivity))}")
    if names is not None and not isinstance(names, Mapping):
        raise UsageError(
            "E-USE-01",
            f"names= is a mapping from values to names, not a {type(names).__name__}",
            hint="write names={1: 'forest', 2: 'water'}",
        )
    pixels = _read(labels, grid)
    codes, classes = _encode(pixels, background)
    if not len(classes):
        raise _nothing(f"every pixel of the labels is background ({background}) or has no value", codes)
    if mode != "component":
        outlines = trace(codes)
        groups, of_class = outlines.values.astype(np.int64) - 1, np.arange(len(classes))
    else:
        outlines, groups, of_class = _objects(codes, connectivity)
    values = classes[of_class]
    attributes: dict[str, NDArray[Any]] = {"value": values}
    ids = as_ids(values)
    if names is not None:
        named = [names.get(value, str(value)) for value in as_ids(values)]
        attributes["name"] = np.array(named, dtype=object)
        ids = [*named]
    if mode == "component":
        ids = [f"{id}-{count}" for id, count in zip(ids, _counts(of_class), strict=True)]
    sizes = np.bincount(groups, weights=outlines.pixels, minlength=len(values)).astype(np.int64)
    made = _features(outlines, groups, attributes | {"pixels": sizes}, pixels.grid)
    return made._replace(ids=ids)


def _nothing(rule: str, codes: NDArray[np.int32]) -> ROIError:
    rows, cols = codes.shape
    return ROIError(
        "E-ROI-02",
        f"{rule}, so there is no region",
        found={"pixels": f"{rows} rows x {cols} columns"},
        hint="check that it is the right raster, and which values mean what",
    )


def _objects(
    codes: NDArray[np.int32], connectivity: int
) -> tuple[Outlines, NDArray[np.int64], NDArray[np.int64]]:
    """Trace connected objects: the outlines, the object of each, and the class of each object.

    Objects are ordered by class, and within a class by the first pixel that a scan meets.
    """
    objects = label(codes, connectivity)
    outlines = trace(objects)
    count = int(objects.max(initial=0))
    of_class = np.zeros(count + 1, dtype=np.int64)
    of_class[objects.ravel()] = codes.ravel()
    order = np.argsort(of_class[1:], kind="stable")
    rank = np.empty(count, dtype=np.int64)
    rank[order] = np.arange(count)
    return outlines, rank[outlines.values.astype(np.int64) - 1], of_class[1:][order] - 1


def _counts(of_class: NDArray[np.int64]) -> list[int]:
    """Number the objects within each class from 1; objects come sorted by class."""
    starts = np.searchsorted(of_class, of_class, side="left")
    return (np.arange(len(of_class)) - starts + 1).tolist()  # type: ignore[no-any-return]


def _features(
    outlines: Outlines,
    groups: NDArray[np.int64],
    attributes: dict[str, NDArray[Any]],
    grid: GeoBox | None,
) -> Outlined:
    """Join the outlines of a group to one geometry, in pixel coordinates or those of the grid's CRS."""
    order = np.argsort(groups, kind="stable")
    components, ring_order = gather(outlines.components, order)
    rings, index = gather(outlines.rings, ring_order)
    x, y = outlines.x[index].astype(np.float64), outlines.y[index].astype(np.float64)
    if grid is not None:
        x, y = to_world(grid, x, y)
    geometries = np.searchsorted(groups[order], np.arange(groups.max(initial=-1) + 2)).astype(np.int64)
    if len(outlines.values):
        geometry = Rings(x, y, rings, components, geometries).to_polygons()
    else:
        geometry = np.empty(0, dtype=object)
    count = len(geometry)
    kept = {name: values[:count] for name, values in attributes.items()}
    features = Features(geometry=geometry, numbers=np.arange(count), attributes=kept)
    return Outlined(features, list(range(count)), None if grid is None else grid_crs(grid))


def _encode(pixels: _Pixels, background: float | None) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Number the values that occur from 1, in ascending order; background and unknown pixels become 0.

    Returns:
        Codes, shape (rows, cols), and the value of each code.
    """
    values = pixels.values
    inside = ~_unknown(pixels)
    if background is not None:
        inside &= values != background
    found = values[inside]
    codes = np.zeros(values.shape, dtype=np.int32)
    if not found.size:
        return codes, found
    low = found.min()
    span = int(found.max()) - int(low) if found.dtype.kind in "iub" else 0
    if found.dtype.kind in "iub" and span < max(1 << 22, 4 * found.size):
        # A table of the values' range is many times faster than sorting all pixels.
        shifted = found.astype(np.int64) if found.dtype.kind != "u" else found - low
        shifted = shifted - (int(low) if found.dtype.kind != "u" else 0)
        present = np.zeros(span + 1, dtype=np.int32)
        present[shifted] = 1
        codes[inside] = np.cumsum(present, dtype=np.int32)[shifted]
        steps = np.flatnonzero(present)
        if found.dtype.kind == "u":
            return codes, steps.astype(values.dtype) + low  # 64 bits hold more than a signed number does
        return codes, (steps + int(low)).astype(values.dtype)
    classes, inverse = np.unique(found, return_inverse=True)
    codes[inside] = inverse.ravel() + 1
    return codes, classes


def _unknown(pixels: _Pixels) -> NDArray[np.bool_]:
    return np.zeros(pixels.values.shape, dtype=np.bool_) if pixels.unknown is None else pixels.unknown


def _read(source: Any, grid: GeoBox | None) -> _Pixels:
    """Take pixels and grid from an array, a DataArray or a georoi Raster."""
    if isinstance(source, (str, os.PathLike)):
        raise UsageError(
            "E-USE-01",
            "masks and labels are arrays or opened rasters, not paths",
            found={"path": plain(os.fspath(source))},
            hint=f"open it first: georoi.open_raster({plain(os.fspath(source))!r})",
        )
    if not isinstance(source, np.ndarray) and hasattr(source, "to_xarray"):
        source = source.to_xarray()
    if hasattr(source, "dims") and hasattr(source, "coords"):
        grid = _grid_of(source) if grid is None else grid
        nodata = source.attrs.get("nodata", source.attrs.get("_FillValue", source.encoding.get("_FillValue")))
        array = np.asarray(_rows_last(source).values)
    else:
        nodata = None
        array = source if isinstance(source, np.ma.MaskedArray) else np.asarray(source)
    if array.ndim == 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 2 or array.dtype.kind not in "biuf":
        raise UsageError(
            "E-USE-01",
            "masks and labels are numbers in rows and columns",
            found={"array": f"shape {array.shape}, dtype {array.dtype}"},
            hint="select one band first",
        )
    if grid is not None and tuple(grid.shape) != array.shape:
        raise UsageError(
            "E-USE-01",
            "the grid does not have the shape of the pixels",
            found={"grid": f"{tuple(grid.shape)}", "pixels": f"{array.shape}"},
            hint="give the grid of the raster that the pixels belong to, as (rows, cols)",
        )
    unknown: NDArray[np.bool_] | None = None
    if isinstance(array, np.ma.MaskedArray):
        unknown, array = np.ma.getmaskarray(array), np.ma.getdata(array)
    if array.dtype.kind == "f":
        unknown = ~np.isfinite(array) if unknown is None else unknown | ~np.isfinite(array)
    if nodata is not None and array.dtype.kind != "b":
        unknown = array == nodata if unknown is None else unknown | (array == nodata)
    return _Pixels(array, unknown, grid)


def _rows_last(array: Any) -> Any:
    """Turn a DataArray (Any: xarray is not known here) so that its rows and columns are the last two axes."""
    from odc.geo.xr import spatial_dims

    dims = spatial_dims(array)
    return array if dims is None else array.transpose(..., *dims)


def _grid_of(array: Any) -> GeoBox | None:
    """Give the grid of a DataArray; None where it has no coordinates.

    In pixel space a window keeps its place by coordinates; other coordinates without a CRS cannot be placed.
    """
    import odc.geo.xr  # noqa: F401  (gives arrays their .odc)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)  # odc-geo multiplies transforms with *
        grid: GeoBox | None = array.odc.geobox
    if grid is None or grid.crs is not None:
        return grid
    a, b, _, d, e, _ = tuple(grid.affine)[:6]
    if (a, b, d, e) != (1.0, 0.0, 0.0, 1.0):
        raise CRSError(
            "E-CRS-01",
            "the labels have coordinates, but no CRS",
            found={"labels": f"pixels of {a:g} x {abs(e):g}, CRS unknown"},
            hint="set it, such as labels.odc.assign_crs('EPSG:32633'), or pass the bare array for pixels",
        )
    return grid
