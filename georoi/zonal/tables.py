"""Results as tables and cubes: wide with geometry, tidy and long, or with the dimensions roi, date, band."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from georoi.errors import UsageError
from georoi.kernels.validity import MASKED, NODATA, NONFINITE, VALID
from georoi.values.naming import some
from georoi.values.statistics import class_name
from georoi.zonal.results import Accounts, ZonalResult

if TYPE_CHECKING:
    import geopandas
    import pandas as pd
    import xarray as xr

SHARED = ("area", "area_outside", "area_crs")
"""Columns of the ledger that depend on the ROI alone."""

MAX_CLASSES = 1000
"""Most classes that shares of all classes are given of."""


def ledger_columns(accounts: Accounts, layer: int) -> dict[str, NDArray[Any]]:
    """Give the columns of the ledger that depend on the layer, each of shape (n,)."""
    states = accounts.states[:, layer]
    return {
        "area_nodata": states[:, NODATA],
        "area_nonfinite": states[:, NONFINITE],
        "area_masked": states[:, MASKED],
        "area_valid": states[:, VALID],
        "n_pixels": accounts.pixels[:, layer],
        "n_effective": accounts.effective[:, layer],
    }


def _shared_columns(accounts: Accounts) -> dict[str, NDArray[Any]]:
    ceded = {} if accounts.ceded is None else {"area_ceded": accounts.ceded}
    return {"area": accounts.area, "area_outside": accounts.outside, **ceded, "area_crs": accounts.planar}


def make_wide(result: ZonalResult, *, index: Any = None, include: Any = None) -> geopandas.GeoDataFrame:
    """Make one row per ROI: its attributes, statistics per band, the ledger.

    Columns are named after the statistic where there is one layer, `{band}_{statistic}` where there are
    several, with the date in front where dates differ. The ledger stands once where all layers agree in it.
    An attribute of the ROIs that has the name of a column to be made, in any case, stands as
    `{attribute}_input`, since databases do not tell case apart.

    Args:
        result: What a run gave.
        index: The index of the table (a pandas one); the ROIs' ids by default.
        include: Names of the attributes to keep; all by default.

    Raises:
        UsageError: E-USE-01 if an attribute asked for is missing.
    """
    import geopandas as gpd
    import pandas as pd

    frame = result.rois.gdf
    kept = [name for name in _kept_attributes(result, include) if name in frame.columns]  # ids are the index
    if index is not None:
        if not index.equals(frame.index):
            frame.insert(0, "roi_id", result.rois.ids)
            kept.insert(0, "roi_id")
        frame.index = index
    geometry = frame.geometry.name
    columns: dict[str, Any] = {}
    several = len(result.layers) > 1
    for i, layer in enumerate(result.layers):
        prefix = f"{_title(layer.label, layer.name)}_" if several else ""
        for name, values in _expanded(result).items():
            columns[f"{prefix}{name}"] = _as_column(name, values[:, i])
    columns |= _shared_columns(result.accounts)
    groups = _agreeing(result)
    for first, prefix in groups:
        for name, values in ledger_columns(result.accounts, first).items():
            columns.setdefault(f"{prefix}{name}", values)
    columns["boundary"] = np.full(len(result.rois), result.boundary, dtype=object)
    for first, prefix in groups:
        columns[f"{prefix}status"] = result.status[:, first]
        columns[f"{prefix}reason"] = result.reason[:, first]
    made = {name.casefold() for name in columns}
    renamed = {name: f"{name}_input" for name in kept if name.casefold() in made}
    clashes = [name for name in renamed.values() if name.casefold() in {*made, *map(str.casefold, kept)}]
    if clashes:
        raise UsageError("E-USE-01", f"the ROIs have an attribute {some(clashes)}, which is no free name")
    notes = [f"the attribute {name} stands as {new}" for name, new in renamed.items()]
    attributes = pd.DataFrame(frame[kept].rename(columns=renamed))
    cells = pd.DataFrame({name: _as_cells(values) for name, values in columns.items()}, index=frame.index)
    wide = gpd.GeoDataFrame(pd.concat([attributes, cells, frame[[geometry]]], axis=1), geometry=geometry)
    wide.attrs["notes"] = [*result.notes, *notes]
    wide.attrs["overlaps"] = [] if result.overlaps is None else result.overlaps.records
    return wide


def make_long(result: ZonalResult, *, include: Any = None) -> pd.DataFrame:
    """Make one row per ROI, date, band and statistic, each with its ledger; without geometry.

    Columns: roi_id, the attributes asked for, date (where there are dates), band, stat, value, the ledger,
    boundary, status, reason.
    """
    import pandas as pd

    rois, accounts = result.rois, result.accounts
    found = _expanded(result)
    n, layers, stats = len(rois), len(result.layers), len(found)
    rows = (n, layers, stats)
    columns: dict[str, Any] = {"roi_id": _spread(rois.ids, rows, 0)}
    for name in _kept_attributes(result, include) if include is not None else ():
        columns[name] = _spread(rois.attributes[name], rows, 0)
    if any(layer.date is not None for layer in result.layers):
        dates = np.array([layer.date for layer in result.layers], dtype="datetime64[us]")
        columns["date"] = _spread(dates, rows, 1)
    elif any(layer.label is not None for layer in result.layers):
        columns["date"] = _spread(_objects(layer.label for layer in result.layers), rows, 1)
    columns["band"] = _spread(_objects(layer.name for layer in result.layers), rows, 1)
    columns["stat"] = _spread(_objects(found), rows, 2)
    stacked = list(found.values())
    lists = any(values.dtype == object for values in stacked)
    value = np.stack([v.astype(object) if lists else v for v in stacked], axis=-1).reshape(-1)
    columns["value"] = value
    for name, values in _shared_columns(accounts).items():
        columns[name] = _spread(values, rows, 0)
    by_layer = [ledger_columns(accounts, layer) for layer in range(layers)]
    for name in by_layer[0] if by_layer else ():
        both = np.stack([columns_[name] for columns_ in by_layer], axis=1)
        columns[name] = np.repeat(both.reshape(-1), stats)
    columns["boundary"] = np.full(n * layers * stats, result.boundary, dtype=object)
    columns["status"] = np.repeat(result.status.reshape(-1), stats)
    columns["reason"] = np.repeat(result.reason.reshape(-1), stats)
    long = pd.DataFrame(columns)
    long.attrs["notes"] = list(result.notes)
    long.attrs["overlaps"] = [] if result.overlaps is None else result.overlaps.records
    return long


def make_cube(result: ZonalResult) -> xr.Dataset:
    """Make a Dataset with the dimensions (roi, date, band): one variable per statistic, and the ledger.

    Raises:
        UsageError: E-USE-01 if dates differ in their bands, or a statistic is a list.
    """
    import xarray as xr

    labels = list(dict.fromkeys(layer.label for layer in result.layers))
    bands = list(dict.fromkeys(layer.name for layer in result.layers))
    shape = (len(result.rois), len(labels), len(bands))
    if [(layer.label, layer.name) for layer in result.layers] != [(a, b) for a in labels for b in bands]:
        raise UsageError("E-USE-01", "a cube needs the same bands on every date", hint="ask for a long table")
    found = _expanded(result)
    lists = [name for name, values in found.items() if values.dtype == object]
    if lists:
        raise UsageError("E-USE-01", f"a cube holds numbers, and {some(lists)} are lists")
    dims = ("roi", "date", "band")
    data: dict[str, Any] = {name: (dims, values.reshape(shape)) for name, values in found.items()}
    data |= {name: ("roi", values) for name, values in _shared_columns(result.accounts).items()}
    by_layer = [ledger_columns(result.accounts, layer) for layer in range(len(result.layers))]
    for name in by_layer[0]:
        data[name] = (dims, np.stack([columns[name] for columns in by_layer], axis=1).reshape(shape))
    data["status"] = (dims, result.status.astype(str).reshape(shape))
    dates = [next(layer.date for layer in result.layers if layer.label == label) for label in labels]
    coordinates: dict[str, Any] = {"roi": result.rois.ids, "band": bands}
    if dates and dates[0] is not None:
        coordinates["date"] = np.array(dates, dtype="datetime64[ns]")
    elif labels[0] is not None:
        coordinates["date"] = labels
    attributes = {"boundary": result.boundary, "notes": "; ".join(result.notes)}
    return xr.Dataset(data, coords=coordinates, attrs=attributes)


def _expanded(result: ZonalResult) -> dict[str, NDArray[Any]]:
    """Give the values by name, with a name for each class where shares of all classes were asked for."""
    expanded: dict[str, NDArray[Any]] = {}
    for name, values in result.values.items():
        if name not in result.expanding:
            expanded[name] = values
            continue
        classes = sorted({number for shares in values.flat if shares is not None for number in shares})
        if len(classes) > MAX_CLASSES:
            raise UsageError(
                "E-USE-01",
                f"'{name}' found {len(classes):,} classes, each of which would be a column",
                hint="name the classes, as in frac(1, 2), or count values in bins with hist(bins=[...])",
            )
        for number in classes:
            shares = np.array([math.nan if cell is None else cell.get(number, 0.0) for cell in values.flat])
            expanded[f"{name}_{class_name(number)}"] = shares.reshape(values.shape)
    return expanded


def _title(label: str | None, name: str) -> str:
    return name if label is None else f"{label}_{name}"


def _agreeing(result: ZonalResult) -> list[tuple[int, str]]:
    """Choose layers whose ledgers are to be shown, with their prefixes: one without, where all agree."""
    accounts = result.accounts
    same = all(
        np.array_equal(accounts.states[:, i], accounts.states[:, 0])
        and np.array_equal(accounts.pixels[:, i], accounts.pixels[:, 0])
        and np.array_equal(result.status[:, i], result.status[:, 0])
        for i in range(1, len(result.layers))
    )
    if same:
        return [(0, "")]
    return [(i, f"{_title(layer.label, layer.name)}_") for i, layer in enumerate(result.layers)]


def _kept_attributes(result: ZonalResult, include: Any) -> list[str]:
    known = list(result.rois.attributes)
    if include is None or include is True:
        return known
    wanted = [] if include is False else [include] if isinstance(include, str) else list(include)
    missing = [name for name in wanted if name not in known]
    if missing:
        raise UsageError(
            "E-USE-01",
            f"the ROIs have no attribute {some(missing)}",
            found={"attributes": some(known, 20)},
            hint="choose among these with include= (--include-field)",
        )
    return wanted


def _as_column(name: str, values: NDArray[Any]) -> NDArray[Any]:
    """Give whole numbers as such where none is null."""
    if name in ("n_pixels", "nunique") and values.dtype.kind == "f" and np.isfinite(values).all():
        return values.astype(np.int64)
    return values


def _as_cells(values: NDArray[Any]) -> Any:
    """Give what pandas takes as one column, lists in its cells included."""
    return list(values) if values.dtype == object else values


def _objects(values: Any) -> NDArray[np.object_]:
    listed = list(values)
    array = np.empty(len(listed), dtype=object)
    array[:] = listed
    return array


def _spread(values: NDArray[Any], rows: tuple[int, int, int], axis: int) -> NDArray[Any]:
    """Repeat values along the axes (ROI, layer, statistic) that they do not belong to."""
    shape = [1, 1, 1]
    shape[axis] = rows[axis]
    return np.broadcast_to(values.reshape(shape), rows).reshape(-1)
