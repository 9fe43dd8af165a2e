"""Coordinate reference systems: the only wrapper of pyproj. Axis order is always x, y."""

from __future__ import annotations

from georoi.crs.area import geodesic_area
from georoi.crs.density import Density, area_density, metres_per_unit, placement
from georoi.crs.geometry import Rings, keep_polygons, repair, split_rings
from georoi.crs.identity import crs_label, definition, plane, same_crs
from georoi.crs.operations import (
    Operation,
    area_of_use,
    find_operation,
    lonlat_bounds,
    looks_swapped,
    transform_points,
)
from georoi.crs.parsing import CRS, parse_crs
from georoi.crs.ranges import check_range
from georoi.crs.transforming import Transformed, transform_geometries

__all__ = [
    "CRS",
    "Density",
    "Operation",
    "Rings",
    "Transformed",
    "area_density",
    "area_of_use",
    "check_range",
    "crs_label",
    "definition",
    "find_operation",
    "geodesic_area",
    "keep_polygons",
    "lonlat_bounds",
    "looks_swapped",
    "metres_per_unit",
    "parse_crs",
    "placement",
    "plane",
    "repair",
    "same_crs",
    "split_rings",
    "transform_geometries",
    "transform_points",
]
