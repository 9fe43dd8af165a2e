"""rasterio.mask: usage rasterio_mask.py SCENE ROIS OUT."""

import sys

import geopandas as gpd
import rasterio
from rasterio.mask import mask

scene, rois, out = sys.argv[1:]
with rasterio.Env(GDAL_NUM_THREADS="ALL_CPUS", GDAL_CACHEMAX=512), rasterio.open(scene) as src:
    frame = gpd.read_file(rois).to_crs(src.crs)
    values, transform = mask(src, list(frame.geometry), crop=True)
    profile = src.profile | {
        "height": values.shape[1], "width": values.shape[2], "transform": transform, "tiled": True,
        "blockxsize": 512, "blockysize": 512, "compress": "deflate", "predictor": 2, "zlevel": 1, "num_threads": "all_cpus",
        "sparse_ok": True, "bigtiff": "if_safer",
    }  # fmt: skip
    with rasterio.open(out, "w", **profile) as dst:
        dst.write(values)
