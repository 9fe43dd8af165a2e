"""How long and how much memory it takes to build a lazy clip, and what the first use of the kernels costs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely

import georoi

WORK = Path(__file__).parent / "work"


def small_roi() -> georoi.ROISet:
    """One square kilometre in the middle of the dense scene."""
    return georoi.ROISet.from_boxes([(500_000, 5_200_000, 501_000, 5_201_000)], crs="EPSG:32633")


def lazy_figures() -> dict:
    """Time and memory of building the lazy array, and of a cold and a warm first clip."""
    rois = small_roi()
    scene = WORK / "dense.tif"
    georoi.clip(scene, rois)
    times = []
    for _ in range(9):
        start = time.perf_counter()
        clipped = georoi.clip(scene, rois)
        times.append(time.perf_counter() - start)
    tracemalloc.start()
    clipped = georoi.clip(scene, rois)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    cold, warm = first_use()
    return {
        "milliseconds": sorted(times)[4] * 1000,
        "megabytes": peak / 2**20,
        "tasks": len(clipped.__dask_graph__()),
        "cold": cold,
        "warm": warm,
    }


def first_use() -> tuple[float, float]:
    """Seconds of a whole small clip with an empty kernel cache and with a filled one."""
    folder = WORK / "cold"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with rasterio.open(
        folder / "small.tif", "w", driver="GTiff", width=256, height=256, count=1, dtype="uint8", nodata=0,
        crs="EPSG:32633", transform=rasterio.transform.from_origin(500_000, 5_000_000, 10, 10),
    ) as dst:  # fmt: skip
        dst.write(np.ones((1, 256, 256), "uint8"))
    box = shapely.box(500_500, 4_998_500, 501_500, 4_999_500)
    gpd.GeoDataFrame(geometry=[box], crs="EPSG:32633").to_file(folder / "roi.gpkg")
    words = [str(Path(sys.executable).parent / "georoi"), "clip", str(folder / "small.tif")]
    words += [str(folder / "out.tif"), "--rois", str(folder / "roi.gpkg"), "--overwrite"]
    env = os.environ | {"NUMBA_CACHE_DIR": str(folder / "cache")}
    times = []
    for _ in range(2):
        start = time.perf_counter()
        subprocess.run(words, env=env, check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return times[0], times[1]
