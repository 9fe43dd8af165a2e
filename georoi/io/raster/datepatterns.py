"""Dates out of file names by a pattern: as strptime writes it, a regular expression, or a choice of names."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from georoi.errors import UsageError
from georoi.io.raster.dates import date_from_name, parse_date

_DIRECTIVES = {
    "Y": r"(?P<year>\d{4})",
    "m": r"(?P<month>\d{2})",
    "d": r"(?P<day>\d{2})",
    "j": r"(?P<yday>\d{3})",
    "H": r"(?P<hour>\d{2})",
    "M": r"(?P<minute>\d{2})",
    "S": r"(?P<second>\d{2})",
    "f": r"(?P<fraction>\d{1,6})",
    "%": "%",
}
_GROUPS = ("year", "month", "day", "yday", "hour", "minute", "second", "fraction", "date")
_HINT = (
    'write it as strptime does, "S2L2A_%Y-%m-%d.tif", where * stands for anything; or as a regular '
    'expression with groups, r"(?P<year>\\d{4})(?P<yday>\\d{3})"; or as names alone, "*.tif"'
)


@dataclass(frozen=True)
class DatePattern:
    """What names look like, and where the date is in them."""

    text: str
    """As the user gave it."""
    regex: re.Pattern[str]
    whole: bool
    """Whether all of the name must be as the pattern says."""

    @property
    def with_folders(self) -> bool:
        """Whether the pattern is of paths below the folder rather than of file names."""
        return "/" in self.text

    @property
    def has_date(self) -> bool:
        """Whether the pattern says where the date is."""
        return bool(self.regex.groupindex.keys() & set(_GROUPS))

    def matches(self, name: str) -> bool:
        """Tell whether a name is one that the pattern means."""
        return self._match(name) is not None

    def date(self, name: str) -> datetime | None:
        """Give the date in a name that matches; where the pattern holds none, the first one in the name."""
        match = self._match(name)
        if match is None:
            return None
        parts = {key: value for key, value in match.groupdict().items() if value is not None}
        if "date" in parts:
            return parse_date(parts["date"]) or date_from_name(parts["date"])
        if "year" not in parts:
            return date_from_name(name)
        return _build({key: value for key, value in parts.items() if key in _GROUPS})

    def _match(self, name: str) -> re.Match[str] | None:
        return self.regex.fullmatch(name) if self.whole else self.regex.search(name)


def parse_pattern(text: str) -> DatePattern:
    """Parse a pattern.

    Args:
        text: Names with strptime's %Y, %m, %d, %j, %H, %M, %S, %f, of fixed width, and * and ?; or a regular
            expression with groups named year, month, day, yday, hour, minute, second, fraction or date. With
            "/" it is one of paths below the folder.

    Raises:
        UsageError: E-USE-01 if it is none.
    """
    try:
        if "(?P<" in text:
            regex = re.compile(text)
            unknown = set(regex.groupindex) - set(_GROUPS)
            if unknown:
                raise _refusal(text, f"groups may be called {', '.join(_GROUPS)}, not {sorted(unknown)[0]}")
            return DatePattern(text, regex, False)
        if "%" in text:
            return DatePattern(text, re.compile(_translate(text)), True)
        return DatePattern(text, re.compile(fnmatch.translate(text)), True)
    except re.error as error:
        raise _refusal(text, str(error)) from error


def _translate(text: str) -> str:
    parts, used = [], set()
    pieces = iter(re.split(r"(%.|\*|\?)", text))
    for piece in pieces:
        if piece == "*":
            parts.append(".*?")
        elif piece == "?":
            parts.append(".")
        elif len(piece) == 2 and piece[0] == "%":
            if piece[1] not in _DIRECTIVES:
                raise _refusal(text, f"{piece} is not known; known are %{', %'.join(_DIRECTIVES)}")
            directive = _DIRECTIVES[piece[1]]
            # A directive that comes again must say the same again.
            parts.append(re.sub(r"\(\?P<(\w+)>.*", r"(?P=\1)", directive) if piece in used else directive)
            used.add(piece)
        else:
            parts.append(re.escape(piece))
    return "".join(parts)


def _build(parts: dict[str, str]) -> datetime | None:
    fraction = parts.get("fraction", "")
    try:
        sizes = (("month", 1), ("day", 1), ("hour", 0), ("minute", 0), ("second", 0))
        month, number, hour, minute, second = (int(parts.get(name, least)) for name, least in sizes)
        day = datetime(int(parts["year"]), month, number, hour, minute, second)
        if "yday" in parts:
            counted = day.replace(month=1, day=1) + timedelta(days=int(parts["yday"]) - 1)
            said = {name: getattr(counted, name) for name in ("year", "month", "day") if name in parts}
            if any(int(parts[name]) != value for name, value in said.items()):
                return None  # month and day, where they are there too, are those of another day
            day = counted
        return day.replace(microsecond=int(fraction[:6].ljust(6, "0"))) if fraction else day
    except (ValueError, OverflowError):
        return None


def _refusal(text: str, reason: str) -> UsageError:
    return UsageError(
        "E-USE-01", f"the pattern {text!r} is not understood", found={"reason": reason}, hint=_HINT
    )
