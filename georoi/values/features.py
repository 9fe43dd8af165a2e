"""Features as a source gives them, before they are ROIs: geometries of any kind, or none, with attributes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
import shapely.geometry
from numpy.typing import NDArray

from georoi.errors import ROIError
from georoi.values.naming import plain


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
    for level, name in enumerate(frame.index.names):
        if name is not None:
            attributes[str(name)] = frame.index.get_level_values(level).to_numpy()
    if hasattr(frame, "columns"):
        for position, name in enumerate(frame.columns):
            column = frame.iloc[:, position]
            if column.dtype.name != "geometry":
                attributes[str(name)] = column.to_numpy()
    return Features(geometry=geometry, numbers=np.arange(len(geometry)), attributes=attributes)


def from_items(source: Any) -> Features:
    """Take features from one geometry or many: shapely, GeoJSON-like mappings, `__geo_interface__`, or None.

    A generator is run once. Feature collections are opened up, a GeometryCollection is one feature. What
    cannot be read becomes a feature without geometry, with the reason.
    """
    geometry: list[Any] = []
    rows: list[Mapping[str, Any]] = []
    unread: dict[int, str] = {}
    for item in _items(source):
        properties, found, reason = _read(item)
        if reason:
            unread[len(geometry)] = reason
        geometry.append(found)
        rows.append(properties)
    array = np.empty(len(geometry), dtype=object)
    array[:] = geometry
    return Features(geometry=array, numbers=np.arange(len(array)), attributes=_columns(rows), unread=unread)


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


def _read(item: Any) -> tuple[Mapping[str, Any], Any, str]:
    """Read one feature: its properties, its geometry or None, and why there is none."""
    if item is None or isinstance(item, shapely.Geometry):
        return {}, item, ""
    if not isinstance(item, Mapping) and hasattr(item, "__geo_interface__"):
        item = item.__geo_interface__
    if not isinstance(item, Mapping):
        return {}, None, f"a {type(item).__name__} is no geometry"
    properties: dict[str, Any] = {}
    if item.get("type") == "Feature" or ("geometry" in item and "coordinates" not in item):
        found = item.get("properties")
        properties = {str(name): value for name, value in found.items()} if isinstance(found, Mapping) else {}
        if item.get("id") is not None:
            properties.setdefault("id", item["id"])
        item = item.get("geometry")
        if item is None or isinstance(item, shapely.Geometry):
            return properties, item, ""
    geometry, reason = _geometry(item)
    return properties, geometry, reason


def _geometry(mapping: Any) -> tuple[Any, str]:
    if not isinstance(mapping, Mapping):
        return None, f"a {type(mapping).__name__} is no GeoJSON geometry"
    try:
        with np.errstate(invalid="ignore"):
            return shapely.geometry.shape(mapping), ""
    except RecursionError:
        return None, "the geometry is nested too deep"
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        shapely.errors.ShapelyError,
    ) as error:
        return None, f"the geometry cannot be read ({plain(error, 120)})"


def _columns(rows: list[Mapping[str, Any]]) -> dict[str, NDArray[Any]]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: _column([row.get(name) for row in rows]) for name in names}


def _column(values: list[Any]) -> NDArray[Any]:
    """Make a column numeric where all its values are of one numeric type."""
    kind = type(values[0])
    if kind in (int, float, bool) and all(type(value) is kind for value in values):
        try:
            return np.array(values, dtype={int: np.int64, float: np.float64, bool: np.bool_}[kind])
        except OverflowError:
            return np.array(values, dtype=object)
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column
