"""Clips of raster files as DataArrays, lazy unless told otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from georoi.clipping.arrays import clip_array
from georoi.clipping.chunks import ChunkSize, ClipWork, Layout, clip_chunk, lay_chunks, lazy_weights
from georoi.clipping.filling import choose_filling
from georoi.clipping.options import ClipOptions, lay_out
from georoi.clipping.tiles import TileClipper
from georoi.clipping.windows import place_in
from georoi.engine.lazy import compute_now, lazy_array, make_name
from georoi.engine.streaming import stream
from georoi.io.array.arrays import ArraySource
from georoi.io.array.bands import BAND, add_scaling
from georoi.io.array.georeferencing import add_dates, add_weights, make_array
from georoi.planning.plan import Plan
from georoi.values.gridrois import GridROIs
from georoi.values.raster import Raster
from georoi.values.rois import ROISet


def clip_image(
    source: Raster | ArraySource,
    rois: ROISet,
    options: ClipOptions,
    *,
    chunks: ChunkSize = None,
    compute: bool | None = None,
) -> xr.DataArray:
    """Clip the union of ROIs out of a raster; see `georoi.clip`."""
    aligned = lay_out(source.header, rois, options.rule if options.apply_mask else None)
    return clip_aligned(source, aligned, options, chunks=chunks, compute=compute)


def clip_aligned(
    source: Raster | ArraySource,
    rois: GridROIs,
    options: ClipOptions,
    *,
    chunks: ChunkSize = None,
    compute: bool | None = None,
) -> xr.DataArray:
    """Clip ROIs that lie on the raster's grid already, as `lay_out` gives them."""
    if not isinstance(source, Raster):
        return clip_array(source, rois, options, chunks=chunks, compute=compute)
    return _clip_file(source, options.plan(source.header, rois), options, chunks, lazy=not compute)


def _clip_file(
    raster: Raster, plan: Plan, options: ClipOptions, chunks: ChunkSize, *, lazy: bool
) -> xr.DataArray:
    masks = raster.mask_kind in ("mask", "alpha")
    filling = choose_filling(raster, nodata=options.nodata, needed=options.apply_mask or masks)
    clipper = TileClipper(raster=raster, rule=options.rule, filling=filling)
    layout = lay_chunks(plan, chunks, raster.count * np.dtype(filling.dtype).itemsize)
    data = _lazy_clip(clipper, plan, layout) if lazy else _eager_clip(clipper, plan)
    array = make_array(
        data,
        raster.header,
        plan.window,
        leading={BAND: raster.bands},
        nodata=filling.nodata,
        name=raster.name,
        attrs={"source": raster.name, **options.describe(plan), "scaled": int(bool(filling.scales))},
    )
    array = add_dates(array, raster.dates)
    if not filling.scales:
        array = add_scaling(array, raster.scales, raster.offsets)
    if options.has_weights:
        weights = lazy_weights(plan, options.rule, layout)
        array = add_weights(array, weights if lazy else compute_now(weights)[0])
    return array


def _lazy_clip(clipper: TileClipper, plan: Plan, layout: Layout) -> Any:
    raster = clipper.raster
    return lazy_array(
        clip_chunk,
        {(0, *place): chunk for place, chunk in layout.work.items()},
        chunks=((raster.count,), layout.rows, layout.cols),
        dtype=clipper.filling.dtype,
        fill=clipper.filling.value,
        name=make_name(
            "clip",
            plan.digest,
            raster.path,
            raster.fingerprint,
            raster.bands,
            clipper.filling,
            layout.rows,
            layout.cols,
        ),
        shared=ClipWork(plan, clipper),
    )


def _eager_clip(clipper: TileClipper, plan: Plan) -> NDArray[Any]:
    row0, row1, col0, col1 = plan.window
    shape = (clipper.raster.count, row1 - row0, col1 - col0)
    values = np.full(shape, clipper.filling.value, dtype=clipper.filling.dtype)
    for tile in stream(clipper, plan.tasks()):
        values[(..., *place_in(tile.window, plan.window))] = tile.values
    return values
