"""The engine: order, bounds, errors, lazy arrays and addresses."""

from __future__ import annotations

import pickle
import threading
import time
from itertools import count

import dask
import dask.array as da
import numpy as np
import pytest

from georoi.engine.cluster import connect, current_client
from georoi.engine.lazy import compute_blocks, is_lazy, lazy_array, lazy_blocks, make_name
from georoi.engine.progress import track
from georoi.engine.streaming import stream
from georoi.errors import MemoryBudgetError, UsageError


class Payload:
    """What a chunk task is given here: a number and a shape."""

    def __init__(self, number: int, shape: tuple[int, ...]) -> None:
        self.number, self.shape = number, shape


def numbered(payload: Payload, shared: dict, *blocks: np.ndarray) -> np.ndarray:
    """A chunk full of its number, plus what is shared, plus its input blocks."""
    result = np.full(payload.shape, payload.number + (shared or {}).get("add", 0), dtype="int16")
    for block in blocks:
        result = result + block.astype("int16")
    return result


def test_stream_keeps_the_order_of_the_tasks_whoever_finishes_first():
    def slow_when_even(number: int) -> int:
        time.sleep(0.01 if number % 2 == 0 else 0)
        return number

    assert list(stream(slow_when_even, range(20), workers=4)) == list(range(20))


def test_stream_pulls_no_more_tasks_than_may_be_in_flight():
    pulled = []

    def tasks():
        for number in count():
            pulled.append(number)
            yield number

    results = stream(lambda number: number, tasks(), workers=2, in_flight=3)
    first = [next(results) for _ in range(5)]
    results.close()
    assert first == [0, 1, 2, 3, 4]
    assert len(pulled) <= 5 + 3


@pytest.mark.parametrize("workers", [1, 3])
def test_stream_raises_the_first_error_and_begins_no_further_task(workers):
    begun = []

    def fail_at_four(number: int) -> int:
        begun.append(number)
        if number == 4:
            raise KeyError(number)
        return number

    results = stream(fail_at_four, range(1000), workers=workers)
    with pytest.raises(KeyError):
        list(results)
    assert max(begun) < 20


def test_closing_a_stream_ends_its_threads():
    results = stream(lambda number: number, range(100), workers=2)
    next(results)
    results.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("georoi")]


def test_one_worker_alone_works_in_the_callers_thread():
    assert list(stream(lambda _: threading.current_thread(), [0], workers=1)) == [threading.current_thread()]


def test_memory_that_runs_out_in_a_task_is_our_error():
    def greedy(_: int) -> None:
        raise MemoryError

    with pytest.raises(MemoryBudgetError, match="memory ran out"):
        list(stream(greedy, [1], workers=2))


@pytest.mark.parametrize("option", ["workers", "in_flight"])
def test_stream_refuses_less_than_one(option):
    with pytest.raises(UsageError, match=option):
        stream(abs, [1], **{option: 0})


def test_a_lazy_array_computes_its_tasks_and_fills_the_rest():
    payloads = {(0, 1): Payload(7, (2, 1))}
    array = lazy_array(
        numbered, payloads, chunks=((2, 1), (3, 1)), dtype="int16", fill=-1, name=make_name("test", 1)
    )
    assert is_lazy(array)
    assert array.compute().tolist() == [[-1, -1, -1, 7], [-1, -1, -1, 7], [-1, -1, -1, -1]]


def test_what_is_shared_and_the_blocks_of_inputs_reach_the_task():
    base = da.from_array(np.arange(12, dtype="int16").reshape(1, 3, 4), chunks=(1, 2, 4))
    plane = da.from_array(np.full((3, 4), 100, dtype="int16"), chunks=(2, 4))
    array = lazy_array(
        numbered,
        {(0, 1, 0): Payload(0, (1, 1, 4))},
        chunks=base.chunks,
        dtype="int16",
        fill=0,
        name=make_name("test", 2),
        shared={"add": 1000},
        inputs=(base, plane),
    )
    assert array.compute()[0].tolist() == [[0] * 4, [0] * 4, [1108, 1109, 1110, 1111]]


def test_blocks_of_inputs_that_no_task_asks_for_are_not_computed():
    asked = []

    def remember(block: np.ndarray, block_info: dict | None = None) -> np.ndarray:
        asked.append(block_info[0]["chunk-location"])
        return block

    base = da.zeros((4, 4), chunks=2, dtype="int16").map_blocks(
        remember, dtype="int16", meta=np.empty((0, 0))
    )
    array = lazy_array(
        numbered,
        {(1, 0): Payload(1, (2, 2))},
        chunks=base.chunks,
        dtype="int16",
        fill=0,
        name="n",
        inputs=[base],
    )
    array.compute(scheduler="sync")
    assert asked == [(1, 0)]


def test_a_constant_chunk_of_a_huge_array_takes_no_memory():
    array = lazy_array(numbered, {}, chunks=((10**6,), (10**6,)), dtype="u1", fill=9, name="huge")
    assert array[123_456, -1].compute() == 9


def test_names_depend_on_the_parts_alone():
    assert make_name("clip", 1, "a") == make_name("clip", 1, "a")
    assert make_name("clip", 1, "a") != make_name("clip", "1", "a")


def test_a_lazy_array_can_be_pickled():
    array = lazy_array(numbered, {(0,): Payload(3, (2,))}, chunks=((2,),), dtype="int16", fill=0, name="p")
    assert pickle.loads(pickle.dumps(array)).compute().tolist() == [3, 3]


def test_batches_of_blocks_are_bounded_and_stay_within_a_row():
    array = da.zeros((2, 4, 6), chunks=(1, 2, 2), dtype="u1")
    batches = lazy_blocks(array, batch_bytes=17)
    assert [len(batch) for batch in batches] == [2, 1, 2, 1]


def test_blocks_come_row_major_and_make_up_the_array():
    whole = np.arange(2 * 5 * 7).reshape(2, 5, 7)
    array = da.from_array(whole, chunks=(1, 2, 3))
    made = np.full_like(whole, -1)
    places = []
    for (rows, cols), (block, half) in compute_blocks(array, array[0] // 2, batch_bytes=100):
        made[:, rows, cols] = block
        assert np.array_equal(half, block[0] // 2)
        places.append((rows.start, cols.start))
    assert np.array_equal(made, whole)
    assert places == sorted(places)


def test_a_callback_hears_the_beginning_and_each_step():
    heard = []
    list(track("ab", lambda *news: heard.append(news), total=2, message="clip"))
    assert heard == [(0, 2, "clip"), (1, 2, "clip"), (2, 2, "clip")]


def test_no_bar_is_drawn_where_stderr_is_no_terminal(capsys):
    assert list(track([1, 2], True, total=2)) == [1, 2]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "address", ["tcp://192.0.2.1:8786", "http://127.0.0.1:1", "127.0.0.1:8786", "tcp://", "inproc://x"]
)
def test_an_address_in_clear_or_of_another_kind_is_refused(address):
    with pytest.raises(UsageError) as caught:
        connect(address)
    assert caught.value.id == "E-USE-01"


@pytest.mark.filterwarnings("ignore")
def test_the_current_client_runs_the_stream_and_the_order_holds():
    distributed = pytest.importorskip("distributed")
    with (
        dask.config.set({"distributed.worker.memory.terminate": False}),
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None, protocol="tcp"
        ) as cluster,
        connect(cluster.scheduler_address) as client,
    ):
        assert current_client() is client
        assert list(stream(abs, range(-9, 0))) == list(range(9, 0, -1))
        with pytest.raises(ZeroDivisionError):
            list(stream(lambda number: 1 // number, [1, 0, 1]))
    assert current_client() is None


def test_chunks_known_to_hold_the_fill_alone_are_left_out_of_the_batches():
    payloads = {(0, 1): Payload(7, (2, 1)), (1, 0): Payload(0, (1, 3))}
    array = lazy_array(numbered, payloads, chunks=((2, 1), (3, 1)), dtype="float32", fill=np.nan, name="c")
    assert [place for batch in lazy_blocks(array, skip=np.nan) for place in batch] == [
        (slice(0, 2), slice(3, 4)),
        (slice(2, 3), slice(0, 3)),
    ]
    assert len(lazy_blocks(array, skip=0)[0]) == len(lazy_blocks(array)[0]) == 2
    assert len(lazy_blocks(array + 1, skip=np.nan)) == 2
