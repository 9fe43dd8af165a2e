"""rioxarray clip: usage rioxarray_clip.py eager|dask SCENE ROIS OUT. The box is clipped first, then the polygon."""

import sys
import threading

import geopandas as gpd
import rasterio
import rioxarray

mode, scene, rois, out = sys.argv[1:]
options = {"chunks": {"band": -1, "x": 2048, "y": 2048}, "lock": False} if mode == "dask" else {}
with rasterio.Env(GDAL_NUM_THREADS="ALL_CPUS", GDAL_CACHEMAX=512):
    data = rioxarray.open_rasterio(scene, **options)
    frame = gpd.read_file(rois).to_crs(data.rio.crs)
    clipped = data.rio.clip_box(*frame.total_bounds).rio.clip(frame.geometry.values, frame.crs)
    writing = {"windowed": True, "lock": threading.Lock()} if mode == "dask" else {}
    clipped.rio.to_raster(
        out, tiled=True, blockxsize=512, blockysize=512, compress="deflate", predictor=2, zlevel=1, num_threads="all_cpus",
        sparse_ok=True, **writing,
    )  # fmt: skip
