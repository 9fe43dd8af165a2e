"""Which command each tool runs for each job of statistics, what it is measured against, and what is to be reached."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from scenes import WORK
from zonal_scenes import paths

HERE = Path(__file__).parent
PYTHON = sys.executable
MOMENTS = ("count", "mean", "std", "min", "max")
FRACTION = ("exactextract (feature)", "exactextract (raster)")
CENTER = ("rasterio.mask", "rasterstats")
"""Peers by their boundary rule; each is compared with georoi under its own."""

Walls = dict[str, float]


@dataclass(frozen=True)
class Job:
    """One task that every tool does."""

    name: str
    title: str
    scenes: str
    """Key of `paths`: a raster, or a folder of dated ones."""
    rois: str
    tools: tuple[str, ...]
    goal: str
    """What is to be reached, as the page says it."""
    reached: Callable[[Walls, Walls], str]
    """From medians in seconds and peaks in MB by tool to what was reached."""
    stats: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Statistics of a tool, where they are not those of everybody."""


def _over(walls: Walls, tool: str, base: str) -> str:
    return f"{walls[tool] / walls[base]:.2f}x" if tool in walls and base in walls else "not measured"


def _peers(walls: Walls, *names: str) -> str:
    found = []
    for name in names:
        times = [wall for tool, wall in walls.items() if tool.startswith(name)]
        found.append(f"{min(times) / walls['georoi']:.1f}x" if times else "not measured")
    return ", ".join(found)


def _plain(*peers: str) -> Callable[[Walls, Walls], str]:
    def say(walls: Walls, peaks: Walls) -> str:
        told = _over(walls, "georoi", "floor") + " the floor"
        told += f"; {_peers(walls, *peers)} as fast" if peers else ""
        return f"{told}; {peaks['georoi']:,.0f} MB"

    return say


def jobs() -> list[Job]:
    return [
        Job(
            "parcels-10k", "10,000 parcels", "band", "parcels_10k", ("georoi", *FRACTION, *CENTER),
            "1.3x the floor; 5x faster than exactextract's better strategy, 4x than a loop over rasterio.mask, "
            "30x than rasterstats; under 600 MB",
            _plain("exactextract", "rasterio.mask", "rasterstats"),
        ),
        Job(
            "parcels-100k", "100,000 parcels", "band", "parcels_100k", ("georoi", *FRACTION),
            "1.6x the floor; 8x faster than exactextract", _plain("exactextract"),
        ),
        Job(
            "parcels-1m", "1,000,000 parcels of about 20 vertices", "band", "parcels_1m", ("georoi",),
            "finishes, under 4,096 MB", lambda walls, peaks: f"{walls['georoi']:.0f} s; {peaks['georoi']:,.0f} MB",
        ),
        Job(
            "scattered", "2,000 scattered ROIs of 1 km²", "band", "scattered", ("georoi", *FRACTION),
            "1.3x the floor", _plain("exactextract"),
        ),
        Job(
            "stack", "12 dates x 4 bands, 1,000 parcels", "stack", "stack_parcels", ("georoi", *FRACTION),
            "1.5x the floor; 6x faster than a loop over exactextract", _plain("exactextract"),
        ),
        Job(
            "quantiles", "Median and q90 of the 10,000 parcels", "band", "parcels_10k",
            ("georoi, mean", "georoi, median and q90"), "at most 2x the time of the mean",
            lambda walls, _: _over(walls, "georoi, median and q90", "georoi, mean"),
            {"georoi, mean": ("mean",), "georoi, median and q90": ("median", "q90")},
        ),
        Job(
            "workers", "Two worker processes against one, 10,000 parcels", "band", "parcels_10k",
            ("one worker process", "two worker processes"), "1.7x as fast",
            lambda walls, _: _over(walls, "one worker process", "two worker processes"),
        ),
    ]  # fmt: skip


def command(job: Job, tool: str, out: Path, work: Path = WORK) -> list[str]:
    """The command line of `tool`."""
    where = paths(work)
    scene, rois = where[job.scenes], where[job.rois]
    scenes = [str(path) for path in (sorted(scene.glob("*.tif")) if scene.is_dir() else [scene])]
    if tool.startswith("georoi"):
        rule = ("--boundary", "center") if tool == "georoi (center)" else ()
        return georoi_stats(scene, rois, out, job.stats.get(tool, MOMENTS), *rule)
    if tool.endswith("worker process") or tool.endswith("worker processes"):
        number = "1" if tool.startswith("one") else "2"
        return [PYTHON, str(HERE / "workers.py"), number, str(scene), str(rois), str(out)]
    script = {"rasterio.mask": "rasterio_mask_stats.py", "rasterstats": "rasterstats_stats.py"}
    if tool in script:
        return [PYTHON, str(HERE / "peers" / script[tool]), str(rois), str(out), *scenes]
    strategy = tool.partition("(")[2].rstrip(")")
    return [PYTHON, str(HERE / "peers" / "exactextract_stats.py"), strategy, str(rois), str(out), *scenes]


def georoi_stats(scene: Path, rois: Path, out: Path, stats: tuple[str, ...], *more: str) -> list[str]:
    """`georoi stats` as a whole process."""
    program = str(Path(PYTHON).parent / "georoi")
    wanted = [word for stat in stats for word in ("-s", stat)]
    bands = () if scene.is_dir() else ("-b", "1")
    return [program, "stats", str(scene), "--rois", str(rois), "-o", str(out), "-q", *bands, *wanted, *more]


def missing(tool: str) -> bool:
    """Is the tool not installed here?"""
    module = tool.split(" ")[0].split(",")[0].split(".")[0]
    return (
        find_spec({"one": "distributed", "two": "distributed", "floor": "rasterio"}.get(module, module))
        is None
    )
