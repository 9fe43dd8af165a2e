"""Evaluate a formula on bands, such as a spectral index: in float64, never dividing by what is near zero."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Node = tuple[Any, ...]
"""A formula: ("number", x), ("array", name), ("neg" or a function, node), or ("add", "sub", "mul", "div" or
"pow", node, node). Plain tuples, so that they are compared, hashed and sent to workers as they are."""

Number = NDArray[Any]  # of a real dtype, 0-d for constants

NEAR_ZERO = 1e-6
"""A denominator is near zero where |denominator| <= NEAR_ZERO * (sum of the absolute values of its terms)."""

_RUN = 16384
"""Pixels that are computed at once, so that what lies between two operations stays in the cache."""

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "abs": np.abs,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
}
_OPERATORS: Mapping[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "pow": np.power,
}


def compute_formula(formula: Node, arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Evaluate a formula pixel by pixel.

    Each operation is done in float64 whatever the dtypes, so unsigned bands never wrap around. NaN stays NaN;
    roots and logarithms that have no real value are NaN. No warning is given.

    A quotient n / d is NaN where |d| <= 1e-6 * m(d), at d = 0 for one; that does not depend on the scale of
    the bands. m(d) is the sum of the absolute values of the terms of d: m(a + b) = m(a - b) = m(a) + m(b),
    m(a * b) = m(a) * m(b), m(a / b) = m(a) / |b|, m(a ** k) = m(a) ** k for k > 0, else m(a) = |a|.

    Args:
        formula: What to compute.
        arrays: Values by the names that the formula uses; of one shape, or broadcast to one.

    Returns:
        A new array of the shape that the arrays have.

    Raises:
        KeyError: If an array is missing.
    """
    bands = np.broadcast_arrays(*(arrays[name] for name in list_names(formula)))
    result = np.empty(bands[0].shape)
    flat, rows = result.reshape(-1), [band.reshape(-1) for band in bands]
    with np.errstate(all="ignore"):
        for start in range(0, flat.size, _RUN):
            part = slice(start, start + _RUN)
            named = {name: row[part] for name, row in zip(list_names(formula), rows, strict=True)}
            flat[part] = _evaluate(formula, named)[0]
    return result


def list_names(formula: Node) -> tuple[str, ...]:
    """Give the names of the arrays that a formula uses, each once, in the order of their first use."""
    if formula[0] == "array":
        return (formula[1],)
    if formula[0] == "number":
        return ()
    return tuple(dict.fromkeys(name for part in formula[1:] for name in list_names(part)))


def _evaluate(node: Node, arrays: Mapping[str, NDArray[Any]]) -> tuple[Number, bool]:
    """Give the value, and whether its memory is ours to write the next result in."""
    kind = node[0]
    if kind == "number":
        return np.asarray(node[1], dtype=np.float64), False
    if kind == "array":
        return np.asarray(arrays[node[1]]), False
    left, is_left_new = _evaluate(node[1], arrays)
    if len(node) == 2 or (node[2] == ("number", 2.0) and kind == "pow"):  # numpy's power is slow at squares
        function = np.negative if kind == "neg" else np.square if kind == "pow" else FUNCTIONS[kind]
        return np.asarray(function(left, dtype=np.float64, out=left if is_left_new else None)), True
    right, is_right_new = _evaluate(node[2], arrays)
    is_zero = _find_near_zero(right, node[2], arrays) if kind == "div" else None
    shape = np.broadcast_shapes(left.shape, right.shape)
    out = next(
        (
            array
            for array, is_new in ((left, is_left_new), (right, is_right_new))
            if is_new and array.shape == shape
        ),
        None,
    )
    result = np.asarray(_OPERATORS[kind](left, right, dtype=np.float64, out=out))
    if is_zero is not None:
        np.copyto(result, np.nan, where=is_zero)
    return result, True


def _find_near_zero(values: Number, node: Node, arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
    if node[0] in ("number", "array"):  # one term: it is near zero where it is zero
        return np.asarray(values == 0)
    limit = np.multiply(_measure(node, arrays), NEAR_ZERO)
    near: NDArray[np.bool_] = np.asarray(np.abs(values) <= limit)
    return near


def _measure(node: Node, arrays: Mapping[str, NDArray[Any]]) -> Number:
    """Give the sum of the absolute values of a formula's terms."""
    kind = node[0]
    if kind in ("add", "sub"):
        return np.asarray(np.add(_measure(node[1], arrays), _measure(node[2], arrays)))
    if kind == "neg":
        return _measure(node[1], arrays)
    if kind == "mul":
        return np.asarray(np.multiply(_measure(node[1], arrays), _measure(node[2], arrays)))
    if kind == "div":
        divisor = np.abs(_evaluate(node[2], arrays)[0], dtype=np.float64)
        return np.asarray(np.divide(_measure(node[1], arrays), divisor))
    if kind == "pow" and node[2][0] == "number" and node[2][1] > 0:
        return np.asarray(np.power(_measure(node[1], arrays), node[2][1]))
    return np.asarray(np.abs(_evaluate(node, arrays)[0], dtype=np.float64))
