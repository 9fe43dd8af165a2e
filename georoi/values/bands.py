"""Bands by number or by name."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Sequence

from georoi.errors import RasterError

BandRequest = int | str | Iterable[int | str]
"""One band or several, each by its number in the file (from 1) or by its name."""

_SHOWN = 12


def find_bands(
    request: BandRequest | None, numbers_: Sequence[int], names: Sequence[str], raster: str
) -> tuple[int, ...]:
    """Give the positions (from 0) of the bands asked for; all of them for None.

    A text is a name first; where no band has it and it is digits, it is a number.

    Args:
        request: What the user asked for.
        numbers_: Numbers of the bands there are, as the file counts them.
        names: Their names, in the same order.
        raster: Name of the raster, for the message.

    Raises:
        RasterError: E-RAS-04 if there is no such band, or none is asked for.
    """
    if request is None:
        return tuple(range(len(numbers_)))
    wanted = [request] if isinstance(request, str) or not isinstance(request, Iterable) else list(request)
    found = tuple(_position(band, numbers_, names) for band in wanted)
    if not found or None in found:
        missing = [repr(band) for band, position in zip(wanted, found, strict=True) if position is None]
        rule = f"has no band {', '.join(missing)}" if missing else "needs at least one band"
        raise RasterError(
            "E-RAS-04",
            f"raster '{raster}' {rule}",
            found={"bands": list_bands(numbers_, names)},
            hint="give numbers as the file counts them, from 1, or names",
        )
    return tuple(position for position in found if position is not None)


def list_bands(numbers_: Sequence[int], names: Sequence[str]) -> str:
    """Write bands as `1 (B02), 2 (B03)`, a few of them where there are many."""
    shown = [
        str(number) if name == str(number) else f"{number} ({name})"
        for number, name in zip(numbers_[:_SHOWN], names[:_SHOWN], strict=True)
    ]
    more = len(numbers_) - len(shown)
    return ", ".join(shown) + (f", and {more} more" if more else "")


def _position(band: object, numbers_: Sequence[int], names: Sequence[str]) -> int | None:
    if isinstance(band, bool):
        return None
    if isinstance(band, str):
        if band in names:
            return list(names).index(band)
        band = int(band) if band.isascii() and band.isdigit() and len(band) < 10 else None
    if isinstance(band, numbers.Integral) and int(band) in numbers_:
        return list(numbers_).index(int(band))
    return None
