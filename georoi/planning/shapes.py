"""Pixel polygons: from the ragged arrays of ROIs on a grid to shapely and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from georoi.crs import Rings, split_rings
from georoi.values.gridrois import GridROIs


def to_polygons(rois: GridROIs) -> NDArray[np.object_]:
    """Make a shapely Polygon or MultiPolygon of each ROI, in pixel coordinates, shape (n,)."""
    return Rings(rois.x, rois.y, rois.rings, rois.polygons, rois.rois).to_polygons()


def with_polygons(rois: GridROIs, polygons: NDArray[np.object_], ids: NDArray[np.object_]) -> GridROIs:
    """Make ROIs on the same grid, with the same origin, from other polygons in pixel coordinates.

    Args:
        rois: What they derive from: grid, fingerprint, operation and notes are kept.
        polygons: Polygons and MultiPolygons, shape (m,).
        ids: Their ids, shape (m,).
    """
    parts = split_rings(polygons)
    return replace(
        rois,
        ids=ids,
        x=parts.x,
        y=parts.y,
        rings=parts.rings,
        polygons=parts.polygons,
        rois=parts.geometries,
        bounds=bounds_of(parts),
    )


def bounds_of(parts: Rings) -> NDArray[np.float64]:
    """Give (x_min, y_min, x_max, y_max) of each geometry, shape (n, 4); NaN where it has no vertex."""
    starts = parts.rings[parts.polygons[parts.geometries]]
    bounds = np.full((len(starts) - 1, 4), np.nan)
    filled = np.flatnonzero(starts[:-1] < starts[1:])
    if len(filled):
        first = starts[filled]
        for column, (values, extreme) in enumerate(
            [(parts.x, np.minimum), (parts.y, np.minimum), (parts.x, np.maximum), (parts.y, np.maximum)]
        ):
            bounds[filled, column] = extreme.reduceat(values, first)
    return bounds
