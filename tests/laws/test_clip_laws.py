"""Laws of clips: the same pixels lazy or eager, in any chunks, from a file or an array, into a file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import rasterio
import shapely
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import georoi
from georoi.grid import make_grid, to_world
from tests.builders import NORTH_UP, UTM, write_raster
from tests.polygons import KINDS, make_polygon

pytestmark = pytest.mark.filterwarnings("ignore::georoi.GeoroiWarning")  # repairs of random polygons

SHAPE, LARGE = (150, 190), (1100, 1300)
QUICK = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

SLOWER = settings(QUICK, max_examples=12)


def make_scene(path: Path, shape: tuple[int, int], block: int | None) -> Path:
    """Three bands of int16, nodata -7 in a tenth of the pixels."""
    rng = np.random.default_rng(1)
    values = rng.integers(-30, 30, (3, *shape)).astype("int16")
    values[rng.random(values.shape) < 0.1] = -7
    return write_raster(path, values, block=block, nodata=-7)


@pytest.fixture(scope="module")
def scene() -> Iterator[Path]:
    """A scene that is one tile, in blocks of 32."""
    with tempfile.TemporaryDirectory() as folder:
        yield make_scene(Path(folder) / "scene.tif", SHAPE, 32)


@pytest.fixture(scope="module", params=[256, None])
def large(request) -> Iterator[Path]:
    """A scene of 3 x 3 tiles, in blocks of 256 or in strips."""
    with tempfile.TemporaryDirectory() as folder:
        yield make_scene(Path(folder) / "large.tif", LARGE, request.param)


@st.composite
def roi_sets(draw: Callable, shape: tuple[int, int] = SHAPE) -> georoi.ROISet:
    """One to four polygons of all kinds, on or near the scene."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    grid = make_grid(shape, NORTH_UP, UTM)
    polygons = []
    for kind in draw(
        st.lists(st.sampled_from([kind for kind in KINDS if kind != "outside"]), min_size=1, max_size=4)
    ):
        polygon = make_polygon(kind, rng, shape)
        polygons.append(shapely.transform(polygon, lambda xy: np.column_stack(to_world(grid, *xy.T))))
    return georoi.ROISet.from_geometries(polygons, crs=UTM)


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "boundary": st.sampled_from(["center", "all_touched", "fraction"]),
        "crop": st.sampled_from(["window", "blocks", "none"]),
        "pad": st.integers(0, 9),
        "invert": st.booleans(),
        "feather": st.sampled_from([0, 1.5, 7]),
        "nodata": st.sampled_from([-7, 0, 999]),
        "bands": st.sampled_from([[1], [3, 1]]),
    },
).filter(lambda options: not options.get("feather") or options.get("boundary", "center") == "center")
SIZES = st.one_of(
    st.none(), st.just(-1), st.integers(1, 200), st.tuples(st.integers(1, 99), st.integers(1, 99))
)


def clip(source: object, rois: georoi.ROISet, **options: object) -> xr.DataArray | None:
    """The clip, loaded; None where no ROI reaches into the raster."""
    try:
        return georoi.clip(source, rois, **options).compute()
    except georoi.CRSError as error:
        if error.id != "E-CRS-02":
            raise
        return None


def same(a: xr.DataArray, b: xr.DataArray) -> None:
    """Equal values, coordinates, weights, dtype and nodata."""
    assert a.dtype == b.dtype
    assert a.attrs["window"] == b.attrs["window"]
    assert a.attrs["nodata"] == b.attrs["nodata"]
    xr.testing.assert_equal(a, b)


@SLOWER
@given(rois=roi_sets(LARGE), options=OPTIONS, chunks=SIZES)
def test_lazy_in_any_chunks_is_eager_and_what_is_written_file_to_file(large, tmp_path, rois, options, chunks):
    lazy = clip(large, rois, chunks=chunks, **options)
    if lazy is None:
        return
    same(lazy, georoi.clip(large, rois, compute=True, **options))
    georoi.clip_file(large, rois, tmp_path / "o.tif", overwrite=True, **options)
    with rasterio.open(tmp_path / "o.tif") as dataset:
        assert np.array_equal(dataset.read(), lazy.values)
        assert dataset.nodata == lazy.attrs["nodata"]
    back = georoi.open_raster(tmp_path / "o.tif").to_xarray()
    assert np.allclose(back.x, lazy.x, rtol=0, atol=1e-6)


@SLOWER
@given(
    rois=roi_sets(LARGE), options=OPTIONS, chunks=st.tuples(st.integers(300, 1300), st.integers(300, 1300))
)
def test_a_large_array_in_any_chunks_or_in_memory_is_the_file(large, rois, options, chunks):
    array_is_file(large, rois, options, chunks)


@QUICK
@given(rois=roi_sets(), options=OPTIONS, chunks=st.tuples(st.integers(20, 200), st.integers(20, 200)))
def test_an_array_in_any_chunks_or_in_memory_is_the_file(scene, rois, options, chunks):
    array_is_file(scene, rois, options, chunks)


def array_is_file(scene: Path, rois: georoi.ROISet, options: dict, chunks: tuple[int, int]) -> None:
    """Check that arrays are clipped as the file is."""
    options = options | (
        {"crop": "window"} if options.get("crop") == "blocks" else {}
    )  # blocks are the file's own
    from_file = clip(scene, rois, **options)
    if from_file is None:
        return
    array = georoi.open_raster(scene).to_xarray()
    for source in (array.chunk(y=chunks[0], x=chunks[1]), array.compute()):
        same(georoi.clip(source, rois, **options).compute(), from_file)


@QUICK
@given(rois=roi_sets(), options=OPTIONS)
def test_values_never_change_and_outside_is_nodata(scene, rois, options):
    options = {key: value for key, value in options.items() if key not in ("nodata", "bands")}
    clipped = clip(scene, rois, **options)
    if clipped is None:
        return
    row0, row1, col0, col1 = clipped.attrs["window"]
    with rasterio.open(scene) as dataset:
        source = dataset.read()[:, row0:row1, col0:col1]
    shape = {key: value for key, value in options.items() if key in ("boundary", "invert", "feather")}
    kept = georoi.mask(scene, rois, crop=False, **shape).values[row0:row1, col0:col1] > 0
    assert np.array_equal(clipped.values, np.where(kept, source, -7))


@QUICK
@given(rois=roi_sets(), boundary=st.sampled_from(["center", "all_touched"]))
def test_a_clip_of_a_clip_is_the_clip(scene, rois, boundary):
    once = clip(scene, rois, boundary=boundary)
    if once is not None:
        xr.testing.assert_equal(georoi.clip(once, rois, boundary=boundary), once)


@QUICK
@given(rois=roi_sets(), boundary=st.sampled_from(["center", "all_touched", "fraction"]), data=st.data())
def test_the_order_of_the_rois_does_not_matter(scene, rois, boundary, data):
    expected = clip(scene, rois, boundary=boundary)
    if expected is None:
        return
    order = data.draw(st.permutations(range(len(rois))))
    same(clip(scene, rois[np.array(order)], boundary=boundary), expected)


@QUICK
@given(rois=roi_sets())
def test_images_of_single_rois_make_up_the_clip_of_all(scene, rois):
    expected = clip(scene, rois, crop=False)
    if expected is not None:
        mosaic = georoi.paste(georoi.clip_each(scene, rois), scene)
        assert np.array_equal(mosaic.values, expected.values)


@QUICK
@given(rois=roi_sets(), chunks=st.tuples(st.integers(1, 200), st.integers(1, 200)))
def test_labels_are_the_masks_of_single_rois_one_over_the_other(scene, rois, chunks):
    try:
        labels = georoi.mask(scene, rois, labels=True, overlap="last", crop=False, chunks=chunks).values
    except georoi.CRSError:
        return
    expected = np.zeros(SHAPE, int)
    for number in range(len(rois)):
        try:
            expected[georoi.mask(scene, rois[[number]], crop=False).values] = number + 1
        except georoi.CRSError:
            continue
    assert np.array_equal(labels, expected)


@QUICK
@given(
    cuts=st.tuples(st.sets(st.integers(1, 149), max_size=6), st.sets(st.integers(1, 189), max_size=6)),
    rois=roi_sets(),
)
def test_chunks_of_any_lengths_are_clipped_alike(scene, cuts, rois):
    expected = clip(scene, rois, boundary="fraction", crop=False)
    if expected is None:
        return
    lengths = [
        tuple(np.diff([0, *sorted(cut), side]).tolist()) for cut, side in zip(cuts, SHAPE, strict=True)
    ]
    with rasterio.open(scene) as dataset:
        data = da.from_array(dataset.read(), chunks=(1, *lengths))
    source = georoi.open_raster(scene).to_xarray().copy(data=data)
    same(georoi.clip(source, rois, boundary="fraction", crop=False).compute(), expected)
