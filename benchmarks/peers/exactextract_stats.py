"""exactextract: usage exactextract_stats.py STRATEGY ROIS OUT SCENE... [-- STAT...]; of one scene the first band."""

import sys
from pathlib import Path

import geopandas as gpd
import pandas as pd
import rasterio
from exactextract import exact_extract
from exactextract.raster import RasterioRasterSource

words = sys.argv[1:]
stats = ["count", "mean", "min", "max", "stdev"]
if "--" in words:
    words, stats = words[: words.index("--")], words[words.index("--") + 1 :]
strategy, rois, out, *scenes = words
with rasterio.Env(GDAL_NUM_THREADS="ALL_CPUS", GDAL_CACHEMAX=2048):
    frame = gpd.read_parquet(rois)
    tables = []
    for scene in scenes:
        source = scene if len(scenes) > 1 else RasterioRasterSource(rasterio.open(scene), band_idx=1)
        table = exact_extract(
            source, frame, stats, include_cols=["id"], strategy=f"{strategy}-sequential", output="pandas"
        )
        if len(scenes) > 1:
            table["date"] = Path(scene).stem[-10:]
        tables.append(table)
pd.concat(tables).to_parquet(out)
