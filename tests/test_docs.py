"""The documentation names everything public, and its links within the repository lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import georoi
from georoi.cli.failures import EXIT_CODES
from tests.conftest import ROOT

PAGES = [
    *sorted(ROOT.glob("*.md")),
    *(path for path in sorted((ROOT / "docs").rglob("*.md")) if "_build" not in path.parts),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link is a file of the repository, a page of the docs, or a heading."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    missing = [
        link
        for link in links
        if not link.startswith(("http:", "https:")) and not (page.parent / link).exists()
    ]

    assert missing == []


def test_every_public_name_is_in_the_reference() -> None:
    """docs/api.md documents each name of `georoi`; errors come with their module."""
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    errors = {name for name in georoi.__all__ if name.endswith(("Error", "Warning"))}
    documented = set(re.findall(r"georoi\.(\w+)$", text, re.MULTILINE))

    assert "automodule:: georoi.errors" in text
    assert set(georoi.__all__) - errors <= documented


def test_every_exit_code_is_in_the_docs() -> None:
    """The command-line page has the exit codes that the program has."""
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\d, ]+) \|", text, re.MULTILINE)

    assert [int(code) for row in rows for code in row.split(",")] == list(EXIT_CODES)
