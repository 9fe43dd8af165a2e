"""A ROISet holds what it was made of, and knows its content by a fingerprint."""

from __future__ import annotations

import pickle

import geopandas
import numpy as np
import pytest
import shapely

from georoi.crs import parse_crs
from georoi.errors import GeoroiWarning, ROIError, UsageError
from georoi.values.rois import ROISet
from tests.frames import SQUARES, frame


class TestIds:
    """Ids stay the user's."""

    def test_column_asked_for(self):
        """The column asked for wins, and is recorded."""
        rois = ROISet.from_geodataframe(frame(plot=["a", "b", "c"], roi_id=[1, 2, 3]), id_column="plot")
        assert rois.ids.tolist() == ["a", "b", "c"]
        assert rois.id_column == "plot"

    def test_roi_id_before_id(self):
        """Without a column asked for it is roi_id."""
        rois = ROISet.from_geodataframe(frame(id=[7, 8, 9], roi_id=["x", "y", "z"]))
        assert (rois.ids.tolist(), rois.id_column) == (["x", "y", "z"], "roi_id")

    @pytest.mark.parametrize(
        ("values", "expected"), [([7, 8, 9], [7, 8, 9]), ([None, None, None], [0, 1, 2])]
    )
    def test_id_where_not_null(self, values, expected):
        """The column id counts; one without any id is passed over in silence."""
        assert ROISet.from_geodataframe(frame(id=values)).ids.tolist() == expected

    @pytest.mark.parametrize("column", ["id", "roi_id", "ID"])
    def test_duplicates_stay_the_users(self, column):
        """Ids that occur twice are made unique, and the warning names them."""
        with pytest.warns(GeoroiWarning, match=r"1 renamed \(7#2: feature 0 has the id 7\)"):
            rois = ROISet.from_geodataframe(frame(**{column: [7, 7, 9]}))
        assert (rois.ids.tolist(), rois.id_column) == ([7, "7#2", 9], column)

    @pytest.mark.parametrize("values", [[7, None, 9], ["a", "", "c"]])
    def test_id_with_gaps_is_passed_over_aloud(self, values):
        """A column id that is null somewhere gives way to feature numbers, and a warning says why."""
        with pytest.warns(GeoroiWarning, match="ids are feature numbers, since the column id is empty for 1"):
            rois = ROISet.from_geodataframe(frame(id=values))
        assert (rois.ids.tolist(), rois.id_column) == ([0, 1, 2], None)
        assert [finding.code for finding in rois.findings] == ["source"]

    def test_feature_numbers_else(self):
        """Without any such column they are numbers from 0, whatever the index is."""
        rois = ROISet.from_geodataframe(frame(name=["a", "b", "c"]).set_index(np.array([5, 6, 7])))
        assert (rois.ids.tolist(), rois.id_column) == ([0, 1, 2], None)

    def test_named_index_is_a_column(self):
        """An index with a name can hold the ids, so .gdf goes round."""
        rois = ROISet.from_geodataframe(frame(name=["a", "b", "c"]).set_index("name"), id_column="name")
        assert rois.ids.tolist() == ["a", "b", "c"]
        again = ROISet.from_geodataframe(rois.gdf)
        assert again.ids.tolist() == rois.ids.tolist()
        assert again.fingerprint == rois.fingerprint

    def test_whole_floats_and_big_integers_stay_whole_numbers(self):
        """A nullable integer column comes as floats; 2^53 + 1 is not rounded."""
        with pytest.warns(GeoroiWarning, match="renamed"):
            rois = ROISet.from_geodataframe(frame(plot=[1.0, np.nan, 3.0]), id_column="plot")
        assert rois.ids.tolist() == [1, "1#2", 3]
        big = ROISet.from_geodataframe(frame(id=[2**53 + 1, 2**53, 0]))
        assert big.ids.tolist() == [2**53 + 1, 2**53, 0]

    def test_missing_column_is_named(self):
        """A column that is not there is an error that lists those that are."""
        with pytest.raises(ROIError, match="name") as caught:
            ROISet.from_geodataframe(frame(name=["a", "b", "c"]), id_column="nam")
        assert caught.value.id == "E-ROI-08"

    def test_number_of_ids_must_fit(self):
        """Ids given by hand are one per geometry."""
        with pytest.raises(UsageError) as caught:
            ROISet.from_geometries(SQUARES, ids=["a"])
        assert caught.value.id == "E-USE-01"


class TestGeometries:
    """Geometries of any kind make ROIs."""

    def test_generator_is_run_once(self):
        """A generator gives all its geometries."""
        assert len(ROISet.from_geometries(square for square in SQUARES)) == 3

    def test_one_multipolygon_is_one_roi(self):
        """A single geometry is one ROI."""
        assert len(ROISet.from_geometries(shapely.MultiPolygon([SQUARES[0], SQUARES[2]]), crs=32633)) == 1

    def test_mappings_bring_ids_and_attributes(self):
        """GeoJSON-like features give their id and properties."""
        collection = {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "id": name,
                    "properties": {"n": n},
                    "geometry": shapely.geometry.mapping(square),
                }
                for n, (name, square) in enumerate(zip("abc", SQUARES, strict=True))
            ],
        }
        rois = ROISet.from_geometries(collection, crs=4326)
        assert rois.ids.tolist() == ["a", "b", "c"]
        assert rois.attributes["n"].tolist() == [0, 1, 2]

    def test_geo_interface_is_read(self):
        """Any object with __geo_interface__ is a geometry."""

        class Thing:
            __geo_interface__ = shapely.geometry.mapping(SQUARES[0])

        assert ROISet.from_geometries([Thing()]).geometry[0] == SQUARES[0]

    @pytest.mark.parametrize(
        "broken",
        [
            {"type": "Polygon", "coordinates": [[[0, "x"], [1, 1], [2, 0]]]},
            {"type": "Polygon"},
            {"type": "Circle", "coordinates": [0, 0]},
            {"type": "Feature", "geometry": "none", "properties": {}},
            {"type": "Polygon", "coordinates": 3},
            "POLYGON EMPTY",
            7,
        ],
    )
    def test_broken_mappings_cost_only_themselves(self, broken):
        """What cannot be read is dropped with its reason."""
        with pytest.warns(GeoroiWarning, match="dropped"):
            rois = ROISet.from_geometries([broken, SQUARES[0]])
        assert rois.ids.tolist() == [1]
        assert rois.findings[0].feature == 0

    def test_deep_nesting_ends_as_a_finding(self):
        """A collection nested a thousand times is no reason to crash."""
        nested = {"type": "Point", "coordinates": [0, 0]}
        for _ in range(3000):
            nested = {"type": "GeometryCollection", "geometries": [nested]}
        with pytest.warns(GeoroiWarning, match="nested too deep"):
            ROISet.from_geometries([nested, SQUARES[0]])

    def test_pixel_and_crs_exclude_each_other(self):
        """Pixel coordinates have no CRS."""
        with pytest.raises(UsageError):
            ROISet.from_geometries(SQUARES, crs=4326, pixel=True)
        assert ROISet.from_geometries(SQUARES, crs="pixel").pixel


class TestCRS:
    """The CRS is the source's; rois_crs is for sources without one."""

    def test_conflict_names_both(self):
        """A CRS that differs from the frame's is refused."""
        with pytest.raises(UsageError, match="EPSG:4326") as caught:
            ROISet.from_geodataframe(frame(), rois_crs=4326)
        assert "EPSG:32633" in str(caught.value)
        with pytest.raises(UsageError):
            ROISet.from_geodataframe(frame(), rois_crs="pixel")

    def test_same_crs_is_no_conflict(self):
        """Saying what the frame says is allowed."""
        assert ROISet.from_geodataframe(frame(), rois_crs="EPSG:32633").crs == parse_crs(32633)

    def test_frames_without_crs(self):
        """A frame without a CRS is of unknown CRS, unless one is given."""
        bare = geopandas.GeoDataFrame(geometry=SQUARES)
        assert ROISet.from_geodataframe(bare).crs is None
        assert not ROISet.from_geodataframe(bare).pixel
        assert ROISet.from_geodataframe(bare, rois_crs=4326).crs == parse_crs(4326)
        assert ROISet.from_geodataframe(bare.geometry, rois_crs="pixel").pixel

    def test_heights_leave_the_crs_too(self):
        """Coordinates are flat, so a three-dimensional CRS becomes its flat one."""
        assert ROISet.from_geometries(SQUARES, crs="EPSG:4979").crs == parse_crs(4326)


class TestBoxes:
    """Boxes in a CRS and in pixels."""

    def test_boxes(self):
        """Bounds become rectangles."""
        rois = ROISet.from_boxes([(0, 0, 2, 1), (5, 5, 6, 7)], crs=32633, ids=["a", "b"])
        assert shapely.area(rois.geometry).tolist() == [2, 2]
        assert rois.bounds == (0, 0, 6, 7)

    def test_pixel_boxes_are_x_y_width_height(self):
        """Pixel boxes have their corner and their size."""
        rois = ROISet.from_pixel_boxes((10, 20, 3, 4))
        assert rois.pixel
        assert rois.crs is None
        assert rois.bounds == (10, 20, 13, 24)

    @pytest.mark.parametrize(
        ("boxes", "id"),
        [([(0, 0, 0, 1)], "E-ROI-07"), ([(0, 0, np.nan, 1)], "E-ROI-03"), ([(2, 0, 1, 1)], "E-ROI-07")],
    )
    def test_impossible_boxes(self, boxes, id):
        """Boxes without area or with broken numbers are refused."""
        with pytest.raises(ROIError) as caught:
            ROISet.from_boxes(boxes, crs=4326)
        assert caught.value.id == id

    @pytest.mark.parametrize("boxes", [[(1, 2, 3)], ["abcd"], 5, [[[1, 2, 3, 4]]]])
    def test_wrong_shapes(self, boxes):
        """Boxes are rows of four numbers."""
        with pytest.raises(UsageError):
            ROISet.from_pixel_boxes(boxes)

    def test_negative_sizes(self):
        """A width is above zero."""
        with pytest.raises(ROIError):
            ROISet.from_pixel_boxes([(0, 0, -1, 1)])


class TestSet:
    """The value itself."""

    def test_selection_keeps_rows_together(self):
        """Ids, geometry and attributes are selected alike, by mask, slice, positions or one position."""
        rois = ROISet.from_geodataframe(frame(id=[7, 8, 9], name=["a", "b", "c"]))
        for index in (np.array([False, True, True]), slice(1, None), [1, 2]):
            part = rois[index]
            assert part.ids.tolist() == [8, 9]
            assert part.attributes["name"].tolist() == ["b", "c"]
            assert part.geometry.tolist() == SQUARES[1:]
        assert rois[1].ids.tolist() == [8]
        assert dict(rois)[9] == SQUARES[2]

    def test_text_selects_by_id_and_numbers_by_position(self):
        """A text, a list or an array of texts are ids; `select` takes ids of either kind, each once."""
        named = ROISet.from_geodataframe(frame(id=["north", "south", "3"], name=["a", "b", "c"]))
        assert named["south"].attributes["name"].tolist() == ["b"]
        assert named[["3", "north"]].ids.tolist() == ["3", "north"]
        assert named[np.array(["3", "north"])].ids.tolist() == ["3", "north"]
        assert named[1].ids.tolist() == ["south"]
        assert named.select("north").ids.tolist() == ["north"]
        assert named.select(["3", 3, "north"]).ids.tolist() == ["3", "north"]
        numbered = ROISet.from_geodataframe(frame(id=[2, 1, 0]))
        assert numbered[0].ids.tolist() == [2]
        assert numbered["0"].ids.tolist() == numbered.select(0).ids.tolist() == [0]
        assert numbered.select(np.array([0, 2])).ids.tolist() == [0, 2]
        assert len(numbered[[]]) == len(numbered.select([])) == 0

    def test_unknown_ids_are_named_with_what_may_have_been_meant(self):
        """E-ROI-10 says which ids there are."""
        rois = ROISet.from_geodataframe(frame(id=["north", "south", "west"]))
        for ask in (lambda: rois["Nort"], lambda: rois.select(["south", "Nort"])):
            with pytest.raises(ROIError) as caught:
                ask()
            assert caught.value.id == "E-ROI-10"
            assert caught.value.hint == "did you mean 'north'?"
            assert caught.value.found["ids"] == "north, south, west"
            assert isinstance(caught.value, KeyError)
            assert str(caught.value).startswith("[E-ROI-10] ")
            assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
        with pytest.raises(ROIError, match="no ROI of the id 12345"):
            rois.select(12345)

    def test_arrays_cannot_be_changed(self):
        """The set is frozen, arrays included."""
        rois = ROISet.from_geometries(SQUARES)
        with pytest.raises(ValueError, match="read-only"):
            rois.ids[0] = "x"

    def test_half_built_sets_are_refused(self):
        """Lengths must agree, and only polygons count."""
        ids = np.array([1, 2], dtype=object)
        with pytest.raises(ValueError, match="one length"):
            ROISet(ids=ids, geometry=np.array(SQUARES, dtype=object))
        with pytest.raises(ValueError, match="Polygons"):
            ROISet(ids=ids, geometry=np.array([shapely.Point(0, 0)] * 2, dtype=object))
        with pytest.raises(ValueError, match="no CRS"):
            ROISet(ids=ids, geometry=np.array(SQUARES[:2], dtype=object), crs=parse_crs(4326), pixel=True)

    def test_frame_round_trip(self):
        """.gdf has ids as its index, attributes as columns, and the CRS."""
        gdf = ROISet.from_geodataframe(frame(id=[7, 8, 9], name=["a", "b", "c"])).gdf
        assert gdf.index.name == "roi_id"
        assert gdf.index.tolist() == [7, 8, 9]
        assert gdf["name"].tolist() == ["a", "b", "c"]
        assert gdf.crs.to_epsg() == 32633

    def test_pickle(self):
        """A set goes to another process and back."""
        rois = ROISet.from_geodataframe(frame(id=[7, 8, 9]))
        again = pickle.loads(pickle.dumps(rois))
        assert again.fingerprint == rois.fingerprint
        assert again.crs == rois.crs

    def test_each_roi_is_selected_once(self):
        """Positions asked for again give nothing new, so ids stay unique; their order is kept."""
        rois = ROISet.from_boxes([(0, 0, 1, 1), (1, 1, 2, 2)], crs=4326)
        assert rois[[1, 0, 1, -1]].ids.tolist() == [1, 0]
        assert rois[np.array([False, True])].ids.tolist() == [1]
        assert (len(rois[[]]), rois[::-1].ids.tolist(), rois[-1].ids.tolist()) == (0, [1, 0], [1])


class TestFingerprint:
    """Content decides, and nothing else."""

    def test_attributes_and_name_do_not_count(self):
        """Only ids, geometry and CRS are content."""
        plain, rich = (
            ROISet.from_geodataframe(frame(id=[1, 2, 3], **more)) for more in ({}, {"n": [4, 5, 6]})
        )
        assert plain.fingerprint == rich.fingerprint

    @pytest.mark.parametrize(
        "other",
        [
            {"ids": [1, 2, 4]},
            {"crs": "EPSG:32634"},
            {"crs": None},
            {"geometries": [*SQUARES[:2], shapely.box(2, 0, 3, 1.0000001)]},
            {"geometries": SQUARES[::-1]},
        ],
    )
    def test_any_change_of_content_counts(self, other):
        """A changed id, CRS, coordinate or order changes it."""
        base = {"geometries": SQUARES, "ids": [1, 2, 3], "crs": "EPSG:32633"}
        first, second = (
            ROISet.from_geometries(given["geometries"], ids=given["ids"], crs=given["crs"])
            for given in (base, base | other)
        )
        assert first.fingerprint != second.fingerprint

    def test_pixel_space_is_not_an_unknown_crs(self):
        """The same numbers in pixels and in an unknown CRS are different content."""
        assert (
            ROISet.from_geometries(SQUARES).fingerprint
            != ROISet.from_geometries(SQUARES, pixel=True).fingerprint
        )

    def test_spelling_of_the_crs_does_not_count(self):
        """A code and its WKT are one CRS."""
        texts = ("EPSG:4326", "OGC:CRS84", parse_crs(4326).to_wkt("WKT1_GDAL"))
        assert len({ROISet.from_geometries(SQUARES, crs=text).fingerprint for text in texts}) == 1
