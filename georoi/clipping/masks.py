"""Masks, weights and labels of ROIs on a raster's grid: lazy, and no pixel is read."""

from __future__ import annotations

import json
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import DTypeLike

from georoi.clipping.chunks import ChunkSize, lay_chunks, lazy_weights
from georoi.clipping.options import in_cells, lay_out
from georoi.clipping.weights import LabelRule, Rule
from georoi.errors import UsageError
from georoi.io.array.georeferencing import make_array
from georoi.options import Boundary, Crop
from georoi.planning.plan import make_plan
from georoi.values.raster import Header
from georoi.values.rois import ROISet

Overlap = Literal["error", "first", "last"]


def mask_rois(
    header: Header,
    rois: ROISet,
    rule: Rule,
    *,
    crop: Crop,
    pad: int = 0,
    dtype: DTypeLike | None = None,
    chunks: ChunkSize = None,
) -> xr.DataArray:
    """Make the mask (y, x) of the union of ROIs: bool, or weights under a soft rule; see `georoi.mask`."""
    kind = _choose_dtype(rule, dtype)
    attrs: dict[str, Any] = {"boundary": str(rule.boundary)}
    if rule.feather:
        attrs["feather"] = rule.feather
    if rule.invert:
        attrs["inverted"] = 1
    return _make(header, rois, rule, kind, crop=crop, pad=pad, chunks=chunks, attrs=attrs)


def label_rois(
    header: Header,
    rois: ROISet,
    boundary: Boundary,
    *,
    overlap: str,
    crop: Crop,
    pad: int = 0,
    dtype: DTypeLike | None = None,
    chunks: ChunkSize = None,
) -> xr.DataArray:
    """Make the labels (y, x) of ROIs: 1 to n in the order of the set, 0 outside; see `georoi.mask`."""
    if boundary is Boundary.FRACTION:
        raise UsageError(
            "E-USE-01",
            "labels are whole pixels, so boundary='fraction' does not go with them",
            hint="use boundary='center' or 'all_touched'",
        )
    if overlap not in ("error", "first", "last"):
        raise UsageError(
            "E-USE-01",
            f"overlap must be 'error', 'first' or 'last', not {overlap!r}",
            hint="'first' gives a shared pixel to the ROI that stands first, 'last' to the last",
        )
    kind = np.min_scalar_type(len(rois)) if dtype is None else _parse_dtype(dtype)
    if kind.kind not in "iu" or np.iinfo(kind).max < len(rois):
        raise UsageError(
            "E-USE-01",
            f"dtype {kind} does not hold the numbers of {len(rois)} ROIs",
            hint=f"leave dtype= (--dtype) out, or give {np.min_scalar_type(len(rois))} or a larger integer",
        )
    rule = LabelRule(boundary=boundary, overlap=overlap, dtype=str(kind), ids=tuple(rois.ids.tolist()))
    attrs = {
        "boundary": str(boundary),
        "overlap": overlap,
        "labels": json.dumps(dict(enumerate(rule.ids, start=1)), default=str),
    }
    return _make(header, rois, rule, str(kind), crop=crop, pad=pad, chunks=chunks, attrs=attrs)


def _make(
    header: Header,
    rois: ROISet,
    rule: Rule | LabelRule,
    dtype: str,
    *,
    crop: Crop,
    pad: int = 0,
    chunks: ChunkSize,
    attrs: dict[str, Any],
) -> xr.DataArray:
    union = rule if isinstance(rule, Rule) else None
    plan = make_plan(
        header if crop is Crop.BLOCKS else in_cells(header),  # the blocks of the window are those of the file
        lay_out(header, rois, union),
        boundary=rule.boundary,
        crop=crop,
        pad=pad,
        feather=union.feather if union else 0.0,
    )
    layout = lay_chunks(plan, chunks, np.dtype(dtype).itemsize)
    return make_array(
        lazy_weights(plan, rule, layout, dtype),
        header,
        plan.window,
        nodata=None if union else 0,
        name="mask" if union else "labels",
        attrs={"source": header.name, "window": plan.window, **attrs},
    )


def _choose_dtype(rule: Rule, dtype: DTypeLike | None) -> str:
    if dtype is None:
        return rule.dtype
    kind = _parse_dtype(dtype)
    if kind.kind not in ("f" if rule.is_soft else "biuf"):
        what = "weights, which are fractions" if rule.is_soft else "a mask"
        raise UsageError(
            "E-USE-01",
            f"dtype {kind} does not hold {what}",
            hint=f"leave dtype= (--dtype) out, or give {'float32' if rule.is_soft else 'uint8'}",
        )
    return str(kind)


def _parse_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    try:
        return np.dtype(dtype)
    except TypeError:
        raise UsageError(
            "E-USE-01", f"{dtype!r} is no dtype", hint="give one such as 'uint8' or 'float32'"
        ) from None
