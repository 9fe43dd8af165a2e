"""Encode a table as FlatGeobuf, made by GDAL in private scratch and walked through before it is copied."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import shapely

from georoi.errors import OutputError
from georoi.io.table.content import Content
from georoi.io.table.geopackage import write_layer
from georoi.io.table.layer import Holds, make_layer
from georoi.io.table.sinks import FileSink

_HOLDS = Holds(dates=False, zones=False, blobs=False)
_MAGIC = b"fgb\x03fgb"
_NODE = 40  # bytes of a node of the index: a box of four doubles and an offset
_BRANCHES = 16


def encode_flatgeobuf(sink: FileSink, content: Content, *, scratch: Path, layer: str) -> tuple[str, ...]:
    """Write a table as FlatGeobuf with a spatial index, which puts the rows in the order of a Hilbert curve.

    Where a row has no geometry, or an empty one, there is no index, since GDAL leaves such rows out of
    indexed files.

    Raises:
        OutputError: E-OUT-04 for a table without geometry; E-OUT-03 if the file is not whole.
    """
    if content.geometry is None:
        raise OutputError(
            "E-OUT-04", "FlatGeobuf holds geometry, and the table has none", hint="write Parquet or CSV"
        )
    made = make_layer(content, _HOLDS)
    bare = shapely.is_missing(content.geometry) | shapely.is_empty(content.geometry)
    indexed = bool(len(content)) and not bool(np.any(bare))
    path = scratch / "table.fgb"
    write_layer(path, "FlatGeobuf", made, layer=layer, metadata={}, SPATIAL_INDEX="YES" if indexed else "NO")
    _check(path, len(content), indexed=indexed)
    sink.copy(path)
    if indexed and len(content) > 1:
        return (*made.notes, "rows are in the order of the spatial index")
    if len(content):
        return (*made.notes, "there is no spatial index, since rows without geometry would be lost from it")
    return made.notes


def _check(path: Path, rows: int, *, indexed: bool) -> None:
    """Walk the features by their sizes: a write that failed unsaid leaves a hole or a short end."""
    found = 0
    end = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        at = 12 + struct.unpack("<I", head[8:12])[0] if head[:7] == _MAGIC else end + 1
        at += _index_size(rows) if indexed else 0
        while at < end:
            file.seek(at)
            size = struct.unpack("<I", file.read(4).ljust(4, b"\0"))[0]
            if not size:
                break
            at += 4 + size
            found += 1
    if found != rows or at != end:
        raise OutputError(
            "E-OUT-03",
            "the FlatGeobuf is not whole",
            found={"rows": f"{found:,} of {rows:,}"},
            hint="see whether the disk is full",
        )


def _index_size(rows: int) -> int:
    """Give the bytes of a packed R-tree: each level has 1/16 of the nodes below, rounded up."""
    level = -(-rows // _BRANCHES)
    nodes = rows + level
    while level > 1:
        level = -(-level // _BRANCHES)
        nodes += level
    return nodes * _NODE
