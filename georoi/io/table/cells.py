"""Turn Arrow columns into cells of text formats: plain JSON values, or the texts of CSV."""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

Cell = str | int | float | bool | None


def json_values(column: pa.Array | pa.ChunkedArray) -> list[Any]:
    """Give a column as values that JSON holds: NaN and infinities are null, lists stay lists.

    Dates and times are ISO 8601, with Z where they have a time zone; bytes are base64.
    """
    kind = column.type
    if pa.types.is_floating(kind):
        return [value if value is not None and math.isfinite(value) else None for value in _list(column)]
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or is_text(kind) or pa.types.is_null(kind):
        return _list(column)
    return [plain_json(value) for value in _list(column)]


def csv_values(column: pa.Array | pa.ChunkedArray) -> list[Cell]:
    """Give a column as values that `csv` writes: nulls and NaN are empty, true and false in small letters.

    Numbers are kept, for `csv` writes them with `repr`, so that they read back the same; what JSON would hold
    as a list or object is JSON text.
    """
    kind = column.type
    if pa.types.is_boolean(kind):
        return [None if value is None else str(value).lower() for value in _list(column)]
    if pa.types.is_floating(kind):
        return [None if value is None or math.isnan(value) else value for value in _list(column)]
    if pa.types.is_decimal(kind):
        return [None if value is None else str(value) for value in _list(column)]
    return [dump(value) if isinstance(value, (list, dict)) else value for value in json_values(column)]


def is_text(kind: pa.DataType) -> bool:
    """Tell whether a column holds text, whatever the width of its offsets."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def dump(value: Any) -> str:
    """Write a plain JSON value as text, in one line."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def plain_json(value: Any) -> Any:
    """Make a value that JSON holds of what Arrow, numpy or a caller gives; the inverse is not unique."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain_json(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return plain_json(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain_json(inner) for inner in value]
    return _scalar(value)


def _scalar(value: Any) -> Cell:
    if isinstance(value, dt.datetime):
        return stamp(value)
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        import pandas as pd

        return str(pd.Timedelta(value).isoformat())
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, Decimal):
        return float(value) if value.is_finite() else None
    return str(value)


def stamp(value: dt.datetime) -> str:
    """Write a time as ISO 8601: in UTC with Z if it has a time zone, else as it is."""
    if value.tzinfo is None:
        return value.isoformat()
    return value.astimezone(dt.UTC).isoformat().removesuffix("+00:00") + "Z"


def _list(column: pa.Array | pa.ChunkedArray) -> list[Any]:
    values: list[Any] = column.to_pylist()
    return values
