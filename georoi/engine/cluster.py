"""Dask clusters: connect to one by its address, find the current one, stream tasks through it."""

from __future__ import annotations

import ipaddress
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import urlsplit

from georoi.errors import MemoryBudgetError, MissingExtraError, UsageError

T = TypeVar("T")
R = TypeVar("R")


def connect(address: str, insecure: bool = False) -> Any:
    """Connect to a dask scheduler; its client (Any: dask is untyped) becomes the current one.

    Args:
        address: `tls://host:port`, with the certificates that dask's configuration names; `tcp://host:port`
            on this machine only.
        insecure: Allow `tcp://` to other machines, in clear and without authentication.

    Raises:
        MissingExtraError: E-USE-02 if distributed is not installed.
        UsageError: E-USE-01 if the address is of another kind, not allowed, or nobody answers there.
    """
    _check_address(address, insecure)
    try:
        from distributed import Client
    except ImportError:
        raise MissingExtraError.of("distributed", "distributed") from None
    try:
        return Client(address, timeout="10s")
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        raise UsageError(
            "E-USE-01",
            f"no dask scheduler could be reached at {address}",
            found={"problem": f"{type(error).__name__}: {error}"},
            hint="start one with 'dask scheduler'; tls:// needs certificates in dask's configuration",
        ) from error


def _check_address(address: str, insecure: bool) -> None:
    parts = urlsplit(address)
    if parts.scheme not in {"tls", "tcp"} or not parts.hostname:
        raise UsageError(
            "E-USE-01",
            f"{address!r} is no address of a dask scheduler",
            hint="give tls://host:port, or tcp://127.0.0.1:port",
        )
    if parts.scheme == "tcp" and not insecure and not _is_loopback(parts.hostname):
        raise UsageError(
            "E-USE-01",
            f"{address} would send tasks and pixels over the network in clear",
            hint="use tls://, or allow it with insecure=True (--insecure)",
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def current_client() -> Any:
    """Give the current `distributed.Client`, or None; distributed is not imported for the sake of it."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return None
    try:
        return distributed.get_client()
    except (ValueError, AttributeError):  # no client, or a module still on its way in
        return None


def in_task() -> bool:
    """Tell whether this is a task on a worker of a cluster, which must not wait for further tasks there.

    It holds one of the cluster's threads, so that with all of them waiting nobody would work.
    """
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return False
    try:
        distributed.get_worker()
    except (ValueError, AttributeError):  # no worker, or a module still on its way in
        return False
    return True


def stream_on_cluster(
    client: Any, function: Callable[[T], R], tasks: Iterable[T], in_flight: int | None
) -> Iterator[R]:
    """Run tasks on a cluster, at most `in_flight` (by default two per thread) at once, in order."""
    from distributed import KilledWorker

    remaining = iter(tasks)
    bound = in_flight or 2 * max(1, sum(client.nthreads().values()))
    pending: deque[Any] = deque()
    try:
        pending.extend(client.submit(function, task, pure=False) for task in islice(remaining, bound))
        while pending:
            result = pending.popleft().result()
            pending.extend(client.submit(function, task, pure=False) for task in islice(remaining, 1))
            yield result
    except KilledWorker as error:
        raise MemoryBudgetError(
            "E-MEM-01",
            "workers of the cluster died again and again on one tile",
            found={"cluster": str(error)},
            hint="give the workers more memory; the plan says what a tile needs",
        ) from error
    finally:
        client.cancel(list(pending))
