"""A loop over rasterio.mask with numpy: usage rasterio_mask_stats.py ROIS OUT SCENE. Pixel centres."""

import sys

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
from rasterio.mask import mask

rois, out, scene = sys.argv[1:]
rows = []
with rasterio.Env(GDAL_NUM_THREADS="ALL_CPUS", GDAL_CACHEMAX=2048), rasterio.open(scene) as src:
    frame = gpd.read_parquet(rois)
    for number, polygon in zip(frame["id"], frame.geometry, strict=True):
        pixels, _ = mask(src, [polygon], crop=True, filled=False, indexes=1)
        values = pixels.compressed()
        if len(values):
            found = (np.mean(values), values.min(), values.max(), np.std(values))
        else:
            found = (np.nan,) * 4
        rows.append((number, len(values), *found))
pd.DataFrame(rows, columns=["id", "count", "mean", "min", "max", "std"]).to_parquet(out)
