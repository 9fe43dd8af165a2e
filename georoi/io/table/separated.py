"""Encode rows as CSV: RFC 4180, UTF-8, numbers with all their digits, nulls empty, no formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import pyarrow as pa

from georoi.io.table.cells import Cell, csv_values, is_text
from georoi.io.table.sinks import Sink
from georoi.wording import say_count

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet run a cell."""


class CSVRows:
    """Rows appended to a sink as CSV, with a header before the first.

    Text that a spreadsheet would run as a formula gets a ' in front, unless it is a number; the notes of
    `finish` say how many cells did.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._buffer = io.StringIO(newline="")
        self._rows = csv.writer(self._buffer, lineterminator="\r\n")
        self._has_header = False
        self._guarded = 0

    def append(self, table: pa.Table) -> None:
        """Append rows; all tables have the same columns."""
        if not self._has_header:
            self._has_header = True
            self._rows.writerow(self._guard(table.column_names))
        columns: list[Sequence[Cell]] = []
        for column in table.columns:
            values = csv_values(column)
            columns.append(self._guard(values) if _may_be_formula(column.type) else values)
        self._rows.writerows(zip(*columns, strict=True))
        self._sink.write(self._buffer.getvalue().encode("utf-8"))
        self._buffer.seek(0)
        self._buffer.truncate()

    def finish(self) -> tuple[str, ...]:
        """Give what the user should know."""
        if not self._guarded:
            return ()
        cells = say_count(self._guarded, "cell")
        return (f"{cells} would be run as a formula by a spreadsheet and got a ' in front",)

    def _guard(self, values: Sequence[Cell]) -> list[Cell]:
        guarded: list[Cell] = []
        for value in values:
            is_formula = isinstance(value, str) and value.startswith(_FORMULA) and not _is_number(value)
            self._guarded += is_formula
            guarded.append(f"'{value}" if is_formula else value)
        return guarded


def _may_be_formula(kind: pa.DataType) -> bool:
    return is_text(kind) or pa.types.is_nested(kind)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
