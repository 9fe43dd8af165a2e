"""Read one layer of a vector file through GDAL, raw: WKB and columns, no geometry parsed on the way."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyogrio
import pyogrio.raw
from numpy.typing import NDArray
from pyogrio._err import CPLE_BaseError  # pyogrio offers no public name for GDAL's own errors

from georoi.errors import ROIError
from georoi.io.names import shown
from georoi.io.vector import failures
from georoi.io.vector.failures import translated
from georoi.io.vector.wkb import parse_wkb
from georoi.values.features import Features
from georoi.values.naming import plain

FOREIGN = (*failures.FOREIGN, CPLE_BaseError)
"""What pyogrio may raise; its other errors are RuntimeErrors, ValueErrors and OSErrors."""
_FALLBACK_ENCODING = "ISO-8859-1"
_SILENT = re.compile(
    r"non closed ring|at most 3 are handled|field format|Measured \(M\) geometry|unsupported geometry type",
    re.IGNORECASE,
)
"""GDAL's remarks on single features, which get findings of their own, and on what does not matter to ROIs."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer as it was read."""

    features: Features
    crs: str | None
    """CRS as GDAL writes it: a code or WKT; None where there is none."""


def list_layers(target: str | bytes, name: str) -> list[tuple[str, str | None]]:
    """List the layers of a file with their geometry types, None for tables without geometry."""
    with translated(name, FOREIGN), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [(str(layer), kind) for layer, kind in pyogrio.list_layers(target)]


def read_layer(
    target: str | bytes,
    name: str,
    *,
    layer: int = 0,
    where: str | None = None,
    bbox: tuple[float, float, float, float] | None = None,
) -> Layer:
    """Read a layer, and parse its geometries one by one.

    Args:
        target: A path that GDAL opens, or the content of a file.
        name: What messages call the source.
        layer: Number of the layer.
        where: Filter in the SQL of the format.
        bbox: (xmin, ymin, xmax, ymax) in the layer's CRS; features off it may be left out.

    Raises:
        ROIError: E-ROI-01 if it cannot be read; E-ROI-09 if the filter is not understood.
    """
    options: dict[str, Any] = {"layer": layer, "where": where, "bbox": bbox, "return_fids": True}
    with warnings.catch_warnings(record=True) as remarks:
        warnings.simplefilter("always")
        with translated(name, FOREIGN):
            try:
                meta, fids, blobs, columns, notes = _read(target, options)
            except FOREIGN as error:
                if where is not None and _reads_without(target, options):
                    raise _bad_filter(where, name, error) from error
                raise
            fids = np.asarray(fids, dtype=np.int64)
            numbers = np.arange(len(fids))
            if where is not None or bbox is not None:
                numbers = _numbers(target, layer, fids)
    geometry, unread, mended = parse_wkb(np.asarray(blobs, dtype=object), numbers)
    said = dict.fromkeys(
        shown(str(remark.message).replace(str(target), name))
        for remark in remarks
        if not issubclass(remark.category, DeprecationWarning)  # between libraries, not about the file
    )
    notes += [text for text in said if not _SILENT.search(text)][:3]
    features = Features(
        geometry=geometry,
        numbers=numbers,
        attributes={str(field): column for field, column in zip(meta["fields"], columns, strict=True)},
        unread=unread,
        mended=mended,
        notes=tuple(notes),
    )
    return Layer(features, meta["crs"])


def _read(target: str | bytes, options: dict[str, Any]) -> tuple[Any, Any, Any, Any, list[str]]:
    """Read raw; text that is not in the encoding that the file states is taken as ISO-8859-1."""
    try:
        return *pyogrio.raw.read(target, **options), []
    except UnicodeDecodeError:
        note = f"text is not in the encoding that the file states, and was read as {_FALLBACK_ENCODING}"
        return *pyogrio.raw.read(target, **options, encoding=_FALLBACK_ENCODING), [note]


def _numbers(target: str | bytes, layer: int, fids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Find the places in the file of features that a filter let through."""
    _, every, _, _ = pyogrio.raw.read(target, layer=layer, columns=[], read_geometry=False, return_fids=True)
    every = np.asarray(every, dtype=np.int64)
    order = np.argsort(every, kind="stable")
    return order[np.searchsorted(every[order], fids)]


def _reads_without(target: str | bytes, options: dict[str, Any]) -> bool:
    try:
        pyogrio.raw.read(target, **(options | {"where": None, "max_features": 1}))
    except FOREIGN:
        return False
    return True


def _bad_filter(where: str, name: str, error: BaseException) -> ROIError:
    return ROIError(
        "E-ROI-09",
        f"the filter on {name} is not understood",
        found={"where": plain(where), "cause": shown(error, 160)},
        hint="write it as SQL does, such as \"class = 'forest' AND area > 5\"",
    )
