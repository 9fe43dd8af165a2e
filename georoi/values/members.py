"""What rasters must be to make a stack: dated, each there once, with the same bands."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from georoi.errors import RasterError
from georoi.grid import key
from georoi.values.dating import say_moment
from georoi.values.naming import some
from georoi.values.raster import Raster
from georoi.wording import say_count


def settle(rasters: Iterable[Raster]) -> tuple[Raster, ...]:
    """Put rasters in order of time and their bands in the order of the first one's.

    Raises:
        RasterError: E-STK-01 without a date, E-STK-03 bands differ, E-STK-04 no raster, E-STK-05 one raster
            twice.
    """
    given = list(rasters)
    if not given:
        raise RasterError("E-STK-04", "a stack needs at least one raster", hint="check the source")
    _refuse_undated(given)
    ordered = sorted(given, key=_place)
    _refuse_twice(ordered)
    return tuple(_in_order_of(ordered[0], raster) for raster in ordered)


def date_of(raster: Raster) -> datetime:
    """Give the date of a raster that has one."""
    if raster.date is None:  # a Stack refuses it
        raise ValueError(f"raster '{raster.name}' has no date")
    return raster.date


def identify(raster: Raster) -> tuple[object, ...]:
    """Give what tells a raster of a stack from another: date, content of the file, bands, grid; no path."""
    return (
        date_of(raster).isoformat(),
        raster.fingerprint,
        raster.name.partition("::")[2],
        raster.bands,
        raster.band_names,
        tuple(str(value) for value in raster.nodata),
        raster.scales,
        raster.offsets,
        (raster.masked, raster.scaled),
        key(raster.grid),
    )


def _place(raster: Raster) -> tuple[datetime, str, str, tuple[int, ...]]:
    return date_of(raster), raster.name, raster.path, raster.bands


def _refuse_undated(rasters: list[Raster]) -> None:
    without = [raster.name for raster in rasters if raster.date is None]
    if without:
        raise RasterError(
            "E-STK-01",
            f"the stack has {say_count(len(without), 'raster')} without a date",
            found={"without date": some(without)},
            hint="give dates= (a list, a mapping from name to date, or a function of the name), or pattern= "
            'such as "S2_%Y%m%d.tif", which also chooses among the files of a folder',
        )


def _refuse_twice(ordered: list[Raster]) -> None:
    seen: set[tuple[object, ...]] = set()
    for raster in ordered:
        digest = key(raster.grid)
        content = raster.fingerprint, raster.name.partition("::")[2], raster.bands, digest
        keys: set[tuple[object, ...]] = {("file", raster.path, *content)}
        if not raster.fingerprint.startswith("remote"):  # a server that says nothing says the same of all
            keys.add(("content", date_of(raster), *content))
        if keys & seen:
            raise RasterError(
                "E-STK-05",
                f"raster '{raster.name}' is in the stack twice",
                found={"file": raster.name, "date": say_moment(date_of(raster))},
                hint="give each file once; two acquisitions of one day are two files",
            )
        seen |= keys


def _in_order_of(first: Raster, raster: Raster) -> Raster:
    if raster.band_names == first.band_names:
        return raster
    if sorted(raster.band_names) == sorted(first.band_names):
        return raster.select(first.band_names)
    common = [name for name in first.band_names if name in raster.band_names]
    hint = (
        f"choose what they share: bands={common}"
        if common
        else "choose bands by number, which then go by the names of the first raster"
    )
    raise RasterError(
        "E-STK-03",
        "the rasters of the stack have different bands",
        found={
            first.name: some(first.band_names, 16),
            raster.name: some(raster.band_names, 16),
        },
        hint=hint,
    )
