"""When an image was taken, from a file's metadata or its name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

_IN_NAME = re.compile(r"(?<!\d)(\d{4})(-?)(\d{2})\2(\d{2})(?:[T_ -]?(\d{2}):?(\d{2}):?(\d{2})(?!\d)|(?!\d))")
_PATTERNS = ("%Y:%m:%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d", "%Y:%m:%d")


def date_from_tags(image: Mapping[str, str], dataset: Mapping[str, str]) -> datetime | None:
    """Find the date in metadata: as a clip of a stack says it, the acquisition time, else TIFFTAG_DATETIME.

    Args:
        image: Tags of GDAL's IMAGERY domain, where the acquisition time is.
        dataset: Tags of the default domain.
    """
    for text in (
        dataset.get("GEOROI_DATE"),
        image.get("ACQUISITIONDATETIME"),
        dataset.get("TIFFTAG_DATETIME"),
    ):
        date = parse_date(text or "")
        if date is not None:
            return date
    return None


def date_from_name(name: str) -> datetime | None:
    """Find the first date in a file name, as YYYY-MM-DD or YYYYMMDD, with a time where one follows."""
    for match in _IN_NAME.finditer(name):
        parts = [int(group) for group in match.groups() if group and group != "-"]
        date = _valid(parts) or _valid(parts[:3])
        if date is not None:
            return date
    return None


def parse_date(text: str) -> datetime | None:
    """Parse a date as TIFF or ISO 8601 write it, to UTC without a zone; None if it is none."""
    clean = text.strip().strip("\0")
    for pattern in _PATTERNS:
        try:
            return datetime.strptime(clean, pattern)
        except ValueError:
            continue
    try:
        date = datetime.fromisoformat(clean)
    except ValueError:
        return None
    return date if date.tzinfo is None else date.astimezone(UTC).replace(tzinfo=None)


def _valid(parts: list[int]) -> datetime | None:
    if not 1900 <= parts[0] <= 2100:
        return None
    try:
        return datetime(*parts)  # type: ignore[arg-type]
    except ValueError:
        return None
