"""Which command each tool runs for each job, at the best settings found."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
WORK = HERE / "work"
PYTHON = sys.executable


@dataclass(frozen=True)
class Job:
    """One task that every tool does."""

    name: str
    scene: Path
    rois: Path
    window: str
    """Bounds that gdalwarp writes, so that its grid is that of the others; filled from the plan."""
    tools: tuple[str, ...]


def jobs() -> list[Job]:
    everyone = ("georoi", "gdalwarp", "rioxarray (dask)", "rioxarray (eager)", "odc-geo", "rasterio.mask")
    return [
        Job("corridor", WORK / "dense.tif", WORK / "corridor.geojson", "", everyone),
        Job("blob", WORK / "dense.tif", WORK / "blob.geojson", "", everyone),
        Job("corridor of 100,000²", WORK / "sparse.tif", WORK / "corridor_sparse.geojson", "", ("georoi",)),
        Job("corridor of 1,000,000²", WORK / "huge.tif", WORK / "corridor_huge.geojson", "", ("georoi",)),
    ]


def command(
    tool: str, scene: Path, rois: Path, out: Path, bounds: tuple[float, ...], pixel: float
) -> list[str]:
    """The command line of `tool`."""
    georoi = str(Path(PYTHON).parent / "georoi")
    peers = HERE / "peers"
    files = [str(scene), str(rois), str(out)]
    if tool == "georoi":
        return [georoi, "clip", str(scene), str(out), "--rois", str(rois)]
    if tool == "gdalwarp":
        return [
            "gdalwarp", "-q", "-overwrite", "-cutline", str(rois), "-te", *map(repr, bounds), "-tr", repr(pixel), repr(pixel),
            "-multi", "-wo", "NUM_THREADS=ALL_CPUS", "-wm", "256", "--config", "GDAL_CACHEMAX", "512",
            "-co", "TILED=YES", "-co", "BLOCKXSIZE=512", "-co", "BLOCKYSIZE=512", "-co", "COMPRESS=DEFLATE",
            "-co", "PREDICTOR=2", "-co", "ZLEVEL=1", "-co", "NUM_THREADS=ALL_CPUS", "-co", "SPARSE_OK=TRUE", "-co", "BIGTIFF=IF_SAFER",
            str(scene), str(out),
        ]  # fmt: skip
    scripts = {
        "rioxarray (dask)": ["rioxarray_clip.py", "dask"],
        "rioxarray (eager)": ["rioxarray_clip.py", "eager"],
        "odc-geo": ["odc_crop.py"],
        "rasterio.mask": ["rasterio_mask.py"],
    }
    script, *mode = scripts[tool]
    return [PYTHON, str(peers / script), *mode, *files]


def missing(tool: str) -> bool:
    """Is the tool not installed here?"""
    if tool == "gdalwarp":
        return shutil.which("gdalwarp") is None
    modules = {"rioxarray (dask)": "rioxarray", "rioxarray (eager)": "rioxarray", "odc-geo": "rioxarray"}
    return find_spec(modules.get(tool, "rasterio")) is None
