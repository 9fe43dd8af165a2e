"""Statistics asked for as text: names, arguments, aliases, what is refused."""

from __future__ import annotations

import functools
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from georoi.errors import UsageError
from georoi.values.definitions import ALIASES, KINDS, PAIRS
from georoi.values.statistics import DEFAULT, Statistic, class_name, column, parse_stats


def names(stats):
    """Give the columns of a request."""
    return [statistic.name for statistic in parse_stats(stats)]


def only(stats):
    """Give the one statistic of a request."""
    (statistic,) = parse_stats(stats)
    return statistic


def test_requests_take_many_forms():
    """A text, a list of texts, texts with commas, statistics, and new names."""
    assert names(None) == list(DEFAULT)
    assert names("mean") == ["mean"]
    assert names(" mean , q05,hist(bins=[0, 1, 2])") == ["mean", "q05", "hist"]
    assert names(["mean", "min,max"]) == ["mean", "min", "max"]
    assert names({"a": "mean", "b": only("max")}) == ["a", "b"]
    assert names(only("max")) == ["max"]
    assert names(name for name in ("mean", "max")) == ["mean", "max"]


@pytest.mark.parametrize("alias", ALIASES)
def test_names_of_other_tools_give_one_column(alias):
    """In any case."""
    arguments = "(bins=[0, 1])" if ALIASES[alias] == "hist" else ""
    assert names(alias.upper() + arguments) == names(ALIASES[alias] + arguments)


@pytest.mark.parametrize(
    ("text", "name", "q"),
    [
        ("q05", "q05", 0.05),
        ("q5", "q05", 0.05),
        ("q95", "q95", 0.95),
        ("q0", "q00", 0.0),
        ("q100", "q100", 1.0),
        ("q99.5", "q99.5", 0.995),
        ("p90", "q90", 0.9),
        ("percentile_90", "q90", 0.9),
        ("percentile90", "q90", 0.9),
        ("percentile(29)", "q29", 0.29),
        ("quantile(q=0.29)", "q29", 0.29),
        ("quantile(0.025)", "q2.5", 0.025),
        ("median", "median", 0.5),
        ("q50", "q50", 0.5),
        ("p90=quantile(q=0.9)", "p90", 0.9),
        ("mitte = median", "mitte", 0.5),
        ("quantile(1)", "q100", 1.0),
    ],
)
def test_quantiles(text, name, q):
    """Of any spelling: the share is exactly the decimal that was written."""
    statistic = only(text)
    assert (statistic.name, statistic.kind, statistic.get("q")) == (name, "quantile", q)
    assert statistic.get("method") == "inverted_cdf"
    assert statistic.needs == {"values"}
    assert not statistic.is_list


def test_several_quantiles_and_methods():
    """A list of shares makes a column of each."""
    assert names("quantile(q=[0.1, 0.9])") == ["q10", "q90"]
    assert names("edge=quantile(q=[0.1, 0.9])") == ["edge_10", "edge_90"]
    assert only('quantile(q=0.5, method="linear")').get("method") == "linear"
    assert only("median(method='linear')").name == "median"


def test_fractions_of_classes():
    """Of every class found, or of those named, with a column each."""
    every = only("frac")
    assert every.is_expanding
    assert every.is_list
    assert every.get("value") is None
    assert names("frac(1, 2.0, -3, 1.5)") == ["frac_1", "frac_2", "frac_-3", "frac_1.5"]
    assert names("frac([1, 2])") == ["frac_1", "frac_2"]
    assert names("water=frac(6)") == ["water"]
    assert names("wet=frac(6, 7)") == ["wet_6", "wet_7"]
    assert only("frac(6.0)").get("value") == 6
    assert not only("frac(6)").is_list
    assert class_name(np.float64(3)) == "3"


def test_histograms_have_stated_bins():
    """By their edges, or by number and range, as numpy makes them."""
    assert only("hist(bins=[0, 10, 20])").get("bins") == (0.0, 10.0, 20.0)
    assert only("hist([0, 10, 20])").get("bins") == (0.0, 10.0, 20.0)
    edges = only("h=hist(n=16, range=(-1, 1))").get("bins")
    assert edges == tuple(np.linspace(-1, 1, 17))
    assert only("hist(4, range=[0, 1])").get("bins") == (0.0, 0.25, 0.5, 0.75, 1.0)
    assert only("hist(bins=[0, 1])").is_list


def test_positions_and_centroids_are_two_columns():
    """x and y, the first or the last position."""
    assert names("centroid") == ["centroid_x", "centroid_y"]
    assert names("argmin, argmax_last") == ["min_x", "min_y", "max_last_x", "max_last_y"]
    assert names("peak=argmax") == ["peak_x", "peak_y"]
    assert only("max_x").needs == {"extremes", "positions"}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("function", "quantile", "hist")])
def test_every_kind_is_asked_for_by_its_name(kind):
    """And says what it is and what it is made of."""
    statistic = only(kind)
    assert (statistic.name, statistic.kind) == (kind, kind)
    assert statistic.needs == set(KINDS[kind].needs)
    assert KINDS[kind].formula
    assert KINDS[kind].unit


def test_names_of_kinds_pairs_and_aliases_do_not_clash():
    """One word means one thing."""
    assert not set(KINDS) & set(ALIASES)
    assert not set(PAIRS) & (set(KINDS) | set(ALIASES))
    assert set(ALIASES.values()) <= set(KINDS)
    assert {kind for pair in PAIRS.values() for kind in pair} <= set(KINDS)


def spread(values, weights):
    """A statistic of one's own."""
    return float(np.ptp(values))


def test_functions_are_statistics():
    """By their name or a new one."""
    own = only(spread)
    assert (own.name, own.kind, own.function) == ("spread", "function", spread)
    assert names({"p2": spread, "m": "mean"}) == ["p2", "m"]
    assert names({"half": functools.partial(spread, weights=None)}) == ["half"]
    assert str(own) == "spread=spread(values, weights)"


@pytest.mark.parametrize("function", [lambda values, weights: 0.0, functools.partial(spread)])
def test_functions_without_a_name_need_one(function):
    """A column must be called something."""
    with pytest.raises(UsageError, match="without a name"):
        parse_stats([function])


@pytest.mark.parametrize(
    ("stats", "text"),
    [
        ("meen", "no 'meen'; did you mean mean"),
        ("medain", "did you mean median"),
        ("stdv", "did you mean std"),
        ("mean, mean", "two statistics are called 'mean'"),
        ("std, stdev", "two statistics are called 'std'"),
        ("q90, quantile(q=0.9)", "two statistics are called 'q90'"),
        ("area=mean", "it is a column anyway"),
        ("status=count", "it is a column anyway"),
        ("q0.95", "per cent or a share"),
        ("q101", "from 0 to 1"),
        ("quantile(q=90)", "from 0 to 1"),
        ("quantile(q='a')", "from 0 to 1"),
        ("quantile", "needs q"),
        ("quantile(q=0.5, method='midpoint')", "inverted_cdf or linear"),
        ("quantile(q=0.5, q=0.6)", "given twice"),
        ("quantile(0.5, 0.6)", "does not take 0.6"),
        ("mean(2)", "does not take 2"),
        ("mean(x=2)", "does not take x"),
        ("count(coverage_weight=none)", "numbers, lists of numbers, or texts"),
        ("mean(open('x'))", "numbers, lists of numbers, or texts"),
        ("mean()()", "arguments are not understood"),
        ("hist", "needs its bins"),
        ("hist(16)", "needs its bins"),
        ("hist(n=16)", "needs its bins"),
        ("hist(n=0, range=(0, 1))", "n is from 1"),
        ("hist(bins=[1])", "at least two edges"),
        ("hist(bins=[1, 1])", "ascend"),
        ("hist(bins=[2, 1])", "ascend"),
        ("hist(n=4, range=(1, 0))", "ascend"),
        ("frac('water')", "classes are numbers"),
        ("function", "no 'function'"),
        ("1a=mean", "cannot name a statistic"),
        ("a b=mean", "cannot name a statistic"),
        ("=mean", "cannot name a statistic"),
        ("mean mean", "no name with arguments"),
        ("", "no ''"),
        ("mean,,max", "no ''"),
        ([], "names no statistic"),
        ({}, "names no statistic"),
        ({"a": "b=mean"}, "has two names"),
        (7, "a int is no statistic"),
        ([None], "a NoneType is no statistic"),
    ],
)
def test_what_is_no_statistic_is_refused(stats, text):
    """With what is near it or wrong with it."""
    with pytest.raises(UsageError, match=text) as caught:
        parse_stats(stats)
    assert caught.value.id == "E-USE-01"


def test_columns_are_named_after_bands_where_there_are_several():
    """As the table does."""
    assert column(only("q05"), "B04", several_bands=False) == "q05"
    assert column(only("q05"), "B04", several_bands=True) == "B04_q05"
    assert column("frac_3", "SCL", several_bands=True) == "SCL_frac_3"


def test_statistics_are_plain_values():
    """Compared, hashed, sent to workers; never half made."""
    found = parse_stats(["quantile(q=0.9)", "hist(bins=[0, 1])", "frac(2)", spread])
    assert pickle.loads(pickle.dumps(found)) == found
    assert len({*found, *parse_stats("q90")}) == 4
    with pytest.raises(ValueError, match="no statistic of kind"):
        Statistic("a", "nonsense")
    with pytest.raises(ValueError, match="no statistic of kind"):
        Statistic("a", "function")


made = st.one_of(
    st.sampled_from([kind for kind in KINDS if kind not in ("function", "quantile", "hist")]).map(
        lambda kind: (kind, ())
    ),
    st.tuples(st.floats(0, 1), st.sampled_from(["inverted_cdf", "linear"])).map(
        lambda pair: ("quantile", (("q", pair[0]), ("method", pair[1])))
    ),
    st.one_of(st.integers(-(2**53), 2**53), st.floats(-1e6, 1e6).filter(lambda x: not x.is_integer())).map(
        lambda value: ("frac", (("value", value),))
    ),
    st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=5, unique=True).map(
        lambda edges: ("hist", (("bins", tuple(sorted(edges))),))
    ),
)


@given(st.from_regex(r"x[a-z0-9_.%-]{0,8}", fullmatch=True), made)
def test_statistics_are_read_as_they_are_written(name, kind):
    """Text and value say the same."""
    statistic = Statistic(name, *kind)
    assert only(str(statistic)) == statistic


@given(st.text(max_size=40))
def test_any_text_is_a_statistic_or_refused(text):
    """Nothing else than our error comes of it."""
    try:
        assert parse_stats(text)
    except UsageError:
        return
