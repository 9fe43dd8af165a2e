"""Points with ids and attributes, all in one CRS or all in pixel space."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from georoi.crs import CRS
from georoi.errors import ROIError
from georoi.values.cleaning import Finding, warn
from georoi.values.features import Features
from georoi.values.naming import Id, choose_ids, make_unique
from georoi.values.space import flat_crs

POINT, MULTIPOINT = 0, 4
"""shapely's type ids."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PointSet:
    """Points to sample rasters at; immutable. Make one with `georoi.io.vector.points.read_points`."""

    ids: NDArray[np.object_]
    """Unique ids, text or whole numbers, shape (n,)."""
    x: NDArray[np.float64]
    """Eastings or longitudes, columns in pixel space; finite, shape (n,)."""
    y: NDArray[np.float64]
    """Northings or latitudes, rows in pixel space; finite, shape (n,)."""
    crs: CRS | None = None
    """None in pixel space, and where it is not known."""
    pixel: bool = False
    attributes: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """Columns of the source, each of shape (n,)."""
    name: str = "points"
    """What messages call the set."""
    findings: tuple[Finding, ...] = ()
    """What was dropped, taken apart or renamed, and why."""
    id_column: str | None = None
    """The column that the ids come from; None where they are feature numbers."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(xmin, ymin, xmax, ymax)."""
        return float(self.x.min()), float(self.y.min()), float(self.x.max()), float(self.y.max())

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of ids, coordinates and CRS."""
        space = "pixel" if self.pixel else "unknown" if self.crs is None else self.crs.to_wkt()
        digest = hashlib.sha256(f"georoi PointSet 1\n{space}\n".encode())
        for point_id in self.ids:
            digest.update(repr(point_id).encode("utf-8", "surrogatepass") + b"\n")
        digest.update(self.x.astype("<f8").tobytes() + self.y.astype("<f8").tobytes())
        return digest.hexdigest()

    @classmethod
    def from_features(
        cls,
        features: Features,
        *,
        space: tuple[CRS | None, bool] = (None, False),
        name: str = "points",
        id_column: str | None = None,
    ) -> PointSet:
        """Keep the points of features; a MultiPoint gives a point for each of its members.

        Ids follow the rules for ROIs: the column asked for, else `roi_id`, `id` if nowhere null, else feature
        numbers from 0; ids met again become `id#2`. A warning says what was dropped or renamed.

        Args:
            features: Features as a source gave them.
            space: CRS and whether the coordinates are pixels, as `choose_space` gives them.
            name: What messages call the source.
            id_column: Column of the ids.

        Raises:
            ROIError: E-ROI-11 if no point is left, E-ROI-08 if there is no such column.
        """
        ids, column, note = choose_ids(features.attributes, features.numbers, id_column)
        findings = [Finding("source", -1, None, text) for text in (*features.notes, note) if text]
        owner, x, y = _open(features, ids, findings)
        if not len(owner):
            raise ROIError(
                "E-ROI-11",
                f"{name} holds no point that can be used",
                found={"features": str(len(features)), "dropped": _first_reason(findings)},
                hint="give points; of lines and polygons take shapely.centroid or another point of yours",
            )
        chosen: list[Id] = []
        for position in owner.tolist():
            known = ids[position]
            chosen.append(int(features.numbers[position]) if known is None else known)
        unique, renamed = make_unique(chosen)
        for i, first in renamed.items():
            if owner[i] == owner[first]:
                continue  # members of one MultiPoint
            reason = f"feature {features.numbers[owner[first]]} has the id {chosen[first]}"
            findings.append(Finding("renamed", int(features.numbers[owner[i]]), unique[i], reason))
        warn(findings, name)
        array = np.empty(len(unique), dtype=object)
        array[:] = unique
        crs, pixel = space
        return cls(
            ids=array,
            x=x,
            y=y,
            crs=None if crs is None else flat_crs(crs),
            pixel=pixel,
            attributes={key: values[owner] for key, values in features.attributes.items()},
            name=name,
            findings=tuple(findings),
            id_column=column,
        )


def holds_points(features: Features) -> bool:
    """Tell whether there are points among features, and nothing else with coordinates."""
    there = features.geometry[~shapely.is_missing(features.geometry)]
    there = there[~shapely.is_empty(there)]
    return bool(len(there)) and bool(np.isin(shapely.get_type_id(there), (POINT, MULTIPOINT)).all())


def _open(
    features: Features, ids: list[Id | None], findings: list[Finding]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Give the points of features: the position of the feature of each, and its coordinates."""
    geometry = features.geometry
    kind = shapely.get_type_id(geometry)
    is_point = np.isin(kind, (POINT, MULTIPOINT)) & ~shapely.is_empty(geometry)
    for position in np.flatnonzero(~is_point).tolist():
        number = int(features.numbers[position])
        if kind[position] == -1:
            reason = features.unread.get(number, "it has no geometry")
        elif shapely.is_empty(geometry[position]):
            reason = "its geometry is empty"
        else:
            reason = f"a {geometry[position].geom_type} is no point"
        findings.append(Finding("dropped", number, ids[position], reason))
    kept = np.flatnonzero(is_point)
    coordinates, owner = shapely.get_coordinates(geometry[kept], return_index=True)
    finite = np.isfinite(coordinates).all(axis=1)
    for position in np.unique(kept[owner[~finite]]).tolist():
        number = int(features.numbers[position])
        findings.append(Finding("dropped", number, ids[position], "NaN or infinite coordinates"))
    x, y = np.ascontiguousarray(coordinates[finite].T)
    return kept[owner[finite]], x, y


def _first_reason(findings: list[Finding]) -> str:
    dropped = [finding.reason for finding in findings if finding.code == "dropped"]
    return f"{len(dropped)}, such as: {dropped[0]}" if dropped else "none"
