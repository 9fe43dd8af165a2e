"""The values of options: a box, a pair, a number, a count of threads, parsed from their text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

Box = tuple[float, float, float, float]


if TYPE_CHECKING:
    _Choice = click.Choice[str]
else:
    _Choice = click.Choice  # generic since click 8.2

DTYPES = (
    *("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"),
    *("float32", "float64"),
)
"""What --dtype may be: bool, which is written as uint8, and what georoi.io.output.spec.DTYPES can write."""


class Lenient(_Choice):
    """A choice in any case, with hyphens or underscores."""

    def __init__(self, choices: tuple[str, ...]) -> None:
        super().__init__(choices, case_sensitive=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Find the choice that is meant."""
        text = value.replace("_", "-") if isinstance(value, str) else value
        return super().convert(text, param, ctx)


def a_box(text: str) -> Box:
    """Parse xmin,ymin,xmax,ymax.

    Raises:
        click.BadParameter: If these are not four numbers, or the box has no area.
    """
    try:
        xmin, ymin, xmax, ymax = (float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r} is not four numbers xmin,ymin,xmax,ymax") from None
    if not (xmin < xmax and ymin < ymax):
        raise click.BadParameter(f"{text!r} has no area: xmin < xmax and ymin < ymax must hold")
    return xmin, ymin, xmax, ymax


def a_pair(text: str) -> tuple[str, str]:
    """Parse KEY=VALUE.

    Raises:
        click.BadParameter: If the text is not of this form.
    """
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise click.BadParameter(f"{text!r} is not KEY=VALUE")
    return key, value


def a_number(text: str) -> int | float:
    """Parse a number; whole numbers stay integers of any size, so that 64-bit nodata values are exact.

    Raises:
        click.BadParameter: If the text is no number.
    """
    try:
        return int(text) if text.lstrip("+-").isdigit() else float(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a number") from None


def threads(text: str) -> int | None:
    """Parse a count of threads; all is None, which leaves the choice to the engine.

    Raises:
        click.BadParameter: If it is neither all nor a whole number above 0.
    """
    if text == "all":
        return None
    if not text.isdigit() or int(text) < 1:
        raise click.BadParameter(f"{text!r} is neither a number above 0 nor all")
    return int(text)
