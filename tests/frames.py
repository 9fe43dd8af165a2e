"""Small frames of ROIs."""

from __future__ import annotations

import geopandas
import shapely

SQUARES = [shapely.box(i, 0, i + 1, 1) for i in range(3)]


def frame(**columns):
    """A GeoDataFrame of three unit squares in UTM 33N."""
    return geopandas.GeoDataFrame(columns, geometry=SQUARES, crs="EPSG:32633")
