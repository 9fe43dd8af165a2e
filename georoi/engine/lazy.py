"""Lazy arrays from chunk tasks, and their blocks one by one: the only module that builds dask graphs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, groupby, pairwise, product
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from georoi.engine.cluster import in_task
from georoi.engine.streaming import stream
from georoi.options import count_cores

MAX_CHUNKS = 9_000
"""Most chunks that georoi gives a lazy array of its own."""
BATCH_BYTES = 256 * 2**20
"""Blocks of a lazy array that are computed together hold at most this, or are one block."""

Chunks = tuple[tuple[int, ...], ...]
"""Lengths of the chunks along each axis, as dask has them."""


def is_lazy(array: object) -> bool:
    """Tell whether an array is computed later, by dask."""
    return hasattr(array, "__dask_graph__") and array.__dask_graph__() is not None


def make_name(kind: str, *parts: object) -> str:
    """Make a name for a lazy array that is the same whenever it is made of the same parts.

    Args:
        kind: A word for the reader of a graph.
        parts: Whatever the array depends on, with a repr that says all (numbers, texts, tuples, digests).
    """
    return f"georoi-{kind}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"


def lazy_array(
    function: Callable[..., NDArray[Any]],
    payloads: Mapping[Any, object],
    *,
    chunks: Chunks,
    dtype: DTypeLike,
    fill: object,
    name: str,
    shared: object = None,
    inputs: Sequence[Any] = (),
) -> Any:
    """Make a dask array (Any: dask is untyped) whose chunks are tasks.

    The graph is one layer: a task for each chunk with a payload, a constant that takes no memory for each
    without. What all tasks need stands in it once.

    Args:
        function: Called as function(payload, shared, *blocks of inputs); gives the chunk.
        payloads: What each chunk needs, by its index (a tuple of ints); no tuple, list or str, which dask
            would look into.
        chunks: Lengths of the chunks along each axis.
        dtype: Of the array.
        fill: The value of chunks without payload.
        name: From `make_name`.
        shared: What all tasks need, such as a plan.
        inputs: Dask arrays with the same number of chunks along each axis; a task gets its own block of
            each, or of one with fewer axes the block of the last ones. Blocks of untouched chunks are never
            asked for.
    """

    def blocks_of(index: tuple[int, ...]) -> list[Any]:
        return [(array.name, *index[len(index) - array.ndim :]) for array in inputs]

    return _build(function, payloads, blocks_of, list(inputs), chunks, np.dtype(dtype), fill, name, shared)


def lazy_mosaic(
    function: Callable[..., NDArray[Any]],
    payloads: Mapping[Any, object],
    parts: Mapping[Any, Sequence[Any]],
    *,
    chunks: Chunks,
    dtype: DTypeLike,
    fill: object,
    name: str,
) -> Any:
    """Make a dask array whose chunks are put together from parts of other arrays; see `lazy_array`.

    Args:
        function: Called as function(payload, None, *parts).
        payloads: As for `lazy_array`.
        parts: Per index with a payload, dask arrays (untyped), each of which the task gets whole.
        chunks: As for `lazy_array`.
        dtype: As for `lazy_array`.
        fill: As for `lazy_array`.
        name: As for `lazy_array`.
    """
    whole = {index: [part.rechunk(part.shape) for part in several] for index, several in parts.items()}
    arrays = [part for several in whole.values() for part in several]

    def blocks_of(index: tuple[int, ...]) -> list[Any]:
        return [(part.name, *(0,) * part.ndim) for part in whole[index]]

    return _build(function, payloads, blocks_of, arrays, chunks, np.dtype(dtype), fill, name, None)


def _build(
    function: Callable[..., NDArray[Any]],
    payloads: Mapping[Any, object],
    blocks_of: Callable[[tuple[int, ...]], list[Any]],
    dependencies: list[Any],
    chunks: Chunks,
    dtype: np.dtype[Any],
    fill: object,
    name: str,
    shared: object,
) -> Any:
    import dask.array as da
    from dask.highlevelgraph import HighLevelGraph

    common = f"{name}-shared"
    layer: dict[Any, Any] = {common: shared}
    for index in product(*(range(len(lengths)) for lengths in chunks)):
        payload = payloads.get(index)
        if payload is None:
            shape = tuple(lengths[i] for lengths, i in zip(chunks, index, strict=True))
            layer[name, *index] = (_constant, _Constant(shape, fill, dtype))
        else:
            layer[name, *index] = (function, payload, common, *blocks_of(index))
    graph = HighLevelGraph.from_collections(name, layer, dependencies=dependencies)
    return da.Array(graph, name, chunks, dtype=dtype, meta=np.empty((0,) * len(chunks), dtype))


class _Constant:
    """Shape, value and dtype of a constant chunk; opaque to dask."""

    def __init__(self, shape: tuple[int, ...], fill: object, dtype: np.dtype[Any]) -> None:
        self.shape, self.fill, self.dtype = shape, fill, dtype


def _constant(constant: _Constant) -> NDArray[Any]:
    value: NDArray[Any] = np.asarray(constant.fill, dtype=constant.dtype)
    return np.broadcast_to(value, constant.shape)


def as_lazy(array: Any, chunks: Chunks) -> Any:
    """Make a dask array (untyped) of a numpy one, or cut a dask one into other chunks.

    Args:
        array: Numpy or dask.
        chunks: Lengths of the chunks along each axis.
    """
    import dask.array as da

    return array.rechunk(chunks) if is_lazy(array) else da.from_array(array, chunks=chunks)


def compute_now(*arrays: Any, workers: int | None = None, client: Any = None) -> tuple[NDArray[Any], ...]:
    """Compute lazy arrays together, on dask's current scheduler unless told otherwise.

    Args:
        arrays: Dask arrays (untyped).
        workers: Number of local threads.
        client: A `distributed.Client` (Any: it may not be installed), which goes before `workers`.
    """
    from dask.base import compute as compute_together

    chosen: dict[str, Any] = {}
    if client is not None:
        chosen = {"scheduler": client}
    elif workers is not None:
        chosen = {"scheduler": "threads", "num_workers": workers}
    result: tuple[NDArray[Any], ...] = compute_together(*arrays, **chosen)
    return result


def lazy_blocks(
    array: Any, batch_bytes: int = BATCH_BYTES, *, skip: object = None
) -> list[list[tuple[slice, slice]]]:
    """Group the chunks of a lazy array's last two axes, row-major, into batches to be computed together.

    Args:
        array: A dask array (untyped) with axes (..., y, x).
        batch_bytes: Most bytes in a batch, unless one chunk holds more.
        skip: Leave out chunks that are known to hold this value alone.

    Returns:
        Batches of (rows, columns); a batch does not reach past a row of chunks.
    """
    rows, cols = (_slices(lengths) for lengths in array.chunks[-2:])
    depth = int(np.prod(array.shape[:-2], dtype=np.int64)) * array.dtype.itemsize
    skipped = _constant_chunks(array, skip)
    batches = []
    for i, row in enumerate(rows):
        wanted = [col for j, col in enumerate(cols) if (i, j) not in skipped]
        ends = accumulate((row.stop - row.start) * (col.stop - col.start) * depth for col in wanted)
        numbered = zip((end // batch_bytes for end in ends), wanted, strict=True)
        batches += [
            [(row, col) for _, col in group] for _, group in groupby(numbered, key=lambda pair: pair[0])
        ]
    return batches


def _constant_chunks(array: Any, value: object) -> set[tuple[int, int]]:
    """Find the places (row, column) of the chunks that `lazy_array` made constant, at this value."""
    if value is None or any(len(lengths) > 1 for lengths in array.chunks[:-2]):
        return set()
    expected = np.asarray(value, dtype=array.dtype)
    found = set()
    for key, task in array.dask.layers.get(array.name, {}).items():
        if isinstance(task, tuple) and task[0] is _constant and _is_same(task[1].fill, expected):
            found.add((int(key[-2]), int(key[-1])))
    return found


def _is_same(value: object, expected: NDArray[Any]) -> bool:
    return bool(
        np.array_equal(
            np.asarray(value, dtype=expected.dtype), expected, equal_nan=expected.dtype.kind == "f"
        )
    )


def compute_blocks(
    *arrays: Any,
    batch_bytes: int = BATCH_BYTES,
    skip: object = None,
    workers: int | None = None,
    client: Any = None,
) -> Iterator[tuple[tuple[slice, slice], tuple[NDArray[Any], ...]]]:
    """Compute lazy arrays block by block, row-major, a bounded batch at a time, as `compute_now` does.

    The next batch is computed while the caller works on the blocks of the last one.

    Args:
        arrays: Dask arrays (untyped) with axes (..., y, x), of which the last two agree; the chunks of the
            first are the blocks, and leading axes come whole.
        batch_bytes: Most bytes in a batch, unless one chunk holds more.
        skip: Leave out chunks of the first that are known to hold this value alone.
        workers: See `compute_now`; within a task on a cluster, local threads work in any case.
        client: See `compute_now`.
    """
    if in_task():
        workers, client = workers or count_cores(), None

    def run(batch: list[tuple[slice, slice]]) -> tuple[NDArray[Any], ...]:
        wanted = (array[(..., *place)] for place in batch for array in arrays)
        return compute_now(*wanted, workers=workers, client=client)

    batches = lazy_blocks(arrays[0], batch_bytes, skip=skip)
    for batch, blocks in zip(batches, stream(run, batches, workers=1, in_flight=1), strict=True):
        for number, place in enumerate(batch):
            yield place, blocks[number * len(arrays) : (number + 1) * len(arrays)]


def _slices(lengths: Sequence[int]) -> list[slice]:
    return [slice(start, stop) for start, stop in pairwise(accumulate(lengths, initial=0))]
