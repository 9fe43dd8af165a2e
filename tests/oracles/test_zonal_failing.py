"""Failures while pixels are read: replaced rasters are refused, corrupt blocks cost their ROIs alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
import tifffile

from georoi.api.stacks import open_stack
from georoi.api.zonal import zonal_stats
from georoi.errors import RasterError
from georoi.io.raster.rasters import open_raster
from tests.builders import ramp, write_raster
from tests.zonaloracle import digest

SHAPE = (1024, 1536)
"""Two rows and three columns of blocks, cells and tiles of 512."""
STATS = "count, mean, std, min, max, median, mode"


def in_blocks() -> gpd.GeoDataFrame:
    """One ROI in each block, named after it, and two across: top left to top middle, and all over."""
    spots = [(row, col) for row in range(2) for col in range(3)]
    boxes = [_box(512 * row + 100, 512 * row + 400, 512 * col + 90, 512 * col + 411) for row, col in spots]
    boxes += [_box(200, 300, 400, 700), _box(10, 1000, 10, 1500)]
    names = [f"{row}{col}" for row, col in spots] + ["across", "all over"]
    return gpd.GeoDataFrame({"name": names}, geometry=boxes, crs=32633)


def _box(row0: float, row1: float, col0: float, col1: float) -> Any:
    x, y = 500_000, 5_200_000
    return shapely.box(x + 10 * col0 + 3, y - 10 * row1 - 3, x + 10 * col1 - 3, y - 10 * row0 + 3)


def corrupt(path: Path, block: int) -> None:
    """Overwrite the middle of a compressed block."""
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        start, size = page.dataoffsets[block], page.databytecounts[block]
    with path.open("r+b") as raw:
        raw.seek(start + size // 3)
        raw.write(b"\xff\x00\xaa" * max(size // 9, 8))


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A raster in deflated blocks of 512."""
    rng = np.random.default_rng(4)
    values = rng.integers(0, 500, (1, *SHAPE)).astype("uint16")
    return write_raster(tmp_path / "scene.tif", values, block=512, compress="deflate", nodata=0)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_corrupt_block_is_an_error(scene: Path, workers: int) -> None:
    """By default an unreadable part ends the run: no table without it."""
    corrupt(scene, 4)
    with pytest.raises(RasterError) as caught:
        zonal_stats(scene, in_blocks(), STATS, workers=workers)
    assert caught.value.id == "E-RAS-02"
    assert "scene" in str(caught.value)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_corrupt_block_may_cost_its_rois_alone(scene: Path, workers: int) -> None:
    """With on_error="skip" its ROIs fail, with a reason and no number; all others are the same to the bit."""
    whole = zonal_stats(scene, in_blocks(), STATS)
    corrupt(scene, 4)
    found = zonal_stats(scene, in_blocks(), STATS, on_error="skip", workers=workers)
    lost = found["name"].isin(["11", "all over"])
    assert (found["status"] == "failed").tolist() == lost.tolist()
    assert found.loc[lost, ["count", "mean", "std", "min", "max", "median", "mode"]].isna().all(axis=None)
    assert found.loc[lost, "reason"].str.len().gt(10).all()
    assert digest(found[~lost]) == digest(whole[~lost])


def test_a_corrupt_block_that_no_roi_meets_is_never_read(scene: Path) -> None:
    """Statistics of ROIs elsewhere do not notice it."""
    elsewhere = in_blocks()[lambda rois: rois["name"].isin(["00", "02", "across"])]
    whole = zonal_stats(scene, elsewhere, STATS)
    corrupt(scene, 4)
    assert digest(zonal_stats(scene, elsewhere, STATS)) == digest(whole)


def test_a_corrupt_date_costs_its_rois_on_all_dates_of_the_pass(scene: Path) -> None:
    """In a stack the ROIs of a bad block fail; the others keep every date."""
    values = ramp(1, *SHAPE)
    other = write_raster(scene.with_name("scene_b.tif"), values, block=512, compress="deflate", nodata=0)
    stack = open_stack([scene, other], dates=["2020-01-01", "2020-01-02"])
    whole = zonal_stats(stack, in_blocks(), "mean, count", include="name")
    corrupt(scene, 0)
    stack = open_stack([scene, other], dates=["2020-01-01", "2020-01-02"])
    found = zonal_stats(stack, in_blocks(), "mean, count", include="name", on_error="skip")
    lost = found["name"].isin(["00", "across", "all over"])
    assert found.loc[found["status"] == "failed", "name"].isin(["00", "across", "all over"]).all()
    assert set(found.loc[found["status"] == "failed", "name"]) == {"00", "across", "all over"}
    assert digest(found[~lost]) == digest(whole[~lost])


def test_a_corrupt_mask_counts_as_a_corrupt_block(scene: Path, tmp_path: Path) -> None:
    """Where the quality band cannot be read nobody knows what is clear."""
    clear = np.ones((1, *SHAPE), "uint8")
    clear[0, ::3] = 0
    mask = write_raster(tmp_path / "mask.tif", clear, block=512, compress="deflate", names=["clear"])
    whole = zonal_stats(scene, in_blocks(), STATS, mask=(open_raster(mask), "clear == 1"))
    corrupt(mask, 5)
    raster = open_raster(mask)
    with pytest.raises(RasterError):
        zonal_stats(scene, in_blocks(), STATS, mask=(raster, "clear == 1"))
    found = zonal_stats(scene, in_blocks(), STATS, mask=(raster, "clear == 1"), on_error="skip")
    lost = found["name"].isin(["12", "all over"])
    assert (found["status"] == "failed").tolist() == lost.tolist()
    assert digest(found[~lost]) == digest(whole[~lost])


def test_a_raster_replaced_after_it_was_opened_is_refused(scene: Path) -> None:
    """Another file under the same name is not what was planned: E-RAS-08, and never to be skipped."""
    raster = open_raster(scene)
    other = write_raster(scene.with_name("other.tif"), ramp(1, *SHAPE), block=512, compress="deflate")
    other.replace(scene)
    for on_error in ("raise", "skip"):
        with pytest.raises(RasterError) as caught:
            zonal_stats(raster, in_blocks(), STATS, on_error=on_error)
        assert caught.value.id == "E-RAS-08"
    zonal_stats(scene, in_blocks(), STATS)


def test_a_raster_replaced_in_the_middle_of_a_run_is_refused(scene: Path) -> None:
    """The same while the first tiles are done: no table is made of two files."""
    raster = open_raster(scene)
    other = write_raster(scene.with_name("other.tif"), ramp(1, *SHAPE), block=512, compress="deflate")

    def replace(done: int, total: int, message: str) -> None:
        if done == 1 and other.exists():
            other.replace(scene)

    with pytest.raises(RasterError) as caught:
        zonal_stats(raster, in_blocks(), STATS, progress=replace, workers=1)
    assert caught.value.id == "E-RAS-08"
