"""Runs georoi, its peers and the decode floor in turn and writes the table to docs/performance.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import time
from pathlib import Path

import numpy as np
import rasterio
from agree import differing
from jobs import PYTHON, WORK, Job, command, jobs, missing
from lazy import lazy_figures
from measure import Run, run
from sections import rewrite

import georoi

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "performance.md"
RESULTS = WORK / "results.json"


def plan_of(job: Job) -> tuple[np.ndarray, tuple[float, ...], float, dict]:
    """Blocks the job touches, bounds and pixel size of its result, and what planning took."""
    start = time.perf_counter()
    plan = georoi.plan(job.scene, job.rois)
    seconds = time.perf_counter() - start
    row0, row1, col0, col1 = plan.window
    with rasterio.open(job.scene) as source:
        west, north = source.transform @ (col0, row0)
        east, south = source.transform @ (col1, row1)
        pixel = source.transform.a
    facts = {"blocks": plan.n_blocks, "bytes": plan.bytes_to_read, "seconds": seconds}
    return np.asarray(plan.blocks), (west, south, east, north), pixel, facts


def measure(job: Job, rounds: int, tools: list[str]) -> dict:
    """Run every tool of a job in turn, `rounds` times, after one round of georoi that does not count."""
    blocks, bounds, pixel, facts = plan_of(job)
    windows = WORK / "blocks.npy"
    np.save(windows, blocks)
    floor = [PYTHON, str(HERE / "floor.py"), str(job.scene), str(windows)]
    commands = {"floor": floor}
    for tool in job.tools:
        if tool in tools and not missing(tool):
            commands[tool] = command(tool, job.scene, job.rois, out_of(tool), bounds, pixel)
    runs: dict[str, list[Run]] = {tool: [] for tool in commands}
    for turn in range(rounds + 1):
        for tool, words in commands.items():
            if turn == 0 and tool not in ("georoi", "floor"):
                continue
            if runs[tool] and runs[tool][-1].code:
                continue  # what failed once is not tried again
            out_of(tool).unlink(missing_ok=True)
            result = run(words, log=WORK / "log.txt")
            print(
                f"{job.name:24} {turn} {tool:18} {result.wall:7.2f} s {result.peak:7.0f} MB  {result.code}",
                flush=True,
            )
            if result.code:
                print("   ", result.tail)
            if turn:
                runs[tool].append(result)
    agreement = {}
    for tool in commands:
        if tool not in ("floor", "georoi") and runs[tool] and runs[tool][-1].code == 0:
            agreement[tool] = differing(out_of("georoi"), out_of(tool))
    return {
        "job": job.name, "rounds": rounds, **facts, "agreement": agreement,
        "commands": {tool: " ".join(words) for tool, words in commands.items()},
        "wall": {t: statistics.median(r.wall for r in rs) for t, rs in runs.items() if rs},
        "peak": {t: max(r.peak for r in rs) for t, rs in runs.items() if rs},
        "failed": {t: rs[-1].tail for t, rs in runs.items() if rs and rs[-1].code},
    }  # fmt: skip


def out_of(tool: str) -> Path:
    return WORK / f"out_{tool.replace(' ', '_').replace('(', '').replace(')', '')}.tif"


def table(result: dict) -> str:
    """One job as a Markdown table."""
    base = result["wall"]["floor"]
    ours = result["wall"].get("georoi", float("nan"))
    lines = [
        f"### {result['job'].capitalize()}",
        "",
        f"{result['blocks']:,} blocks touched, {result['bytes'] / 2**20:,.0f} MB decoded, planned in "
        f"{result['seconds'] * 1000:,.0f} ms. {result['rounds']} alternating rounds, medians.",
        "",
        "| tool | wall, s | times the floor | times georoi | peak memory, MB | pixels that differ from georoi |",
        "|---|---|---|---|---|---|",
    ]
    for tool, wall in result["wall"].items():
        differs = result["agreement"].get(tool)
        note = "" if differs is None else f"{differs[0]:,} of {differs[1]:,}"
        if tool in result["failed"]:
            note = "failed: " + result["failed"][tool].replace("|", "/")[:80]
        lines.append(
            f"| {tool} | {wall:.2f} | {wall / base:.2f} | {wall / ours:.2f} | {result['peak'][tool]:,.0f} | {note} |"
        )
    return "\n".join(lines)


def page(results: list[dict], lazy: dict) -> str:
    gdal = rasterio.__gdal_version__
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    lines = [
        f"{machine}, rasterio {rasterio.__version__} (GDAL {gdal}), georoi {georoi.__version__};"
        " the compilation of kernels at first use is not counted.",
        "",
    ]
    for result in results:
        lines += [table(result), ""]
    lines += [
        "### Building the lazy array",
        "",
        f"One small ROI on a raster of 419 megapixels: {lazy['milliseconds']:.1f} ms, {lazy['megabytes']:.2f} MB allocated at the peak,"
        f" {lazy['tasks']} tasks.",
        "",
        "### Compilation at first use",
        "",
        f"First clip of a fresh cache {lazy['cold']:.1f} s, with the cache {lazy['warm']:.1f} s (whole process, small raster).",
        "",
        "### Commands",
        "",
    ]
    for result in results:
        lines += [f"{result['job'].capitalize()}:", "", "```"]
        lines += [
            text.replace(str(HERE.parent) + "/", "").replace(str(Path(PYTHON).parent) + "/", "")
            for text in result["commands"].values()
        ]
        lines += ["```", ""]
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", nargs="*", default=[], help="names of jobs; all by default")
    parser.add_argument("--tools", nargs="*", default=[tool for job in jobs() for tool in job.tools])
    parser.add_argument("--no-write", action="store_true")
    args = parser.parse_args()
    chosen = [job for job in jobs() if not args.jobs or job.name in args.jobs]
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for job in chosen:
        if job.scene.exists():
            kept[job.name] = measure(job, args.rounds, args.tools)
            RESULTS.write_text(json.dumps(kept, indent=1))
    results = [kept[job.name] for job in jobs() if job.name in kept]
    text = page(results, lazy_figures())
    print(text)
    if not args.no_write:
        rewrite(PAGE, "run.py", text)
    for tool in [tool for job in chosen for tool in job.tools]:
        out_of(tool).unlink(missing_ok=True)
    shutil.rmtree(WORK / "cold", ignore_errors=True)


if __name__ == "__main__":
    main()
