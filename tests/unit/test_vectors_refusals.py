"""Vector files that are broken, hostile or far away: errors of ours, and features that cost themselves."""

from __future__ import annotations

import http.server
import json
import sqlite3
import threading
import warnings
import zipfile

import pytest
import shapely

from georoi.errors import GeoroiWarning, ROIError
from georoi.io.vector.vectors import read_rois
from georoi.values.rois import ROISet
from tests.vectorfiles import EXTENSIONS, SHAPES, frame, geojson, outcome_of, refused, written


class TestBadFeatures:
    """One bad ring never costs the file."""

    def test_unclosed_ring_is_closed(self, tmp_path):
        """A ring that is not closed is closed, and that is said."""
        unclosed = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}
        with pytest.warns(GeoroiWarning, match="not closed"):
            rois = read_rois(geojson(tmp_path / "a.geojson", unclosed, SHAPES[0]))
        assert rois.ids.tolist() == ["r0", "r1"]
        assert rois.geometry[0].area == 1
        assert [(finding.code, finding.feature) for finding in rois.findings] == [("repaired", 0)]

    def test_nan_vertex_costs_its_feature(self, tmp_path):
        """NaN in a vertex drops the feature, with its number and reason."""
        broken = {"type": "Polygon", "coordinates": [[[0, 0], [float("nan"), 0], [1, 1], [0, 0]]]}
        with pytest.warns(GeoroiWarning, match="NaN or infinite"):
            rois = read_rois(geojson(tmp_path / "a.geojson", SHAPES[0], broken))
        assert rois.ids.tolist() == ["r0"]
        assert rois.findings[0].feature == 1

    def test_wkb_that_cannot_be_parsed_costs_its_feature(self, tmp_path):
        """A GeoPackage with a truncated geometry gives the others."""
        path = written(tmp_path, "gpkg")
        table = sqlite3.connect(path)
        for (trigger,) in table.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            table.execute(f'DROP TRIGGER "{trigger}"')
        (blob,) = table.execute("SELECT geom FROM rois WHERE id = 8").fetchone()
        table.execute("UPDATE rois SET geom = ? WHERE id = 8", (blob[:-20],))
        table.commit()
        table.close()
        with pytest.warns(GeoroiWarning, match="dropped"):
            rois = read_rois(path)
        assert rois.ids.tolist() == [7, 9]
        assert (rois.findings[0].feature, rois.findings[0].roi_id) == (1, 8)

    def test_text_in_the_wrong_encoding(self, tmp_path):
        """A Shapefile whose text is not what its .cpg says is read, and that is said."""
        path = written(tmp_path, "shp")
        table = path.with_suffix(".dbf").read_bytes()
        path.with_suffix(".dbf").write_bytes(table.replace("Żółć".encode(), b"\xaf\xf3\xb3\xe6    "))
        with pytest.warns(GeoroiWarning, match="ISO-8859-1"):
            assert len(read_rois(path)) == 3
        path.with_suffix(".cpg").unlink()
        with pytest.warns(GeoroiWarning, match="does not say its encoding"):
            assert len(read_rois(path)) == 3

    def test_shapefile_without_dbf(self, tmp_path):
        """A missing table costs the attributes, and that is said."""
        path = written(tmp_path, "shp")
        path.with_suffix(".dbf").unlink()
        with pytest.warns(GeoroiWarning, match="no attributes"):
            assert read_rois(path).ids.tolist() == [0, 1, 2]

    def test_points_only(self, tmp_path):
        """A file without polygons is an error."""
        assert refused(geojson(tmp_path / "a.geojson", shapely.Point(0, 0))) == "E-ROI-02"
        assert refused(geojson(tmp_path / "b.geojson")) == "E-ROI-02"
        posts = frame().set_geometry(shapely.points([1, 2, 3], 0), crs=4326)
        for extension in ("gpkg", "shp"):
            assert refused(written(tmp_path, extension, posts, name="posts")) == "E-ROI-02"


class TestBadFiles:
    """Whatever cannot be read is one error with an id."""

    @pytest.mark.parametrize(
        "source",
        [
            "nowhere.geojson",
            "",
            "  ",
            "a\x00b",
            "x" * 5000,
            "/",
            '{"type": "Polygon"}',
            "<kml/>",
            "/vsicurl/http://127.0.0.1:9/a.shp",
            "PG:dbname=x",
            "WFS:http://127.0.0.1:9",
            "ftp://127.0.0.1:9/a.geojson",
            b"bytes.geojson",
        ],
    )
    def test_paths_that_are_none(self, source):
        """Only files that exist, and URLs that the user wrote, are opened."""
        with pytest.raises(ROIError) as caught:
            read_rois(source)
        assert caught.value.id in ("E-ROI-01", "E-ROI-02")

    @pytest.mark.parametrize("extension", EXTENSIONS)
    @pytest.mark.parametrize("content", [b"", b"text", b"\x00" * 5000, b"<OGRVRTDataSource/>"])
    def test_files_that_are_not_what_they_say(self, tmp_path, extension, content):
        """Name and content must agree before GDAL sees the file."""
        path = tmp_path / f"a.{extension}"
        path.write_bytes(content)
        assert refused(path) == "E-ROI-01"

    @pytest.mark.parametrize("extension", EXTENSIONS)
    @pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
    def test_truncated_files(self, tmp_path, extension, part):
        """A file cut short is an error or a finding, never a foreign exception."""
        path = written(tmp_path, extension)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * part)])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GeoroiWarning)
            outcome = outcome_of(path)
        if isinstance(outcome, ROISet):
            assert len(outcome) < 3 or outcome.findings or part == 0.9
        else:
            assert outcome.id in ("E-ROI-01", "E-ROI-02")

    @pytest.mark.parametrize("extension", ["txt", "vrt", "gml", "gdalg.json", ""])
    def test_other_formats(self, tmp_path, extension):
        """Formats that are not on the list are refused by name or content."""
        path = tmp_path / f"a.{extension}".rstrip(".")
        path.write_text(
            '{"type": "gdal_streamed_alg", "command_line": "gdal vector pipeline read secret.gpkg"}'
        )
        assert refused(path) == "E-ROI-01"

    @pytest.mark.parametrize("kind", ["link", "url", "LINK"])
    @pytest.mark.parametrize("key", ['"crs"', '"\\u0063r\\u0073"'])
    def test_crs_links_are_not_followed(self, tmp_path, server, kind, key):
        """GDAL would fetch them; georoi refuses, and asks nobody."""
        text = geojson(tmp_path / "a.geojson", SHAPES[0]).read_text()
        member = f'{{"type": "{kind}", "properties": {{"href": "{server.url}/crs", "type": "proj4"}}}}'
        (tmp_path / "a.geojson").write_text(f"{text[:-1]}, {key}: {member}}}")
        assert refused(tmp_path / "a.geojson") == "E-ROI-01"
        inner = text.replace('"coordinates"', f'{key}: {member}, "coordinates"')
        (tmp_path / "a.geojson").write_text(inner)
        assert refused(tmp_path / "a.geojson") == "E-ROI-01"
        assert server.hits == []

    def test_deeply_nested_json(self, tmp_path):
        """A hundred thousand brackets are refused, quickly."""
        path = tmp_path / "a.geojson"
        path.write_text('{"type": "Polygon", "coordinates": ' + "[" * 100_000 + "]" * 100_000 + "}")
        assert refused(path) == "E-ROI-01"

    def test_brackets_and_quotes_in_text_do_not_count(self, tmp_path):
        """Nesting is counted outside of strings."""
        path = geojson(tmp_path / "a.geojson", SHAPES[0])
        path.write_text(
            path.read_text().replace('"r0"', json.dumps('[{\\"' * 500 + ' "crs": {"type": "link"}'))
        )
        assert len(read_rois(path)) == 1

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
    def test_kml_with_a_document_type(self, tmp_path, encoding):
        """Entities are not expanded, in whatever encoding they hide."""
        path = tmp_path / "a.kml"
        text = '<?xml version="1.0"?><!DOCTYPE kml [<!ENTITY x SYSTEM "file:///etc/passwd">]><kml></kml>'
        path.write_bytes(text.encode(encoding))
        assert refused(path) == "E-ROI-01"

    def test_deeply_nested_kml(self, tmp_path):
        """Folders in folders without end are refused."""
        path = tmp_path / "a.kml"
        path.write_text("<kml>" + "<Folder>" * 50_000 + "</Folder>" * 50_000 + "</kml>")
        assert refused(path) == "E-ROI-01"

    def test_hostile_zips(self, tmp_path):
        """Entries that point outside, nested archives and bombs are refused without unpacking."""
        for number, (entry, content) in enumerate(
            [
                ("../../a.shp", b"x"),
                ("/a.shp", b"x"),
                ("C:/a.shp", b"x"),
                ("a.zip", b"x"),
                ("a.txt", b"x"),
                ("a.shp", b"\0" * (1 << 23)),
            ]
        ):
            path = tmp_path / f"{number}.zip"
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(entry, content)
            assert refused(path) == "E-ROI-01", entry
        assert [path.suffix for path in tmp_path.iterdir()] == [".zip"] * 6

    def test_secrets_do_not_show(self):
        """An error names a URL without user, password and query."""
        with pytest.raises(ROIError) as caught:
            read_rois("http://user:secret@127.0.0.1:9/a.geojson?token=secret")
        assert "secret" not in str(caught.value)


@pytest.fixture
def server(tmp_path):
    """A loopback server of the test's folder, which remembers what it was asked."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        hits: list[str] = []  # noqa: RUF012

        def __init__(self, *args, **options):
            super().__init__(*args, directory=str(tmp_path), **options)

        def do_GET(self):
            self.hits.append(self.path)
            if self.path.startswith("/moved"):
                self.send_response(302)
                self.send_header("Location", "file:///etc/passwd")
                self.end_headers()
            else:
                super().do_GET()

        def log_message(self, *args):
            """Say nothing."""

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.url = f"http://127.0.0.1:{httpd.server_port}"
    httpd.hits = Handler.hits
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield httpd
    httpd.shutdown()
    thread.join()
    httpd.server_close()


class TestRemote:
    """URLs that the user wrote are fetched whole."""

    @pytest.mark.parametrize("extension", ["geojson", "gpkg", "zip", "parquet"])
    def test_http(self, tmp_path, server, extension):
        """A remote file is read as a local one, with one request."""
        path = written(tmp_path, extension)
        assert read_rois(f"{server.url}/{path.name}").ids.tolist() == [7, 8, 9]
        assert server.hits == [f"/{path.name}"]

    def test_s3(self, tmp_path, server, monkeypatch):
        """An object of a bucket is read too, without asking any machine but the one named."""
        for name, value in {
            "ACCESS_KEY_ID": "a",
            "SECRET_ACCESS_KEY": "b",
            "EC2_METADATA_DISABLED": "true",
        }.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        (tmp_path / "bucket").mkdir()
        path = written(tmp_path / "bucket", "geojson")
        query = f"endpoint_override={server.url[7:]}&scheme=http&region=eu-central-1"
        assert read_rois(f"s3://bucket/{path.name}?{query}").ids.tolist() == [7, 8, 9]

    def test_failures(self, tmp_path, server):
        """What is not there, or leads elsewhere, is an error."""
        assert refused(f"{server.url}/nothing.geojson") == "E-ROI-01"
        assert refused(f"{server.url}/moved.geojson") == "E-ROI-01"


def test_shapefiles_of_one_name_in_a_zip_are_told_apart(tmp_path):
    """Each is a layer called by its path, and one must be chosen."""
    shp = written(tmp_path, "shp")
    (tmp_path / "b").mkdir()
    other = written(tmp_path / "b", "shp", frame().iloc[:1])
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for folder, one in (("north", shp), ("south", other)):
            for part in one.parent.glob("rois.*"):
                archive.write(part, f"{folder}/{part.name}")
    with pytest.raises(ROIError, match="several layers") as caught:
        read_rois(tmp_path / "a.zip")
    assert caught.value.found == {"layers": "north/rois, south/rois"}
    assert read_rois(tmp_path / "a.zip", layer="north/rois").ids.tolist() == [7, 8, 9]
    assert read_rois(tmp_path / "a.zip", layer="south/rois").ids.tolist() == [7]
