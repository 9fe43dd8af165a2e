"""Where a table goes: options, checks, and stdout or a file."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import click

from georoi.cli.console import Console
from georoi.cli.options import stacked
from georoi.wording import say_bytes, say_count

STDOUT_FORMATS = ("CSV", "GeoJSON", "GeoJSONSeq", "NDJSON")


@dataclass(frozen=True, kw_only=True)
class TableChoice:
    """Which table is made, and where it goes."""

    out: str | None
    of: str | None
    overwrite: bool
    include_field: tuple[str, ...] = ()

    @property
    def is_stdout(self) -> bool:
        """Whether the table goes to stdout."""
        return self.out in (None, "-")

    def check(self, inputs: Iterable[str | None]) -> None:
        """Refuse an output that is an input, exists, or is of no known format, before anything is read.

        Raises:
            UsageError: E-USE-01 for an input; E-OUT-04 with exit code 2, since the command line is wrong.
            OutputExistsError: E-OUT-01.
        """
        from georoi.errors import OutputError, OutputExistsError, UsageError
        from georoi.io.table.formats import check_table

        if self.out is None or self.is_stdout:
            if self.of is not None and self.of.casefold() not in map(str.casefold, STDOUT_FORMATS):
                raise click.UsageError(f"stdout takes {', '.join(STDOUT_FORMATS)}, not {self.of}")
            return
        try:
            check_table(self.out, format=self.of, overwrite=self.overwrite, inputs=list(filter(None, inputs)))
        except OutputExistsError:
            raise
        except OutputError as error:
            if error.id != "E-OUT-04":
                raise
            raise UsageError(error.id, error.rule, found=error.found, hint=error.hint) from None

    def fields(self) -> Any:
        """Give the attributes to keep, as `include=` takes them: None for the verb's own choice."""
        if not self.include_field:
            return None
        names = [name for name in self.include_field if name not in ("ALL", "NONE")]
        return True if "ALL" in self.include_field else names


output_table_options = stacked(
    click.option(
        "-o",
        "--output",
        "out",
        metavar="OUT",
        help="The table: .parquet, .gpkg, .fgb, .csv, .geojson, .geojsonl or .ndjson; stdout otherwise.",
    ),
    click.option("--of", "-f", "of", metavar="FORMAT", help="The format, whatever OUT is called."),
    click.option("--overwrite", is_flag=True, help="Replace an output that exists."),
)

table_options = stacked(
    output_table_options,
    click.option(
        "--include-field",
        multiple=True,
        metavar="FIELD",
        help="An attribute to keep; repeat for more, ALL or NONE.",
    ),
)


def print_or_write(console: Console, frame: Any, choice: TableChoice) -> None:
    """Write a table to its file, or to stdout as text."""
    from georoi.io.table.tables import print_table, write_table

    for note in frame.attrs.get("notes", ()):
        console.note(note)
    if choice.out is None or choice.is_stdout:
        if console.json:
            console.result({"rows": len(frame), "table": _rows(frame)})
            return
        for note in print_table(frame, sys.stdout, format=choice.of or "CSV"):
            console.note(note)
        return
    written = write_table(
        frame,
        choice.out,
        format=choice.of,
        overwrite=choice.overwrite,
        metadata=frame.attrs.get("georoi"),
    )
    for note in written.notes:
        console.note(note)
    console.say(f"{say_count(written.rows, 'row')} | {written.path} | {say_bytes(written.bytes)}")
    output = {
        "path": str(written.path),
        "format": written.format,
        "bytes": written.bytes,
        "sha256": written.sha256,
    }
    console.result({"rows": written.rows, "outputs": [output]})


def _rows(frame: Any) -> list[dict[str, Any]]:
    """Give the rows as values for JSON, without geometry."""
    geometry = getattr(frame, "_geometry_column_name", None)
    plain = frame.drop(columns=[geometry]) if geometry in frame else frame
    if plain.index.name is not None:
        plain = plain.reset_index()
    rows: list[dict[str, Any]] = plain.astype(object).where(plain.notna(), None).to_dict("records")
    return rows
