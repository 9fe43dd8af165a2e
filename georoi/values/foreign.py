"""Spectral indices from the catalogue of spyndex, an optional dependency; parsed, never run."""

from __future__ import annotations

import importlib
from difflib import get_close_matches
from typing import Any

from georoi.errors import MissingExtraError, UsageError
from georoi.kernels.indices import Node
from georoi.values.formulas import parse_formula
from georoi.wording import printable

FOREIGN = "spyndex:"
"""Before a name: the index is one of spyndex'."""

_FOREIGN_ROLES = {
    "A": "coastal",
    "B": "blue",
    "G": "green",
    "Y": "yellow",
    "R": "red",
    "RE1": "rededge1",
    "RE2": "rededge2",
    "RE3": "rededge3",
    "N": "nir",
    "N2": "nir08",
    "WV": "nir09",
    "S1": "swir16",
    "S2": "swir22",
    "T": "lwir",
    "T1": "lwir11",
    "T2": "lwir12",
}


def find_foreign(name: str) -> tuple[str, Node, str, str]:
    """Take an index from spyndex: its name, formula on band roles, publication and title.

    Only the text of the formula is taken. It is parsed here; spyndex itself would evaluate it as Python code.

    Raises:
        MissingExtraError: E-USE-02 if spyndex is not installed.
        UsageError: E-USE-01 if it has no such index, or one that needs more than bands and constants.
    """
    try:
        catalogue = importlib.import_module("spyndex")
    except ImportError as error:
        raise MissingExtraError.of("spyndex", "indices") from error
    names = {known.casefold(): known for known in catalogue.indices}
    known = names.get(name.strip().casefold())
    if known is None:
        close = get_close_matches(name.strip().casefold(), names, n=1)
        hint = f"did you mean {FOREIGN}{names[close[0]]}?" if close else None
        raise UsageError("E-USE-01", f"spyndex has no index '{printable(name)}'", hint=hint)
    entry = catalogue.indices[known]
    tree = parse_formula(str(entry.formula))
    return known, _rename(tree, known, catalogue.constants), str(entry.reference), str(entry.long_name)


def _rename(tree: Node, index: str, constants: Any) -> Node:
    """Put roles in place of spyndex' letters for bands, and numbers in place of its constants."""
    if tree[0] == "number":
        return tree
    if tree[0] != "array":
        return (tree[0], *(_rename(part, index, constants) for part in tree[1:]))
    letter = tree[1]
    if letter in _FOREIGN_ROLES:
        return ("array", _FOREIGN_ROLES[letter])
    default = constants[letter].default if letter in constants else None
    if not isinstance(default, (int, float)):
        raise UsageError(
            "E-USE-01",
            f"{FOREIGN}{index} needs {letter}, which is neither a band nor a constant with a value",
        )
    return ("number", float(default))
