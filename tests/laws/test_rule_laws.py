"""Laws of formulas and mask rules as text: what is written is read back, and odd text is refused, no more."""

from __future__ import annotations

import contextlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from georoi.errors import UsageError
from georoi.kernels.indices import FUNCTIONS, compute_formula
from georoi.values.formulas import parse_formula, write_formula
from georoi.values.quality import MaskRule, parse_mask, parse_rule

numbers = st.one_of(st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False))
names = st.one_of(
    st.sampled_from(["SCL", "QA_PIXEL", "B8A", "1", "23", "a b", "not", "in {", "ﬁ", "it's"]),
    st.text(min_size=1, max_size=8).filter(lambda text: text == text.strip() and text.isprintable()),
)
bands = st.tuples(st.just("band"), names)
bits = st.integers(1, 2**64 - 1)
fields = st.tuples(st.integers(0, 63), st.integers(0, 63)).map(sorted)
values = st.one_of(
    bands,
    st.tuples(st.sampled_from(["&", "bit"]), bands, bits),
    st.tuples(bands, fields).map(lambda pair: ("field", pair[0], *pair[1])),
)
choices = st.lists(numbers, min_size=1, max_size=4).map(lambda found: tuple(sorted(set(found))))
conditions = st.one_of(
    st.tuples(
        st.sampled_from(["==", "!=", "<", "<=", ">", ">="]),
        values,
        st.one_of(values, numbers.map(lambda x: ("number", x))),
    ),
    st.tuples(values, choices).map(lambda pair: ("in", pair[0], *pair[1])),
)
rules = st.recursive(
    conditions,
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner),
        st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3)).map(
            lambda pair: (pair[0], *pair[1])
        ),
    ),
    max_leaves=4,
)


@given(rules)
def test_rules_are_read_as_they_are_written(tree):
    """Text and tree say the same."""
    text = str(MaskRule(tree))
    if len(text) <= 1000:
        assert parse_rule(text) == MaskRule(tree)


@given(
    st.lists(st.integers(0, 255), min_size=1, max_size=20),
    st.sets(st.integers(0, 255), min_size=1, max_size=8),
)
def test_in_and_not_in_are_complements_where_quality_is_valid(pixels, chosen):
    """Each pixel is kept by one of them, as Python's own sets say."""
    arrays = {"SCL": np.array(pixels, "uint8")}
    listed = ", ".join(map(str, chosen))
    flags = parse_mask(f"SCL in {{{listed}}}").keep(arrays)
    assert flags.tolist() == [pixel in chosen for pixel in pixels]
    assert (~flags).tolist() == parse_mask(f"SCL not in {{{listed}}}").keep(arrays).tolist()


@given(st.integers(0, 2**16 - 1), fields.filter(lambda pair: pair[1] < 16))
def test_fields_are_the_digits_of_the_number(value, field):
    """As a text of binary digits shows them."""
    first, last = field
    digits = f"{value:016b}"[::-1][first : last + 1][::-1]
    rule = f"field(QA, {first}, {last}) == {int(digits, 2)}"
    assert parse_mask(rule).keep({"QA": np.array([value], "uint16")}).all()


@given(st.text(max_size=60))
def test_any_text_is_a_rule_or_refused(text):
    """Nothing else than our error comes of it."""
    for read in (parse_mask, parse_formula):
        with contextlib.suppress(UsageError):
            read(text)


formulas = st.recursive(
    st.one_of(
        st.tuples(st.just("array"), st.sampled_from(["nir", "red", "B8A"])),
        st.tuples(st.just("number"), st.floats(-1e6, 1e6)),
    ),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["add", "sub", "mul", "div", "pow"]), inner, inner),
        st.tuples(st.sampled_from(["neg", *FUNCTIONS]), inner),
    ),
    max_leaves=8,
)


def _fold(tree):
    """Say -x of a number as the number, as the reader does."""
    if tree[0] in ("array", "number"):
        return tree
    parts = tuple(_fold(part) for part in tree[1:])
    if tree[0] == "neg" and parts[0][0] == "number":
        return ("number", -parts[0][1])
    return (tree[0], *parts)


@given(formulas)
def test_formulas_are_read_as_they_are_written(tree):
    """Text and tree say the same."""
    text = write_formula(tree)
    if len(text) <= 1000:
        assert parse_formula(text) == _fold(tree)


@given(formulas, st.floats(0.01, 1), st.floats(0.01, 1))
def test_formulas_compute_what_python_does_or_nan(tree, nir, red):
    """Each finite result is that of numpy's own scalars; a quotient by near zero is NaN instead."""
    arrays = {"nir": np.array([nir]), "red": np.array([red]), "B8A": np.array([0.25])}
    if not any(name in str(tree) for name in arrays):
        return
    result = compute_formula(tree, arrays)[0]
    scope = {name: np.float64(array[0]) for name, array in arrays.items()}
    scope |= {name: getattr(np, name) for name in FUNCTIONS}
    with np.errstate(all="ignore"):
        expected = np.float64(_compute(tree, scope))
    if np.isfinite(result):
        assert np.isclose(result, expected, rtol=1e-9, atol=0)


def _compute(tree, scope):
    if tree[0] == "number":
        return np.float64(tree[1])
    if tree[0] == "array":
        return scope[tree[1]]
    parts = [_compute(part, scope) for part in tree[1:]]
    match tree[0]:
        case "add":
            return parts[0] + parts[1]
        case "sub":
            return parts[0] - parts[1]
        case "mul":
            return parts[0] * parts[1]
        case "div":
            return parts[0] / parts[1]
        case "pow":
            return parts[0] ** parts[1]
        case "neg":
            return -parts[0]
    return scope[tree[0]](parts[0])
