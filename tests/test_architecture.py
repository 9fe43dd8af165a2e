"""ARCHITECTURE.md names every module with the line that it says of itself, and the figures are current."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

from tests.conftest import ROOT

LISTING = runpy.run_path(str(ROOT / "docs" / "list_modules.py"), run_name="listing")


def modules() -> dict[str, str]:
    """Every module's path and first line."""
    folders = {path.parent for path in (ROOT / "georoi").rglob("*.py")}
    return {path: line for folder in folders for path, line in LISTING["first_lines"](folder).items()}


def test_every_module_has_its_line() -> None:
    """One row a module, its path and its own first line; `make architecture` writes them."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(georoi/[\w/]+\.py)` \| (.*) \|$", text, re.MULTILINE))

    assert rows == modules()


def test_every_module_says_its_one_job() -> None:
    """The first line is a sentence."""
    assert not [path for path, line in modules().items() if not line.endswith(".")]


def test_the_figures_are_as_georoi_draws_them(tmp_path: Path) -> None:
    """The committed figures are those that the script draws today."""
    runpy.run_path(str(ROOT / "docs" / "figures" / "draw.py"), run_name="drawing")["main"](tmp_path)

    for path in tmp_path.iterdir():
        assert path.read_text() == (ROOT / "docs" / "figures" / path.name).read_text()
