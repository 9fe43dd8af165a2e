"""The versions of the C libraries that read and write for us; one process can hold several of each."""

from __future__ import annotations

import pyogrio
import rasterio
import shapely


def native_versions() -> dict[str, str]:
    """Name GDAL, PROJ and GEOS, each with the package that carries it."""
    vector_gdal = ".".join(str(part) for part in pyogrio.__gdal_version__)
    return {
        "GDAL (rasterio)": rasterio.__gdal_version__,
        "GDAL (pyogrio)": vector_gdal,
        "PROJ (rasterio)": rasterio.__proj_version__,
        "GEOS (rasterio)": rasterio.__geos_version__,
        "GEOS (shapely)": shapely.geos_version_string,
    }
