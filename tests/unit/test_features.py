"""Features of frames and mappings: nothing is lost for its name, and what is no number is no coordinate."""

from __future__ import annotations

import geopandas
import pytest
import shapely

from georoi.errors import GeoroiWarning, ROIError
from georoi.io.vector.vectors import read_rois
from georoi.values.features import from_frame, from_items
from georoi.values.rois import ROISet

SQUARE = shapely.box(0, 0, 1, 1)


def with_property(value):
    """One feature with a property."""
    return {
        "type": "Feature",
        "properties": {"a": value},
        "geometry": shapely.geometry.mapping(SQUARE),
    }


def test_columns_of_one_name_are_all_kept():
    """The later ones get names of their own, and that is said."""
    gdf = geopandas.GeoDataFrame(
        [[1, 2, 3, SQUARE]], columns=["a", "a", "a#2", "geometry"], geometry="geometry", crs=4326
    )
    with pytest.warns(GeoroiWarning, match="several columns have one name.*a#3"):
        rois = read_rois(gdf)
    assert {name: values.tolist() for name, values in rois.attributes.items()} == {
        "a": [1],
        "a#3": [2],
        "a#2": [3],
    }
    assert from_frame(gdf.iloc[:, 1:]).notes == ()


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "Polygon", "coordinates": [[[0, 0], [2.5, 0], [True, True], [0, 1], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, True, 3], [0, 1], [0, False]]]},
        {"type": "MultiPolygon", "coordinates": [[[(5, 5), (2, 0), (3, True), (5, 5)]]]},
        {"type": "Point", "coordinates": [True, 1.5]},
        {"type": "MultiPoint", "coordinates": [[2, 3], [4, False]]},
    ],
)
def test_truths_are_no_coordinates(geometry):
    """True and False do not become 1 and 0, also beside floats and positions of other lengths."""
    features = from_items(geometry)
    assert features.geometry[0] is None
    assert "not all numbers" in features.unread[0]


def test_ones_and_zeros_are_coordinates():
    """Numbers equal to True and False stay what they are."""
    assert from_items(shapely.geometry.mapping(SQUARE)).geometry[0].equals(SQUARE)


def test_nested_values_become_text_or_are_refused():
    """Keys become text as in JSON; what holds itself or nests too deep is an error of ours."""
    rois = ROISet.from_geometries(with_property({(1, 2): [{3: 4, None: {(5,): 6}}]}))
    assert rois.attributes["a"].tolist() == ['{"(1, 2)": [{"3": 4, "None": {"(5,)": 6}}]}']
    cyclic: dict = {}
    cyclic["a"] = cyclic
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    for value in (cyclic, {(1, 2): cyclic}, deep, {(1, 2): deep}):
        with pytest.raises(ROIError, match="too deep, or holds itself") as refused:
            read_rois(with_property(value))
        assert refused.value.id == "E-ROI-01"


class TestFilters:
    """Which ROI an id means does not depend on a filter."""

    @pytest.fixture(params=["geojson", "parquet", "frame"])
    def twice(self, request, tmp_path):
        """Three ROIs, of which the first and the last have one id."""
        shapes = [SQUARE, shapely.box(2, 2, 3, 3), shapely.box(5, 5, 6, 6)]
        gdf = geopandas.GeoDataFrame({"id": [7, 8, 7], "place": [0, 1, 2]}, geometry=shapes, crs=4326)
        if request.param == "frame":
            return gdf
        path = tmp_path / f"a.{request.param}"
        gdf.to_parquet(path) if request.param == "parquet" else gdf.to_file(path)
        return path

    @pytest.mark.parametrize("chosen", [{"bbox": (5, 5, 6, 6)}, {"where": "place = 2"}])
    def test_ids_are_unique_over_the_source(self, twice, chosen):
        """The last is 7#2 alone as well, and that is said; another one goes without a warning."""
        with pytest.warns(GeoroiWarning, match="feature 0 has the id 7"):
            assert read_rois(twice, **chosen).ids.tolist() == ["7#2"]
        with pytest.raises(ROIError, match="more than once"):
            read_rois(twice, **chosen, on_duplicate="error")
        first = {"bbox": (0, 0, 3, 3)} if "bbox" in chosen else {"where": "place < 2"}
        assert read_rois(twice, **first).ids.tolist() == [7, 8]
        other = {"bbox": (2, 2, 3, 3)} if "bbox" in chosen else {"where": "place = 1"}
        assert read_rois(twice, **other, on_duplicate="error").ids.tolist() == [8]

    def test_the_column_of_ids_is_that_of_the_source(self, tmp_path):
        """A column that is null elsewhere gives no ids to the part that a box chooses."""
        gdf = geopandas.GeoDataFrame(
            {"id": ["a", None]}, geometry=[SQUARE, shapely.box(5, 5, 6, 6)], crs=4326
        )
        with pytest.warns(GeoroiWarning, match="ids are feature numbers"):
            assert read_rois(gdf, bbox=(0, 0, 1, 1)).ids.tolist() == [0]
