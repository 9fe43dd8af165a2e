"""What the user asks of a stack beside its source, checked before anything is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from odc.geo.geobox import GeoBox

from georoi.errors import UsageError
from georoi.io.raster.stack_sources import Dates
from georoi.planning.stacking import Align, choose_resampling
from georoi.values.bands import BandRequest
from georoi.values.composition import OVERLAPS
from georoi.values.raster import Number, Raster
from georoi.values.stack import Stack


@dataclass(frozen=True, kw_only=True)
class StackRequest:
    """What the user asks of a stack beside its source."""

    dates: Dates | None = None
    bands: BandRequest | None = None
    pattern: str | None = None
    raster_crs: object = None
    nodata: Number | None = None
    align: Align | None = None
    like: GeoBox | None = None
    start: object = None
    stop: object = None
    mosaic: str | None = None
    overlap: str = "first"
    loader: Callable[[Raster, Any], Any] | None = None
    stack_loader: Callable[[Stack, Any, bool], Any] | None = None

    @property
    def wanted(self) -> tuple[int | str, ...] | None:
        """The bands asked for, one by one; None for all."""
        if self.bands is None:
            return None
        alone = isinstance(self.bands, str) or not isinstance(self.bands, Iterable)
        return (self.bands,) if alone else tuple(self.bands)  # type: ignore[return-value,arg-type]


def check_request(request: StackRequest) -> None:
    """Refuse options that mean nothing, whether the source would make use of them or not.

    Raises:
        UsageError: E-USE-01.
    """
    if request.mosaic not in (None, "same-day"):
        raise UsageError("E-USE-01", f"mosaic must be 'same-day' or None, not {request.mosaic!r}")
    if request.overlap not in OVERLAPS:
        raise UsageError("E-USE-01", f"overlap must be one of {', '.join(OVERLAPS)}, not {request.overlap!r}")
    _check_type("pattern", request.pattern, str, 'a text, such as "S2_%Y%m%d.tif"')
    _check_type("align", request.align, (str, Mapping), 'a resampling, or one by band: {"SCL": "nearest"}')
    if request.align is not None:
        named = [""] if isinstance(request.align, str) else list(request.align)
        for band in named:
            choose_resampling(request.align, band)
    dates: Any = request.dates
    if (
        dates is not None
        and not callable(dates)
        and (isinstance(dates, str) or not isinstance(dates, Iterable))
    ):
        raise UsageError(
            "E-USE-01",
            f"dates must be a list, a mapping or a function, not {dates!r}",
            hint='one date is a list, too: dates=["2018-07-21"]',
        )


def _check_type(name: str, value: object, kinds: Any, wanted: str) -> None:
    if value is not None and not isinstance(value, kinds):
        raise UsageError("E-USE-01", f"{name} must be {wanted}, not {value!r}")
