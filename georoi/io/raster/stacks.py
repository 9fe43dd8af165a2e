"""Stacks in: from a list, folder, table, STAC items or a file of many dates to dated rasters."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from odc.geo.geobox import GeoBox

from georoi.errors import RasterError, UsageError
from georoi.grid import describe, same
from georoi.io.raster.datepatterns import parse_pattern
from georoi.io.raster.nodata import as_nodata
from georoi.io.raster.rasters import list_variables, open_raster
from georoi.io.raster.scenes import Entry, Listing
from georoi.io.raster.sources import find_source
from georoi.io.raster.stack_requests import StackRequest, check_request
from georoi.io.raster.stack_sources import list_source, override_dates, read_moment
from georoi.io.raster.timesteps import split_bands, split_dates
from georoi.planning.resampling import meets
from georoi.planning.stacking import align_raster, join_bands, merge_days, show_bands
from georoi.values.dating import say_moment
from georoi.values.naming import some
from georoi.values.raster import Raster
from georoi.values.stack import Stack, is_within, read_period


@dataclass(frozen=True, kw_only=True)
class _Part:
    """A raster of one date, and the scene whose bands it has."""

    scene: object
    date: datetime
    raster: Raster


def open_stack(source: object, request: StackRequest) -> Stack:
    """Describe dated rasters from their headers; see `georoi.open_stack`.

    Raises:
        RasterError: E-STK-01 to E-STK-05, and those of `open_raster`.
        UsageError: E-USE-01 for a pattern, date, period, resampling or mosaic that is not understood.
    """
    check_request(request)
    period = read_period(request.start, request.stop)
    pattern = None if request.pattern is None else parse_pattern(request.pattern)
    listing = list_source(source, pattern, request.wanted)
    if not listing.entries:
        raise RasterError(
            "E-STK-04", "the source of the stack names no raster", hint="give one path at least"
        )
    parts = [
        part
        for entry in override_dates(listing, request.dates)
        if entry.date is None or is_within(entry.date, *period)
        for part in _open(entry, listing, request)
        if is_within(part.date, *period)
    ]
    if not parts:
        raise RasterError(
            "E-STK-04",
            "no raster of the source was taken in the period asked for",
            found={"period": f"{request.start} to {request.stop}", "source": f"{len(listing.entries)} files"},
        )
    parts = sorted(parts, key=lambda part: (part.date, str(part.scene)))
    parts, apart = _align(parts, request)
    rasters, notes = _settle_names(_make_scenes(parts, listing, request), request)
    stack = Stack.of(rasters, notes=[*listing.notes, *apart, *notes], loader=request.stack_loader)
    if request.mosaic is not None:
        merged, more = merge_days(stack.rasters, request.overlap)
        stack = Stack.of(merged, notes=[*stack.notes, *more], loader=request.stack_loader)
    if request.like is not None:
        _require_grid(stack, request.like)
    return stack


def _open(entry: Entry, listing: Listing, request: StackRequest) -> list[_Part]:
    """Open what an entry names, as one raster per date."""
    rasters = [_annotated(raster, entry) for raster in _read_headers(entry, listing, request)]
    together = entry.scene if len(rasters) == 1 else entry.name
    parts = []
    for raster in rasters:
        steps = _by_date(raster, entry, listing, request)
        for step in steps:
            if step.date is None:
                raise _undated(entry, request)
            parts.append(
                _Part(
                    scene=("alone", entry.name, step.path, step.bands) if together is None else together,
                    date=step.date,
                    raster=step,
                )
            )
    return parts


def _by_date(raster: Raster, entry: Entry, listing: Listing, request: StackRequest) -> list[Raster]:
    dates = request.dates
    if (
        listing.single
        and entry.date is None
        and not (dates is None or callable(dates) or isinstance(dates, Mapping))
    ):
        return split_bands(raster, [read_moment(date, raster.name) for date in dates])
    if raster.dates is not None and entry.date is None:
        return split_dates(raster)
    if entry.date is None and request.pattern is not None and parse_pattern(request.pattern).has_date:
        return [replace(raster, date=None)]  # the pattern says where the date is: no other one counts
    return [replace(raster, date=entry.date or raster.date, dates=None)]


def _undated(entry: Entry, request: StackRequest) -> RasterError:
    pattern = {} if request.pattern is None else {"pattern": request.pattern}
    return RasterError(
        "E-STK-01",
        f"raster '{entry.name}' has no date" + (" where the pattern says" if pattern else ""),
        found={"raster": entry.name, **pattern},
        hint="give dates= (a list, a mapping from name to date, or a function of the name), or pattern= such "
        'as "S2_%Y%m%d.tif", which also chooses among the files of a folder',
    )


def _read_headers(entry: Entry, listing: Listing, request: StackRequest) -> list[Raster]:
    wanted = None if listing.chosen else request.wanted
    if isinstance(entry.source, Raster):
        if request.raster_crs is not None or request.nodata is not None:
            raise UsageError(
                "E-USE-01",
                "raster_crs and nodata go with paths, not with rasters that are opened already",
                hint="say them to open_raster",
            )
        raster = entry.source
        return [raster if wanted is None or raster.dates is not None else raster.select(wanted)]
    options: dict[str, Any] = {
        "nodata": request.nodata,
        "raster_crs": request.raster_crs,
        "loader": request.loader,
    }
    if "netCDF" in find_source(entry.source).drivers and "://" not in str(entry.source):
        return _read_variables(entry, wanted, options)
    if entry.bands is not None or entry.names is not None:
        return [_read_chosen(entry, options)]
    return [open_raster(entry.source, bands=wanted, **options)]


def _read_chosen(entry: Entry, options: dict[str, Any]) -> Raster:
    """Open a file whose bands have names from outside."""
    raster = open_raster(entry.source, bands=entry.bands, **options)
    if entry.names is None or (not entry.described and raster.count != len(entry.names)):
        return raster
    if raster.count > 1 and len(entry.names) == 1:
        raster = raster.select(entry.names)  # a file of several bands, of which the table names one
    return replace(raster, band_names=entry.names)


def _read_variables(
    entry: Entry, wanted: tuple[int | str, ...] | None, options: dict[str, Any]
) -> list[Raster]:
    """Open a NetCDF file: one variable, or several of one shape as the bands of each date."""
    if isinstance(entry.source, Raster):
        return [entry.source]
    try:
        raster = open_raster(entry.source, **options)
    except RasterError as error:
        if error.id != "E-RAS-07":
            raise
    else:
        if entry.names is not None and raster.dates is None:
            return [replace(raster.select(entry.bands or raster.bands), band_names=entry.names)]
        return [raster if wanted is None or raster.dates is not None else raster.select(wanted)]
    variables = list_variables(entry.source)
    if wanted is None:
        most = max((variable.shape for variable in variables), key=len)
        names = [variable.name for variable in variables if variable.shape == most]
    else:
        names = [str(name) for name in wanted]
        missing = set(names) - {variable.name for variable in variables}
        if missing:
            raise RasterError(
                "E-RAS-04",
                f"'{entry.name}' has no variable {some(sorted(missing))}",
                found={"variables": some(variable.name for variable in variables)},
            )
    return [open_raster(f"{os.fspath(entry.source)}::{name}", **options) for name in names]


def _annotated(raster: Raster, entry: Entry) -> Raster:
    """Add what the surroundings of a file say where it says nothing itself."""
    notes = []
    if entry.nodata is not None and raster.mask_kind == "none" and set(raster.nodata) == {None}:
        fitted = as_nodata(entry.nodata, raster.dtype)
        if fitted is not None:
            raster = replace(raster, nodata=(fitted,) * raster.count, mask_kind="nodata")
            notes.append(f"nodata {fitted} is what the item says")
    plain = set(raster.scales) == {1.0} and set(raster.offsets) == {0.0}
    scale, offset = entry.scale or 1.0, entry.offset or 0.0
    if plain and (scale, offset) != (1.0, 0.0):
        raster = replace(raster, scales=(scale,) * raster.count, offsets=(offset,) * raster.count)
        notes.append(f"scale {scale} and offset {offset} are what the item says")
    return replace(raster, notes=(*raster.notes, *notes)) if notes else raster


def _align(parts: list[_Part], request: StackRequest) -> tuple[list[_Part], list[str]]:
    """Bring rasters to the grid asked for, and note those that do not reach it; one of them must."""
    if request.align is None:
        return parts, []
    grid = parts[0].raster.grid if request.like is None else request.like
    aligned = [replace(part, raster=align_raster(part.raster, grid, request.align)) for part in parts]
    apart = [
        part.raster for part in parts if not (same(part.raster.grid, grid) or meets(part.raster.grid, grid))
    ]
    if len(apart) == len(parts):
        raise RasterError(
            "E-STK-02",
            "no raster of the stack meets the grid of like=",
            found={apart[0].name: describe(apart[0].grid), "like": describe(grid)},
            hint="compare both extents",
        )
    where = "like=" if request.like is not None else "the first raster"
    count = f"{len(apart)} of {len(parts)} rasters"
    return aligned, [
        f"{count} do not meet the grid of {where}: {some(r.name for r in apart)}"
    ] if apart else []


def _make_scenes(parts: list[_Part], listing: Listing, request: StackRequest) -> list[Raster]:
    """Put the bands of each scene together."""
    scenes: defaultdict[tuple[datetime, object], list[Raster]] = defaultdict(list)
    for part in parts:
        scenes[part.date, part.scene].append(part.raster)
    rasters = []
    for (date, scene), members in scenes.items():
        name = members[0].name
        if len(members) > 1:
            name = str(scene).rpartition(":")[0] or str(scene) or f"the scene of {say_moment(date)}"
            members = members if listing.chosen else sorted(members, key=lambda one: one.band_names)
        raster = join_bands(members, name=name, when=date)
        if request.wanted and set(request.wanted) <= set(raster.band_names):
            raster = (show_bands if len(members) > 1 else Raster.select)(raster, request.wanted)
        rasters.append(raster)
    return rasters


def _settle_names(rasters: list[Raster], request: StackRequest) -> tuple[list[Raster], list[str]]:
    """Call bands that were asked for by number as the first raster calls them."""
    wanted = request.wanted
    if wanted is None or not all(isinstance(band, int) for band in wanted):
        return rasters, []
    first = min(rasters, key=lambda raster: (raster.date or datetime.max, raster.name, raster.path))
    other = [raster for raster in rasters if raster.band_names != first.band_names]
    if not other or any(raster.count != first.count for raster in other):
        return rasters, []
    note = (
        f"bands {', '.join(map(str, wanted))} are called {some(first.band_names)} as in {first.name}, though "
        f"{some(other[0].band_names)} in {other[0].name}"
    )
    return [replace(raster, band_names=first.band_names) for raster in rasters], [note]


def _require_grid(stack: Stack, like: GeoBox) -> None:
    for group in stack.groups:
        if not same(group.grid, like):
            raise RasterError(
                "E-STK-02",
                "the rasters of the stack are not on the grid of like=",
                found={
                    f"{group.rasters[0].name}": describe(group.grid),
                    "like": describe(like),
                },
                hint='say how to resample them: align="nearest", "bilinear", "cubic", "average", ...',
            )
