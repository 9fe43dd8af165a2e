"""What stands for "no data" in a product: its dtype, its value, and what a declared value becomes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from georoi.errors import RasterError
from georoi.io.raster.nodata import fit_nodata
from georoi.values.raster import Header, Number, Raster

_PROMOTED = {1: "float32", 2: "float32", 4: "float64"}
"""The float dtype that holds every integer of so many bytes, and NaN."""


@dataclass(frozen=True, kw_only=True)
class Filling:
    """How pixels are written down in a product, and what stands where there is no data."""

    dtype: str
    value: Number
    """What pixels without data get."""
    nodata: Number | None
    """What the product declares; None where a mask tells, or where nothing is without data."""
    foreign: tuple[Number | None, ...]
    """Per band of the source, the declared nodata value that is not `value` and so is turned into it."""
    scales: tuple[float, ...] = ()
    """Per band, to be applied; empty where values stay as they are stored."""
    offsets: tuple[float, ...] = ()
    note: str = ""
    """What was decided, in words."""
    axis: int = -3
    """Where the bands lie in values, counted from the last axis."""

    @property
    def by_band(self) -> bool:
        """Whether bands are written down each in its own way, so that they must come all together."""
        return bool(self.scales) or len(set(self.foreign)) > 1

    @property
    def changes_values(self) -> bool:
        """Whether anything but the pixels without data differs from the source."""
        return bool(self.scales) or any(value is not None for value in self.foreign)

    def convert(self, values: NDArray[Any]) -> NDArray[Any]:
        """Write the source's values down as the product has them; the same array where nothing changes.

        Args:
            values: Shape (..., rows, cols), with all bands along `axis` where these differ (`by_band`).
        """
        if not self.changes_values:
            return values.astype(self.dtype, copy=False)
        converted = values.astype(self.dtype)
        if self.scales:
            converted *= np.asarray(self.scales)[:, None, None]
            converted += np.asarray(self.offsets)[:, None, None]
        if len(set(self.foreign)) == 1:
            converted[_equals(values, self.foreign[0])] = self.value
            return converted
        bands = np.moveaxis(converted, self.axis, 0), np.moveaxis(values, self.axis, 0)
        for nodata, band, stored in zip(self.foreign, *bands, strict=True):
            if nodata is not None:
                band[_equals(stored, nodata)] = self.value
        return converted


def choose_filling(
    source: Raster | Header, *, nodata: Number | None = None, to_file: bool = False, needed: bool = True
) -> Filling:
    """Decide what stands for no data, so that it is never a value by accident.

    A nodata value that is given or declared (the same for all bands) is used, and floats without one get NaN.
    Integers without one, or whose bands declare different ones, become floats with NaN in an array (up to 16
    bit float32, 32 bit float64); in a file they stay what they are and a mask tells.

    Args:
        source: Where the pixels come from; a `Raster` that is masked or scaled says so.
        nodata: Given by the user; a declared one is turned into it.
        to_file: Whether the product is a file, which can carry a mask.
        needed: Whether there can be pixels without data that no nodata value marks yet.

    Raises:
        RasterError: E-RAS-05 if the nodata value does not fit, or bands declare different ones where one is
            needed; E-RAS-06 for 64-bit integers that would become floats.
    """
    dtype = "uint8" if source.dtype == "bool" and (to_file or nodata is not None) else source.dtype
    if isinstance(source, Raster) and (source.masked or source.scaled):
        return _as_floats(source, nodata)
    if nodata is not None:
        return _mark(source, dtype, fit_nodata(nodata, dtype))
    declared = source.fill
    if declared is not None:
        return _mark(source, dtype, declared)
    if len(set(source.nodata)) > 1 and to_file:
        raise RasterError(
            "E-RAS-05",
            f"the bands of '{source.name}' declare different nodata values, and a file has one for all",
            found={"nodata": ", ".join(str(value) for value in source.nodata)},
            hint="choose one with nodata= (--nodata)",
        )
    if to_file or (not needed and len(set(source.nodata)) == 1):
        note = "no nodata value is declared, so a mask tells which pixels are valid" if needed else ""
        return Filling(dtype=dtype, value=0, nodata=None, foreign=(None,) * source.count, note=note)
    return _mark(source, _promote(source), math.nan)


def _mark(source: Raster | Header, dtype: str, value: Number) -> Filling:
    foreign = tuple(None if nodata is None or _same(nodata, value) else nodata for nodata in source.nodata)
    return Filling(dtype=dtype, value=value, nodata=value, foreign=foreign)


def _as_floats(raster: Raster, nodata: Number | None) -> Filling:
    """Give what a masked or scaled raster stands for: floats, with NaN where there is no data."""
    dtype = _promote(raster)
    dtype = "float64" if raster.scaled else dtype
    value = math.nan if nodata is None else fit_nodata(nodata, dtype)
    foreign = tuple(None if number is None or _same(number, value) else number for number in raster.nodata)
    if not raster.scaled:
        return Filling(dtype=dtype, value=value, nodata=value, foreign=foreign)
    return Filling(
        dtype=dtype,
        value=value,
        nodata=value,
        foreign=raster.nodata,
        scales=raster.scales,
        offsets=raster.offsets,
        note="scale and offset are applied",
    )


def _promote(source: Raster | Header) -> str:
    kind = np.dtype(source.dtype)
    if kind.kind == "f":
        return source.dtype
    if kind.itemsize not in _PROMOTED:
        _refuse(source)
    return _PROMOTED[kind.itemsize]


def _refuse(source: Raster | Header) -> NoReturn:
    """Say why 64-bit integers would become floats, and how they need not."""
    hint = "say which value means no data: nodata= (--nodata)"
    if isinstance(source, Raster) and (source.masked or source.scaled):
        asked = "scaled" if source.scaled else "masked"
        why = f"{asked}=True makes floats of it"
        hint = f"open it without {asked}=True, and give nodata= if it declares none"
    elif any(value is not None for value in source.nodata):
        why = "its bands declare different nodata values"
    else:
        why = "it declares no nodata value for pixels without data"
    raise RasterError(
        "E-RAS-06",
        f"'{source.name}' holds {source.dtype}, of which no float holds all values, and {why}",
        found={"nodata": ", ".join(dict.fromkeys(str(value) for value in source.nodata))},
        hint=hint,
    )


def _same(a: Number, b: Number) -> bool:
    return a == b or (a != a and b != b)


def _equals(values: NDArray[Any], nodata: Number | None) -> NDArray[np.bool_]:
    """Tell which values are the nodata value, which fits their dtype."""
    if nodata is None:
        return np.zeros(values.shape, dtype=bool)
    equal: NDArray[np.bool_] = np.isnan(values) if nodata != nodata else values == values.dtype.type(nodata)
    return equal
