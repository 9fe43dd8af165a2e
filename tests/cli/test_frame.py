"""The frame of the command line: start-up, help, exit codes, errors, both doors."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

import georoi
from georoi.cli import main as frame
from georoi.cli.failures import EXIT_CODES
from georoi.errors import CATALOGUE, CRSError, GeoroiWarning


def run(*arguments: str) -> Result:
    return CliRunner().invoke(frame.cli, list(arguments), prog_name="georoi")


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A function that makes `georoi info` do something else, and keeps saved tracebacks in tmp_path."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def replace(action) -> None:
        from georoi.cli.console import json_option, talk_options

        stand_in = click.command("info")(json_option(talk_options(action)))
        get = frame.RoiGroup.get_command
        monkeypatch.setattr(
            frame.RoiGroup,
            "get_command",
            lambda self, ctx, name: stand_in if name == "info" else get(self, ctx, name),
        )

    return replace


def test_help_imports_nothing_heavy() -> None:
    """`georoi --help` loads neither numpy nor rasterio nor any other heavy library."""
    code = (
        "import sys; sys.argv = ['georoi', '--help']\n"
        "from georoi.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'rasterio', 'shapely', 'pyproj', 'dask', 'xarray', 'numba', 'pandas'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stderr.strip() == "[]"
    assert "clip" in done.stdout


def test_help_answers_at_once() -> None:
    """`georoi --help` takes under 0.15 s of processor time, Python's own start included, at best of five."""

    def cost() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "georoi.cli.main", "--help"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(cost() for _ in range(5)) < 0.15


@pytest.mark.parametrize("name", list(frame.COMMANDS))
def test_every_command_has_help(name: str) -> None:
    """Every command in the table can be loaded and explains itself, in two ways."""
    assert run(name, "--help").exit_code == 0
    assert run("help", name).exit_code == 0


def test_version() -> None:
    """--version prints the name and the version, nothing else."""
    assert f"georoi {georoi.__version__}\n" == run("--version").output


def test_show_versions_names_the_native_libraries() -> None:
    """--show-versions tells the GDAL of rasterio and that of pyogrio, which may differ."""
    output = run("--show-versions").output

    assert all(name in output for name in ("GDAL (rasterio)", "GDAL (pyogrio)", "PROJ", "GEOS", "numpy"))


def test_unknown_command_suggests() -> None:
    """A mistyped command is exit 2 and names the command that may have been meant."""
    result = run("clpi")

    assert result.exit_code == 2
    assert "Did you mean 'clip'?" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("id", CATALOGUE)
def test_every_error_id_has_help(id: str) -> None:
    """`georoi help E-...` explains each error of the catalogue, in lower case too."""
    assert CATALOGUE[id] in run("help", id).output
    assert CATALOGUE[id] in run("help", id.lower()).output


def test_exit_codes_are_documented() -> None:
    """`georoi help exit-codes` lists every code."""
    output = run("help", "exit-codes").output

    assert list(EXIT_CODES) == [int(line.split()[0]) for line in output.splitlines()]


def test_help_on_nothing_known_suggests() -> None:
    """Help on an unknown topic is exit 2 and suggests one."""
    result = run("help", "E-CRS-2")

    assert result.exit_code == 2
    assert "Did you mean 'E-CRS-" in result.stderr


def test_an_error_has_id_hint_and_exit_code(command) -> None:
    """A georoi error becomes its message in the documented form, with its exit code and no traceback."""

    def action() -> None:
        raise CRSError("E-CRS-02", "no overlap", found={"rois": "here", "raster": "there"}, hint="look")

    command(action)
    result = run("info")

    assert result.exit_code == 3
    assert result.stdout == ""
    assert (
        result.stderr == "error[E-CRS-02]: no overlap\n  rois:   here\n  raster: there\n  hint:   look\n"
        "  more:   georoi help E-CRS-02\n"
    )


def test_an_error_with_json_is_one_object(command) -> None:
    """With --json an error is one object on stdout; the message stays on stderr."""

    def action() -> None:
        raise CRSError("E-CRS-01", "unknown CRS", hint="say it")

    command(action)
    result = run("info", "--json")
    told = json.loads(result.stdout)

    assert (
        told["schema"],
        told["command"],
        told["error"]["id"],
        told["error"]["exit_code"],
    ) == ("georoi.error/1", "info", "E-CRS-01", 3)
    assert "error[E-CRS-01]" in result.stderr


def test_text_from_files_cannot_move_the_cursor(command) -> None:
    """Escape sequences, bidi overrides and line breaks in names are written as escapes."""

    def action() -> None:
        raise CRSError("E-CRS-01", "odd", found={"file": "a\x1b[2Jb\u202ec\r"}, hint="x\x07")

    command(action)
    stderr = run("info").stderr

    assert r"a\x1b[2Jb\u202ec\r" in stderr
    assert not {"\x1b", "\u202e", "\r", "\x07"} & set(stderr)


def test_a_bug_saves_its_traceback(command, tmp_path: Path) -> None:
    """An unexpected exception is exit 70: one message, and the traceback in a private file."""

    def action() -> None:
        raise ZeroDivisionError("secret sauce")

    command(action)
    result = run("info")
    (saved,) = tmp_path.glob("georoi-traceback-*.txt")

    assert result.exit_code == 70
    assert "error[E-INT-01]" in result.stderr
    assert "Traceback" not in result.stderr
    assert str(saved) in result.stderr
    assert "ZeroDivisionError: secret sauce" in saved.read_text()
    assert saved.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("arguments", [("--debug", "info"), ("info", "--debug")])
def test_debug_shows_the_traceback(command, arguments: tuple[str, ...]) -> None:
    """--debug, before or after the command, prints the traceback as well."""

    def action() -> None:
        raise CRSError("E-CRS-01", "unknown CRS")

    command(action)
    result = run(*arguments)

    assert result.exit_code == 3
    assert "Traceback" in result.stderr
    assert "error[E-CRS-01]" in result.stderr


def test_ctrl_c_is_130(command) -> None:
    """An interrupted run is exit 130, without a traceback."""

    def action() -> None:
        raise KeyboardInterrupt

    command(action)
    result = run("info")

    assert result.exit_code == 130
    assert result.stderr == "interrupted\n"


def test_sigterm_is_143(command) -> None:
    """A terminated run unwinds, so that it can clean up, and is exit 143."""
    unwound = []

    def action() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        finally:
            unwound.append(True)

    command(action)
    result = run("info")

    assert result.exit_code == 143
    assert unwound == [True]


def test_memory_error_is_an_input_error(command) -> None:
    """Running out of memory is E-MEM-01, not a bug."""

    def action() -> None:
        raise MemoryError

    command(action)
    result = run("info")

    assert result.exit_code == 3
    assert "error[E-MEM-01]" in result.stderr


def test_warnings_become_notes(command) -> None:
    """A warning of georoi's is a note on stderr; -q silences it; --json carries it."""
    import warnings

    def action() -> None:
        warnings.warn("2 ROIs were repaired", GeoroiWarning, stacklevel=1)
        from georoi.cli.console import Console

        Console.of(click.get_current_context()).result({"x": float("nan"), "y": 1.5}, "data")

    command(action)

    assert run("info").stderr == "note: 2 ROIs were repaired\n"
    assert run("info").stdout == "data\n"
    assert run("info", "-q").stderr == ""
    told = json.loads(run("info", "--json").stdout)
    assert (told["notes"], told["x"], told["y"]) == (["2 ROIs were repaired"], None, 1.5)


def test_usage_error_with_json_is_one_object() -> None:
    """A wrong option is exit 2 in our form, and one object with --json."""
    result = run("help", "--json", "--wrong")

    assert result.exit_code == 2
    assert json.loads(result.stdout)["error"]["id"] == "E-USE-01"
    assert "error[E-USE-01]" in result.stderr


def test_rio_roi_keeps_the_contract() -> None:
    """`rio roi` runs the same commands, with the same errors and exit codes."""
    rio = [
        sys.executable,
        "-c",
        "from rasterio.rio.main import main_group; main_group(prog_name='rio')",
        "roi",
    ]
    good = subprocess.run([*rio, "help", "E-CRS-02"], capture_output=True, text=True)
    bad = subprocess.run([*rio, "clpi"], capture_output=True, text=True)

    assert (0, run("help", "E-CRS-02").stdout) == (good.returncode, good.stdout)
    assert bad.returncode == 2
    assert "Did you mean 'clip'?" in bad.stderr
