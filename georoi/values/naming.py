"""Ids of ROIs: which column they come from, made unique, and how text from files is written in messages."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.errors import ROIError, UnknownROIError

Id = str | int
"""What a ROI is called: text or a whole number."""


def plain(text: object, longest: int = 80) -> str:
    """Make text from a file fit for one line of a terminal: no control or bidi characters, not too long."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text)[: longest + 1])
    return shown if len(shown) <= longest else shown[: longest - 3] + "..."


def some(things: Iterable[object], count: int = 5) -> str:
    """Write the first few of many things, e.g. "a, b, c and 12 more"."""
    listed = list(things)
    shown = ", ".join(plain(thing, 40) for thing in listed[:count])
    return shown if len(listed) <= count else f"{shown} and {len(listed) - count:,} more"


def choose_ids(
    attributes: Mapping[str, NDArray[Any]], numbers: NDArray[np.int64], column: str | None
) -> tuple[list[Id | None], str | None, str]:
    """Choose the ids: the column asked for, else `roi_id`, else `id` if nowhere null, else numbers.

    Args:
        attributes: Columns of the source, each of shape (n,).
        numbers: Feature numbers in the source, counted from 0, shape (n,).
        column: The column asked for, or None.

    Returns:
        Ids (None where the column holds none); the name of the column, None for feature numbers; and what is
        to be said of the choice, which is nothing if a column was passed over that holds no id at all.

    Raises:
        ROIError: E-ROI-08 if there is no such column.
    """
    if column is not None:
        if column not in attributes:
            raise ROIError(
                "E-ROI-08",
                f"there is no column {plain(column)!r} to take ids from",
                found={"columns": some(attributes, 20) or "none"},
                hint="name one of these columns with id_column=, or leave it out",
            )
        return as_ids(attributes[column]), column, ""
    note = ""
    for name in ("roi_id", "id"):
        found = _column(attributes, name)
        if found is None:
            continue
        ids = as_ids(attributes[found])
        missing = ids.count(None)
        if not missing or (name == "roi_id" and missing < len(ids)):
            return ids, found, ""
        if missing < len(ids):
            note = (
                f"ids are feature numbers, since the column {plain(found)} is empty for {missing:,} features"
            )
    return numbers.tolist(), None, note


def _column(attributes: Mapping[str, NDArray[Any]], name: str) -> str | None:
    """Find a column by name; Shapefiles like capitals, so case counts only where both spellings exist."""
    if name in attributes:
        return name
    return next((column for column in attributes if column.lower() == name), None)


def as_ids(values: Sequence[Any] | NDArray[Any]) -> list[Id | None]:
    """Turn a column into ids: whole numbers and text stay, empty and null become None, others become text."""
    array = np.asarray(values, dtype=object if not isinstance(values, np.ndarray) else None)
    if array.dtype.kind in "iu":
        return array.tolist()  # type: ignore[no-any-return]
    if array.dtype.kind in "Mm":
        return [None if np.isnat(value) else str(value) for value in array]
    return [_as_id(value) for value in array.tolist()]


def _as_id(value: Any) -> Id | None:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        return value or None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    missing = value is None or type(value).__name__ in (
        "NAType",
        "NaTType",
    )  # pandas spells null in three ways
    return None if missing else str(value)


def make_unique(ids: Sequence[Id]) -> tuple[list[Id], dict[int, int]]:
    """Give every id that was met before the next free `id#2`, `id#3`, ...; equal as text is equal.

    Returns:
        The ids, and for each position that was renamed the position that keeps the id.
    """
    texts = [str(value) for value in ids]
    if len(set(texts)) == len(texts):
        return list(ids), {}
    taken, first, last = set(texts), dict[str, int](), dict[str, int]()
    unique, renamed = list(ids), dict[int, int]()
    for position, text in enumerate(texts):
        if text not in first:
            first[text] = position
            continue
        count = last.get(text, 1) + 1
        while f"{text}#{count}" in taken:
            count += 1
        last[text] = count
        unique[position] = f"{text}#{count}"
        taken.add(f"{text}#{count}")
        renamed[position] = first[text]
    return unique, renamed


def find_ids(ids: NDArray[np.object_], wanted: object, name: str) -> list[int]:
    """Find the positions of ids, in the order in which they are first asked for; equal as text is equal.

    Args:
        ids: All ids, unique as text, shape (n,).
        wanted: One id, or several.
        name: What messages call the set.

    Raises:
        UnknownROIError: E-ROI-10 if there is no such id.
    """
    several = isinstance(wanted, Iterable) and not isinstance(wanted, str)
    asked = as_ids(list(wanted) if several else [wanted])  # type: ignore[call-overload]
    place = {str(id): position for position, id in enumerate(ids.tolist())}
    missing = [str(id) for id in asked if str(id) not in place]
    if missing:
        raise _unknown(missing, list(place), name)
    return [place[text] for text in dict.fromkeys(str(id) for id in asked)]


def _unknown(missing: list[str], known: list[str], name: str) -> UnknownROIError:
    lower = {id.lower(): id for id in known}
    close = difflib.get_close_matches(missing[0].lower(), lower, n=1)
    return UnknownROIError(
        "E-ROI-10",
        f"{plain(name, 60)} has no ROI of the id {some(missing)}",
        found={"ids": some(known, 10) or "none"},
        hint=f"did you mean {plain(lower[close[0]], 40)!r}?" if close else "rois.ids holds all ids",
    )
