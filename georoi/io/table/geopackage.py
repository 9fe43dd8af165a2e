"""Encode a table as a GeoPackage: one layer made by GDAL in scratch, its QGIS style, its provenance."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import threading
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyogrio
import pyogrio.raw

from georoi.errors import OutputError, UsageError
from georoi.io.table.cells import dump
from georoi.io.table.content import Content
from georoi.io.table.layer import Holds, Layer, make_layer
from georoi.io.table.sinks import FileSink
from georoi.io.table.styles import choose_column, make_qml
from georoi.values.naming import plain, some

_HOLDS = Holds(dates=True, zones=True, blobs=True)
_MOST_COLUMNS = 1990
"""SQLite reads 2,000 columns as it is usually built; a few are GDAL's own."""
_TIME = "2000-01-01T00:00:00.000Z"
"""The time that the file claims it was changed, so that the same table gives the same bytes."""
_RESERVED = re.compile(r"^(gpkg|rtree_|sqlite_|layer_styles$)", re.IGNORECASE)
_STYLES = """
CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256),
f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30),
styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30),
update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')))
"""
_config = threading.Lock()


def encode_geopackage(
    sink: FileSink,
    content: Content,
    metadata: Mapping[str, Any],
    *,
    scratch: Path,
    layer: str,
    style: bool | str,
) -> tuple[str, ...]:
    """Write a table as a GeoPackage with one layer.

    GDAL writes it to scratch, since SQLite needs a file; it is read back and its rows are counted before its
    bytes go to the sink. Provenance is in gpkg_metadata, and reads back as the dataset's metadata `georoi`.

    Args:
        sink: Where the bytes go.
        content: The table.
        metadata: Provenance; nothing is written if it is empty.
        scratch: A private folder.
        layer: Name of the layer.
        style: Whether a QGIS style goes with it; a name for the column that tells the colour.

    Raises:
        OutputError: E-OUT-04 if there are too many columns; E-OUT-03 if the file is not whole.
        UsageError: E-USE-01 if `style` names no column of numbers.
    """
    if content.attributes.num_columns > _MOST_COLUMNS:
        raise OutputError(
            "E-OUT-04",
            f"a GeoPackage holds at most {_MOST_COLUMNS:,} columns",
            found={"table": f"{content.attributes.num_columns:,} columns"},
            hint="write GeoParquet, or one row a value (long)",
        )
    made = make_layer(content, _HOLDS)
    path = scratch / "table.gpkg"
    with _unchanging_time():
        write_layer(path, "GPKG", made, layer=layer, metadata=metadata, FID=made.fid, **_place(made))
    with contextlib.closing(sqlite3.connect(path)) as base:
        base.execute("PRAGMA synchronous=OFF")  # scratch: the committed copy is flushed
        if style is not False and made.geometry is not None:
            _add_style(base, made, layer, style)
        _check(base, made, layer)
    sink.copy(path)
    return made.notes


def layer_name(path: Path, layer: str | None) -> str:
    """Give the name of the layer: the one asked for, else the file's without its ending.

    Raises:
        UsageError: E-USE-01 if the one asked for is empty or reserved.
    """
    name = path.stem if layer is None else layer
    bad = not name.strip() or "\0" in name or _RESERVED.match(name)
    if bad and layer is not None:
        raise UsageError(
            "E-USE-01", f"{plain(layer, 60)!r} cannot be the name of a layer", hint="choose another"
        )
    return f"table_{name}" if bad else name


def write_layer(
    path: Path, driver: str, made: Layer, *, layer: str, metadata: Mapping[str, Any], **options: str
) -> None:
    """Write a layer through GDAL; its remarks are left out, since what it could say is fitted already."""
    said = {"dataset_metadata": {"georoi": dump(metadata)}} if metadata else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyogrio.raw.write_arrow(
            made.reader(),
            str(path),
            layer=layer,
            driver=driver,
            geometry_name=made.geometry_name if made.geometry is not None else None,
            geometry_type=made.geometry_type,
            crs=made.crs,
            layer_options=options,
            **said,
        )


def _place(made: Layer) -> dict[str, str]:
    return {} if made.geometry is None else {"GEOMETRY_NAME": made.geometry_name}


@contextlib.contextmanager
def _unchanging_time() -> Iterator[None]:
    with _config:
        before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _TIME})
        try:
            yield
        finally:
            pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})


def _add_style(base: sqlite3.Connection, made: Layer, layer: str, style: bool | str) -> None:
    """Add the table in which QGIS looks for a layer's style, registered as QGIS does it."""
    column = choose_column(made.attributes) if style is True else _numbers_of(made, str(style))
    values = None if column is None else made.attributes.column(column)
    qml = make_qml(column, values, made.geometry_type or "Unknown")
    with base:
        base.execute(_STYLES)
        base.execute(
            "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column,"
            " styleName, styleQML, styleSLD, useAsDefault, description, owner, update_time)"
            " VALUES ('', '', ?, ?, ?, ?, '', 1, ?, '', ?)",
            (layer, made.geometry_name, column or "outline", qml, "made by georoi", _TIME),
        )
        base.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change, srs_id)"
            " VALUES ('layer_styles', 'attributes', 'layer_styles', '', ?, 0)",
            (_TIME,),
        )


def _numbers_of(made: Layer, column: str) -> str:
    import pyarrow as pa

    names = [
        field.name
        for field in made.attributes.schema
        if pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
    ]
    if column not in names:
        raise UsageError(
            "E-USE-01",
            f"style={plain(column, 60)!r} names no column of numbers",
            found={"columns": some(names)},
        )
    return column


def _check(base: sqlite3.Connection, made: Layer, layer: str) -> None:
    quoted = '"' + layer.replace('"', '""') + '"'
    (state,) = base.execute("PRAGMA quick_check(1)").fetchone()
    (rows,) = base.execute(f"SELECT count(*) FROM {quoted}").fetchone()
    if state != "ok" or rows != made.rows:
        raise OutputError(
            "E-OUT-03",
            "the GeoPackage is not whole",
            found={"rows": f"{rows:,} of {made.rows:,}", "check": str(state)},
            hint="see whether the disk is full",
        )
