"""ARCHITECTURE.md names every module, with the line that the module says of itself, and no other."""

from __future__ import annotations

import ast
import re

from tests.conftest import ROOT


def first_lines() -> dict[str, str]:
    """The first docstring line of every module of the package, by its path."""
    lines = {}
    for path in sorted((ROOT / "georoi").rglob("*.py")):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        lines[path.relative_to(ROOT).as_posix()] = text.split("\n")[0]
    return lines


def test_every_module_has_its_line() -> None:
    """One row a module: its path, and its own first line."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(georoi/[\w/]+\.py)` \| (.*) \|$", text, re.MULTILINE))

    assert rows == first_lines()


def test_every_module_says_its_one_job() -> None:
    """The first line is a sentence."""
    assert not [path for path, line in first_lines().items() if not line.endswith(".")]
