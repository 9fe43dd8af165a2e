"""Write a table of any length batch by batch, in bounded memory: it appears whole when it is committed."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Protocol, TextIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from georoi.crs.parsing import CRS
from georoi.errors import OutputError
from georoi.io.table.cells import dump, plain_json
from georoi.io.table.failures import translated
from georoi.io.table.formats import STREAMS, check_table, named_format
from georoi.io.table.lines import JSONLines
from georoi.io.table.parquet import ROWS, RowGroups, describe_crs, geo_metadata, point_wkb
from georoi.io.table.separated import CSVRows
from georoi.io.table.sinks import FileSink, TextSink
from georoi.io.table.tables import Outputs, WrittenTable, open_outputs

Batch = Any  # pa.RecordBatch | pa.Table | Mapping[str, Any]: Arrow comes without types
"""Rows: Arrow, or arrays of one length by column name."""


class Points(NamedTuple):
    """Which columns are the coordinates of points, for GeoParquet."""

    x: str = "x"
    y: str = "y"
    crs: CRS | None = None
    """None where it is not known, and in pixel space."""
    name: str = "geometry"
    """Name of the geometry column that is added."""


class _Encoder(Protocol):
    def append(self, table: pa.Table) -> None: ...

    def finish(self) -> tuple[str, ...]: ...


class TableStream:
    """A table written in batches; it appears at its path on `commit`, and not at all without it.

    Batches are gathered into row groups of 131,072 rows, so that the bytes do not depend on how rows come in.
    Use it as a context manager.

    Args:
        path: The output: .parquet, .csv or .ndjson.
        format: Parquet, CSV or NDJSON; None to go by the path.
        overwrite: Whether an existing output may be replaced.
        metadata: Provenance, as in `write_table`.
        schema: Columns and their types; None to take them from the first batch.
        points: For Parquet: columns that hold coordinates, from which a geometry column is made.

    Raises:
        OutputExistsError: E-OUT-01.
        OutputError: E-OUT-02, E-OUT-05; E-OUT-04 for a format that is not written in batches.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        format: str | None = None,
        overwrite: bool = False,
        metadata: Mapping[str, Any] | None = None,
        schema: pa.Schema | None = None,
        points: Points | None = None,
    ) -> None:
        self._metadata = plain_json(metadata or {})
        found = check_table(path, format=format, overwrite=overwrite, sidecar=bool(metadata))
        self._format = named_format(found, STREAMS)
        if points is not None and self._format != "Parquet":
            raise OutputError("E-OUT-04", f"{self._format} holds no points; only Parquet does")
        self._target = Path(os.fspath(path))
        self._outputs_claim = open_outputs(
            self._target, self._format, overwrite=overwrite, sidecar=bool(metadata)
        )
        self._stack = contextlib.ExitStack()
        self._schema, self._points = schema, points
        self._outputs: Outputs | None = None
        self._encoder: _Encoder | None = None
        self._held: list[pa.Table] = []
        self._held_rows = self.rows = 0

    def __enter__(self) -> TableStream:
        self._outputs = self._stack.enter_context(self._outputs_claim)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._outputs is not None:
            self._outputs.sink.abandon()
        self._stack.__exit__(kind, error, trace)

    def append(self, batch: Batch) -> None:
        """Append rows.

        Args:
            batch: Columns as those of the first batch or of `schema`, in any order; types that are not the
                same are converted where nothing is lost. NaN is null.

        Raises:
            OutputError: E-OUT-03; E-OUT-04 if the columns are others.
        """
        with translated(self._target):
            table = self._fitted(batch)
            self._held.append(table)
            self._held_rows += table.num_rows
            self.rows += table.num_rows
            if self._held_rows >= ROWS:
                self._drain(whole=False)

    def commit(self, *, notes: tuple[str, ...] = ()) -> WrittenTable:
        """Write what is held, and let the table appear.

        Raises:
            OutputExistsError: E-OUT-01 if the output came to exist meanwhile.
            OutputError: E-OUT-03; E-INT-01 if the columns were never told.
        """
        outputs = self._open()
        with translated(self._target):
            self._drain(whole=True)
            encoder = self._start()
            said = encoder.finish()
        return outputs.commit(self.rows, self._metadata, (*notes, *said))

    def _open(self) -> Outputs:
        if self._outputs is None:
            raise OutputError("E-INT-01", "a table was used outside of its context")
        return self._outputs

    def _fitted(self, batch: Batch) -> pa.Table:
        table = _to_table(batch)
        if self._schema is None:
            self._schema = table.schema.remove_metadata()
        names = self._schema.names
        if sorted(table.column_names) != sorted(names):
            raise OutputError(
                "E-OUT-04",
                "a batch has other columns than the table",
                found={"batch": ", ".join(table.column_names), "table": ", ".join(names)},
            )
        return table.select(names).cast(self._schema)

    def _drain(self, *, whole: bool) -> None:
        """Encode full row groups, and with `whole` the rest too, or an empty one where there is nothing."""
        if self._schema is None:
            raise OutputError("E-INT-01", "a table without batches needs a schema")
        held = pa.concat_tables(self._held) if self._held else self._schema.empty_table()
        encoder, start = self._start(), 0
        while held.num_rows - start >= ROWS:
            encoder.append(held.slice(start, ROWS).combine_chunks())
            start += ROWS
        rest = held.slice(start)
        if whole and (rest.num_rows or not self.rows):
            encoder.append(rest.combine_chunks())
            rest = rest.slice(rest.num_rows)
        self._held = [rest] if rest.num_rows else []
        self._held_rows = rest.num_rows

    def _start(self) -> _Encoder:
        if self._encoder is None:
            sink = self._open().sink
            self._encoder = self._make_encoder(sink)
        return self._encoder

    def _make_encoder(self, sink: FileSink) -> _Encoder:
        if self._format == "CSV":
            return CSVRows(sink)
        if self._format == "NDJSON":
            return _Objects(sink)
        if self._schema is None:
            raise OutputError("E-INT-01", "a table without batches needs a schema")
        encoder = _ParquetPoints(sink, self._schema, self._points, self._metadata)
        self._stack.enter_context(encoder.groups)
        return encoder


def print_batches(
    batches: Iterable[pa.Table], schema: pa.Schema, stream: TextIO, *, format: str = "CSV"
) -> tuple[str, ...]:
    """Write batches to a stream of text, such as stdout, as they come.

    Args:
        batches: Tables of `schema`.
        schema: The columns; CSV gets its header even where there is no row.
        stream: Where they go.
        format: CSV or NDJSON.

    Returns:
        Notes for the user, which are not part of the data.

    Raises:
        OutputError: E-OUT-04; E-OUT-03 if the stream cannot be written to.
        BrokenPipeError: If the reader has gone.
    """
    found = named_format(format, ("CSV", "NDJSON"))
    sink = TextSink(stream)
    encoder: _Encoder = CSVRows(sink) if found == "CSV" else _Objects(sink)
    for batch in itertools.chain([schema.empty_table()], batches):
        with translated(Path("stdout")):
            encoder.append(batch)
    with translated(Path("stdout")):
        sink.flush()
    return encoder.finish()


class _Objects(JSONLines):
    def append(self, table: pa.Table, geometry: Any = None) -> None:
        super().append(table, None)


class _ParquetPoints:
    """Parquet row groups, with a column of points where there are coordinates."""

    def __init__(
        self, sink: FileSink, schema: pa.Schema, points: Points | None, metadata: Mapping[str, Any]
    ) -> None:
        keys = {"georoi": dump(metadata)} if metadata else {}
        if points is not None:
            _check_points(schema, points)
            schema = schema.append(pa.field(points.name, pa.binary()))
            described = {"encoding": "WKB", "geometry_types": ["Point"], "crs": describe_crs(points.crs)}
            keys["geo"] = geo_metadata(points.name, described)
        self._points = points
        self.groups = RowGroups(sink, schema, keys)

    def append(self, table: pa.Table) -> None:
        columns = list(table.columns)
        if self._points is not None:
            columns.append(point_wkb(_axis(table, self._points.x), _axis(table, self._points.y)))
        self.groups.append(columns)

    def finish(self) -> tuple[str, ...]:
        self.groups.finish()
        return ()


def _check_points(schema: pa.Schema, points: Points) -> None:
    missing = [name for name in (points.x, points.y) if name not in schema.names]
    if missing or points.name in schema.names:
        raise OutputError(
            "E-INT-01", f"points need columns {points.x} and {points.y}, and none called {points.name}"
        )


def _axis(table: pa.Table, name: str) -> NDArray[np.float64]:
    values = np.asarray(table.column(name).cast(pa.float64()), dtype=np.float64)
    if not np.isfinite(values).all():
        raise OutputError("E-OUT-04", f"column {name!r} holds coordinates that are missing or infinite")
    return values


def _to_table(batch: Batch) -> pa.Table:
    if isinstance(batch, pa.Table):
        return batch
    if isinstance(batch, pa.RecordBatch):
        return pa.Table.from_batches([batch])
    arrays = {
        str(name): values if isinstance(values, pa.Array) else pa.array(values, from_pandas=True)
        for name, values in batch.items()
    }
    return pa.table(arrays)
