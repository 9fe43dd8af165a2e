"""Clips of DataArrays: dask in, dask out, chunk by chunk; numpy in, numpy out, at once."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from georoi.clipping.chunks import Chunk, ChunkSize, Layout, find_work, lay_chunks, lazy_weights, unplanned
from georoi.clipping.filling import Filling, choose_filling
from georoi.clipping.options import ClipOptions
from georoi.clipping.windows import place_in
from georoi.clipping.writing import HARD_ALPHA, OutputOptions, lazy_pieces
from georoi.engine.lazy import as_lazy, compute_now, is_lazy, lazy_array, make_name
from georoi.engine.streaming import stream
from georoi.io.array.arrays import ArraySource, read_array
from georoi.io.array.georeferencing import add_weights, crop_array
from georoi.io.output.imagespecs import spec_of_array
from georoi.io.output.outputs import output_format
from georoi.io.output.spec import Written
from georoi.options import count_cores
from georoi.planning.plan import Plan
from georoi.values.gridrois import GridROIs


def clip_array(
    source: ArraySource,
    rois: GridROIs,
    options: ClipOptions,
    *,
    chunks: ChunkSize = None,
    compute: bool | None = None,
) -> xr.DataArray:
    """Clip ROIs out of an array.

    Args:
        source: The array.
        rois: On its grid, as `lay_out` gives them.
        options: What is asked for.
        chunks: Pixels per chunk, for a lazy result; those of the array by default.
        compute: True for numpy, False for dask; by default as the array is, or dask if chunks are given.
    """
    plan = options.plan(source.header, rois)
    filling = replace(
        choose_filling(source.header, nodata=options.nodata, needed=options.apply_mask), axis=source.band_axis
    )
    lazy = is_lazy(source.array.data) or chunks is not None or compute is False
    values, weights = _clip(source, plan, options, filling, chunks, lazy=lazy)
    if lazy and compute:
        values, weights = compute_now(values, weights)
    array = crop_array(
        source,
        plan.window,
        values,
        nodata=filling.nodata,
        attrs={**options.describe(plan), "scaled": int(source.is_scaled)},
    )
    return add_weights(array, weights) if options.has_weights else array


def array_to_file(
    source: ArraySource,
    rois: GridROIs,
    path: str | os.PathLike[str],
    options: ClipOptions,
    output: OutputOptions,
) -> Written:
    """Clip ROIs out of an array into a file, a bounded batch of chunks at a time.

    Integers without nodata stay integers, and a mask tells which pixels are valid.
    """
    plan = options.plan(source.header, rois)
    filling = choose_filling(source.header, nodata=options.nodata, to_file=True, needed=options.apply_mask)
    filling = replace(filling, axis=source.band_axis)
    values, weights = _clip(source, plan, options, filling, None, lazy=True)
    has_mask = options.apply_mask and filling.nodata is None
    array = crop_array(source, plan.window, values, nodata=filling.nodata, attrs=options.describe(plan))
    spec = replace(spec_of_array(read_array(array, pixel=source.header.is_pixel)), has_mask=has_mask)
    pieces = lazy_pieces(values, spec.fill, output, weights if has_mask else None)
    hard = HARD_ALPHA if options.has_weights and output_format(path, output.of) == "PNG" else ""
    return output.write(path, spec, pieces, notes=(*rois.notes, filling.note, hard))


def _clip(
    source: ArraySource,
    plan: Plan,
    options: ClipOptions,
    filling: Filling,
    chunks: ChunkSize,
    *,
    lazy: bool,
) -> tuple[Any, Any]:
    """Give values and weights of the plan's window, dask (untyped) or numpy; no weights without a mask."""
    row0, row1, col0, col1 = plan.window
    data = source.array.data[..., row0:row1, col0:col1]
    if not lazy:
        return _clip_now(data, plan, options, filling)
    data, layout = _in_chunks(data, plan, chunks)
    if filling.by_band:
        data = data.rechunk({data.ndim + filling.axis: -1})
    if not options.apply_mask:
        return _convert_lazily(data, filling), None
    weights = lazy_weights(plan, options.rule, layout)
    return _clip_lazily(data, weights, filling, layout), weights


def _in_chunks(data: Any, plan: Plan, chunks: ChunkSize) -> tuple[Any, Layout]:
    """Give the window's data as a dask array, and its chunks with work."""
    row0, _, col0, _ = plan.window
    if chunks is not None or not is_lazy(data):
        layout = lay_chunks(plan, chunks, data.dtype.itemsize)
        leading = data.chunks[:-2] if is_lazy(data) else tuple((side,) for side in data.shape[:-2])
        return as_lazy(data, (*leading, layout.rows, layout.cols)), layout
    rows, cols = data.chunks[-2:]
    row_cuts = np.fromiter(accumulate(rows, initial=row0), dtype=np.int64)
    col_cuts = np.fromiter(accumulate(cols, initial=col0), dtype=np.int64)
    return data, find_work(plan, row_cuts, col_cuts)


@dataclass(frozen=True, eq=False)
class _BlockWork:
    """What the chunks of a clipped dask array share."""

    filling: Filling


def _clip_lazily(data: Any, weights: Any, filling: Filling, layout: Layout) -> Any:
    """Make the lazy clip: chunks without work are constants, and the array's own are not asked for there."""
    leading = np.ndindex(*(len(lengths) for lengths in data.chunks[:-2]))
    return lazy_array(
        _fill_block,
        {(*index, *place): chunk for index in leading for place, chunk in layout.work.items()},
        chunks=data.chunks,
        dtype=filling.dtype,
        fill=filling.value,
        name=make_name("clip", data.name, weights.name, filling),
        shared=_BlockWork(filling),
        inputs=(data, weights),
    )


def _convert_lazily(data: Any, filling: Filling) -> Any:
    """Write a dask array (untyped) down as the product has it, chunk by chunk."""
    if not filling.changes_values:
        return data.astype(filling.dtype)
    name = make_name("convert", data.name, filling)
    return data.map_blocks(filling.convert, dtype=np.dtype(filling.dtype), name=name)


def _fill_block(_chunk: Chunk, work: _BlockWork, block: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
    """Fill what has no weight in a block of axes (..., y, x)."""
    kept: NDArray[np.bool_] = weights if weights.dtype == np.bool_ else weights > 0
    values = work.filling.convert(block)
    if kept.all():
        return values
    return np.where(kept, values, values.dtype.type(work.filling.value))


def _clip_now(
    data: NDArray[Any], plan: Plan, options: ClipOptions, filling: Filling
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Clip a numpy array on all cores; the tiles are written side by side into the result."""
    if not options.apply_mask:
        values = filling.convert(data)
        return (values.copy() if values is data else values), None
    rule = options.rule
    values = np.full(data.shape, filling.value, dtype=filling.dtype)
    weights = np.full(data.shape[-2:], unplanned(plan, rule), dtype=rule.dtype) if rule.is_soft else None

    def clip_tile(number: int) -> None:
        task = plan.task(number)
        place = place_in(task.window, plan.window)
        part = rule.weigh(task)
        kept: Any = True if part is None else part if part.dtype == np.bool_ else part > 0
        np.copyto(values[(..., *place)], filling.convert(data[(..., *place)]), where=kept)
        if weights is not None:
            weights[place] = 1.0 if part is None else part

    for _ in stream(clip_tile, range(len(plan)), workers=count_cores()):
        pass
    return values, weights
