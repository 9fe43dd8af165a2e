"""How a run ends when something goes wrong: one message, one exit code, and no traceback unless asked."""

from __future__ import annotations

import errno
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import IO, Any

import click

import georoi
from georoi.cli.console import Console
from georoi.cli.text import harmless_lines
from georoi.errors import CATALOGUE, GeoroiError, MemoryBudgetError
from georoi.wording import printable

EXIT_CODES = {
    0: "done",
    1: "findings: the check found something",
    2: "usage: an option or argument is wrong",
    3: "input: a raster or ROI source is missing, unreadable or does not fit",
    4: "partial: some ROIs failed, the others are complete",
    5: "output exists, and --overwrite was not given",
    70: "internal error: a bug in georoi",
    130: "interrupted (Ctrl-C); nothing half-written is left",
    143: "terminated (SIGTERM); nothing half-written is left",
}
"""Every exit code and its meaning."""

_BUG = 70


class Failure(click.ClickException):
    """A failure as the user sees it; Click (ours or rio's) shows it and exits with its code."""

    def __init__(self, error: GeoroiError, console: Console, exit_code: int | None = None) -> None:
        super().__init__(error.rule)
        self.error = error
        self.console = console
        self.code = error.exit_code if exit_code is None else exit_code

    @property
    def exit_code(self) -> int:  # type: ignore[override]
        """The code that Click exits with."""
        return self.code

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message on stderr and, with --json, the error as a JSON object on stdout."""
        click.echo(render(self.error, self.console), err=True)
        if self.console.json:
            self.console.data(self.console.envelope({"error": _as_dict(self.error, self.code)}, "error"))


class Misuse(click.UsageError):
    """A usage error of Click's, in the form of our own."""

    def __init__(self, error: click.UsageError, console: Console) -> None:
        super().__init__(error.format_message(), error.ctx)
        self.console = console

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the usage line, the error and where help is."""
        hint = None
        if self.ctx is not None:
            click.echo(self.ctx.get_usage(), err=True)
            hint = f"'{self.ctx.command_path} --help' lists the options"
        error = GeoroiError("E-USE-01", self.message, hint=hint)
        click.echo(render(error, self.console), err=True)
        if self.console.json:
            self.console.data(self.console.envelope({"error": _as_dict(error, 2)}, "error"))


class Stopped(click.ClickException):
    """The run was stopped by a signal."""

    def __init__(self, word: str, exit_code: int) -> None:
        super().__init__(word)
        self.code = exit_code

    @property
    def exit_code(self) -> int:  # type: ignore[override]
        """The code that Click exits with."""
        return self.code

    def show(self, file: IO[Any] | None = None) -> None:
        """Say so."""
        click.echo(self.message, err=True)


class _Terminated(BaseException):
    """SIGTERM, as an exception, so that files in progress are cleaned up on the way out."""


@contextmanager
def ending_well(ctx: click.Context) -> Iterator[None]:
    """Run a command; whatever goes wrong in it leaves as an exception of Click's that knows its exit code."""
    console = Console.of(ctx)
    with _sigterm_raises(), console.hearing_warnings():
        try:
            yield
        except (Exception, KeyboardInterrupt, _Terminated) as error:
            outcome = _outcome(error, console)
            if outcome is error:
                raise
            if console.debug:
                traceback.print_exc(file=sys.stderr)
            raise outcome from error


def _outcome(error: BaseException, console: Console) -> BaseException:
    """Say what an exception becomes; one that Click ends well itself stays as it is."""
    if isinstance(error, click.UsageError):
        return error if _shows_help(error) else Misuse(error, console)
    if isinstance(error, click.exceptions.Exit | click.Abort | Failure | Stopped) or _pipe_closed(error):
        return error
    if isinstance(error, GeoroiError):
        return Failure(error, console)
    if isinstance(error, click.ClickException):
        hint = "'georoi help' lists the commands, and 'georoi COMMAND --help' the options of one"
        return Failure(GeoroiError("E-USE-01", error.format_message(), hint=hint), console, 2)
    if isinstance(error, MemoryError):
        return Failure(_out_of_memory(), console)
    if isinstance(error, KeyboardInterrupt):
        return Stopped("interrupted", 130)
    if isinstance(error, _Terminated):
        return Stopped("terminated", 143)
    return Failure(_bug(error), console, _BUG)


def render(error: GeoroiError, console: Console) -> str:
    """Write an error as text: id and rule, what was found, the hint, where more is.

    Example:
        error[E-CRS-02]: the ROIs do not overlap the raster
          rois:   stands.geojson (15 ROIs, EPSG:4326)
          raster: scene.tif (EPSG:32633)
          hint:   pass --rois-crs if the file's CRS is wrong
          more:   georoi help E-CRS-02
    """
    head = console.paint(f"error[{error.id}]", "red")
    parts = [(name, text) for name, text in error.found.items()]
    if error.hint:
        parts.append(("hint", error.hint))
    parts.append(("more", f"georoi help {error.id}"))
    width = max(len(name) for name, _ in parts) + 1
    lines = [f"{head}: {harmless_lines(error.rule)}"]
    indent = "\n" + " " * (width + 3)
    for name, text in parts:
        lines.append(f"  {printable(name) + ':':<{width}} {harmless_lines(text).replace(chr(10), indent)}")
    return "\n".join(lines)


def _as_dict(error: GeoroiError, exit_code: int) -> dict[str, Any]:
    return {
        "id": error.id,
        "rule": error.rule,
        "found": error.found,
        "hint": error.hint,
        "meaning": CATALOGUE[error.id],
        "exit_code": exit_code,
    }


def _shows_help(error: click.UsageError) -> bool:
    return type(error).__name__ == "NoArgsIsHelpError"


def _out_of_memory() -> GeoroiError:
    return MemoryBudgetError(
        "E-MEM-01",
        "memory ran out",
        hint="'georoi plan' says what a job needs; fewer --threads need less",
    )


def _pipe_closed(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno == errno.EPIPE


def _bug(error: BaseException) -> GeoroiError:
    """Save the traceback in the temp folder and make the message that names it."""
    text = "".join(traceback.format_exception(error))
    found = {"what": f"{type(error).__name__}: {error}" if str(error) else type(error).__name__}
    try:
        handle, path = tempfile.mkstemp(prefix="georoi-traceback-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"georoi {georoi.__version__}, Python {sys.version}\n{text}")
        found["traceback"] = path
    except OSError as problem:
        found["traceback"] = f"could not be saved ({problem}); --debug prints it"
    return GeoroiError("E-INT-01", "this is a bug in georoi", found=found, hint="--debug shows the traceback")


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def raise_terminated(_signal: int, _frame: FrameType | None) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, raise_terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
