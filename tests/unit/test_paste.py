"""ROI images one by one, and put back on their grid."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

import georoi
from georoi.engine.lazy import is_lazy
from georoi.errors import CRSError, GeoroiWarning, RasterError, ROIError, UsageError
from tests.builders import NORTH_UP, UTM, ramp, write_raster

pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # odc-geo


def box(col0: float, row0: float, col1: float, row1: float) -> shapely.Polygon:
    """A box given in pixels of the raster, in its CRS."""
    x, y = NORTH_UP.c, NORTH_UP.f
    return shapely.box(x + 10 * col0, y - 10 * row1, x + 10 * col1, y - 10 * row0)


def rois(*polygons: shapely.Polygon, ids: list | None = None) -> georoi.ROISet:
    return georoi.ROISet.from_geometries(polygons, crs=UTM, ids=ids)


TWO = rois(box(3, 5, 7, 8), box(5, 6, 20, 30), ids=["a", "b"])


@pytest.fixture
def scene(tmp_path) -> str:
    """A raster of two bands, 40 rows, 60 columns, nodata 0 (which no pixel has)."""
    return str(write_raster(tmp_path / "scene.tif", ramp(2), nodata=0))


def test_each_roi_has_an_image_of_its_own_made_when_asked_for(scene):
    images = georoi.clip_each(scene, TWO)
    assert len(images) == 2
    assert images.ids == ("a", "b")
    assert [(id, image.attrs["window"]) for id, image in images] == [
        ("a", (5, 8, 3, 7)),
        ("b", (6, 30, 5, 20)),
    ]
    assert np.array_equal(images["b"].values, ramp(2)[:, 6:30, 5:20])
    assert is_lazy(images["b"].data)
    assert images["b"].attrs["roi_id"] == "b"
    assert "b" in images
    assert "c" not in images
    assert dict(images).keys() == {"a", "b"}
    with pytest.raises(KeyError):
        images["c"]


def test_an_image_of_one_roi_is_the_clip_of_that_roi(scene):
    for id, image in georoi.clip_each(scene, TWO, boundary="fraction", pad=1):
        alone = georoi.clip(scene, TWO[[TWO.ids.tolist().index(id)]], boundary="fraction", pad=1)
        assert np.array_equal(image.values, alone.values)
        assert np.array_equal(image.coverage, alone.coverage)


def test_rois_outside_the_raster_have_no_image_and_a_warning_names_them(scene):
    with pytest.warns(GeoroiWarning, match="1 of 3 ROIs lie outside 'scene.tif' and have no image: far"):
        images = georoi.clip_each(
            scene, rois(box(3, 5, 7, 8), box(90, 0, 99, 9), box(-5, -5, 1, 1), ids=["in", "far", "edge"])
        )
    assert images.ids == ("in", "edge")
    assert images.outside == ("far",)
    assert "2 ROI images of 'scene.tif': 'in', 'edge', 1 outside" in repr(images)
    for id, what in (("far", "far lies outside the raster"), ("egde", "no ROI of the id egde")):
        with pytest.raises(ROIError, match=what) as caught:
            images[id]
        assert caught.value.id == "E-ROI-10"


def test_no_roi_on_the_raster_is_an_error(scene):
    with pytest.raises(CRSError) as caught:
        georoi.clip_each(scene, rois(box(90, 0, 99, 9)))
    assert caught.value.id == "E-CRS-02"


def test_images_put_back_are_the_clip_of_the_whole(scene):
    mosaic = georoi.paste(georoi.clip_each(scene, TWO), scene)
    whole = georoi.clip(scene, TWO, crop=False)
    assert is_lazy(mosaic.data)
    assert mosaic.dims == ("band", "y", "x")
    assert np.array_equal(mosaic.values, whole.values)
    assert mosaic.dtype == whole.dtype
    assert np.array_equal(mosaic.x, whole.x)
    assert mosaic.odc.geobox == whole.odc.geobox


def test_numpy_images_give_a_numpy_mosaic(scene):
    mosaic = georoi.paste(georoi.clip_each(scene, TWO, compute=True), scene)
    assert not is_lazy(mosaic.data)
    assert np.array_equal(mosaic.values, georoi.clip(scene, TWO, crop=False).values)


def two_values(scene: str) -> list:
    """Two images that share columns 2 and 3 of a row: 100 everywhere in one, 201 in the other."""
    pair = georoi.clip_each(scene, rois(box(0, 0, 4, 1), box(2, 0, 6, 1)), compute=True)
    return [
        image.copy(data=np.full_like(image.values, value))
        for (_, image), value in zip(pair, (100, 201), strict=True)
    ]


@pytest.mark.parametrize(
    ("overlap", "shared"), [("first", 100), ("last", 201), ("mean", 150), ("blend", 150)]
)
def test_a_pixel_of_two_images_follows_the_rule(scene, overlap, shared):
    mosaic = georoi.paste(two_values(scene), scene, overlap=overlap)
    assert mosaic.values[0, 0, :7].tolist() == [100, 100, shared, shared, 201, 201, 0]


def test_soft_masks_blend_by_their_weights(scene):
    images = [
        image.copy(data=np.full(image.shape, value, dtype="uint16"))
        for value, (_, image) in zip(
            (100, 200),
            georoi.clip_each(scene, rois(box(0, 0, 10, 40), box(10, 0, 20, 40)), feather=4, compute=True),
            strict=True,
        )
    ]
    row = georoi.paste(images, scene, overlap="blend").values[0, 20, :20]
    expected = np.full(20, 100.0)
    expected[8:12] = [100 + 100 * weight for weight in (0.125, 0.375, 0.625, 0.875)]
    expected[12:] = 200
    assert row.tolist() == np.rint(expected).tolist()


def test_a_shared_pixel_is_an_error_where_that_was_asked_for(scene):
    with pytest.raises(ROIError) as caught:
        georoi.paste(two_values(scene), scene, overlap="error")
    assert caught.value.id == "E-ROI-06"


def test_a_mapping_pairs_and_bare_images_are_all_taken(scene):
    images = two_values(scene)
    expected = georoi.paste(images, scene).values
    for given in ({"a": images[0], "b": images[1]}, [("a", images[0]), ("b", images[1])], iter(images)):
        assert np.array_equal(georoi.paste(given, scene).values, expected)
    assert georoi.paste(images[0], scene).values[0, 0, 5] == 0


def test_an_image_off_the_lattice_is_refused(scene):
    image = georoi.clip(scene, TWO, compute=True)
    moved = image.assign_coords(x=image.x + 2.5)
    with pytest.raises(RasterError) as caught:
        georoi.paste([moved], scene)
    assert caught.value.id == "E-RAS-11"


def test_a_shift_far_below_a_pixel_is_none(scene):
    image = georoi.clip(scene, TWO, compute=True)
    moved = image.assign_coords(x=image.x + 1e-6)
    assert np.array_equal(georoi.paste([moved], scene).values, georoi.clip(scene, TWO, crop=False).values)


def test_images_of_another_crs_or_other_bands_are_refused(scene, tmp_path):
    image = georoi.clip(scene, TWO, compute=True)
    other = write_raster(tmp_path / "other.tif", ramp(1), crs="EPSG:32634", nodata=0)
    with pytest.raises(RasterError) as caught:
        georoi.paste([image], other)
    assert caught.value.id == "E-RAS-11"
    with pytest.raises(UsageError, match="same bands"):
        georoi.paste([image, image.isel(band=[0])], scene)


def test_integers_without_nodata_put_back_become_floats_with_nan(tmp_path):
    scene = write_raster(tmp_path / "plain.tif", ramp(1))
    image = georoi.clip(scene, TWO, apply_mask=False, compute=True)
    assert image.dtype == "uint16"
    mosaic = georoi.paste([image], scene)
    assert mosaic.dtype == "float32"
    assert np.isnan(mosaic.values[0, 0, 0])
    assert georoi.paste([image], scene, nodata=0).dtype == "uint16"


@pytest.mark.parametrize("images", [[], {}, 7, ["a"]])
def test_what_holds_no_images_is_refused(scene, images):
    with pytest.raises(UsageError):
        georoi.paste(images, scene)


def test_an_unknown_rule_is_refused(scene):
    with pytest.raises(UsageError, match="overlap must be one of"):
        georoi.paste(two_values(scene), scene, overlap="best")


def test_a_mosaic_of_many_chunks_is_the_same(tmp_path):
    scene = write_raster(tmp_path / "large.tif", ramp(1, 1100, 1300, "uint32"), block=512, nodata=0)
    circles = [
        shapely.Point(NORTH_UP.c + 10 * col, NORTH_UP.f - 10 * row).buffer(2_900)
        for col, row in ((300, 300), (800, 500), (700, 900))
    ]
    mosaic = georoi.paste(georoi.clip_each(scene, rois(*circles), chunks=512), scene, chunks=512)
    assert len(mosaic.chunks[1]) == 3
    assert np.array_equal(mosaic.values, georoi.clip(scene, rois(*circles), crop=False).values)


def test_a_roi_just_outside_has_an_image_if_its_feather_reaches_the_raster(scene, tmp_path):
    regions = rois(box(3, 5, 7, 8), box(-9, 10, -1, 14), ids=["in", "near"])
    images = georoi.clip_each(scene, regions, feather=6, compute=True)
    assert images.ids == ("in", "near")
    assert images["near"].attrs["window"] == (7, 17, 0, 2)
    whole = georoi.mask(scene, regions[[1]], feather=6, crop=False).values
    assert np.array_equal(images["near"].coverage, whole[7:17, :2])
    assert np.count_nonzero(whole) == np.count_nonzero(whole[7:17, :2]) > 0
    assert len(georoi.clip_file(scene, regions, tmp_path / "out", feather=6, each=True)) == 2


def test_bands_in_another_order_are_put_in_that_of_the_first(scene):
    images = [image for _, image in georoi.clip_each(scene, TWO, compute=True)]
    turned = images[1].isel(band=[1, 0])
    expected = georoi.paste(images, scene)
    for image in (turned, turned.chunk(), turned.transpose("y", "x", "band")):
        mosaic = georoi.paste([images[0], image], scene)
        assert np.array_equal(mosaic.values, expected.values)
        assert mosaic.band.values.tolist() == [1, 2]


def test_axes_before_the_bands_may_stand_in_any_order(scene):
    images = [image.expand_dims(time=[3, 5]) for _, image in georoi.clip_each(scene, TWO, compute=True)]
    images = [
        image.copy(data=image.values + np.arange(2, dtype="uint16")[:, None, None, None]) for image in images
    ]
    expected = georoi.paste(images, scene)
    assert expected.dims == ("time", "band", "y", "x")
    turned = images[1].isel(time=[1, 0]).transpose("band", "time", ...)
    assert np.array_equal(georoi.paste([images[0], turned], scene).values, expected.values)


@pytest.mark.parametrize(
    "other",
    [
        lambda image: image.assign_coords(band=[2, 3]),
        lambda image: image.isel(band=[0, 0]),
        lambda image: image.rename(band="time"),
        lambda image: image.isel(band=0),
    ],
)
def test_images_of_other_bands_are_not_mixed(scene, other):
    image = georoi.clip(scene, TWO, compute=True)
    with pytest.raises(UsageError, match="same bands") as caught:
        georoi.paste([image, other(image)], scene)
    assert caught.value.id == "E-USE-01"


def test_single_bands_are_told_apart_by_their_number(scene):
    image = georoi.clip(scene, TWO, compute=True)
    with pytest.raises(UsageError, match="same bands"):
        georoi.paste([image.sel(band=1), image.sel(band=2)], scene)
    assert georoi.paste([image.sel(band=2), image.sel(band=2, drop=True)], scene).dims == ("y", "x")


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [
        (("int64", "uint64"), None),
        (("int64", "float64"), None),
        (("uint64", "float32"), None),
        (("int32", "uint32"), "int64"),
        (("int32", "float32"), "float64"),
        (("int16", "float32"), "float32"),
    ],
)
def test_images_are_pasted_in_a_dtype_that_holds_all_of_them_or_not_at_all(scene, dtypes, expected):
    image = georoi.clip(scene, TWO, compute=True)
    images = [image.astype(dtype) for dtype in dtypes]
    if expected is None:
        with pytest.raises(UsageError) as caught:
            georoi.paste(images, scene)
        assert caught.value.id == "E-USE-01"
        return
    assert georoi.paste(images, scene).dtype == expected
