"""Traps in a raster's header: which of its values mean "nothing here", and what may go wrong with them."""

from __future__ import annotations

import math

import numpy as np

from georoi.planning.checkreport import Level, Remark
from georoi.values.raster import Header, Raster


def find_traps(raster: Raster | Header) -> list[Remark]:
    """Find what a user should know about nodata, masks, scale and offset before trusting numbers.

    A trap that can give wrong numbers is a finding, one that georoi handles but a user may not expect a note.
    """
    kind = np.dtype(raster.dtype).kind
    remarks = [*_undeclared(raster, kind), *_odd_values(raster, kind), *_masks(raster)]
    return [*remarks, *_scaled(raster)] if isinstance(raster, Raster) else remarks


def _undeclared(raster: Raster | Header, kind: str) -> list[Remark]:
    missing = [name for name, value in zip(raster.band_names, raster.nodata, strict=True) if value is None]
    if not missing or raster.mask_kind in ("mask", "alpha"):
        return []
    if len(missing) < raster.count:
        text = f"{len(missing)} of {raster.count} bands declare no nodata value"
        return [Remark(Level.FINDING, "nodata", text, hint="give one for all with nodata= (--nodata)")]
    if kind == "f":
        return [Remark(Level.NOTE, "nodata", "no nodata value is declared: NaN alone counts as missing")]
    text = "no nodata value is declared and there is no mask: every pixel counts as data, fill values too"
    hint = "give the fill value, if there is one, with nodata= (--nodata)"
    if np.dtype(raster.dtype).itemsize == 8:
        hint += "; a clip to an array needs one for 64-bit integers"
    return [Remark(Level.NOTE if raster.is_pixel else Level.FINDING, "nodata", text, hint=hint)]


def _odd_values(raster: Raster | Header, kind: str) -> list[Remark]:
    values = {value for value in raster.nodata if value is not None}
    remarks = []
    if len(values) > 1 and not all(math.isnan(value) for value in values):
        remarks.append(Remark(Level.NOTE, "nodata", "bands have different nodata values"))
    if kind not in "iu":
        finite = [value for value in values if math.isfinite(value)]
        if finite:
            text = f"nodata is {min(finite):g}; NaN and infinite pixels count as missing too"
            remarks.append(Remark(Level.NOTE, "nodata", text))
        return remarks
    top = np.iinfo(raster.dtype).max
    if 0 in values:
        text = f"nodata is 0 in {raster.dtype} data: pixels that truly are 0 count as missing"
        remarks.append(Remark(Level.NOTE, "nodata", text))
    if top in values and kind == "u":
        text = f"nodata is {top}, the largest {raster.dtype}: saturated pixels count as missing"
        remarks.append(Remark(Level.NOTE, "nodata", text))
    return remarks


def _masks(raster: Raster | Header) -> list[Remark]:
    if raster.mask_kind not in ("mask", "alpha"):
        return []
    what = "an alpha band" if raster.mask_kind == "alpha" else "a mask"
    both = (
        " and nodata values: a pixel that either rejects is missing"
        if any(value is not None for value in raster.nodata)
        else ": pixels it rejects are missing, whatever their value"
    )
    return [Remark(Level.NOTE, "nodata", f"the raster has {what}{both}")]


def _scaled(raster: Raster) -> list[Remark]:
    if all(scale == 1 for scale in raster.scales) and all(offset == 0 for offset in raster.offsets):
        return []
    text = "the raster declares scale and offset: clips keep the stored values, statistics apply them"
    return [Remark(Level.NOTE, "scale", text, hint="scaled=True makes arrays with them applied")]
