"""Moments and periods in UTC, from whatever a user gives as a date."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import numpy as np

_TICK = timedelta(microseconds=1)
_PART = re.compile(r"(\d{4})(?:-(\d{2}))?")
_DAY = re.compile(r"\d{4}(-?)\d{2}\1\d{2}")


def as_moment(value: object) -> datetime:
    """Give a date as a moment in UTC, without a zone; a day is its midnight.

    Args:
        value: A `datetime` (one without a zone is UTC), a `date`, a numpy or pandas time stamp, or a text as
            ISO 8601 writes it.

    Raises:
        ValueError: If it is no date.
    """
    if isinstance(value, str):
        return _plain(datetime.fromisoformat(value.strip()))
    if hasattr(value, "to_datetime64"):  # a time stamp of pandas, which counts nanoseconds
        value = value.to_datetime64()
    if isinstance(value, np.datetime64):
        found = value.astype("datetime64[us]").item()
        if not isinstance(found, datetime):
            raise ValueError(f"{value} is no date")
        return found
    if isinstance(value, datetime):
        return _plain(value)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    raise ValueError(f"a {type(value).__name__} is no date")


def as_period(value: object) -> tuple[datetime, datetime]:
    """Give the time that a date stands for, as (first moment, first moment after it).

    A `date`, and a text such as "2018", "2018-07" or "2018-07-21", stand for all of that year, month or day;
    everything else for one moment.

    Raises:
        ValueError: If it is no date.
    """
    if isinstance(value, str):
        text = value.strip()
        part = _PART.fullmatch(text)
        if part:
            first = datetime(int(part[1]), int(part[2] or 1), 1)
            months = 1 if part[2] else 12
            after = first.month - 1 + months
            return first, datetime(first.year + after // 12, after % 12 + 1, 1)
        if _DAY.fullmatch(text):
            value = date.fromisoformat(text)
    if isinstance(value, date) and not isinstance(value, datetime):
        midnight = as_moment(value)
        return midnight, midnight + timedelta(days=1)
    moment = as_moment(value)
    return moment, moment + _TICK


def say_moment(moment: datetime) -> str:
    """Write a moment as ISO 8601 does; midnight as the day alone."""
    midnight = (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0)
    return moment.date().isoformat() if midnight else moment.isoformat()


def _plain(moment: datetime) -> datetime:
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
