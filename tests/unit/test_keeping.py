"""Rules that keep pixels: in clips, of one raster and of stacks, by bands of their own or of another file."""

import dask
import numpy as np
import pytest
import rasterio
from affine import Affine

import georoi
from georoi.errors import RasterError, UsageError

CRS = "EPSG:32633"
GRID = Affine(10, 0, 500_000, 0, -10, 5_000_000)
RNG = np.random.default_rng(7)
BAND = RNG.integers(1, 1000, (60, 70)).astype("uint16")
CLASSES = RNG.integers(0, 12, (60, 70)).astype("uint16")


def write(path, *bands, names=("B04", "SCL"), nodata=0, transform=GRID):
    """A GeoTIFF of these bands."""
    profile = {"driver": "GTiff", "height": 60, "width": 70, "count": len(bands), "dtype": bands[0].dtype}
    with rasterio.open(path, "w", **profile, crs=CRS, transform=transform, nodata=nodata) as target:
        for number, band in enumerate(bands, 1):
            target.write(band, number)
            target.set_band_description(number, names[number - 1])
    return path


@pytest.fixture
def rois():
    """A ROI that takes in rows 10 to 50 and columns 5 to 65."""
    return georoi.ROISet.from_boxes([(500_050, 4_999_500, 500_650, 4_999_900)], crs=CRS)


@pytest.fixture
def scene(tmp_path):
    """A scene with a band of classes."""
    return write(tmp_path / "scene_2020-05-01.tif", BAND, CLASSES)


def expected():
    """The clip that keeps classes 4 and 5; class 0 is nodata, so it keeps nothing."""
    return np.where(np.isin(CLASSES, (4, 5)), BAND, 0)[10:50, 5:65]


def test_a_clip_keeps_what_the_rule_keeps(scene, rois, tmp_path):
    """Lazily, at once and in a file: others become nodata, though the band of the rule is not asked for."""
    for compute in (True, False):
        clip = georoi.clip(scene, rois, bands="B04", mask="SCL in {4, 5}", compute=compute)
        np.testing.assert_array_equal(clip.values[0], expected())
        assert clip.attrs["nodata"] == 0
    georoi.clip_file(scene, rois, tmp_path / "out.tif", bands="B04", mask="SCL in {4, 5}")
    with rasterio.open(tmp_path / "out.tif") as made:
        assert (made.count, made.nodata) == (1, 0)
        np.testing.assert_array_equal(made.read(1), expected())


def test_the_rule_may_look_at_another_raster(scene, rois, tmp_path):
    """A mask in a file of its own on the same grid gives the same clip."""
    mask = write(tmp_path / "mask.tif", CLASSES, names=("SCL",))
    clip = georoi.clip(scene, rois, bands="B04", mask=(mask, "SCL in {4, 5}"))
    np.testing.assert_array_equal(clip.values[0], expected())
    images = dict(georoi.clip_each(scene, rois, bands="B04", mask=(mask, "SCL in {4, 5}")))
    np.testing.assert_array_equal(images[0].values[0], expected())


def test_a_mask_on_another_grid_is_refused(scene, rois, tmp_path):
    """Half a pixel off is another grid."""
    mask = write(tmp_path / "mask.tif", CLASSES, names=("SCL",), transform=GRID @ Affine.translation(0.5, 0))
    with pytest.raises(RasterError, match="does not lie on the grid") as caught:
        georoi.clip(scene, rois, mask=(mask, "SCL == 4"))
    assert caught.value.id == "E-STK-02"


def test_each_date_of_a_stack_has_its_own_mask(scene, rois, tmp_path):
    """Scenes find the masks of their moments, whatever their order; a scene without one is named."""
    write(tmp_path / "scene_2020-06-01.tif", BAND, CLASSES[::-1].copy())
    folder = tmp_path / "masks"
    folder.mkdir()
    write(folder / "m_2020-06-01.tif", CLASSES[::-1].copy(), names=("cloud",))
    write(folder / "m_2020-05-01.tif", CLASSES, names=("cloud",))
    stack, masks = georoi.open_stack(tmp_path, pattern="scene_%Y-%m-%d.tif"), georoi.open_stack(folder)
    own = georoi.clip(stack, rois, bands="B04", mask="SCL in {4, 5}")
    other = georoi.clip(stack, rois, bands="B04", mask=(masks, "cloud in {4, 5}"))
    np.testing.assert_array_equal(own.values, other.values)
    np.testing.assert_array_equal(own.values[0, 0], expected())
    with pytest.raises(UsageError, match="1 of 2 scenes have no mask"):
        georoi.clip(stack, rois, mask=(masks[:1], "cloud == 4"))


def test_statistics_and_clips_agree_on_what_is_masked(scene, rois):
    """The ledger's masked area is that of the pixels which the clip takes out."""
    table = georoi.zonal_stats(scene, rois, "count,sum", bands="B04", mask="SCL in {4, 5}")
    assert table["count"][0] == (expected() > 0).sum()
    assert table["sum"][0] == expected().sum()
    assert table["area_masked"][0] / table["area"][0] == pytest.approx(1 - (expected() > 0).mean(), abs=1e-4)


def test_arrays_are_masked_by_their_owner(scene, rois):
    """A DataArray with mask= is refused with the way to do it."""
    with pytest.raises(UsageError, match="DataArray"):
        georoi.clip(georoi.open_raster(scene).to_xarray(), rois, mask="SCL == 4")


def test_a_mask_is_not_written_over(scene, rois, tmp_path):
    """The output may not be the mask."""
    mask = write(tmp_path / "mask.tif", CLASSES, names=("SCL",))
    with pytest.raises(UsageError):
        georoi.clip_file(scene, rois, mask, mask=(mask, "SCL == 4"), overwrite=True)


def test_scenes_of_one_moment_have_masks_of_their_own(scene, rois, tmp_path):
    """Two scenes and two masks of a moment go together by name; one mask for two scenes is refused."""
    other = write(tmp_path / "scene_b.tif", BAND, CLASSES)
    stack = georoi.open_stack([scene, other], dates=["2020-05-01"] * 2)
    files = [
        write(tmp_path / f"mask_{name}.tif", classes, names=("cloud",))
        for name, classes in (("a", CLASSES), ("b", CLASSES[::-1].copy()))
    ]
    masks = georoi.open_stack(files, dates=["2020-05-01"] * 2)
    clip = georoi.clip(stack, rois, bands="B04", mask=(masks, "cloud in {4, 5}"))
    np.testing.assert_array_equal(clip.values[0, 0], expected())
    turned = np.where(np.isin(CLASSES[::-1], (4, 5)), BAND, 0)[10:50, 5:65]
    np.testing.assert_array_equal(clip.values[1, 0], turned)
    for scenes, fewer in ((stack, masks[:1]), (stack[:1], masks)):
        with pytest.raises(UsageError, match="which mask is of which scene"):
            georoi.clip(scenes, rois, bands="B04", mask=(fewer, "cloud in {4, 5}"))
    with pytest.raises(UsageError, match="which mask is of which scene"):
        georoi.zonal_stats(stack, rois, "sum", bands="B04", mask=(masks[:1], "cloud in {4, 5}"))


def test_what_is_nodata_in_a_mask_tells_clips_apart(scene, rois, tmp_path):
    """Two lazy clips that differ in the mask's nodata value alone are both right when computed together."""
    mask = write(tmp_path / "mask.tif", CLASSES, names=("SCL",), nodata=None)
    plain, changed = (georoi.open_raster(mask, nodata=nodata) for nodata in (None, 5))
    clips = [
        georoi.clip(scene, rois, bands="B04", mask=(one, "SCL in {4, 5}"), compute=False)
        for one in (plain, changed)
    ]
    assert clips[0].data.name != clips[1].data.name
    both, alone = dask.compute(*clips)
    np.testing.assert_array_equal(both.values[0], expected())
    np.testing.assert_array_equal(alone.values[0], np.where(CLASSES == 4, BAND, 0)[10:50, 5:65])
