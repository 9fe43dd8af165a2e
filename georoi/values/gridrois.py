"""ROIs on a grid: rings in pixel coordinates, columnar, ready to be planned and covered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from georoi.crs import CRS


@dataclass(frozen=True, eq=False, kw_only=True)
class GridROIs:
    """The ROIs of a set on one grid: pixel coordinates (x = column, y = row from the grid's outer corner).

    Ragged arrays, as shapely gives them: ROI i owns polygons rois[i]:rois[i+1], polygon j owns rings
    polygons[j]:polygons[j+1] (the first is its shell), ring k owns vertices rings[k]:rings[k+1] (closed).
    """

    grid: GeoBox
    ids: NDArray[np.object_]
    """Ids of the ROIs, shape (n,)."""
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    rings: NDArray[np.int64]
    """Offsets of rings into x and y, shape (rings + 1,)."""
    polygons: NDArray[np.int64]
    """Offsets of polygons into rings, shape (polygons + 1,)."""
    rois: NDArray[np.int64]
    """Offsets of ROIs into polygons, shape (n + 1,)."""
    bounds: NDArray[np.float64]
    """(x_min, y_min, x_max, y_max) in pixels, shape (n, 4); NaN for an empty ROI."""
    fingerprint: str
    """Content hash of the ROI set that was aligned."""
    crs: CRS | None = None
    """The CRS that the ROIs came in; None in pixel space."""
    operation: str = ""
    """The coordinate operation used, with its accuracy, or "" where none was needed."""
    notes: tuple[str, ...] = ()
    """What alignment decided or repaired, in words."""

    def __len__(self) -> int:
        return int(self.rois.shape[0]) - 1
