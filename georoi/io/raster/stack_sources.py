"""The source of a stack, whatever it is given as, and the dates that the user gives for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from georoi.errors import RasterError, UsageError
from georoi.io.names import shown
from georoi.io.raster.datepatterns import DatePattern
from georoi.io.raster.scenes import (
    Entry,
    Listing,
    frame_rows,
    list_folder,
    list_glob,
    list_paths,
    list_rows,
    read_table,
)
from georoi.io.raster.stac_items import find_items, list_items, read_items
from georoi.values.dating import as_moment
from georoi.values.naming import some
from georoi.values.raster import Raster
from georoi.values.stack import Stack

TABLES = (".csv", ".parquet", ".geoparquet", ".pq")
"""Endings of files that are read as tables."""
ITEMS = (".json", ".geojson")
"""Endings of files that are read as STAC items."""

Dates = Sequence[Any] | Mapping[str, Any] | Callable[[str], Any]
"""Dates in the order of the rasters, by name, or as a function of the name; any that `as_moment` takes."""


def list_source(source: object, pattern: DatePattern | None, wanted: tuple[int | str, ...] | None) -> Listing:
    """Find out what kind of source it is, and list what it holds.

    Args:
        source: What the user gave.
        pattern: Which names are meant, and where the date is in them.
        wanted: The bands asked for, which choose among assets and rows that are bands.

    Raises:
        RasterError: E-STK-04 if it is none that georoi knows, or nothing is in it; E-STK-01 and E-STK-03 of
            tables and items; E-RAS-01.
    """
    if isinstance(source, Stack):
        return list_paths(source.rasters, pattern)
    if isinstance(source, Raster):
        return replace(list_paths([source], pattern), single=True)
    if isinstance(source, (str, os.PathLike)) and not isinstance(os.fspath(source), bytes):
        return _list_place(str(os.fspath(source)), pattern, wanted)
    if hasattr(source, "columns") and hasattr(source, "iloc"):
        return list_rows(frame_rows(source), Path(), pattern, wanted)
    if _is_item(source):
        return list_items(find_items(source), wanted, None)
    if isinstance(source, Iterable) and not isinstance(source, bytes):
        members = list(source)
        if members and all(map(_is_item, members)):
            return list_items(find_items(members), wanted, None)
        return list_paths(members, pattern)
    raise RasterError(
        "E-STK-04",
        f"a {type(source).__name__} is no stack",
        hint="give paths, a folder, a table with the columns path and date, or STAC items",
    )


def _is_item(source: object) -> bool:
    """Tell whether something is a mapping, or one of pystac's objects: an item, or several."""
    objects = hasattr(source, "to_dict") and (hasattr(source, "assets") or hasattr(source, "items"))
    return isinstance(source, Mapping) or objects


def _list_place(text: str, pattern: DatePattern | None, wanted: tuple[object, ...] | None) -> Listing:
    path = Path(text)
    if "://" not in text and "\0" not in text and len(text) < 4096:
        if path.is_dir():
            return list_folder(path, pattern)
        suffix = path.suffix.lower()
        if path.is_file() and suffix in TABLES:
            return list_rows(*read_table(path), pattern, wanted)
        if path.is_file() and suffix in ITEMS:
            return list_items(read_items(path), wanted, path.absolute().parent)
        if any(sign in text for sign in "*?[") and not os.path.lexists(text):
            return list_glob(text, pattern)
    return replace(list_paths([text], pattern), single=True)


def override_dates(listing: Listing, dates: Dates | None) -> list[Entry]:
    """Give the entries the dates that the user says, where there is one for them.

    Raises:
        UsageError: E-USE-01 if there are not as many dates as entries, or one is no date.
    """
    entries = list(listing.entries)
    if dates is None:
        return entries
    if callable(dates):
        return [_dated(entry, dates(entry.name)) for entry in entries]
    if isinstance(dates, Mapping):
        return [_dated(entry, _look_up(entry, dates)) for entry in entries]
    given = list(dates)
    if len(given) == len(entries):
        return [_dated(entry, date) for entry, date in zip(entries, given, strict=True)]
    if listing.single:
        return entries  # they are those of its bands
    raise UsageError(
        "E-USE-01",
        f"there are {len(given)} dates for {len(entries)} rasters",
        found={"rasters": some(entry.name for entry in entries)},
        hint="give one date for each, in their order, or a mapping from name to date",
    )


def _look_up(entry: Entry, dates: Mapping[str, Any]) -> Any:
    path = "" if isinstance(entry.source, Raster) else str(os.fspath(entry.source))
    names = (path, entry.name, Path(entry.name).stem)
    return next((dates[name] for name in names if name in dates), None)


def _dated(entry: Entry, date: Any) -> Entry:
    return entry if date is None else replace(entry, date=read_moment(date, entry.name))


def read_moment(date: Any, name: str) -> datetime:
    """Read a date that the user gives for a raster.

    Raises:
        UsageError: E-USE-01 if it is none.
    """
    try:
        return as_moment(date)
    except ValueError as error:
        raise UsageError(
            "E-USE-01",
            f"the date given for '{name}' is none",
            found={"date": shown(repr(date), 60)},
            hint="write dates as 2018-07-21 or 2018-07-21T10:02:12, or give datetime objects",
        ) from error
