"""Square metres on the ellipsoid per square unit of a CRS, at points; and points in space."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from georoi.crs.identity import plane
from georoi.crs.operations import transform_points
from georoi.crs.proj import projection

Floats = NDArray[np.float64]
Density = Callable[[Floats, Floats], Floats]
"""From x and y, of one shape, to square metres per square unit of the plane, of that shape."""
Placement = Callable[[Floats, Floats], Floats]
"""From x and y, of one shape, to earth-centred X, Y, Z in metres, of shape (3, *shape)."""

_STEPS = (20_000.0, 1250.0, 80.0)  # metres; the short ones for points near the rim of a projection
_DIFFERENCES = ((1, 3 / 4), (2, -3 / 20), (3, 1 / 60))  # central, of order 6 (Fornberg 1988, table 1)


def area_density(crs: CRS) -> Density | None:
    """Give the function that tells how many square metres of the ellipsoid a square unit of a CRS stands for.

    It is what `geodesic_area` integrates over a polygon. For a geographic CRS it is M N cos(latitude), with
    the radii of curvature M and N (Snyder 1987, Map Projections: A Working Manual, eq. 4-18 to 4-20); beyond
    the poles that formula goes on smoothly and is negative. For a projected one it is |dP/dx x dP/dy|, with P
    the point in space, by central differences over 20 km: relative error about 1e-12, where PROJ's inverse is
    rough (polar stereographic) 2e-11, and 1e-5 within 20 km of the rim of a projection. NaN where the CRS has
    no place on the Earth.

    Args:
        crs: The CRS; of a compound one the horizontal part counts.

    Returns:
        The function, or None for a CRS without an ellipsoid (a plant grid).
    """
    flat = plane(crs)
    if flat.is_geographic:
        return _geographic_density(flat)
    locate = placement(flat)
    if locate is None:
        return None
    unit = metres_per_unit(flat)

    def density(x: Floats, y: Floats) -> Floats:
        x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        found = np.full(x.shape, np.nan)
        for step in _STEPS:
            missing = ~np.isfinite(found)
            if missing.any():
                found[missing] = _jacobian(locate, x[missing], y[missing], step / unit)
        return found

    return density


def placement(crs: CRS) -> Placement | None:
    """Give the function that puts points of a CRS into space, on its own ellipsoid at height 0.

    Unlike longitudes, coordinates in space are smooth at the poles and at the antimeridian. They are NaN for
    points without a place; None comes back for a CRS without an ellipsoid.
    """
    flat = plane(crs)
    base = flat.geodetic_crs
    if base is None or base.ellipsoid is None or not base.axis_info:
        return None
    a, b = float(base.ellipsoid.semi_major_metre), float(base.ellipsoid.semi_minor_metre)
    e2 = 1 - (b / a) ** 2
    radian = float(base.axis_info[0].unit_conversion_factor)
    to_base = None if flat.is_geographic else projection(flat, base)

    def locate(x: Floats, y: Floats) -> Floats:
        longitude, latitude = (x, y) if to_base is None else transform_points(to_base, x, y)
        with np.errstate(invalid="ignore"):  # PROJ marks what it cannot place by infinity
            longitude, sine = longitude * radian, np.sin(latitude * radian)
            normal = a / np.sqrt(1 - e2 * sine * sine)
            radius = normal * np.cos(latitude * radian)
            return np.stack(
                [radius * np.cos(longitude), radius * np.sin(longitude), (1 - e2) * normal * sine]
            )

    return locate


def metres_per_unit(crs: CRS) -> float:
    """Give the nominal length of a unit of a CRS in metres; of a degree, the one along a meridian."""
    flat = plane(crs)
    factor = float(flat.axis_info[0].unit_conversion_factor) if flat.axis_info else 1.0
    if flat.is_geographic and flat.ellipsoid is not None:
        return factor * float(flat.ellipsoid.semi_major_metre)
    return factor


def _geographic_density(flat: CRS) -> Density | None:
    if flat.ellipsoid is None or not flat.axis_info:
        return None
    a, b = float(flat.ellipsoid.semi_major_metre), float(flat.ellipsoid.semi_minor_metre)
    e2 = 1 - (b / a) ** 2
    radian = float(flat.axis_info[0].unit_conversion_factor)

    def density(x: Floats, y: Floats) -> Floats:
        latitude = np.broadcast_arrays(np.asarray(y, dtype=np.float64), x)[0] * radian
        sine = np.sin(latitude)
        return (b * radian) ** 2 * np.cos(latitude) / (1 - e2 * sine * sine) ** 2

    return density


def _jacobian(locate: Placement, x: Floats, y: Floats, step: float) -> Floats:
    """Give |dP/dx x dP/dy| by central differences, for x and y of shape (n,)."""
    along_x, along_y = np.zeros((3, len(x))), np.zeros((3, len(x)))
    for times, weight in _DIFFERENCES:
        reach = times * step
        along_x += weight / step * (locate(x + reach, y) - locate(x - reach, y))
        along_y += weight / step * (locate(x, y + reach) - locate(x, y - reach))
    return np.asarray(np.linalg.norm(np.cross(along_x, along_y, axis=0), axis=0), dtype=np.float64)
