"""Progress of a stream: a bar on a terminal, a callback, or silence."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Progress = Callable[[int, int | None, str], None]
"""Called with (tasks done, tasks in all or None, message) from the thread that consumes the stream."""

T = TypeVar("T")


def track(
    items: Iterable[T], progress: bool | Progress | None, *, total: int | None = None, message: str = ""
) -> Iterator[T]:
    """Hand on `items` one by one, telling `progress` after each.

    Args:
        items: What is worked on.
        progress: True for a bar on stderr, shown only if that is a terminal; a callback; False or None for
            nothing.
        total: Number of items, if it is known.
        message: What is done, in a word or two.
    """
    if callable(progress):
        return _call(items, progress, total, message)
    return _draw(items, total, message) if progress else iter(items)


def _call(items: Iterable[T], progress: Progress, total: int | None, message: str) -> Iterator[T]:
    progress(0, total, message)
    for done, item in enumerate(items, start=1):
        yield item
        progress(done, total, message)


def _draw(items: Iterable[T], total: int | None, message: str) -> Iterator[T]:
    from tqdm import tqdm

    with tqdm(
        total=total, desc=message or None, unit="tile", file=sys.stderr, disable=None, leave=False
    ) as bar:
        for item in items:
            yield item
            bar.update()
