"""Time the coverage kernels alone, in seconds of one core: python benchmarks/coverage.py.

10,000 parcels of 140 vertices on 20,480 x 20,480 pixels, each in its own window and in tiles of 512;
a ROI of a million vertices in 10,000 windows; a million small ROIs and a corridor against the blocks of a file.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import shapely

from georoi.kernels.cells import touched_cells
from georoi.kernels.coverage import cover
from georoi.kernels.distance import soften
from georoi.kernels.edges import EdgeIndex
from georoi.options import Boundary


def stars(count: int, size: float, vertices: int, roughness: float) -> tuple[np.ndarray, ...]:
    """Make stars on a square lattice, as (x, y, rings, polygons, rois, bounds)."""
    rng = np.random.default_rng(0)
    side = int(np.sqrt(count))
    row, col = np.divmod(np.arange(count), side)
    angle = np.linspace(0, 2 * np.pi, vertices + 1)
    radius = size / side * (0.45 + roughness * rng.uniform(-1, 1, (count, vertices + 1)))
    radius[:, -1] = radius[:, 0]
    x = (col[:, None] + 0.5) * size / side + radius * np.cos(angle)
    y = (row[:, None] + 0.5) * size / side + radius * np.sin(angle)
    x[:, -1], y[:, -1] = x[:, 0], y[:, 0]
    bounds = np.stack([x.min(1), y.min(1), x.max(1), y.max(1)], 1)
    each = np.arange(count + 1)
    return x.ravel(), y.ravel(), each * (vertices + 1), each, each, bounds


def report(name: str, work: Callable[[], Any]) -> Any:
    start = time.process_time()
    result = work()
    print(f"{name:<62} {time.process_time() - start:8.3f} s")
    return result


def tiles(window: tuple[int, ...], side: int) -> list[tuple[int, int, int, int]]:
    row0, row1, col0, col1 = window
    return [
        (max(row, row0), min(row + side, row1), max(col, col0), min(col + side, col1))
        for row in range(row0 // side * side, row1, side)
        for col in range(col0 // side * side, col1, side)
    ]


def main() -> None:
    small = EdgeIndex(*stars(1, 40, 8, 0)[:5])
    for rule in Boundary:
        report(f"first use: {rule.value}", lambda rule=rule: cover(small.select(0), (0, 40, 0, 40), rule))
    report("first use: soft mask", lambda: soften(small.select(0), (0, 40, 0, 40), 3.0))
    report("first use: cells", lambda: touched_cells(*stars(1, 40, 8, 0), (40, 40), (8, 8)))

    *parcels, bounds = stars(10_000, 20_480, 140, 0.01)
    index = report("index of 10,000 parcels", lambda: EdgeIndex(*parcels))
    low, high = np.floor(bounds).astype(int), np.ceil(bounds).astype(int)
    windows = [(b[1], t[3], b[0], t[2]) for b, t in zip(low.tolist(), high.tolist(), strict=True)]
    edges = report("edges of each in its window", lambda: [index.select(i, w) for i, w in enumerate(windows)])
    for rule in Boundary:
        report(
            f"{rule.value} of each in its window",
            lambda rule=rule: [cover(e, w, rule).size for e, w in zip(edges, windows, strict=True)],
        )
    report(
        "edges and fraction of each in tiles of 512",
        lambda: [
            cover(index.select(i, t), t, "fraction").size
            for i, w in enumerate(windows)
            for t in tiles(w, 512)
        ],
    )

    coast = report("index of a million vertices", lambda: EdgeIndex(*stars(1, 60_000, 1_000_000, 0.001)[:5]))
    report(
        "edges of it in 10,000 windows of 600",
        lambda: [len(coast.select(0, w)) for w in tiles((0, 60_000, 0, 60_000), 600)],
    )

    many = stars(1_000_000, 100_000, 10, 0.02)
    for cell in ((512, 512), (256, 256), (16, 100_000)):
        report(f"a million ROIs in blocks of {cell}", lambda c=cell: touched_cells(*many, (100_000,) * 2, c))
    corridor = shapely.LineString([(0, 0), (3e5, 4e5), (1e6, 1e6)]).buffer(400)
    xy = shapely.get_coordinates(corridor)
    one = np.array([0, 1])
    ragged = (xy[:, 0].copy(), xy[:, 1].copy(), np.array([0, len(xy)]), one, one, np.array([corridor.bounds]))
    for cell in ((512, 512), (64, 64), (8, 1_000_000)):
        report(
            f"a corridor over 1,000,000² px in blocks of {cell}",
            lambda c=cell: touched_cells(*ragged, (1_000_000,) * 2, c),
        )


if __name__ == "__main__":
    main()
