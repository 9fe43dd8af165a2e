"""Errors of rasterio and GDAL, turned into georoi's, with the message that says what really happened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rasterio._err import CPLE_BaseError  # rasterio offers no public name for GDAL's own errors
from rasterio.errors import RasterioError

from georoi.errors import GeoroiError, MemoryBudgetError, RasterError
from georoi.io.names import shown

FOREIGN = (RasterioError, CPLE_BaseError, OSError, ValueError, TypeError, MemoryError, OverflowError)
"""What opening and reading a raster may raise."""

_EMPTY_WORDS = ("See previous exception", "previous exception for details")


def opening_failed(error: BaseException, name: str, hint: str | None = None) -> GeoroiError:
    """Make the error for a raster that cannot be opened: E-RAS-01, or E-MEM-01."""
    if isinstance(error, MemoryError):
        return _out_of_memory(name, "opening it")
    return RasterError(
        "E-RAS-01",
        f"raster '{name}' cannot be opened",
        found={"reason": reason(error)},
        hint=hint or "check that the file is complete and of a format that georoi opens",
    )


def reading_failed(
    error: BaseException, name: str, window: tuple[int, int, int, int], bands: Iterable[int]
) -> GeoroiError:
    """Make the error for a window that cannot be read: E-RAS-02, or E-MEM-01."""
    place = say_window(window)
    if isinstance(error, MemoryError):
        return _out_of_memory(name, f"reading {place}")
    return RasterError(
        "E-RAS-02",
        f"a part of raster '{name}' cannot be read",
        found={
            "window": place,
            "bands": shown(", ".join(map(str, bands)), 80),
            "reason": reason(error),
        },
        hint="the file is truncated or corrupt there: fetch it again, or leave this part out",
    )


def say_window(window: tuple[int, int, int, int]) -> str:
    """Say a window in words."""
    row0, row1, col0, col1 = window
    return f"rows {row0} to {row1}, columns {col0} to {col1}"


def reason(error: BaseException) -> str:
    """Give what the chain of causes says, the deepest first, without repetition and fit to be shown."""
    said: list[str] = []
    for link in _chain(error):
        text = shown(getattr(link, "errmsg", None) or link)
        if text and not any(words in text for words in _EMPTY_WORDS) and text not in said:
            said.insert(0, text)
    return shown("; ".join(said)) or type(error).__name__


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _out_of_memory(name: str, doing: str) -> MemoryBudgetError:
    return MemoryBudgetError("E-MEM-01", f"raster '{name}': {doing} needs more memory than there is")
