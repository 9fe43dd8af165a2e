"""Clips of DataArrays: dask in gives dask, numpy gives numpy, with axes and nodata of any kind."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import rioxarray  # noqa: F401 (brings .rio)
import xarray as xr

import georoi
from georoi.engine.lazy import is_lazy
from georoi.errors import RasterError
from tests.builders import ramp
from tests.clips import array, box

pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # rioxarray, odc


@pytest.mark.parametrize("lazy", [False, True])
def test_dask_in_gives_dask_and_numpy_gives_numpy(lazy):
    source = array(ramp(2))
    source = source.chunk(y=7, x=13) if lazy else source
    clipped = georoi.clip(source, box(3, 5, 27, 18))
    assert is_lazy(clipped.data) is lazy
    assert np.array_equal(clipped.values, ramp(2)[:, 5:18, 3:27])
    assert clipped.rio.nodata == 0


@pytest.mark.parametrize("lazy", [False, True])
def test_a_given_nodata_value_takes_the_place_of_the_declared_one_without_a_mask_too(lazy):
    source = array(np.array([[[0, 7], [8, 0]]], "uint8"))
    source = source.chunk(y=1) if lazy else source
    whole = box(0, 0, 2, 2)
    clipped = georoi.clip(source, whole, apply_mask=False, nodata=255)
    assert clipped.values.tolist() == [[[255, 7], [8, 255]]]
    assert clipped.attrs["nodata"] == 255
    if lazy:
        other = georoi.clip(source, whole, apply_mask=False, nodata=254)
        assert len({clipped.data.name, other.data.name, source.data.name}) == 3


def test_without_a_mask_the_pixels_of_the_source_are_not_shared():
    source = array(ramp(1))
    georoi.clip(source, box(0, 0, 60, 40), apply_mask=False).values[:] = 0
    assert source.values.all()


def test_a_bool_array_with_a_nodata_value_becomes_small_integers():
    clipped = georoi.clip(array(np.ones((1, 4, 4), bool), nodata=None), box(0, 0, 2, 2), pad=1, nodata=255)
    assert clipped.dtype == "uint8"
    assert clipped.values[0].tolist() == [[1, 1, 255], [1, 1, 255], [255, 255, 255]]


def test_compute_and_chunks_decide_for_arrays():
    source = array(ramp(2))
    assert is_lazy(georoi.clip(source, box(3, 5, 27, 18), compute=False).data)
    assert is_lazy(georoi.clip(source, box(3, 5, 27, 18), chunks=16).data)
    assert not is_lazy(georoi.clip(source.chunk(x=10), box(3, 5, 27, 18), compute=True).data)


def test_chunks_of_an_array_that_no_roi_touches_are_never_computed():
    asked = []

    def remember(block: np.ndarray, block_info: dict | None = None) -> np.ndarray:
        asked.append(block_info[0]["chunk-location"][1:])
        return block

    source = array(ramp(1))
    data = da.from_array(ramp(1), chunks=(1, 10, 10)).map_blocks(
        remember, dtype="uint16", meta=np.empty((0,) * 3)
    )
    clipped = georoi.clip(source.copy(data=data), box(3, 5, 8, 12), crop=False)
    clipped.data.compute(scheduler="sync")
    assert sorted(asked) == [(0, 0), (1, 0)]


def test_further_dimensions_are_kept_whatever_their_order():
    source = array(ramp(2)).expand_dims(time=[10, 20, 30]).transpose("x", "time", "y", "band")
    source = source.assign_coords(cloud=("time", [1, 2, 3]))
    clipped = georoi.clip(source, box(3, 5, 7, 8))
    assert clipped.dims == ("time", "band", "y", "x")
    assert clipped.cloud.values.tolist() == [1, 2, 3]
    assert np.array_equal(clipped.values[1], ramp(2)[:, 5:8, 3:7])


def test_an_array_of_two_dimensions_stays_one():
    clipped = georoi.clip(array(ramp(1)).isel(band=0), box(3, 5, 7, 8))
    assert clipped.dims == ("y", "x")


def test_a_masked_array_of_floats_keeps_nan_outside_and_its_value_for_writing():
    source = array(ramp(1).astype("float32"), nodata=None)
    source.encoding["_FillValue"] = 0
    clipped = georoi.clip(source, box(3, 5, 7, 8), pad=1)
    assert np.isnan(clipped.values[0, 0]).all()
    assert np.isnan(clipped.rio.nodata)
    assert clipped.rio.encoded_nodata == 0


def test_the_source_array_is_not_changed():
    values = ramp(1)
    source = array(values)
    before = source.copy(deep=True)
    clipped = georoi.clip(source, box(3, 5, 7, 8), apply_mask=False)
    clipped.values[:] = 0
    xr.testing.assert_identical(source, before)


def test_inverted_weights_are_zero_also_in_chunks_that_lie_wholly_inside():
    source = array(ramp(1)).chunk(y=4, x=4)
    for options in ({"boundary": "fraction"}, {"feather": 2}):
        clipped = georoi.clip(source, box(4.5, 4.5, 30, 30), invert=True, **options)
        assert (clipped.coverage.values[10:20, 10:20] == 0).all()
        assert (clipped.coverage.values[:3] == 1).all()


@pytest.mark.parametrize("side", ["x", "y", "band"])
def test_an_array_without_pixels_is_refused(side):
    with pytest.raises(RasterError) as caught:
        georoi.clip(array(ramp(2)).isel({side: slice(0, 0)}), box(3, 5, 7, 8))
    assert caught.value.id == "E-RAS-10"
    assert f"0 along {side}" in str(caught.value)


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("dims", [("band", "time", "y", "x"), ("time", "band", "y", "x")])
@pytest.mark.parametrize("apply_mask", [False, True])
def test_each_band_of_an_array_has_its_own_nodata_value(lazy, dims, apply_mask):
    values = np.array([[[0, 255, 7]], [[0, 255, 7]]], "uint8")
    source = array(values, nodata=None).assign_attrs(nodatavals=(0, 255))
    source = source.expand_dims(time=[3, 4]).transpose(*dims)
    source = source.chunk(band=1, time=1, x=2) if lazy else source
    clipped = georoi.clip(source, box(0, 0, 3, 1), apply_mask=apply_mask)
    assert is_lazy(clipped.data) is lazy
    for time in (0, 1):
        assert np.isnan(clipped.isel(time=time).transpose("band", "y", "x").values[:, 0]).tolist() == [
            [True, False, False],
            [False, True, False],
        ]
    assert np.isnan(clipped.attrs["nodata"])
    assert "nodatavals" not in clipped.attrs
    marked = georoi.clip(source, box(0, 0, 3, 1), apply_mask=apply_mask, nodata=9).transpose(
        "time", "band", ...
    )
    assert marked.values[1, :, 0].tolist() == [[9, 255, 7], [0, 9, 7]]
