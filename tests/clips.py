"""Boxes on a scene of 40 rows x 60 columns, and arrays of its place, for tests of clips."""

from __future__ import annotations

import numpy as np
import xarray as xr

import georoi
from georoi.grid import make_grid
from georoi.io.array.georeferencing import make_array
from georoi.values.raster import Header
from tests.builders import NORTH_UP, UTM


def box(col0: float, row0: float, col1: float, row1: float) -> georoi.ROISet:
    """A box given in pixels of the raster, as a ROI in its CRS."""
    x, y = NORTH_UP.c, NORTH_UP.f
    return georoi.ROISet.from_boxes([(x + 10 * col0, y - 10 * row1, x + 10 * col1, y - 10 * row0)], crs=UTM)


def array(values: np.ndarray, nodata: float | None = 0, **more: object) -> xr.DataArray:
    """A DataArray on the scene's grid."""
    names = tuple(str(number) for number in range(1, values.shape[0] + 1))
    header = Header(
        grid=make_grid(values.shape[-2:], NORTH_UP, UTM), band_names=names, dtype=str(values.dtype),
        nodata=(nodata,) * len(names), block_shape=(16, 16),
    )  # fmt: skip
    rows, cols = values.shape[-2:]
    labels = {"band": range(1, len(names) + 1)}
    return make_array(values, header, (0, rows, 0, cols), leading=labels, nodata=nodata, **more)
