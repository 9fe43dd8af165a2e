"""Read the text of one statistic, such as "p90=quantile(q=0.9)" or "hist(n=16, range=(0, 1))"."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from fractions import Fraction
from itertools import pairwise
from math import inf
from typing import Any

from georoi.errors import UsageError
from georoi.values.definitions import ALIASES, KINDS, PAIRS, Statistic, class_name
from georoi.values.expressions import Source, read_number
from georoi.wording import printable

NAME = r"[^\W\d][\w.%-]*"
"""What names of columns look like."""
_ALLOWED = (
    "a statistic is a name, perhaps with arguments and a new name, such as mean, q95, p90=quantile(q=0.9)"
)


def check_name(name: str) -> str:
    """Give a column's name back.

    Raises:
        UsageError: E-USE-01 if it is none.
    """
    if re.fullmatch(NAME, name):
        return name
    raise UsageError(
        "E-USE-01",
        f"'{printable(name)}' cannot name a statistic",
        hint="a name begins with a letter; letters, digits, _ . % and - follow",
    )


def split_list(text: str) -> Iterator[str]:
    """Split at commas that are in no brackets."""
    depth, start = 0, 0
    for i, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and depth == 0:
            yield text[start:i]
            start = i + 1
    yield text[start:]


def read_statistic(text: str, name: str | None = None) -> Sequence[Statistic]:
    """Read one name with its arguments and its new name, which may give several statistics.

    Raises:
        UsageError: E-USE-01 if it is unknown or its arguments are wrong.
    """
    named = re.fullmatch(r"\s*([^=(]*?)\s*=(.*)", text, re.DOTALL)
    if named:
        if name is not None:
            raise UsageError("E-USE-01", f"'{printable(text.strip())}' has two names: the key is one")
        name, text = check_name(named.group(1)), named.group(2)
    parts = re.fullmatch(r"\s*([\w.%-]*)\s*(\(.*\))?\s*", text, re.DOTALL)
    source = Source(text, "statistic", _ALLOWED)
    if parts is None:
        raise source.refuse(None, "it is no name with arguments")
    kind = parts.group(1).casefold().replace("-", "_")
    arguments = _Arguments(source, parts.group(2))
    kind = ALIASES.get(kind, kind)
    if kind in _READERS:
        found = list(_READERS[kind](kind, arguments, name))
    elif kind in PAIRS:
        found = [Statistic(part if name is None else f"{name}_{part[-1]}", part) for part in PAIRS[kind]]
    elif kind in KINDS and kind != "function":
        found = [Statistic(name or kind, kind)]
    else:
        found = [_read_percent(kind, source, name)]
    arguments.close(kind)
    return found


class _Arguments:
    """Arguments in brackets: numbers, lists of numbers and texts; each is taken once."""

    def __init__(self, source: Source, text: str | None) -> None:
        self._source = source
        self.positional: list[Any] = []
        self._named: dict[str, Any] = {}
        if text is None:
            return
        inner = Source(f"f{text}", source.kind, source.allowed)
        call = inner.read()
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            raise source.refuse(None, "its arguments are not understood")
        self.positional = [self._read(node) for node in call.args]
        self._named = {str(word.arg): self._read(word.value) for word in call.keywords}
        if len(self._named) < len(call.keywords):
            raise source.refuse(None, "an argument is given twice")

    def _read(self, node: ast.expr) -> Any:
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            return tuple(self._read(element) for element in node.elts)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        number = read_number(node)
        if number is None:
            raise self._source.refuse(None, "its arguments are numbers, lists of numbers, or texts in quotes")
        return number

    def take(self, name: str, is_first: bool = False) -> Any:
        """Give an argument by its name, or the first one without; None where it is not given."""
        if name in self._named:
            return self._named.pop(name)
        return self.positional.pop(0) if is_first and self.positional else None

    def refuse(self, why: str) -> UsageError:
        return self._source.refuse(None, why)

    def close(self, kind: str) -> None:
        left = [*map(str, self.positional), *self._named]
        if left:
            raise self.refuse(f"{printable(kind)} does not take {printable(', '.join(left))}")


def _read_percent(kind: str, source: Source, name: str | None) -> Statistic:
    """Read q95, p95, percentile_95."""
    match = re.fullmatch(r"(?:q|p|percentile_?|pct_?)(\d{1,3}(?:\.\d+)?)", kind)
    if match is None:
        known = [known for known in (*KINDS, *PAIRS, *ALIASES, "median") if known != "function"]
        close = get_close_matches(kind, known, n=1)
        near = f"; did you mean {ALIASES.get(close[0], close[0])}?" if close else ""
        names = ", ".join(known for known in (*KINDS, "median", "q05", "centroid") if known != "function")
        error = source.refuse(None, f"there is no '{printable(kind)}'{near}")
        error.found["statistics"] = names
        raise error
    digits = match.group(1)
    if "." in digits and Fraction(digits) <= 1:
        raise source.refuse(
            None,
            f"'{printable(kind)}' may be {digits} per cent or a share; write quantile(q=...), q from 0 to 1",
        )
    return _make_quantile(float(Fraction(digits) / 100), "inverted_cdf", source.refuse(None, _NO_SHARE), name)


_NO_SHARE = "quantiles are from 0 to 1 (from 0 to 100 per cent)"
_METHODS = ("inverted_cdf", "linear")


def _make_quantile(q: Any, method: str, error: UsageError, name: str | None) -> Statistic:
    if isinstance(q, (str, tuple)) or not 0 <= q <= 1:
        raise error
    percent = f"{round(q * 100, 9):.9f}".rstrip("0").rstrip(".")
    return Statistic(
        name or f"q{percent.rjust(2, '0') if '.' not in percent else percent}",
        "quantile",
        (("q", float(q)), ("method", method)),
    )


def _read_quantile(kind: str, arguments: _Arguments, name: str | None) -> Iterator[Statistic]:
    """Read median, quantile(q=...) and percentile(...); several make several columns."""
    share = 0.5 if kind == "median" else arguments.take("q", is_first=True)
    method = arguments.take("method") or _METHODS[0]
    if method not in _METHODS:
        raise arguments.refuse(f"its method is {' or '.join(_METHODS)}")
    if share is None:
        raise arguments.refuse(f"{kind} needs q, as in quantile(q=0.9)")
    shares = share if isinstance(share, tuple) else (share,)
    for value in shares:
        if isinstance(value, (str, tuple)):
            raise arguments.refuse(_NO_SHARE)
        q = value if kind != "percentile" else float(Fraction(value) / 100)
        chosen = "median" if kind == "median" and name is None else name
        made = _make_quantile(q, method, arguments.refuse(_NO_SHARE), None)
        if chosen is not None:
            chosen = chosen if len(shares) == 1 else f"{chosen}_{made.name[1:]}"
        yield Statistic(chosen or made.name, made.kind, made.params)


def _read_frac(kind: str, arguments: _Arguments, name: str | None) -> Iterator[Statistic]:
    """Read frac, of all classes, and frac(1, 2)."""
    one = arguments.take("value")
    values = [one] if one is not None else arguments.positional[:]
    arguments.positional.clear()
    if len(values) == 1 and isinstance(values[0], tuple):
        values = list(values[0])
    if any(isinstance(value, (str, tuple)) for value in values):
        raise arguments.refuse("classes are numbers, as in frac(1, 2)")
    if not values:
        yield Statistic(name or kind, kind)
    for value in values:
        number = int(value) if float(value).is_integer() else value
        own = name if name and len(values) == 1 else f"{name or kind}_{class_name(number)}"
        yield Statistic(own, kind, (("value", number),))


def _read_hist(kind: str, arguments: _Arguments, name: str | None) -> Iterator[Statistic]:
    """Read hist(bins=[0, 10, 20]) and hist(n=16, range=(0, 1)): bins that are the same for all ROIs."""
    bins, number, ends = arguments.take("bins", is_first=True), arguments.take("n"), arguments.take("range")
    if isinstance(bins, int):
        bins, number = None, bins
    if bins is None and isinstance(number, int) and isinstance(ends, tuple) and len(ends) == 2:
        low, high = ends
        if not 1 <= number <= 100_000 or isinstance(low, str) or isinstance(high, str):
            raise arguments.refuse("n is from 1 to 100000, and range two numbers")
        bins = (*(low + (high - low) * i / number for i in range(number)), high)
    elif bins is None or number is not None or ends is not None:
        raise arguments.refuse(
            "hist needs its bins, the same for all: bins=[0, 10, 20], or n=16, range=(0, 1)"
        )
    if not isinstance(bins, tuple) or len(bins) < 2 or any(isinstance(edge, (str, tuple)) for edge in bins):
        raise arguments.refuse("bins are at least two edges")
    edges = tuple(map(float, bins))
    if any(not low < high < inf for low, high in pairwise(edges)):
        raise arguments.refuse("edges of bins ascend")
    yield Statistic(name or kind, kind, (("bins", edges),))


_READERS: Mapping[str, Callable[[str, _Arguments, str | None], Iterator[Statistic]]] = {
    "median": _read_quantile,
    "quantile": _read_quantile,
    "percentile": _read_quantile,
    "frac": _read_frac,
    "hist": _read_hist,
}
