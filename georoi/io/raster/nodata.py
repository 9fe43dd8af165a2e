"""Nodata values as a file declares them, to the last digit, and whether they fit the pixels' dtype."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from xml.etree import ElementTree

import numpy as np
import rasterio.shutil
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader, MemoryFile

from georoi.errors import RasterError
from georoi.values.raster import Number


def as_nodata(value: object, dtype: str) -> Number | None:
    """Give the value as `dtype` holds it, exactly for integers and rounded for floats; None if it cannot.

    Args:
        value: A number or a text that is one.
        dtype: Name of a numpy dtype, integer or float; bool holds none.
    """
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return None
    if kind.kind == "f":
        return _fit_float(value, kind)
    if isinstance(value, numbers.Integral):
        number = int(value)
    else:
        try:
            exact = Decimal(str(value))
            if not exact.is_finite() or exact.adjusted() > 20 or exact != exact.to_integral_value():
                return None
            number = int(exact)
        except InvalidOperation:
            return None
    limits = np.iinfo(kind)
    return number if limits.min <= number <= limits.max else None


def fit_nodata(nodata: Number, dtype: str) -> Number:
    """Give a nodata value as a pixel of the dtype holds it: an exact int, or the nearest float of that width.

    Raises:
        RasterError: E-RAS-05 if no pixel of the dtype can hold it.
    """
    fitted = as_nodata(nodata, dtype)
    if fitted is None or (math.isinf(fitted) and nodata not in (math.inf, -math.inf)):
        kind = np.dtype(dtype)
        span = f"{np.iinfo(kind).min} to {np.iinfo(kind).max}" if kind.kind in "iu" else f"{kind.name} values"
        raise RasterError(
            "E-RAS-05",
            f"nodata {nodata} does not fit dtype {dtype}",
            hint=f"pixels of this image hold {span}",
        )
    return fitted


def override_nodata(value: object, dtype: str, raster: str) -> Number:
    """Check a nodata value that the user gives.

    Raises:
        RasterError: E-RAS-05 if the dtype cannot hold it.
    """
    fitted = None if isinstance(value, bool) else as_nodata(value, dtype)
    if fitted is None:
        kind = np.dtype(dtype)
        span = f"{np.iinfo(kind).min} to {np.iinfo(kind).max}" if kind.kind in "iu" else "numbers and NaN"
        raise RasterError(
            "E-RAS-05",
            f"nodata {value!r} does not fit raster '{raster}'",
            found={"raster": f"{dtype}, which holds {span}"},
            hint="give a value that the dtype can hold",
        )
    return fitted


def declared_nodata(
    dataset: DatasetReader, bands: Sequence[int], dtype: str
) -> tuple[tuple[Number | None, ...], list[str]]:
    """Give the nodata value of each band, None where it has none or one that its dtype cannot hold.

    rasterio hands nodata over as a float, which loses 64-bit integers, and drops what does not fit without a
    word; so for integers the exact text is looked at.

    Returns:
        The values, and a note for each declared value that is ignored.
    """
    floats = dataset.nodatavals
    stated: list[object] = [floats[band - 1] for band in bands]
    if np.dtype(dtype).kind in "iu" and (np.dtype(dtype).itemsize == 8 or None in stated):
        texts = _texts(dataset)
        stated = [texts.get(band, value) for band, value in zip(bands, stated, strict=True)]
    values = tuple(None if value is None else as_nodata(value, dtype) for value in stated)
    ignored = {
        str(text) for text, value in zip(stated, values, strict=True) if text is not None and value is None
    }
    return values, [f"declared nodata {text} does not fit {dtype} and is ignored" for text in sorted(ignored)]


def _texts(dataset: DatasetReader) -> dict[int, str]:
    """Read nodata values as GDAL would write them into a VRT, which is exact for every format."""
    try:
        with MemoryFile(ext=".vrt") as memory:
            rasterio.shutil.copy(dataset, memory.name, driver="VRT")
            root = ElementTree.fromstring(memory.read())
    except (RasterioError, OSError, ValueError, ElementTree.ParseError):
        return {}  # what rasterio says of nodata then stands
    found = {}
    for element in root.iter("VRTRasterBand"):
        text = element.findtext("NoDataValue")
        if text and element.get("band"):
            found[int(element.get("band", "0"))] = text.strip()
    return found


def _fit_float(value: object, kind: np.dtype[np.floating]) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    if not math.isfinite(number):
        return number
    largest = float(np.finfo(kind).max)
    if abs(number) > largest:
        # Files say 3.40282347e+38 and mean the largest float32, which is a hair below.
        return math.copysign(largest, number) if abs(number) < largest * (1 + 1e-6) else None
    return float(kind.type(number))
