"""Opening rasters: masks, CRS, pixel space, and what is no grid."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.errors import NotGeoreferencedWarning

from georoi.errors import CRSError, RasterError
from georoi.grid import grid_bounds, grid_crs, is_pixel_grid
from georoi.io.raster.rasters import open_raster, read_window
from georoi.values.raster import Georeference, require_grid
from tests.builders import NORTH_UP, ramp, write_raster
from tests.openings import refused


def test_mask_band_is_valid_for_all_bands(tmp_path: Path) -> None:
    """A mask of the file's own comes with the pixels, one for all bands; without one there is none."""
    mask = np.arange(40 * 60).reshape(40, 60) % 3 > 0
    raster = open_raster(write_raster(tmp_path / "a.tif", ramp(2), mask=mask))
    assert raster.mask_kind == "mask"
    valid = read_window(raster, (5, 25, 10, 50)).valid
    assert valid is not None
    assert valid.shape == (2, 20, 40)
    assert np.array_equal(valid, np.broadcast_to(mask[5:25, 10:50], (2, 20, 40)))
    assert read_window(open_raster(write_raster(tmp_path / "b.tif", ramp(2))), (0, 2, 0, 2)).valid is None


@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize("bands", [None, [1, 2], [4, 1]])
def test_alpha_is_validity(tmp_path: Path, interleave: str, bands: list[int] | None) -> None:
    """Where alpha is above zero a pixel is valid, whether the alpha band is asked for or not."""
    values = ramp(4, dtype="uint8")
    values[3] = np.arange(40 * 60).reshape(40, 60) % 5
    path = write_raster(tmp_path / "a.tif", values, alpha=True, interleave=interleave, photometric="rgb")
    raster = open_raster(path, bands=bands)
    assert raster.mask_kind == "alpha"
    assert raster.colors is not None
    assert "alpha" in raster.colors or bands == [1, 2]
    pixels = read_window(raster, (3, 30, 7, 50))
    chosen = [band - 1 for band in bands or [1, 2, 3, 4]]
    assert np.array_equal(pixels.values, values[chosen, 3:30, 7:50])
    assert pixels.valid is not None
    assert np.array_equal(pixels.valid, np.broadcast_to(values[3, 3:30, 7:50] > 0, pixels.values.shape))


def test_mask_beside_the_file_is_honoured(tmp_path: Path) -> None:
    """An external .msk counts as the file's mask; one that is no TIFF is refused."""
    path = write_raster(tmp_path / "a.tif", ramp(1))
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(np.eye(40, 60, dtype=bool))
    assert (tmp_path / "a.tif.msk").exists()
    raster = open_raster(path)
    assert raster.mask_kind == "mask"
    valid = read_window(raster, (0, 40, 0, 60)).valid
    assert valid is not None
    assert np.array_equal(valid[0], np.eye(40, 60, dtype=bool))
    (tmp_path / "a.tif.msk").write_text("<GDAL_WMS></GDAL_WMS>")
    assert "mask or overviews" in refused(path).found["reason"]


def test_rotated_and_south_up_grids(tmp_path: Path) -> None:
    """Transforms of any direction are kept, and bounds are the true envelope."""
    cosine, sine = math.cos(math.pi / 6), 0.5
    turned = Affine(10 * cosine, 10 * sine, 500_000, 10 * sine, -10 * cosine, 5_200_000)
    raster = open_raster(write_raster(tmp_path / "r.tif", ramp(1), transform=turned))
    assert raster.grid.affine.almost_equals(turned, 1e-6)
    xmin, ymin, xmax, ymax = grid_bounds(raster.grid)
    assert xmax - xmin == pytest.approx(600 * cosine + 400 * sine)
    assert ymax - ymin == pytest.approx(600 * sine + 400 * cosine)
    south_up = Affine(10, 0, 500_000, 0, 10, 5_200_000)
    raster = open_raster(write_raster(tmp_path / "s.tif", ramp(1), transform=south_up))
    assert tuple(raster.grid.affine) == tuple(south_up)
    assert "south-up" in repr(raster)


def test_no_crs_opens_but_is_no_grid(tmp_path: Path) -> None:
    """A raster without CRS opens, is refused where a grid is needed, and takes the CRS it is given."""
    path = write_raster(tmp_path / "a.tif", ramp(1), crs=None)
    raster = open_raster(path)
    assert raster.georeference == Georeference.UNKNOWN
    with pytest.raises(CRSError, match="E-CRS-01"):
        require_grid(raster)
    given = open_raster(path, raster_crs="EPSG:32633")
    assert given.georeference == Georeference.CRS
    assert grid_crs(require_grid(given)).to_epsg() == 32633  # type: ignore[union-attr]


def test_given_crs_replaces_the_files_own_with_a_note(tmp_path: Path) -> None:
    """raster_crs= wins over the file, and the raster says so; the same CRS is worth no note."""
    path = write_raster(tmp_path / "a.tif", ramp(1))
    raster = open_raster(path, raster_crs=32634)
    assert grid_crs(raster.grid).to_epsg() == 32634  # type: ignore[union-attr]
    assert any("EPSG:32633" in note for note in raster.notes)
    assert open_raster(path, raster_crs="EPSG:32633").notes == ()
    assert refused(path, raster_crs="EPSG:999999").id == "E-CRS-04"


def test_crs_without_transform_is_no_place(tmp_path: Path) -> None:
    """A CRS alone places nothing, unless the user names it: then pixels lie at (column, row)."""
    path = write_raster(tmp_path / "a.tif", ramp(1), transform=None)
    raster = open_raster(path)
    assert raster.georeference == Georeference.NONE
    with pytest.raises(RasterError, match="E-RAS-03"):
        require_grid(raster)
    assert require_grid(open_raster(path, raster_crs="EPSG:32633")).affine.is_identity


def test_control_points_and_rpcs_are_no_grid(tmp_path: Path) -> None:
    """Rasters placed by control points or RPCs only say so, even when a CRS is given."""
    points = [
        GroundControlPoint(row, col, 15 + col / 100, 47 - row / 100)
        for row, col in ((0, 0), (0, 60), (40, 0))
    ]
    path = tmp_path / "g.tif"
    write_raster(path, ramp(1), crs=None, transform=None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "r+") as dataset:
            dataset.gcps = (points, rasterio.crs.CRS.from_epsg(4326))
    for options in ({}, {"raster_crs": "EPSG:4326"}):
        raster = open_raster(path, **options)
        assert raster.georeference == Georeference.GCPS
        with pytest.raises(RasterError, match="control points"):
            require_grid(raster)
    assert refused(path, raster_crs="pixel").id == "E-CRS-05"


@pytest.mark.parametrize(("driver", "suffix"), [("PNG", "png"), ("JPEG", "jpg"), ("GTiff", "tif")])
def test_pictures_open_in_pixel_space(tmp_path: Path, driver: str, suffix: str) -> None:
    """PNG, JPEG and plain TIFF open in pixel space when asked: identity transform, y down, no CRS."""
    values = np.full((3, 24, 32), 90, "uint8")
    path = write_raster(tmp_path / f"a.{suffix}", values, crs=None, transform=None, driver=driver)
    raster = open_raster(path, raster_crs="pixel")
    assert raster.is_pixel
    assert is_pixel_grid(raster.grid)
    assert raster.grid.affine.is_identity
    assert raster.driver == driver
    assert np.array_equal(read_window(raster, (0, 24, 0, 32)).values, values)
    assert open_raster(path).georeference == Georeference.UNKNOWN


def test_pixel_space_is_refused_for_georeferenced_rasters(tmp_path: Path) -> None:
    """A raster with a CRS is never taken for a picture."""
    path = write_raster(tmp_path / "a.tif", ramp(1))
    error = refused(path, raster_crs="pixel")
    assert error.id == "E-CRS-05"
    assert error.found["raster"] == "EPSG:32633"


def test_pixel_space_ignores_a_transform_without_crs(tmp_path: Path) -> None:
    """A world file alone is no CRS, so pixel space may be asked for and begins at (0, 0)."""
    path = write_raster(tmp_path / "a.tif", ramp(1), crs=None)
    assert open_raster(path, raster_crs="pixel").grid.affine.is_identity


def test_world_file_places_a_picture(tmp_path: Path) -> None:
    """A world file beside a PNG is its transform; the CRS is for the user to name."""
    path = write_raster(
        tmp_path / "a.png", np.zeros((1, 4, 5), "uint8"), crs=None, transform=None, driver="PNG"
    )
    (tmp_path / "a.pgw").write_text("10\n0\n0\n-10\n500005\n5199995\n")
    raster = open_raster(path, raster_crs="EPSG:32633")
    assert tuple(raster.grid.affine) == tuple(NORTH_UP)


def test_jpeg2000(tmp_path: Path) -> None:
    """Lossless JPEG 2000 reads to the digit, in its own tiles."""
    values = ramp(1, 200, 220)
    path = write_raster(
        tmp_path / "a.jp2", values, driver="JP2OpenJPEG", QUALITY="100", REVERSIBLE="YES",
        BLOCKXSIZE=64, BLOCKYSIZE=64,
    )  # fmt: skip
    raster = open_raster(path)
    assert (raster.driver, raster.block_shape[0], raster.compression) == ("JP2OpenJPEG", 64, "jpeg2000")
    assert np.array_equal(read_window(raster, (30, 190, 50, 201)).values, values[:, 30:190, 50:201])
