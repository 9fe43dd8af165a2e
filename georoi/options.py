"""Options that several layers share: the boundary rule, the canonical cell, the number of workers."""

from __future__ import annotations

import math
import operator
import os
import re
from enum import StrEnum
from typing import Any

from georoi.errors import UsageError

CELL = 512
"""Side of a canonical coverage cell in pixels, anchored at the grid's origin."""


class Boundary(StrEnum):
    """Which pixels belong to a ROI, and with what weight."""

    CENTER = "center"
    """A pixel whose centre lies inside; ties as GDAL's polygon rasteriser decides them."""
    ALL_TOUCHED = "all_touched"
    """A pixel whose overlap with the ROI has an area above zero."""
    FRACTION = "fraction"
    """Every touched pixel, with the exact covered fraction of its area, 0 to 1, as weight."""


class Crop(StrEnum):
    """What a product's grid is cropped to."""

    WINDOW = "window"
    """The smallest window of whole pixels that holds the ROIs."""
    BLOCKS = "blocks"
    """That window widened to the block grid of the source."""
    NONE = "none"
    """The whole grid of the raster."""


def parse_boundary(
    boundary: str | Boundary | None, all_touched: bool | None = None, default: Boundary = Boundary.CENTER
) -> Boundary:
    """Make the boundary rule from `boundary=` and its alias `all_touched=`.

    Raises:
        UsageError: E-USE-01 if both are given, or the rule is unknown.
    """
    if boundary is not None and all_touched is not None:
        raise UsageError(
            "E-USE-01",
            "give boundary= or all_touched=, not both",
            found={"boundary": str(boundary), "all_touched": str(all_touched)},
            hint="all_touched=True is boundary='all_touched', False is boundary='center'",
        )
    if all_touched is not None:
        return Boundary.ALL_TOUCHED if all_touched else Boundary.CENTER
    if boundary is None:
        return default
    try:
        return Boundary(str(boundary).replace("-", "_"))
    except ValueError:
        rules = ", ".join(rule.value for rule in Boundary)
        raise UsageError(
            "E-USE-01",
            f"boundary must be one of {rules}, not {boundary!r}",
            hint="'georoi help boundary' says what they mean",
        ) from None


def parse_crop(crop: bool | str | Crop) -> Crop:
    """Make a crop mode from True (window), False (none) or its name.

    Raises:
        UsageError: E-USE-01 if it is none of these.
    """
    if isinstance(crop, bool):
        return Crop.WINDOW if crop else Crop.NONE
    try:
        return Crop(crop)
    except ValueError:
        raise UsageError(
            "E-USE-01",
            f"crop must be True, False or one of {', '.join(Crop)}, not {crop!r}",
            hint="True is the window of the ROIs, False the whole grid",
        ) from None


def whole_number(value: Any) -> int | None:
    """Give a whole number of any numeric type (2, 2.0, numpy.int64(2)) as an int; None if it is none."""
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        is_whole = hasattr(value, "is_integer") and value.is_integer()
        return int(value) if is_whole else None


def parse_pad(pad: object) -> int:
    """Make the number of pixels added around a window.

    Raises:
        UsageError: E-USE-01 if it is no whole number, or negative.
    """
    pixels = whole_number(pad)
    if pixels is None or pixels < 0:
        raise UsageError(
            "E-USE-01",
            f"pad must be a whole number of pixels, 0 or more, not {pad!r}",
            hint="it widens the window by whole pixels on each side",
        )
    return pixels


def parse_feather(feather: Any) -> float:
    """Make the width of the soft edge in pixels.

    Raises:
        UsageError: E-USE-01 if it is no number, negative or infinite.
    """
    try:
        width = math.nan if isinstance(feather, str) else float(feather)
    except (TypeError, ValueError):
        width = math.nan
    if not 0 <= width < math.inf:
        raise UsageError(
            "E-USE-01",
            f"feather must be a width in pixels, 0 or more, not {feather!r}",
            hint="0 is a hard edge",
        )
    return width


MEMORY = 1 << 30
"""Bytes that values of pixels may take where nothing else is said."""
_UNITS = {"": 1, "B": 1} | {
    f"{letter}{end}": base**power
    for power, letter in enumerate("KMGT", 1)
    for end, base in (("", 1024), ("B", 1000), ("IB", 1024))
}


def parse_memory(memory: int | str | None) -> int:
    """Make a bound of memory in bytes from a number of bytes or a text such as "512MB" or "2 GiB".

    Raises:
        UsageError: E-USE-01 if it is neither, or not above zero.
    """
    if memory is None:
        return MEMORY
    size: float | None = None
    if isinstance(memory, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", memory)
        unit = _UNITS.get(match.group(2).upper()) if match else None
        size = float(match.group(1)) * unit if match and unit else None
    else:
        size = whole_number(memory)
    if size is None or not size >= 1:
        raise UsageError(
            "E-USE-01",
            f"max_memory must be a size such as '512MB', not {memory!r}",
            hint="give a number of bytes, or one with KB, MB, GB, KiB, MiB or GiB behind it",
        )
    return int(size)


def count_cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
