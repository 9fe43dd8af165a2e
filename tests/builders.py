"""Small rasters for tests, written by rasterio or scipy and never by georoi."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning
from scipy.io import netcdf_file

UTM = "EPSG:32633"
NORTH_UP = Affine(10.0, 0.0, 500_000.0, 0.0, -10.0, 5_200_000.0)


def ramp(bands: int = 1, rows: int = 40, cols: int = 60, dtype: str = "uint16") -> NDArray[Any]:
    """Values that differ in every pixel of every band, none of them zero; shape (bands, rows, cols)."""
    return (np.arange(bands * rows * cols).reshape(bands, rows, cols) + 1).astype(dtype)


def write_raster(
    path: Path,
    values: NDArray[Any],
    *,
    crs: str | None = UTM,
    transform: Affine | None = NORTH_UP,
    block: int | None = 16,
    mask: NDArray[np.bool_] | None = None,
    alpha: bool = False,
    names: Sequence[str] = (),
    tags: dict[str, str] | None = None,
    scales: Sequence[float] = (),
    offsets: Sequence[float] = (),
    driver: str = "GTiff",
    **options: Any,
) -> Path:
    """Write values of shape (bands, rows, cols); `block=None` makes strips, `alpha` flags the last band."""
    bands, rows, cols = values.shape
    if driver == "GTiff" and block is not None:
        options |= {"tiled": True, "blockxsize": block, "blockysize": block}
    with warnings.catch_warnings(), rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True, GDAL_PAM_ENABLED=False):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            path,
            "w",
            driver=driver,
            count=bands,
            height=rows,
            width=cols,
            dtype=values.dtype,
            crs=crs,
            transform=transform,
            **options,
        ) as dataset:
            if alpha:
                dataset.colorinterp = [*dataset.colorinterp[:-1], ColorInterp.alpha]
            dataset.write(values)
            for number, name in enumerate(names, 1):
                dataset.set_band_description(number, name)
            if mask is not None:
                dataset.write_mask(mask)
            if tags:
                dataset.update_tags(**tags)
            if scales:
                dataset.scales = tuple(scales)
            if offsets:
                dataset.offsets = tuple(offsets)
    return path


def write_netcdf(
    path: Path,
    variables: dict[str, NDArray[Any]],
    *,
    x: Sequence[float],
    y: Sequence[float],
    days: Sequence[float] | None = None,
    names: tuple[str, str] = ("y", "x"),
    attributes: dict[str, dict[str, Any]] | None = None,
    crs_wkt: str | None = None,
    fill: float | None = None,
) -> Path:
    """Write a NetCDF-3 file of variables ([time,] y, x).

    Args:
        path: Where to.
        variables: Arrays by name.
        x: Coordinates of pixel centres along a row, in the order of the array.
        y: The same along a column.
        days: Days since 2020-01-01, for arrays with a time dimension.
        names: Names of the y and x dimensions.
        attributes: Attributes by name of variable, such as CF ones for "x".
        crs_wkt: WKT of the CRS, for a grid mapping variable.
        fill: `_FillValue` of the variables.
    """
    with netcdf_file(path, "w") as file:
        dimensions = names
        if days is not None:
            _coordinate(file, "time", np.asarray(days, dtype="f8"))
            file.variables["time"].units = "days since 2020-01-01 00:00:00"
            dimensions = ("time", *names)
        for name, values in zip(names, (y, x), strict=True):
            _coordinate(file, name, np.asarray(values))
        if crs_wkt:
            mapping = file.createVariable("spatial_ref", "i4", ())
            mapping.spatial_ref = mapping.crs_wkt = crs_wkt
        for name, values in variables.items():
            variable = file.createVariable(name, values.dtype, dimensions)
            if crs_wkt:
                variable.grid_mapping = "spatial_ref"
            if fill is not None:
                variable._FillValue = values.dtype.type(fill)
            variable[:] = values
        for name, extra in (attributes or {}).items():
            for key, value in extra.items():
                setattr(file.variables[name], key, value)
    return path


def _coordinate(file: Any, name: str, values: NDArray[Any]) -> None:
    file.createDimension(name, len(values))
    file.createVariable(name, values.dtype, (name,))[:] = values
