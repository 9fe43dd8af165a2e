"""DataArrays as sources and results: grid, bands, nodata, whoever made them."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import rasterio
import rioxarray
import xarray as xr
from affine import Affine
from odc.geo.xr import wrap_xr

from georoi.errors import GeoroiWarning, RasterError
from georoi.grid import make_grid
from georoi.io.array.arrays import find_nodata, read_array
from georoi.io.array.bands import add_scaling
from georoi.io.array.georeferencing import crop_array, declare_nodata, make_array
from georoi.io.output.imagespecs import cut_pieces, spec_of_array
from georoi.values.raster import Georeference, Header

pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # rioxarray, odc

THIRD = Affine(1 / 3600, 0, 12.123456789, 0, -1 / 3600, 47.987654321)
ROTATED = Affine(10, 3, 500_000, -3, -9, 5_000_000)
SOUTH_UP = Affine(10, 0, 500_000, 0, 10, 5_000_000)


def header(affine: Affine = THIRD, crs: str | None = "EPSG:4326", **changes: object) -> Header:
    """A raster of 40 x 50 pixels and two bands."""
    fields: dict = {
        "grid": make_grid((40, 50), affine, crs),
        "band_names": ("red", "nir"),
        "dtype": "int16",
        "nodata": (-1, -1),
        "block_shape": (16, 16),
    }
    return Header(**fields | changes)


def moved(affine: Affine, col: int, row: int) -> Affine:
    """The transform counted from another pixel."""
    return affine @ Affine.translation(col, row)


def made(affine: Affine = THIRD, crs: str | None = "EPSG:4326", window=(0, 40, 0, 50)) -> xr.DataArray:
    """An array made by georoi."""
    row0, row1, col0, col1 = window
    data = np.arange(2 * 40 * 50, dtype="int16").reshape(2, 40, 50)[:, row0:row1, col0:col1]
    return make_array(data, header(affine, crs), window, leading={"band": (1, 2)}, nodata=-1)


@pytest.mark.parametrize("affine", [THIRD, ROTATED, SOUTH_UP, Affine(10, 0, 3, 0, -9.9974, 7)])
@pytest.mark.parametrize("window", [(0, 40, 0, 50), (7, 19, 3, 4), (5, 6, 0, 50)])
def test_the_grid_of_a_made_array_comes_back_to_the_bit(affine, window):
    row0, row1, col0, col1 = window
    found = read_array(made(affine, "EPSG:32633", window)).header.grid
    expected = affine * Affine.translation(col0, row0)
    assert tuple(found.shape) == (row1 - row0, col1 - col0)
    assert tuple(found.affine)[:6] == pytest.approx(tuple(expected)[:6], abs=0, rel=1e-15)


@pytest.mark.parametrize("affine", [THIRD, SOUTH_UP, ROTATED])
def test_a_slice_by_hand_knows_its_place_although_the_stored_transform_is_that_of_the_whole(affine):
    sliced = made(affine, "EPSG:32633").isel(y=slice(7, 19), x=slice(3, 30))
    found = read_array(sliced).header.grid
    assert tuple(found.affine) == tuple(affine * Affine.translation(3, 7))


@pytest.mark.parametrize("affine", [THIRD, SOUTH_UP, ROTATED])
def test_odc_and_rioxarray_find_the_same_grid(affine):
    array = made(affine, "EPSG:32633", (7, 19, 3, 30))
    expected = tuple(affine * Affine.translation(3, 7))
    assert array.odc.geobox.crs.epsg == array.rio.crs.to_epsg() == 32633
    assert tuple(array.odc.geobox.affine) == pytest.approx(expected)
    assert tuple(array.rio.transform()) == pytest.approx(expected)


def test_coordinates_of_a_window_are_a_slice_of_those_of_the_whole():
    whole, part = made(), made(window=(7, 19, 3, 30))
    assert np.array_equal(part.x, whole.x[3:30])
    assert np.array_equal(part.y, whole.y[7:19])
    assert (whole - part).shape == part.shape


def test_an_array_of_rioxarray_has_the_grid_of_its_file(tmp_path):
    array = made()
    array.rio.to_raster(tmp_path / "a.tif")
    with rioxarray.open_rasterio(tmp_path / "a.tif") as read:
        source = read_array(read)
        masked = read_array(read.where(read != -1).rio.write_nodata(-1, encoded=True))
    with rasterio.open(tmp_path / "a.tif") as dataset:
        assert tuple(source.header.grid.affine) == tuple(dataset.transform)
    assert source.header.nodata == (-1, -1)
    assert source.header.band_names == ("red", "nir")
    assert np.isnan(masked.header.nodata).all()


def test_an_array_of_odc_has_the_grid_it_was_wrapped_in():
    grid = make_grid((40, 50), THIRD, "EPSG:4326")
    array = wrap_xr(np.zeros((40, 50), "uint8"), grid, nodata=7)
    source = read_array(array)
    assert source.dims == ("latitude", "longitude")
    assert tuple(source.header.grid.affine) == tuple(THIRD)
    assert source.header.nodata[0] == 7


def test_dimensions_may_stand_in_any_order():
    array = made().expand_dims(time=3).transpose("x", "time", "y", "band")
    source = read_array(array)
    assert source.array.dims == ("time", "band", "y", "x")
    assert source.array.shape == (3, 2, 40, 50)


def test_bands_are_chosen_by_number_or_name():
    assert read_array(made(), bands=[2]).array.band.values.tolist() == [2]
    assert read_array(made(), bands="nir").header.band_names == ("nir",)
    with pytest.raises(RasterError) as caught:
        read_array(made(), bands=3)
    assert caught.value.id == "E-RAS-04"


def test_coordinates_that_are_uneven_make_no_grid():
    array = made().drop_vars("spatial_ref")
    array = array.assign_coords(x=np.cumsum(np.arange(50)))
    with pytest.raises(RasterError, match="not evenly spaced") as caught:
        read_array(array)
    assert caught.value.id == "E-RAS-10"


def test_every_second_pixel_has_pixels_twice_as_wide():
    found = read_array(made().isel(x=slice(0, None, 2))).header.grid.affine
    assert found.a == pytest.approx(2 / 3600)
    assert found.c == pytest.approx(THIRD.c - 0.5 / 3600)


def test_float32_coordinates_are_even_within_their_rounding():
    array = made()
    array = array.assign_coords(x=array.x.astype("float32"), y=array.y.astype("float32"))
    assert tuple(read_array(array).header.grid.affine) == tuple(THIRD)


def test_an_array_without_crs_is_of_unknown_place_unless_the_rois_are_in_pixels():
    plain = xr.DataArray(np.zeros((3, 5, 6)), dims=("band", "y", "x"))
    assert read_array(plain).header.georeference == Georeference.UNKNOWN
    pixel = read_array(plain, pixel=True)
    assert pixel.header.is_pixel
    assert pixel.header.grid.affine.is_identity


def test_complex_pixels_are_refused():
    with pytest.raises(RasterError) as caught:
        read_array(made().astype("complex64"))
    assert caught.value.id == "E-RAS-09"


@pytest.mark.parametrize(
    ("attrs", "encoding", "dtype", "expected"),
    [
        ({"_FillValue": 3}, {}, "uint8", 3),
        ({"nodata": -9999.0}, {}, "int16", -9999),
        ({"nodatavals": (5, 5)}, {}, "uint8", 5),
        ({}, {"_FillValue": 4}, "uint8", 4),
        ({}, {}, "uint8", None),
        ({"_FillValue": 3}, {}, "bool", None),
    ],
)
def test_nodata_is_found_wherever_it_is_kept(attrs, encoding, dtype, expected):
    array = xr.DataArray(np.zeros((2, 2), dtype), dims=("y", "x"), attrs=attrs)
    array.encoding = encoding
    assert find_nodata(array) == (expected,)


def test_nodata_that_does_not_fit_is_ignored_with_a_warning():
    array = xr.DataArray(np.zeros((2, 2), "uint8"), dims=("y", "x"), attrs={"nodata": -1})
    with pytest.warns(GeoroiWarning, match="does not fit"):
        assert find_nodata(array) == (None,)


@pytest.mark.parametrize(("dtype", "nodata"), [("uint8", 0), ("int16", -1), ("float32", -9999.0)])
def test_declared_nodata_is_what_the_others_read(dtype, nodata):
    array = xr.DataArray(np.zeros((2, 2), dtype), dims=("y", "x"))
    declare_nodata(array, nodata)
    assert array.rio.nodata == array.odc.nodata == find_nodata(array)[0] == nodata


def test_nan_as_nodata_is_what_the_others_read():
    array = xr.DataArray(np.zeros((2, 2), "float32"), dims=("y", "x"), attrs={"missing_value": 3})
    declare_nodata(array, np.nan)
    assert np.isnan([array.rio.nodata, array.odc.nodata, *find_nodata(array)]).all()


def test_a_masked_array_keeps_the_value_that_it_is_to_be_written_with():
    array = xr.DataArray(np.zeros((2, 2), "float32"), dims=("y", "x"))
    array.encoding["_FillValue"] = 7
    declare_nodata(array, np.nan)
    assert array.rio.encoded_nodata == 7
    assert np.isnan(array.rio.nodata)


def test_a_cropped_array_keeps_what_it_is_and_moves():
    whole = made().assign_coords(quality=(("y", "x"), np.arange(2000).reshape(40, 50)))
    whole.attrs["sensor"] = "A"
    source = read_array(whole)
    part = crop_array(source, (7, 19, 3, 30), whole.values[:, 7:19, 3:30], nodata=-1)
    assert part.attrs["sensor"] == "A"
    assert part.quality[0, 0] == 7 * 50 + 3
    assert tuple(part.odc.geobox.affine) == pytest.approx(tuple(THIRD * Affine.translation(3, 7)))
    assert whole.rio.transform() == THIRD
    assert part.rio.transform() == pytest.approx(THIRD * Affine.translation(3, 7))


def test_the_image_of_an_array_has_its_grid_names_scale_and_nodata():
    array = made(window=(7, 19, 3, 30))
    array.attrs |= {"scale_factor": 0.5, "boundary": "center", "window": (7, 19, 3, 30)}
    spec = spec_of_array(read_array(array))
    assert spec.shape == (12, 27)
    assert (spec.dtype, spec.nodata, spec.band_names, spec.scales) == (
        "int16",
        -1,
        ("red", "nir"),
        (0.5, 0.5),
    )
    assert spec.tags == {"GEOROI_BOUNDARY": "center", "GEOROI_WINDOW": "7 19 3 30"}


def test_pieces_make_up_the_array():
    values = np.arange(1100 * 600, dtype="float64").reshape(1100, 600)
    made_up = np.zeros((1, 1100, 600))
    for piece in cut_pieces(values):
        row0, row1, col0, col1 = piece.window
        made_up[:, row0:row1, col0:col1] = piece.values
    assert np.array_equal(made_up[0], values)


def test_blocks_are_the_chunks_where_these_are_even():
    even = xr.DataArray(da.zeros((40, 50), chunks=(16, 32)), dims=("y", "x"))
    odd = xr.DataArray(da.zeros((40, 50), chunks=((10, 20, 10), 50)), dims=("y", "x"))
    assert read_array(even).header.block_shape == (16, 32)
    assert read_array(odd).header.block_shape == (40, 50)


def test_a_window_of_a_slice_of_a_rotated_array_knows_its_place():
    sliced = made(ROTATED, "EPSG:32633").isel(y=slice(7, 39), x=slice(3, 30))
    part = crop_array(read_array(sliced), (4, 9, 5, 8), sliced.values[:, 4:9, 5:8], nodata=-1)
    expected = pytest.approx(tuple(moved(ROTATED, 8, 11)))
    assert tuple(read_array(part).header.grid.affine) == expected
    assert tuple(part.odc.geobox.affine) == expected
    assert tuple(part.rio.transform()) == expected


def scaled(numbers=(1, 2), names=("red", "nir"), scales=(0.5, 2.0), offsets=(0.0, 9.0)) -> xr.DataArray:
    """An array of georoi whose bands have names, scales and offsets of their own."""
    data = np.ones((len(numbers), 40, 50), "int16")
    array = make_array(data, header(band_names=names), (0, 40, 0, 50), leading={"band": list(numbers)})
    return add_scaling(array, scales, offsets)


def listed(**attrs: object) -> xr.DataArray:
    """An array of three bands as rioxarray has it: lists in attributes, in the order of the file."""
    data = np.ones((3, 4, 5), "uint8")
    numbers = {"band": [1, 2, 3], "y": np.arange(4.0), "x": np.arange(5.0)}
    return xr.DataArray(data, dims=("band", "y", "x"), coords=numbers, attrs=attrs)


def said(array: xr.DataArray) -> list[tuple[str, float, float]]:
    """Name, scale and offset of each band, as they would be written."""
    spec = spec_of_array(read_array(array))
    names = spec.band_names or ("",) * spec.count
    return list(zip(names, spec.scales, spec.offsets, strict=True))


RED, NIR = ("red", 0.5, 0.0), ("nir", 2.0, 9.0)


@pytest.mark.parametrize("numbers", [(1, 2), (2, 1), (7, 3)])
def test_names_and_scales_follow_bands_that_are_chosen_or_moved(numbers):
    array = scaled(numbers)
    red, nir = numbers
    assert said(array) == [RED, NIR]
    assert said(array.isel(band=[1, 0])) == [NIR, RED]
    assert said(array.sel(band=[nir])) == [NIR]
    assert said(array.sel(band=nir)) == [NIR]
    assert said(array.isel(band=slice(1, None))) == [NIR]
    chosen = read_array(array, bands=[nir, red]).array
    assert chosen.attrs["long_name"] == ("nir", "red")
    assert said(chosen) == [NIR, RED]
    assert said(read_array(array.sel(band=[nir, red]), bands="red").array) == [RED]


def test_a_product_of_chosen_bands_says_what_the_choice_says():
    source = read_array(scaled((2, 1)).isel(band=[1, 0]))
    part = crop_array(source, (7, 19, 3, 30), source.array.values[:, 7:19, 3:30])
    assert said(part) == [NIR, RED]
    assert part.attrs["long_name"] == ("nir", "red")
    assert part.attrs["scales"] == (2.0, 0.5)


def test_lists_of_rioxarray_are_looked_up_by_the_number_of_the_band():
    array = listed(long_name=("a", "b", "c"), scales=(1.0, 2.0, 3.0), offsets=np.array([0.0, 5.0, 6.0]))
    assert said(array.sel(band=[3, 1])) == [("c", 3.0, 6.0), ("a", 1.0, 0.0)]
    assert said(array.isel(band=1)) == [("b", 2.0, 5.0)]
    assert said(read_array(array, bands=["c", "b"]).array) == [("c", 3.0, 6.0), ("b", 2.0, 5.0)]


def test_lists_that_do_not_tell_which_band_has_which_are_refused_when_it_matters():
    array = listed(scales=(1.0, 2.0, 3.0)).drop_vars("band").isel(band=[0, 2])
    source = read_array(array)
    for ask in (lambda: spec_of_array(source), lambda: read_array(array, bands=[1])):
        with pytest.raises(RasterError, match="does not tell which band has which") as caught:
            ask()
        assert caught.value.id == "E-RAS-10"
    with pytest.raises(RasterError, match="one number per band"):
        spec_of_array(read_array(listed(scale_factor="half")))


@pytest.mark.parametrize("values", [(0, 255, 7), [0, 255, 7], np.array([0, 255, 7])])
def test_nodata_per_band_is_taken_per_band(values):
    array = listed(nodatavals=values)
    assert find_nodata(array) == (0, 255, 7)
    assert find_nodata(array.sel(band=[3, 1])) == (7, 0)
    assert read_array(array, bands=[2]).header.nodata == (255,)
    assert find_nodata(listed(nodatavals=(np.nan, 255, None))) == (None, 255, None)
    with pytest.raises(RasterError, match="nodatavals does not tell"):
        read_array(array.drop_vars("band").isel(band=0))
    with pytest.raises(RasterError, match="different nodata values"):
        spec_of_array(read_array(array))
