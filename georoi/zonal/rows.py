"""Rows of extracted tables: names and types of their columns, and Arrow batches of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

import georoi
from georoi.engine.progress import Progress
from georoi.errors import UsageError
from georoi.grid import key
from georoi.io.table.streams import Points
from georoi.values.naming import some
from georoi.zonal.inputs import ZonalInput
from georoi.zonal.reading import layer_dtypes

BATCH = 1 << 17
"""Rows that are put together at a time."""
_TEXT_BYTES = 24  # of a text in a row, about


class Extraction(Protocol):
    """Work that is ready to be done: its columns are known, and no pixel is read."""

    @property
    def schema(self) -> pa.Schema:
        """Columns and their types."""

    @property
    def points(self) -> Points | None:
        """The columns that are coordinates."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What is known before the work."""

    @property
    def provenance(self) -> dict[str, Any]:
        """What the table is made from."""

    def estimate_rows(self) -> int:
        """Estimate the number of rows."""

    def describe(self) -> dict[str, Any]:
        """Say what would be done, as values for JSON."""

    def batches(self, work: Work) -> Iterator[pa.Table]:
        """Do the work; give rows."""

    def closing_notes(self) -> tuple[str, ...]:
        """Say what is known after the work."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """How the work is done."""

    workers: int | None = None
    client: Any = None
    """A `distributed.Client` (Any: it may not be installed)."""
    progress: bool | Progress | None = None


def row_bytes(schema: pa.Schema) -> int:
    """Estimate the memory that a row takes."""
    return sum(_width(kind) for kind in schema.types)


def _width(kind: pa.DataType) -> int:
    try:
        return max(int(kind.bit_width) // 8, 1)
    except ValueError:  # of texts and lists
        return _TEXT_BYTES


@dataclass(kw_only=True)
class Columns:
    """The names of a table, given out one by one so that none occurs twice."""

    taken: set[str]
    """Names of the table's own columns."""
    notes: list[str] = field(default_factory=list)

    def give(self, name: str, suffix: str, what: str) -> str:
        """Give a free name: the name itself, or with a suffix, and a note.

        Raises:
            UsageError: E-USE-01 if neither is free.
        """
        found = name if name not in self.taken else f"{name}_{suffix}"
        if found in self.taken:
            raise UsageError(
                "E-USE-01",
                f"the {what} {name} has no free name in the table",
                hint="leave it out, or rename it",
            )
        if found != name:
            self.notes.append(f"the {what} {name} stands as {found}")
        self.taken.add(found)
        return found


def choose_attributes(attributes: Mapping[str, NDArray[Any]], include: Any, default: bool) -> list[str]:
    """Choose attributes by name: True for all, False for none, None for the default of these.

    Raises:
        UsageError: E-USE-01 if one is missing.
    """
    known = list(attributes)
    include = default if include is None else include
    if isinstance(include, bool):
        return known if include else []
    wanted = [include] if isinstance(include, str) else list(dict.fromkeys(include))
    missing = [name for name in wanted if name not in known]
    if missing:
        raise UsageError(
            "E-USE-01",
            f"there is no attribute {some(missing)}",
            found={"attributes": some(known, 20) or "none"},
            hint="choose among these with include= (--include-field)",
        )
    return wanted


def id_array(ids: NDArray[np.object_]) -> pa.Array:
    """Give ids as whole numbers if all are, else as text."""
    listed = ids.tolist()
    if all(isinstance(value, int) and -(2**63) <= value < 2**63 for value in listed):
        return pa.array(listed, pa.int64())
    return pa.array([str(value) for value in listed], pa.string())


def attribute_array(values: NDArray[Any]) -> pa.Array:
    """Give an attribute as Arrow does, as text where its values are of several kinds."""
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return pa.array([None if value is None else str(value) for value in values.tolist()], pa.string())


@dataclass(frozen=True, eq=False)
class Layers:
    """The layers that every scene gives, and the moments of the scenes."""

    names: tuple[str, ...]
    dtypes: tuple[np.dtype[Any], ...]
    """That hold the values of all scenes."""
    dates: pa.Array | None
    """Of the scenes: times (UTC), or labels; None where they have none."""

    @classmethod
    def of(cls, given: ZonalInput) -> Layers:
        """Read them off the input of a pass."""
        count = len(given.scenes[0])
        first = given.layers[:count]
        of_scenes = []
        for scene in given.scenes:
            held = given.array.dtype if scene.raster is None else scene.raster.dtype
            of_scenes.append(layer_dtypes(scene, np.dtype(held)))
        dtypes = tuple(np.result_type(*several) for several in zip(*of_scenes, strict=True))
        dated = given.layers[::count]
        dates = None
        if given.is_dated:
            dates = pa.array(np.array([layer.date for layer in dated], dtype="datetime64[us]"))
        elif any(layer.label is not None for layer in dated):
            dates = pa.array([layer.label for layer in dated], pa.string())
        return cls(tuple(layer.name for layer in first), dtypes, dates)

    @property
    def itemsize(self) -> int:
        """Bytes of one pixel over all layers."""
        return sum(dtype.itemsize for dtype in self.dtypes)


def tell_origin(given: ZonalInput, asked: Mapping[str, Any], **sides: Any) -> dict[str, Any]:
    """Say what a table is made from: the rasters by name and fingerprint, what else there is, the options."""
    rasters = [scene.raster for scene in given.scenes if scene.raster is not None]
    names = [{"name": raster.name, "fingerprint": raster.fingerprint} for raster in rasters]
    return {
        "command": "extract",
        "version": georoi.__version__,
        "rasters": names or [{"name": given.header.name}],
        "grid": key(given.header.grid),
        **sides,
        "options": dict(asked),
    }


def value_type(dtype: np.dtype[Any]) -> pa.DataType:
    """Give the Arrow type of values; half floats become floats, which every format holds."""
    return pa.float32() if dtype == np.float16 else pa.from_numpy_dtype(dtype)


def value_array(values: NDArray[Any], invalid: NDArray[np.bool_] | None) -> pa.Array:
    """Give values as Arrow, null where they are invalid."""
    return pa.array(np.ascontiguousarray(values), value_type(values.dtype), mask=invalid)


def cuts(length: int, step: int) -> Iterator[slice]:
    """Cut a length into slices of at most `step`."""
    return (slice(start, min(start + step, length)) for start in range(0, length, max(step, 1)))


def to_frame(tables: Sequence[pa.Table], schema: pa.Schema) -> Any:
    """Make a DataFrame; whole numbers of 64 bits that have nulls keep all digits, others become floats."""
    import pandas as pd

    table = pa.concat_tables(tables) if tables else schema.empty_table()
    wide = {pa.int64(): pd.Int64Dtype(), pa.uint64(): pd.UInt64Dtype()}
    holed = [name for name in table.column_names if table[name].null_count and table[name].type in wide]
    frame = table.drop_columns(holed).to_pandas() if holed else table.to_pandas()
    for name in holed:
        frame.insert(
            table.column_names.index(name),
            name,
            table[name].to_pandas(types_mapper=wide.get),
            allow_duplicates=False,
        )
    return frame
