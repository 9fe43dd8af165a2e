"""Zarr: what xarray opens, sparse chunks, masks, replacing a store, and the extra that it needs."""

from __future__ import annotations

import importlib
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from numpy.testing import assert_array_equal

from georoi.crs import parse_crs, same_crs
from georoi.errors import MissingExtraError, OutputError, OutputExistsError, UsageError
from georoi.io.output.outputs import write_image
from georoi.io.output.spec import DTYPES, ImageSpec, Piece
from georoi.io.output.zarrs import write_zarr
from tests.images import cut, make_pixels, make_spec, steps, whole

SMALL = {"BLOCKSIZE": 32}


def opened(path: Path, **options: object) -> xr.Dataset:
    """Open as a user does, with every warning an error, and load."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return xr.open_zarr(path, **options).load()


@pytest.mark.parametrize("dtype", DTYPES)
def test_xarray_opens_the_right_values(tmp_path, dtype):
    """Bit for bit without masking; missing as NaN with it."""
    spec = make_spec((70, 90), 3, dtype, nodata=7)
    pixels = make_pixels(spec)
    pieces = cut(pixels, steps(70, 20), steps(90, 25), left_out=frozenset({5}))
    written = write_zarr(tmp_path / "a.zarr", spec, pieces, options=SMALL)
    pixels[:, 20:40, 25:50] = 7
    raw = opened(written.path, mask_and_scale=False)
    assert raw.image.dims == ("band", "y", "x")
    assert raw.image.dtype == dtype
    assert_array_equal(raw.image.values, pixels)
    masked = opened(written.path).image.values
    assert_array_equal(np.isnan(masked), pixels == 7)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


def test_nan_is_nodata_of_floats(tmp_path):
    """NaN needs an encoding of its own in Zarr v3."""
    spec = make_spec((20, 30), dtype="float32", nodata=float("nan"))
    data = opened(write_zarr(tmp_path / "a.zarr", spec, []).path)
    assert np.isnan(data.image.values).all()
    assert np.isnan(data.image.encoding["_FillValue"])


def test_the_georeference_is_cf(tmp_path):
    """Centre coordinates, the CRS as grid mapping, GDAL's transform; seen by odc-geo."""
    spec = make_spec((20, 30), band_names=("red",), tags={"source": "a scene"})
    data = opened(write_zarr(tmp_path / "a.zarr", spec, whole(make_pixels(spec))).path, decode_coords="all")
    assert_array_equal(data.x[[0, -1]], [500_005.0, 500_295.0])
    assert_array_equal(data.y[[0, -1]], [4_999_995.0, 4_999_805.0])
    assert data.x.attrs["standard_name"] == "projection_x_coordinate"
    assert same_crs(parse_crs(data.spatial_ref.attrs["crs_wkt"]), parse_crs(32633))
    assert data.spatial_ref.attrs["GeoTransform"] == "500000.0 10.0 0.0 5000000.0 0.0 -10.0"
    assert data.attrs["source"] == "a scene"
    assert data.image.attrs["long_name"] in ("red", ["red"])
    assert_array_equal(data.band, [1])


@pytest.mark.parametrize(
    "affine", [Affine(8.0, 6.0, 0.0, 6.0, -8.0, 0.0), Affine.identity()], ids=["rotated", "pixels"]
)
def test_grids_without_world_axes(tmp_path, affine):
    """A rotated grid has no 1-D coordinates; pixel space has those of its pixels."""
    spec = make_spec((20, 30), affine=affine, crs=None)
    data = opened(write_zarr(tmp_path / "a.zarr", spec, whole(make_pixels(spec))).path)
    assert ("x" in data.coords) is (affine == Affine.identity())
    assert "crs_wkt" not in data.spatial_ref.attrs


def test_coordinates_are_left_out_where_they_would_be_huge(tmp_path):
    """1,000,001 x 1,000,000 pixels: no coordinate, little on disk."""
    spec = make_spec((1_000_001, 1_000_000), nodata=0)
    tile = np.full((1, 512, 512), 9, dtype="uint16")
    written = write_zarr(tmp_path / "a.zarr", spec, [Piece((512_000, 512_512, 0, 512), tile)])
    assert written.bytes < 50_000
    with xr.open_zarr(written.path, mask_and_scale=False, chunks=None) as data:
        assert set(data.coords) == {"band"}
        assert (data.image[0, 512_000:512_512, :512] == 9).all()
        assert not data.image[0, 511_000:511_100, :512].any()


def test_the_mask_is_a_variable(tmp_path):
    """An image without nodata carries `valid`."""
    spec = make_spec((70, 90), 2, has_mask=True)
    pixels = make_pixels(spec)
    valid = np.random.default_rng(1).random((70, 90)) > 0.5
    data = opened(write_zarr(tmp_path / "a.zarr", spec, whole(pixels, valid), options=SMALL).path)
    assert_array_equal(data.valid.values, valid)
    assert_array_equal(data.image.values[:, valid], pixels[:, valid])


def test_scales_that_bands_share_are_cf_and_others_are_lists(tmp_path):
    """xarray applies the first on opening; the second it cannot, and leaves to the reader."""
    pixels = np.full((2, 4, 5), 1000, dtype="uint16")
    spec = make_spec((4, 5), 2, scales=(0.1, 0.1), offsets=(1.0, 1.0))
    data = opened(write_zarr(tmp_path / "a.zarr", spec, whole(pixels)).path)
    np.testing.assert_allclose(data.image.values, 101.0)
    spec = make_spec((4, 5), 2, scales=(0.1, 0.2))
    data = opened(write_zarr(tmp_path / "b.zarr", spec, whole(pixels)).path)
    assert data.image.attrs["scales"] == [0.1, 0.2]
    assert_array_equal(data.image.values, pixels)


def chunk_files(store: Path) -> int:
    return sum(path.is_file() for path in (store / "image" / "c").rglob("*"))


def test_chunks_without_content_are_left_out(tmp_path):
    """Only what holds something takes room; many bands are split so that chunks stay small."""
    spec = make_spec((64, 64), nodata=0)
    pixels = make_pixels(spec)
    pixels[:, :32] = 0
    assert chunk_files(write_zarr(tmp_path / "a.zarr", spec, whole(pixels), options=SMALL).path) == 2
    many = make_spec((512, 512), 40, "float64")
    written = write_zarr(tmp_path / "b.zarr", many, whole(np.ones((40, 512, 512))))
    assert opened(written.path, chunks=None).image.encoding["chunks"] == (8, 512, 512)


def test_a_store_replaces_a_store_only(tmp_path):
    """Overwriting takes a store or an empty folder; anything else is kept."""
    spec, path = make_spec((20, 30)), tmp_path / "a.zarr"
    first, second = make_pixels(spec, 1), make_pixels(spec, 2)
    write_zarr(path, spec, whole(first))
    with pytest.raises(OutputExistsError):
        write_zarr(path, spec, whole(second))
    assert_array_equal(opened(path).image.values, first)
    write_zarr(path, spec, whole(second), overwrite=True)
    assert_array_equal(opened(path).image.values, second)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis").write_text("x")
    with pytest.raises(OutputExistsError):
        write_zarr(tmp_path / "home", spec, whole(second), overwrite=True)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.zarr", "home"]
    assert (tmp_path / "home" / "thesis").read_text() == "x"


def test_an_error_leaves_nothing(tmp_path, monkeypatch):
    """Neither a source that fails nor a full disk leaves a store that opens."""
    spec = make_spec((20, 30))

    def broken():
        yield from whole(make_pixels(spec))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_zarr(tmp_path / "a.zarr", spec, broken())

    def no_room(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    for call in ("zarr.create_group", "zarr.Array.__setitem__", "zarr.consolidate_metadata"):
        monkeypatch.setattr(call, no_room)
        with pytest.raises(OutputError) as caught:
            write_zarr(tmp_path / "a.zarr", spec, whole(make_pixels(spec)))
        assert caught.value.id == "E-OUT-03"
        monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


def test_the_hash_tells_stores_apart(tmp_path):
    """Same content, same hash, for any number of threads; another content, another hash."""
    spec = make_spec((70, 90), 2)
    pixels = make_pixels(spec)
    sums = [
        write_zarr(tmp_path / f"{workers}.zarr", spec, whole(pixels), options=SMALL, workers=workers).sha256
        for workers in (1, 3)
    ]
    assert sums[0] == sums[1]
    assert write_zarr(tmp_path / "other.zarr", spec, [], options=SMALL).sha256 != sums[0]


def test_a_wrong_option_is_refused(tmp_path):
    """E-USE-01 with the list."""
    with pytest.raises(UsageError, match="BLOCKSIZE, LEVEL"):
        write_zarr(tmp_path / "a.zarr", make_spec((20, 30)), [], options={"SHARDS": "YES"})


def test_a_missing_extra_is_named(tmp_path, monkeypatch):
    """Without zarr the error gives the pip line, and other formats do not mind."""
    monkeypatch.setitem(sys.modules, "zarr", None)
    monkeypatch.delitem(sys.modules, "georoi.io.output.zarrs")
    spec: ImageSpec = make_spec((20, 30))
    with pytest.raises(MissingExtraError, match=r"georoi\[zarr\]") as caught:
        write_image(tmp_path / "a.zarr", spec, [])
    assert caught.value.exit_code == 2
    write_image(tmp_path / "a.tif", spec, [])
    monkeypatch.undo()
    importlib.import_module("georoi.io.output.zarrs")
