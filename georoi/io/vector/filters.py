"""Filter features by SQL where no driver does it: tables in memory, judged by SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.errors import ROIError
from georoi.values.naming import plain

_ALLOWED = {sqlite3.SQLITE_READ, sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION}


def matching(attributes: Mapping[str, NDArray[Any]], count: int, where: str, name: str) -> NDArray[np.int64]:
    """Find the rows for which a condition in SQL holds.

    Args:
        attributes: Columns, each of shape (count,). Times are ISO text, as SQLite has it.
        count: Number of rows.
        where: The condition, such as "class = 'forest' AND area > 5".
        name: What messages call the source.

    Raises:
        ROIError: E-ROI-09 if the condition is not understood.
    """
    columns: dict[str, list[Any]] = {}
    for column, values in attributes.items():
        if column.lower() not in map(str.lower, columns):  # SQL does not tell case apart
            columns[column] = _plain_values(values)
    table = sqlite3.connect(":memory:")
    try:
        names = ", ".join(["roi_row INTEGER PRIMARY KEY", *(_quoted(column) for column in columns)])
        table.execute(f"CREATE TABLE rois ({names})")
        marks = ", ".join("?" * (len(columns) + 1))
        table.executemany(
            f"INSERT INTO rois VALUES ({marks})", zip(range(count), *columns.values(), strict=True)
        )
        # The condition is the user's, so it may read this table and do nothing else.
        table.set_authorizer(
            lambda action, *_: sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY
        )
        rows = table.execute(f"SELECT roi_row FROM rois WHERE (\n{where}\n) ORDER BY roi_row").fetchall()
    except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
        raise ROIError(
            "E-ROI-09",
            f"the filter on {name} is not understood",
            found={"where": plain(where), "cause": plain(error)},
            hint="write it as SQL does, such as \"class = 'forest' AND area > 5\"",
        ) from error
    finally:
        table.close()
    return np.array([row for (row,) in rows], dtype=np.int64)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""').replace("\x00", "") + '"'


def _plain_values(values: NDArray[Any]) -> list[Any]:
    """Turn a column into what SQLite stores: numbers, text, bytes and null."""
    if values.dtype.kind in "Mm":
        return [None if np.isnat(value) else str(value) for value in values]
    return [_plain_value(value) for value in values.tolist()]


def _plain_value(value: Any) -> Any:
    if value is None or isinstance(value, (str, bytes)):
        return value
    if isinstance(value, float):
        return value if value == value else None
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return int(value)
    return None if type(value).__name__ in ("NAType", "NaTType") else str(value)
