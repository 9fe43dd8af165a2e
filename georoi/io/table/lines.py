"""Encode features as GeoJSON (RFC 7946) or as one JSON object a line, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from georoi.io.table.cells import dump, json_values
from georoi.io.table.sinks import Sink


class JSONLines:
    """Rows appended to a sink, each as one line: a plain object of its columns, or a Feature."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def append(self, table: pa.Table, geometry: NDArray[np.object_] | None = None) -> None:
        """Append rows.

        Args:
            table: Columns, all tables the same.
            geometry: Geometries in degrees or None, shape (rows,); None for plain objects.
        """
        texts = _objects(table) if geometry is None else _features(table, geometry)
        self._sink.write("".join(f"{text}\n" for text in texts).encode("utf-8"))

    def finish(self) -> tuple[str, ...]:
        """Give what the user should know: nothing."""
        return ()


class GeoJSONCollection:
    """Features appended to a sink as one FeatureCollection, one feature a line."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._begun = False

    def append(self, table: pa.Table, geometry: NDArray[np.object_]) -> None:
        """Append features; see `JSONLines.append`."""
        text = ",\n".join(_features(table, geometry))
        if text:
            self._sink.write((self._start() + text).encode("utf-8"))

    def finish(self) -> tuple[str, ...]:
        """Close the collection."""
        end = "\n]}\n" if self._begun else '{"type":"FeatureCollection","features":[]}\n'
        self._sink.write(end.encode("utf-8"))
        return ()

    def _start(self) -> str:
        if self._begun:
            return ",\n"
        self._begun = True
        return '{"type":"FeatureCollection","features":[\n'


def _objects(table: pa.Table) -> Iterator[str]:
    names = table.column_names
    for row in _rows(table):
        yield dump(dict(zip(names, row, strict=True)))


def _features(table: pa.Table, geometry: NDArray[np.object_]) -> Iterator[str]:
    names = table.column_names
    shapes = shapely.to_geojson(geometry)
    rows = _rows(table) if table.num_columns else iter([()] * len(shapes))  # no column has no rows
    for shape, row in zip(shapes, rows, strict=True):
        properties = dump(dict(zip(names, row, strict=True)))
        yield f'{{"type":"Feature","geometry":{shape or "null"},"properties":{properties}}}'


def _rows(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    return zip(*(json_values(column) for column in table.columns), strict=True)
