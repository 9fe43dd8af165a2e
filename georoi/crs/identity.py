"""Tell whether two CRS are the same, by what they define and not by what they are called."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
from pyproj import CRS

from georoi.crs.proj import candidates, transformer

_NO_EFFECT = {"scale factor": 1.0}  # every other parameter has no effect at 0
_UNKNOWN_DATUM = re.compile(r"^(unknown|unnamed|undefined|user-?defined|notspecified)|basedupon|basedon")


def crs_label(crs: CRS | None) -> str:
    """Name a CRS in a few characters: its code where it has one, else its name; "unknown" for None."""
    if crs is None:
        return "unknown"
    return _label(crs.to_wkt())


@lru_cache(maxsize=256)
def _label(wkt: str) -> str:
    crs = CRS.from_wkt(wkt)
    authority = crs.to_authority(min_confidence=100)
    if authority:
        return ":".join(authority)
    if crs.name.lower() not in ("", "unknown", "unnamed", "undefined"):
        return crs.name
    base = crs.source_crs if crs.is_bound and crs.source_crs is not None else crs
    conversion = plane(base).coordinate_operation
    return f"a CRS without name ({conversion.method_name if conversion is not None else base.type_name})"


def same_crs(a: CRS | None, b: CRS | None) -> bool:
    """Tell whether coordinates of one CRS are coordinates of the other.

    They are when projection parameters, ellipsoid, prime meridian and units agree and the datums are the
    same: by name, or because one of them is not stated, or because the operation between them moves nothing
    and is no ballpark one. Axis order, names and codes do not count, so IGNF:ETRS89LAEA is EPSG:3035 and
    CRS84 is EPSG:4326. An unknown CRS (None) is the same as no other.
    """
    if a is None or b is None:
        return False
    return a is b or _same(a.to_wkt(), b.to_wkt())


@lru_cache(maxsize=1024)
def _same(wkt_a: str, wkt_b: str) -> bool:
    if wkt_a == wkt_b:
        return True
    a, b = plane(CRS.from_wkt(wkt_a)), plane(CRS.from_wkt(wkt_b))
    if a.equals(b, ignore_axis_order=True):
        return True
    if definition(a) != definition(b):
        return False
    return same_datum(a, b) or _moves_nothing(a, b)


def plane(crs: CRS) -> CRS:
    """Take the horizontal part of a compound or three-dimensional CRS."""
    if crs.is_compound and crs.sub_crs_list:
        return plane(crs.sub_crs_list[0])
    return crs.to_2d() if len(crs.axis_info) == 3 else crs


def definition(crs: CRS) -> tuple[Any, ...]:
    """Give what decides positions, as hashable text: projection, ellipsoid, meridian, units, datum shift.

    Names, codes, axis order and the name of the datum are left out; numbers are rounded to 10 digits, which
    is 10 micrometres on Earth's radius and tells GRS 80 from WGS 84.
    """
    crs = plane(crs)
    shift = _shift_to_wgs84(crs)
    if crs.is_bound and crs.source_crs is not None:
        crs = plane(crs.source_crs)
    ellipsoid, meridian, operation = crs.ellipsoid, crs.prime_meridian, crs.coordinate_operation
    if ellipsoid is None or meridian is None or (operation is None and not crs.is_geographic):
        return ("other", crs.to_wkt())
    conversion: tuple[Any, ...] = ()
    if not crs.is_geographic and operation is not None:
        conversion = (_spelling(operation.method_name), *_parameters(operation.params))
    return (
        "geographic" if crs.is_geographic else "projected",
        conversion,
        _digits(ellipsoid.semi_major_metre),
        _digits(ellipsoid.inverse_flattening),
        _digits(meridian.longitude * float(meridian.unit_conversion_factor)),
        tuple(
            sorted((axis.direction.lower(), _digits(axis.unit_conversion_factor)) for axis in crs.axis_info)
        ),
        shift,
    )


def same_datum(a: CRS, b: CRS) -> bool:
    """Tell whether both name the same datum, or one names none: then its ellipsoid is all it says."""
    names = [_datum(crs) for crs in (a, b)]
    return names[0] == names[1] or "" in names


def _datum(crs: CRS) -> str:
    crs = plane(crs)
    if crs.is_bound and crs.source_crs is not None:
        crs = plane(crs.source_crs)
    if crs.datum is None:
        return ""
    name = _spelling(crs.datum.name).removesuffix("ensemble")
    return "" if _UNKNOWN_DATUM.search(name) else name


def _moves_nothing(a: CRS, b: CRS) -> bool:
    """Try the best operation between the datums, which may be no ballpark one, all over the area of use."""
    base_a, base_b = a.geodetic_crs, b.geodetic_crs
    found = candidates(base_a, base_b, None, allow_ballpark=False) if base_a and base_b else ()
    if not found:
        return False
    area = a.area_of_use or b.area_of_use
    west, south, east, north = area.bounds if area else (-180.0, -80.0, 180.0, 80.0)
    x, y = np.meshgrid(
        np.linspace(west, east if east > west else east + 360, 9), np.linspace(south, north, 9)
    )
    moved_x, moved_y = transformer(found[0].pipeline).transform(x, y)
    with np.errstate(invalid="ignore"):
        return bool(np.all(np.hypot(moved_x - x, moved_y - y) < 1e-10))


def _shift_to_wgs84(crs: CRS) -> tuple[str, ...]:
    if not crs.is_bound or crs.coordinate_operation is None:
        return ()
    operation = crs.coordinate_operation
    if operation.grids:
        return tuple(grid.short_name for grid in operation.grids)
    values: list[Any] = list(operation.towgs84) or [parameter.value for parameter in operation.params]
    shift = tuple(_digits(value) for value in values if isinstance(value, (int, float)))
    return shift if any(number not in ("0", "1") for number in shift) else ()


def _parameters(params: Iterable[Any]) -> list[tuple[str, str]]:
    found = []
    for parameter in params:
        name, value = parameter.name.lower(), parameter.value
        neutral = next((neutral for part, neutral in _NO_EFFECT.items() if part in name), 0.0)
        if isinstance(value, (int, float)):
            if value == neutral:
                continue
            value = _digits(value * float(parameter.unit_conversion_factor or 1.0))
        found.append((str(parameter.code or _spelling(name)), str(value)))
    return sorted(found)


def _digits(value: float) -> str:
    return f"{value + 0.0:.10g}"


def _spelling(name: str) -> str:
    return re.sub(r"[^a-z0-9-]", "", name.lower())
