"""Bring geometries to WGS 84 longitude and latitude, as RFC 7946 wants them."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from georoi.crs.identity import crs_label, same_crs
from georoi.crs.operations import find_operation, lonlat_bounds, transform_points
from georoi.crs.parsing import CRS, parse_crs
from georoi.crs.transforming import transform_geometries
from georoi.errors import OutputError
from georoi.wording import say_count

_TOLERANCE = 1e-7
"""Degrees that a drawn edge may be off its true course: a centimetre."""
_DIGITS = 9
"""Digits after the point of coordinates that were transformed: a tenth of a millimetre."""
_POLYGONAL = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)


def to_degrees(geometry: NDArray[np.object_], crs: CRS | None) -> tuple[NDArray[np.object_], tuple[str, ...]]:
    """Transform geometries to WGS 84, outer rings counterclockwise.

    Edges of polygons are followed, so vertices are added where an edge would leave its place. Coordinates in
    WGS 84 already are kept to the last digit.

    Args:
        geometry: shapely geometries or None, shape (n,).
        crs: Their CRS; None where it is not known, and in pixel space.

    Returns:
        The geometries, and notes for the user.

    Raises:
        OutputError: E-OUT-04 without CRS.
        CRSError: E-CRS-06 if no operation is known.
    """
    if crs is None:
        raise OutputError(
            "E-OUT-04",
            "GeoJSON holds longitudes and latitudes, and the geometries are in pixels or of unknown CRS",
            hint="write GeoParquet, GPKG or CSV, or set the CRS if they have one",
        )
    wgs84 = parse_crs("EPSG:4326")
    notes: tuple[str, ...] = ()
    if not same_crs(crs, wgs84):
        geometry, notes = _transformed(geometry, crs, wgs84)
    return shapely.orient_polygons(geometry), notes


def _transformed(
    geometry: NDArray[np.object_], crs: CRS, wgs84: CRS
) -> tuple[NDArray[np.object_], tuple[str, ...]]:
    moved = geometry.copy()
    there = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
    if not there.any():
        return moved, ()
    xmin, ymin, xmax, ymax = (float(value) for value in shapely.total_bounds(geometry[there]))
    area = lonlat_bounds(crs, (xmin, ymin, xmax, ymax))
    transformer, operation = find_operation(crs, wgs84, area)
    polygonal = there & np.isin(shapely.get_type_id(geometry), _POLYGONAL)
    notes = [f"geometries went from {crs_label(crs)} to WGS 84 longitude and latitude: {operation}"]
    if polygonal.any():
        done = transform_geometries(geometry[polygonal], crs, wgs84, tolerance=_TOLERANCE, area=area)
        moved[polygonal] = done.geometry
        if len(done.broken):
            count = say_count(len(done.broken), "geometry").replace("geometrys", "geometries")
            notes.append(f"{count} crossing the antimeridian or a pole cannot be drawn in degrees")
    others = there & ~polygonal
    moved[others] = shapely.transform(
        geometry[others], lambda points: np.column_stack(transform_points(transformer, *points.T))
    )
    moved[there] = shapely.transform(moved[there], lambda points: np.round(points, _DIGITS))
    return moved, tuple(notes)
