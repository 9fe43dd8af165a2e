"""Makes the scenes and ROIs that the benchmarks run on.

The dense scene has 20,480 x 20,480 pixels, 4 bands uint16 in blocks of 512, deflate with predictor 2. The two sparse
ones hold pixels only near the corridor. ROIs are in EPSG:4326: a corridor from corner to corner, and a blob 6,000
pixels wide.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from rasterio.transform import from_origin
from rasterio.windows import Window

WORK = Path(__file__).parent / "work"
BLOCK = 512
CRS = "EPSG:32633"
DENSE, SPARSE, HUGE = 20_480, 100_000, 1_000_000


def profile(side: int, bands: int, pixel: float) -> dict:
    # the origin keeps even the widest scene within its UTM zone
    return {
        "driver": "GTiff", "width": side, "height": side, "count": bands, "dtype": "uint16", "nodata": 0, "crs": CRS,
        "transform": from_origin(400_000, 5_300_000, pixel, pixel), "tiled": True, "blockxsize": BLOCK,
        "blockysize": BLOCK, "compress": "deflate", "predictor": 2, "num_threads": "all_cpus", "bigtiff": "yes",
        "sparse_ok": True,
    }  # fmt: skip


def block_values(rng: np.random.Generator, row: int, col: int, bands: int) -> np.ndarray:
    """One block that compresses as a scene does: smooth ground, texture and noise."""
    y, x = np.mgrid[0:BLOCK, 0:BLOCK].astype("float32")
    ground = 2000 + 800 * np.sin((x + col * BLOCK) / 911) + 700 * np.cos((y + row * BLOCK) / 677)
    values = [ground * (0.6 + 0.3 * b) + rng.normal(0, 30, (BLOCK, BLOCK)) for b in range(bands)]
    return np.clip(np.stack(values), 1, 65_535).astype("uint16")


def corridor(side: int, pixel: float, width: float) -> shapely.Polygon:
    """A winding strip from corner to corner, `width` pixels wide, in the scene's CRS."""
    t = np.linspace(0, 1, 400)
    bend = side * 0.02 * np.sin(t * 21) * np.sin(np.pi * t)
    x = side * (0.012 + 0.976 * t) + bend
    y = side * (0.022 + 0.956 * t) - bend
    line = shapely.LineString(np.c_[400_000 + x * pixel, 5_300_000 - y * pixel])
    return line.buffer(width / 2 * pixel, quad_segs=8)


def blob(side: int, pixel: float, width: float) -> shapely.Polygon:
    """A compact shape with a wavy outline, about `width` pixels wide, in the middle of the scene."""
    angle = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    radius = width / 2 * (0.93 + 0.05 * np.sin(5 * angle) + 0.02 * np.sin(31 * angle))
    x = side * 0.52 + radius * np.cos(angle)
    y = side * 0.47 + radius * np.sin(angle)
    return shapely.Polygon(np.c_[400_000 + x * pixel, 5_300_000 - y * pixel])


def save_roi(name: str, geometry: shapely.Geometry) -> None:
    frame = gpd.GeoDataFrame({"id": [name]}, geometry=[geometry], crs=CRS).to_crs("EPSG:4326")
    frame.to_file(WORK / f"{name}.geojson", driver="GeoJSON")


def write_dense(path: Path, side: int) -> None:
    rng = np.random.default_rng(7)
    with rasterio.open(path, "w", **profile(side, 4, 10)) as dst:
        for row in range(side // BLOCK):
            for col in range(side // BLOCK):
                dst.write(
                    block_values(rng, row, col, 4), window=Window(col * BLOCK, row * BLOCK, BLOCK, BLOCK)
                )


def write_sparse(path: Path, side: int, bands: int, pixel: float, near: shapely.Geometry) -> None:
    """Pixels only in the blocks within one block of `near`; 16 patterns in turn, since entropy is what counts."""
    rng = np.random.default_rng(11)
    patterns = [block_values(rng, k, 3 * k, bands) for k in range(16)]
    shapely.prepare(near)
    step = BLOCK * pixel
    with rasterio.open(path, "w", **profile(side, bands, pixel)) as dst:
        written = 0
        for row in range(-(-side // BLOCK)):
            top = 5_300_000 - row * step
            band = shapely.box(400_000, top - 2 * step, 400_000 + side * pixel, top + step)
            strip = near.intersection(band)
            if strip.is_empty:
                continue
            first = max(int((strip.bounds[0] - 400_000) // step) - 1, 0)
            last = int((strip.bounds[2] - 400_000) // step) + 1
            for col in range(first, min(last, (side - 1) // BLOCK) + 1):
                height, width = min(BLOCK, side - row * BLOCK), min(BLOCK, side - col * BLOCK)
                window = Window(col * BLOCK, row * BLOCK, width, height)
                dst.write(patterns[written % 16][:, :height, :width], window=window)
                written += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=DENSE, help="side of the dense scene in pixels")
    parser.add_argument("--only", nargs="*", default=["dense", "sparse", "huge"])
    args = parser.parse_args()
    WORK.mkdir(exist_ok=True)
    made = {}
    if "dense" in args.only:
        save_roi("corridor", corridor(args.side, 10, 220))
        save_roi("blob", blob(args.side, 10, 6_000 * args.side / DENSE))
        write_dense(WORK / "dense.tif", args.side)
        made["dense"] = args.side
    for name, side, bands, pixel in (("sparse", SPARSE, 4, 2.0), ("huge", HUGE, 1, 0.2)):
        if name in args.only:
            strip = corridor(side, pixel, 220)
            save_roi(f"corridor_{name}", strip)
            write_sparse(WORK / f"{name}.tif", side, bands, pixel, strip)
            made[name] = side
    (WORK / "scenes.json").write_text(json.dumps(made))


if __name__ == "__main__":
    main()
