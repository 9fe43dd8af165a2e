"""What an array says of each of its bands: number, name, scale, offset, nodata, also of chosen or moved ones.

Attributes hold lists that know nothing of a selection by `isel` or `sel`, coordinates along the bands follow
it. So georoi keeps scales and offsets in coordinates, and looks lists up by the number of the band.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from georoi.errors import RasterError

BAND = "band"
"""Name of the dimension along which the bands lie."""
SCALE, OFFSET = "band_scale", "band_offset"
"""Names of the coordinates that tell scale and offset of each band, where these differ."""
ORDER = "band_numbers"
"""Name of the attribute that tells which bands the lists in attributes are of; from 1 without."""
NAME = "band_name"

_SINGLE = {SCALE: "scale_factor", OFFSET: "add_offset"}
_LISTS = {NAME: "long_name", SCALE: "scales", OFFSET: "offsets"}


def count_bands(array: xr.DataArray) -> int:
    """Give the number of bands; without an axis for them, of the layers of all axes before y and x."""
    return int(array.sizes[BAND]) if BAND in array.dims else math.prod(array.shape[:-2])


def band_numbers(array: xr.DataArray) -> tuple[int, ...]:
    """Give the numbers of the bands: the `band` coordinate if it holds whole numbers, else from 1."""
    return _labelled_numbers(array) or tuple(range(1, int(array.sizes.get(BAND, 1)) + 1))


def band_names(array: xr.DataArray) -> tuple[str, ...]:
    """Name the bands: by the texts along `band`, else as `long_name` says, else by number or label.

    Without a band axis, the layers of all axes before y and x are numbered.
    """
    count = count_bands(array)
    numbered = tuple(str(number) for number in range(1, count + 1))
    if BAND not in array.dims and count > 1:
        return numbered
    single = array.attrs.get(_LISTS[NAME])
    if isinstance(single, str) and count == 1 and BAND in array.coords and not single.isdigit():
        return (single,)
    labels = _along_bands(array, BAND)
    if labels is None or _labelled_numbers(array) is not None:
        labels = _of_bands(array, array.attrs.get(_LISTS[NAME])) or (labels if BAND in array.dims else None)
    return tuple(str(label) for label in labels or numbered)


def band_scaling(array: xr.DataArray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Give scale and offset per band, each empty where there is none.

    Raises:
        RasterError: E-RAS-10 if attributes hold lists that do not tell which band has which, or no numbers.
    """
    scales, offsets = (_scaling(array, kind) for kind in (SCALE, OFFSET))
    return scales, offsets


def band_values(array: xr.DataArray, key: str) -> tuple[Any, ...] | None:
    """Give the list that an attribute holds as one value for each band, or None where it holds none.

    Raises:
        RasterError: E-RAS-10 if the list does not tell which band has which.
    """
    several = _listed(array.attrs.get(key))
    if several is None:
        return None
    alike = len({str(value) for value in several}) == 1
    values = several[:1] * count_bands(array) if alike else _of_bands(array, several)
    if values is None:
        numbers = _labelled_numbers(array)
        raise RasterError(
            "E-RAS-10",
            f"the attribute {key} does not tell which band has which value",
            found={
                key: f"{len(several)} values",
                "bands": f"{count_bands(array)}" + (f", numbers {numbers}" if numbers else ""),
            },
            hint=f"set attrs['{key}'] to one value per band, or take it away",
        )
    return values


def settle_bands(array: xr.DataArray, names: Sequence[str]) -> xr.DataArray:
    """Bring lists in attributes up to date with the bands there, and put scales and offsets along these.

    Args:
        array: With lists of the bands of a file, some of which may have been left out or moved.
        names: Of the bands that are there.
    """
    found: dict[str, tuple[Any, ...]] = {}
    for kind, key in _LISTS.items():
        if _listed(array.attrs.get(key)) is None:
            continue
        values = (
            tuple(names) if kind == NAME else _along_bands(array, kind) or _of_bands(array, array.attrs[key])
        )
        if values is None or len(values) not in (1, len(names)):
            return array  # it does not tell which band has which, and whoever needs it says so
        found[kind] = values
    if not found:
        return array
    settled = array.copy(deep=False)
    for key in (*_LISTS.values(), ORDER):
        settled.attrs.pop(key, None)
    for kind, values in found.items():
        if kind != NAME and kind not in array.coords:
            settled = settled.assign_coords({kind: _coordinate(array, values)})
    for kind, values in found.items():
        if len(values) == 1:
            settled.attrs[_SINGLE.get(kind, _LISTS[kind])] = values[0]
        else:
            settled.attrs[_LISTS[kind]] = values
    return _note_order(settled)


def add_names(array: xr.DataArray, names: Sequence[str]) -> None:
    """Add the names of the bands as `long_name`, with the numbers of the bands that it is in the order of."""
    array.attrs[_LISTS[NAME]] = tuple(names) if len(names) > 1 else names[0]
    _note_order(array)


def add_scaling(array: xr.DataArray, scales: Sequence[float], offsets: Sequence[float]) -> xr.DataArray:
    """Add scale and offset where there are any: as attributes, as rioxarray has them, and along the bands."""
    for kind, values, neutral in ((SCALE, scales, 1.0), (OFFSET, offsets, 0.0)):
        if set(values) == {neutral}:
            continue
        if len(set(values)) == 1:
            array.attrs[_SINGLE[kind]] = values[0]
        else:
            array.attrs[_LISTS[kind]] = tuple(values)
            array = array.assign_coords({kind: (BAND, np.array(values, dtype=np.float64))})
    return array


def carry_bands(source: xr.DataArray, target: xr.DataArray, others: Sequence[xr.DataArray]) -> xr.DataArray:
    """Give a product of several arrays what the first says of its bands and layers, where all say the same.

    Args:
        source: The first array.
        target: The product, on another grid; with the same axes before y and x.
        others: The further arrays.
    """
    leading = set(source.dims[:-2])
    coords = {
        name: coord.variable
        for name, coord in source.coords.items()
        if name not in target.coords
        and (
            (coord.dims and set(coord.dims) <= leading) or (not coord.dims and name in (BAND, SCALE, OFFSET))
        )
        and all(
            name in other.coords and coord.variable.equals(other.coords[name].variable) for other in others
        )
    }
    for key in (*_SINGLE.values(), _LISTS[SCALE], _LISTS[OFFSET]):
        if key in source.attrs:
            target.attrs[key] = source.attrs[key]
    return target.assign_coords(coords)


def _scaling(array: xr.DataArray, kind: str) -> tuple[float, ...]:
    count = count_bands(array)
    values = _along_bands(array, kind)
    if values is None:
        values = band_values(array, _LISTS[kind])
    if values is None:
        single = array.attrs.get(_SINGLE[kind])
        if single is None:
            return ()
        values = _listed(single) or (single,)
    if len(values) not in (1, count):
        raise _misfit(array, kind, values)
    try:
        numbers = tuple(float(value) for value in values)
    except (TypeError, ValueError) as error:
        raise _misfit(array, kind, values) from error
    return numbers * count if len(numbers) == 1 else numbers


def _misfit(array: xr.DataArray, kind: str, values: Sequence[Any]) -> RasterError:
    return RasterError(
        "E-RAS-10",
        f"{_SINGLE[kind]} is to be one number per band",
        found={
            _SINGLE[kind]: ", ".join(repr(value) for value in values[:8]),
            "bands": str(count_bands(array)),
        },
        hint=f"set attrs['{_SINGLE[kind]}'] to one number, or take it away",
    )


def _along_bands(array: xr.DataArray, name: str) -> tuple[Any, ...] | None:
    """Give what a coordinate along the bands holds, or one of the one band that was chosen; None without."""
    if name not in array.coords:
        return None
    coord = array.coords[name]
    if coord.dims not in ((), (BAND,)):
        return None
    return tuple(np.atleast_1d(coord.values).tolist())


def _of_bands(array: xr.DataArray, values: object) -> tuple[Any, ...] | None:
    """Choose from a list what belongs to the bands that are there; None where it does not tell.

    A list is one of all bands of the file, in the order of their numbers or of `ORDER`; only where numbers
    are unknown, or none of the list's, is it one of the bands there are.
    """
    listed = _listed(values)
    if listed is None:
        return None
    numbers = _labelled_numbers(array)
    order = _listed(array.attrs.get(ORDER)) or ()
    if len(order) != len(listed):
        order = tuple(range(1, len(listed) + 1))
    if numbers is not None and set(numbers) <= set(order):
        return tuple(listed[order.index(number)] for number in numbers)
    foreign = numbers is None or not set(numbers) & set(order)
    return listed if foreign and len(listed) == count_bands(array) else None


def _note_order(array: xr.DataArray) -> xr.DataArray:
    numbers = _labelled_numbers(array)
    if numbers is not None and BAND in array.dims and numbers != tuple(range(1, len(numbers) + 1)):
        array.attrs[ORDER] = numbers
    return array


def _labelled_numbers(array: xr.DataArray) -> tuple[int, ...] | None:
    labels = array.coords[BAND].values if BAND in array.coords else None
    if labels is None or labels.dtype.kind not in "iu" or labels.ndim > 1:
        return None
    return tuple(int(label) for label in np.atleast_1d(labels))


def _listed(value: object) -> tuple[Any, ...] | None:
    if isinstance(value, (list, tuple)):
        return tuple(value)
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return tuple(value.tolist())
    return None


def _coordinate(array: xr.DataArray, values: Sequence[Any]) -> xr.Variable:
    if BAND in array.dims:
        return xr.Variable((BAND,), np.array(values))
    return xr.Variable((), np.array(values[0]))
