"""Paths that are opened, and paths, VRTs and files that are refused."""

from __future__ import annotations

import os
import shutil
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import rasterio

from georoi.errors import GeoroiError, GeoroiWarning, RasterError
from georoi.io.raster.rasters import close_handles, list_variables, open_raster, read_window
from tests.builders import ramp, write_raster
from tests.openings import VRT, VRT_SOURCE, refused, whole


@pytest.mark.parametrize("thing", [None, 3, b"a.tif", object(), ["a.tif"]])
def test_what_is_no_path_is_refused(thing: object) -> None:
    """Things that are no paths are E-RAS-10."""
    assert refused(thing).id == "E-RAS-10"


def test_missing_folder_empty_and_foreign_files(tmp_path: Path) -> None:
    """Each says what is wrong with it."""
    assert "no such file" in refused(tmp_path / "a.tif").found["reason"]
    assert "folder" in refused(tmp_path).found["reason"]
    (tmp_path / "e.tif").touch()
    assert "empty" in refused(tmp_path / "e.tif").found["reason"]
    (tmp_path / "h.tif").write_text("<!DOCTYPE html><html>login</html>")
    assert "web page" in refused(tmp_path / "h.tif").found["reason"]
    (tmp_path / "w.tif").write_text("<GDAL_WMS></GDAL_WMS>")
    assert "no raster format" in refused(tmp_path / "w.tif").found["reason"]
    os.mkfifo(tmp_path / "p.tif")
    assert "regular file" in refused(tmp_path / "p.tif").found["reason"]


@pytest.mark.parametrize(
    "path",
    [
        "MEM:::DATAPOINTER=64,PIXELS=10,LINES=10",
        "<VRTDataset rasterXSize='1' rasterYSize='1'/>",
        "/vsicurl/http://127.0.0.1:9/x.tif",
        "/vsis3/bucket/key.tif",
        "/vsizip//vsicurl/http://127.0.0.1:9/a.zip",
        "/vsisubfile/0_10,/etc/passwd",
        "/vsimem/x.tif",
        "GTIFF_RAW:/etc/passwd",
        "vrt:///etc/passwd",
        "file:///etc/passwd",
        "NETCDF:/etc/passwd:x",
        "WMS:http://127.0.0.1:9/?",
        "ftp://127.0.0.1/a.tif",
        "/dev/zero",
        "-",
        "",
        "nul\0byte.tif",
        "a" * 5000,
    ],
)
def test_hostile_paths(path: str) -> None:
    """Inline XML, connection strings, devices and GDAL's own virtual files are no paths of rasters."""
    assert refused(path).id == "E-RAS-01"


def test_closed_port_is_a_clear_error_without_the_secret() -> None:
    """A URL that does not answer is E-RAS-01, and neither password nor signature is repeated."""
    error = refused("http://user:PASSWORD@127.0.0.1:9/x.tif?X-Amz-Signature=SECRET")
    assert error.id == "E-RAS-01"
    assert "PASSWORD" not in str(error)
    assert "SECRET" not in str(error)


@pytest.mark.parametrize(
    ("band", "reason"),
    [
        (VRT_SOURCE.format(1, "../a.tif"), "outside"),
        (VRT_SOURCE.format(0, "/etc/passwd"), "outside"),
        (VRT_SOURCE.format(1, "link.tif"), "outside"),
        (VRT_SOURCE.format(1, "http://127.0.0.1:9/a.tif"), "no file"),
        (VRT_SOURCE.format(1, "/vsicurl/http://127.0.0.1:9/a.tif"), "no file"),
        (VRT_SOURCE.format(1, "missing.tif"), "missing"),
        (VRT_SOURCE.format(1, "wms.tif"), "no raster format"),
        (VRT_SOURCE.format(1, "a.vrt"), "itself"),
        (VRT_SOURCE.lower().format(1, "../a.tif"), "outside"),
        ('<SimpleSource SourceFilename="../a.tif"/>', "outside"),
        ("<PixelFunctionLanguage>Python</PixelFunctionLanguage>", "script"),
        ("<x>&lt;GDAL_WMS&gt;http://127.0.0.1:9&lt;/GDAL_WMS&gt;</x>", "leads out"),
    ],
)
def test_hostile_vrts(tmp_path: Path, band: str, reason: str) -> None:
    """A VRT that reaches out of its folder, runs scripts or reads what is no raster is not opened."""
    write_raster(tmp_path / "a.tif", ramp(1))
    inner = tmp_path / "in"
    inner.mkdir()
    (inner / "link.tif").symlink_to(tmp_path / "a.tif")
    (inner / "wms.tif").write_text("<GDAL_WMS></GDAL_WMS>")
    vrt = inner / "a.vrt"
    vrt.write_text(VRT.format(band))
    error = refused(vrt)
    assert error.id == "E-RAS-01"
    assert reason in error.found["reason"]


@pytest.mark.parametrize(
    "text",
    [
        VRT.replace('band="1"', 'band="1" subClass="VRTRawRasterBand"').format(""),
        VRT.replace('band="1"', 'band="1" subclass="vrtrawrasterband"').format(""),
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>' + VRT.format("&b;"),
        "<VRTDataset",
        "<x><VRTDataset/></x>",
    ],
)
def test_raw_bands_entities_and_broken_xml_in_vrts(tmp_path: Path, text: str) -> None:
    """Raw bands, however they are spelt, document types and broken XML are refused."""
    vrt = tmp_path / "a.vrt"
    vrt.write_text(text)
    assert refused(vrt).id == "E-RAS-01"


def test_harmless_vrt_opens(tmp_path: Path) -> None:
    """A mosaic of files below the VRT, one of them a VRT, reads as they do."""
    (tmp_path / "tiles").mkdir()
    values = ramp(1)
    path = write_raster(tmp_path / "tiles" / "a.tif", values)
    inner, outer = tmp_path / "tiles" / "i.vrt", tmp_path / "o.vrt"
    with rasterio.open(path) as dataset:
        rasterio.shutil.copy(dataset, inner, driver="VRT")
    with rasterio.open(inner) as dataset:
        rasterio.shutil.copy(dataset, outer, driver="VRT")
    raster = open_raster(outer)
    assert raster.driver == "VRT"
    assert np.array_equal(read_window(raster, (0, 40, 0, 60)).values, values)
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda _: read_window(raster, (3, 9, 3, 9)).values.any(), range(16)))


def test_archive(tmp_path: Path) -> None:
    """A raster in a local zip opens by /vsizip/, whatever the archive's suffix; VRTs in it do not."""
    write_raster(tmp_path / "a.tif", ramp(1))
    (tmp_path / "v.vrt").write_text(VRT.format(VRT_SOURCE.format(1, "a.tif")))
    shutil.make_archive(str(tmp_path / "z"), "zip", tmp_path, ".")
    (tmp_path / "z.zip").rename(tmp_path / "z.whl")
    raster = open_raster(f"/vsizip/{tmp_path}/z.whl/a.tif")
    assert raster.name == "a.tif"
    assert np.array_equal(read_window(raster, (0, 40, 0, 60)).values, ramp(1))
    assert refused(f"/vsizip/{tmp_path}/z.whl/v.vrt").id == "E-RAS-01"
    assert refused(f"/vsizip/{tmp_path}/none.zip/a.tif").id == "E-RAS-01"


def test_sources_are_never_written_to(tmp_path: Path) -> None:
    """No side file appears beside what is read."""
    path = write_raster(tmp_path / "a.tif", ramp(1))
    whole(path)
    close_handles()
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.tif"]


def test_only_netcdf_has_variables(tmp_path: Path) -> None:
    """Asking another format for its variables is an error, not a guess."""
    path = write_raster(tmp_path / "a.tif", ramp(1))
    assert refused(f"{path}::B1").id == "E-RAS-01"
    with pytest.raises(RasterError, match="no NetCDF"):
        list_variables(path)


def test_corpus_of_bad_rasters(shared_data: Path) -> None:
    """Every broken raster of the corpus opens and reads, or is refused by an error of ours."""
    folder = shared_data.parent / "badinput" / "rasters"
    if not folder.is_dir():
        pytest.skip("the corpus of bad input is not here")
    outcomes = []
    for path in sorted(folder.rglob("*.*")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GeoroiWarning)
            try:
                raster = open_raster(path)
                rows, cols = raster.shape
                read_window(raster, (0, min(rows, 64), 0, min(cols, 64)))
                read_window(raster, (max(rows - 64, 0), rows, max(cols - 64, 0), cols))
                outcomes.append("read")
            except GeoroiError as error:
                outcomes.append(error.id)
    assert len(outcomes) > 100
    assert set(outcomes) <= {"read", "E-RAS-01", "E-RAS-02", "E-RAS-07", "E-RAS-09", "E-RAS-10", "E-MEM-01"}
    assert outcomes.count("read") > 40


def test_corpus_of_hostile_paths(shared_data: Path) -> None:
    """Every hostile string of the corpus is refused."""
    corpus = shared_data.parent / "badinput" / "hostile_paths.txt"
    if not corpus.is_file():
        pytest.skip("the corpus of bad input is not here")
    for line in corpus.read_text().split("\n"):
        assert refused(line.replace("\\0", "\0")).id == "E-RAS-01"
