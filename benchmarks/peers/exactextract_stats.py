"""exactextract: usage exactextract_stats.py STRATEGY ROIS OUT SCENE... [-- STAT...]. Its own names of statistics."""

import sys
from pathlib import Path

import geopandas as gpd
import pandas as pd
import rasterio
from exactextract import exact_extract

words = sys.argv[1:]
stats = ["count", "mean", "min", "max", "stdev"]
if "--" in words:
    words, stats = words[: words.index("--")], words[words.index("--") + 1 :]
strategy, rois, out, *scenes = words
with rasterio.Env(GDAL_NUM_THREADS="ALL_CPUS", GDAL_CACHEMAX=2048):
    frame = gpd.read_parquet(rois)
    tables = []
    for scene in scenes:
        table = exact_extract(
            scene, frame, stats, include_cols=["id"], strategy=f"{strategy}-sequential", output="pandas"
        )
        if len(scenes) > 1:
            table["date"] = Path(scene).stem[-10:]
        tables.append(table)
pd.concat(tables).to_parquet(out)
