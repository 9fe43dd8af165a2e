"""What a command says and where: data on stdout, talk on stderr, one JSON object with --json."""

from __future__ import annotations

import json
import math
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import click

import georoi
from georoi.cli.text import harmless_lines
from georoi.errors import GeoroiWarning

Command = TypeVar("Command", bound=Callable[..., Any])
_KEY = "georoi.console"


@dataclass
class Console:
    """The voice of one run; commands get it with `Console.of(ctx)`."""

    quiet: bool = False
    verbose: bool = False
    debug: bool = False
    json: bool = False
    command: str = ""
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, ctx: click.Context) -> Console:
        """Return the console of this run, shared by the group and its commands."""
        console = ctx.meta.setdefault(_KEY, cls())
        if not isinstance(console, cls):
            raise TypeError(f"{_KEY} holds {type(console).__name__}")
        return console

    def data(self, text: str) -> None:
        """Print data."""
        click.echo(text)

    def say(self, text: str) -> None:
        """Print talk, unless --quiet."""
        if not self.quiet:
            click.echo(harmless_lines(text), err=True)

    def note(self, text: str) -> None:
        """Print a note, and keep it for the JSON object."""
        self.notes.append(str(text))
        self.say(f"note: {text}")

    def result(self, payload: Mapping[str, Any], text: str | None = None) -> None:
        """Print the command's result: one JSON object with --json, otherwise `text` as data."""
        if self.json:
            self.data(self.envelope(payload))
        elif text:
            self.data(text)

    def envelope(self, payload: Mapping[str, Any], schema: str | None = None) -> str:
        """Make the JSON object: the version, the command, its schema, the payload, the notes."""
        head = {
            "georoi": georoi.__version__,
            "command": self.command,
            "schema": f"georoi.{schema or self.command}/1",
        }
        notes = {"notes": self.notes} if self.notes else {}
        return json.dumps(plain({**head, **payload, **notes}), indent=2, allow_nan=False, ensure_ascii=True)

    @property
    def shows_progress(self) -> bool:
        """Whether a progress bar may be drawn: stderr is a terminal and nobody asked for quiet."""
        return not self.quiet and sys.stderr.isatty()

    @contextmanager
    def hearing_warnings(self) -> Iterator[None]:
        """Turn georoi's warnings into notes; those of libraries are shown with -v only."""
        with warnings.catch_warnings():
            warnings.simplefilter("always", GeoroiWarning)
            warnings.showwarning = self._hear  # type: ignore[assignment]
            yield

    def _hear(self, message: Warning | str, category: type[Warning], *_where: object) -> None:
        if issubclass(category, GeoroiWarning):
            self.note(str(message))
        elif self.verbose:
            self.say(f"warning from a library: {category.__name__}: {message}")

    def paint(self, text: str, colour: str) -> str:
        """Colour text for stderr, on a terminal and without NO_COLOR."""
        if os.environ.get("NO_COLOR") or not sys.stderr.isatty():
            return text
        return click.style(text, fg=colour, bold=True)


def plain(value: Any) -> Any:
    """Make a value that JSON can hold: NumPy scalars become numbers, NaN and infinities null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _set(name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    def callback(ctx: click.Context, _param: click.Parameter, value: Any) -> Any:
        if value:
            setattr(Console.of(ctx), name, value)
        return value

    return callback


def talk_options(command: Command) -> Command:
    """Add -q, -v and --debug, which every command and the group itself understand."""
    for option in (
        click.option(
            "--debug", is_flag=True, expose_value=False, callback=_set("debug"), help="Show tracebacks."
        ),
        click.option(
            "-v",
            "--verbose",
            is_flag=True,
            expose_value=False,
            callback=_set("verbose"),
            help="Show the warnings of libraries, too.",
        ),
        click.option(
            "-q", "--quiet", is_flag=True, expose_value=False, callback=_set("quiet"), help="Say errors only."
        ),
    ):
        command = option(command)
    return command


def json_option(command: Command) -> Command:
    """Add --json."""
    return click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_set("json"),
        help="Print one JSON object.",
    )(command)
