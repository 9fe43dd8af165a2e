"""Mask rules such as "SCL in {4, 5, 7}": which pixels are kept, from text or by the name of a preset."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.errors import UsageError
from georoi.kernels.quality import Node, keep_pixels, list_bands
from georoi.values.bands import find_bands
from georoi.values.expressions import Source, read_number
from georoi.wording import printable

_ALLOWED = (
    "a rule says which pixels are KEPT: SCL in {4, 5, 7}, SCL not in {3, 8}, cloud_prob < 40, "
    "cloudmask == 0, QA_PIXEL & 0b11000 == 0, bit(QA_PIXEL, 3, 4) == 0, field(QA_PIXEL, 8, 9) <= 1, joined "
    "by and, or, not; band(1) is a band by number and 'my band' one whose name has blanks"
)


@dataclass(frozen=True)
class Preset:
    """A rule with a name."""

    rule: str
    keeps: str
    """What it keeps, in words."""


_LANDSAT_BITS = "bit(QA_PIXEL, 0, 1, 2, 3, 4, 5) == 0"
_LANDSAT_LOW = " and ".join(f"field(QA_PIXEL, {first}, {first + 1}) <= 1" for first in (8, 10, 12, 14))

PRESETS: Mapping[str, Preset] = {
    "scl": Preset("SCL in {4, 5, 6, 7}", "vegetation, bare land, water, unclassified; the same as scl-clear"),
    "scl-clear": Preset("SCL in {4, 5, 6, 7}", "vegetation, bare land, water, unclassified"),
    "scl-strict": Preset("SCL in {4, 5}", "vegetation and bare land"),
    "scl-snow": Preset("SCL in {4, 5, 6, 7, 11}", "what scl-clear keeps, and snow or ice"),
    "landsat-qa": Preset(_LANDSAT_BITS, "no fill, cloud, its rim, cirrus, shadow, snow; as landsat-qa-clear"),
    "landsat-qa-clear": Preset(
        _LANDSAT_BITS, "no fill, cloud, rim of cloud, cirrus, shadow of cloud, or snow"
    ),
    "landsat-qa-snow": Preset("bit(QA_PIXEL, 0, 1, 2, 3, 4) == 0", "what landsat-qa-clear keeps, and snow"),
    "landsat-qa-strict": Preset(
        f"{_LANDSAT_BITS} and {_LANDSAT_LOW}",
        "of these, confidence of cloud, shadow, snow, cirrus at most low",
    ),
}
"""Presets by name.

SCL is the scene classification of Sentinel-2 level 2A (ESA, Level-2A Algorithm Theoretical Basis Document,
S2-PDGS-MPC-ATBD-L2A): 0 no data, 1 saturated or defective, 2 dark or in topographic shadow, 3 cloud shadow,
4 vegetation, 5 not vegetated, 6 water, 7 unclassified, 8 and 9 cloud of medium and high probability, 10 thin
cirrus, 11 snow or ice. Class 7 is kept, since it looked neither like cloud nor like a known ground. Class 11
is not, since snow hides the ground and is often cloud, and class 2 is not, since it mixes shadow and dark
ground.

QA_PIXEL is the pixel quality of Landsat collection 2 (USGS, LSDS-1619, Landsat 8-9 Collection 2 Level 2
Science Product Guide; LSDS-1618 for Landsat 4-7). Bits: 0 fill, 1 dilated cloud, 2 cirrus, 3 cloud, 4 cloud
shadow, 5 snow, 6 clear, 7 water. Confidences of two bits, 0 none, 1 low, 2 medium, 3 high: 8-9 cloud, 10-11
cloud shadow, 12-13 snow or ice, 14-15 cirrus. Bit 6 is not used: it speaks of cloud and its rim only.
"""

_ALIASES = {
    "sentinel2-scl": "scl",
    "sentinel-2-scl": "scl",
    "landsat-qa-pixel": "landsat-qa",
    "qa-pixel": "landsat-qa",
}


@dataclass(frozen=True)
class MaskRule:
    """Which pixels are kept; all others are masked, as are those where a band of the rule is not valid."""

    tree: Node

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands it needs; a band by number is its digits."""
        return list_bands(self.tree)

    def keep(
        self, bands: Mapping[str, NDArray[Any]], valid: Mapping[str, NDArray[np.bool_]] | None = None
    ) -> NDArray[np.bool_]:
        """Tell which pixels are kept; see `georoi.kernels.quality.keep_pixels`.

        Args:
            bands: The bands named in `bands`, as stored, of one shape.
            valid: Where they are valid, by name.

        Raises:
            UsageError: E-USE-01 if the rule asks for bits that a band does not have.
        """
        return keep_pixels(self.tree, bands, valid)

    def find_bands(
        self, band_names: Sequence[str], *, raster: str = "mask", band_numbers: Sequence[int] | None = None
    ) -> dict[str, int]:
        """Give the position, from 0, of each band the rule needs; case matters only between bands.

        Raises:
            RasterError: E-RAS-04 if there is no such band.
        """
        numbers = tuple(band_numbers or range(1, len(band_names) + 1))
        found = {}
        for name in self.bands:
            alike = [i for i, known in enumerate(band_names) if known.casefold() == name.casefold()]
            if name not in band_names and len(alike) == 1:
                found[name] = alike[0]
            else:
                found[name] = find_bands(name, numbers, band_names, raster)[0]
        return found

    def __str__(self) -> str:
        return _write(self.tree)


def parse_mask(mask: object) -> MaskRule:
    """Read a rule: a preset's name, or a text such as "SCL in {4, 5, 7} and cloud_prob < 40".

    A rule says which pixels are kept. A band or raster alone is refused, since 1 is cloud in one mask and
    clear in the next: write `cloudmask == 0`. Nothing of the text is ever executed.

    Raises:
        UsageError: E-USE-01 with the position of what is not understood.
    """
    if isinstance(mask, MaskRule):
        return mask
    if not isinstance(mask, str):
        raise UsageError(
            "E-USE-01",
            f"mask= does not say which values of a {type(mask).__name__} are kept",
            hint="give a rule with it, such as 'cloudmask == 0': 1 is cloud in one file and clear in another",
        )
    name = mask.strip().casefold().replace("_", "-")
    name = _ALIASES.get(name, name)
    return parse_rule(PRESETS[name].rule if name in PRESETS else mask)


def parse_rule(text: str) -> MaskRule:
    """Read a rule from text.

    Raises:
        UsageError: E-USE-01 with the position of what is not understood.
    """
    return MaskRule(_Reader(Source(text, "mask rule", _ALLOWED)).read())


_COMPARISONS = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


class _Reader:
    """Turns Python's syntax tree into a rule, and refuses all that a rule may not hold."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def read(self) -> Node:
        return self._read_rule(self.source.read())

    def _read_rule(self, node: ast.expr) -> Node:
        if isinstance(node, ast.BoolOp):
            kind = "and" if isinstance(node.op, ast.And) else "or"
            return (kind, *(self._read_rule(part) for part in node.values))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return ("not", self._read_rule(node.operand))
        if isinstance(node, ast.Compare):
            return self._read_comparison(node)
        raise self.source.refuse(node, self._explain(node))

    def _explain(self, node: ast.expr) -> str:
        if isinstance(node, (ast.Name, ast.Constant)):
            text = node.id if isinstance(node, ast.Name) else str(node.value)
            close = get_close_matches(text.casefold(), PRESETS, n=1)
            near = f", or did you mean the preset {close[0]}?" if close else ""
            return f"'{printable(text)}' alone does not say which of its values are kept{near}"
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.BitAnd, ast.BitOr)):
            parts = (node.left, node.right)
            if any(isinstance(part, (ast.Compare, ast.BoolOp)) for part in parts):
                return "conditions are joined by and, or, not"
            return "bits are compared with a number, as in QA_PIXEL & 0b11000 == 0"
        return "this is no condition"

    def _read_comparison(self, node: ast.Compare) -> Node:
        rules = []
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, (ast.In, ast.NotIn)):
                found: Node = ("in", self._read_value(left), *self._read_numbers(right))
                if not list_bands(found):
                    raise self.source.refuse(node, "in follows a band")
                rules.append(found if isinstance(operator, ast.In) else ("not", found))
            elif type(operator) in _COMPARISONS:
                kind = _COMPARISONS[type(operator)]
                rules.append((kind, self._read_value(left), self._read_value(right)))
                if not list_bands(rules[-1]):
                    raise self.source.refuse(node, "two numbers are compared")
            else:
                raise self.source.refuse(node, "values are compared by == != < <= > >= in, not in")
            left = right
        return rules[0] if len(rules) == 1 else ("and", *rules)

    def _read_numbers(self, node: ast.expr) -> list[int | float]:
        if not isinstance(node, (ast.Set, ast.List, ast.Tuple)) or not node.elts:
            raise self.source.refuse(node, "in is followed by numbers, as in {4, 5, 7}")
        numbers = []
        for element in node.elts:
            number = read_number(element)
            if number is None:
                raise self.source.refuse(element, "this is no number")
            numbers.append(number)
        return sorted(set(numbers))

    def _read_value(self, node: ast.expr) -> Node:
        number = read_number(node)
        if number is not None:
            return ("number", number)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd):
            return ("&", self._read_band(node.left), self._read_integer(node.right, 1, 2**64 - 1))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            return self._read_call(node, node.func.id)
        return self._read_band(node)

    def _read_call(self, node: ast.Call, name: str) -> Node:
        if name == "bit" and len(node.args) >= 2:
            bits = {self._read_integer(bit, 0, 63) for bit in node.args[1:]}
            return ("bit", self._read_band(node.args[0]), sum(1 << bit for bit in bits))
        if name == "field" and len(node.args) == 3:
            first, last = (self._read_integer(bit, 0, 63) for bit in node.args[1:])
            if first <= last:
                return ("field", self._read_band(node.args[0]), first, last)
            raise self.source.refuse(node, "a field goes from its lower to its higher bit")
        return self._read_band(node)

    def _read_band(self, node: ast.expr) -> Node:
        if isinstance(node, ast.Name):
            return ("band", node.id)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
            return ("band", node.value)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "band":
            if len(node.args) == 1 and not node.keywords:
                return ("band", str(self._read_integer(node.args[0], 1, 10**8)))
            raise self.source.refuse(node, "band takes one number, as in band(1)")
        raise self.source.refuse(node, "a band, a number, bit(...), field(...) or band & bits belongs here")

    def _read_integer(self, node: ast.expr, least: int, most: int) -> int:
        number = read_number(node)
        if not isinstance(number, int) or not least <= number <= most:
            raise self.source.refuse(node, f"a whole number from {least} to {most} belongs here")
        return number


def _write(tree: Node) -> str:
    """Write a rule so that `parse_rule` reads the same tree."""
    kind = tree[0]
    if kind in ("and", "or"):
        return f" {kind} ".join(_enclose(part) for part in tree[1:])
    if kind == "not" and tree[1][0] == "in":
        return _write_choice(tree[1], "not in")
    if kind == "not":
        return f"not {_enclose(tree[1])}"
    if kind == "in":
        return _write_choice(tree, "in")
    if kind == "number":
        return repr(tree[1])
    if kind == "band":
        return _write_band(tree[1])
    if kind == "&":
        return f"{_write(tree[1])} & {tree[2]:#b}"
    if kind == "bit":
        return f"bit({_write(tree[1])}, {', '.join(str(i) for i in range(64) if tree[2] >> i & 1)})"
    if kind == "field":
        return f"field({_write(tree[1])}, {tree[2]}, {tree[3]})"
    return f"{_write(tree[1])} {kind} {_write(tree[2])}"


def _write_choice(tree: Node, word: str) -> str:
    return f"{_write(tree[1])} {word} {{{', '.join(map(repr, tree[2:]))}}}"


def _enclose(part: Node) -> str:
    return f"({_write(part)})" if part[0] in ("and", "or", "not") else _write(part)


def _write_band(name: str) -> str:
    if name.isascii() and name.isdigit() and name[0] != "0" and len(name) < 9:
        return f"band({name})"
    try:
        tree = ast.parse(name, mode="eval").body
    except (SyntaxError, ValueError):
        return repr(name)
    return name if isinstance(tree, ast.Name) and tree.id == name else repr(name)
