"""Text for a terminal: text from files made harmless, tables, sizes."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode categories that could move the cursor, reorder a line or hide text: escapes, bidi, separators."""


def harmless(text: object) -> str:
    """Write control, bidi and invisible characters as escapes: text from a file stays one line."""
    return "".join(
        character.encode("unicode_escape").decode("ascii")
        if unicodedata.category(character) in _HIDDEN
        else character
        for character in str(text)
    )


def harmless_lines(text: object) -> str:
    """As `harmless`, but line breaks of the text stay line breaks."""
    return "\n".join(harmless(line) for line in str(text).split("\n"))


def table(
    header: Sequence[str], rows: Sequence[Sequence[object]], *, right: frozenset[int] = frozenset()
) -> str:
    """Lay rows out in columns, two spaces apart; columns whose numbers are in `right` are set right."""
    cells = [list(header), *[["" if cell is None else harmless(cell) for cell in row] for row in rows]]
    widths = [max(len(line[column]) for line in cells) for column in range(len(header))]
    lines = []
    for line in cells:
        parts = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def facts(pairs: Sequence[tuple[str, object]]) -> str:
    """Lay out name and value, one pair a line; pairs whose value is None or empty are left out."""
    kept = [(name, harmless_lines(value)) for name, value in pairs if value not in (None, "")]
    width = max((len(name) for name, _ in kept), default=0) + 1
    indent = "\n" + " " * (width + 1)
    return "\n".join(f"{name + ':':<{width}} {value.replace(chr(10), indent)}" for name, value in kept)


def size(count: float | None) -> str:
    """Say a number of bytes in the unit that suits it, e.g. 1536 is "1.5 KB" (1 KB = 1024 bytes)."""
    if count is None:
        return "unknown"
    number, units = float(count), ["bytes", "KB", "MB", "GB", "TB", "PB"]
    while abs(number) >= 1024 and len(units) > 1:
        number, units = number / 1024, units[1:]
    return f"{int(number)} bytes" if units[0] == "bytes" else f"{number:.1f} {units[0]}"


def plural(count: int, noun: str, many: str | None = None) -> str:
    """Say a count with its noun, e.g. "1 ROI", "3 ROIs"."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"
