"""A raster as its header describes it: neither a handle nor an array."""

from __future__ import annotations

import html
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from odc.geo.geobox import GeoBox

from georoi.crs import crs_label
from georoi.errors import CRSError, RasterError, UsageError
from georoi.grid import describe, grid_bounds, grid_crs
from georoi.values.bands import BandRequest, find_bands

if TYPE_CHECKING:
    import xarray

    from georoi.values.composition import Composition

Number = int | float
MaskKind = Literal["none", "nodata", "mask", "alpha"]
"""How a file says which pixels are valid: not at all, by a value, by a mask of its own, by an alpha band."""


class Georeference(StrEnum):
    """How a raster's pixels find their place; only the first two are grids to work on."""

    CRS = "crs"
    """A transform and a CRS."""
    PIXEL = "pixel"
    """Pixel space, asked for by name."""
    UNKNOWN = "unknown"
    """No CRS, and pixel space was not asked for."""
    GCPS = "gcps"
    """Ground control points only."""
    RPCS = "rpcs"
    """Rational polynomial coefficients only."""
    NONE = "none"
    """A CRS without a transform, or with coordinates that are not evenly spaced."""


class _Described:
    """What follows from the fields that a header and a raster share."""

    grid: GeoBox
    band_names: tuple[str, ...]
    dtype: str
    nodata: tuple[Number | None, ...]
    georeference: Georeference

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return int(self.grid.shape[0]), int(self.grid.shape[1])

    @property
    def count(self) -> int:
        """Number of bands."""
        return len(self.band_names)

    @property
    def is_pixel(self) -> bool:
        """Whether it is in pixel space: x right, y down, (0, 0) the outer corner of the first pixel."""
        return self.georeference == Georeference.PIXEL

    @property
    def itemsize(self) -> int:
        """Bytes of a value."""
        return np.dtype(self.dtype).itemsize

    @property
    def fill(self) -> Number | None:
        """The value to put outside a ROI without ambiguity; see `fill_value`."""
        return fill_value(self.dtype, self.nodata)


@dataclass(frozen=True, kw_only=True)
class Header(_Described):
    """What planning needs to know of a raster, whether it is a file or an array."""

    grid: GeoBox
    band_names: tuple[str, ...]
    dtype: str
    nodata: tuple[Number | None, ...]
    """Nodata value per band."""
    block_shape: tuple[int, int]
    """Rows and columns of a block, not larger than the raster."""
    name: str = "raster"
    georeference: Georeference = Georeference.CRS
    mask_kind: MaskKind = "none"


@dataclass(frozen=True, kw_only=True)
class Raster(_Described):
    """A raster as read from its header: where it is, its grid, its bands. Picklable; holds nothing open."""

    path: str
    """What is opened: an absolute path or a GDAL name made from one; may hold a URL with its signature."""
    name: str
    """How the raster is called in messages: no folder, no secret."""
    grid: GeoBox
    georeference: Georeference
    bands: tuple[int, ...]
    """Numbers of the bands in the file, from 1."""
    band_names: tuple[str, ...]
    dtype: str
    """Name of the numpy dtype that all the bands have."""
    nodata: tuple[Number | None, ...]
    """Nodata value per band, representable in `dtype`; None where there is none."""
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    block_shape: tuple[int, int]
    """Rows and columns of a block of the file, not larger than the raster."""
    mask_kind: MaskKind
    driver: str
    fingerprint: str
    """Size, time and digest of the header: changes when the file does."""
    compression: str | None = None
    predictor: int = 1
    interleave: Literal["pixel", "band"] = "band"
    layout: str | None = None
    """"COG" where the file says it is one."""
    overviews: tuple[int, ...] = ()
    """Decimation factors of the overviews."""
    colors: tuple[str, ...] | None = None
    """Colour interpretation per band, such as "red" or "alpha"."""
    palette: tuple[tuple[int, ...], ...] | None = None
    """(red, green, blue, alpha) of each value from 0, each 0..255, where a single band has a palette."""
    date: datetime | None = None
    """When the image was taken (UTC), where the file or its name says so; None where bands differ in it."""
    dates: tuple[datetime | None, ...] | None = None
    """The same per band, for files whose bands are dates."""
    file_bytes: int | None = None
    masked: bool = False
    """Whether arrays made from this raster carry NaN in place of invalid pixels."""
    scaled: bool = False
    """Whether arrays made from this raster have scale and offset applied."""
    notes: tuple[str, ...] = ()
    """What was decided or ignored when the header was read, in words."""
    composition: Composition | None = None
    """What its pixels are made of, where it is no file of its own but other rasters, joined or resampled."""
    loader: Callable[[Raster, Any], xarray.DataArray] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        lengths = {
            len(self.bands),
            len(self.band_names),
            len(self.nodata),
            len(self.scales),
            len(self.offsets),
        }
        if lengths != {len(self.bands)} or not self.bands:
            raise ValueError("a Raster needs at least one band, and as many names, nodata values and scales")

    @property
    def header(self) -> Header:
        """What planning needs to know."""
        return Header(
            grid=self.grid,
            band_names=self.band_names,
            dtype=self.dtype,
            nodata=self.nodata,
            block_shape=self.block_shape,
            name=self.name,
            georeference=self.georeference,
            mask_kind=self.mask_kind,
        )

    def select(self, bands: BandRequest) -> Raster:
        """Keep some of the bands, by their numbers in the file or by name, in the order asked for.

        Raises:
            RasterError: E-RAS-04 if there is no such band.
        """
        kept = find_bands(bands, self.bands, self.band_names, self.name)
        dates = None if self.dates is None else tuple(self.dates[i] for i in kept)
        return replace(
            self,
            bands=tuple(self.bands[i] for i in kept),
            band_names=tuple(self.band_names[i] for i in kept),
            nodata=tuple(self.nodata[i] for i in kept),
            scales=tuple(self.scales[i] for i in kept),
            offsets=tuple(self.offsets[i] for i in kept),
            colors=None if self.colors is None else tuple(self.colors[i] for i in kept),
            dates=dates,
            date=self.date if dates is None else common_date(dates),
        )

    def palette_of(self, dtype: str) -> dict[int, tuple[int, ...]] | None:
        """Give the palette by value, where there is one and pixels of `dtype` are the values it is for."""
        if self.palette is None or dtype != self.dtype or self.colors != ("palette",):
            return None
        return dict(enumerate(self.palette))

    def to_xarray(self, chunks: Any = None) -> xarray.DataArray:
        """Make the DataArray (band, y, x): lazy with `chunks`, which dask understands, or by default.

        Raises:
            UsageError: E-USE-01 if the raster was not made by `georoi.open_raster`.
        """
        if self.loader is None:
            raise UsageError(
                "E-USE-01", "this Raster cannot load itself", hint="make it with georoi.open_raster"
            )
        return self.loader(self, chunks)

    def to_dict(self) -> dict[str, Any]:
        """Describe the raster with values that JSON can hold; NaN and infinities are texts."""
        return {
            "name": self.name,
            "driver": self.driver,
            "cog": self.layout == "COG",
            "shape": list(self.shape),
            "georeference": self.georeference.value,
            "crs": self._crs_text(),
            "transform": [float(value) for value in self.grid.affine[:6]],
            "bounds": list(grid_bounds(self.grid)),
            "dtype": self.dtype,
            "bands": [
                {
                    "number": self.bands[i],
                    "name": self.band_names[i],
                    "nodata": _jsonable(self.nodata[i]),
                    "scale": self.scales[i],
                    "offset": self.offsets[i],
                    "color": None if self.colors is None else self.colors[i],
                    "date": _date_text(self.date if self.dates is None else self.dates[i]),
                }
                for i in range(self.count)
            ],
            "mask": self.mask_kind,
            "block_shape": list(self.block_shape),
            "compression": self.compression,
            "predictor": self.predictor,
            "interleave": self.interleave,
            "overviews": list(self.overviews),
            "date": _date_text(self.date),
            "file_bytes": self.file_bytes,
            "fingerprint": self.fingerprint,
            "notes": list(self.notes),
        }

    def __repr__(self) -> str:
        rows = self._facts()
        return f"Raster '{self.name}': {rows['grid']}\n  {rows['bands']}; {rows['nodata']}; {rows['blocks']}"

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>"
            for name, text in self._facts().items()
        )
        return f"<div><b>Raster</b> {html.escape(self.name)}<table>{cells}</table></div>"

    def _facts(self) -> dict[str, str]:
        names = ", ".join(self.band_names[:8]) + (", ..." if self.count > 8 else "")
        declared = {str(value) for value in self.nodata}
        invalid = "nodata " + ("per band" if len(declared) > 1 else declared.pop())
        if self.mask_kind in ("mask", "alpha"):
            invalid += f", {self.mask_kind}"
        facts = {
            "grid": describe(self.grid).replace("no CRS", self._crs_text()),
            "bands": f"{self.count} band{'s' if self.count > 1 else ''} of {self.dtype} ({names})",
            "nodata": invalid.replace("nodata None", "no nodata"),
            "blocks": f"{self.driver}, blocks of {self.block_shape[0]} x {self.block_shape[1]}, "
            f"{self.compression or 'not compressed'}",
        }
        if self.date is not None:
            facts["date"] = _date_text(self.date) or ""
        elif self.dates is not None:
            facts["dates"] = f"{_date_text(self.dates[0])} to {_date_text(self.dates[-1])}"
        if self.notes:
            facts["notes"] = "; ".join(self.notes)
        return facts

    def _crs_text(self) -> str:
        return "pixel space" if self.is_pixel else crs_label(grid_crs(self.grid))


def require_grid(raster: Raster | Header) -> GeoBox:
    """Give the raster's grid, if it is one that ROIs can be laid on.

    Raises:
        CRSError: E-CRS-01 if the CRS is unknown.
        RasterError: E-RAS-03 if there are control points or RPCs only, or no transform.
    """
    georeference, name = raster.georeference, raster.name
    if georeference in (Georeference.CRS, Georeference.PIXEL):
        return raster.grid
    if georeference == Georeference.UNKNOWN:
        raise CRSError(
            "E-CRS-01",
            f"the CRS of raster '{name}' is unknown",
            found={"raster": describe(raster.grid)},
            hint="say it with open_raster(..., raster_crs=) (--raster-crs), such as EPSG:32633; or work in "
            "pixels with raster_crs='pixel' (--pixel)",
        )
    what = {
        Georeference.GCPS: "ground control points only",
        Georeference.RPCS: "RPCs only",
        Georeference.NONE: "a CRS, but no transform: its pixels have no evenly spaced place",
    }[georeference]
    raise RasterError(
        "E-RAS-03",
        f"raster '{name}' has no grid",
        found={"raster": what},
        hint="warp it to a grid first, for instance: gdalwarp IN OUT.tif",
    )


def fill_value(dtype: str, nodata: tuple[Number | None, ...]) -> Number | None:
    """Give the one value that is nodata in every band, NaN for floats that declare none, or None.

    Bands that disagree have no such value: what is nodata in one may be data in another.
    """
    first = nodata[0]
    if all(value is None for value in nodata):
        return math.nan if np.dtype(dtype).kind == "f" else None
    if all(value is not None and _equal(value, first) for value in nodata):
        return first
    return math.nan if np.dtype(dtype).kind == "f" else None


def common_date(dates: tuple[datetime | None, ...]) -> datetime | None:
    """Give the date that all bands share, or None."""
    return dates[0] if len(set(dates)) == 1 else None


def _equal(a: Number, b: Number | None) -> bool:
    return b is not None and (a == b or (math.isnan(a) and math.isnan(b)))


def _jsonable(value: Number | None) -> Number | str | None:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _date_text(date: datetime | None) -> str | None:
    if date is None:
        return None
    midnight = (date.hour, date.minute, date.second, date.microsecond) == (0, 0, 0, 0)
    return date.date().isoformat() if midnight else date.isoformat()
