"""A runner of commands, and one synthetic demo for all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from georoi.cli.main import cli
from georoi.demo import Demo, make_demo

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A function that runs `georoi` in an empty folder; tracebacks of bugs would be saved there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def invoke(*arguments: object, stdin: str | None = None) -> Result:
        return CliRunner().invoke(
            cli, [str(argument) for argument in arguments], input=stdin, prog_name="georoi"
        )

    return invoke


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The synthetic demo; read only."""
    return make_demo(tmp_path_factory.mktemp("demo") / "demo")
