"""Areas on the ellipsoid of polygons as they are drawn in their CRS, in square metres."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import shapely
from numpy.polynomial import Polynomial
from numpy.typing import NDArray
from pyproj import CRS

from georoi.crs.geometry import Rings, split_rings
from georoi.crs.identity import plane
from georoi.crs.operations import transform_points
from georoi.crs.proj import projection

Floats = NDArray[np.float64]
Locate = Callable[[Floats, Floats], tuple[Floats, Floats]]

_EDGES_AT_ONCE = 1 << 18
_WIDEST = np.radians(2.0)  # between two nodes: then polynomials of degree 4 are exact to some 1e-12
_FURTHEST = 3 * np.pi  # as far as longitudes are counted
_SLACK = 1e-7  # of latitudes, for rounding in files
_SHORTEST = 2.0**-40  # of an edge: what still turns by more there goes through a pole

# Nodes of Gauss-Lobatto quadrature on 0..1, and the integrals over their Lagrange polynomials l_i * l_j'.
_NODES = np.array([0.0, 0.5 - np.sqrt(3 / 28), 0.5, 0.5 + np.sqrt(3 / 28), 1.0])


def _lagrange(i: int) -> Polynomial:
    others = np.delete(_NODES, i)
    scale = float(np.prod(_NODES[i] - others))
    return Polynomial(np.asarray(Polynomial.fromroots(others).coef, dtype=np.float64) / scale)


def _product(i: int, j: int) -> float:
    integral = (_lagrange(i) * _lagrange(j).deriv()).integ()
    return float(integral(1.0) - integral(0.0))


_PRODUCTS = np.array([[_product(i, j) for j in range(5)] for i in range(5)])


def geodesic_area(geometry: NDArray[Any], crs: CRS) -> Floats:
    """Give the area of each polygon on the ellipsoid of its CRS.

    Edges are straight lines in the CRS, so the area is that of the region drawn. With the authalic function q
    of the latitude (Snyder 1987, Map Projections: A Working Manual, eq. 3-12) it is a^2 / 2 times the
    integral of q over the longitude along each ring; the integral is taken edge by edge on polynomials
    through five points.

    Args:
        geometry: Polygons and MultiPolygons, shape (n,).
        crs: Their CRS.

    Returns:
        Square metres, shape (n,); NaN where the CRS has no place on the Earth, or coordinates lie beyond it.
    """
    flat = plane(crs)
    base = flat.geodetic_crs
    if base is None or base.ellipsoid is None or not base.axis_info:
        return np.full(len(geometry), np.nan)
    radian = float(base.axis_info[0].unit_conversion_factor)
    shapes = np.array(geometry, dtype=object)
    beyond = np.zeros(len(shapes), dtype=bool)
    if flat.is_geographic and len(shapes):
        limits = np.array([_FURTHEST, np.pi / 2 + _SLACK]) / radian
        beyond = (np.abs(shapely.bounds(shapes)) > np.tile(limits, 2)).any(axis=1)
        shapes[beyond] = shapely.Polygon()
    parts = split_rings(shapes)
    if flat.is_geographic:
        locate = _scale_to_radians(radian)
    else:
        to_base = projection(flat, base)

        def locate(x: Floats, y: Floats) -> tuple[Floats, Floats]:
            return _scale_to_radians(radian)(*transform_points(to_base, x, y))

    a, b = base.ellipsoid.semi_major_metre, base.ellipsoid.semi_minor_metre
    rings = np.abs(_ring_integrals(parts, locate, 1 - (b / a) ** 2, wraps=not flat.is_geographic))
    shells = np.zeros(len(rings), dtype=bool)
    shells[parts.polygons[:-1][np.diff(parts.polygons) > 0]] = True
    owners = np.repeat(np.arange(len(geometry)), np.diff(parts.polygons[parts.geometries]))
    area = np.bincount(owners, np.where(shells, rings, -rings), minlength=len(geometry))
    return np.where(beyond, np.nan, area * (a * a / 2))


def _scale_to_radians(radian: float) -> Locate:
    return lambda x, y: (x * radian, y * radian)


def _ring_integrals(parts: Rings, locate: Locate, e2: float, *, wraps: bool) -> Floats:
    """Integrate q over the longitude along each ring, from its first vertex or the pole it goes around.

    The choice of that zero leaves the integral of a closed ring as it is, and keeps its digits.
    """
    count = len(parts.rings) - 1
    starts_edge = np.ones(len(parts.x), dtype=bool)
    starts_edge[parts.rings[1:] - 1] = False
    start = np.flatnonzero(starts_edge)
    ring = np.searchsorted(parts.rings, start, side="right") - 1
    zero = _authalic(locate(parts.x[parts.rings[:-1]], parts.y[parts.rings[:-1]])[1], e2)
    integral, turn = np.zeros(count), np.zeros(count)
    for k in range(0, len(start), _EDGES_AT_ONCE):
        part = slice(k, k + _EDGES_AT_ONCE)
        edge, owner = start[part], ring[part]
        t0, t1 = np.zeros(len(edge)), np.ones(len(edge))
        while len(edge):
            wide, value, turned = _integrate(parts, edge, t0, t1, locate, e2, zero[owner], wraps=wraps)
            done = ~wide
            integral += np.bincount(owner[done], value[done], minlength=count)
            turn += np.bincount(owner[done], turned[done], minlength=count)
            middle = (t0[wide] + t1[wide]) / 2
            edge, owner = np.repeat(edge[wide], 2), np.repeat(owner[wide], 2)
            t0 = np.column_stack([t0[wide], middle]).ravel()
            t1 = np.column_stack([middle, t1[wide]]).ravel()
    around = np.abs(turn) > np.pi
    pole = np.sign(zero) * _authalic(np.array(np.pi / 2), e2)
    return np.where(around, integral + (zero - pole) * turn, integral)


def _integrate(
    parts: Rings,
    edge: NDArray[np.int64],
    t0: Floats,
    t1: Floats,
    locate: Locate,
    e2: float,
    zero: Floats,
    *,
    wraps: bool,
) -> tuple[NDArray[np.bool_], Floats, Floats]:
    """Integrate q - zero along pieces of edges; tell which are too wide for it, and how far each turns."""
    t = t0[:, None] + (t1 - t0)[:, None] * _NODES
    x0, y0 = parts.x[edge, None], parts.y[edge, None]
    # The ends must be the vertices themselves, so that neighbouring edges meet.
    x = np.where(t == 1, parts.x[edge + 1, None], x0 + (parts.x[edge + 1, None] - x0) * t)
    y = np.where(t == 1, parts.y[edge + 1, None], y0 + (parts.y[edge + 1, None] - y0) * t)
    longitude, latitude = locate(x, y)
    steps = np.diff(longitude, axis=1)
    if wraps:
        steps = (steps + np.pi) % (2 * np.pi) - np.pi
    path = np.concatenate([np.zeros((len(edge), 1)), np.cumsum(steps, axis=1)], axis=1)
    q = _authalic(latitude, e2) - zero[:, None]
    value = np.einsum("ni,ij,nj->n", q, _PRODUCTS, path)
    widest = np.maximum(
        np.abs(np.diff(latitude, axis=1)).max(axis=1), np.abs(steps).max(axis=1) if wraps else 0
    )
    wide = (widest > _WIDEST) & (t1 - t0 > _SHORTEST)
    return wide, value, path[:, -1]


def _authalic(latitude: Floats, e2: float) -> Floats:
    """Give q, whose half is the area from the equator on an ellipsoid of a = 1, per radian of longitude."""
    sine: Floats = np.sin(latitude)
    if e2 == 0:
        return 2 * sine
    e = math.sqrt(e2)
    return (1 - e2) * (sine / (1 - e2 * sine * sine) + np.arctanh(e * sine) / e)
