"""What an open dataset's header says, as a Raster."""

from __future__ import annotations

import hashlib
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rasterio.enums import ColorInterp, Interleaving, MaskFlags
from rasterio.io import DatasetReader

from georoi.errors import GeoroiWarning, RasterError
from georoi.io.names import LONGEST_NAME, shown
from georoi.io.raster.dates import date_from_name, date_from_tags
from georoi.io.raster.netcdf import name_time_steps
from georoi.io.raster.nodata import declared_nodata, override_nodata
from georoi.io.raster.placement import place_pixels
from georoi.io.raster.sources import Source, file_size
from georoi.values.bands import BandRequest, find_bands
from georoi.values.raster import MaskKind, Number, Raster, common_date


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the user asks of a raster beside its path."""

    bands: BandRequest | None = None
    nodata: Number | None = None
    masked: bool = False
    scaled: bool = False
    raster_crs: object = None
    loader: Callable[[Raster, Any], Any] | None = None


def read_header(dataset: DatasetReader, source: Source, stamp: str, request: Request) -> Raster:
    """Make the Raster from an open dataset; reads no pixel.

    Args:
        dataset: The open dataset.
        source: Where it is.
        stamp: Its fingerprint.
        request: What the user asked for.

    Raises:
        RasterError: E-RAS-01 without bands, E-RAS-04 no such band, E-RAS-05 unfit nodata, E-RAS-09 unfit
            pixels.
        CRSError: See `georoi.io.raster.placement.place_pixels`.
    """
    if not dataset.count or not dataset.width or not dataset.height:
        raise RasterError("E-RAS-01", f"raster '{source.name}' holds no band of pixels")
    names, dates = name_bands(dataset, source)
    numbers = range(1, dataset.count + 1)
    chosen = find_bands(request.bands, numbers, names, source.name)
    bands = tuple(numbers[i] for i in chosen)
    dtype = _common_dtype(dataset, bands, source.name)
    nodata, nodata_notes = _nodata(dataset, bands, dtype, request, source.name)
    place = place_pixels(dataset, request.raster_crs, source.name)
    structure = dataset.tags(ns="IMAGE_STRUCTURE")
    if dates is None:
        tags_date = date_from_tags(dataset.tags(ns="IMAGERY"), dataset.tags())
        dates_of_bands, date = None, tags_date or date_from_name(source.name)
    else:
        dates_of_bands = tuple(dates[i] for i in chosen)
        date = common_date(dates_of_bands)
    block_rows, block_cols = dataset.block_shapes[bands[0] - 1]
    scales, offsets, colors = dataset.scales, dataset.offsets, dataset.colorinterp
    return Raster(
        path=source.path,
        name=source.name,
        grid=place.grid,
        georeference=place.georeference,
        bands=bands,
        band_names=tuple(names[i] for i in chosen),
        dtype=dtype,
        nodata=nodata,
        scales=tuple(float(scales[band - 1]) for band in bands),
        offsets=tuple(float(offsets[band - 1]) for band in bands),
        block_shape=(min(block_rows, dataset.height), min(block_cols, dataset.width)),
        mask_kind=mask_kind(dataset, bands),
        driver=dataset.driver,
        fingerprint=stamp,
        compression=_compression(structure, dataset.driver),
        predictor=int(structure.get("PREDICTOR", "1")) if structure.get("PREDICTOR", "1").isdigit() else 1,
        interleave="pixel" if dataset.interleaving == Interleaving.pixel else "band",
        layout=structure.get("LAYOUT"),
        overviews=tuple(dataset.overviews(bands[0])),
        colors=tuple(colors[band - 1].name for band in bands),
        palette=_palette(dataset, bands),
        date=date,
        dates=dates_of_bands,
        file_bytes=file_size(source.container),
        masked=request.masked,
        scaled=request.scaled,
        notes=(*place.notes, *nodata_notes),
        loader=request.loader,
    )


def name_bands(dataset: DatasetReader, source: Source) -> tuple[tuple[str, ...], tuple[Any, ...] | None]:
    """Name the bands: by their descriptions or dates, else by their numbers; and give their dates, if any."""
    dates = None
    given: Sequence[str | None] = dataset.descriptions
    if dataset.driver == "netCDF":
        given, dates = name_time_steps(dataset)
    named = [
        shown(name, LONGEST_NAME).strip() if name and name.strip() else str(number)
        for number, name in enumerate(given, 1)
    ]
    seen: Counter[str] = Counter()
    unique = []
    for name in named:
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return tuple(unique), dates


def mask_kind(dataset: DatasetReader, bands: Sequence[int]) -> MaskKind:
    """Tell how the file says which pixels of the bands are valid; the rules are GDAL's own."""
    stated = dataset.mask_flag_enums
    flags = [set(stated[band - 1]) for band in bands]
    if any(not flag or (MaskFlags.per_dataset in flag and MaskFlags.alpha not in flag) for flag in flags):
        return "mask"
    if any(MaskFlags.alpha in flag for flag in flags):
        return "alpha"
    return "nodata" if any(MaskFlags.nodata in flag for flag in flags) else "none"


def alpha_band(dataset: DatasetReader) -> int | None:
    """Give the number of the alpha band, if there is one."""
    kinds = dataset.colorinterp
    return kinds.index(ColorInterp.alpha) + 1 if ColorInterp.alpha in kinds else None


def header_digest(dataset: DatasetReader) -> str:
    """Digest what a header says, for sources whose bytes cannot be looked at."""
    facts = (
        dataset.driver,
        dataset.shape,
        dataset.dtypes,
        dataset.block_shapes[:1],
        tuple(dataset.transform),
        str(dataset.crs),
        sorted(dataset.tags().items()),
    )
    return hashlib.sha256(repr(facts).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _common_dtype(dataset: DatasetReader, bands: Sequence[int], name: str) -> str:
    stated = dataset.dtypes
    dtypes = {str(stated[band - 1]) for band in bands}
    if len(dtypes) > 1:
        groups = "; ".join(
            f"{dtype}: bands {', '.join(str(band) for band in bands if stated[band - 1] == dtype)}"
            for dtype in sorted(dtypes)
        )
        raise RasterError(
            "E-RAS-09",
            f"the bands of raster '{name}' are of several dtypes",
            found={"raster": shown(groups)},
            hint="choose bands of one dtype with bands= (--band)",
        )
    dtype = dtypes.pop()
    if dtype.startswith("complex") or np.dtype(dtype).kind not in "iuf":
        raise RasterError(
            "E-RAS-09",
            f"the pixels of raster '{name}' are {dtype}, which georoi does not work on",
            hint="make a raster of their amplitude or parts first",
        )
    return dtype


def _nodata(
    dataset: DatasetReader, bands: Sequence[int], dtype: str, request: Request, name: str
) -> tuple[tuple[Number | None, ...], list[str]]:
    if request.nodata is not None:
        return (override_nodata(request.nodata, dtype, name),) * len(bands), []
    values, notes = declared_nodata(dataset, bands, dtype)
    if notes:
        warnings.warn(f"raster '{name}': {'; '.join(notes)}", GeoroiWarning, stacklevel=4)
    return values, notes


def _palette(dataset: DatasetReader, bands: Sequence[int]) -> tuple[tuple[int, ...], ...] | None:
    if len(bands) != 1 or dataset.colorinterp[bands[0] - 1] != ColorInterp.palette:
        return None
    try:
        table = dataset.colormap(bands[0])
    except ValueError:  # it says that it has a palette, and has none
        return None
    return tuple(tuple(table.get(value, (0, 0, 0, 255))) for value in range(max(table, default=-1) + 1))


def _compression(structure: dict[str, str], driver: str) -> str | None:
    own = {"PNG": "deflate", "JPEG": "jpeg", "JP2OpenJPEG": "jpeg2000"}
    stated = structure.get("COMPRESSION", "").lower()
    return own.get(driver, "jpeg" if stated.endswith("jpeg") else stated or None)
