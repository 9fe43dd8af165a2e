"""Choose the operation between two CRS for an area, say how good it is, and apply it to points."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

from georoi.crs.identity import crs_label, definition, plane, same_crs, same_datum
from georoi.crs.proj import Area, Candidate, candidates, projection, transformer
from georoi.errors import CRSError

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """How coordinates went from one CRS to another."""

    name: str
    """The operation as PROJ names it; "" where none was needed because both CRS are the same."""
    accuracy: float | None
    """In metres; None where the register does not tell."""
    ballpark: bool
    """True if a datum shift is left out because none is known: places may be off by 100 m and more."""
    source: str
    """WKT of the CRS that coordinates came from."""
    target: str
    """WKT of the CRS that they went to."""
    pipeline: str
    """PROJ text of the steps, x before y on both sides."""

    def __str__(self) -> str:
        if not self.name:
            return ""
        accuracy = "accuracy unknown" if self.accuracy is None else f"accuracy {self.accuracy:g} m"
        return f"{self.name} ({accuracy}{', ballpark' if self.ballpark else ''})"


def find_operation(
    source: CRS, target: CRS, area: Area | None = None, *, allow_ballpark: bool = False
) -> tuple[Transformer, Operation]:
    """Find the best operation for an area.

    A transformer with the identity comes back where both CRS are the same.

    Args:
        source: CRS of the coordinates at hand.
        target: CRS wanted.
        area: Where they lie, (west, south, east, north) in degrees.
        allow_ballpark: Take an operation without datum shift where nothing better is known.

    Raises:
        CRSError: E-CRS-06 if no operation is known, or only a ballpark one.
    """
    if same_crs(source, target):
        return transformer("+proj=noop"), _operation(Candidate("", 0.0, "+proj=noop"), source, target, False)
    flat = plane(source), plane(target)
    rounded = _round_outwards(area) if area is not None else None
    found = candidates(*flat, rounded, allow_ballpark=False)
    if found:
        return transformer(found[0].pipeline), _operation(found[0], source, target, False)
    found = candidates(*flat, rounded, allow_ballpark=True)
    if found and _shift_is_void(*flat):
        # One datum has no name and the ellipsoids agree: leaving the shift out is what the definitions say.
        named = Candidate(
            f"{found[0].name}, taking the unnamed datum for the other one", None, found[0].pipeline
        )
        return transformer(named.pipeline), _operation(named, source, target, False)
    if found and allow_ballpark:
        return transformer(found[0].pipeline), _operation(found[0], source, target, True)
    raise CRSError(
        "E-CRS-06",
        "no operation between the two CRS is known" + (" but a ballpark one" if found else ""),
        found={"from": _describe(source), "to": _describe(target)},
        hint="if one of them is wrong or names no datum, say the right one: read_rois(..., rois_crs=) or "
        "open_raster(..., raster_crs=) (--rois-crs, --bbox-crs, --raster-crs)",
    )


def transform_points(
    operation: Transformer | Operation, x: ArrayLike, y: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Transform points; what cannot be transformed comes back as infinity on both axes.

    Args:
        operation: What `find_operation` gave, either of the two.
        x: Eastings or longitudes, any shape.
        y: Northings or latitudes, a shape that goes with it.
    """
    if isinstance(operation, Operation):
        operation = transformer(operation.pipeline)
    both = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
    with np.errstate(invalid="ignore"):
        moved = operation.transform(both[0].copy(), both[1].copy(), inplace=True, errcheck=False)
    return np.asarray(moved[0], dtype=np.float64), np.asarray(moved[1], dtype=np.float64)


def area_of_use(crs: CRS) -> Bounds | None:
    """Give where a CRS is meant to be used, (west, south, east, north) in degrees, if the register says."""
    area = plane(crs).area_of_use
    return None if area is None else (area.west, area.south, area.east, area.north)


def lonlat_bounds(crs: CRS, bounds: Bounds) -> Bounds | None:
    """Give bounds (xmin, ymin, xmax, ymax) in degrees from Greenwich, or None where they have none.

    Edges are followed at 21 points each, and poles inside are found; west > east where the bounds cross the
    antimeridian.
    """
    crs = plane(crs)
    base = crs.geodetic_crs
    if base is None or not all(map(math.isfinite, bounds)):
        return None
    if not in_degrees(base):
        base = CRS.from_epsg(4326)
    try:
        west, south, east, north = projection(crs, base).transform_bounds(*bounds, densify_pts=21)
    except ProjError:
        return None
    if not all(map(math.isfinite, (west, south, east, north))):
        return None
    return (max(west, -180.0), max(south, -90.0), min(east, 180.0), min(north, 90.0))


def in_degrees(base: CRS) -> bool:
    """Tell whether a geographic CRS counts in degrees from Greenwich."""
    meridian = base.prime_meridian
    return (
        bool(base.axis_info)
        and base.axis_info[0].unit_name == "degree"
        and meridian is not None
        and meridian.longitude == 0
    )


def looks_swapped(bounds: Bounds, extent: Bounds) -> bool:
    """Tell whether bounds miss an extent in the same CRS but would meet it with x and y exchanged."""
    xmin, ymin, xmax, ymax = bounds
    return not _meet((xmin, ymin, xmax, ymax), extent) and _meet((ymin, xmin, ymax, xmax), extent)


def _meet(a: Bounds, b: Bounds) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _shift_is_void(a: CRS, b: CRS) -> bool:
    bases = [
        crs.source_crs.geodetic_crs if crs.is_bound and crs.source_crs else crs.geodetic_crs for crs in (a, b)
    ]
    if bases[0] is None or bases[1] is None:
        return False
    shifts = {definition(crs)[-1] for crs in (a, b)}
    return shifts == {()} and same_datum(a, b) and definition(bases[0])[2:5] == definition(bases[1])[2:5]


def _operation(found: Candidate, source: CRS, target: CRS, ballpark: bool) -> Operation:
    return Operation(
        name=found.name,
        accuracy=found.accuracy,
        ballpark=ballpark,
        source=source.to_wkt(),
        target=target.to_wkt(),
        pipeline=found.pipeline,
    )


def _round_outwards(area: Area) -> Area:
    west, south, east, north = area
    return (
        max(math.floor(west * 100) / 100, -180.0),
        max(math.floor(south * 100) / 100, -90.0),
        min(math.ceil(east * 100) / 100, 180.0),
        min(math.ceil(north * 100) / 100, 90.0),
    )


def _describe(crs: CRS) -> str:
    datum = plane(crs).datum
    return f"{crs_label(crs)} (datum: {datum.name if datum else 'unknown'})"
