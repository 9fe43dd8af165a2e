"""Evaluate a mask rule on quality bands: which pixels are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.errors import UsageError

Node = tuple[Any, ...]
"""A rule, as plain tuples so that it is compared, hashed and sent to workers as it is.

Rules: ("and" or "or", rule, ...), ("not", rule), ("==", "!=", "<", "<=", ">" or ">=", value, value) and
("in", value, number, ...). Values: ("number", x); ("band", name); ("&", band, n), the bits of n in the band;
("bit", band, n), 1 where any of them is set and 0 elsewhere; ("field", band, first, last), bits as a number.
"""

Valid = NDArray[np.bool_]

_COMPARISONS: Mapping[str, Callable[..., Any]] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


def keep_pixels(
    rule: Node, bands: Mapping[str, NDArray[Any]], valid: Mapping[str, Valid] | None = None
) -> Valid:
    """Tell which pixels a rule keeps.

    A pixel at which any band of the rule is not valid, or NaN, is not kept, whatever the rule says of it.

    Args:
        rule: The rule.
        bands: Quality bands by name, as stored (no scale or offset), of one shape.
        valid: Where these bands are valid; those not named are valid everywhere.

    Returns:
        A new array of that shape, True where a pixel is kept.

    Raises:
        UsageError: E-USE-01 if bits are asked of a band that has no such bits, or that holds fractions.
    """
    kept: Valid = np.array(_decide(rule, bands), dtype=np.bool_)  # a copy: it may be one of the inputs
    for name in list_bands(rule):
        if bands[name].dtype.kind == "f":
            kept &= ~np.isnan(bands[name])
        if valid is not None and name in valid:
            kept &= valid[name]
    return kept


def list_bands(rule: Node) -> tuple[str, ...]:
    """Give the names of the bands that a rule or value uses, each once, in the order of their first use."""
    if rule[0] == "band":
        return (rule[1],)
    parts = [part for part in rule[1:] if isinstance(part, tuple)]
    return tuple(dict.fromkeys(name for part in parts for name in list_bands(part)))


def _decide(rule: Node, bands: Mapping[str, NDArray[Any]]) -> Any:
    kind = rule[0]
    if kind in ("and", "or"):
        merged = np.array(_decide(rule[1], bands))
        merge = np.logical_and if kind == "and" else np.logical_or
        for part in rule[2:]:
            merge(merged, _decide(part, bands), out=merged)
        return merged
    if kind == "not":
        return np.logical_not(_decide(rule[1], bands))
    if kind == "in":
        value = _evaluate(rule[1], bands)
        found = np.equal(value, rule[2])  # one by one: exact for every dtype, also for 64 bits
        for number in rule[3:]:
            found |= np.equal(value, number)
        return found
    return _COMPARISONS[kind](_evaluate(rule[1], bands), _evaluate(rule[2], bands))


def _evaluate(value: Node, bands: Mapping[str, NDArray[Any]]) -> Any:
    kind = value[0]
    if kind == "number":
        return value[1]  # a Python number: numpy compares it with any dtype, and never wraps it
    if kind == "band":
        return bands[value[1]]
    name = list_bands(value)[0]
    if kind == "field":
        first, last = value[2:]
        stored = _read_bits(_evaluate(value[1], bands), last, name)
        return (stored >> stored.dtype.type(first)) & stored.dtype.type(2 ** (last - first + 1) - 1)
    stored = _read_bits(_evaluate(value[1], bands), value[2].bit_length() - 1, name)
    chosen = stored & stored.dtype.type(value[2])
    return chosen if kind == "&" else (chosen != 0).view(np.uint8)


def _read_bits(stored: NDArray[Any], highest: int, name: str) -> NDArray[Any]:
    """Give the values as unsigned integers, the bits of signed ones as they are."""
    if stored.dtype.kind == "f":  # as arrays carry them that have NaN for nodata
        filled = np.nan_to_num(stored, nan=0.0, posinf=-1.0, neginf=-1.0)
        if (filled < 0).any() or (filled >= 2.0**53).any() or (filled != np.floor(filled)).any():
            raise UsageError(
                "E-USE-01", f"the mask asks for bits of band {name}, which holds no whole numbers"
            )
        whole: NDArray[Any] = filled.astype(np.uint64)
        return whole
    size = stored.dtype.itemsize * 8
    if highest >= size:
        raise UsageError(
            "E-USE-01",
            f"the mask asks for bit {highest} of band {name}, which has {size} bits, 0 to {size - 1}",
        )
    bits: NDArray[Any] = stored.view(f"u{stored.dtype.itemsize}")
    return bits
