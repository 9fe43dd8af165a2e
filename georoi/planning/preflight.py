"""The pre-flight check: would this raster and these ROIs give what the user expects? Headers only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from georoi.crs import area_of_use, crs_label, geodesic_area, lonlat_bounds
from georoi.errors import GeoroiError
from georoi.grid import grid_bounds, grid_crs
from georoi.options import Boundary
from georoi.planning.alignment import align
from georoi.planning.checkreport import CheckReport, Level, Remark, Verdict
from georoi.planning.overlap import SLIVER_PIXELS, Overlaps, leave_slivers, overlaps
from georoi.planning.overlap_check import bounds_look_swapped
from georoi.planning.plan import Plan, make_plan
from georoi.planning.seam import goes_around
from georoi.planning.shapes import to_polygons
from georoi.planning.traps import find_traps
from georoi.planning.wording import say_grid
from georoi.values.gridrois import GridROIs
from georoi.values.raster import Header, Raster, require_grid
from georoi.values.rois import Finding, ROISet
from georoi.wording import printable, say_bytes, say_count, say_percent, say_share

Floats = NDArray[np.float64]

ROUNDING = 1e-9
"""Share of a ROI's area that rounding alone can put on either side of the raster's edge."""


@dataclass(eq=False)
class _Rows:
    """The table under work: a verdict and reasons per ROI, the gravest verdict winning."""

    verdict: NDArray[np.object_]
    reasons: dict[int, list[str]]

    def judge(self, which: NDArray[Any], verdict: Verdict, reason: str | list[str]) -> None:
        order = list(Verdict)
        for place, i in enumerate(np.asarray(which).tolist()):
            self.reasons.setdefault(i, []).append(reason if isinstance(reason, str) else reason[place])
            if order.index(verdict) < order.index(self.verdict[i]):
                self.verdict[i] = verdict


def preflight(raster: Raster | Header, rois: ROISet, *, allow_ballpark: bool = False) -> CheckReport:
    """Check a raster and a ROI set against each other without reading a pixel.

    What would be an error of a verb becomes a blocking remark with the error's id; data raise nothing.

    Args:
        raster: What the raster's header says.
        rois: The ROIs as they were read.
        allow_ballpark: Accept an operation between the CRS that leaves the datum shift out.
    """
    header = raster.header if isinstance(raster, Raster) else raster
    remarks: list[Remark] = []
    aligned = _align(header, rois, remarks, allow_ballpark)
    plan = None if aligned is None else _plan(header, aligned, remarks)
    measures = _measure(rois, aligned, plan)
    pairs, slivers = (None, 0) if aligned is None else leave_slivers(overlaps(aligned), measures["area_px"])
    rows = _judge(rois, aligned, measures, pairs)
    remarks += _remark_on_rois(rois, rows, pairs, measures) + find_traps(raster)
    if slivers:
        text = f"{say_count(slivers, 'pair')} of ROIs share slivers of less than {SLIVER_PIXELS:g} pixel: "
        text += "they touch"
        remarks.append(Remark(Level.NOTE, "rois", text))
    if isinstance(raster, Raster):
        remarks += [Remark(Level.NOTE, "raster", note) for note in raster.notes]
    return CheckReport(
        raster=header.name,
        rois=rois.name,
        facts=_say_facts(header, rois, aligned, plan),
        remarks=tuple(sorted(remarks, key=lambda remark: list(Level).index(remark.level))),
        columns=_make_columns(rois, rows, measures),
        overlaps=_make_overlaps(rois, pairs, measures),
        numbers={} if plan is None else _predict(plan),
    )


def _align(header: Header, rois: ROISet, remarks: list[Remark], allow_ballpark: bool) -> GridROIs | None:
    """Lay the ROIs on the grid; where that cannot be done, say why."""
    try:
        grid = require_grid(header)
        aligned = align(rois, grid, pixel_grid=header.is_pixel, allow_ballpark=allow_ballpark)
    except GeoroiError as error:
        swapped = (
            error.id == "E-CRS-03" and rois.crs and bounds_look_swapped(rois.bounds, rois.crs, header.grid)
        )
        hint = "x and y are swapped: exchanged, the ROIs would overlap the raster" if swapped else error.hint
        remarks.append(_blocking(error, "crs", hint))
        return None
    remarks += [Remark(Level.FINDING, "crs", note) for note in aligned.notes]
    if _is_beyond_use(header):
        label = crs_label(grid_crs(header.grid))
        text = f"the raster lies outside the area that {label} is made for: planar areas are off there"
        remarks.append(Remark(Level.NOTE, "crs", text))
    return aligned


def _is_beyond_use(header: Header) -> bool:
    """Tell whether the raster lies wholly outside the area of use of its CRS."""
    crs = grid_crs(header.grid)
    use = None if crs is None else area_of_use(crs)
    here = None if crs is None else lonlat_bounds(crs, grid_bounds(header.grid))
    if use is None or here is None or use[0] > use[2] or here[0] > here[2]:
        return False
    return not (here[0] < use[2] and use[0] < here[2] and here[1] < use[3] and use[1] < here[3])


def _plan(header: Header, aligned: GridROIs, remarks: list[Remark]) -> Plan | None:
    """Plan a clip; where that cannot be done, say why."""
    try:
        return make_plan(header, aligned, boundary=Boundary.FRACTION)
    except GeoroiError as error:
        remarks.append(_blocking(error, "overlap", error.hint))
        return None


def _blocking(error: GeoroiError, topic: str, hint: str | None) -> Remark:
    found = "".join(f"\n{name}: {text}" for name, text in error.found.items())
    return Remark(Level.BLOCKING, topic, error.rule + found, id=error.id, hint=hint)


def _measure(rois: ROISet, aligned: GridROIs | None, plan: Plan | None) -> dict[str, NDArray[Any]]:
    """Measure each ROI: area in pixels and in m², share inside the raster, blocks; NaN where not known."""
    count = len(rois)
    unknown = np.full(count, np.nan)
    square_metres = unknown if rois.crs is None else geodesic_area(rois.geometry, rois.crs)
    blocks = np.zeros(count, dtype=np.int64) if plan is None else np.bincount(plan.pairs.roi, minlength=count)
    if aligned is None:
        return {"area_px": unknown, "area_m2": square_metres, "inside_fraction": unknown, "blocks": blocks}
    polygons = to_polygons(aligned)
    if goes_around(aligned.grid):  # what reaches past its sides is there a second time
        rows, cols = aligned.grid.shape
        x_min, y_min, x_max, y_max = aligned.bounds.T
        across = np.flatnonzero(((x_min < 0) | (x_max > cols)) & (y_min < rows) & (y_max > 0))
        frames = shapely.box(0, y_min[across], cols, y_max[across])
        polygons[across] = shapely.intersection(polygons[across], frames)
    area = shapely.area(polygons)
    inside = _area_inside(aligned, polygons, area)
    with np.errstate(invalid="ignore"):
        share = np.where(area > 0, inside / area, np.nan)
    return {"area_px": area, "area_m2": square_metres, "inside_fraction": share, "blocks": blocks}


def _area_inside(aligned: GridROIs, polygons: NDArray[np.object_], area: Floats) -> Floats:
    """Measure what lies on the raster of each ROI, in pixels; exactly `area` where all of it does."""
    rows, cols = aligned.grid.shape
    x_min, y_min, x_max, y_max = aligned.bounds.T
    inside = area.copy()
    out = np.flatnonzero(~((x_min >= 0) & (y_min >= 0) & (x_max <= cols) & (y_max <= rows)))
    kept = shapely.area(shapely.intersection(polygons[out], shapely.box(0, 0, cols, rows)))
    slack = ROUNDING * area[out]
    inside[out] = np.where(area[out] - kept <= slack, area[out], np.where(kept <= slack, 0.0, kept))
    return inside


def _judge(
    rois: ROISet, aligned: GridROIs | None, measures: dict[str, NDArray[Any]], pairs: Overlaps | None
) -> _Rows:
    """Give each ROI its verdict and the reasons for it."""
    lost = _lost(rois)
    rows = _Rows(np.full(len(rois) + len(lost), Verdict.OK, dtype=object), {})
    rows.judge(len(rois) + np.arange(len(lost)), Verdict.DROPPED, [finding.reason for finding in lost])
    _judge_findings(rows, rois)
    if aligned is None:
        rows.judge(np.arange(len(rois)), Verdict.NOT_PLACED, "it cannot be laid on the raster's grid")
        return rows
    area, share = measures["area_px"], measures["inside_fraction"]
    rows.judge(np.flatnonzero(~(area > 0)), Verdict.EMPTY, "nothing of it is left on the raster's grid")
    rows.judge(np.flatnonzero(share == 0), Verdict.OUTSIDE, "it does not overlap the raster")
    partly = np.flatnonzero((share > 0) & (share < 1))
    beyond = [f"{say_percent(1 - inside)} of it lies outside the raster" for inside in share[partly]]
    rows.judge(partly, Verdict.PARTLY, beyond)
    tiny = np.flatnonzero((area > 0) & (area < 1))
    sizes = [f"it covers {pixels:.2g} pixels: the centre rule may keep none" for pixels in area[tiny]]
    rows.judge(tiny, Verdict.TINY, sizes)
    if pairs is not None:
        met = np.bincount(np.concatenate([pairs.i, pairs.j]), minlength=len(rois))
        shared = np.flatnonzero(met)
        texts = [f"it overlaps {say_count(count, 'other ROI')}" for count in met[shared].tolist()]
        rows.judge(shared, Verdict.OVERLAPPING, texts)
    return rows


def _lost(rois: ROISet) -> list[Finding]:
    """List the features that did not become ROIs."""
    return [finding for finding in rois.findings if finding.code in ("dropped", "collapsed")]


def _judge_findings(rows: _Rows, rois: ROISet) -> None:
    """Carry what happened to features when the set was made over to its ROIs."""
    known = {"repaired": Verdict.REPAIRED, "renamed": Verdict.RENAMED}
    findings = [finding for finding in rois.findings if finding.code in known]
    if not findings:
        return
    place = {roi_id: i for i, roi_id in enumerate(rois.ids.tolist())}
    for finding in findings:
        i = place.get(finding.feature if finding.roi_id is None else finding.roi_id)
        if i is not None:
            rows.judge(np.array([i]), known[finding.code], f"{finding.code}: {finding.reason}")


def _remark_on_rois(
    rois: ROISet, rows: _Rows, pairs: Overlaps | None, measures: dict[str, NDArray[Any]]
) -> list[Remark]:
    """Sum the verdicts up, and the overlaps."""
    remarks = [
        Remark(Level.NOTE, "rois", finding.reason) for finding in rois.findings if finding.code == "source"
    ]
    ids = _row_ids(rois)
    for verdict, text in _SUMS.items():
        which = np.flatnonzero(rows.verdict == verdict)
        if len(which):
            named = ", ".join(printable(ids[i])[:40] for i in which[:5]) + (", …" if len(which) > 5 else "")
            total = say_count(len(rows.verdict), "ROI")
            remarks.append(Remark(Level.FINDING, "rois", f"{len(which):,} of {total} {text}: {named}"))
    if pairs is not None and len(pairs.i):
        table = _make_overlaps(rois, pairs, measures)
        largest = f"{printable(table['a'][0])[:40]} and {printable(table['b'][0])[:40]}"
        text = f"{say_count(len(pairs.i), 'pair')} of ROIs overlap, the most {largest}: "
        remarks.append(Remark(Level.FINDING, "rois", text + _say_shared(table), hint=_OVERLAP_HINT))
    return remarks


_SUMS = {
    Verdict.DROPPED: "were dropped",
    Verdict.EMPTY: "have no area on the raster's grid",
    Verdict.OUTSIDE: "lie outside the raster",
    Verdict.TINY: "are smaller than a pixel",
    Verdict.PARTLY: "lie partly outside the raster",
    Verdict.REPAIRED: "were repaired",
    Verdict.RENAMED: "were given another id",
}
_OVERLAP_HINT = "each ROI counts for itself; where a pixel can belong to one only, choose overlap="


def _say_shared(table: dict[str, NDArray[Any]]) -> str:
    metres = "" if np.isnan(table["area_m2"][0]) else f" (about {table['area_m2'][0]:,.4g} m²)"
    return f"{table['area_px'][0]:,.4g} pixels{metres}"


def _row_ids(rois: ROISet) -> NDArray[np.object_]:
    """Name each row of the table: ids of the ROIs, then ids or numbers of the features that were dropped."""
    lost = [f"feature {f.feature}" if f.roi_id is None else f.roi_id for f in _lost(rois)]
    ids = np.empty(len(rois) + len(lost), dtype=object)
    ids[: len(rois)], ids[len(rois) :] = rois.ids, lost
    return ids


def _make_columns(rois: ROISet, rows: _Rows, measures: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    lost = len(rows.verdict) - len(rois)
    reasons = np.full(len(rows.verdict), "", dtype=object)
    for i, texts in rows.reasons.items():
        reasons[i] = "; ".join(texts)
    padded = {
        name: np.concatenate(
            [values, np.zeros(lost, np.int64) if name == "blocks" else np.full(lost, np.nan)]
        )
        for name, values in measures.items()
    }
    return {"roi_id": _row_ids(rois), "verdict": rows.verdict, "reason": reasons, **padded}


def _make_overlaps(
    rois: ROISet, pairs: Overlaps | None, measures: dict[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """List overlapping pairs, the largest first; m² in the proportion that ROI a has them to pixels."""
    if pairs is None:
        none = np.empty(0)
        return {"a": none.astype(object), "b": none.astype(object), "area_px": none, "area_m2": none}
    order = np.argsort(-pairs.area, kind="stable")
    i, j, area = pairs.i[order], pairs.j[order], pairs.area[order]
    scale = measures["area_m2"][i] / measures["area_px"][i]
    return {"a": rois.ids[i], "b": rois.ids[j], "area_px": area, "area_m2": area * scale}


def _predict(plan: Plan) -> dict[str, object]:
    return {
        "window": list(plan.window),
        "blocks": plan.n_blocks,
        "blocks_total": plan.n_blocks_total,
        "cells": plan.n_cells,
        "tiles": len(plan),
        "reads": plan.n_reads,
        "bytes_to_read": plan.bytes_to_read,
        "memory_per_tile": plan.memory,
    }


def _say_facts(header: Header, rois: ROISet, aligned: GridROIs | None, plan: Plan | None) -> dict[str, str]:
    """Say grid, CRS decision and predicted work, a line each."""
    space = "pixel space" if rois.pixel else crs_label(rois.crs)
    facts = {"raster": say_grid(header), "ROIs": f"{len(rois):,} in {space}"}
    if aligned is not None and not rois.pixel:
        label = crs_label(grid_crs(header.grid))
        facts["CRS"] = (
            f"ROIs are brought to {label} by {aligned.operation}"
            if aligned.operation
            else (f"ROIs and raster are both in {label}")
        )
    if plan is not None:
        rows, cols = header.block_shape
        facts["to read"] = f"{say_share(plan.n_blocks, plan.n_blocks_total)} blocks of {rows:,} x {cols:,}, "
        facts["to read"] += f"{say_bytes(plan.bytes_to_read)} decoded"
    return facts
