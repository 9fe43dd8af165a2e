"""Runs `georoi stats`, its peers and the decode floor in turn and writes their section of docs/performance.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
from pathlib import Path

import numpy as np
import rasterio
from measure import Run, run
from scenes import WORK
from sections import rewrite
from zonal_agree import agree, differences
from zonal_jobs import CENTER, FRACTION, HERE, PYTHON, Job, command, jobs, missing
from zonal_scenes import paths

import georoi

PAGE = HERE.parent / "docs" / "performance.md"
PATIENCE = 300
"""Seconds of one tool in one job after which it is not run again."""


def facts_of(job: Job, work: Path) -> tuple[dict, list[str]]:
    """What the job touches, and the command of its floor; the windows of the blocks are written for it."""
    scene = paths(work)[job.scenes]
    scenes = sorted(scene.glob("*.tif")) if scene.is_dir() else [scene]
    plan = georoi.plan(scenes[0], paths(work)[job.rois])
    np.save(work / "blocks.npy", np.asarray(plan.blocks))
    floor = [PYTHON, str(HERE / "floor.py"), *map(str, scenes), str(work / "blocks.npy")]
    facts = {
        "rois": len(plan.rois),
        "blocks": plan.n_blocks,
        "pairs": len(plan.tile_rois.roi),
        "scenes": len(scenes),
        "bytes": plan.bytes_to_read * len(scenes),
    }
    return facts, floor


def out_of(tool: str, work: Path) -> Path:
    return work / f"out_{''.join(letter for letter in tool if letter.isalnum())}.parquet"


def seconds_of(result: Run) -> float:
    """Wall time of the process; where it says that of its run alone on its last line, this."""
    try:
        return float(json.loads(result.tail)["seconds"])
    except (ValueError, TypeError, KeyError):
        return result.wall


def measure(job: Job, rounds: int, tools: list[str], work: Path) -> dict:
    """Run every tool of a job in turn, `rounds` times, after one round of georoi that does not count."""
    facts, floor = facts_of(job, work)
    commands = {"floor": floor}
    for tool in job.tools:
        if (not tools or tool in tools) and not missing(tool):
            commands[tool] = command(job, tool, out_of(tool, work), work)
    runs: dict[str, list[Run]] = {tool: [] for tool in commands}
    for turn in range(rounds + 1):
        for tool, words in commands.items():
            is_peer = tool in (*FRACTION, *CENTER)
            spent = sum(result.wall for result in runs[tool])
            if (turn == 0 and is_peer) or spent > PATIENCE or (runs[tool] and runs[tool][-1].code):
                continue
            out_of(tool, work).unlink(missing_ok=True)
            result = run(words, log=work / "log.txt", timeout=7200)
            said = f"{job.name:14} {turn} {tool:24} {seconds_of(result):8.2f} s {result.peak:7.0f} MB"
            print(said, "" if result.code == 0 else f"FAILED {result.tail}", flush=True)
            if turn or result.code:
                runs[tool].append(result)
    return {
        **facts,
        "wall": {t: statistics.median(map(seconds_of, rs)) for t, rs in runs.items() if rs},
        "peak": {t: max(r.peak for r in rs) for t, rs in runs.items() if rs},
        "runs": {t: len(rs) for t, rs in runs.items() if rs},
        "failed": {t: rs[-1].tail for t, rs in runs.items() if rs and rs[-1].code},
        "agreement": compare(job, [t for t, rs in runs.items() if rs and rs[-1].code == 0], work),
        "commands": {tool: " ".join(words) for tool, words in commands.items()},
    }


def compare(job: Job, tools: list[str], work: Path) -> dict:
    """Compare each peer's table with georoi's under the peer's own boundary rule."""
    found = {}
    for tool in tools:
        if tool in FRACTION and "georoi" in tools:
            found[tool] = differences(out_of("georoi", work), out_of(tool, work))
        elif tool in CENTER:
            ours = out_of("georoi (center)", work)
            ours.unlink(missing_ok=True)
            run(command(job, "georoi (center)", ours, work), log=work / "log.txt", timeout=7200)
            found[tool] = differences(ours, out_of(tool, work))
        elif tool == "two worker processes":
            found[tool] = differences(out_of("one worker process", work), out_of(tool, work))
    for tool, differs in found.items():
        print(f"{job.name:14}   {tool:24} {differs}", flush=True)
    return found


def note(tool: str, result: dict) -> str:
    """How a tool's table compares with georoi's."""
    if tool in result["failed"]:
        return "failed: " + result["failed"][tool].replace("|", "/")[:80]
    found = result["agreement"].get(tool)
    if found is None:
        return ""
    rows = result["rois"] * result["scenes"]
    far = max(found.get(name, 0) for name in ("count", "mean"))
    told = "the same bits" if not any(found.values()) else f"count and mean to {far:.0e}"
    told += f"; min or max differ in {found['min'] + found['max']:.0f}" if found["min"] + found["max"] else ""
    return told if agree(found, rows) else f"DIFFERS: {found}"


def table(job: Job, result: dict) -> str:
    """One job as a Markdown table."""
    base = result["wall"].get("floor", float("nan"))
    of = f" of each of {result['scenes']} dates" if result["scenes"] > 1 else ""
    lines = [
        f"### {job.title}",
        "",
        f"{result['rois']:,} ROIs, {result['blocks']:,} blocks touched{of}, {result['pairs']:,} pairs of ROI and cell, "
        f"{result['bytes'] / 2**20:,.0f} MB decoded.",
        "",
        "| tool | runs | wall, s | times the floor | times georoi | peak memory, MB | compared with georoi |",
        "|---|---|---|---|---|---|---|",
    ]
    ours = next((wall for tool, wall in result["wall"].items() if tool != "floor"), float("nan"))
    for tool, wall in result["wall"].items():
        lines.append(
            f"| {tool} | {result['runs'][tool]} | {wall:.2f} | {wall / base:.2f} | {wall / ours:.2f} "
            f"| {result['peak'][tool]:,.0f} | {note(tool, result)} |"
        )
    return "\n".join(lines)


def page(results: dict[str, dict]) -> str:
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    versions = (
        f"rasterio {rasterio.__version__} (GDAL {rasterio.__gdal_version__}), georoi {georoi.__version__}"
    )
    chosen = [job for job in jobs() if job.name in results]
    lines = [
        f"{machine}, {versions}; medians of alternating rounds, compilation at first use not counted.",
        "",
        "| job | to reach | measured |",
        "|---|---|---|",
    ]
    lines += [f"| {job.title} | {job.goal} | {reached(job, results[job.name])} |" for job in chosen]
    lines.append("")
    for job in chosen:
        lines += [table(job, results[job.name]), ""]
    lines += ["### Commands of the statistics", ""]
    for job in chosen:
        lines += [f"{job.title}:", "", "```"]
        lines += map(shorten, results[job.name]["commands"].values())
        lines += ["```", ""]
    return "\n".join(lines)


def reached(job: Job, result: dict) -> str:
    """What was reached, by the tools that did the job."""
    done = {tool: wall for tool, wall in result["wall"].items() if tool not in result["failed"]}
    lacking = "georoi" in job.tools and "georoi" not in done
    return "not measured" if lacking else job.reached(done, result["peak"])


def shorten(text: str) -> str:
    """A command as one would type it in the checkout, with many scenes as a wildcard."""
    words = []
    for word in text.split():
        path = Path(word)
        if word.endswith(("/python", "/georoi")):
            words.append(path.name)
        elif path.is_absolute():
            short = path.parent / "*.tif" if path.parent.name in ("stack", "series") else path
            words.append(os.path.relpath(short, HERE.parent))
        else:
            words.append(word)
    return " ".join(dict.fromkeys(words)) if "*.tif" in "".join(words) else " ".join(words)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", nargs="*", default=[], choices=[job.name for job in jobs()])
    parser.add_argument("--tools", nargs="*", default=[], help="names as in the table; all by default")
    parser.add_argument("--small", action="store_true", help="on the small scenes, never written to the page")
    parser.add_argument("--no-write", action="store_true")
    args = parser.parse_args()
    work = WORK / "small" if args.small else WORK
    kept_in = work / "results_zonal.json"
    kept = json.loads(kept_in.read_text()) if kept_in.exists() else {}
    for job in jobs():
        if (not args.jobs or job.name in args.jobs) and paths(work)[job.scenes].exists():
            kept[job.name] = measure(job, args.rounds, args.tools, work)
            kept_in.write_text(json.dumps(kept, indent=1))
    text = page(kept)
    print(text)
    if not (args.no_write or args.small):
        rewrite(PAGE, "run_zonal.py", text)
    for path in work.glob("out_*.parquet"):
        path.unlink()


if __name__ == "__main__":
    main()
