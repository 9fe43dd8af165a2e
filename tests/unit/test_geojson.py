"""GeoJSON: feature by feature, the same from a file, from parsed text, and as GDAL reads it."""

import json
import subprocess
import sys

import geopandas
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from georoi import read_rois
from georoi.errors import GeoroiWarning, ROIError
from georoi.io.vector.geojson import read_geojson
from georoi.values.features import from_items

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}


def feature(geometry, **properties):
    """One feature as GeoJSON has it."""
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def collection(*features, **members):
    """The text of a feature collection."""
    return json.dumps({"type": "FeatureCollection", **members, "features": list(features)}).encode()


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 2**54), st.floats(allow_nan=False), st.text(max_size=4)
)
PROPERTIES = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)
POINTS = st.tuples(st.integers(0, 9), st.integers(0, 9))
GEOMETRIES = st.one_of(
    st.none(),
    st.builds(lambda a, b: shapely.box(*a, a[0] + b[0] + 1, a[1] + b[1] + 1), POINTS, POINTS),
    st.builds(shapely.Point, POINTS),
).map(lambda shape: None if shape is None else shapely.geometry.mapping(shape))


@given(st.lists(st.tuples(GEOMETRIES, PROPERTIES), max_size=6), st.sampled_from([None, 0, 2]), st.booleans())
def test_text_gives_what_its_parsed_form_gives(features, indent, sequence):
    """However it is laid out, as a collection or a sequence, text means what `json.loads` makes of it."""
    members = [feature(geometry, **properties) for geometry, properties in features]
    if sequence:
        data = "\x1e".join(["", *(json.dumps(member) + "\n" for member in members)]).encode()
    else:
        whole = {"bbox": [0, 1], "features": members, "type": "FeatureCollection", "name": "x"}
        data = json.dumps(whole, indent=indent).encode("utf-8-sig")
    read, expected = read_geojson(data, "test"), from_items(members)
    assert shapely.equals_exact(read.geometry, expected.geometry).tolist() == [
        geometry is not None for geometry, _ in features
    ]
    assert list(read.attributes) == list(expected.attributes)
    for name, column in read.attributes.items():
        assert column.dtype == expected.attributes[name].dtype
        assert repr(column.tolist()) == repr(expected.attributes[name].tolist())


def test_real_sets_are_what_gdal_reads(shared_data):
    """Coordinates and numbers of the real sets agree with GDAL's reading to the last bit."""
    paths = sorted(path for path in shared_data.rglob("*.geojson") if path.stat().st_size < 10_000_000)
    assert len(paths) >= 5
    for path in paths:
        read, expected = read_geojson(path.read_bytes(), path.name), geopandas.read_file(path)
        assert len(read) == len(expected)
        flat = shapely.force_2d(expected.geometry.to_numpy())
        assert shapely.to_wkb(read.geometry).tolist() == shapely.to_wkb(flat).tolist()
        for name in expected.columns.intersection(list(read.attributes)):
            if expected[name].dtype.kind in "if":
                np.testing.assert_array_equal(read.attributes[name].astype(float), expected[name])


def test_a_bad_feature_costs_itself(tmp_path):
    """Text for a number, rings that are none, and geometries of no type are named; the others are read."""
    text = [[["0", 0], [1, 0], [1, 1], ["0", 0]]]
    bad = [
        {"type": "Polygon", "coordinates": text},
        {"type": "Polygon", "coordinates": [[0, 0], [1, 0], [1, 1]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0]]]},
        {"type": "Polygon", "coordinates": 3},
        {"type": "Polygon"},
        {"type": {"a": 1}, "coordinates": []},
        "POLYGON ((0 0, 1 0, 1 1, 0 0))",
        {"type": "Polygon", "coordinates": [[[0, 0], [10**400, 0], [1, 1], [0, 0]]]},
    ]
    path = tmp_path / "a.geojson"
    path.write_bytes(
        collection(feature(SQUARE, id="good"), *(feature(shape, id=str(i)) for i, shape in enumerate(bad)))
    )
    with pytest.warns(GeoroiWarning, match="8 dropped"):
        rois = read_rois(path)
    assert rois.ids.tolist() == ["good"]
    assert [finding.feature for finding in rois.findings] == list(range(1, 9))
    assert all("geometry" in finding.reason for finding in rois.findings)


def test_positions_may_have_heights_or_not():
    """A ring whose positions differ in length is read by its first two ordinates."""
    mixed = {"type": "Polygon", "coordinates": [[[0, 0, 9], [1, 0], [1, 1, 9, 9], [0, 1], [0, 0, 9]]]}
    read = from_items([mixed])
    assert read.geometry[0].equals(shapely.box(0, 0, 1, 1))
    assert not read.unread
    assert not read.mended


def test_columns_keep_what_they_can():
    """Gaps and mixed numbers give floats, whole numbers beyond 2**53 stay, nested values are JSON."""
    rows = [{"gap": 1, "mixed": 1, "big": 2**60, "nested": {"a": [1]}, "truth": True}, {"mixed": 0.5}]
    columns = from_items([feature(SQUARE, **row) for row in rows]).attributes
    np.testing.assert_array_equal(columns["gap"], [1, np.nan])
    np.testing.assert_array_equal(columns["mixed"], [1, 0.5])
    assert columns["big"].tolist() == [2**60, None]
    assert columns["nested"].tolist() == ['{"a": [1]}', None]
    assert columns["truth"].tolist() == [True, None]


@pytest.mark.parametrize("cut", [1, 20, -2])
def test_text_that_breaks_off(tmp_path, cut):
    """A file cut short is an error that says where, whatever was read before."""
    whole = collection(feature(SQUARE), feature(SQUARE))
    path = tmp_path / "a.geojson"
    path.write_bytes(whole[: len(whole) // 2 + cut] if cut > 0 else whole[:cut])
    with pytest.raises(ROIError, match="no valid JSON") as caught:
        read_rois(path)
    assert caught.value.id == "E-ROI-01"


def test_pandas_is_not_needed(tmp_path):
    """Reading GeoJSON loads no library of tables, which would take most of the time of a small job."""
    path = tmp_path / "a.geojson"
    path.write_bytes(collection(feature(SQUARE)))
    code = f"import sys, georoi; georoi.read_rois({str(path)!r}); print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("key", ["1", "[1]", "{}", "null", "true"])
def test_keys_are_text(key):
    """A member whose name is no text is no JSON."""
    text = f'{{{key}: 2, "type": "FeatureCollection", "features": []}}'
    with pytest.raises(ROIError, match="no valid JSON"):
        read_geojson(text.encode(), "a.geojson")
