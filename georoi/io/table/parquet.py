"""Encode tables as Parquet and GeoParquet 1.1, row group by row group: WKB, bounding boxes, provenance."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from georoi.crs.parsing import CRS
from georoi.io.table.cells import dump
from georoi.io.table.content import Content
from georoi.io.table.sinks import FileSink

ROWS_WITH_GEOMETRY = 1 << 16
"""Rows of a row group with geometry: what a reader that wants a small area has to fetch at least."""
ROWS = 1 << 17
"""Rows of a row group without."""
VERSION = "1.1.0"
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_BOX = pa.struct([(corner, pa.float64()) for corner in _CORNERS])
_TYPES = {
    0: "Point",
    1: "LineString",
    2: "LineString",
    3: "Polygon",
    4: "MultiPoint",
    5: "MultiLineString",
    6: "MultiPolygon",
    7: "GeometryCollection",
}
_SIDE = 1 << 16  # cells along each side of the square that the Hilbert curve fills


class RowGroups:
    """Row groups appended to a sink as a Parquet file, compressed with Zstandard.

    Use it as a context manager: leaving it by an exception writes nothing more.

    Args:
        sink: Where the bytes go.
        schema: The columns.
        keys: What the file says of itself, beside what the schema's metadata says.
    """

    def __init__(self, sink: FileSink, schema: pa.Schema, keys: Mapping[str, str]) -> None:
        self.schema = schema.with_metadata({**(schema.metadata or {}), **keys} or None)
        self._sink = sink
        self._writer = pq.ParquetWriter(sink, self.schema, compression="zstd")

    def __enter__(self) -> RowGroups:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._sink.abandon()
            with contextlib.suppress(Exception):  # what failed is on its way up already
                self._writer.close()

    def append(self, columns: Sequence[pa.ChunkedArray | pa.Array]) -> None:
        """Append one row group."""
        table = pa.table(list(columns), schema=self.schema)
        self._writer.write_table(table, row_group_size=max(table.num_rows, 1))

    def finish(self) -> None:
        """Write the footer."""
        self._writer.close()


def encode_parquet(sink: FileSink, content: Content, metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Write a table as Parquet; with geometry as GeoParquet 1.1, with a covering column of bounding boxes.

    Rows keep their order while they fit one row group. Where there are more, and geometry, they are sorted
    along a Hilbert curve, so that a reader fetches few row groups for an area; a note says so.

    Args:
        sink: Where the bytes go.
        content: The table.
        metadata: Provenance, for the key `georoi`; nothing is written if it is empty.

    Returns:
        Notes for the user.
    """
    keys = {"georoi": dump(metadata)} if metadata else {}
    if content.geometry is None:
        table = content.attributes
        with RowGroups(sink, table.schema, keys) as groups:
            for start, stop in slices(len(content), ROWS):
                groups.append(table.slice(start, stop - start).columns)
            groups.finish()
        return ()
    geometry, attributes = content.geometry, content.attributes
    notes: tuple[str, ...] = ()
    if len(content) > ROWS_WITH_GEOMETRY:
        order = hilbert_order(geometry)
        geometry, attributes = geometry[order], attributes.take(pa.array(order))
        notes = ("rows were put in an order that keeps neighbours together, for quick reading of an area",)
    covering = _free_name("bbox", content)
    fields = [pa.field(covering, _BOX), pa.field(content.geometry_name, pa.binary())]
    schema = pa.schema([*attributes.schema, *fields], metadata=attributes.schema.metadata)
    keys["geo"] = geo_metadata(content.geometry_name, _describe(geometry, content.crs, covering))
    with RowGroups(sink, schema, keys) as groups:
        for start, stop in slices(len(content), ROWS_WITH_GEOMETRY):
            shapes = geometry[start:stop]
            part = attributes.slice(start, stop - start).columns
            groups.append([*part, _boxes(shapes), to_wkb(shapes)])
        groups.finish()
    return notes


def slices(rows: int, size: int) -> Iterator[tuple[int, int]]:
    """Cut a number of rows into (start, stop) of at most `size`; one empty slice for no rows."""
    for start in range(0, max(rows, 1), size):
        yield start, min(start + size, rows)


def to_wkb(geometry: NDArray[np.object_]) -> pa.Array:
    """Encode geometries as ISO WKB, little-endian; None is null."""
    return pa.array(shapely.to_wkb(geometry, flavor="iso", byte_order=1), pa.binary())


def point_wkb(x: NDArray[np.float64], y: NDArray[np.float64]) -> pa.Array:
    """Encode points as WKB without making objects of them."""
    layout = np.dtype([("order", "u1"), ("type", "<u4"), ("x", "<f8"), ("y", "<f8")])
    points = np.empty(len(x), dtype=layout)
    points["order"], points["type"], points["x"], points["y"] = 1, 1, x, y
    offsets = np.arange(len(x) + 1, dtype=np.int32) * layout.itemsize
    return pa.Array.from_buffers(
        pa.binary(), len(x), [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(points.tobytes())]
    )


def geo_metadata(column: str, described: Mapping[str, Any]) -> str:
    """Write the value of the key `geo` for a file with one geometry column."""
    return dump({"version": VERSION, "primary_column": column, "columns": {column: dict(described)}})


def describe_crs(crs: CRS | None) -> Any:
    """Give a CRS as PROJJSON; None where it is not known, which a file must say, for silence means WGS 84."""
    return None if crs is None else crs.to_json_dict()


def hilbert_order(geometry: NDArray[np.object_]) -> NDArray[np.int64]:
    """Order geometries along a Hilbert curve through the centres of their bounds; those without come last.

    Geometries in one cell of the curve's 65,536 x 65,536 keep their order.
    """
    bounds = shapely.bounds(geometry)
    there = np.isfinite(bounds).all(axis=1)
    centres = (bounds[there, :2] + bounds[there, 2:]) / 2
    low = centres.min(axis=0, initial=np.inf)
    span = centres.max(axis=0, initial=-np.inf) - low
    cells = np.floor((centres - low) / np.where(span > 0, span, 1) * (_SIDE - 1)).astype(np.int64)
    place = np.full(len(geometry), np.iinfo(np.int64).max)
    place[there] = _hilbert(cells[:, 0], cells[:, 1])
    return np.argsort(place, kind="stable").astype(np.int64)


def _hilbert(x: NDArray[np.int64], y: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the distance along the curve, bit by bit from the highest, turning the square as it goes."""
    distance = np.zeros(len(x), dtype=np.int64)
    side = _SIDE // 2
    while side:
        right, upper = (x & side) > 0, (y & side) > 0
        distance += side * side * ((3 * right) ^ upper)
        turned = ~upper
        flipped = turned & right
        x, y = np.where(flipped, _SIDE - 1 - x, x), np.where(flipped, _SIDE - 1 - y, y)
        x, y = np.where(turned, y, x), np.where(turned, x, y)
        side //= 2
    return distance


def _free_name(name: str, content: Content) -> str:
    taken = {content.geometry_name, *content.attributes.column_names}
    while name in taken:
        name = "_" + name
    return name


def _boxes(geometry: NDArray[np.object_]) -> pa.Array:
    bounds = shapely.bounds(geometry)
    missing = pa.array(~np.isfinite(bounds).all(axis=1))
    corners = [pa.array(bounds[:, axis]) for axis in range(4)]
    return pa.StructArray.from_arrays(corners, fields=list(_BOX), mask=missing)


def _describe(geometry: NDArray[np.object_], crs: CRS | None, covering: str) -> dict[str, Any]:
    there = geometry[~shapely.is_missing(geometry)]
    solid = shapely.has_z(there)
    types = {
        _TYPES[int(kind)] + (" Z" if z else "")
        for kind, z in zip(shapely.get_type_id(there), solid, strict=True)
    }
    described: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": sorted(types),
        "crs": describe_crs(crs),
        "covering": {"bbox": {corner: [covering, corner] for corner in _CORNERS}},
    }
    bounds = [float(value) for value in shapely.total_bounds(there)] if len(there) else []
    if bounds and np.isfinite(bounds).all() and not solid.any():
        described["bbox"] = bounds
    return described
