"""Mask rules: presets against the agencies' tables, bits of every dtype, what is refused and where."""

from __future__ import annotations

import csv
import pickle

import numpy as np
import pytest

from georoi.errors import RasterError, UsageError
from georoi.values.quality import PRESETS, MaskRule, parse_mask, parse_rule

# USGS, LSDS-1619, table of QA_PIXEL values of Landsat 8-9 collection 2, with what they mean.
LANDSAT = {
    1: "fill",
    21824: "clear",
    21826: "dilated cloud over land",
    21888: "water",
    21890: "dilated cloud over water",
    22080: "medium cloud confidence",
    22144: "medium cloud confidence, water",
    22280: "high cloud confidence",
    23888: "high shadow confidence",
    23952: "high shadow confidence, water",
    24088: "medium cloud and shadow",
    24216: "medium cloud and shadow, water",
    24344: "high cloud and shadow",
    24472: "high cloud and shadow, water",
    30048: "snow",
    54596: "cirrus",
    54852: "cirrus, medium cloud",
    55052: "cirrus, high cloud",
}


def kept(rule, **bands):
    """Give the list of what a rule keeps."""
    return parse_mask(rule).keep({name: np.asarray(values) for name, values in bands.items()}).tolist()


@pytest.mark.parametrize(
    ("preset", "classes"),
    [
        ("scl", {4, 5, 6, 7}),
        ("SCL-clear", {4, 5, 6, 7}),
        ("sentinel2-scl", {4, 5, 6, 7}),
        ("scl_strict", {4, 5}),
        ("scl-snow", {4, 5, 6, 7, 11}),
    ],
)
def test_scl_presets_keep_their_classes(preset, classes):
    """Of ESA's twelve classes; the name in any case."""
    flags = kept(preset, SCL=np.arange(12, dtype="uint8"))
    assert {value for value, is_kept in enumerate(flags) if is_kept} == classes


@pytest.mark.parametrize(
    ("preset", "values"),
    [
        ("landsat-qa", {21824, 21888, 22080, 22144}),
        ("landsat-qa-clear", {21824, 21888, 22080, 22144}),
        ("landsat-qa-snow", {21824, 21888, 22080, 22144, 30048}),
        ("landsat-qa-strict", {21824, 21888}),
    ],
)
def test_landsat_presets_keep_the_values_of_the_guide(preset, values):
    """Of the values that the product guide explains one by one."""
    flags = kept(preset, QA_PIXEL=np.array(list(LANDSAT), dtype="uint16"))
    assert {value for value, is_kept in zip(LANDSAT, flags, strict=True) if is_kept} == values


@pytest.mark.parametrize("bit", range(16))
def test_landsat_bits_are_where_the_guide_says(bit):
    """One bit set: 0 to 5 mask, 6 clear and 7 water do not; strict also masks medium and high confidences."""
    value = np.array([1 << bit], dtype="uint16")
    assert kept("landsat-qa", QA_PIXEL=value) == [bit > 5]
    assert kept("landsat-qa-snow", QA_PIXEL=value) == [bit > 4]
    assert kept("landsat-qa-strict", QA_PIXEL=value) == [bit in (6, 7, 8, 10, 12, 14)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("SCL in {4, 5, 7}", [0, 0, 1, 1]),
        ("SCL in [4]", [0, 0, 1, 0]),
        ("SCL not in {3, 8}", [1, 0, 1, 1]),
        ("SCL == 3", [0, 1, 0, 0]),
        ("3 < SCL <= 5", [0, 0, 1, 1]),
        ("SCL != 3 and not SCL == 4", [1, 0, 0, 1]),
        ("SCL == 3 or SCL == 4", [0, 1, 1, 0]),
        ("SCL & 0b100 == 0", [1, 1, 0, 0]),
        ("SCL & 3 == 3", [0, 1, 0, 0]),
        ("bit(SCL, 0, 2) == 0", [1, 0, 0, 0]),
        ("bit(SCL, 0) == 1", [0, 1, 0, 1]),
        ("field(SCL, 1, 2) == 2", [0, 0, 1, 1]),
        ("SCL < cloud", [1, 0, 0, 0]),
        ("'SCL' == 3 and band(2) == 1", [0, 1, 0, 0]),
        ("SCL > -1", [1, 1, 1, 1]),
        ("SCL < 300.5", [1, 1, 1, 1]),
        ("SCL in {300, -4}", [0, 0, 0, 0]),
        (" SCL\n== 3", [0, 1, 0, 0]),
    ],
)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "int64", "float32"])
def test_rules(rule, expected, dtype):
    """Each form of rule on 0, 3, 4 and 5."""
    bands = {"SCL": np.array([0, 3, 4, 5], dtype), "cloud": np.array([1, 1, 1, 1], dtype)}
    parsed = parse_mask(rule)
    flags = parsed.keep(bands | {"2": bands["cloud"]})
    assert flags.dtype == bool
    assert flags.tolist() == [bool(value) for value in expected]


def test_bits_of_signed_bands_are_their_bits():
    """A QA band that was stored as int16 has bit 15 as its sign."""
    assert kept("bit(QA, 15) == 1", QA=np.array([-1, 1], "int16")) == [True, False]
    assert kept("field(QA, 14, 15) == 3", QA=np.array([54596], "uint16").view("int16")) == [True]


def test_large_integers_are_exact():
    """64 bits are not compared as floats."""
    values = np.array([2**63, 2**63 + 1], "uint64")
    assert kept(f"QA == {2**63 + 1}", QA=values) == [False, True]
    assert kept(f"QA in {{{2**63}}}", QA=values) == [True, False]
    assert kept("bit(QA, 0) == 0", QA=values) == [True, False]


@pytest.mark.parametrize(
    "rule", ["cloud != 1", "not cloud < 40", "cloud == 1 or SCL == 4", "cloud not in {7}"]
)
def test_invalid_quality_is_masked(rule):
    """NaN and nodata in the band of quality are masked, whatever the rule says of them."""
    scl = np.array([4, 4, 4], "uint8")
    cloud = np.array([50.0, np.nan, 50.0])
    parsed = parse_mask(rule)
    flags = parsed.keep({"cloud": cloud, "SCL": scl}, {"cloud": np.array([True, True, False])})
    assert not flags[1:].any()


def test_inputs_are_left_alone():
    """The result is new memory, also where a band is a mask of its own."""
    clear = np.array([True, False])
    flags = parse_mask("clear == 1").keep({"clear": clear}, {"clear": np.array([False, True])})
    assert flags.tolist() == [False, False]
    assert clear.tolist() == [True, False]


def test_bits_that_are_not_there_are_refused():
    """A rule for a 16-bit band on one of 8 bits, and bits of fractions."""
    with pytest.raises(UsageError, match="bit 9 of band QA_PIXEL, which has 8 bits"):
        kept("landsat-qa-strict", QA_PIXEL=np.zeros(2, "uint8"))
    with pytest.raises(UsageError, match="no whole numbers"):
        kept("bit(QA, 1) == 0", QA=np.array([0.5]))
    assert kept("bit(QA, 1) == 0", QA=np.array([1.0, 2.0, np.nan], "float32")) == [True, False, False]


@pytest.mark.parametrize(
    ("rule", "position", "text"),
    [
        ("cloudmask", 1, "'cloudmask' alone does not say"),
        ("'a band'", 1, "alone does not say"),
        ("scl-cleer", 1, "no condition"),
        ("SCL = 4", 5, "no expression"),
        ("SCL is 4", 1, "compared by"),
        ("SCL == 4 & B01 == 0", 8, "belongs here"),
        ("(SCL == 4) & (B01 == 0)", 1, "joined by and"),
        ("QA & 8", 1, "compared with a number"),
        ("~SCL == 4", 1, "belongs here"),
        ("SCL in 4", 8, "followed by numbers"),
        ("SCL in {}", 8, "followed by numbers"),
        ("SCL in {4, x}", 12, "no number"),
        ("SCL in {True}", 9, "no number"),
        ("SCL == None", 8, "belongs here"),
        ("SCL == 1 and open('x') == 1", 14, "belongs here"),
        ("().__class__ == 1", 1, "belongs here"),
        ("bit(QA, 64) == 0", 9, "whole number from 0 to 63"),
        ("bit(QA) == 0", 1, "belongs here"),
        ("field(QA, 9, 8) == 0", 1, "lower to its higher"),
        ("QA & -1 == 0", 6, "whole number from 1"),
        ("QA & 0 == 0", 6, "whole number from 1"),
        ("band(0) == 1", 6, "whole number from 1"),
        ("SCL + 1 == 4", 1, "belongs here"),
        ("1 == 1", 1, "two numbers"),
        ("3 in {3}", 1, "in follows a band"),
        ("SCL == 1e999", 8, "belongs here"),
        ("", None, "it is empty"),
        ("SCL == 1 and " * 100 + "SCL == 1", None, "more than 1000 characters"),
    ],
)
def test_what_is_no_rule_is_refused_with_its_place(rule, position, text):
    """And with what a rule may hold; nothing is run."""
    with pytest.raises(UsageError, match=text) as caught:
        parse_mask(rule)
    assert caught.value.id == "E-USE-01"
    assert "KEPT" in caught.value.hint
    if position is not None:
        assert caught.value.found["at"].split(":")[0] == f"character {position}"


@pytest.mark.parametrize("mask", [np.zeros((2, 2), bool), 1, True, ["SCL"]])
def test_masks_without_a_rule_are_refused(mask):
    """Whether True is cloud or clear is not guessed."""
    with pytest.raises(UsageError, match="does not say which values") as caught:
        parse_mask(mask)
    assert "cloudmask == 0" in caught.value.hint


def test_rules_name_their_bands():
    """Once each; found by name in any case, by number, and refused where they are missing."""
    rule = parse_rule("SCL in {4} and (cloud < 40 or SCL == 5) and band(3) == 0")
    assert rule.bands == ("SCL", "cloud", "3")
    assert rule.find_bands(["scl", "cloud", "x"]) == {"SCL": 0, "cloud": 1, "3": 2}
    assert parse_rule("band(7) == 0").find_bands(["a", "b"], band_numbers=[6, 7]) == {"7": 1}
    with pytest.raises(RasterError, match="no band 'SCL'"):
        rule.find_bands(["B02", "cloud", "x"], raster="s2.tif")


def test_rules_are_plain_values():
    """Equal when they say the same, hashable, and they travel to workers."""
    rule = parse_mask("scl")
    assert rule == parse_rule("SCL in (7, 6, 5, 4, 4)")
    assert len({rule, pickle.loads(pickle.dumps(rule))}) == 1
    assert parse_mask(rule) is rule
    assert str(rule) == "SCL in {4, 5, 6, 7}"
    assert isinstance(rule, MaskRule)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_rules(name):
    """Each says what it keeps, and reads back from what it writes."""
    rule = parse_mask(name)
    assert parse_rule(str(rule)) == rule
    assert PRESETS[name].keeps


def test_real_scenes_are_as_clear_as_their_table_says(shared_data):
    """SCL 4, 5 and 7 of the Romanian series, against the share of clear pixels that was published with it."""
    rasterio = pytest.importorskip("rasterio")
    folder = shared_data / "romania_s2_series"
    with (folder / "series.csv").open() as table:
        rows = list(csv.reader(table))[1:]
    rule = parse_mask("SCL in {4, 5, 7}")
    for date, share, _ in rows[::10]:
        with rasterio.open(folder / "scenes" / f"S2L2A_{date}.tif") as scene:
            position = rule.find_bands(scene.descriptions)["SCL"]
            scl = scene.read(position + 1)
        assert rule.keep({"SCL": scl}, {"SCL": scl != 0}).mean() == pytest.approx(float(share), abs=5e-5)
