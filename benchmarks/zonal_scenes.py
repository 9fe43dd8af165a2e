"""Makes the scenes and ROIs of the statistics' benchmarks, as GeoTIFF and GeoParquet under benchmarks/work.

band.tif is the first band of dense.tif (20,480 x 20,480 uint16, blocks of 512, deflate with predictor 2). Stacks
have 4 bands uint16 a date: 12 dates of 5,120 x 5,120 pixels, and 140 of 2,048 x 2,048 for the scaling runs.
Parcels are Voronoi cells of random points, shrunk by 3 % of their side and segmentised.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from rasterio.windows import Window
from scenes import BLOCK, CRS, WORK, block_values, profile

WEST, NORTH, PIXEL = 400_000.0, 5_300_000.0, 10.0
SIDE, STACK_SIDE, SERIES_SIDE = 20_480, 5_120, 2_048
STACK_DATES, SERIES_DATES = 12, 140


def extent(side: int) -> tuple[float, float, float, float]:
    """Bounds of a scene of `side` pixels."""
    return WEST, NORTH - side * PIXEL, WEST + side * PIXEL, NORTH


def parcels(count: int, side: int, vertices: int, seed: int = 5) -> np.ndarray:
    """Make `count` parcels that cover a scene of `side` pixels but for the strips between them.

    Each is segmentised so that an average one has about `vertices` vertices.
    """
    west, south, east, north = bounds = extent(side)
    rng = np.random.default_rng(seed)
    points = shapely.points(rng.uniform(west, east, count), rng.uniform(south, north, count))
    cells = shapely.voronoi_polygons(shapely.multipoints(points), extend_to=shapely.box(*bounds))
    cells = shapely.intersection(shapely.get_parts(cells), shapely.box(*bounds))
    width = np.sqrt((east - west) * (north - south) / count)
    cells = shapely.buffer(cells, -0.03 * width, join_style="mitre")
    cells = cells[shapely.area(cells) > 0]
    # an average Voronoi cell has six corners and a perimeter of four times the root of its area; a segment
    # becomes one more piece than fits, half a piece too many a corner on average
    return shapely.segmentize(cells, 3.8 * width / max(vertices - 4, 4)) if vertices > 10 else cells


def scattered(count: int, side: int, seed: int = 9) -> np.ndarray:
    """Make `count` wavy discs of 1 km² and 64 vertices, anywhere in a scene of `side` pixels."""
    rng = np.random.default_rng(seed)
    west, south, east, north = extent(side)
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    radius = np.sqrt(1e6 / np.pi) * (1 + 0.15 * np.sin(5 * angle + rng.uniform(0, 6, (count, 1))))
    x = rng.uniform(west + 700, east - 700, (count, 1)) + radius * np.cos(angle)
    y = rng.uniform(south + 700, north - 700, (count, 1)) + radius * np.sin(angle)
    discs = shapely.polygons(np.stack([x, y], axis=-1))
    about = shapely.points(shapely.get_coordinates(shapely.centroid(discs)))
    factor = np.sqrt(1e6 / shapely.area(discs))
    return np.array(
        [
            shapely.transform(disc, lambda xy, c=centre, f=f: c + (xy - c) * f)
            for disc, centre, f in zip(discs, shapely.get_coordinates(about), factor, strict=True)
        ]
    )


def save(path: Path, geometries: np.ndarray) -> None:
    ids = np.arange(len(geometries), dtype=np.int64)
    gpd.GeoDataFrame({"id": ids}, geometry=geometries, crs=CRS).to_parquet(path)
    vertices = shapely.get_num_coordinates(geometries).mean()
    print(f"{path.name}: {len(geometries):,} ROIs of {vertices:.0f} vertices on average", flush=True)


def write_series(folder: Path, side: int, dates: int, every: int) -> None:
    """Write a scene of 4 bands every so many days; blocks are patterns, whose entropy is what counts."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(3)
    patterns = [block_values(rng, k, 3 * k, 4) for k in range(16)]
    start = np.datetime64("2018-01-05")
    for number in range(dates):
        path = folder / f"S2_{start + number * every}.tif"
        with rasterio.open(path, "w", **profile(side, 4, PIXEL)) as dst:
            for i, (row, col) in enumerate(np.ndindex(side // BLOCK, side // BLOCK)):
                values = patterns[(i * 5 + number * 7) % 16] + np.uint16(number)
                dst.write(values, window=Window(col * BLOCK, row * BLOCK, BLOCK, BLOCK))


def paths(work: Path = WORK) -> dict[str, Path]:
    """Where each scene and set of ROIs lies."""
    names = ("parcels_1k", "parcels_10k", "parcels_100k", "parcels_1m", "scattered", "stack_parcels")
    return {name: work / f"{name}.parquet" for name in (*names, "series_parcels")} | {
        "band": work / "dense.tif" if work == WORK else work / "band.tif",
        "stack": work / "stack",
        "series": work / "series",
    }


def make(work: Path, small: bool, only: list[str]) -> None:
    """Make what is missing; a small set is for trying the programs out."""
    work.mkdir(parents=True, exist_ok=True)
    where = paths(work)
    side, stack, series = (2_048, 1_024, 1_024) if small else (SIDE, STACK_SIDE, SERIES_SIDE)
    part = 100 if small else 1
    rois = {
        "parcels_1k": lambda: parcels(1_000 // part, side, 140),
        "parcels_10k": lambda: parcels(10_000 // part, side, 140),
        "parcels_100k": lambda: parcels(100_000 // part, side, 140),
        "parcels_1m": lambda: parcels(1_000_000 // part, side, 20),
        "scattered": lambda: scattered(2_000 // part, side),
        "stack_parcels": lambda: parcels(1_000 // part, stack, 140),
        "series_parcels": lambda: parcels(1_000 // part, series, 140),
    }
    for name, build in rois.items():
        if (not only or name in only) and not where[name].exists():
            save(where[name], build())
    if (not only or "band" in only) and not where["band"].exists():
        if not small:
            raise SystemExit("the scene of the clips is needed first: python benchmarks/scenes.py")
        small_band(where["band"], side)
    for name, length, dates, every in (
        ("stack", stack, 3 if small else STACK_DATES, 15),
        ("series", series, 6 if small else SERIES_DATES, 5),
    ):
        if (not only or name in only) and not where[name].exists():
            write_series(where[name], length, dates, every)


def small_band(path: Path, side: int) -> None:
    rng = np.random.default_rng(7)
    with rasterio.open(path, "w", **profile(side, 1, PIXEL)) as dst:
        for row, col in np.ndindex(side // BLOCK, side // BLOCK):
            window = Window(col * BLOCK, row * BLOCK, BLOCK, BLOCK)
            dst.write(block_values(rng, row, col, 1), window=window)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a hundredth of it, under benchmarks/work/small")
    parser.add_argument("--only", nargs="*", default=[], choices=list(paths()))
    args = parser.parse_args()
    make(WORK / "small" if args.small else WORK, args.small, args.only)


if __name__ == "__main__":
    main()
