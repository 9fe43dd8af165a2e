"""What overlapping ROIs keep of the area that they share: who comes first has it, or all share it out."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from georoi.crs import keep_polygons
from georoi.errors import UsageError
from georoi.planning.areas import PixelAreas, polygon_areas, roi_areas
from georoi.planning.overlap import Overlaps
from georoi.planning.shapes import to_polygons, with_polygons
from georoi.values.gridrois import GridROIs

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_Piece = tuple[Any, tuple[int, ...]]
"""A polygon, and the numbers of the ROIs that cover it."""


class Policy(StrEnum):
    """Who counts an area that several ROIs cover."""

    INDEPENDENT = "independent"
    """Each of them, whole."""
    PRIORITY = "priority"
    """The one that comes first."""
    SPLIT = "split"
    """Each of k, by 1/k."""
    ERROR = "error"
    """It is refused."""


def parse_policy(text: str) -> Policy:
    """Read a policy from its name.

    Raises:
        UsageError: E-USE-01 if there is none of that name.
    """
    try:
        return Policy(text)
    except ValueError as error:
        known = ", ".join(f"'{policy}'" for policy in Policy)
        raise UsageError("E-USE-01", f"overlap must be one of {known}, not {text!r}") from error


@dataclass(frozen=True, eq=False)
class Division:
    """The parts that n ROIs are made of: ROI i owns part[start[i]:start[i + 1]], each with what it counts."""

    rois: GridROIs
    """The n ROIs, whole."""
    parts: GridROIs
    """The m parts."""
    start: Ints
    part: Ints
    """Numbers of parts, ascending for each ROI."""
    share: Floats
    """Above 0, up to 1."""
    taken: NDArray[np.object_]
    """What each ROI has in none of its parts, polygons in pixel coordinates, shape (n,)."""

    def take(self, index: Ints) -> Division:
        """Keep some of the ROIs, in the order asked for."""
        part, share = self.find(index)[1:]
        kept, part = np.unique(part, return_inverse=True)
        start = np.append(0, np.cumsum(self.start[index + 1] - self.start[index]))
        parts = self.parts.take(kept)
        return Division(self.rois.take(index), parts, start, part.astype(np.int64), share, self.taken[index])

    def find(self, rois: Ints) -> tuple[Ints, Ints, Floats]:
        """Give the parts of some ROIs: offsets of the ROIs into numbers of parts, and what these count."""
        counts = self.start[rois + 1] - self.start[rois]
        start = np.append(0, np.cumsum(counts)).astype(np.int64)
        place = np.repeat(self.start[rois] - start[:-1], counts) + np.arange(start[-1])
        return start, self.part[place], self.share[place]

    def measure(self, areas: PixelAreas) -> tuple[Floats, Floats, Floats]:
        """Give the area of each ROI, what of it is left outside the raster, and what is ceded.

        Each is computed from its own outlines; what is ceded off the raster is not outside.

        Returns:
            In the units of `areas`, each of shape (n,).
        """
        total, _ = roi_areas(self.rois, areas)
        part, off = roi_areas(self.parts, areas)
        ceded, outside = polygon_areas(self.taken, areas), np.zeros(len(total))
        roi = np.repeat(np.arange(len(total)), np.diff(self.start))
        np.add.at(outside, roi, self.share * off[self.part])
        np.add.at(ceded, roi, (1 - self.share) * part[self.part])
        return total, outside, ceded


def rank(values: ArrayLike, *, descending: bool) -> Ints:
    """Rank ROIs by an attribute, 0 first: numbers and dates by size, text by its letters.

    Equal values are ranked in the order of the ROIs; those without a value come last either way.

    Args:
        values: Shape (n,).
        descending: Whether the highest comes first.

    Raises:
        UsageError: E-USE-01 if values cannot be compared, such as text with numbers.
    """
    column = np.asarray(values)
    given = np.array([value is not None and bool(value == value) for value in column.tolist()], dtype=bool)
    try:
        _, order = np.unique(column[given], return_inverse=True)
    except TypeError as error:
        raise UsageError(
            "E-USE-01",
            "the priorities of the ROIs cannot be compared with each other",
            hint="give an attribute that holds numbers only, or text only",
        ) from error
    key = np.full(len(column), np.iinfo(np.int64).max)
    key[given] = -order if descending else order
    ranks = np.empty(len(column), dtype=np.int64)
    ranks[np.argsort(key, kind="stable")] = np.arange(len(column))
    return ranks


def cede(rois: GridROIs, pairs: Overlaps, ranks: Ints) -> Division:
    """Let ROIs cede what they share to the one that ranks first.

    Args:
        rois: The ROIs.
        pairs: Which of them overlap.
        ranks: Of each, all different, shape (n,).
    """
    first = ranks[pairs.i] < ranks[pairs.j]
    ceding = _neighbours(np.where(first, pairs.j, pairs.i), np.where(first, pairs.i, pairs.j))
    polygons, canonical = _prepare(rois, pairs)
    left, taken = to_polygons(rois), np.full(len(rois), shapely.Polygon(), dtype=object)
    for roi, others in ceding.items():
        other = _unite(polygons, others, canonical)
        left[roi], taken[roi] = _divide(polygons[roi], other)
    each = np.arange(len(rois) + 1)
    return Division(rois, with_polygons(rois, left, rois.ids), each, each[:-1], np.ones(len(rois)), taken)


def split(rois: GridROIs, pairs: Overlaps) -> Division:
    """Cut overlapping ROIs into parts of which each belongs, by equal shares, to all ROIs that cover it.

    A part is cut out of the first of its ROIs, in an order that the outlines alone decide.

    Args:
        rois: The ROIs.
        pairs: Which of them overlap.
    """
    polygons, canonical = _prepare(rois, pairs)
    copies = _find_copies(canonical, pairs)
    a, b = (np.array([copies[roi][0] for roi in side.tolist()], dtype=np.int64) for side in pairs[:2])
    first = canonical[a] < canonical[b]
    both = np.unique(np.column_stack([np.where(first, a, b), np.where(first, b, a)])[a != b], axis=0)
    earlier, later = _neighbours(both[:, 1], both[:, 0]), _neighbours(both[:, 0], both[:, 1])
    alone = np.setdiff1d(np.arange(len(rois)), list(copies))
    pieces: list[_Piece] = [(polygons[roi], (roi,)) for roi in alone.tolist()]
    for roi in sorted({group[0] for group in copies.values()}, key=lambda roi: int(canonical[roi])):
        rest = polygons[roi]
        if roi in earlier:
            rest, _ = _divide(rest, _unite(polygons, earlier[roi], canonical))
        mine: list[_Piece] = [(rest, (roi,))]
        for other in sorted(later.get(roi, ()), key=lambda other: int(canonical[other])):
            mine = [piece for one in mine for piece in _overlay(one, other, polygons[other])]
        for outline, owners in mine:
            if not outline.is_empty:
                pieces.append((outline, tuple(copy for owner in owners for copy in copies[owner])))
    return _share_out(rois, pieces)


def _share_out(rois: GridROIs, pieces: list[_Piece]) -> Division:
    """Make parts of pieces, of which each counts for its ROIs by equal shares."""
    outlines, count = np.empty(len(pieces), dtype=object), len(rois)
    outlines[:] = [outline for outline, _ in pieces]
    parts = with_polygons(rois, outlines, rois.ids[[owners[0] for _, owners in pieces]])
    owners = np.array([len(owners) for _, owners in pieces], dtype=np.int64)
    owner = np.array([owner for _, owners in pieces for owner in owners], dtype=np.int64)
    order = np.argsort(owner, kind="stable")
    part, share = np.repeat(np.arange(len(pieces)), owners)[order], np.repeat(1 / owners, owners)[order]
    start = np.append(0, np.cumsum(np.bincount(owner, minlength=count)))
    return Division(rois, parts, start, part, share, np.full(count, shapely.Polygon(), dtype=object))


def _prepare(rois: GridROIs, pairs: Overlaps) -> tuple[NDArray[np.object_], Ints]:
    """Give polygons, valid and normal where they overlap, and there a rank that the outlines alone decide."""
    polygons, canonical = to_polygons(rois), np.full(len(rois), -1, dtype=np.int64)
    involved = np.unique(np.concatenate([pairs.i, pairs.j]))
    polygons[involved] = shapely.normalize(keep_polygons(polygons[involved]))
    texts = np.array(shapely.to_wkb(polygons[involved]), dtype=object)
    canonical[involved] = np.unique(texts, return_inverse=True)[1]
    return polygons, canonical


def _find_copies(canonical: Ints, pairs: Overlaps) -> dict[int, list[int]]:
    """Give for each ROI that overlaps those of the same outline, itself among them."""
    groups: dict[int, list[int]] = defaultdict(list)
    for roi in np.unique(np.concatenate([pairs.i, pairs.j])).tolist():
        groups[int(canonical[roi])].append(roi)
    return {roi: group for group in groups.values() for roi in group}


def _neighbours(rois: Ints, others: Ints) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for roi, other in zip(rois.tolist(), others.tolist(), strict=True):
        found[roi].append(other)
    return found


def _unite(polygons: NDArray[np.object_], which: list[int], canonical: Ints) -> Any:
    order = sorted(which, key=lambda roi: int(canonical[roi]))
    return polygons[order[0]] if len(order) == 1 else shapely.union_all(polygons[order])


def _divide(polygon: Any, other: Any) -> tuple[Any, Any]:
    """Cut a polygon into what lies off another, and what lies in it."""
    return _keep(shapely.difference(polygon, other)), _keep(shapely.intersection(polygon, other))


def _keep(geometry: Any) -> Any:
    """Leave out lines and points that an overlay gave."""
    if geometry.geom_type in ("Polygon", "MultiPolygon"):
        return geometry
    return keep_polygons(np.array([geometry], dtype=object))[0]


def _overlay(piece: _Piece, other: int, polygon: Any) -> list[_Piece]:
    outline, owners = piece
    if outline.is_empty or not shapely.relate_pattern(outline, polygon, "T********"):
        return [piece]
    left, taken = _divide(outline, polygon)
    return [(left, owners), (taken, (*owners, other))]
