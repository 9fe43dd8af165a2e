"""Read tables back with the libraries that users have, and make a table with every kind of column."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import shapely


def every_kind(polygons: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    """Give polygons columns of many dtypes, gaps included; index `roi_id`."""
    n = len(polygons)
    number = np.arange(n)
    columns = {
        "name": [None if i % 7 == 0 else f"Flur {i}, „süd“" for i in number],
        "mean": np.where(number % 5 == 0, np.nan, number / 3),
        "count": number.astype("int32"),
        "big": pd.array([None if i % 4 == 0 else 2**60 + int(i) for i in number], dtype="Int64"),
        "loose": np.array([None if i % 4 == 0 else 2**60 + int(i) for i in number], dtype=object),
        "flag": pd.array([None if i % 3 == 0 else bool(i % 2) for i in number], dtype="boolean"),
        "day": [dt.date(2024, 1, 1) + dt.timedelta(days=int(i)) for i in number],
        "when": pd.Timestamp("2024-05-06T07:08:09.123") + pd.to_timedelta(number, unit="h"),
        "zoned": pd.DatetimeIndex(pd.Timestamp("2024-07-01") + pd.to_timedelta(number, unit="h")).tz_localize(
            "Europe/Berlin"
        ),
        "hist": [list(range(i % 3)) for i in number],
        "mixed": [1 if i % 2 else "one" for i in number],
    }
    frame = geopandas.GeoDataFrame(columns, geometry=polygons.geometry.to_numpy(), crs=polygons.crs)
    frame.index = pd.Index([f"r{i}" for i in number], name="roi_id")
    return frame


def geo_of(path: Path) -> dict[str, Any]:
    """Read the key `geo` of a Parquet file's metadata."""
    return json.loads(pq.read_metadata(path).metadata[b"geo"])


def same_shapes(a: Any, b: Any) -> bool:
    """Tell whether two columns of geometry are the same, vertex by vertex, parts of one aside."""
    ours, theirs = (shapely.to_wkb([_single(shape) for shape in shapes], flavor="iso") for shapes in (a, b))
    return list(ours) == list(theirs)


def query(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Ask SQLite."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as base:
        return base.execute(sql).fetchall()


def _single(shape: Any) -> Any:
    return shape.geoms[0] if hasattr(shape, "geoms") and len(shape.geoms) == 1 else shape
