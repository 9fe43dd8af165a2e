"""Read GeoParquet: its metadata first, then geometry as WKB or as nested lists of coordinates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from georoi.errors import ROIError
from georoi.io.vector.failures import translated
from georoi.io.vector.wkb import parse_wkb
from georoi.values.features import Features

LARGEST_UNPACKED = 1 << 32
"""Largest table that is read, in bytes unpacked."""
_NATIVE = {"polygon": 2, "multipolygon": 3}
"""GeoParquet 1.1's own encodings, with how deep their lists nest."""


def read_geoparquet(path: Path, name: str) -> tuple[Features, str | None, bool]:
    """Read a GeoParquet file.

    Returns:
        The features; the CRS as PROJJSON or code, None where it is not known; whether the file states it
        (a file that says nothing means WGS 84).

    Raises:
        ROIError: E-ROI-01 if it is broken, or Parquet without geometry.
    """
    with translated(name), pq.ParquetFile(path) as file:
        primary, column = _geometry_column(file, name)
        groups = range(file.metadata.num_row_groups)
        if sum(file.metadata.row_group(group).total_byte_size for group in groups) > LARGEST_UNPACKED:
            raise ROIError("E-ROI-01", f"{name} unpacks to more than {LARGEST_UNPACKED >> 30} GiB")
        table = file.read()
        geometry, unread, mended = _geometries(table.column(primary), column, name)
        covering = _covering(column)
        fields = [field for field in table.column_names if field not in (primary, covering)]
        attributes = {field: _to_numpy(table.column(field)) for field in fields}
        del table
    pa.default_memory_pool().release_unused()  # which else would stay taken, some times the file's size
    notes = ("its edges are great circles; they were taken as straight in its CRS",)
    features = Features(
        geometry=geometry,
        numbers=np.arange(len(geometry)),
        attributes=attributes,
        unread=unread,
        mended=mended,
        notes=notes if column.get("edges") == "spherical" else (),
    )
    crs = column.get("crs", "EPSG:4326")
    return features, crs if crs is None or isinstance(crs, str) else json.dumps(crs), "crs" in column


def _geometry_column(file: pq.ParquetFile, name: str) -> tuple[str, dict[str, Any]]:
    """Find the primary geometry column and its metadata."""
    stated = (file.schema_arrow.metadata or {}).get(b"geo")
    if stated is None:
        raise ROIError(
            "E-ROI-01", f"{name} is Parquet without geometry", hint="write it with GeoDataFrame.to_parquet"
        )
    geo = json.loads(stated)
    columns = geo.get("columns") if isinstance(geo, dict) else None
    primary = geo.get("primary_column", "geometry") if isinstance(geo, dict) else None
    column = columns.get(primary) if isinstance(columns, dict) else None
    names = file.schema_arrow.names
    if not isinstance(column, dict) or not isinstance(primary, str) or primary not in names:
        raise ROIError(
            "E-ROI-01",
            f"the metadata of {name} names a geometry column that is not there",
            hint="write it with GeoDataFrame.to_parquet",
        )
    return primary, column


def _covering(column: dict[str, Any]) -> str | None:
    """Name the column of bounding boxes, which is no attribute."""
    try:
        return str(column["covering"]["bbox"]["xmin"][0])
    except (KeyError, TypeError, IndexError):
        return None


def _geometries(
    values: pa.ChunkedArray, column: dict[str, Any], name: str
) -> tuple[NDArray[np.object_], dict[int, str], dict[int, str]]:
    encoding = str(column.get("encoding", "WKB"))
    if encoding.lower() in _NATIVE:
        return _native(values, _NATIVE[encoding.lower()]), {}, {}
    binary = pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type)
    if encoding != "WKB" or not binary:
        raise ROIError(
            "E-ROI-01", f"{name} encodes its geometry as {encoding} {values.type}, which georoi cannot read"
        )
    blobs = np.empty(len(values), dtype=object)
    blobs[:] = values.to_pylist()
    return parse_wkb(blobs, np.arange(len(blobs)))


def _native(values: pa.ChunkedArray, depth: int) -> NDArray[np.object_]:
    """Build polygons of lists of rings of vertices (x, y), or multipolygons of lists of those."""
    array = values.combine_chunks()
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    known = np.asarray(array.is_valid())
    array = array.filter(array.is_valid())
    offsets = []
    for _ in range(depth):
        starts = np.asarray(array.offsets, dtype=np.int64)
        offsets.append(starts - starts[0])
        array = array.flatten()
    points = np.column_stack([np.asarray(array.field(axis), dtype=np.float64) for axis in ("x", "y")])
    kind = shapely.GeometryType.POLYGON if depth == 2 else shapely.GeometryType.MULTIPOLYGON
    geometry = np.empty(len(known), dtype=object)
    geometry[known] = shapely.from_ragged_array(kind, points, tuple(reversed(offsets)))
    return geometry


def _to_numpy(column: pa.ChunkedArray) -> NDArray[Any]:
    if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
        values = np.empty(len(column), dtype=object)
        values[:] = column.to_pylist()
        return values
    if column.null_count and pa.types.is_integer(column.type):
        return np.array(column.to_pylist(), dtype=object)  # as float64, numbers above 2^53 would change
    return np.asarray(column.to_pandas().to_numpy())
