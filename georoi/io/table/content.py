"""Take a frame apart into plain Arrow columns and a geometry array: what every format starts from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from georoi.crs.parsing import CRS, parse_crs
from georoi.errors import OutputError
from georoi.values.naming import plain, some

_LARGEST_EXACT = 2**53
"""Whole numbers above it are not all floats."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Content:
    """A table ready to be encoded: unique names, one Arrow type a column, nulls for what is missing."""

    rows: int
    attributes: pa.Table
    """Columns without geometry; its metadata tells pandas how to read them back."""
    geometry: NDArray[np.object_] | None
    """shapely geometries or None, shape (rows,); None for a table without geometry."""
    geometry_name: str = "geometry"
    crs: CRS | None = None
    """None where it is not known, and in pixel space."""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return self.rows


def take_content(frame: Any) -> Content:
    """Take a DataFrame or GeoDataFrame apart.

    Named index levels become columns in front, unless a column of that name holds the same. Whole numbers and
    truth values with gaps stay what they are, with nulls; NaN and NaT become nulls; categories become their
    values; a column of mixed types becomes text, lists and mappings as JSON; geometry columns other
    than the active one become WKT.

    Raises:
        OutputError: E-OUT-04 if it is no table, or column names repeat.
        CRSError: E-CRS-04 if its CRS is not understood.
    """
    import geopandas
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise OutputError("E-OUT-04", f"a {type(frame).__name__} is no table: give a DataFrame")
    name = frame.active_geometry_name if isinstance(frame, geopandas.GeoDataFrame) else None
    geometry, crs = None, None
    notes: list[str] = []
    table = _with_index(frame, notes)
    if name is not None:
        geometry = np.asarray(frame.geometry.to_numpy(), dtype=object)
        crs = None if frame.crs is None else parse_crs(frame.crs)
        table = pd.DataFrame(table).drop(columns=name)
    table = pd.DataFrame(table)
    table.columns = pd.Index(_texts(table.columns, taken=name), dtype=object)
    columns = {str(label): _plain(column, str(label), notes) for label, column in table.items()}
    plain_table = pd.DataFrame(columns, index=pd.RangeIndex(len(table)))
    if geometry is None and not columns:
        raise OutputError("E-OUT-04", "the table has no columns")
    return Content(
        rows=len(table),
        attributes=pa.Table.from_pandas(plain_table, preserve_index=False),
        geometry=geometry,
        geometry_name=str(name if name is not None else "geometry"),
        crs=crs,
        notes=tuple(notes),
    )


def _with_index(frame: Any, notes: list[str]) -> Any:
    """Put named index levels in front as columns; an unnamed index of texts is left out with a note."""
    table = frame
    for level in reversed(range(frame.index.nlevels)):
        name, values = frame.index.names[level], frame.index.get_level_values(level)
        if name is None:
            if values.dtype.kind not in "iu":
                notes.append("the index has no name and was left out; name it to keep it as a column")
        elif name not in frame.columns:
            table = table.copy(deep=False) if table is frame else table
            table.insert(0, name, values.to_numpy() if values.dtype == object else values.array)
        elif not values.equals(_as_index(frame[name])):
            raise OutputError(
                "E-OUT-04",
                f"the index and a column are both called {plain(name, 60)!r} and differ",
                hint="rename one of them",
            )
    return table.reset_index(drop=True)


def _as_index(column: Any) -> Any:
    import pandas as pd

    return pd.Index(column)


def _texts(labels: Iterable[Any], taken: str | None) -> list[str]:
    """Make texts of column labels, joined by _ where they have several levels; refuse repeated ones."""
    names = ["_".join(map(str, label)) if isinstance(label, tuple) else str(label) for label in labels]
    counts = Counter(names if taken is None else [*names, str(taken)])
    repeated = [name for name, count in counts.items() if count > 1]
    if repeated:
        raise OutputError(
            "E-OUT-04",
            "column names repeat, so that a reader could not tell the columns apart",
            found={"columns": some(repeated)},
            hint="rename the columns",
        )
    return names


def _plain(column: Any, name: str, notes: list[str]) -> Any:
    """Give a column as a Series that Arrow takes, without index."""
    import pandas as pd

    column = column.reset_index(drop=True)
    kind = str(column.dtype)
    if kind == "geometry":
        notes.append(f"column {plain(name, 60)!r} holds geometry too and was written as WKT")
        return pd.Series(shapely.to_wkt(column.to_numpy(), rounding_precision=-1), dtype=object)
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = pd.Series(column.to_numpy(dtype=object), dtype=object)
    elif isinstance(column.dtype, pd.SparseDtype):
        column = column.sparse.to_dense()
    elif isinstance(column.dtype, (pd.IntervalDtype, pd.PeriodDtype)) or column.dtype.kind == "c":
        return _as_text(column.astype(object), name, notes)
    if kind == "float16":
        return column.astype("float32")
    return _from_objects(column, name, notes) if column.dtype == object else column


def _from_objects(column: Any, name: str, notes: list[str]) -> Any:
    """Find the type that the values of an object column have in common, nulls aside."""
    import pandas as pd

    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind in ("integer", "mixed-integer-float", "floating", "boolean", "empty"):
        return _numbers(column, kind, name, notes)
    if kind == "decimal":
        column = column.where(column.notna(), None)
    try:
        if kind in ("datetime", "datetime64"):
            return pd.to_datetime(column)
        if kind in ("timedelta", "timedelta64"):
            return pd.to_timedelta(column)
        if kind != "mixed-integer":
            pa.array(column, from_pandas=True)
            return column
    except UnicodeEncodeError:
        notes.append(f"column {plain(name, 60)!r} holds broken Unicode, which was mended")
        return column.map(_mended, na_action="ignore")
    except (pa.ArrowException, ValueError, TypeError, OverflowError):  # no type in common
        return _as_text(column, name, notes)
    return _as_text(column, name, notes)


def _numbers(column: Any, kind: str, name: str, notes: list[str]) -> Any:
    import pandas as pd

    if kind == "empty":
        return pd.Series([None] * len(column), dtype="string")
    if kind == "boolean":
        return column.astype("boolean")
    present = column[column.notna()]
    whole = [value for value in present if isinstance(value, (int, np.integer))]
    low, high = (min(whole), max(whole)) if whole else (0, 0)
    if kind == "integer" and low >= -(2**63) and high < 2**63:
        return column.astype("Int64")
    if kind == "integer" and low >= 0 and high < 2**64:
        return column.astype("UInt64")
    if kind != "integer" and max(-low, high) <= _LARGEST_EXACT:
        return pd.to_numeric(column.where(column.notna(), np.nan)).astype("float64")
    return _as_text(column, name, notes)


def _as_text(column: Any, name: str, notes: list[str]) -> Any:
    """Make text of every value: lists, mappings and truth values as JSON, the rest as it shows itself."""
    import pandas as pd

    notes.append(f"column {plain(name, 60)!r} mixes types that no column holds together; it became text")
    texts = [None if _is_missing(value) else _text(value) for value in column]
    return pd.Series(texts, dtype=object)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return str(_mended(value))
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (bool, dict, list, tuple)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _is_missing(value: Any) -> bool:
    import pandas as pd

    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def _mended(value: Any) -> Any:
    """Replace lone surrogates, which UTF-8 has no bytes for."""
    if not isinstance(value, str):
        return value
    return str(value.encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
