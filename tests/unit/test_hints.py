"""Errors of the verbs and commands say the rule and what to do, each of them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import georoi

PACKAGE = Path(georoi.__file__).parent
FOLDERS = ("api", "cli", "clipping", "demo")
FILES = [PACKAGE / "options.py", *sorted(path for name in FOLDERS for path in (PACKAGE / name).glob("*.py"))]


def errors(path: Path) -> list[ast.Call]:
    """The places in a module that make an error with an id of the catalogue, but for bugs."""
    calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    made = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id.endswith("Error")]
    ids = [
        (call, call.args[0].value) for call in made if call.args and isinstance(call.args[0], ast.Constant)
    ]
    return [call for call, id in ids if str(id).startswith("E-") and id != "E-INT-01"]


@pytest.mark.parametrize("path", [path for path in FILES if errors(path)], ids=lambda path: path.name)
def test_every_error_has_a_hint(path: Path) -> None:
    """No error leaves the user without a next step."""
    assert [call.lineno for call in errors(path) if "hint" not in {word.arg for word in call.keywords}] == []
