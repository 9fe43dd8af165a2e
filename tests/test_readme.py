"""Every code block of README.md runs, and what it shows is what comes out."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import ROOT

README = ROOT / "README.md"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Block(NamedTuple):
    language: str
    text: str
    line: int


def blocks() -> list[Block]:
    text = README.read_text(encoding="utf-8")
    return [
        Block(found[1], found[2], text.count("\n", 0, found.start()) + 1)
        for found in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    ]


def of(language: str) -> list[Block]:
    return [block for block in blocks() if block.language == language]


def sessions(text: str) -> list[tuple[str, str]]:
    """Split a console block into commands and what each shows."""
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)
    assert parts[0] == "", "a console block starts with a command"
    pairs = []
    for part in parts[1:]:
        lines = part.split("\n")
        end = next(i for i, line in enumerate(lines) if not line.endswith("\\"))
        pairs.append(("\n".join(lines[: end + 1]), "\n".join(lines[end + 1 :])))
    return pairs


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    """No block escapes: make targets (sh), commands with output (console), Python sessions (python)."""
    assert {block.language for block in blocks()} == {"sh", "console", "python"}


def test_the_make_targets_exist() -> None:
    """What the README tells to make, make knows."""
    for block in of("sh"):
        for line in block.text.splitlines():
            command = line.split("#")[0].split()
            assert command[0] == "make", line
            subprocess.run([*command, "--dry-run"], cwd=ROOT, check=True, capture_output=True)


def test_blocks_show_what_they_print(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All blocks run in one folder, in their order, and print what the README shows, stderr included."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    names: dict[str, object] = {}
    code = 0
    for block in blocks():
        if block.language == "console":
            code = check_session(block, code)
        if block.language == "python":
            check_python(block, names)


def check_session(block: Block, code: int) -> int:
    """Run the commands of a block; each knows the exit code of the one before as $?."""
    checker = doctest.OutputChecker()
    for command, expected in sessions(block.text):
        done = subprocess.run(
            ["bash", "-c", f"(exit {code}); {command}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        code = done.returncode
        assert checker.check_output(expected, done.stdout, FLAGS), (
            f"README.md, line {block.line}: {command}\nshows:\n{expected}\nprints:\n{done.stdout}"
        )
    return code


def check_python(block: Block, names: dict[str, object]) -> None:
    """Run a session; the sessions share their names."""
    example = doctest.DocTestParser().get_doctest(block.text, names, "README.md", str(README), block.line)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    failed = runner.run(example, out=report.append, clear_globs=False).failed
    names.update(example.globs)
    assert failed == 0, "".join(report)
