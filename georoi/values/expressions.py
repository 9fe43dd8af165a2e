"""Read a formula or rule from text into Python's syntax tree, and refuse what is in it with its position."""

from __future__ import annotations

import ast
import re
import warnings

from georoi.errors import UsageError
from georoi.wording import printable

LONGEST = 1000
"""Characters that a text may have."""
DEEPEST = 100
"""Levels that its tree may have, so that no one who walks it runs out of stack."""


class Source:
    """A text and what it is called in messages; nothing of it is ever executed.

    Args:
        text: What the user wrote.
        kind: What it is, such as "mask rule".
        allowed: What it may hold, for the hint.
    """

    def __init__(self, text: str, kind: str, allowed: str) -> None:
        self.text = re.sub(r"[\t\r\n]", " ", text).strip()
        self.kind = kind
        self.allowed = allowed

    def read(self) -> ast.expr:
        """Parse the text into a tree of one expression.

        Raises:
            UsageError: E-USE-01 with the position at which the text is no expression.
        """
        if not self.text:
            raise self.refuse(None, "it is empty")
        if len(self.text) > LONGEST:
            raise self.refuse(None, f"it has more than {LONGEST} characters")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what Python finds odd is refused further on, or harmless
                tree = ast.parse(self.text, mode="eval").body
        except SyntaxError as error:
            end = len(self.text)  # Python puts what is missing at the end at 0
            position = min(error.offset - 1, end) if error.offset else end
            raise self._refuse_at(position, "it is no expression") from None
        except (ValueError, RecursionError, MemoryError):
            raise self.refuse(None, "it is no expression") from None
        if _is_deeper(tree, DEEPEST):
            raise self.refuse(None, f"it is nested in more than {DEEPEST} levels")
        return tree

    def refuse(self, node: ast.AST | None, why: str) -> UsageError:
        """Make the error (E-USE-01) that says where in the text something is that may not be there."""
        offset = getattr(node, "col_offset", None)
        if offset is None:
            return self._refuse_at(None, why)
        written = self.text.encode()  # ast counts bytes
        part = written[offset : getattr(node, "end_col_offset", None)].decode(errors="replace")
        return self._refuse_at(len(written[:offset].decode(errors="replace")), why, part)

    def _refuse_at(self, position: int | None, why: str, part: str = "") -> UsageError:
        found = {self.kind: printable(self.text[:200])}
        if position is not None:
            rest = part or self.text[position:]
            found["at"] = f"character {position + 1}" + (f": {printable(rest[:60])}" if rest else "")
        return UsageError(
            "E-USE-01", f"the {self.kind} is not understood: {why}", found=found, hint=self.allowed
        )


def _is_deeper(tree: ast.AST, levels: int) -> bool:
    level = [tree]
    for _ in range(levels):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return bool(level)


def read_number(node: ast.AST) -> int | float | None:
    """Give the finite number that a node writes, with its sign; None if it writes none."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        inner = read_number(node.operand)
        if inner is None:
            return None
        return -inner if isinstance(node.op, ast.USub) else inner
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        value: int | float = node.value  # type: ignore[assignment] # its type was just asked for
        if isinstance(value, int):
            return value if abs(value) < 2**64 else None
        return value if abs(value) < float("inf") else None
    return None
