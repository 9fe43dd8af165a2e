"""NetCDF: which variables a file holds, and the dates of a variable's bands.

GDAL's netCDF driver, which rasterio's wheels carry, reads the pixels, the CRS (from the grid mapping
variable) and the transform (from the x and y coordinate variables). It must be told to trust coordinates that
lack CF attributes, see `gdal_profile`: otherwise it drops them and hands the rows over upside down.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.io import DatasetReader

from georoi.errors import RasterError
from georoi.io.failures import FOREIGN
from georoi.io.names import LONGEST_NAME, shown
from georoi.io.raster.dates import parse_date
from georoi.io.raster.gdal_profile import open_dataset
from georoi.io.raster.sources import Source, netcdf_path, without_variable

EVEN_WITHIN = 0.05
"""Coordinates that stray less than this from even spacing, in pixels, are even ones that were rounded."""

_COORDINATES = (("x", "y"), ("lon", "lat"), ("longitude", "latitude"), ("easting", "northing"), ("X", "Y"))
_DESCRIPTION = re.compile(r"\[([\dx]+)\] (.*) \((.*)\)")
_CALENDARS = {"standard", "gregorian", "proleptic_gregorian"}
_UNITS = {
    "day": 86_400_000_000,
    "hour": 3_600_000_000,
    "hr": 3_600_000_000,
    "h": 3_600_000_000,
    "minute": 60_000_000,
    "min": 60_000_000,
    "second": 1_000_000,
    "sec": 1_000_000,
    "": 1_000_000,  # "s", without its plural
    "millisecond": 1_000,
    "microsecond": 1,
}
"""CF units of time in microseconds."""
_NAME = re.compile(r'^netcdf:(?:".*"|.*):([^:"]+)$', re.IGNORECASE | re.DOTALL)


class Variable(NamedTuple):
    """A raster variable of a NetCDF file."""

    name: str
    shape: tuple[int, ...]
    """Sizes of its dimensions; rows and columns come last."""
    kind: str
    """Its type in words, such as "16-bit unsigned integer"."""


def find_variables(container: DatasetReader) -> tuple[Variable, ...]:
    """List the raster variables of an open file that was opened without naming one."""
    if container.count:
        name = container.tags(1).get("NETCDF_VARNAME", "")
        shape = (container.count, *container.shape) if container.count > 1 else tuple(container.shape)
        return (Variable(shown(name, LONGEST_NAME), shape, str(container.dtypes[0])),)
    tags = container.tags(ns="SUBDATASETS")
    found = []
    for number in range(1, len(tags) // 2 + 1):
        name = _NAME.match(tags.get(f"SUBDATASET_{number}_NAME", ""))
        about = _DESCRIPTION.match(tags.get(f"SUBDATASET_{number}_DESC", ""))
        if name and about:
            sizes = tuple(int(size) for size in about[1].split("x"))
            found.append(Variable(shown(name[1], LONGEST_NAME), sizes, shown(about[3], LONGEST_NAME)))
    return tuple(found)


def choose_variable(container: DatasetReader, source: Source) -> str:
    """Give the GDAL path of the one raster variable of a file.

    Raises:
        RasterError: E-RAS-07 if there are several, E-RAS-01 if there is none.
    """
    variables = find_variables(container)
    if not variables:
        raise RasterError("E-RAS-01", f"raster '{source.name}' holds no variable that is a raster")
    if len(variables) > 1:
        listed = ", ".join(variable.name for variable in variables)
        raise RasterError(
            "E-RAS-07",
            f"'{source.name}' holds {len(variables)} rasters",
            found={"variables": shown(listed)},
            hint=f"choose one: {source.name}::{variables[0].name}",
        )
    return netcdf_path(source.path, variables[0].name)


def name_time_steps(dataset: DatasetReader) -> tuple[tuple[str, ...], tuple[datetime | None, ...] | None]:
    """Name the bands of a variable by their place along its other dimensions, and give their dates.

    Bands along a time dimension are called by date ("2018-07-21"), or by date and time where a day has
    several; along other dimensions by value ("level=850"). A variable without other dimensions has one band,
    called as the variable.

    Returns:
        Names, and dates (UTC) where there is a time dimension that can be decoded.
    """
    dimensions = [name for name in dataset.tags().get("NETCDF_DIM_EXTRA", "").strip("{}").split(",") if name]
    if not dimensions:
        name = dataset.tags(1).get("NETCDF_VARNAME", "") if dataset.count == 1 else ""
        return (name,) if name else ("",) * dataset.count, None
    places = _places(dataset, dimensions)
    dates: tuple[datetime | None, ...] | None = None
    words: list[list[str]] = []
    for dimension, values in places.items():
        decoded = _decode(values, dataset.tags(), dimension)
        if decoded is None:
            words.append([f"{dimension}={value}" for value in values])
        else:
            dates = decoded
            words.append(_say_dates(decoded))
    return tuple(" ".join(parts) for parts in zip(*words, strict=True)), dates


def fit_transform(dataset: DatasetReader) -> Affine | None:
    """Find the transform from coordinates that GDAL refuses, as float32 ones of small pixels often are.

    Where GDAL gives up, it hands the rows over in reverse order of the file, whichever way y runs.

    Returns:
        The transform for the rows as they are handed over, or None where the spacing is not even or there
        are no coordinates.
    """
    lines = _coordinates(dataset)
    if lines is None:
        return None
    x, y = _fit_line(lines[0]), _fit_line(lines[1][::-1])
    if x is None or y is None:
        return None
    return Affine(x[1], 0.0, x[0] - x[1] / 2, 0.0, y[1], y[0] - y[1] / 2)


def _coordinates(dataset: DatasetReader) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Read the coordinates of pixel centres along x and y, in the order of the file."""
    tags = dataset.tags(ns="GEOLOCATION")
    stated = [_NAME.match(tags.get(key, "")) for key in ("X_DATASET", "Y_DATASET")]
    names = [(stated[0][1], stated[1][1])] if stated[0] and stated[1] else []
    for pair in (*names, *_COORDINATES):
        lines = [_read_line(dataset, name) for name in pair]
        if lines[0] is not None and lines[1] is not None:
            sizes = lines[0].size, lines[1].size
            return (lines[0], lines[1]) if sizes == (dataset.width, dataset.height) else None
    return None


def _read_line(dataset: DatasetReader, name: str) -> NDArray[np.float64] | None:
    try:
        path = netcdf_path(without_variable(dataset.name), name)
        with open_dataset(path, ("netCDF",)) as line:
            return np.asarray(line.read(1), dtype=np.float64).ravel() if line.height == 1 else None
    except FOREIGN:
        return None  # no such variable


def _fit_line(values: NDArray[np.float64]) -> tuple[float, float] | None:
    """Fit start and step to evenly spaced values; None where they are not."""
    if values.size < 2 or not np.isfinite(values).all():
        return None
    index = np.arange(values.size)
    step = float(values[-1] - values[0]) / (values.size - 1)
    if step == 0:
        return None
    start = float(np.mean(values - step * index))
    return (start, step) if np.abs(values - start - step * index).max() <= EVEN_WITHIN * abs(step) else None


def _places(dataset: DatasetReader, dimensions: list[str]) -> Mapping[str, list[str]]:
    """Give the coordinate of each band along each dimension, as text."""
    if len(dimensions) == 1:
        values = dataset.tags().get(f"NETCDF_DIM_{dimensions[0]}_VALUES", "").strip("{}").split(",")
        if len(values) == dataset.count:
            return {dimensions[0]: values}
    tags = [dataset.tags(band) for band in range(1, dataset.count + 1)]
    return {name: [tag.get(f"NETCDF_DIM_{name}", "") for tag in tags] for name in dimensions}


def _decode(values: list[str], tags: Mapping[str, str], dimension: str) -> tuple[datetime | None, ...] | None:
    """Decode CF times to dates; None where the dimension is no time or its calendar is not of this world.

    Months and years are no fixed lengths, so CF times in them are left undecoded.
    """
    unit, _, start = tags.get(f"{dimension}#units", "").partition(" since ")
    epoch = parse_date(start.removesuffix(" UTC").removesuffix("Z"))
    length = _UNITS.get(unit.strip().lower().removesuffix("s"))
    calendar = tags.get(f"{dimension}#calendar", "standard").lower()
    if epoch is None or length is None or calendar not in _CALENDARS:
        return None
    try:
        return tuple(epoch + timedelta(microseconds=round(float(value) * length)) for value in values)
    except (ValueError, OverflowError):
        return None


def _say_dates(dates: tuple[datetime | None, ...]) -> list[str]:
    days = [date.date().isoformat() if date else "" for date in dates]
    if len(set(days)) == len(set(dates)):
        return days
    return [date.isoformat() if date else "" for date in dates]
