"""An ordered, bounded stream of results: at most so many tasks in flight, handed on in the order given."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

from georoi.engine.cluster import current_client, in_task, stream_on_cluster
from georoi.errors import MemoryBudgetError, UsageError
from georoi.options import count_cores

T = TypeVar("T")
R = TypeVar("R")


def stream(
    function: Callable[[T], R],
    tasks: Iterable[T],
    *,
    workers: int | None = None,
    client: Any = None,
    in_flight: int | None = None,
) -> Iterator[R]:
    """Run `function` on each task and yield the results in the order of the tasks.

    The tasks are pulled from their iterable as room appears, so neither tasks nor results pile up. The first
    exception, in the order of the tasks, is raised here; tasks that have not begun are then cancelled, and so
    they are when the iterator is closed. Within a task on a cluster, local threads work in any case.

    Args:
        function: Takes one task; picklable where a cluster runs it.
        tasks: Small and picklable; may be endless.
        workers: Number of local threads; by default one per core that this process may use.
        client: A `distributed.Client` (Any: distributed may not be installed); by default the current one if
            there is one and `workers` is not given, otherwise local threads.
        in_flight: Most tasks begun but not yet asked for; by default one more than workers, while one worker
            alone works when it is asked, in the caller's own thread.

    Raises:
        UsageError: E-USE-01 if `workers` or `in_flight` is less than one.
        MemoryBudgetError: E-MEM-01 if a task runs out of memory.
    """
    for name, number in (("workers", workers), ("in_flight", in_flight)):
        if number is not None and number < 1:
            raise UsageError("E-USE-01", f"{name} must be 1 or more, not {number}")
    if in_task():
        client = None
    elif client is None and workers is None:
        client = current_client()
    if client is not None:
        results = stream_on_cluster(client, function, tasks, in_flight)
    else:
        results = _stream_locally(function, tasks, workers or count_cores(), in_flight)
    return _translate(results)


def _stream_locally(
    function: Callable[[T], R], tasks: Iterable[T], workers: int, in_flight: int | None
) -> Iterator[R]:
    if workers == 1 and in_flight is None:
        yield from map(function, tasks)
        return
    remaining = iter(tasks)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="georoi")
    pending: deque[Future[R]] = deque()
    try:
        pending.extend(pool.submit(function, task) for task in islice(remaining, in_flight or workers + 1))
        while pending:
            result = pending.popleft().result()
            pending.extend(pool.submit(function, task) for task in islice(remaining, 1))
            yield result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _translate(results: Iterator[R]) -> Iterator[R]:
    try:
        yield from results
    except MemoryError as error:
        raise MemoryBudgetError(
            "E-MEM-01",
            "memory ran out while working on a tile",
            hint="use fewer workers (--threads); the plan says what a tile needs",
        ) from error
