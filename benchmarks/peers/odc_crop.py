"""odc-geo crop: usage odc_crop.py SCENE ROIS OUT. Pixel centres, as the others."""

import sys
import threading

import geopandas as gpd
import odc.geo.xr  # noqa: F401  registers the accessor
import rasterio
import rioxarray
from odc.geo.geom import Geometry

scene, rois, out = sys.argv[1:]
with rasterio.Env(GDAL_NUM_THREADS="ALL_CPUS", GDAL_CACHEMAX=512):
    data = rioxarray.open_rasterio(scene, chunks={"band": -1, "x": 2048, "y": 2048}, lock=False)
    frame = gpd.read_file(rois)
    polygon = Geometry(frame.geometry.union_all(), frame.crs).to_crs(data.odc.crs)
    clipped = data.odc.crop(polygon, all_touched=False).fillna(0).astype("uint16")
    clipped.rio.write_nodata(0).rio.to_raster(
        out, tiled=True, blockxsize=512, blockysize=512, compress="deflate", predictor=2, zlevel=1, num_threads="all_cpus",
        sparse_ok=True, windowed=True, lock=threading.Lock(),
    )  # fmt: skip
