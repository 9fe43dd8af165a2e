"""Formulas on bands as text: read into the tree that the kernel evaluates, and written back."""

from __future__ import annotations

import ast
from functools import lru_cache

from georoi.kernels.indices import FUNCTIONS, Node
from georoi.values.expressions import Source, read_number

_OPERATORS = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow"}
_ALLOWED = f"a formula has bands, numbers, + - * / **, brackets and {', '.join(FUNCTIONS)}"


@lru_cache(maxsize=256)
def parse_formula(text: str) -> Node:
    """Read a formula such as "(nir - red) / (nir + red)"; nothing in it is executed.

    Raises:
        UsageError: E-USE-01 with the position of what is not allowed.
    """
    source = Source(text, "formula", _ALLOWED)
    return _build(source.read(), source)


def _build(node: ast.expr, source: Source) -> Node:
    number = read_number(node)
    if number is not None:
        return ("number", float(number))
    if isinstance(node, ast.Name):
        return ("array", node.id)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return (_OPERATORS[type(node.op)], _build(node.left, source), _build(node.right, source))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return ("neg", _build(node.operand, source))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
        if len(node.args) == 1 and not node.keywords:
            return (node.func.id, _build(node.args[0], source))
        raise source.refuse(node, f"{node.func.id} takes one value")
    raise source.refuse(node, "this is not allowed in a formula")


_SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**"}


def write_formula(tree: Node) -> str:
    """Write a formula so that `parse_formula` reads the same tree; brackets are around every operation."""
    kind = tree[0]
    if kind == "number":
        return repr(tree[1]) if tree[1] >= 0 else f"({tree[1]!r})"
    if kind == "array":
        return str(tree[1])
    if kind == "neg":
        return f"(-{write_formula(tree[1])})"
    if kind in _SIGNS:
        return f"({write_formula(tree[1])} {_SIGNS[kind]} {write_formula(tree[2])})"
    return f"{kind}({write_formula(tree[1])})"
