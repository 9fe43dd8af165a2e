"""Statistics of arrays: tile by tile from memory, or from a dask graph that ends in partial results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.engine.lazy import compute_blocks, is_lazy, lazy_array, make_name
from georoi.engine.streaming import stream
from georoi.grid import Window
from georoi.io.raster.rasters import Pixels
from georoi.options import count_cores
from georoi.zonal.layout import Layout, ZonalTask
from georoi.zonal.partials import TilePartial
from georoi.zonal.reducing import TileReducer


def reduce_array(
    reducer: TileReducer, layout: Layout, data: Any, *, workers: int | None, client: Any
) -> Iterator[TilePartial]:
    """Reduce the tiles of an array, in their order.

    Args:
        reducer: What is done with a tile.
        layout: The tiles.
        data: Shape (scenes, bands, rows, cols), numpy or dask (untyped); of dask only the chunks that tiles
            meet are computed.
        workers: Number of local threads.
        client: A `distributed.Client`, for dask.
    """
    if is_lazy(data):
        return _reduce_lazily(reducer, layout, data, workers, client)

    def reduce(task: ZonalTask) -> TilePartial:
        return reducer.reduce(task, [_reader(scene, (0, 0)) for scene in data])

    return stream(reduce, layout.tasks(), workers=workers or count_cores())


def _reader(scene: NDArray[Any], corner: tuple[int, int]) -> Callable[[Window], Pixels]:
    """Give windows of an array (bands, rows, cols) whose first pixel is at `corner` of the grid."""
    row, col = corner
    return lambda window: Pixels(
        scene[:, window[0] - row : window[1] - row, window[2] - col : window[3] - col], None
    )


class _Work:
    """A tile's task; opaque to dask."""

    def __init__(self, task: ZonalTask) -> None:
        self.task = task


def _reduce_lazily(
    reducer: TileReducer, layout: Layout, data: Any, workers: int | None, client: Any
) -> Iterator[TilePartial]:
    plan = layout.plan
    rows, cols = (_lengths(side, step) for side, step in zip(plan.header.shape, plan.tile_shape, strict=True))
    tiles = data.rechunk((data.shape[:1], data.shape[1:2], rows, cols))
    places = [divmod(int(tile), plan.lattice.tile_columns) for tile in plan.tiled_blocks.tile]
    partials = lazy_array(
        _reduce_block,
        {(0, 0, *place): _Work(layout.task(i)) for i, place in enumerate(places)},
        chunks=((1,), (1,), (1,) * len(rows), (1,) * len(cols)),
        dtype=object,
        fill=None,
        name=make_name("zonal", data.name, plan.digest, reducer.token),
        shared=reducer,
        inputs=(tiles,),
    )
    together = 2 * (workers or count_cores()) * partials.dtype.itemsize
    for _, (block,) in compute_blocks(partials, batch_bytes=together, workers=workers, client=client):
        found = block.reshape(-1)[0]
        if found is not None:
            yield found


def _reduce_block(work: _Work, reducer: TileReducer, block: NDArray[Any]) -> NDArray[np.object_]:
    corner = work.task.window[0], work.task.window[2]
    partial = reducer.reduce(work.task, [_reader(scene, corner) for scene in block])
    made = np.empty((1, 1, 1, 1), dtype=object)
    made[0, 0, 0, 0] = partial
    return made


def _lengths(side: int, step: int) -> tuple[int, ...]:
    return tuple(min(step, side - start) for start in range(0, side, step))
