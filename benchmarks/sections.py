"""Rewrites the generated section of a page, between its marks, and nothing else of it."""

from __future__ import annotations

from pathlib import Path


def marks(program: str) -> tuple[str, str]:
    return (
        f"<!-- figures below are written by benchmarks/{program} -->",
        f"<!-- end of benchmarks/{program} -->",
    )


def rewrite(page: Path, program: str, text: str) -> None:
    """Put `text` between the marks of `program`.

    Raises:
        ValueError: if the page lacks one of the marks.
    """
    begin, end = marks(program)
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{page.name} has no section of {program}")
    page.write_text(f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}", encoding="utf-8")
