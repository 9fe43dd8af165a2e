"""Overlapping ROIs: which they are, who counts what they share, and how the coverage of parts is joined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from georoi.errors import ROIError, UsageError
from georoi.kernels.sharing import join_spans
from georoi.kernels.spans import Spans
from georoi.planning.areas import planar_areas, roi_areas
from georoi.planning.ceding import Division, Policy, cede, rank, split
from georoi.planning.overlap import Overlaps, leave_slivers, overlaps
from georoi.planning.pixelareas import PixelAreas, make_pixel_areas
from georoi.values.gridrois import GridROIs
from georoi.values.naming import plain, some
from georoi.values.rois import ROISet
from georoi.wording import printable

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LISTED = 100
"""Pairs that a report lists."""


@dataclass(frozen=True, kw_only=True)
class OverlapChoice:
    """Who counts an area that several ROIs cover."""

    policy: Policy = Policy.INDEPENDENT
    priority: str | None = None
    """An attribute, under "priority": its highest value comes first, with "-" in front its lowest."""

    def __post_init__(self) -> None:
        if (self.priority is not None) != (self.policy is Policy.PRIORITY):
            raise UsageError(
                "E-USE-01",
                "overlap='priority' and priority= go together",
                hint="say overlap='priority', priority='column', with '-column' for lowest first "
                "(--overlap priority --priority COLUMN)",
            )

    @property
    def is_independent(self) -> bool:
        """Whether each ROI counts all that it covers, so that overlaps are only told."""
        return self.policy is Policy.INDEPENDENT

    def __str__(self) -> str:
        return str(self.policy) if self.priority is None else f"{self.policy} by {self.priority}"


@dataclass(frozen=True, eq=False, kw_only=True)
class OverlapReport:
    """The pairs of ROIs that overlap by more than slivers, the largest first."""

    a: NDArray[np.object_]
    """Ids of the earlier ROIs of the first `LISTED` pairs."""
    b: NDArray[np.object_]
    area: Floats
    """What each pair shares: square metres, in the proportion that ROI a has them to pixels; or pixels."""
    count: int = 0
    """Number of all pairs."""
    total: float = 0.0
    """Sum over all pairs."""
    policy: str = str(Policy.INDEPENDENT)
    """Who counts what is shared."""
    is_pixel: bool = False
    """Whether areas are in pixels, not in square metres."""

    @property
    def records(self) -> list[dict[str, object]]:
        """The pairs as plain values: a, b and area."""
        rows = zip(self.a.tolist(), self.b.tolist(), self.area.tolist(), strict=True)
        return [{"a": a, "b": b, "area": area} for a, b, area in rows]

    def say(self) -> str:
        """Say how many there are, how much they share, and which share most; "" if there is none."""
        if not self.count:
            return ""
        pairs = f"{self.count:,} pairs of ROIs overlap" if self.count > 1 else "1 pair of ROIs overlaps"
        pair = f"{printable(self.a[0])}/{printable(self.b[0])}"
        if self.count == 1:
            return f"{pairs}: {pair}, {self._area(self.total)}"
        return f"{pairs}, {self._area(self.total)} in all; largest {pair}, {self._area(self.area[0])}"

    def list_first(self, count: int = 5) -> str:
        """List the first pairs with their areas."""
        pairs = zip(self.a, self.b, self.area, strict=True)
        listed = [f"{printable(a)}/{printable(b)} {self._area(area)}" for a, b, area in pairs]
        rest = self.count - min(count, len(listed))
        return "; ".join(listed[:count]) + (f"; and {rest:,} more" if rest else "")

    def _area(self, area: float) -> str:
        if self.is_pixel:
            return f"{area:,.4g} pixels"
        return f"{area / 1e4:,.2f} ha" if area >= 1e4 else f"{area:,.4g} m²"


class Divided(NamedTuple):
    """What is known of overlaps before pixels are read."""

    pairs: Overlaps
    division: Division | None
    """None where each ROI counts all that it covers."""


def divide(rois: ROISet, aligned: GridROIs, choice: OverlapChoice, *, is_pixel: bool = False) -> Divided:
    """Find the overlaps, and divide what ROIs share as asked for.

    Slivers, as neighbours share whose edges were drawn twice, are divided too, but are no error.

    Args:
        rois: The ROIs as given, with their attributes.
        aligned: The same on the grid.
        choice: Who counts what is shared.
        is_pixel: Whether the grid is in pixel space.

    Raises:
        ROIError: E-ROI-06 if they overlap and that is refused, E-ROI-08 if there is no such attribute.
        UsageError: E-USE-01 if priorities cannot be compared.
    """
    pairs = overlaps(aligned)
    if choice.policy is Policy.SPLIT:
        return Divided(pairs, split(aligned, pairs))
    if choice.priority is not None:
        return Divided(pairs, cede(aligned, pairs, _rank(rois, choice.priority)))
    if choice.policy is Policy.ERROR and len(pairs.i):
        areas = make_pixel_areas(aligned.grid, is_pixel, np.empty((0, 4)))
        report = report_overlaps(pairs, aligned, roi_areas(aligned, areas)[0], areas)
        if report.count:
            raise ROIError(
                "E-ROI-06",
                report.say(),
                found={"pairs": report.list_first()},
                hint="say who counts what they share: overlap='independent' (each), 'priority' (one of them) "
                "or 'split' (each its share) (--overlap)",
            )
    return Divided(pairs, None)


def report_overlaps(pairs: Overlaps, rois: GridROIs, area: Floats, areas: PixelAreas) -> OverlapReport:
    """Report the pairs that overlap by more than slivers.

    Args:
        pairs: Those that overlap.
        rois: The ROIs on the grid.
        area: Of each, in the units of `areas`, shape (n,).
        areas: The areas of pixels.
    """
    none = np.empty(0, dtype=object)
    is_pixel = areas.measure == "pixel"
    if not len(pairs.i):
        return OverlapReport(a=none, b=none, area=np.empty(0), is_pixel=is_pixel)
    a, b, _, d, e, _ = (float(value) for value in rois.grid.affine[:6])
    pixels = planar_areas(rois) / (1.0 if rois.grid.crs is None else abs(a * e - b * d))
    pairs, _ = leave_slivers(pairs, pixels)
    shared = pairs.area * (area[pairs.i] / pixels[pairs.i])
    order = np.argsort(-shared, kind="stable")[:LISTED]
    return OverlapReport(
        a=rois.ids[pairs.i[order]],
        b=rois.ids[pairs.j[order]],
        area=shared[order],
        count=len(shared),
        total=float(shared.sum()),
        is_pixel=is_pixel,
    )


def _rank(rois: ROISet, priority: str) -> Ints:
    """Rank ROIs by an attribute, the highest value first, or the lowest with "-" in front."""
    known = rois.attributes
    column = priority if priority in known else priority.removeprefix("-")
    if column not in known:
        raise ROIError(
            "E-ROI-08",
            f"{rois.name} has no attribute {plain(column, 60)!r} to take priorities from",
            found={"attributes": some(known, 20) or "none"},
            hint="choose one of these with priority= (--priority)",
        )
    return rank(known[column], descending=column == priority)


class Sharing(NamedTuple):
    """How the ROIs of a cell are made of the parts that are covered in it."""

    start: Ints
    """Offsets of n ROIs into the following, shape (n + 1,)."""
    part: Ints
    """Places of the parts among those of the cell."""
    share: Floats

    def join(self, spans: Spans, *, is_whole: bool = False) -> Spans:
        """Put the coverage of parts together; `is_whole` says that pixels are covered whole or not at all."""
        return join_spans(spans, self.start, self.part, self.share, is_whole=is_whole)

    def join_areas(self, spans: Spans, areas: Floats, whole: Floats) -> tuple[Spans, Floats]:
        """Put the coverage of parts together with the area that is covered of each partly covered pixel.

        Args:
            spans: What parts cover.
            areas: Of each partly covered pixel, in the order of `spans.pixels`.
            whole: Of each pixel of the cell, shape (rows, cols).
        """
        wide = Spans(*spans[:4], np.column_stack([spans.parts, areas]))
        joined = join_spans(wide, self.start, self.part, self.share, whole=whole)
        parts, found = joined.parts[:, :3], joined.parts[:, 3]
        return Spans(*joined[:4], np.ascontiguousarray(parts)), np.ascontiguousarray(found)
