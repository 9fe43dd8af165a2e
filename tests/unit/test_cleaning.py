"""Features become ROIs: polygons only, valid, finite, flat, with unique ids, and every change is said."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import shapely

from georoi.errors import GeoroiWarning, ROIError, UsageError
from georoi.values.cleaning import Finding, Rules, clean
from georoi.values.features import Features
from georoi.values.rois import ROISet

SQUARE = shapely.box(0, 0, 1, 1)
BOW_TIE = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])


def features(*geometries, **options):
    """Features of these geometries, numbered from 0."""
    array = np.empty(len(geometries), object)
    array[:] = geometries
    return Features(geometry=array, numbers=np.arange(len(array)), **options)


def cleaned(*geometries, ids=None, **options):
    """Geometry and findings after cleaning, the warning swallowed."""
    rules = Rules(**options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GeoroiWarning)
        ids = [None] * len(geometries) if ids is None else ids
        ids = [number if value is None else value for number, value in enumerate(ids)]
        _, geometry, unique, findings = clean(features(*geometries), ids, rules, "test")
    return geometry, unique, findings


def test_clean_polygons_pass_untouched_and_silent():
    """Valid polygons are kept as they are, without finding or warning."""
    holed = shapely.Polygon(SQUARE.exterior, [[(0.2, 0.2), (0.4, 0.2), (0.4, 0.4)]])
    keep, geometry, ids, findings = clean(features(SQUARE, holed), ["a", "b"], Rules(), "test")
    assert keep.tolist() == [0, 1]
    assert geometry.tolist() == [SQUARE, holed]
    assert ids.tolist() == ["a", "b"]
    assert findings == ()


def test_bow_tie_is_repaired_to_its_whole_area():
    """A ring that crosses itself becomes its two triangles, not one of them and not nothing."""
    geometry, _, [finding] = cleaned(BOW_TIE)
    assert geometry[0].is_valid
    assert geometry[0].area == pytest.approx(2)
    assert finding.code == "repaired"
    assert finding.reason.startswith("Self-intersection")


def test_overlapping_parts_are_united():
    """Parts of a multipolygon that overlap count once, and make no hole."""
    overlapping = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(0.5, 0.5, 1.5, 1.5)])
    geometry, _, findings = cleaned(overlapping)
    assert geometry[0].area == pytest.approx(1.75)
    assert [finding.code for finding in findings] == ["repaired"]


def test_ring_wound_twice_counts_once():
    """A ring that goes round twice encloses its area once."""
    corners = [(0, 0), (2, 0), (2, 2), (0, 2)]
    geometry, _, _ = cleaned(shapely.Polygon(corners + corners))
    assert geometry[0].area == pytest.approx(4)


def test_spike_is_cut_off():
    """A spike without width goes; the polygon stays."""
    spiked = shapely.Polygon([(0, 0), (1, 0), (1, 1), (5, 1), (1, 1), (0, 1)])
    geometry, _, _ = cleaned(spiked)
    assert geometry[0].equals(SQUARE)


def test_collection_keeps_its_polygons():
    """Of a collection, however nested, the polygons stay."""
    nested = shapely.GeometryCollection(
        [shapely.Point(5, 5), shapely.GeometryCollection([SQUARE, shapely.LineString([(0, 0), (1, 1)])])]
    )
    geometry, _, [finding] = cleaned(nested)
    assert geometry[0] == SQUARE
    assert "GeometryCollection" in finding.reason


@pytest.mark.parametrize(
    ("geometry", "reason"),
    [
        (None, "no geometry"),
        (shapely.Polygon(), "empty"),
        (shapely.Point(0, 0), "a Point is no polygon"),
        (shapely.LineString([(0, 0), (1, 1)]), "a LineString is no polygon"),
        (shapely.GeometryCollection([shapely.Point(0, 0)]), "a GeometryCollection is no polygon"),
        (shapely.Polygon([(0, 0), (1, 1), (2, 2)]), "leaves no area"),
    ],
)
def test_what_is_no_polygon_is_dropped_with_its_reason(geometry, reason):
    """Each kind of unusable feature is dropped and named; the others stay."""
    kept, ids, [finding] = cleaned(SQUARE, geometry, ids=["good", "bad"])
    assert kept.tolist() == [SQUARE]
    assert ids.tolist() == ["good"]
    assert (finding.feature, finding.roi_id) == (1, "bad")
    assert finding.code in ("dropped", "collapsed")
    assert reason in finding.reason


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_broken_coordinates_drop_the_feature(value):
    """One NaN or infinite vertex costs its feature, not the others."""
    with np.errstate(invalid="ignore"):
        broken = shapely.Polygon([(0, 0), (value, 1), (1, 1)])
    geometry, _, [finding] = cleaned(broken, SQUARE)
    assert geometry.tolist() == [SQUARE]
    assert finding == Finding("dropped", 0, 0, "NaN or infinite coordinates")
    with pytest.raises(ROIError) as caught:
        cleaned(broken)
    assert caught.value.id == "E-ROI-03"
    with pytest.raises(ROIError) as caught:
        cleaned(broken, SQUARE, on_invalid="error")
    assert caught.value.id == "E-ROI-03"


def test_height_is_left_out_even_where_it_is_nan():
    """Z values do not matter, whatever they are."""
    with np.errstate(invalid="ignore"):
        high = shapely.Polygon([(0, 0, np.nan), (1, 0, np.nan), (1, 1, np.nan)])
    geometry, _, findings = cleaned(high)
    assert not geometry[0].has_z
    assert geometry[0].area == 0.5
    assert findings == ()


def test_empty_parts_and_holes_are_left_out():
    """Parts and holes without a vertex vanish quietly."""
    hollow = shapely.from_wkt(
        ["POLYGON ((0 0, 1 0, 1 1, 0 0), EMPTY)", "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), EMPTY)"]
    )
    geometry, _, findings = cleaned(*hollow)
    assert [shapely.get_num_interior_rings(shapely.get_geometry(part, 0)) for part in geometry] == [0, 0]
    assert shapely.get_num_geometries(geometry).tolist() == [1, 1]
    assert findings == ()


def test_huge_coordinates_do_not_break_the_repair():
    """Coordinates such as 1e300 are finite, and the CRS gate judges them later."""
    geometry, _, _ = cleaned(shapely.Polygon([(0, 0), (1e300, 1), (1, 1), (1e300, 0.5)]), SQUARE)
    assert SQUARE in geometry.tolist()


def test_invalid_ones_can_be_dropped_or_refused():
    """on_invalid decides between repair, drop and error."""
    geometry, _, [finding] = cleaned(BOW_TIE, SQUARE, on_invalid="drop")
    assert geometry.tolist() == [SQUARE]
    assert finding.code == "dropped"
    with pytest.raises(ROIError, match="feature 1") as caught:
        cleaned(SQUARE, BOW_TIE, on_invalid="error")
    assert caught.value.id == "E-ROI-07"


def test_what_was_mended_while_reading_is_repaired_dropped_or_refused():
    """A ring closed by the reader counts as invalid too."""
    read = features(SQUARE, SQUARE, mended={0: "a ring was not closed"})
    with pytest.warns(GeoroiWarning, match="a ring was not closed"):
        assert len(clean(read, [0, 1], Rules(), "test")[0]) == 2
    with pytest.warns(GeoroiWarning, match="dropped"):
        assert clean(read, [0, 1], Rules(on_invalid="drop"), "test")[0].tolist() == [1]
    with pytest.raises(ROIError) as caught:
        clean(read, [0, 1], Rules(on_invalid="error"), "test")
    assert caught.value.id == "E-ROI-07"


def test_duplicate_ids_are_renamed_past_those_taken():
    """The first keeps its id; later ones get the next number that is free."""
    _, ids, findings = cleaned(*[SQUARE] * 5, ids=["a", "a", "a#2", "a", 7])
    assert ids.tolist() == ["a", "a#3", "a#2", "a#4", 7]
    assert [(finding.feature, finding.roi_id) for finding in findings] == [(1, "a#3"), (3, "a#4")]
    assert "feature 0" in findings[0].reason


def test_duplicate_ids_can_be_refused():
    """on_duplicate="error" names the ids; equal as text is equal."""
    with pytest.raises(ROIError, match="7") as caught:
        cleaned(SQUARE, SQUARE, ids=["7", 7], on_duplicate="error")
    assert caught.value.id == "E-ROI-04"


def test_missing_ids_become_feature_numbers():
    """A ROI without id gets its feature number, and that is said."""
    with pytest.warns(GeoroiWarning, match="renamed"):
        _, _, ids, findings = clean(features(None, SQUARE), [None, None], Rules(), "test")
    [finding] = [finding for finding in findings if finding.code == "renamed"]
    assert ids.tolist() == [1]
    assert finding.feature == 1


def test_one_warning_sums_up():
    """One warning names how many were repaired, dropped and renamed, and which."""
    with pytest.warns(GeoroiWarning) as caught:
        clean(features(BOW_TIE, None, SQUARE, SQUARE), ["tie", "gone", "x", "x"], Rules(), "fields.gpkg")
    [warning] = caught
    text = str(warning.message)
    assert text.startswith("fields.gpkg: 1 repaired (tie: Self-intersection")
    assert "1 dropped (gone: it has no geometry)" in text
    assert "1 renamed (x#2: feature 2 has the id x)" in text


def test_the_warning_points_at_the_caller():
    """Where the warning comes from is the user's line, however deep it was raised."""
    with pytest.warns(GeoroiWarning) as caught:
        ROISet.from_geometries([BOW_TIE])
    assert caught[0].filename == __file__


def test_control_characters_do_not_reach_the_terminal():
    """Ids come from files, so the warning does not print what could move a cursor or reverse text."""
    with pytest.warns(GeoroiWarning) as caught:
        clean(features(BOW_TIE), ["\x1b[31mred\u202e"], Rules(), "test")
    assert not set("\x1b\u202e") & set(str(caught[0].message))


@pytest.mark.parametrize(
    ("geometries", "text"), [((), "no feature"), ((None, shapely.Point(0, 0)), "a Point is no polygon")]
)
def test_nothing_left_says_why(geometries, text):
    """Without a polygon there is no ROI set, and the error counts the reasons."""
    with pytest.raises(ROIError, match=text) as caught:
        cleaned(*geometries)
    assert caught.value.id == "E-ROI-02"


@pytest.mark.parametrize("options", [{"on_invalid": "fix"}, {"on_duplicate": "keep"}])
def test_unknown_rules_are_refused(options):
    """Rules are among those allowed."""
    with pytest.raises(UsageError) as caught:
        Rules(**options)
    assert caught.value.id == "E-USE-01"
