"""Clean features into ROIs: polygons only, finite, valid, flat, unique ids; every change has a finding."""

from __future__ import annotations

import inspect
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from georoi.crs import repair
from georoi.errors import GeoroiWarning, ROIError, UsageError
from georoi.values.features import Features
from georoi.values.naming import Id, make_unique, plain, some

POLYGONAL = (3, 6)
"""shapely's type ids of Polygon and MultiPolygon."""
COLLECTION = 7


@dataclass(frozen=True)
class Finding:
    """What was noticed about one feature, and what was done."""

    code: str
    """"repaired", "dropped", "collapsed" (nothing was left), "renamed", or "source" for a note on all."""
    feature: int
    """Number of the feature in its source, counted from 0; -1 for the source as a whole."""
    roi_id: Id | None
    """Its id, where it has one."""
    reason: str


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How features become ROIs."""

    id_column: str | None = None
    on_invalid: str = "repair"
    """"repair", "drop" or "error": what is done with geometries that are invalid."""
    on_duplicate: str = "rename"
    """"rename" or "error": what is done with ids that occur twice."""

    def __post_init__(self) -> None:
        _check_choice("on_invalid", self.on_invalid, ("repair", "drop", "error"))
        _check_choice("on_duplicate", self.on_duplicate, ("rename", "error"))


def _check_choice(option: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(
            "E-USE-01", f"{option} must be one of {', '.join(allowed)}, not {plain(repr(value))}"
        )


@dataclass(eq=False)
class _Work:
    """The state of one cleaning: geometries under work, which of them live, and what was found."""

    geometry: NDArray[np.object_]
    numbers: NDArray[np.int64]
    ids: Sequence[Id | None]
    name: str
    alive: NDArray[np.bool_]
    findings: list[Finding] = field(default_factory=list)

    def note(self, code: str, position: int, reason: str) -> None:
        self.findings.append(Finding(code, int(self.numbers[position]), self.ids[position], reason))

    def drop(
        self, positions: NDArray[np.int64], reason: str | Callable[[int], str], code: str = "dropped"
    ) -> None:
        self.alive[positions] = False
        for position in positions.tolist():
            self.note(code, position, reason if isinstance(reason, str) else reason(position))

    def living(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.alive)


def clean(
    features: Features,
    ids: Sequence[Id | None],
    rules: Rules,
    name: str,
    others: Mapping[int, Id] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.object_], NDArray[np.object_], tuple[Finding, ...]]:
    """Keep what is a polygon, repair what is invalid, make ids unique, and say what was done in one warning.

    Repair is `shapely.make_valid(method="structure", keep_collapsed=False)`: overlapping parts are united,
    rings wound twice count once; parts that this leaves with an edge in common are united. M and Z are left
    out.

    Args:
        features: Raw features.
        ids: An id or None for each.
        rules: What to do with invalid geometries and with duplicate ids.
        name: What messages call the source.
        others: Ids, by feature number, of features that were left out before, but whose ids are taken.

    Returns:
        Positions of the features kept; their geometry (Polygon or MultiPolygon); their unique ids; findings.

    Raises:
        ROIError: E-ROI-02 if no polygon is left; E-ROI-03 if that is for NaN or infinite coordinates. With
            on_invalid "error" also E-ROI-03 if one has such coordinates, and E-ROI-07 if one is invalid; with
            on_duplicate "error" E-ROI-04 if two have one id.
    """
    work = _Work(
        features.geometry.copy(), features.numbers, ids, name, np.ones(len(features), dtype=np.bool_)
    )
    work.findings += [Finding("source", -1, None, note) for note in features.notes]
    _drop_missing(work, features.unread)
    _drop_infinite(work, rules)
    _flatten(work)
    _open_collections(work)
    _drop_others(work)
    _drop_empty_parts(work)
    _note_mended(work, features.mended, rules)
    _repair(work, rules)
    keep = work.living()
    if not len(keep):
        raise _nothing_left(work)
    unique = _unique_ids(work, keep, rules, others or {})
    work.findings.sort(key=lambda finding: finding.feature)
    warn(work.findings, name)
    return keep, work.geometry[keep], unique, tuple(work.findings)


def _drop_missing(work: _Work, unread: Mapping[int, str]) -> None:
    missing = np.flatnonzero(shapely.is_missing(work.geometry))
    work.drop(missing, lambda position: unread.get(int(work.numbers[position]), "it has no geometry"))


def _drop_infinite(work: _Work, rules: Rules) -> None:
    living = work.living()
    with np.errstate(all="ignore"):  # coordinates such as 1e300 overflow in GEOS, which copes
        living = living[~shapely.is_valid(work.geometry[living])]  # as all that are not finite are
    coordinates, index = shapely.get_coordinates(work.geometry[living], return_index=True)
    finite = np.isfinite(coordinates).all(axis=1)
    if finite.all():
        return
    bad = living[np.unique(index[~finite])]
    if rules.on_invalid == "error":
        raise _refusal("E-ROI-03", work, int(bad[0]), "has NaN or infinite coordinates")
    work.drop(bad, _INFINITE)


_INFINITE = "NaN or infinite coordinates"


def _flatten(work: _Work) -> None:
    living = work.living()
    higher = living[shapely.get_coordinate_dimension(work.geometry[living]) != 2]
    if len(higher):
        work.geometry[higher] = shapely.force_2d(work.geometry[higher])


def _open_collections(work: _Work) -> None:
    living = work.living()
    for position in living[shapely.get_type_id(work.geometry[living]) == COLLECTION].tolist():
        parts = _polygons_in(work.geometry[position])
        if not len(parts):
            continue
        work.geometry[position] = shapely.multipolygons(parts) if len(parts) > 1 else parts[0]
        work.note("repaired", position, f"only the polygons ({len(parts)}) of a GeometryCollection were kept")


def _polygons_in(geometry: Any) -> NDArray[np.object_]:
    """Find the non-empty polygons of a geometry, however collections nest."""
    parts = np.array([geometry], dtype=object)
    while (shapely.get_type_id(parts) > POLYGONAL[0]).any():
        opened = shapely.get_parts(parts)
        if len(opened) == len(parts) and (opened == parts).all():
            break  # curves and the like, which hold no parts
        parts = opened
    found: NDArray[np.object_] = parts[
        (shapely.get_type_id(parts) == POLYGONAL[0]) & ~shapely.is_empty(parts)
    ]
    return found


def _drop_others(work: _Work) -> None:
    living = work.living()
    empty = shapely.is_empty(work.geometry[living])
    work.drop(living[empty], "its geometry is empty")
    living = living[~empty]
    other = living[~np.isin(shapely.get_type_id(work.geometry[living]), POLYGONAL)]
    work.drop(other, lambda position: f"a {work.geometry[position].geom_type} is no polygon")


def _drop_empty_parts(work: _Work) -> None:
    """Leave out parts and holes without a vertex, which are valid but mean nothing."""
    living = work.living()
    parts, owner = shapely.get_parts(work.geometry[living], return_index=True)
    hollow = shapely.is_empty(parts)
    holed = np.flatnonzero(shapely.get_num_interior_rings(parts) > 0)
    rings, ring_owner = shapely.get_rings(parts[holed], return_index=True)
    hollow[holed[ring_owner[shapely.is_empty(rings)]]] = True
    for position in living[np.unique(owner[hollow])].tolist():
        kept = [
            shapely.Polygon(part.exterior, [hole for hole in part.interiors if not hole.is_empty])
            for part in shapely.get_parts(work.geometry[position])
            if not part.is_empty
        ]
        work.geometry[position] = shapely.multipolygons(kept) if len(kept) > 1 else kept[0]


def _note_mended(work: _Work, mended: Mapping[int, str], rules: Rules) -> None:
    if not mended:
        return
    for position in work.living().tolist():
        reason = mended.get(int(work.numbers[position]))
        if reason is None:
            continue
        if rules.on_invalid == "error":
            raise _refusal("E-ROI-07", work, position, f"is invalid ({reason})")
        if rules.on_invalid == "drop":
            work.drop(np.array([position]), f"invalid: {reason}")
        else:
            work.note("repaired", position, reason)


def _repair(work: _Work, rules: Rules) -> None:
    living = work.living()
    with np.errstate(all="ignore"):  # coordinates such as 1e300 overflow in GEOS, which copes
        invalid = living[~shapely.is_valid(work.geometry[living])]
        if not len(invalid):
            return
        reasons = [plain(reason, 120) for reason in shapely.is_valid_reason(work.geometry[invalid])]
        if rules.on_invalid == "error":
            raise _refusal("E-ROI-07", work, int(invalid[0]), f"is invalid ({reasons[0]})")
        if rules.on_invalid == "drop":
            known = dict(zip(invalid.tolist(), reasons, strict=True))
            work.drop(invalid, lambda position: f"invalid: {known[position]}")
            return
        for position, reason in zip(invalid.tolist(), reasons, strict=True):
            _repair_one(work, position, reason)


def _repair_one(work: _Work, position: int, reason: str) -> None:
    try:
        repaired = repair(work.geometry[[position]])[0]
    except shapely.errors.GEOSException as error:
        work.drop(np.array([position]), f"{reason}; it cannot be repaired ({plain(error)})")
        return
    parts = _polygons_in(repaired)
    if not len(parts) or not np.isfinite(shapely.get_coordinates(parts)).all():
        work.drop(np.array([position]), f"{reason}; the repair leaves no area", code="collapsed")
        return
    work.geometry[position] = shapely.multipolygons(parts) if len(parts) > 1 else parts[0]
    work.note("repaired", position, reason)


def _unique_ids(
    work: _Work, keep: NDArray[np.int64], rules: Rules, others: Mapping[int, Id]
) -> NDArray[np.object_]:
    wanted: list[tuple[int, Id]] = []
    for position in keep.tolist():
        known = work.ids[position]
        number = int(work.numbers[position])
        if known is None:
            work.note("renamed", position, "it has no id, so its feature number is used")
        wanted.append((number, number if known is None else known))
    kept = {number for number, _ in wanted}
    entries = sorted([*wanted, *others.items()], key=lambda entry: entry[0]) if others else wanted
    numbers, ids = [number for number, _ in entries], [id for _, id in entries]
    unique, renamed = make_unique(ids)
    renamed = {
        place: first
        for place, first in renamed.items()
        if not kept.isdisjoint((numbers[place], numbers[first]))
    }
    if renamed and rules.on_duplicate == "error":
        raise ROIError(
            "E-ROI-04",
            f"{work.name} has ids that occur more than once",
            found={"ids": some(dict.fromkeys(str(ids[first]) for first in renamed.values()), 10)},
            hint="take ids from another column with id_column=, or pass on_duplicate='rename'",
        )
    for place, first in renamed.items():
        if numbers[place] in kept:
            reason = f"feature {numbers[first]} has the id {plain(ids[first], 40)}"
            work.findings.append(Finding("renamed", numbers[place], unique[place], reason))
    array = np.empty(len(wanted), dtype=object)
    settled = dict(zip(numbers, unique, strict=True))
    array[:] = [settled[number] for number, _ in wanted]
    return array


def _refusal(id: str, work: _Work, position: int, what: str) -> ROIError:
    roi_id = work.ids[position]
    called = f" (id {plain(roi_id, 40)})" if roi_id is not None else ""
    return ROIError(
        id,
        f"{work.name}: feature {work.numbers[position]}{called} {what}",
        hint="correct it, or pass on_invalid='repair' or 'drop'",
    )


def _nothing_left(work: _Work) -> ROIError:
    if not len(work.geometry):
        return ROIError("E-ROI-02", f"{work.name} holds no feature", hint="choose a source with polygons")
    lost = [finding for finding in work.findings if finding.code in ("dropped", "collapsed")]
    counts = Counter(finding.reason for finding in lost)
    found = {"features": str(len(work.geometry)), "dropped": _counted(counts)}
    if set(counts) == {_INFINITE}:
        return ROIError(
            "E-ROI-03",
            f"{work.name} has NaN or infinite coordinates only",
            found=found,
            hint="export the ROIs again, or remove the features with broken coordinates",
        )
    return ROIError(
        "E-ROI-02",
        f"{work.name} holds no polygon that can be used",
        found=found,
        hint="ROIs are polygons; points and lines need a buffer first",
    )


def _counted(counts: Counter[str]) -> str:
    shown = [f"{count} x {reason}" if count > 1 else reason for reason, count in counts.most_common(3)]
    return "; ".join(shown) + ("; ..." if len(counts) > 3 else "")


def warn(findings: Sequence[Finding], name: str) -> None:
    """Warn once, with how many ROIs were repaired, dropped or renamed, and which."""
    parts = []
    by_code: dict[str, list[Finding]] = {}
    for finding in findings:
        by_code.setdefault("dropped" if finding.code == "collapsed" else finding.code, []).append(finding)
    if repaired := by_code.get("repaired"):
        named = dict.fromkeys(_called(finding) for finding in repaired)
        parts.append(f"{len(named):,} repaired ({some(named)}: {repaired[0].reason})")
    if dropped := by_code.get("dropped"):
        parts.append(f"{len(dropped):,} dropped ({some(map(_called, dropped))}: {dropped[0].reason})")
    if renamed := by_code.get("renamed"):
        parts.append(f"{len(renamed):,} renamed ({some(map(_called, renamed))}: {renamed[0].reason})")
    parts += [finding.reason for finding in by_code.get("source", [])]
    if parts:
        message = f"{name}: {'; '.join(parts)}. Every change is listed in the ROI set's .findings"
        warnings.warn(message, GeoroiWarning, stacklevel=_levels_to_caller())


def _levels_to_caller() -> int:
    """Count the frames up to the code that called georoi, which is where the warning belongs."""
    level, frame = 1, inspect.currentframe()
    while (frame := frame.f_back if frame else None) and frame.f_globals.get("__name__", "").startswith(
        "georoi."
    ):
        level += 1
    return level


def _called(finding: Finding) -> str:
    return f"feature {finding.feature}" if finding.roi_id is None else str(finding.roi_id)
