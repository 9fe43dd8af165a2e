"""Numbers and foreign text in words, for plans, checks, errors and the terminal."""

from __future__ import annotations

import unicodedata

_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode categories that could move the cursor, reorder a line or hide text."""


def printable(text: object) -> str:
    """Write control, bidi and invisible characters as escapes: text from a file stays one harmless line."""
    return "".join(
        sign.encode("unicode_escape").decode("ascii") if unicodedata.category(sign) in _HIDDEN else sign
        for sign in str(text)
    )


def say_bytes(count: float) -> str:
    """Say a number of bytes in the unit that suits it, e.g. 1536 is "1.5 KB" (1 KB = 1024 bytes)."""
    if count < 1024:
        return f"{int(count)} bytes"
    units = ["KB", "MB", "GB", "TB", "PB", "EB"]
    count /= 1024
    while count >= 1024 and len(units) > 1:
        count /= 1024
        units.pop(0)
    return f"{count:.1f} {units[0]}"


def say_count(count: int, noun: str) -> str:
    """Say a count with its noun, e.g. "1 ROI", "3,000 ROIs"."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def say_share(part: int, whole: int) -> str:
    """Say a part of a whole, e.g. "3 of 1,000 (0.3 %)"."""
    return f"{part:,} of {whole:,} ({say_percent(part / whole if whole else 0.0)})"


def say_percent(share: float) -> str:
    """Say a share in percent so that only all is 100 and only nothing is 0."""
    if 0.9995 <= share < 1:
        return "over 99.9 %"
    if 0 < share < 0.0005:
        return "under 0.1 %"
    return f"{100 * share:.0f} %" if share in (0, 1) else f"{100 * share:.1f} %"
