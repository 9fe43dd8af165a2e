"""Files whose bands are dates, taken apart into one raster per date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from georoi.errors import RasterError, UsageError
from georoi.io.raster.dates import parse_date
from georoi.io.raster.rasters import list_variables
from georoi.values.raster import Raster


def split_dates(raster: Raster) -> list[Raster]:
    """Give one raster per date of a file that says when each of its bands was taken.

    Bands are then called by what is left of their names without the date, such as "level=850"; where nothing
    is left, by the name of the variable.

    Raises:
        RasterError: E-STK-01 if a band has no date.
    """
    dates = raster.dates or ()
    if None in dates:
        raise RasterError(
            "E-STK-01",
            f"a band of raster '{raster.name}' has no date",
            found={"band": raster.band_names[dates.index(None)]},
            hint="choose bands with a date, or give dates= for all bands",
        )
    return _split(raster, [date for date in dates if date is not None])


def split_bands(raster: Raster, dates: Sequence[datetime]) -> list[Raster]:
    """Give one raster per date of a file, for whose bands the user says the dates.

    Raises:
        UsageError: E-USE-01 if there are not as many dates as bands.
    """
    if len(dates) != raster.count:
        raise UsageError(
            "E-USE-01",
            f"there are {len(dates)} dates for the {raster.count} bands of raster '{raster.name}'",
            hint="give one date for each band",
        )
    return _split(raster, dates)


def _split(raster: Raster, dates: Sequence[datetime]) -> list[Raster]:
    variable = _find_variable(raster)
    steps = []
    for date in dict.fromkeys(dates):
        kept = [i for i, one in enumerate(dates) if one == date]
        names = [_without_date(raster.band_names[i]) for i in kept]
        if len(set(names)) < len(names) or not all(names):
            plain = variable or ("1" if len(kept) == 1 else "")
            names = [plain or raster.band_names[i] for i in kept] if len(kept) == 1 else _numbered(len(kept))
        step = raster.select([raster.bands[i] for i in kept])
        steps.append(replace(step, band_names=tuple(names), date=date, dates=None))
    return steps


def _find_variable(raster: Raster) -> str:
    """Give the name of the variable that a raster is, or nothing where its format has none."""
    if raster.driver != "netCDF":
        return ""
    named = raster.path.rpartition('":')[2] if '":' in raster.path else ""
    return named or next((variable.name for variable in list_variables(raster.path)), "")


def _without_date(name: str) -> str:
    if name.isdigit():  # no name, but the number of the band
        return ""
    return " ".join(word for word in name.split(" ") if parse_date(word) is None)


def _numbered(count: int) -> list[str]:
    return [str(number) for number in range(1, count + 1)]
