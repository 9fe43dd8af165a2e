"""What stands for no data."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from affine import Affine

from georoi.clipping.filling import choose_filling
from georoi.errors import RasterError
from georoi.grid import make_grid
from georoi.values.raster import Georeference, Header, Raster

GRID = make_grid((4, 5), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")


def header(dtype: str, *nodata: float | None) -> Header:
    """A header of as many bands as there are nodata values."""
    names = tuple(str(number) for number in range(1, len(nodata) + 1))
    return Header(grid=GRID, band_names=names, dtype=dtype, nodata=nodata, block_shape=(4, 5))


def raster(dtype: str, nodata: float | None, **changes: object) -> Raster:
    """A raster of one band."""
    fields: dict = {
        "path": "/a.tif", "name": "a.tif", "grid": GRID, "georeference": Georeference.CRS, "bands": (1,),
        "band_names": ("1",), "dtype": dtype, "nodata": (nodata,), "scales": (1.0,), "offsets": (0.0,),
        "block_shape": (4, 5), "mask_kind": "none", "driver": "GTiff", "fingerprint": "f",
    }  # fmt: skip
    return Raster(**fields | changes)


def test_a_declared_value_is_used_and_the_dtype_stays():
    filling = choose_filling(header("uint8", 255, 255))
    assert (filling.dtype, filling.value, filling.nodata) == ("uint8", 255, 255)
    assert not filling.changes_values


@pytest.mark.parametrize(
    ("dtype", "becomes"), [("uint8", "float32"), ("int16", "float32"), ("uint32", "float64")]
)
def test_integers_without_nodata_become_floats_in_an_array(dtype, becomes):
    filling = choose_filling(header(dtype, None))
    assert filling.dtype == becomes
    assert math.isnan(filling.value)


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_64_bit_integers_without_nodata_are_refused_in_an_array(dtype):
    with pytest.raises(RasterError) as caught:
        choose_filling(header(dtype, None))
    assert caught.value.id == "E-RAS-06"


@pytest.mark.parametrize("asked", ["masked", "scaled"])
def test_64_bit_integers_are_not_made_floats_and_the_reason_is_said(asked):
    with pytest.raises(RasterError, match=f"{asked}=True makes floats") as caught:
        choose_filling(raster("int64", -1, **{asked: True}))
    assert caught.value.id == "E-RAS-06"
    assert f"without {asked}=True" in caught.value.hint
    with pytest.raises(RasterError, match="different nodata values"):
        choose_filling(header("int64", 0, 1))


def test_bool_with_a_nodata_value_becomes_small_integers():
    filling = choose_filling(header("bool", None), nodata=255)
    assert (filling.dtype, filling.value) == ("uint8", 255)
    assert choose_filling(header("bool", None)).dtype == "float32"
    with pytest.raises(RasterError) as caught:
        choose_filling(header("bool", None), nodata=-1)
    assert caught.value.id == "E-RAS-05"


def test_bands_are_told_apart_wherever_their_axis_lies():
    filling = replace(choose_filling(header("uint8", 0, 255)), axis=-4)
    values = np.array([0, 255], "uint8").repeat(2).reshape(2, 2, 1, 1)
    assert np.isnan(filling.convert(values)).ravel().tolist() == [True, True, True, True]
    assert not np.isnan(filling.convert(values[::-1])).any()


@pytest.mark.parametrize("dtype", ["uint8", "int64"])
def test_integers_without_nodata_stay_in_a_file_which_carries_a_mask(dtype):
    filling = choose_filling(header(dtype, None), to_file=True)
    assert (filling.dtype, filling.nodata) == (dtype, None)
    assert "mask" in filling.note


def test_floats_without_nodata_get_nan():
    assert math.isnan(choose_filling(header("float32", None), to_file=True).nodata)


def test_nothing_is_promoted_where_no_pixel_is_without_data():
    filling = choose_filling(header("int64", None), needed=False)
    assert (filling.dtype, filling.nodata, filling.note) == ("int64", None, "")


def test_a_given_value_takes_the_place_of_the_declared_one_in_the_pixels_too():
    filling = choose_filling(header("int16", -1), nodata=-9999)
    values = np.array([[[1, -1, -9999]]], dtype="int16")
    assert filling.convert(values).tolist() == [[[1, -9999, -9999]]]


def test_a_given_value_that_does_not_fit_is_refused():
    with pytest.raises(RasterError) as caught:
        choose_filling(header("uint8", None), nodata=-1)
    assert caught.value.id == "E-RAS-05"


def test_bands_that_declare_different_values_become_nan_each_by_its_own():
    filling = choose_filling(header("uint8", 0, 255))
    values = np.array([[[0, 255]], [[0, 255]]], dtype="uint8")
    converted = filling.convert(values)
    assert converted.dtype == "float32"
    assert np.isnan(converted).tolist() == [[[True, False]], [[False, True]]]


def test_bands_that_declare_different_values_need_one_in_a_file():
    with pytest.raises(RasterError) as caught:
        choose_filling(header("uint8", 0, 255), to_file=True)
    assert caught.value.id == "E-RAS-05"
    assert choose_filling(header("uint8", 0, 255), nodata=7, to_file=True).foreign == (0, 255)


def test_a_nan_that_is_declared_is_the_same_as_nan():
    assert not choose_filling(header("float32", math.nan)).changes_values


def test_a_masked_raster_gives_floats_with_nan():
    filling = choose_filling(raster("uint16", 0, masked=True))
    converted = filling.convert(np.array([[[0, 1]]], dtype="uint16"))
    assert converted.dtype == "float32"
    assert np.isnan(converted).tolist() == [[[True, False]]]


def test_a_scaled_raster_gives_its_physical_values():
    filling = choose_filling(raster("int16", -1, scaled=True, scales=(0.5,), offsets=(10.0,)))
    converted = filling.convert(np.array([[[-1, 4]]], dtype="int16"))
    assert converted.dtype == "float64"
    assert np.isnan(converted[0, 0, 0])
    assert converted[0, 0, 1] == 12.0


def test_values_that_do_not_change_are_not_copied():
    values = np.ones((1, 2, 2), "uint8")
    assert choose_filling(header("uint8", 0)).convert(values) is values
