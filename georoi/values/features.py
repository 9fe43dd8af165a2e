"""Features as a source gives them, before they are ROIs: geometries of any kind, or none, with attributes."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from georoi.errors import ROIError
from georoi.values.mappings import read_geometry
from georoi.values.naming import plain

_AREAS = (3, 6, 7)
"""shapely's type ids of Polygon, MultiPolygon and GeometryCollection."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Features:
    """Columnar features; all arrays have shape (n,)."""

    geometry: NDArray[np.object_]
    """shapely geometries; None where there is none, or none that could be read."""
    numbers: NDArray[np.int64]
    """Number of each feature in its source, counted from 0."""
    attributes: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    unread: Mapping[int, str] = field(default_factory=dict)
    """By feature number: why a geometry is None though the source had something."""
    mended: Mapping[int, str] = field(default_factory=dict)
    """By feature number: what was put right while it was read."""
    notes: tuple[str, ...] = ()
    """What is to be said of the source as a whole."""

    def __len__(self) -> int:
        return int(self.geometry.shape[0])

    def count_in(self, whole: Features, ids: Sequence[Any]) -> tuple[list[Any], dict[int, Any]]:
        """Give the ids of these features, and those of the polygons that were left out, by feature number.

        Args:
            whole: The source, of which these features are left.
            ids: Its ids, or None.
        """
        known = dict(zip(whole.numbers.tolist(), ids, strict=True))
        polygons = np.isin(shapely.get_type_id(whole.geometry), _AREAS) & ~shapely.is_empty(whole.geometry)
        left_out = polygons & ~np.isin(whole.numbers, self.numbers)
        numbers = whole.numbers[left_out].tolist()
        return [known[number] for number in self.numbers.tolist()], {
            number: number if known[number] is None else known[number] for number in numbers
        }

    def take(self, keep: NDArray[Any]) -> Features:
        """Select features by mask or positions."""
        return Features(
            geometry=self.geometry[keep],
            numbers=self.numbers[keep],
            attributes={name: values[keep] for name, values in self.attributes.items()},
            unread=self.unread,
            mended=self.mended,
            notes=self.notes,
        )


def from_frame(frame: Any) -> Features:
    """Take features from a GeoDataFrame or GeoSeries; a named index becomes an attribute.

    Of several columns of one name the later ones are called `name#2`, `name#3`, with a note. A column goes
    before a level of the index of its name.

    Raises:
        ROIError: E-ROI-02 if the frame has no geometry column.
    """
    try:
        geometry = np.array(frame.geometry.to_numpy(), dtype=object)
    except AttributeError as error:
        raise ROIError(
            "E-ROI-02", "the GeoDataFrame has no geometry column", hint="set one with gdf.set_geometry(...)"
        ) from error
    attributes: dict[str, NDArray[Any]] = {}
    twins: list[str] = []
    for level, name in enumerate(frame.index.names):
        if name is not None:
            attributes[str(name)] = frame.index.get_level_values(level).to_numpy()
    if hasattr(frame, "columns"):
        columns = [frame.iloc[:, position] for position in range(len(frame.columns))]
        columns = [column for column in columns if column.dtype.name != "geometry"]
        names = _distinct([str(column.name) for column in columns])
        attributes |= {name: column.to_numpy() for name, column in zip(names, columns, strict=True)}
        twins = [name for name, column in zip(names, columns, strict=True) if name != str(column.name)]
    notes = (f"several columns have one name, so the later ones are called {', '.join(map(plain, twins))}",)
    return Features(
        geometry=geometry,
        numbers=np.arange(len(geometry)),
        attributes=attributes,
        notes=notes if twins else (),
    )


def _distinct(names: list[str]) -> list[str]:
    """Call every name that was met before by the next free `name#2`, `name#3`, ..."""
    made: list[str] = []
    taken = set(names)
    for place, name in enumerate(names):
        free = (f"{name}#{count}" for count in itertools.count(2))
        made.append(next(one for one in free if one not in taken) if name in names[:place] else name)
        taken.add(made[-1])
    return made


class Item(NamedTuple):
    """One feature as it was read."""

    properties: Mapping[str, Any]
    geometry: Any
    """A shapely geometry, or None."""
    reason: str = ""
    """Why there is no geometry, though the source had something."""
    mended: str = ""
    """What was put right."""


def from_items(source: Any) -> Features:
    """Take features from one geometry or many: shapely, GeoJSON-like mappings, `__geo_interface__`, or None.

    A generator is run once. Feature collections are opened up, a GeometryCollection is one feature. What
    cannot be read becomes a feature without geometry, with the reason.
    """
    return collect(read_item(item) for item in _items(source))


def collect(items: Iterable[Item], notes: tuple[str, ...] = ()) -> Features:
    """Gather features that were read one by one; attributes become columns."""
    geometry: list[Any] = []
    rows: list[Mapping[str, Any]] = []
    unread: dict[int, str] = {}
    mended: dict[int, str] = {}
    for properties, found, reason, repair in items:
        if reason:
            unread[len(geometry)] = reason
        if repair:
            mended[len(geometry)] = repair
        geometry.append(found)
        rows.append(properties)
    array = np.empty(len(geometry), dtype=object)
    array[:] = geometry
    return Features(
        geometry=array,
        numbers=np.arange(len(array)),
        attributes=_columns(rows),
        unread=unread,
        mended=mended,
        notes=notes,
    )


def _items(source: Any) -> Iterable[Any]:
    if isinstance(source, shapely.Geometry):
        return [source]
    if not isinstance(source, Mapping) and hasattr(source, "__geo_interface__"):
        source = source.__geo_interface__
    if isinstance(source, Mapping):
        features = source.get("features")
        if source.get("type") == "FeatureCollection" and isinstance(features, (list, tuple)):
            return features
        return [source]
    if isinstance(source, np.ndarray):
        return list(source.ravel())
    try:
        return list(source)
    except TypeError:
        return [source]


def read_item(item: Any) -> Item:
    """Read one feature, whatever it is given as."""
    if item is None or isinstance(item, shapely.Geometry):
        return Item({}, item)
    if not isinstance(item, Mapping) and hasattr(item, "__geo_interface__"):
        item = item.__geo_interface__
    if not isinstance(item, Mapping):
        return Item({}, None, f"a {type(item).__name__} is no geometry")
    properties: dict[str, Any] = {}
    if item.get("type") == "Feature" or ("geometry" in item and "coordinates" not in item):
        found = item.get("properties")
        properties = {str(name): value for name, value in found.items()} if isinstance(found, Mapping) else {}
        if item.get("id") is not None:
            properties.setdefault("id", item["id"])
        item = item.get("geometry")
        if item is None or isinstance(item, shapely.Geometry):
            return Item(properties, item)
    return Item(properties, *read_geometry(item))


def _columns(rows: list[Mapping[str, Any]]) -> dict[str, NDArray[Any]]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: _column([row.get(name) for row in rows]) for name in names}


def _column(values: list[Any]) -> NDArray[Any]:
    """Make a column numeric where its values are numbers or truths throughout.

    Whole numbers among others, or with gaps, become floats, and a gap NaN, where they stay exact. Nested
    values become JSON text, which every format of attributes can hold.
    """
    kinds = {type(value) for value in values}
    if len(kinds) == 1 and (kind := kinds.pop()) in _DTYPES:
        with suppress(OverflowError):
            return np.array(values, dtype=_DTYPES[kind])
    elif kinds <= {int, float, type(None)} and kinds & {int, float} and all(map(_is_float, values)):
        return np.array([math.nan if value is None else value for value in values], dtype=np.float64)
    column = np.empty(len(values), dtype=object)
    column[:] = [_nested(value) if isinstance(value, (dict, list)) else value for value in values]
    return column


def _nested(value: Any) -> str:
    """Write a nested value as JSON text, its keys as text."""
    try:
        try:
            return json.dumps(value, default=str)
        except TypeError:  # keys that are no text
            return json.dumps(_with_names(value), default=str)
    except (ValueError, RecursionError) as error:
        raise ROIError(
            "E-ROI-01",
            "a property of a feature nests too deep, or holds itself",
            hint="leave the property out",
        ) from error


def _with_names(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _with_names(member) for name, member in value.items()}
    return [_with_names(member) for member in value] if isinstance(value, (list, tuple)) else value


_DTYPES = {int: np.int64, float: np.float64, bool: np.bool_}


def _is_float(value: int | float | None) -> bool:
    return value is None or isinstance(value, float) or abs(value) <= 2**53
