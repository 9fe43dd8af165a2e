"""A stack: rasters in order of time, as their headers describe them, grouped by grid."""

from __future__ import annotations

import hashlib
import html
import operator
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from georoi.errors import RasterError, UsageError
from georoi.grid import describe, key, same
from georoi.values.bands import BandRequest, find_bands
from georoi.values.dating import as_period, say_moment
from georoi.values.members import date_of, identify, settle
from georoi.values.naming import some
from georoi.values.raster import Raster
from georoi.wording import say_count

if TYPE_CHECKING:
    import xarray

_SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class Group:
    """Those rasters of a stack that lie on one grid."""

    grid: GeoBox
    """The grid, as the first of them has it."""
    positions: tuple[int, ...]
    """Their places in the stack, ascending."""
    rasters: tuple[Raster, ...]


@dataclass(frozen=True, kw_only=True, repr=False)
class Stack:
    """Dated rasters of the same bands, in order of time. Picklable; holds nothing open.

    Iterating gives the rasters; `stack[3]`, `stack["2015-12-08T10:04:09"]` one of them, `stack[2:5]` a
    shorter stack. Two acquisitions of one day, or of one second, are two rasters.
    """

    rasters: tuple[Raster, ...]
    """Each with its `date` (UTC); by date, then by name."""
    notes: tuple[str, ...] = ()
    """What was decided or passed over when the stack was made, in words."""
    loader: Callable[[Stack, Any, bool], xarray.DataArray] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        dates = [raster.date for raster in self.rasters if raster.date is not None]
        if not dates or len(dates) < len(self.rasters) or dates != sorted(dates):
            raise ValueError("a Stack needs at least one raster, each with a date, in order of time")
        if len({raster.band_names for raster in self.rasters}) > 1:
            raise ValueError("the rasters of a Stack need the same bands, under the same names")

    @classmethod
    def of(
        cls,
        rasters: Iterable[Raster],
        *,
        notes: Iterable[str] = (),
        loader: Callable[[Stack, Any, bool], xarray.DataArray] | None = None,
    ) -> Stack:
        """Make a stack of rasters in any order.

        Bands of the same names are put in the order of the first raster's.

        Args:
            rasters: Each with a date.
            notes: To be kept.
            loader: Makes the DataArray for `to_xarray`.

        Raises:
            RasterError: E-STK-01 without a date, E-STK-03 bands differ, E-STK-04 no raster, E-STK-05 one
                raster twice.
        """
        settled = settle(rasters)
        return cls(rasters=settled, notes=tuple(notes), loader=loader)

    @cached_property
    def dates(self) -> NDArray[np.datetime64]:
        """When each raster was taken, UTC, datetime64[us], shape (n,); read-only."""
        dates = np.array([raster.date for raster in self.rasters], dtype="datetime64[us]")
        dates.flags.writeable = False
        return dates

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The dates as texts: "2015-12-08T10:04:09", the day alone at midnight, with `#2` if met again."""
        seen: Counter[str] = Counter()
        labels = []
        for raster in self.rasters:
            text = say_moment(date_of(raster))
            seen[text] += 1
            labels.append(text if seen[text] == 1 else f"{text}#{seen[text]}")
        return tuple(labels)

    @property
    def band_names(self) -> tuple[str, ...]:
        """Names of the bands, which all rasters share."""
        return self.rasters[0].band_names

    @property
    def bands(self) -> tuple[int, ...]:
        """Numbers of the bands in the files where these agree, else counted from 1."""
        numbers = {raster.bands for raster in self.rasters}
        return numbers.pop() if len(numbers) == 1 else tuple(range(1, len(self.band_names) + 1))

    @property
    def dtype(self) -> str:
        """Name of the numpy dtype that holds the values of all dates."""
        return str(np.result_type(*{np.dtype(raster.dtype) for raster in self.rasters}))

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The rasters by grid (`georoi.grid.same`), in the order in which the grids are met."""
        grids: list[GeoBox] = []
        members: list[list[int]] = []
        known: dict[str, int] = {}
        for position, raster in enumerate(self.rasters):
            digest = key(raster.grid)
            if digest not in known:
                found = next((i for i, grid in enumerate(grids) if same(grid, raster.grid)), len(grids))
                if found == len(grids):
                    grids.append(raster.grid)
                    members.append([])
                known[digest] = found
            members[known[digest]].append(position)
        return tuple(
            Group(
                grid=grid,
                positions=tuple(positions),
                rasters=tuple(self.rasters[position] for position in positions),
            )
            for grid, positions in zip(grids, members, strict=True)
        )

    @property
    def grid(self) -> GeoBox:
        """The grid that all rasters lie on; see `require_one_grid`."""
        return self.require_one_grid()

    def require_one_grid(self) -> GeoBox:
        """Give the grid that all rasters lie on.

        Raises:
            RasterError: E-STK-02 if there are several.
        """
        groups = self.groups
        if len(groups) == 1:
            return groups[0].grid
        found = {
            f"grid {number}": f"{describe(group.grid)}: {say_count(len(group.rasters), 'raster')}, "
            f"such as '{group.rasters[0].name}'"
            for number, group in enumerate(groups[:4], 1)
        }
        raise RasterError(
            "E-STK-02",
            f"the rasters of the stack lie on {len(groups)} grids, and one is needed",
            found=found,
            hint="resample them to the first grid, or to that of like=: "
            'align="nearest|bilinear|cubic|average|..."; or take those of one grid, stack.groups[0].rasters',
        )

    @cached_property
    def fingerprint(self) -> str:
        """Digest of dates, files, bands and grids; changes when one of them does, not with their order."""
        parts = sorted(repr(identify(raster)) for raster in self.rasters)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def select(self, bands: BandRequest) -> Stack:
        """Keep some of the bands, by their numbers in `bands` or by name, in the order asked for.

        Raises:
            RasterError: E-RAS-04 if there is no such band.
        """
        kept = find_bands(bands, self.bands, self.band_names, f"stack of {len(self)} dates")
        return replace(
            self,
            rasters=tuple(raster.select([raster.bands[i] for i in kept]) for raster in self.rasters),
        )

    def sel(self, start: object = None, stop: object = None) -> Stack:
        """Keep the dates from `start` to `stop`, both inclusive.

        Args:
            start: Anything that is a date; "2018", "2018-07" and "2018-07-21" stand for all of that time.
            stop: The same.

        Raises:
            RasterError: E-STK-04 if no date is left.
            UsageError: E-USE-01 if one of them is no date.
        """
        first, after = read_period(start, stop)
        kept = tuple(raster for raster in self.rasters if is_within(date_of(raster), first, after))
        if not kept:
            raise RasterError(
                "E-STK-04",
                "the stack has no date in the period asked for",
                found={
                    "period": f"{'...' if start is None else start} to {'...' if stop is None else stop}",
                    "stack": f"{self.labels[0]} to {self.labels[-1]}",
                },
            )
        return replace(self, rasters=kept)

    def to_xarray(self, chunks: Any = None, *, scaled: bool = False) -> xarray.DataArray:
        """Make the lazy DataArray (time, band, y, x).

        Values are as stored, or with NaN in place of invalid pixels where the dates do not mark these alike.

        Args:
            chunks: Pixels per chunk, as for `georoi.clip`; each date is a chunk of its own.
            scaled: Apply scale and offset.

        Raises:
            RasterError: E-STK-02 if there are several grids.
            UsageError: E-USE-01 if scale or offset differ between dates and `scaled` is not asked for, or if
                the stack was not made by `georoi.open_stack`.
        """
        if self.loader is None:
            raise UsageError(
                "E-USE-01", "this Stack cannot load itself", hint="make it with georoi.open_stack"
            )
        return self.loader(self, chunks, scaled)

    def __len__(self) -> int:
        return len(self.rasters)

    def __iter__(self) -> Iterator[Raster]:
        return iter(self.rasters)

    @overload
    def __getitem__(self, index: slice) -> Stack: ...
    @overload
    def __getitem__(self, index: int | str) -> Raster: ...
    def __getitem__(self, index: int | str | slice) -> Raster | Stack:
        if isinstance(index, slice):
            if any(isinstance(end, str) for end in (index.start, index.stop)):
                return self.sel(index.start, index.stop)
            kept = sorted(range(len(self))[index])
            if not kept:
                raise RasterError("E-STK-04", f"no raster of the stack is in {index}")
            return replace(self, rasters=tuple(self.rasters[i] for i in kept))
        if isinstance(index, str):
            if index not in self.labels:
                raise UsageError(
                    "E-USE-01",
                    f"the stack has no raster called {index!r}",
                    found={"labels": some(self.labels)},
                    hint="choose by one of stack.labels, or a period by stack.sel(start, stop)",
                )
            return self.rasters[self.labels.index(index)]
        return self.rasters[operator.index(index)]

    def __repr__(self) -> str:
        facts = self._facts()
        return f"Stack of {facts['dates']}\n  {facts['bands']}\n  {facts['grid']}"

    def _repr_html_(self) -> str:
        def row(name: str, text: str) -> str:
            return (
                f"<tr><th style='text-align:left'>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>"
            )

        facts = "".join(row(name, text) for name, text in self._facts().items())
        dates = "".join(
            row(label, raster.name)
            for label, raster in zip(self.labels[:_SHOWN], self.rasters[:_SHOWN], strict=True)
        )
        more = f"<p>and {len(self) - _SHOWN} more</p>" if len(self) > _SHOWN else ""
        return f"<div><b>Stack</b><table>{facts}</table><table>{dates}</table>{more}</div>"

    def _facts(self) -> dict[str, str]:
        first, last = self.labels[0], self.labels[-1]
        names = some(self.band_names, 8)
        groups = self.groups
        facts = {
            "dates": f"{say_count(len(self), 'date')}, {first}" + (f" to {last}" if len(self) > 1 else ""),
            "bands": f"{say_count(len(self.band_names), 'band')} of {self.dtype} ({names})",
            "grid": describe(groups[0].grid)
            if len(groups) == 1
            else f"{len(groups)} grids: "
            + "; ".join(
                f"{describe(group.grid)} ({say_count(len(group.rasters), 'date')})" for group in groups[:4]
            )
            + ("; ..." if len(groups) > 4 else ""),
        }
        if self.notes:
            facts["notes"] = "; ".join(self.notes)
        return facts


def read_period(start: object, stop: object) -> tuple[datetime | None, datetime | None]:
    """Give the period from `start` to `stop`, both inclusive, as (first moment, first moment after it).

    Raises:
        UsageError: E-USE-01 if one of them is no date, or they are in the wrong order.
    """
    try:
        first = None if start is None else as_period(start)[0]
        after = None if stop is None else as_period(stop)[1]
    except (ValueError, OverflowError) as error:
        raise UsageError(
            "E-USE-01",
            "the period has an end that is no date",
            found={"start": str(start), "stop": str(stop)},
            hint="write dates as 2018-07-21, 2018-07, 2018, or 2018-07-21T10:02:12",
        ) from error
    if first is not None and after is not None and first >= after:
        raise UsageError("E-USE-01", f"the period ends ({stop}) before it begins ({start})")
    return first, after


def is_within(moment: datetime, first: datetime | None, after: datetime | None) -> bool:
    """Tell whether a moment is in a half-open period, whose ends may be open."""
    return (first is None or first <= moment) and (after is None or moment < after)
