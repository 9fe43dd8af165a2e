"""Text for a terminal: lines and facts, with what comes from files made harmless."""

from __future__ import annotations

from collections.abc import Iterable

from georoi.wording import printable


def harmless_lines(text: object) -> str:
    """Escape control, bidi and invisible characters, but keep line breaks."""
    return "\n".join(printable(line) for line in str(text).split("\n"))


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """Lay out name and value, one pair a line; pairs whose value is None or empty are left out."""
    kept = [(printable(name), harmless_lines(value)) for name, value in pairs if value not in (None, "")]
    width = max((len(name) for name, _ in kept), default=0) + 1
    indent = "\n" + " " * (width + 1)
    return "\n".join(f"{name + ':':<{width}} {value.replace(chr(10), indent)}" for name, value in kept)
