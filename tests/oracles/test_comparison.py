"""The rows of "How it compares" in README.md: what other tools do and what georoi does, on the same input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.mask
import shapely
import xarray as xr
from click.testing import CliRunner
from rasterio.features import geometry_mask, rasterize
from rasterio.rio.main import main_group as rio
from rasterio.transform import from_origin
from shapely.geometry import mapping

import georoi
from georoi.cli.main import cli

SIDE = 400
pytestmark = pytest.mark.filterwarnings(
    "ignore:Use `@` matmul:PendingDeprecationWarning"
)  # rasterio with affine 3


@pytest.fixture
def raster(tmp_path: Path) -> Path:
    """A raster of 400 x 400 pixels of 10 m in UTM 33N, all 7, nodata 0, around 15 E, 47 N."""
    path = tmp_path / "raster.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=SIDE,
        height=SIDE,
        count=1,
        dtype="uint8",
        crs="EPSG:32633",
        transform=from_origin(498_000, 5_207_000, 10, 10),
        nodata=0,
    ) as dataset:
        dataset.write(np.full((1, SIDE, SIDE), 7, np.uint8))
    return path


def test_degrees_on_metres(raster: Path) -> None:
    """rasterio.mask warns and gives nothing but nodata; georoi finds the pixels."""
    box = shapely.box(14.99, 46.99, 15.01, 47.01)
    with rasterio.open(raster) as dataset, pytest.warns(UserWarning, match="outside bounds"):
        theirs, _ = rasterio.mask.mask(dataset, [mapping(box)])
    ours = georoi.clip(raster, georoi.ROISet.from_geometries([box], crs="EPSG:4326"), compute=True)

    assert not theirs.any()
    assert (ours == 7).sum() == pytest.approx(1520 * 2223 / 100, rel=0.01)


def test_no_regions(raster: Path, tmp_path: Path) -> None:
    """`rio mask` without a mask copies its input and exits with 0; georoi exits with 2 and writes nothing."""
    theirs, ours = tmp_path / "theirs.tif", tmp_path / "ours.tif"
    rio_code = CliRunner().invoke(rio, ["mask", str(raster), str(theirs)]).exit_code
    our_code = CliRunner().invoke(cli, ["mask", str(raster), str(ours)]).exit_code

    assert rio_code == 0
    assert theirs.read_bytes() == raster.read_bytes()
    assert our_code == 2
    assert not ours.exists()


def test_regions_that_share_pixels(raster: Path) -> None:
    """In a label image the later region takes pixels of the earlier; georoi clips each whole."""
    boxes = [
        shapely.box(499_000, 5_205_000, 499_100, 5_205_100),
        shapely.box(499_050, 5_205_000, 499_150, 5_205_100),
    ]
    with rasterio.open(raster) as dataset:
        labels = rasterize(zip(boxes, (1, 2), strict=True), dataset.shape, transform=dataset.transform)
    rois = georoi.ROISet.from_geometries(boxes, crs="EPSG:32633")
    counts = [int((image == 7).sum()) for _, image in georoi.clip_each(raster, rois)]

    assert [(labels == 1).sum(), (labels == 2).sum()] == [50, 100]
    assert counts == [100, 100]
    with pytest.raises(georoi.ROIError, match="E-ROI-06"):
        georoi.mask(raster, rois, labels=True, compute=True)


def test_touched_pixels_in_tiles() -> None:
    """GDAL's touched pixels depend on the tile for polygons snapped to pixels; georoi's never do."""
    random = np.random.default_rng(3)
    transform = from_origin(0, 96, 1, 1)
    image = xr.DataArray(np.zeros((96, 96), np.uint8), dims=("y", "x"))
    theirs = ours = 0
    for _ in range(40):
        points = random.integers(4, 92, (5, 2))
        polygon = shapely.MultiPoint(points).convex_hull
        if polygon.geom_type != "Polygon":
            continue
        touched = {"transform": transform, "invert": True, "all_touched": True}
        whole = geometry_mask([polygon], (96, 96), **touched)
        pieces = np.block(
            [
                [
                    geometry_mask(
                        [polygon], (32, 32), **{**touched, "transform": from_origin(col, 96 - row, 1, 1)}
                    )
                    for col in (0, 32, 64)
                ]
                for row in (0, 32, 64)
            ]
        )
        theirs += int((whole != pieces).any())
        rois = georoi.ROISet.from_geometries([polygon], pixel=True)
        once = georoi.mask(image, rois, boundary="all_touched", crop=False, compute=True)
        tiled = georoi.mask(
            image.chunk({"y": 32, "x": 32}), rois, boundary="all_touched", crop=False, chunks=32
        ).compute()
        ours += int((once.values != tiled.values).any())

    assert theirs > 20
    assert ours == 0


def test_outside_of_a_raster_without_nodata(raster: Path, tmp_path: Path) -> None:
    """rasterio.mask fills 0, which data holds too; georoi writes a mask that tells them apart."""
    plain, clipped = tmp_path / "plain.tif", tmp_path / "clipped.tif"
    with rasterio.open(raster) as source:
        profile = {**source.profile, "nodata": None}
    values = np.zeros((1, SIDE, SIDE), np.uint8)
    values[0, 200:] = 7
    with rasterio.open(plain, "w", **profile) as dataset:
        dataset.write(values)
    # half of 20 x 20 pixels, across the border between 0 and 7
    triangle = shapely.Polygon([(499_000, 5_204_900), (499_200, 5_204_900), (499_000, 5_205_100)])
    with rasterio.open(plain) as dataset:
        theirs, _ = rasterio.mask.mask(dataset, [mapping(triangle)], crop=True)
    georoi.clip_file(plain, georoi.ROISet.from_geometries([triangle], crs="EPSG:32633"), clipped)
    with rasterio.open(clipped) as dataset:
        ours, valid = dataset.read(), dataset.dataset_mask() > 0

    assert (theirs == 0).sum() == 400 - (theirs == 7).sum()  # outside and data of value 0 are one
    assert (valid & (ours[0] == 0)).any()
    assert 190 <= valid.sum() <= 210
