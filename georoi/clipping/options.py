"""What a clip is asked to do, in one record, and the plan that follows from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from georoi.clipping.weights import Rule
from georoi.options import CELL, Boundary, Crop, parse_crop, parse_pad
from georoi.planning.alignment import align, dissolve
from georoi.planning.plan import Plan, make_plan
from georoi.values.gridrois import GridROIs
from georoi.values.raster import Header, Number, require_grid
from georoi.values.rois import ROISet


@dataclass(frozen=True, kw_only=True)
class ClipOptions:
    """How a clip is made; see `georoi.clip`."""

    rule: Rule
    crop: Crop
    apply_mask: bool
    pad: int
    nodata: Number | None

    @classmethod
    def parse(
        cls,
        *,
        boundary: str | Boundary | None = None,
        all_touched: bool | None = None,
        crop: bool | str | Crop | None = None,
        apply_mask: bool = True,
        invert: bool = False,
        pad: int = 0,
        nodata: Number | None = None,
        feather: float = 0,
    ) -> ClipOptions:
        """Make the record from keywords as users write them.

        Raises:
            UsageError: E-USE-01 if options contradict each other or a value is not allowed.
        """
        rule = Rule.parse(boundary=boundary, all_touched=all_touched, invert=invert, feather=feather)
        return cls(
            rule=rule,
            crop=choose_crop(crop, rule.invert),
            apply_mask=apply_mask,
            pad=parse_pad(pad),
            nodata=nodata,
        )

    @property
    def has_weights(self) -> bool:
        """Whether the weights of pixels come along with the clip."""
        return self.apply_mask and self.rule.is_soft

    def describe(self, plan: Plan) -> dict[str, Any]:
        """Give the attributes that say how a clip was made."""
        attrs: dict[str, Any] = {"window": plan.window}
        if not self.apply_mask:
            return attrs
        attrs["boundary"] = str(self.rule.boundary)
        if self.rule.feather:
            attrs["feather"] = self.rule.feather
        if self.rule.invert:
            attrs["inverted"] = 1
        return attrs

    def plan(self, header: Header, rois: GridROIs, source: str = "") -> Plan:
        """Plan the one pass over the raster; see `georoi.planning.plan.make_plan`."""
        return make_plan(
            header,
            rois,
            boundary=self.rule.boundary,
            crop=self.crop,
            invert=self.rule.invert,
            apply_mask=self.apply_mask,
            pad=self.pad,
            feather=self.rule.feather,
            source=source or header.name,
        )


def choose_crop(crop: bool | str | Crop | None, invert: bool) -> Crop:
    """Make the crop mode; unless told, what lies outside the ROIs is not cropped to their window."""
    if crop is None:
        return Crop.NONE if invert else Crop.WINDOW
    return parse_crop(crop)


def lay_out(header: Header, rois: ROISet, rule: Rule | None = None) -> GridROIs:
    """Bring ROIs to a raster's grid.

    Args:
        header: Of the raster.
        rois: The ROIs, in any CRS.
        rule: Of their union, if it is wanted: where weights of several ROIs meet, those that overlap become
            one (with a feather, those that touch as well, since it follows the outline of the union), and all
            stand in an order of their own, so that sums do not depend on the order given.

    Raises:
        CRSError: E-CRS-01, E-CRS-03, E-CRS-05, E-CRS-06.
        RasterError: E-RAS-03 if the raster has no grid.
    """
    aligned = align(rois, require_grid(header), pixel_grid=header.is_pixel)
    if rule is None or not rule.is_soft or len(aligned) < 2:
        return aligned
    joined = dissolve(aligned, touching=rule.feather > 0)
    return joined.take(np.lexsort(joined.bounds.T))


def in_cells(header: Header) -> Header:
    """Give a header whose blocks are canonical cells, for work that reads no block of a file."""
    rows, cols = header.shape
    return replace(header, block_shape=(min(CELL, rows), min(CELL, cols)))


def whole_grid(grid: GeoBox) -> GridROIs:
    """Make the one ROI that covers a whole grid."""
    rows, cols = (float(side) for side in grid.shape)
    return GridROIs(
        grid=grid,
        ids=np.array(["all"], dtype=object),
        x=np.array([0.0, cols, cols, 0.0, 0.0]),
        y=np.array([0.0, 0.0, rows, rows, 0.0]),
        rings=np.array([0, 5]),
        polygons=np.array([0, 1]),
        rois=np.array([0, 1]),
        bounds=np.array([[0.0, 0.0, cols, rows]]),
        fingerprint="all",
    )
