"""Measures how `georoi stats` grows with ROIs and with dates; writes its figure and table in docs/scaling.md.

ROIs: 10^3 to 10^6 parcels that cover one band of 20,480 x 20,480 pixels. Dates: 1 to 140 of 4 bands of 2,048 x 2,048
pixels with 1,000 parcels. Whole processes, count, mean, std, min and max; the decode floor beside each.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from measure import run
from scenes import WORK
from sections import rewrite
from zonal_jobs import HERE, MOMENTS, PYTHON, georoi_stats
from zonal_scenes import paths

import georoi

DOCS = HERE.parent / "docs"
PAGE, FIGURE = DOCS / "scaling.md", DOCS / "figures" / "scaling.svg"
DATES = (1, 2, 5, 12, 35, 70, 140)
INK, BLUE, PINK = "#7a8694", "#538ee7", "#ee3081"


def cases(work: Path) -> list[tuple[str, str, list[Path], Path]]:
    """Family, name, scenes and ROIs of each run."""
    where = paths(work)
    names = ("parcels_1k", "parcels_10k", "parcels_100k", "parcels_1m")
    found = [("rois", name, [where["band"]], where[name]) for name in names]
    scenes = sorted(where["series"].glob("*.tif"))
    numbers = [number for number in DATES if number <= len(scenes)]
    return found + [("dates", str(number), scenes[:number], where["series_parcels"]) for number in numbers]


def measure(scenes: list[Path], rois: Path, rounds: int, work: Path) -> dict:
    """Run georoi and the floor in turn."""
    plan = georoi.plan(scenes[0], rois)
    blocks, out = work / "blocks.npy", work / "out_scaling.parquet"
    np.save(blocks, np.asarray(plan.blocks))
    several = georoi_stats(scenes[0], rois, out, MOMENTS)
    commands = {
        "floor": [PYTHON, str(HERE / "floor.py"), *map(str, scenes), str(blocks)],
        "georoi": [*several[:2], *map(str, scenes), *several[3:], "--long" if len(scenes) > 1 else "--wide"],
    }
    runs: dict[str, list] = {tool: [] for tool in commands}
    for turn in range(rounds + 1):
        for tool, words in commands.items():
            out.unlink(missing_ok=True)
            result = run(words, log=work / "log.txt", timeout=7200)
            if result.code:
                raise SystemExit(f"{tool} failed: {result.tail}")
            print(f"   {turn} {tool:8} {result.wall:8.2f} s {result.peak:7.0f} MB", flush=True)
            if turn:
                runs[tool].append(result)
    out.unlink(missing_ok=True)
    bands = plan.bands if isinstance(plan.bands, int) else len(plan.bands)
    return {
        "rois": len(plan.rois),
        "dates": len(scenes),
        "bands": bands,
        "blocks": plan.n_blocks,
        "pairs": len(plan.tile_rois.roi),
        "wall": statistics.median(r.wall for r in runs["georoi"]),
        "floor": statistics.median(r.wall for r in runs["floor"]),
        "peak": max(r.peak for r in runs["georoi"]),
    }


def table(results: list[dict]) -> str:
    lines = [
        "| ROIs | pairs of ROI and cell | dates x bands | blocks a date | wall, s | times the floor | peak memory, MB |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {found['rois']:,} | {found['pairs']:,} | {found['dates']} x {found['bands']} | {found['blocks']:,} "
        f"| {found['wall']:.1f} | {found['wall'] / found['floor']:.2f} | {found['peak']:,.0f} |"
        for found in results
    ]
    return "\n".join(lines)


def draw(by_rois: list[dict], by_dates: list[dict], path: Path) -> None:
    """Draw seconds and memory against the number of ROIs and of dates, readable on white and on dark paper."""
    style = {
        "svg.hashsalt": "georoi", "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK,
        "xtick.color": INK, "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False, "font.size": 10,
        "svg.fonttype": "none", "font.family": "sans-serif",
    }  # fmt: skip
    with mpl.rc_context(style):
        fig, axes = plt.subplots(2, 2, figsize=(9, 6), layout="constrained")
        for column, (found, key, label) in enumerate(
            ((by_rois, "rois", "ROIs"), (by_dates, "dates", "dates of 4 bands"))
        ):
            x = [result[key] for result in found]
            top, bottom = axes[:, column]
            top.plot(x, [result["wall"] for result in found], "o-", color=BLUE, label="georoi stats")
            top.plot(x, [result["floor"] for result in found], "s--", color=PINK, label="decode floor")
            bottom.plot(x, [result["peak"] for result in found], "o-", color=BLUE)
            top.set(xscale="log", yscale="log", ylabel="seconds")
            bottom.set(xscale="log", ylabel="peak memory, MB", xlabel=label, ylim=(0, None))
            for axis in (top.xaxis, top.yaxis, bottom.xaxis):
                axis.set_major_formatter("{x:,.10g}")
                axis.set_minor_formatter("")
            if column == 0:
                top.legend(frameon=False)
        fig.savefig(path, transparent=True, metadata={"Date": None})
        plt.close(fig)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--small", action="store_true", help="on the small scenes, never written to the page")
    parser.add_argument("--draw", action="store_true", help="only draw and write what was measured before")
    args = parser.parse_args()
    work = WORK / "small" if args.small else WORK
    kept_in = work / "results_scaling.json"
    results = json.loads(kept_in.read_text()) if kept_in.exists() else {}
    for family, name, scenes, rois in [] if args.draw else cases(work):
        print(f"{family} {name}", flush=True)
        results[f"{family} {name}"] = measure(scenes, rois, args.rounds, work)
        kept_in.write_text(json.dumps(results, indent=1))
    by_rois = [found for name, found in results.items() if name.startswith("rois")]
    by_dates = [found for name, found in results.items() if name.startswith("dates")]
    figure = "![Seconds and peak memory against the number of ROIs and of dates](figures/scaling.svg)"
    text = f"{figure}\n\n{table(by_rois)}\n\n{table(by_dates)}"
    print(text)
    draw(by_rois, by_dates, work / "scaling.svg" if args.small else FIGURE)
    if not args.small:
        rewrite(PAGE, "scaling.py", text)


if __name__ == "__main__":
    main()
