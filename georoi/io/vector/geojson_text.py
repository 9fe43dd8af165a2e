"""Look at GeoJSON text before it is parsed: its type, how deep it nests, and what it says of its CRS."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.errors import CRSError, ROIError
from georoi.values.naming import plain

DEEPEST = 64
"""Deepest nesting of brackets that is read; a MultiPolygon in a FeatureCollection has 8."""
GEOMETRIES = ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon")
TYPES = frozenset({"FeatureCollection", "Feature", "GeometryCollection", *GEOMETRIES})
_LONGEST_CRS = 64 * 1024
_KEYS = re.compile(rb'"(?:type|(?:c|\\u0063)(?:r|\\u0072)(?:s|\\u0073))"\s*:\s*')
_STEPS = np.zeros(256, dtype=np.int8)
_STEPS[[ord("["), ord("{")]] = 1
_STEPS[[ord("]"), ord("}")]] = -1
_PIECE = 1 << 22


@dataclass(frozen=True)
class Stated:
    """What a GeoJSON text says of its CRS."""

    text: str | None
    """Code or URN of a `crs` member; None where there is none, or it is null."""
    is_null: bool = False
    """True for `"crs": null`, which in GeoJSON of 2008 says that the CRS is not known."""


def scan(data: bytes, name: str) -> Stated:
    """Check GeoJSON, or a sequence of GeoJSON texts, and find its `crs` member.

    A `crs` member of type link or url is refused wherever it stands, and JSON of other kinds is no GeoJSON.

    Raises:
        ROIError: E-ROI-01 if it is no GeoJSON, nests too deep, or has a `crs` that points elsewhere.
        CRSError: E-CRS-04 if the `crs` member is not understood.
    """
    found = list(_KEYS.finditer(data))
    depths = _depths(data, np.array([match.start() for match in found], dtype=np.int64), name)
    types, stated = [], []
    for match, depth in zip(found, depths.tolist(), strict=True):
        is_type = match.group().startswith(b'"type"')
        if is_type and depth != 1:
            continue
        value = _value(data, match.end(), name)
        if is_type:
            types.append(value)
        elif depth == 1:
            stated.append(_read(value, name))
        else:
            _refuse_links(value, name)
    if not types or any(kind not in TYPES for kind in types if isinstance(kind, str) or kind is None):
        shown = plain(json.dumps(types[0])) if types else "none"
        raise ROIError("E-ROI-01", f"{name} is JSON, but no GeoJSON", found={"type": shown})
    if len({repr(crs) for crs in stated}) > 1:
        raise CRSError("E-CRS-04", f"{name} states several CRS", hint="state one, or none and pass rois_crs=")
    return stated[0] if stated else Stated(None)


def stated_by(mapping: Mapping[str, Any], name: str) -> Stated:
    """Find the `crs` member of GeoJSON that is parsed already.

    Raises:
        ROIError: E-ROI-01 if it points elsewhere.
        CRSError: E-CRS-04 if it is not understood.
    """
    return _read(mapping["crs"], name) if "crs" in mapping else Stated(None)


def _refuse_links(value: Any, name: str) -> None:
    if isinstance(value, dict) and str(value.get("type")).lower() in ("link", "url"):
        raise ROIError(
            "E-ROI-01",
            f"{name} keeps its CRS elsewhere, which georoi does not follow",
            found={"crs": plain(json.dumps(value))},
            hint="remove the crs member and pass rois_crs=, or export the file again",
        )


def _value(data: bytes, start: int, name: str) -> Any:
    text = data[start : start + _LONGEST_CRS].decode("utf-8", "replace")
    try:
        return json.JSONDecoder().raw_decode(text)[0]
    except (ValueError, RecursionError) as error:
        raise ROIError(
            "E-ROI-01", f"{name} is no valid JSON", found={"text": plain(text, 60), "cause": plain(error)}
        ) from error


def _read(value: Any, name: str) -> Stated:
    """Read a `crs` member as GeoJSON of 2008 defines it: {"type": "name", "properties": {"name": ...}}."""
    _refuse_links(value, name)
    if value is None:
        return Stated(None, is_null=True)
    properties = value.get("properties") if isinstance(value, dict) else None
    if isinstance(properties, dict):
        if isinstance(properties.get("name"), str):
            return Stated(properties["name"])
        if isinstance(properties.get("code"), (int, str)):
            return Stated(f"EPSG:{properties['code']}")
        if isinstance(properties.get("urn"), str):
            return Stated(properties["urn"])
    raise CRSError(
        "E-CRS-04",
        f"the crs member of {name} is not understood",
        found={"crs": plain(json.dumps(value))},
        hint='write {"type": "name", "properties": {"name": "EPSG:32633"}}, or remove it and pass rois_crs=',
    )


def _depths(data: bytes, positions: NDArray[np.int64], name: str) -> NDArray[np.int32]:
    """Count the brackets that are open at each position, strings left out; piece by piece.

    Raises:
        ROIError: E-ROI-01 if more than `DEEPEST` are open anywhere.
    """
    if b"\\" in data:
        data = re.sub(rb"\\.", b"__", data, flags=re.DOTALL)  # an escaped quote ends no string
    depths = np.zeros(len(positions), dtype=np.int32)
    quoted, depth = 0, 0
    for start in range(0, len(data), _PIECE):
        piece = np.frombuffer(data, dtype=np.uint8, count=min(_PIECE, len(data) - start), offset=start)
        inside = (np.cumsum(piece == ord('"'), dtype=np.int32) + quoted) & 1
        opened = np.cumsum(np.where(inside, np.int8(0), _STEPS[piece]), dtype=np.int32) + depth
        if opened.max() > DEEPEST:
            raise ROIError("E-ROI-01", f"{name} nests more than {DEEPEST} levels deep")
        first, last = np.searchsorted(positions, [start, start + len(piece)])
        depths[first:last] = opened[positions[first:last] - start]
        quoted, depth = int(inside[-1]), int(opened[-1])
    return depths
