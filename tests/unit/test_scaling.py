"""Scale and offset of bands on their way through clips, mosaics and files."""

from __future__ import annotations

import pytest
import rasterio

import georoi
from georoi.errors import UsageError
from tests.builders import ramp, write_raster
from tests.clips import array, box

pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # rioxarray, odc


@pytest.fixture
def scene(tmp_path) -> str:
    """A raster of two bands, 40 rows, 60 columns, blocks of 16, nodata 0 (which no pixel has)."""
    return str(write_raster(tmp_path / "scene.tif", ramp(2), nodata=0))


def test_a_clip_of_physical_values_says_that_scale_and_offset_are_applied(tmp_path):
    scene = write_raster(tmp_path / "s.tif", ramp(2), nodata=0, scales=[0.5, 2], offsets=[1, 0])
    whole = box(0, 0, 60, 40)
    for flag in (False, True):
        image = georoi.clip(georoi.open_raster(scene, scaled=flag).to_xarray(), whole)
        assert image.attrs["scaled"] == flag
        mosaic = georoi.paste([image, image.isel(y=slice(9))], scene)
        assert mosaic.attrs["scaled"] == flag
        assert ("band_scale" in mosaic.coords) is not flag
    decoded = array(ramp(1, dtype="float32"))
    decoded.encoding["scale_factor"] = 0.5
    assert georoi.clip(decoded, whole).attrs["scaled"] == 1


def test_images_whose_scales_differ_are_not_pasted_together(tmp_path):
    scenes = [
        write_raster(tmp_path / f"{scale}.tif", ramp(1), nodata=0, scales=[scale], offsets=[1])
        for scale in (0.5, 0.25)
    ]
    images = [georoi.clip(scene, box(0, 0, 9, 9)) for scene in scenes]
    mosaic = georoi.paste(images[:1], scenes[0])
    assert (mosaic.attrs["scale_factor"], mosaic.attrs["add_offset"]) == (0.5, 1.0)
    with pytest.raises(UsageError, match="same scale and offset"):
        georoi.paste(images, scenes[0])
    physical = georoi.clip(georoi.open_raster(scenes[0], scaled=True), box(0, 0, 9, 9))
    with pytest.raises(UsageError, match="same scale and offset"):
        georoi.paste([images[0], physical], scenes[0])


def test_chosen_bands_are_written_with_their_own_names_and_scales(tmp_path):
    scene = write_raster(
        tmp_path / "s.tif", ramp(3), nodata=0, names=["a", "b", "c"], scales=[1, 2, 3], offsets=[0, 5, 6]
    )
    for source in (
        georoi.open_raster(scene).to_xarray(),
        georoi.clip(scene, box(0, 0, 9, 9), bands=[3, 2, 1]),
    ):
        for chosen in (source.sel(band=[3, 1]), georoi.clip(source.sel(band=[3, 1]), box(0, 0, 5, 5))):
            written = georoi.write(chosen, tmp_path / "o.tif", overwrite=True)
            with rasterio.open(written.path) as dataset:
                assert dataset.descriptions == ("c", "a")
                assert (dataset.scales, dataset.offsets) == ((3.0, 1.0), (6.0, 0.0))
