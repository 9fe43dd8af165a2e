"""The versions behind `georoi --show-versions`."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from georoi.cli.text import facts

_PACKAGES = (
    "numpy",
    "numba",
    "scipy",
    "rasterio",
    "tifffile",
    "imagecodecs",
    "geopandas",
    "pyogrio",
    "pyarrow",
    "shapely",
    "pyproj",
    "dask",
    "xarray",
    "odc-geo",
    "click",
    "distributed",
    "zarr",
    "matplotlib",
    "folium",
)


def versions_text() -> str:
    """Name the versions of georoi, Python, the platform, the C libraries and the packages."""
    import georoi
    from georoi.io.versions import native_versions

    python = f"{platform.python_version()} ({sys.platform}, {platform.machine()})"
    packages = [(name, _version(name)) for name in _PACKAGES]
    return facts([("georoi", georoi.__version__), ("python", python), *native_versions().items(), *packages])


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
