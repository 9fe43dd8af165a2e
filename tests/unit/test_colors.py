"""Colours on the way from file to file: palettes, alpha bands, red, green and blue."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp

import georoi
from georoi.errors import RasterError
from tests.builders import ramp, write_raster


@pytest.mark.parametrize("of", ["GTiff", "COG"])
def test_a_palette_comes_along(tmp_path, of):
    """Colours of classes are the same in the output."""
    path = write_raster(tmp_path / "in.tif", ramp(1, dtype="uint8"), photometric="palette")
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {1: (255, 0, 0, 255), 7: (1, 2, 3, 255)})
    assert "the palette was left out" in georoi.write(path, tmp_path / "out.zarr").notes
    written = georoi.write(path, tmp_path / "out.tif", of=of)
    with rasterio.open(path) as before, rasterio.open(written.path) as after:
        assert after.colorinterp == (ColorInterp.palette,)
        assert after.colormap(1) == before.colormap(1)
        assert np.array_equal(after.read(), before.read())


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("of", ["GTiff", "COG"])
def test_red_green_blue_and_alpha_come_along(tmp_path, of, dtype):
    """An alpha band is one in the output too, and the colours keep their names."""
    values = np.maximum(ramp(4, dtype=dtype), 1)
    path = write_raster(tmp_path / "in.tif", values, photometric="rgb", alpha=True)
    written = georoi.write(path, tmp_path / "out.tif", of=of)
    with rasterio.open(path) as before, rasterio.open(written.path) as after:
        assert [role.name for role in before.colorinterp] == ["red", "green", "blue", "alpha"]
        assert after.colorinterp == before.colorinterp
        assert np.array_equal(after.read(), before.read())


def test_a_raster_placed_by_control_points_is_not_written_without_them(tmp_path):
    """E-RAS-03 instead of an output that lies nowhere."""
    path = write_raster(tmp_path / "in.tif", ramp(1), crs=None, transform=None)
    points = [GroundControlPoint(r, c, 15 + c / 100, 45 - r / 100) for r in (0, 30) for c in (0, 50)]
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning), rasterio.open(path, "r+") as dataset:
        dataset.gcps = (points, rasterio.crs.CRS.from_epsg(4326))
    with pytest.raises(RasterError, match="E-RAS-03"):
        georoi.write(path, tmp_path / "out.tif")
    assert not (tmp_path / "out.tif").exists()


def test_one_file_per_roi_treats_alpha_and_palette_as_one_clip_does(tmp_path):
    """The picture has the alpha band's place for its own alpha, and notes say what is lost, either way."""
    colored = write_raster(tmp_path / "rgba.tif", np.maximum(ramp(4, dtype="uint8"), 1), alpha=True)
    classes = write_raster(tmp_path / "classes.tif", ramp(1, dtype="uint8"), photometric="palette")
    with rasterio.open(colored) as dataset:
        box = [dataset.bounds]
        rois = georoi.ROISet.from_boxes(box, crs=dataset.crs.to_string())
    for path, of, suffix in ((colored, "PNG", ".png"), (classes, "Zarr", ".zarr")):
        one = georoi.clip_file(path, rois, tmp_path / f"one{suffix}")
        (each,) = georoi.clip_file(path, rois, tmp_path / f"each{suffix[1:]}", each=True, of=of)
        assert each.notes == one.notes
        if of == "PNG":
            assert each.sha256 == one.sha256
        else:
            assert "the palette was left out" in each.notes
