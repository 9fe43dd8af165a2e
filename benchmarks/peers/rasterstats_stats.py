"""rasterstats: usage rasterstats_stats.py ROIS OUT SCENE. Pixel centres."""

import sys

import geopandas as gpd
import pandas as pd
import rasterio
from rasterstats import zonal_stats

rois, out, scene = sys.argv[1:]
with rasterio.Env(GDAL_NUM_THREADS="ALL_CPUS", GDAL_CACHEMAX=2048):
    frame = gpd.read_parquet(rois)
    found = zonal_stats(frame, scene, stats=["count", "mean", "min", "max", "std"])
pd.DataFrame(found).assign(id=frame["id"].to_numpy()).to_parquet(out)
