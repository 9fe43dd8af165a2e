"""The statistics that are asked for: from texts, functions and mappings to a list without double names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from georoi.errors import UsageError
from georoi.values.definitions import RESERVED, Statistic, class_name, column
from georoi.values.stattexts import NAME, check_name, read_statistic, split_list
from georoi.wording import printable

__all__ = ["DEFAULT", "Statistic", "class_name", "column", "parse_stats"]

DEFAULT = ("count", "mean", "std", "min", "max")


def parse_stats(stats: Any = None) -> tuple[Statistic, ...]:
    """Read the statistics asked for.

    A text is a list of names with commas. A name may have a new one before it, `p90=quantile(q=0.9)`, and
    arguments behind it: `q05` and `q95` in per cent, `quantile(q=0.9, method="linear")`, `median`, `frac` of
    every class found, `frac(1, 2)`, `hist(bins=[0, 10, 20])`, `hist(n=16, range=(0, 1))`, `centroid`,
    `argmin`, `argmax` (columns max_x, max_y), `argmax_last`, and all of `KINDS`. Names of other tools give
    georoi's columns: stdev, majority, variety, p90, percentile_90 give std, mode, nunique, q90, q90. A
    function is called with values and weights, and gives a number.

    Args:
        stats: One or several texts, functions or `Statistic`, or a mapping of new names to them; None for
            `DEFAULT`.

    Raises:
        UsageError: E-USE-01 if a statistic is unknown or its arguments are wrong, or two have one name.
    """
    found = [statistic for item in _list(DEFAULT if stats is None else stats) for statistic in item]
    if not found:
        raise UsageError("E-USE-01", "stats= names no statistic")
    seen: dict[str, Statistic] = {}
    for statistic in found:
        if statistic.name in seen:
            raise UsageError(
                "E-USE-01",
                f"two statistics are called '{printable(statistic.name)}'",
                found={"first": str(seen[statistic.name]), "second": str(statistic)},
                hint="give one another name, as in p90=quantile(q=0.9)",
            )
        if statistic.name in RESERVED:
            raise UsageError(
                "E-USE-01", f"no statistic can be called '{statistic.name}': it is a column anyway"
            )
        seen[statistic.name] = statistic
    return tuple(found)


def _list(stats: Any) -> Iterator[Sequence[Statistic]]:
    if isinstance(stats, Mapping):
        for name, item in stats.items():
            yield _read_item(item, check_name(str(name)))
    elif isinstance(stats, str):
        for text in split_list(stats):
            yield _read_item(text)
    elif isinstance(stats, Iterable) and not isinstance(stats, Statistic):
        for item in stats:
            yield from _list(item) if isinstance(item, str) else [_read_item(item)]
    else:
        yield _read_item(stats)


def _read_item(item: Any, name: str | None = None) -> Sequence[Statistic]:
    if isinstance(item, Statistic):
        return [item if name is None else Statistic(name, item.kind, item.params, item.function)]
    if isinstance(item, str):
        return read_statistic(item, name)
    if callable(item):
        named = str(name or getattr(item, "__name__", ""))
        if not re.fullmatch(NAME, named):
            raise UsageError(
                "E-USE-01",
                "a function without a name is no statistic",
                hint="name it: stats={'spread': function}",
            )
        return [Statistic(named, "function", (), item)]
    raise UsageError(
        "E-USE-01", f"a {type(item).__name__} is no statistic", hint="give names such as 'mean', or functions"
    )
