"""Geometries from GeoJSON-like mappings: what is no number is refused, what is merely untidy is mended."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import shapely
import shapely.geometry
from numpy.typing import NDArray

from georoi.values.naming import plain

UNCLOSED = "a ring was not closed"
_NO_NUMBERS = "its coordinates are not all numbers"


class Shape(NamedTuple):
    """A geometry as it was read."""

    geometry: Any
    """shapely geometry, or None where it cannot be read."""
    reason: str = ""
    """Why it cannot be read."""
    mended: str = ""
    """What was put right."""


def read_geometry(mapping: Any) -> Shape:
    """Read a geometry of any type; polygons are made flat, since ROIs are.

    Positions of polygons may have any number of ordinates from two, and differ in it. Text in place of a
    number is refused, as JSON has numbers of its own.
    """
    if not isinstance(mapping, Mapping):
        return Shape(None, f"a {type(mapping).__name__} is no GeoJSON geometry")
    mended: list[str] = []
    try:
        with np.errstate(invalid="ignore"):  # NaN coordinates are dealt with when features become ROIs
            return Shape(_read(mapping, mended), "", "; ".join(dict.fromkeys(mended)))
    except RecursionError:
        return Shape(None, "the geometry is nested too deep")
    except KeyError as error:
        return Shape(None, f"the geometry cannot be read (it has no member {plain(error, 40)})")
    except (
        ValueError,
        TypeError,
        IndexError,
        AttributeError,
        OverflowError,
        shapely.errors.ShapelyError,
    ) as error:
        return Shape(None, f"the geometry cannot be read ({plain(error, 120)})")


def _read(mapping: Mapping[str, Any], mended: list[str]) -> Any:
    kind = mapping["type"]
    if not isinstance(kind, str):
        raise TypeError("its type is no text")
    if kind == "Polygon":
        return _polygon(mapping["coordinates"], mended)
    if kind == "MultiPolygon":
        return shapely.MultiPolygon([_polygon(rings, mended) for rings in mapping["coordinates"]])
    if kind == "GeometryCollection":
        return shapely.GeometryCollection([_read(member, mended) for member in mapping["geometries"]])
    if _holds_truth(mapping.get("coordinates")):
        raise TypeError(_NO_NUMBERS)
    return shapely.geometry.shape(mapping)


def _holds_truth(coordinates: Any) -> bool:
    """Tell whether True or False, which count as 1 and 0 in Python, stand among nested coordinates."""
    if isinstance(coordinates, (list, tuple)):
        return any(map(_holds_truth, coordinates))
    return isinstance(coordinates, (bool, np.bool_))


def _polygon(rings: Any, mended: list[str]) -> Any:
    if not isinstance(rings, (list, tuple)):
        raise TypeError("its coordinates are no list of rings")
    lines = [_ring(positions, mended) for positions in rings]
    return shapely.polygons(lines[0], lines[1:] or None) if lines else shapely.Polygon()


def _ring(positions: Any, mended: list[str]) -> Any:
    if len(positions) == 0:
        return shapely.LinearRing()
    points = _points(positions)
    if (points[0] != points[-1]).any() and np.isfinite(points[[0, -1]]).all():
        mended.append(UNCLOSED)
    return shapely.linearrings(points)


def _points(positions: Any) -> NDArray[np.float64]:
    try:
        points = np.array(positions)
    except ValueError:  # positions that differ in length
        points = np.array([tuple(position[:2]) for position in positions])
    if points.dtype.kind not in "iuf":
        raise TypeError(_NO_NUMBERS)
    if points.ndim != 2 or points.shape[1] < 2:
        raise ValueError("its coordinates are no list of positions")
    # True and False became 1 and 0 among numbers, so wherever these are the types are looked at.
    doubtful = not isinstance(positions, np.ndarray) and ((points == 0) | (points == 1)).any()
    if doubtful and not {bool, np.bool_}.isdisjoint(map(type, chain.from_iterable(positions))):
        raise TypeError(_NO_NUMBERS)
    return np.ascontiguousarray(points[:, :2], dtype=np.float64)
