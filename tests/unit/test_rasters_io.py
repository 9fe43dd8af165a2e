"""Opening rasters: what a header becomes, nodata, names, dates."""

from __future__ import annotations

import math
import pickle
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import tifffile

from georoi.errors import GeoroiWarning
from georoi.grid import grid_crs
from georoi.io.raster.dates import date_from_name
from georoi.io.raster.nodata import as_nodata
from georoi.io.raster.rasters import open_raster
from georoi.values.raster import Georeference
from tests.builders import NORTH_UP, ramp, write_raster
from tests.openings import refused, whole


def test_header_of_a_tiled_geotiff(tmp_path: Path) -> None:
    """Shape, blocks, codec, names, scales and date come from the header, and no pixel is needed."""
    path = write_raster(
        tmp_path / "scene.tif",
        ramp(2),
        names=("B04", "B08"),
        scales=(0.5, 1.0),
        offsets=(0.0, -3.0),
        tags={"TIFFTAG_DATETIME": "2021:05:06 07:08:09"},
        compress="deflate",
        predictor=2,
        interleave="pixel",
        nodata=0,
    )
    raster = open_raster(path)
    assert (raster.shape, raster.bands, raster.band_names) == ((40, 60), (1, 2), ("B04", "B08"))
    assert (raster.dtype, raster.nodata, raster.fill) == ("uint16", (0, 0), 0)
    assert (raster.block_shape, raster.compression, raster.predictor) == ((16, 16), "deflate", 2)
    assert (raster.interleave, raster.driver, raster.mask_kind) == ("pixel", "GTiff", "nodata")
    assert (raster.scales, raster.offsets) == ((0.5, 1.0), (0.0, -3.0))
    assert raster.date == datetime(2021, 5, 6, 7, 8, 9)
    assert raster.file_bytes == path.stat().st_size
    assert raster.georeference == Georeference.CRS
    assert grid_crs(raster.grid).to_epsg() == 32633  # type: ignore[union-attr]
    assert tuple(raster.grid.affine) == tuple(NORTH_UP)
    assert (raster.name, raster.path) == ("scene.tif", str(path))
    assert pickle.loads(pickle.dumps(raster)) == raster


def test_blocks_are_clipped_to_a_small_raster(tmp_path: Path) -> None:
    """A raster smaller than its block has one block of its own size; strips are as wide as the raster."""
    small = write_raster(tmp_path / "small.tif", ramp(1, 10, 12), block=16)
    assert open_raster(small).block_shape == (10, 12)
    strips = write_raster(tmp_path / "strips.tif", ramp(1, 40, 60), block=None, blockysize=8)
    assert open_raster(strips).block_shape == (8, 60)


def test_names_fall_back_to_numbers_and_are_unique(tmp_path: Path) -> None:
    """Bands without description are called by number; a name that comes twice is numbered."""
    path = write_raster(tmp_path / "a.tif", ramp(3), names=("", "red", "red"))
    assert open_raster(path).band_names == ("1", "red", "red#2")
    assert open_raster(path, bands="red#2").bands == (3,)


def test_foreign_text_cannot_move_the_terminal(tmp_path: Path) -> None:
    """Control signs in band and file names are written out as escapes."""
    path = write_raster(tmp_path / "a\x1b[31m.tif", ramp(1), names=("B\u202e8",))
    raster = open_raster(path)
    assert raster.name == "a\\x1b[31m.tif"
    assert raster.band_names == ("B\\u202e8",)


def test_bands_by_number_and_name(tmp_path: Path) -> None:
    """Chosen bands are read in the order asked for; a missing one is E-RAS-04 that lists what there is."""
    values = ramp(3)
    path = write_raster(tmp_path / "a.tif", values, names=("B02", "B03", "B04"))
    assert np.array_equal(whole(path, bands=["B04", 1]), values[[2, 0]])
    assert np.array_equal(whole(path, bands=2), values[[1]])
    error = refused(path, bands=[1, 4])
    assert (error.id, error.found["bands"]) == ("E-RAS-04", "1 (B02), 2 (B03), 3 (B04)")


def test_mixed_and_complex_dtypes_are_refused(tmp_path: Path) -> None:
    """Bands of several dtypes need a choice, which then works; complex pixels are refused."""
    write_raster(tmp_path / "u.tif", ramp(1))
    write_raster(tmp_path / "f.tif", ramp(1, dtype="float32"))
    band = (
        '<VRTRasterBand dataType="{0}" band="{1}"><SimpleSource><SourceFilename relativeToVRT="1">{2}'
        "</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand>"
    )
    vrt = tmp_path / "mixed.vrt"
    vrt.write_text(
        '<VRTDataset rasterXSize="60" rasterYSize="40">'
        + band.format("UInt16", 1, "u.tif")
        + band.format("Float32", 2, "f.tif")
        + "</VRTDataset>"
    )
    error = refused(vrt)
    assert error.id == "E-RAS-09"
    assert "bands=" in (error.hint or "")
    assert open_raster(vrt, bands=2).dtype == "float32"
    path = write_raster(tmp_path / "c.tif", ramp(1, dtype="complex64"))
    assert refused(path).id == "E-RAS-09"


@pytest.mark.parametrize(
    ("name", "date"),
    [
        ("S2L2A_2018-07-21.tif", datetime(2018, 7, 21)),
        ("LC08_L1TP_224078_20200518_20200519_01.tif", datetime(2020, 5, 18)),
        ("S2A_20180721T093041_B04.jp2", datetime(2018, 7, 21, 9, 30, 41)),
        ("LE71400412000304SGS00_B4.tif", None),
        ("tile_99999999.tif", None),
        ("scene_20181399.tif", None),
    ],
)
def test_date_from_the_file_name(name: str, date: datetime | None) -> None:
    """A date in the file name is found where there is one, and a run of digits is none."""
    assert date_from_name(name) == date


def test_nodata_given_replaces_the_declared_one(tmp_path: Path) -> None:
    """nodata= stands for all bands, as the dtype holds it."""
    path = write_raster(tmp_path / "a.tif", ramp(2), nodata=0)
    assert open_raster(path, nodata=65535.0).nodata == (65535, 65535)
    assert open_raster(path, bands=1, nodata=7).nodata == (7,)


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [
        ("uint8", -1),
        ("uint8", 256),
        ("int16", 1.5),
        ("uint16", math.nan),
        ("uint16", True),
        ("float32", 1e300),
        ("float32", "x"),
    ],
)
def test_nodata_that_does_not_fit_is_refused(tmp_path: Path, dtype: str, nodata: object) -> None:
    """A nodata value that the dtype cannot hold is E-RAS-05."""
    path = write_raster(tmp_path / "a.tif", ramp(1, 4, 5, dtype=dtype))
    assert refused(path, nodata=nodata).id == "E-RAS-05"


def test_declared_nodata_out_of_range_is_ignored_with_a_warning(tmp_path: Path) -> None:
    """A file that declares what its pixels cannot hold has no nodata, says a note and a warning."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, ramp(1, 4, 5, dtype="uint8")[0], extratags=[(42113, "s", 0, "-9999", True)])
    with pytest.warns(GeoroiWarning, match="-9999 does not fit uint8"):
        raster = open_raster(path)
    assert raster.nodata == (None,)
    assert any("-9999" in note for note in raster.notes)


def test_nodata_of_64_bit_integers_is_exact(tmp_path: Path) -> None:
    """2^60 + 1 is no float64; it is read to the last digit all the same."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, np.full((16, 16), 2**60 + 1, "int64"), extratags=[(42113, "s", 0, str(2**60 + 1), True)]
    )
    assert open_raster(path).nodata == (2**60 + 1,)


def test_nodata_is_what_pixels_compare_equal_to() -> None:
    """Values are rounded to float32; the largest float, written a hair too large, is meant as itself."""
    assert as_nodata(0.1, "float32") == float(np.float32(0.1))
    assert as_nodata("3.40282347e+38", "float32") == float(np.finfo("float32").max)
    assert as_nodata("-9999.0", "int16") == -9999
    assert as_nodata("-inf", "float64") == -math.inf
    assert math.isnan(as_nodata("nan", "float32") or 0)
    assert as_nodata("1e400", "int64") is None
    assert as_nodata("abc", "uint8") is None


def test_nodata_per_band(tmp_path: Path) -> None:
    """Bands may declare different nodata values, as in a VRT."""
    write_raster(tmp_path / "a.tif", ramp(1, dtype="float32"))
    sources = "".join(
        f'<VRTRasterBand dataType="Float32" band="{n}"><NoDataValue>{v}</NoDataValue><SimpleSource>'
        '<SourceFilename relativeToVRT="1">a.tif</SourceFilename></SimpleSource></VRTRasterBand>'
        for n, v in ((1, -9999), (2, 0))
    )
    vrt = tmp_path / "a.vrt"
    vrt.write_text(f'<VRTDataset rasterXSize="60" rasterYSize="40">{sources}</VRTDataset>')
    assert open_raster(vrt).nodata == (-9999.0, 0.0)
