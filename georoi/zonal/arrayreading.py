"""Windows of lazy arrays, computed in bounded batches, the next while the last is worked on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from georoi.engine.cluster import in_task
from georoi.engine.lazy import BATCH_BYTES, compute_now
from georoi.engine.streaming import stream
from georoi.grid import Window
from georoi.options import count_cores

T = TypeVar("T")
Batch = list[tuple[T, Window]]


def read_array_windows(
    data: Any, wanted: Iterable[tuple[T, Window]], *, workers: int | None, client: Any
) -> Iterator[tuple[T, NDArray[Any]]]:
    """Compute windows of a dask array; chunks that no window meets are not computed.

    Windows of a batch are computed together, so that a chunk is computed once for all of them.

    Args:
        data: Shape (scenes, bands, rows, cols), dask (untyped).
        wanted: Windows, (row0, row1, col0, col1), each with whatever it is for.
        workers: Number of local threads.
        client: A `distributed.Client` (Any: it may not be installed).

    Returns:
        In the order asked for, shape (scenes, bands, rows, cols) of the window.
    """
    if in_task():
        workers, client = workers or count_cores(), None
    pixel = int(np.prod(data.shape[:2])) * data.dtype.itemsize

    def compute(batch: Batch[T]) -> list[tuple[T, NDArray[Any]]]:
        parts = [data[:, :, window[0] : window[1], window[2] : window[3]] for _, window in batch]
        blocks = compute_now(*parts, workers=workers, client=client)
        return [(what, block) for (what, _), block in zip(batch, blocks, strict=True)]

    for blocks in stream(compute, _batches(wanted, pixel), workers=1, in_flight=1):
        yield from blocks


def _batches(wanted: Iterable[tuple[T, Window]], pixel: int) -> Iterator[Batch[T]]:
    batch: Batch[T] = []
    held = 0
    for what, window in wanted:
        size = (window[1] - window[0]) * (window[3] - window[2]) * pixel
        if batch and held + size > BATCH_BYTES:
            yield batch
            batch, held = [], 0
        batch.append((what, window))
        held += size
    if batch:
        yield batch
