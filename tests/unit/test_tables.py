"""Tables out: every format read back by other libraries, with what it cannot hold told."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely

from georoi.errors import OutputError, OutputExistsError, UsageError
from georoi.io.table import parquet
from georoi.io.table.formats import check_table
from georoi.io.table.tables import print_table, write_table
from tests.tables import every_kind, geo_of, query, same_shapes

ALL = ("parquet", "gpkg", "fgb", "csv", "geojson", "geojsonl", "ndjson")


@pytest.fixture(scope="module")
def fields(shared_data: Path) -> geopandas.GeoDataFrame:
    return every_kind(geopandas.read_file(shared_data / "slovenia_s2_lulc/roi/LULC.gpkg"))


def boxes(count: int = 4, **columns: object) -> geopandas.GeoDataFrame:
    shapes = [shapely.box(10 * i, 0, 10 * i + 5, 5) for i in range(count)]
    return geopandas.GeoDataFrame(columns, geometry=shapes, crs="EPSG:32633")


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_parquet_gives_every_column_back(fields, tmp_path):
    """Types, gaps, lists, dates, time zones, index, geometry and CRS survive GeoParquet."""
    write_table(fields, tmp_path / "a.parquet")
    back = geopandas.read_parquet(tmp_path / "a.parquet").set_index("roi_id")
    assert back.crs == fields.crs
    assert same_shapes(back.geometry, fields.geometry)
    for name in ("name", "count", "big", "flag", "day", "when", "zoned"):
        pd.testing.assert_series_equal(
            back[name], fields[name], check_dtype=name != "name", check_index=False
        )
    np.testing.assert_array_equal(back["mean"], fields["mean"])
    assert back["loose"].dtype == "Int64"
    assert back["loose"].equals(fields["big"].rename("loose").set_axis(back.index))
    assert [list(values) for values in back["hist"]] == fields["hist"].tolist()
    assert back["mixed"].tolist() == [str(value) for value in fields["mixed"]]


def test_geoparquet_says_what_version_1_1_asks(fields, tmp_path):
    """Version, primary column, encoding, types, PROJJSON, bounds, and a covering column of bounding boxes."""
    write_table(fields, tmp_path / "a.parquet")
    geo = geo_of(tmp_path / "a.parquet")
    assert geo["version"] == "1.1.0"
    assert geo["primary_column"] == "geometry"
    column = geo["columns"]["geometry"]
    assert column["encoding"] == "WKB"
    assert column["geometry_types"] == ["Polygon"]
    assert column["bbox"] == fields.total_bounds.tolist()
    assert column["crs"]["id"] == {"authority": "EPSG", "code": 32633}
    assert column["covering"]["bbox"] == {side: ["bbox", side] for side in ("xmin", "ymin", "xmax", "ymax")}
    stored = pq.read_table(tmp_path / "a.parquet")
    assert stored.schema.field("geometry").type == pa.binary()
    found = pd.DataFrame(stored.column("bbox").to_pylist())
    np.testing.assert_array_equal(found.to_numpy(), fields.bounds.to_numpy())


def test_the_covering_column_serves_readers_that_want_an_area(fields, tmp_path):
    """geopandas reads by bounding box through the covering column."""
    write_table(fields, tmp_path / "a.parquet")
    area = tuple(fields.geometry.iloc[5].bounds)
    found = geopandas.read_parquet(tmp_path / "a.parquet", bbox=area)
    boxes_meet = shapely.intersects(shapely.box(*fields.bounds.to_numpy().T), shapely.box(*area))
    assert found["roi_id"].tolist() == fields.index[boxes_meet].tolist()
    assert 0 < len(found) < len(fields)


def test_geoparquet_without_crs_says_that_it_is_unknown(tmp_path):
    """Silence would mean WGS 84."""
    write_table(boxes().set_crs(None, allow_override=True), tmp_path / "a.parquet")
    assert geo_of(tmp_path / "a.parquet")["columns"]["geometry"]["crs"] is None


def test_many_rows_are_sorted_so_that_row_groups_are_compact(tmp_path, monkeypatch):
    """Beyond one row group rows follow a Hilbert curve; every row is there once, and a note says so."""
    monkeypatch.setattr(parquet, "ROWS_WITH_GEOMETRY", 64)
    random = np.random.default_rng(5)
    x, y = random.uniform(0, 1000, (2, 1024))
    frame = geopandas.GeoDataFrame(
        {"n": np.arange(1024)}, geometry=shapely.box(x, y, x + 1, y + 1), crs="EPSG:32633"
    )
    written = write_table(frame, tmp_path / "a.parquet")
    assert any("order" in note for note in written.notes)
    file = pq.ParquetFile(tmp_path / "a.parquet")
    assert file.num_row_groups == 16
    back = geopandas.read_parquet(tmp_path / "a.parquet")
    assert sorted(back["n"]) == list(range(1024))
    assert same_shapes(back.sort_values("n").geometry, frame.geometry)
    areas = [shapely.box(*back.geometry.iloc[i : i + 64].total_bounds).area for i in range(0, 1024, 64)]
    assert sum(areas) < 1.6 * 1000 * 1000
    unsorted = [shapely.box(*frame.geometry.iloc[i : i + 64].total_bounds).area for i in range(0, 1024, 64)]
    assert sum(areas) < 0.15 * sum(unsorted)


def test_one_row_group_keeps_the_order(fields, tmp_path):
    """Small tables come back row by row as they went in."""
    write_table(fields, tmp_path / "a.parquet")
    assert geopandas.read_parquet(tmp_path / "a.parquet")["roi_id"].tolist() == fields.index.tolist()


def test_the_hilbert_curve_visits_neighbours(tmp_path):
    """On a grid of 16 x 16 cells each step goes to a cell beside, and the first is a corner."""
    x, y = (axis.ravel().astype(np.int64) * 4096 for axis in np.meshgrid(np.arange(16), np.arange(16)))
    order = np.argsort(parquet._hilbert(x, y))
    steps = np.abs(np.diff(x[order])) + np.abs(np.diff(y[order]))
    assert set(steps.tolist()) == {4096}


def test_geopackage_gives_values_back(fields, tmp_path):
    """One layer that SQLite and GDAL find sound; whole numbers keep all digits, lists are JSON text."""
    written = write_table(fields, tmp_path / "a.gpkg", layer="zones")
    assert query(tmp_path / "a.gpkg", "PRAGMA integrity_check") == [("ok",)]
    info = pyogrio.read_info(tmp_path / "a.gpkg", layer="zones")
    assert (info["features"], info["crs"], info["geometry_type"]) == (len(fields), "EPSG:32633", "Polygon")
    back = pyogrio.read_arrow(tmp_path / "a.gpkg", layer="zones")[1]
    assert back.column("big").to_pylist() == [None if pd.isna(v) else int(v) for v in fields["big"]]
    assert back.column("loose").to_pylist() == back.column("big").to_pylist()
    assert back.column("flag").to_pylist() == [None if pd.isna(v) else bool(v) for v in fields["flag"]]
    assert back.column("day").to_pylist() == fields["day"].tolist()
    assert back.column("hist").to_pylist() == [json.dumps(v, separators=(",", ":")) for v in fields["hist"]]
    frame = geopandas.read_file(tmp_path / "a.gpkg", layer="zones")
    np.testing.assert_array_equal(frame["mean"], fields["mean"])
    assert (frame["zoned"].dt.tz_convert("Europe/Berlin").to_numpy() == fields["zoned"].to_numpy()).all()
    assert frame["name"].isna().tolist() == fields["name"].isna().tolist()
    assert same_shapes(frame.geometry, fields.geometry)
    assert any("'hist'" in note and "JSON" in note for note in written.notes)


def test_flatgeobuf_gives_values_back(fields, tmp_path):
    """Rows come in the order of the index; by id they hold what went in."""
    written = write_table(fields, tmp_path / "a.fgb")
    frame = geopandas.read_file(tmp_path / "a.fgb").set_index("roi_id").loc[fields.index]
    assert frame.crs == fields.crs
    assert same_shapes(frame.geometry, fields.geometry)
    np.testing.assert_array_equal(frame["mean"], fields["mean"])
    assert frame["day"].tolist() == [str(day) for day in fields["day"]]
    assert any("index" in note for note in written.notes)


def test_flatgeobuf_keeps_rows_without_geometry(tmp_path):
    """GDAL would leave them out of an indexed file, without a word."""
    frame = boxes(3, n=[1, 2, 3])
    frame.loc[1, "geometry"] = None
    written = write_table(frame, tmp_path / "a.fgb")
    assert geopandas.read_file(tmp_path / "a.fgb")["n"].tolist() == [1, 2, 3]
    assert any("no spatial index" in note for note in written.notes)


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 257, 300])
def test_the_walk_through_a_flatgeobuf_knows_its_index(tmp_path, count):
    """The size of the packed tree is right around the powers of its branching, or the check would refuse."""
    assert write_table(boxes(count), tmp_path / "a.fgb").rows == count


def test_csv_is_rfc_4180(fields, tmp_path):
    """CRLF, UTF-8 without mark, quotes where needed; numbers read back exactly, gaps are empty."""
    write_table(fields, tmp_path / "a.csv")
    content = (tmp_path / "a.csv").read_bytes()
    assert content.startswith(b"roi_id,name,mean,")
    assert content.count(b"\r\n") == content.count(b"\n") == len(fields) + 1
    rows = read_csv(tmp_path / "a.csv")
    assert [float(r["mean"]) if r["mean"] else None for r in rows] == [
        None if np.isnan(v) else v for v in fields["mean"]
    ]
    assert [r["big"] for r in rows] == ["" if pd.isna(v) else str(v) for v in fields["big"]]
    assert {r["flag"] for r in rows} == {"", "true", "false"}
    assert rows[1]["day"] == "2024-01-02"
    assert rows[0]["zoned"] == "2024-06-30T22:00:00Z"
    assert [json.loads(r["hist"]) for r in rows] == fields["hist"].tolist()
    assert rows[1]["name"] == "Flur 1, „süd“"


def test_csv_takes_geometry_as_wkt(tmp_path):
    """On request, with all digits."""
    frame = boxes(2, n=[1, 2])
    frame.loc[0, "geometry"] = shapely.Point(1 / 3, 2 / 3)
    write_table(frame, tmp_path / "a.csv", wkt=True)
    rows = read_csv(tmp_path / "a.csv")
    assert shapely.from_wkt(rows[0]["geometry"]).equals(frame.geometry[0])
    assert "left out" in str(write_table(frame, tmp_path / "b.csv").notes)


def test_no_cell_of_a_csv_is_a_formula(tmp_path):
    """A ' goes before text that a spreadsheet would run, headers included; numbers stay numbers."""
    frame = pd.DataFrame({"=x": ["=1+1", "@a", "-5", "+3e2", "-a", "\tx", "plain"], "n": [-1.5] * 7})
    written = write_table(frame, tmp_path / "a.csv")
    rows = read_csv(tmp_path / "a.csv")
    assert [row["'=x"] for row in rows] == ["'=1+1", "'@a", "-5", "+3e2", "'-a", "'\tx", "plain"]
    assert {row["n"] for row in rows} == {"-1.5"}
    assert "5 cells" in str(written.notes)


@pytest.mark.parametrize("ending", ["geojson", "geojsonl", "ndjson"])
def test_geojson_is_in_degrees(fields, tmp_path, ending):
    """RFC 7946: WGS 84, longitude first, outer rings counterclockwise; no NaN; lists stay lists."""
    path = tmp_path / f"a.{ending}"
    write_table(fields, path)
    text = path.read_text(encoding="utf-8")
    features = (
        json.loads(text)["features"] if ending == "geojson" else [json.loads(v) for v in text.splitlines()]
    )
    assert len(features) == len(fields)
    assert "NaN" not in text
    back = geopandas.GeoDataFrame.from_features(features, crs="EPSG:4326")
    expected = fields.to_crs("EPSG:4326")
    assert shapely.hausdorff_distance(back.geometry.to_numpy(), expected.geometry.to_numpy()).max() < 2e-7
    assert all(shape.exterior.is_ccw for shape in back.geometry)
    assert [f["properties"]["hist"] for f in features] == fields["hist"].tolist()
    assert [f["properties"]["mean"] for f in features] == [None if np.isnan(v) else v for v in fields["mean"]]
    assert features[1]["properties"]["big"] == 2**60 + 1
    assert "crs" not in json.loads(text.splitlines()[0] + ("]}" if ending == "geojson" else ""))


def test_geojson_keeps_degrees_to_the_last_digit(tmp_path):
    """What is in WGS 84 already is not touched."""
    shape = shapely.Polygon([(1 / 3, 2 / 3), (0.1 + 0.2, 5), (-3, 4)])
    write_table(geopandas.GeoDataFrame(geometry=[shape], crs="EPSG:4326"), tmp_path / "a.geojson")
    ring = json.loads((tmp_path / "a.geojson").read_text())["features"][0]["geometry"]["coordinates"][0]
    assert {tuple(point) for point in ring} == set(shape.exterior.coords)


def test_long_edges_of_geojson_follow_their_course(tmp_path):
    """An edge that is straight in UTM is not so in degrees; vertices are added."""
    frame = geopandas.GeoDataFrame(geometry=[shapely.box(4e5, 6e6, 6e5, 6.2e6)], crs="EPSG:32633")
    write_table(frame, tmp_path / "a.geojson")
    back = geopandas.read_file(tmp_path / "a.geojson").to_crs("EPSG:32633")
    assert shapely.hausdorff_distance(back.geometry[0], frame.geometry[0]) < 0.05
    assert shapely.get_num_coordinates(back.geometry[0]) > 50


def test_geojson_takes_points_and_rows_without_geometry(tmp_path):
    """Points are moved one by one; no geometry is null."""
    shapes = [shapely.Point(500_000, 0), None]
    write_table(
        geopandas.GeoDataFrame({"a": [1, 2]}, geometry=shapes, crs="EPSG:32633"), tmp_path / "a.geojson"
    )
    features = json.loads((tmp_path / "a.geojson").read_text())["features"]
    assert features[0]["geometry"] == {"type": "Point", "coordinates": [15.0, 0.0]}
    assert features[1]["geometry"] is None


def test_geojson_refuses_pixels(tmp_path):
    """Pixel coordinates are no degrees: E-OUT-04 with a hint, and no file."""
    with pytest.raises(OutputError) as caught:
        write_table(boxes().set_crs(None, allow_override=True), tmp_path / "a.geojson")
    assert caught.value.id == "E-OUT-04"
    assert "pixels" in caught.value.rule
    assert list(tmp_path.iterdir()) == []


def test_infinite_numbers_are_null_in_json_and_named(tmp_path):
    """JSON has no word for them."""
    written = write_table(pd.DataFrame({"a": [np.inf, 1.0]}), tmp_path / "a.ndjson")
    assert (tmp_path / "a.ndjson").read_text() == '{"a":null}\n{"a":1.0}\n'
    assert "infinite" in str(written.notes)


@pytest.mark.parametrize("ending", ALL)
def test_the_same_table_gives_the_same_bytes(fields, tmp_path, ending, monkeypatch):
    """Whenever and wherever it is written."""
    sums = set()
    for folder, now in (("a", 1_600_000_000.0), ("b", 1_700_000_000.0)):
        (tmp_path / folder).mkdir()
        monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(now)))
        written = write_table(fields, tmp_path / folder / f"t.{ending}", metadata={"made": "so"})
        sums.add((written.sha256, written.bytes))
    assert len(sums) == 1


def test_a_geopackage_holds_no_present_time(fields, tmp_path):
    """GDAL and QGIS would write when it was made, into three tables."""
    write_table(fields, tmp_path / "a.gpkg", metadata={"a": 1})
    times = query(
        tmp_path / "a.gpkg",
        "SELECT last_change FROM gpkg_contents UNION SELECT timestamp FROM gpkg_metadata_reference"
        " UNION SELECT update_time FROM layer_styles",
    )
    assert times == [("2000-01-01T00:00:00.000Z",)]


PROVENANCE = {"version": "0.1", "inputs": [{"path": "ü.tif", "size": 3}], "none": None}


def test_provenance_is_inside_parquet_and_geopackage(tmp_path):
    """And nothing lies beside them."""
    write_table(boxes(), tmp_path / "a.parquet", metadata=PROVENANCE)
    write_table(boxes(), tmp_path / "a.gpkg", metadata=PROVENANCE)
    assert json.loads(pq.read_metadata(tmp_path / "a.parquet").metadata[b"georoi"]) == PROVENANCE
    info = pyogrio.read_info(tmp_path / "a.gpkg", layer="a")
    assert json.loads(info["dataset_metadata"]["georoi"]) == PROVENANCE
    assert query(tmp_path / "a.gpkg", "SELECT count(*) FROM gpkg_metadata") == [(1,)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.gpkg", "a.parquet"]


@pytest.mark.parametrize("ending", ["fgb", "csv", "geojson", "geojsonl", "ndjson"])
def test_provenance_is_beside_the_other_formats(tmp_path, ending):
    """In NAME.georoi.json, with the hash of the table that it belongs to."""
    frame = boxes(2, n=[1, 2])
    written = write_table(frame, tmp_path / f"a.{ending}", metadata=PROVENANCE)
    assert written.sidecar == tmp_path / f"a.{ending}.georoi.json"
    beside = json.loads(written.sidecar.read_text(encoding="utf-8"))
    assert beside == {"table": f"a.{ending}", "sha256": written.sha256, "georoi": PROVENANCE}
    assert write_table(frame, tmp_path / f"b.{ending}").sidecar is None


def test_a_sidecar_that_exists_is_not_replaced_unasked(tmp_path):
    """E-OUT-01 before any work, and with overwrite both are new."""
    frame = boxes(2, n=[1, 2])
    beside = tmp_path / "a.csv.georoi.json"
    beside.write_text("mine")
    with pytest.raises(OutputExistsError):
        write_table(frame, tmp_path / "a.csv", metadata=PROVENANCE)
    assert beside.read_text() == "mine"
    assert not (tmp_path / "a.csv").exists()
    write_table(frame, tmp_path / "a.csv", metadata=PROVENANCE, overwrite=True)
    assert json.loads(beside.read_text())["georoi"] == PROVENANCE
    assert "older table" in str(write_table(frame, tmp_path / "a.csv", overwrite=True).notes)


def test_names_that_differ_in_case_are_numbered_in_sqlite(tmp_path):
    """SQLite takes them for one; nothing is lost and the note names them. Parquet keeps them."""
    frame = boxes(2, fid=[7, 8], geom=["x", "y"], B1=[1, 2], b1=[3, 4])
    frame[""] = [5, 6]
    written = write_table(frame, tmp_path / "a.gpkg")
    back = geopandas.read_file(tmp_path / "a.gpkg", layer="a")
    values = {name: back[name].tolist() for name in ("fid", "geom", "B1", "b1_2", "unnamed")}
    assert values == {"fid": [7, 8], "geom": ["x", "y"], "B1": [1, 2], "b1_2": [3, 4], "unnamed": [5, 6]}
    assert "'b1' is now 'b1_2'" in str(written.notes)
    write_table(frame, tmp_path / "a.parquet")
    assert {"B1", "b1", "fid", "geom"} <= set(pq.read_schema(tmp_path / "a.parquet").names)


def test_too_many_columns_for_sqlite_are_refused(tmp_path):
    """E-OUT-04 with a way out, not half a table."""
    frame = pd.DataFrame(np.zeros((1, 2001)), columns=[f"c{i}" for i in range(2001)])
    with pytest.raises(OutputError) as caught:
        write_table(frame, tmp_path / "a.gpkg")
    assert caught.value.id == "E-OUT-04"
    assert "GeoParquet" in str(caught.value.hint)
    assert list(tmp_path.iterdir()) == []


def test_polygons_beside_multipolygons_become_one_kind(tmp_path):
    """A layer of GPKG has one kind, so that QGIS shows one layer; Parquet keeps both."""
    frame = boxes(2)
    frame.loc[1, "geometry"] = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(2, 2, 3, 3)])
    for ending in ("gpkg", "fgb"):
        written = write_table(frame, tmp_path / f"a.{ending}")
        assert pyogrio.read_info(tmp_path / f"a.{ending}", layer="a")["geometry_type"] == "MultiPolygon"
        assert "MultiPolygon" in str(written.notes)
    write_table(frame, tmp_path / "a.parquet")
    types = geo_of(tmp_path / "a.parquet")["columns"]["geometry"]["geometry_types"]
    assert types == ["MultiPolygon", "Polygon"]


def test_unsigned_numbers_keep_their_digits_in_geopackage(tmp_path):
    """GDAL would make floats of them; beyond the signed range they are text."""
    frame = boxes(2)
    frame["small"] = np.array([2**60 + 1, 2], dtype="uint64")
    frame["large"] = np.array([2**64 - 1, 2], dtype="uint64")
    write_table(frame, tmp_path / "a.gpkg")
    found = query(tmp_path / "a.gpkg", "SELECT small, large FROM a")
    assert found == [(2**60 + 1, "18446744073709551615"), (2, "2")]


def test_a_table_without_geometry_goes_to_four_formats(tmp_path):
    """A tidy long table; what holds features alone refuses it with a hint."""
    frame = pd.DataFrame({"roi_id": ["a", "b"], "stat": ["mean", "mean"], "value": [1.5, np.nan]})
    write_table(frame, tmp_path / "a.parquet")
    assert b"geo" not in pq.read_metadata(tmp_path / "a.parquet").metadata
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a.parquet"), frame)
    write_table(frame, tmp_path / "a.gpkg")
    assert query(tmp_path / "a.gpkg", "SELECT table_name, data_type FROM gpkg_contents") == [
        ("a", "attributes")
    ]
    assert query(tmp_path / "a.gpkg", "SELECT value FROM a") == [(1.5,), (None,)]
    write_table(frame, tmp_path / "a.ndjson")
    assert [json.loads(v)["value"] for v in (tmp_path / "a.ndjson").read_text().splitlines()] == [1.5, None]
    write_table(frame, tmp_path / "a.csv")
    for ending in ("fgb", "geojson", "geojsonl"):
        with pytest.raises(OutputError) as caught:
            write_table(frame, tmp_path / f"a.{ending}")
        assert caught.value.id == "E-OUT-04"


@pytest.mark.parametrize("ending", ALL)
def test_a_table_without_rows_is_a_table(tmp_path, ending):
    """No ROI is no reason for no file."""
    write_table(boxes(2, a=[1, 2], t=["x", "y"]).iloc[:0], tmp_path / f"a.{ending}")
    if ending == "parquet":
        assert geopandas.read_parquet(tmp_path / "a.parquet").columns.tolist()[:2] == ["a", "t"]
    elif ending in ("gpkg", "fgb", "geojson"):
        assert (
            len(geopandas.read_file(tmp_path / f"a.{ending}", layer="a" if ending == "gpkg" else None)) == 0
        )
    else:
        assert (tmp_path / f"a.{ending}").read_text().splitlines() == (["a,t"] if ending == "csv" else [])


def test_index_levels_with_names_become_columns(tmp_path):
    """All of a MultiIndex in order; an unnamed index of numbers is no column."""
    index = pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["roi_id", "date"])
    write_table(pd.DataFrame({"value": range(4)}, index=index), tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text().splitlines()[:2] == ["roi_id,date,value", "a,1,0"]
    write_table(pd.DataFrame({"value": [1]}, index=[5]), tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_text().splitlines() == ["value", "1"]
    named = pd.DataFrame({"roi_id": ["a"], "v": [1]}, index=pd.Index(["a"], name="roi_id"))
    write_table(named, tmp_path / "c.csv")
    assert (tmp_path / "c.csv").read_text().splitlines() == ["roi_id,v", "a,1"]
    with pytest.raises(OutputError, match="differ"):
        write_table(named.set_axis(pd.Index(["b"], name="roi_id")), tmp_path / "d.csv")


@pytest.mark.parametrize("columns", [["a", "a"], [1, "1"], [("a", "b"), "a_b"]])
def test_repeated_column_names_are_refused(tmp_path, columns):
    """A reader could not tell them apart."""
    frame = pd.DataFrame([[1, 2]], columns=pd.Index(columns, tupleize_cols=False, dtype=object))
    with pytest.raises(OutputError, match="repeat") as caught:
        write_table(frame, tmp_path / "a.csv")
    assert caught.value.id == "E-OUT-04"


def test_a_table_without_columns_is_refused_by_csv(tmp_path):
    """Lines without a cell say nothing; the hint tells what does."""
    with pytest.raises(OutputError, match="no columns but geometry"):
        write_table(boxes(), tmp_path / "a.csv")
    with pytest.raises(OutputError, match="no columns"):
        write_table(pd.DataFrame(index=[1, 2]), tmp_path / "a.parquet")
    assert list(tmp_path.iterdir()) == []


def test_mixed_and_broken_values_become_text(tmp_path):
    """With a note, and nothing is lost but the type."""
    frame = pd.DataFrame(
        {
            "mixed": pd.Series([1, "a", None, {"k": [1]}], dtype=object),
            "broken": pd.Series(["\ud800x", "ok", None, ""], dtype=object),
            "wild": pd.Series([2**70, 1, None, 3], dtype=object),
            "nothing": pd.Series([None] * 4, dtype=object),
            "interval": pd.interval_range(0, 4),
        }
    )
    written = write_table(frame, tmp_path / "a.parquet")
    back = pq.read_table(tmp_path / "a.parquet").to_pydict()
    assert back["mixed"] == ["1", "a", None, '{"k": [1]}']
    assert back["broken"][1:] == ["ok", None, ""]
    assert back["wild"] == [str(2**70), "1", None, "3"]
    assert back["nothing"] == [None] * 4
    assert back["interval"][0] == "(0, 1]"
    assert len(written.notes) == 4


def test_gpkg_takes_out_what_c_strings_cannot_hold(tmp_path):
    """A NUL would cut the text off without a word."""
    written = write_table(boxes(1, t=["a\0b"]), tmp_path / "a.gpkg")
    assert query(tmp_path / "a.gpkg", "SELECT t FROM a") == [("ab",)]
    assert "NUL" in str(written.notes)


def test_print_table_writes_rows_to_a_stream(fields):
    """The same text as the file, one feature a line; notes are given, not printed."""
    stream = io.StringIO()
    notes = print_table(fields, stream, format="geojsonl")
    lines = stream.getvalue().splitlines()
    assert len(lines) == len(fields)
    assert json.loads(lines[1])["properties"]["roi_id"] == "r1"
    assert any("WGS 84" in note for note in notes)


def test_print_table_gives_bytes_to_binary_streams():
    """UTF-8 and CRLF, whatever the stream's own encoding and line ends."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    print_table(pd.DataFrame({"a": ["ü"]}), stream, format="CSV")
    assert raw.getvalue() == "a\r\nü\r\n".encode()


def test_print_table_refuses_binary_formats():
    """E-OUT-04 with those that a stream of text takes."""
    with pytest.raises(OutputError) as caught:
        print_table(boxes(), io.StringIO(), format="gpkg")
    assert caught.value.id == "E-OUT-04"
    assert "GeoJSONSeq" in str(caught.value.hint)


def test_a_reader_that_goes_away_is_no_failure_of_the_table():
    """BrokenPipeError comes through, for the command line to end quietly."""

    class Gone(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        print_table(boxes(), Gone())


@pytest.mark.parametrize(
    ("path", "options", "error", "id"),
    [
        ("a.shp", {}, OutputError, "E-OUT-04"),
        ("a", {}, OutputError, "E-OUT-04"),
        ("a.csv", {"format": "excel"}, OutputError, "E-OUT-04"),
        ("a.csv", {"layer": "x"}, UsageError, "E-USE-01"),
        ("a.gpkg", {"wkt": True}, UsageError, "E-USE-01"),
        ("a.gpkg", {"layer": "gpkg_x"}, UsageError, "E-USE-01"),
        ("a.gpkg", {"style": "none"}, UsageError, "E-USE-01"),
        ("missing/a.csv", {}, OutputError, "E-OUT-02"),
        ("s3://bucket/a.parquet", {}, OutputError, "E-OUT-02"),
    ],
)
def test_wrong_options_are_refused(tmp_path, path, options, error, id):
    """By id, and nothing is left."""
    with pytest.raises(error) as caught:
        write_table(boxes(), path if "://" in path else tmp_path / path, **options)
    assert caught.value.id == id
    assert list(tmp_path.iterdir()) == []


def test_something_else_than_a_frame_is_refused(tmp_path):
    """With its kind."""
    with pytest.raises(OutputError, match="list"):
        write_table([1], tmp_path / "a.csv")


def test_check_table_refuses_inputs(tmp_path):
    """What is read is never replaced, by whatever name."""
    source = tmp_path / "rois.gpkg"
    source.write_bytes(b"x")
    (tmp_path / "same.gpkg").symlink_to(source)
    assert check_table(tmp_path / "new.gpkg", inputs=(source,)) == "GPKG"
    with pytest.raises(UsageError, match="is the input"):
        check_table(source, overwrite=True, inputs=(tmp_path / "same.gpkg",))
    (tmp_path / "a.csv.georoi.json").write_text("x")
    with pytest.raises(OutputExistsError):
        check_table(tmp_path / "a.csv")


def test_other_names_choose_the_format(tmp_path):
    """The option wins over the ending."""
    assert write_table(boxes(), tmp_path / "a.dat", format="geoparquet").format == "Parquet"
    assert check_table(tmp_path / "x.GPKG") == "GPKG"
