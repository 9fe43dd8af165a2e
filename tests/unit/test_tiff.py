"""GeoTIFF: what GDAL and tifffile read back: pixels, georeference, bands, nodata, palettes."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
import tifffile
from affine import Affine
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from rasterio.enums import Compression, Interleaving

from georoi.crs import parse_crs, same_crs
from georoi.errors import RasterError
from georoi.io.output.spec import DTYPES
from georoi.io.output.tiff import write_tiff
from georoi.io.raster.nodata import fit_nodata
from tests.images import UTM, make_pixels, make_spec, whole
from tests.tiffs import SMALL, read


@pytest.mark.parametrize("interleave", ["PIXEL", "BAND"])
@pytest.mark.parametrize("compress", ["DEFLATE", "ZSTD", "LZW", "NONE"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_gdal_and_tifffile_read_what_was_written(tmp_path, dtype, compress, interleave):
    """Bit for bit, for every dtype, codec, predictor and layout, with tiles that hang over the edges."""
    spec = make_spec((70, 90), 3, dtype)
    pixels = make_pixels(spec)
    predictors = (
        ["NO"] if compress == "NONE" else ["NO", "2", "3"] if dtype.startswith("float") else ["NO", "2"]
    )
    for predictor in predictors:
        options = {**SMALL, "COMPRESS": compress, "INTERLEAVE": interleave, "PREDICTOR": predictor}
        path = tmp_path / f"{predictor}.tif"
        write_tiff(path, spec, whole(pixels), options=options)
        assert_array_equal(read(path), pixels)
        if predictor == "2" and dtype.startswith("float"):
            continue  # tifffile knows this predictor for integers only
        stored = tifffile.imread(path)
        assert_array_equal(stored if interleave == "BAND" else stored.transpose(2, 0, 1), pixels)


def test_the_default_is_tiled_deflated_with_a_predictor(tmp_path):
    """512-pixel tiles, DEFLATE, predictor 2 for integers and 3 for floats, bands pixel by pixel."""
    for dtype, predictor in (("int16", 2), ("float32", 3)):
        spec = make_spec((600, 700), 2, dtype)
        written = write_tiff(tmp_path / f"{dtype}.tif", spec, whole(make_pixels(spec)))
        assert written.format == "GTiff"
        with rasterio.open(written.path) as image:
            assert image.block_shapes == [(512, 512)] * 2
            assert image.compression is Compression.deflate
            assert image.interleaving is Interleaving.pixel
        with tifffile.TiffFile(written.path) as file:
            assert file.pages.first.predictor == predictor
            assert not file.is_bigtiff


GRIDS = {
    "north-up": (UTM, 32633),
    "geographic": (Affine(1 / 3600, 0, 15.0, 0, -1 / 3600, 47.0), 4326),
    "south-up": (Affine(10.0, 0, 500_000.0, 0, 10.0, 4_000_000.0), 32633),
    "rotated": (Affine(8.0, 6.0, 500_000.0, 6.0, -8.0, 5_000_000.0), 32633),
    "fractions": (Affine(9.9948, 0, 510_000.123, 0, -9.9974, 5_100_000.456), 3035),
    "own CRS": (UTM, "+proj=laea +lat_0=47.5 +lon_0=13.25 +x_0=0 +y_0=0 +ellps=GRS80 +units=m"),
    "no CRS": (UTM, None),
    "CRS alone": (Affine.identity(), 32633),
}


@pytest.mark.parametrize("name", GRIDS)
def test_the_georeference_is_read_back_to_the_bit(tmp_path, name):
    """Transform exactly, CRS by definition; nothing is noted where nothing is lost."""
    affine, crs = GRIDS[name]
    spec = make_spec((20, 30), affine=affine, crs=crs)
    written = write_tiff(tmp_path / "a.tif", spec, whole(make_pixels(spec)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        image = rasterio.open(written.path)
    with image:
        assert tuple(image.transform) == tuple(affine)
        if crs is None:
            assert image.crs is None
        else:
            assert image.tags()["AREA_OR_POINT"] == "Area"
            assert same_crs(parse_crs(image.crs), parse_crs(crs))
    assert written.notes == ()


def test_pixel_space_has_no_georeference(tmp_path):
    """No CRS and the identity transform: no geographic tag is written."""
    spec = make_spec((20, 30), affine=Affine.identity(), crs=None, band_names=("red",))
    write_tiff(tmp_path / "a.tif", spec, whole(make_pixels(spec)))
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        codes = {tag.code for tag in file.pages.first.tags}
    assert not codes & {33550, 33922, 34264, 34735, 34736, 34737}
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning), rasterio.open(tmp_path / "a.tif") as image:
        assert image.descriptions == ("red",)


def test_a_crs_that_geotiff_cannot_hold_is_noted(tmp_path):
    """A note says that the CRS is not stored exactly, instead of silence."""
    tilted = (
        "+proj=ob_tran +o_proj=longlat +o_lon_p=-162 +o_lat_p=39.25 +lon_0=180 +to_meter=0.0174532925199433"
    )
    spec = make_spec((20, 30), affine=Affine(0.1, 0, -5, 0, -0.1, 5), crs=tilted)
    written = write_tiff(tmp_path / "a.tif", spec, whole(make_pixels(spec)))
    with rasterio.open(written.path) as image:
        is_kept = image.crs is not None and same_crs(parse_crs(image.crs), parse_crs(tilted))
    assert bool(written.notes) is not is_kept


def test_bands_are_described(tmp_path):
    """Names, scales, offsets and further tags come back; scales change no pixel."""
    spec = make_spec(
        (20, 30),
        2,
        band_names=("red & <green>", ""),
        scales=(1e-4, 1.0),
        offsets=(-0.1, 0.0),
        tags={"source": "a scene"},
    )
    pixels = make_pixels(spec)
    write_tiff(tmp_path / "a.tif", spec, whole(pixels))
    with rasterio.open(tmp_path / "a.tif") as image:
        assert image.descriptions == ("red & <green>", None)
        assert image.scales == (1e-4, 1.0)
        assert image.offsets == (-0.1, 0.0)
        assert image.tags()["source"] == "a scene"
        assert_array_equal(image.read(), pixels)


@pytest.mark.parametrize(
    ("dtype", "nodata", "text"),
    [
        ("uint8", 255, "255"),
        ("int16", -9999.0, "-9999"),
        ("int64", -(2**62) - 1, str(-(2**62) - 1)),
        ("uint64", 2**64 - 1, str(2**64 - 1)),
        ("float32", float("nan"), "nan"),
        ("float32", -3.4028235e38, "-3.4028234663852886e+38"),
        ("float32", 0.1, "0.10000000149011612"),
        ("float64", float("-inf"), "-inf"),
        ("float64", -1.7976931348623157e308, "-1.7976931348623157e+308"),
    ],
)
def test_nodata_is_exact(tmp_path, dtype, nodata, text):
    """Every digit of an integer, the float that pixels hold, NaN and infinity."""
    spec = make_spec((20, 30), dtype=dtype, nodata=nodata)
    write_tiff(tmp_path / "a.tif", spec, [])
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.pages.first.tags[42113].value == text
    pixels = read(tmp_path / "a.tif")
    assert_array_equal(pixels, np.full((1, 20, 30), spec.nodata, dtype=dtype))
    assert not rasterio_mask(tmp_path / "a.tif").any() or dtype in ("int64", "uint64")


def rasterio_mask(path: Path) -> NDArray[np.bool_]:
    with rasterio.open(path) as image:
        return image.read_masks(1) > 0


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [
        ("uint8", 256),
        ("uint8", -1),
        ("int16", 0.5),
        ("uint16", float("nan")),
        ("float32", 1e39),
        ("int64", 10**400),
    ],
)
def test_nodata_that_does_not_fit_is_refused(dtype, nodata):
    """E-RAS-05, before anything is written."""
    with pytest.raises(RasterError) as caught:
        make_spec((20, 30), dtype=dtype, nodata=nodata)
    assert caught.value.id == "E-RAS-05"
    assert fit_nodata(7.0, "uint8") == 7


def test_a_palette_is_kept(tmp_path):
    """A map of classes keeps its colours."""
    spec = make_spec((20, 30), dtype="uint8", colors={0: (0, 0, 0, 255), 7: (255, 128, 1, 255)})
    write_tiff(tmp_path / "a.tif", spec, whole(make_pixels(spec)))
    with rasterio.open(tmp_path / "a.tif") as image:
        assert image.colormap(1)[7] == (255, 128, 1, 255)
