"""Fit columns, names and geometry to what GDAL's vector formats hold, and hand them over batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from georoi.io.table.cells import dump, is_text, json_values
from georoi.io.table.content import Content
from georoi.io.table.parquet import slices, to_wkb
from georoi.values.naming import plain, some

_BATCH = 1 << 16
_MULTI = {
    shapely.GeometryType.POINT: shapely.GeometryType.MULTIPOINT,
    shapely.GeometryType.LINESTRING: shapely.GeometryType.MULTILINESTRING,
    shapely.GeometryType.POLYGON: shapely.GeometryType.MULTIPOLYGON,
}
_TYPES = {
    shapely.GeometryType.POINT: "Point",
    shapely.GeometryType.LINESTRING: "LineString",
    shapely.GeometryType.POLYGON: "Polygon",
    shapely.GeometryType.MULTIPOINT: "MultiPoint",
    shapely.GeometryType.MULTILINESTRING: "MultiLineString",
    shapely.GeometryType.MULTIPOLYGON: "MultiPolygon",
    shapely.GeometryType.GEOMETRYCOLLECTION: "GeometryCollection",
}
_NUL = "\0"


@dataclass(frozen=True, kw_only=True)
class Holds:
    """Kinds of columns that a format holds as they are, besides numbers, truth values and text."""

    dates: bool
    zones: bool
    """Times that are in a time zone."""
    blobs: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class Layer:
    """A layer for GDAL: names that differ in more than case, columns that it holds, one kind of geometry."""

    rows: int
    attributes: pa.Table
    geometry: NDArray[np.object_] | None
    geometry_name: str
    """Name of the geometry column, which is no name of another."""
    geometry_type: str | None
    """As OGR has it, such as "MultiPolygon"; "Unknown" for mixed ones; None for a table."""
    fid: str
    """Name for the column of feature numbers, which is no name of another."""
    crs: str | None
    notes: tuple[str, ...]

    def reader(self) -> pa.RecordBatchReader:
        """Give the rows as a stream of Arrow batches, geometry as WKB last."""
        schema = self.attributes.schema.remove_metadata()
        if self.geometry is not None:
            schema = schema.append(pa.field(self.geometry_name, pa.binary()))
        return pa.RecordBatchReader.from_batches(schema, self._batches(schema))

    def _batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        for start, stop in slices(self.rows, _BATCH):
            columns = list(self.attributes.slice(start, stop - start).columns)
            if self.geometry is not None:
                columns.append(to_wkb(self.geometry[start:stop]))
            yield from pa.table(columns, schema=schema).combine_chunks().to_batches()


def make_layer(content: Content, holds: Holds) -> Layer:
    """Fit a table to a format.

    Lists and other nested values become JSON text, decimals floats, durations and times of day text, unsigned
    64-bit integers signed ones or text; times are cut to milliseconds, those in a time zone are in UTC.
    Polygons beside multipolygons become multipolygons.
    """
    notes: list[str] = []
    table = _unlike_names(content.attributes, notes)
    columns = [
        _Fitting(name, holds, notes).fit(column)
        for name, column in zip(table.column_names, table.columns, strict=True)
    ]
    table = pa.table(columns, names=table.column_names) if columns else table
    taken = {name.lower() for name in table.column_names}
    geometry, kind = content.geometry, None
    if geometry is not None:
        geometry, kind = _one_kind(geometry, notes)
    return Layer(
        rows=len(content),
        attributes=table,
        geometry=geometry,
        geometry_name=_free(("geom", "geometry", "shape", "the_geom"), taken),
        geometry_type=kind,
        fid=_free(("fid", "ogc_fid", "feature_number", "gpkg_fid"), taken),
        crs=_code(content.crs),
        notes=tuple(notes),
    )


def _unlike_names(table: pa.Table, notes: list[str]) -> pa.Table:
    """Number names that are empty, hold a NUL, or differ from an earlier one in case only."""
    taken: set[str] = set()
    names, renamed = [], []
    for name in table.column_names:
        wanted = name.replace(_NUL, "") or "unnamed"
        new, number = wanted, 1
        while new.lower() in taken:
            number += 1
            new = f"{wanted}_{number}"
        taken.add(new.lower())
        names.append(new)
        if new != name:
            renamed.append(f"{plain(name, 60)!r} is now {plain(new, 60)!r}")
    if renamed:
        notes.append(f"the format does not tell such column names apart: {some(renamed)}")
    return table.rename_columns(names)


class _Fitting:
    """How one column comes to be held by a format; what it loses is noted."""

    def __init__(self, name: str, holds: Holds, notes: list[str]) -> None:
        self._name, self._holds, self._notes = name, holds, notes

    def fit(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        kind, types = column.type, pa.types
        if types.is_boolean(kind) or types.is_float32(kind) or types.is_float64(kind):
            return column
        if is_text(kind):
            return self._text(column.cast(pa.large_string() if types.is_large_string(kind) else pa.string()))
        if types.is_integer(kind):
            return self._integer(column)
        if types.is_timestamp(kind) and (kind.tz is None or self._holds.zones):
            return self._time(column)
        if (types.is_date32(kind) and self._holds.dates) or (types.is_binary(kind) and self._holds.blobs):
            return column
        if types.is_decimal(kind):
            self._say("holds decimals, which became floating point numbers")
            return column.cast(pa.float64())
        return self._as_text(column)

    def _integer(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        if not pa.types.is_uint64(column.type):
            return column
        largest = pc.max(column).as_py()
        if largest is None or largest < 2**63:
            return column.cast(pa.int64())
        self._say("holds whole numbers beyond 64 bits with sign, which became text")
        return column.cast(pa.string())

    def _time(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        kind = pa.timestamp("ms", None if column.type.tz is None else "UTC")
        cut = column.cast(kind, safe=False)
        if not cut.cast(column.type, safe=False).equals(column):
            self._say("has times finer than a millisecond, which were cut")
        return cut

    def _text(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        if not pc.any(pc.match_substring(column, _NUL)).as_py():
            return column
        self._say("has NUL characters, which were taken out")
        return pc.replace_substring(column, _NUL, "")

    def _as_text(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        nested = pa.types.is_nested(column.type)
        if not pa.types.is_null(column.type):
            self._say("holds lists, which became JSON text" if nested else _became(column.type))
        write: Callable[[Any], str] = dump if nested else str
        texts = [None if value is None else write(value) for value in json_values(column)]
        return pa.chunked_array([pa.array(texts, pa.string())])

    def _say(self, what: str) -> None:
        self._notes.append(f"column {plain(self._name, 60)!r} {what}")


def _became(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return "became text as ISO 8601: the format has no type for it"
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return "holds bytes, which became base64 text"
    return "became text: the format has no type for it"


def _one_kind(geometry: NDArray[np.object_], notes: list[str]) -> tuple[NDArray[np.object_], str]:
    """Give geometries as one kind where they are of one family, and its name."""
    there = ~shapely.is_missing(geometry)
    kinds: set[int] = {int(kind) for kind in np.unique(shapely.get_type_id(geometry[there]))}
    if np.unique(shapely.has_z(geometry[there])).size > 1:
        return geometry, "Unknown"
    for single, multi in _MULTI.items():
        if kinds == {int(single), int(multi)}:
            geometry = geometry.copy()
            chosen = shapely.get_type_id(geometry) == int(single)
            geometry[chosen] = _gathered(geometry[chosen], multi)
            notes.append(f"every {_TYPES[single]} became a {_TYPES[multi]} of one, as a layer has one kind")
            kinds = {int(multi)}
    if len(kinds) != 1:
        return geometry, "Unknown"
    suffix = " Z" if shapely.has_z(geometry[there]).any() else ""
    kind = _TYPES.get(shapely.GeometryType(kinds.pop()), "Unknown")
    return geometry, kind + suffix if kind != "Unknown" else kind


def _gathered(parts: NDArray[np.object_], kind: shapely.GeometryType) -> NDArray[np.object_]:
    """Make a collection of one of every geometry; an empty one stays empty."""
    make: Mapping[shapely.GeometryType, Any] = {
        shapely.GeometryType.MULTIPOINT: shapely.multipoints,
        shapely.GeometryType.MULTILINESTRING: shapely.multilinestrings,
        shapely.GeometryType.MULTIPOLYGON: shapely.multipolygons,
    }
    gathered: NDArray[np.object_] = make[kind](parts, indices=np.arange(len(parts)))
    return gathered


def _free(names: tuple[str, ...], taken: set[str]) -> str:
    for name in names:
        if name not in taken:
            return name
    return next(f"{names[0]}_{number}" for number in range(2, 10_000) if f"{names[0]}_{number}" not in taken)


def _code(crs: Any) -> str | None:
    if crs is None:
        return None
    authority = crs.to_authority(min_confidence=100)
    return ":".join(authority) if authority else str(crs.to_wkt())
