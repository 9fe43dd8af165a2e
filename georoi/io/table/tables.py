"""Write a table in the format that its name tells, whole or not at all, with what it was made from."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.compute as pc
import shapely

from georoi.errors import OutputError
from georoi.io.output.commit import Output
from georoi.io.output.spec import Written
from georoi.io.table.cells import dump, plain_json
from georoi.io.table.content import Content, take_content
from georoi.io.table.degrees import to_degrees
from georoi.io.table.failures import translated
from georoi.io.table.formats import SIDECARS, TEXTS, check_table, named_format, refuse_option, sidecar_path
from georoi.io.table.lines import GeoJSONCollection, JSONLines
from georoi.io.table.parquet import encode_parquet, slices
from georoi.io.table.separated import CSVRows
from georoi.io.table.sinks import FileSink, Sink, TextSink
from georoi.values.naming import some

_BATCH = 1 << 12
"""Rows that are held as text at a time."""


@dataclass(frozen=True, kw_only=True)
class WrittenTable(Written):
    """A table that was written."""

    rows: int
    sidecar: Path | None = None
    """The file beside it that holds its provenance, where the format holds none."""


def write_table(
    frame: Any,
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    overwrite: bool = False,
    metadata: Mapping[str, Any] | None = None,
    layer: str | None = None,
    style: bool | str = True,
    wkt: bool = False,
) -> WrittenTable:
    """Write a DataFrame or GeoDataFrame; the same table gives the same bytes.

    Named index levels become columns. What a format cannot hold is changed in a stated way (lists become JSON
    text outside Parquet and JSON, for example), and a note tells each change.

    Args:
        frame: The table; geometry is that of the active geometry column.
        path: The output: .parquet, .gpkg, .fgb, .csv, .geojson, .geojsonl or .ndjson.
        format: One of `georoi.io.table.formats.FORMATS`, in any case; None to go by the path.
        overwrite: Whether an existing output may be replaced.
        metadata: Provenance, as plain JSON values: it goes into Parquet and GPKG, and for other formats into
            a file beside the output, `NAME.georoi.json`, with the SHA-256 of the table.
        layer: Name of the layer of a GPKG; None for the name of the file.
        style: Whether a GPKG gets a QGIS style, coloured by the first statistic; a name for another column.
            The style is a table beside the layer, so readers that warn of several layers want its name.
        wkt: Whether a CSV gets the geometry as WKT, in its column.

    Raises:
        OutputExistsError: E-OUT-01.
        OutputError: E-OUT-02, E-OUT-03, E-OUT-05; E-OUT-04 if the format does not hold the table.
        UsageError: E-USE-01 for an option that is not the format's.
        CRSError: E-CRS-06 where GeoJSON is asked for and no way to WGS 84 is known.
        MemoryBudgetError: E-MEM-01.
    """
    has_metadata = bool(metadata)
    found = check_table(path, format=format, overwrite=overwrite, sidecar=has_metadata)
    _check_options(found, layer=layer, wkt=wkt)
    target = Path(os.fspath(path))
    said = plain_json(metadata or {})
    with open_outputs(target, found, overwrite=overwrite, sidecar=has_metadata) as outputs:
        with translated(target):
            content = take_content(frame)
            sink = outputs.sink
            if found == "Parquet":
                notes = encode_parquet(sink, content, said)
            elif found in TEXTS:
                notes = _encode_text(sink, content, found, wkt=wkt)
            else:
                with outputs.table.scratch() as scratch:
                    notes = _encode_layer(sink, content, found, said, scratch, target, layer, style)
        if not has_metadata and found in SIDECARS and sidecar_path(target).exists():
            notes += (f"{sidecar_path(target).name} beside it tells of an older table",)
        return outputs.commit(len(content), said, (*content.notes, *notes))


def print_table(
    frame: Any, stream: TextIO, *, format: str = "GeoJSONSeq", wkt: bool = False
) -> tuple[str, ...]:
    """Write a table to a stream of text, such as stdout, a few thousand rows at a time.

    Args:
        frame: The table.
        stream: Where it goes; a stream with a binary `buffer` gets UTF-8, whatever its encoding.
        format: CSV, GeoJSON, GeoJSONSeq or NDJSON.
        wkt: Whether CSV gets the geometry as WKT.

    Returns:
        Notes for the user, which are not part of the data.

    Raises:
        OutputError: E-OUT-04; E-OUT-03 if the stream cannot be written to.
        BrokenPipeError: If the reader has gone.
    """
    found = named_format(format, TEXTS)
    _check_options(found, layer=None, wkt=wkt)
    with translated(Path("stdout")):
        content = take_content(frame)
        sink = TextSink(stream)
        notes = _encode_text(sink, content, found, wkt=wkt)
        sink.flush()
    return (*content.notes, *notes)


class Outputs:
    """A table under way and, where it has one, its sidecar; use `open_outputs`."""

    def __init__(self, table: Output, sidecar: Output | None, format: str) -> None:
        self.table = table
        self.sink = FileSink(table, hashed=sidecar is not None)
        self._sidecar = sidecar
        self._format = format

    def commit(self, rows: int, metadata: Mapping[str, Any], notes: tuple[str, ...]) -> WrittenTable:
        """Let both appear, the table first; all bytes of both are written before either appears."""
        if self._sidecar is not None:
            self._sidecar.write(_sidecar_text(self.table.path, self.sink.sha256, metadata))
        written = self.table.commit(self._format, notes=notes)
        beside = None if self._sidecar is None else self._sidecar.commit("JSON").path
        return WrittenTable(
            path=written.path,
            format=written.format,
            bytes=written.bytes,
            sha256=written.sha256,
            notes=written.notes,
            rows=rows,
            sidecar=beside,
        )


@contextlib.contextmanager
def open_outputs(target: Path, format: str, *, overwrite: bool, sidecar: bool) -> Iterator[Outputs]:
    """Claim a table, and its sidecar where there is one.

    Raises:
        OutputExistsError: E-OUT-01.
        OutputError: E-OUT-02, E-OUT-05.
    """
    with contextlib.ExitStack() as stack:
        table = stack.enter_context(Output(target, overwrite=overwrite))
        beside = None
        if sidecar and format in SIDECARS:
            beside = stack.enter_context(Output(sidecar_path(target), overwrite=overwrite))
        yield Outputs(table, beside, format)


def _check_options(format: str, *, layer: str | None, wkt: bool) -> None:
    if layer is not None and format != "GPKG":
        raise refuse_option(format, "layer=", ("GPKG",))
    if wkt and format != "CSV":
        raise refuse_option(format, "wkt=", ("CSV",))


def _encode_layer(
    sink: FileSink,
    content: Content,
    format: str,
    metadata: Mapping[str, Any],
    scratch: Path,
    target: Path,
    layer: str | None,
    style: bool | str,
) -> tuple[str, ...]:
    from georoi.io.table.geopackage import encode_geopackage, layer_name

    name = layer_name(target, layer)
    if format == "GPKG":
        return encode_geopackage(sink, content, metadata, scratch=scratch, layer=name, style=style)
    from georoi.io.table.flatgeobuf import encode_flatgeobuf

    return encode_flatgeobuf(sink, content, scratch=scratch, layer=name)


def _encode_text(sink: Sink, content: Content, format: str, *, wkt: bool) -> tuple[str, ...]:
    if format == "CSV":
        return _encode_csv(sink, content, wkt=wkt)
    if content.geometry is None and format == "NDJSON":
        return _encode_objects(sink, content)
    if content.geometry is None:
        raise OutputError(
            "E-OUT-04",
            f"{format} holds features, and the table has no geometry",
            hint="write NDJSON, CSV or Parquet",
        )
    rows = GeoJSONCollection(sink) if format == "GeoJSON" else JSONLines(sink)
    geometry, notes = to_degrees(content.geometry, content.crs)
    notes += _infinite(content)
    for start, stop in slices(len(content), _BATCH):
        rows.append(content.attributes.slice(start, stop - start), geometry[start:stop])
    return (*notes, *rows.finish())


def _encode_objects(sink: Sink, content: Content) -> tuple[str, ...]:
    rows = JSONLines(sink)
    for start, stop in slices(len(content), _BATCH):
        rows.append(content.attributes.slice(start, stop - start))
    return (*_infinite(content), *rows.finish())


def _infinite(content: Content) -> tuple[str, ...]:
    """Name the columns of numbers that are infinite somewhere, for which JSON has no word."""
    columns = zip(content.attributes.column_names, content.attributes.columns, strict=True)
    names = [
        name
        for name, column in columns
        if pa.types.is_floating(column.type) and pc.any(pc.is_inf(column)).as_py()
    ]
    return (f"infinite numbers became null in {some(names)}",) if names else ()


def _encode_csv(sink: Sink, content: Content, *, wkt: bool) -> tuple[str, ...]:
    if not content.attributes.num_columns and not wkt:
        raise OutputError(
            "E-OUT-04", "the table has no columns but geometry", hint="pass wkt=True, or write GeoParquet"
        )
    rows = CSVRows(sink)
    for start, stop in slices(len(content), _BATCH):
        table = content.attributes.slice(start, stop - start)
        if wkt and content.geometry is not None:
            texts = shapely.to_wkt(content.geometry[start:stop], rounding_precision=-1)
            names = [*table.column_names, content.geometry_name]
            table = pa.table([*table.columns, pa.array(texts, pa.string())], names=names)
        rows.append(table)
    notes = ["the geometry was left out"] if content.geometry is not None and not wkt else []
    nested = [field.name for field in content.attributes.schema if pa.types.is_nested(field.type)]
    if nested:
        notes.append(f"lists became JSON text in {some(nested)}")
    return (*notes, *rows.finish())


def _sidecar_text(table: Path, sha256: str, metadata: Mapping[str, Any]) -> bytes:
    return (dump({"table": table.name, "sha256": sha256, "georoi": metadata}) + "\n").encode("utf-8")
