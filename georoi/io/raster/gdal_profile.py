"""How georoi lets rasterio's GDAL work: which formats, which options, how much cache."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Sequence

from rasterio import Env
from rasterio.env import set_gdal_config
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import DatasetReader
from rasterio.session import DummySession

BLOCK_CACHE_BYTES = 8 * 2**20
"""Decoded blocks that GDAL may keep at the least, of all threads; more for large blocks. Reads go by whole
blocks, so that just those being read need to stay."""

LARGEST_BLOCK_BYTES = 256 * 2**20
"""A block that would decode to more than this is refused before it is read."""

IN_PLACE_DRIVERS = ("GTiff", "JP2OpenJPEG", "PNG", "JPEG", "netCDF")
"""Formats allowed where the content cannot be looked at first: in archives and over the network."""

_COMMON = {
    "GDAL_PAM_ENABLED": "NO",  # never writes x.tif.aux.xml beside a source
    "GDAL_VRT_ENABLE_PYTHON": "NO",
    "GTIFF_IMPLICIT_JPEG_OVR": "NO",
    "CPL_DEBUG": "OFF",  # debug output would name signed URLs
}
_LOCAL = _COMMON | {
    # No listing of the folder, but world files and external masks beside the file are looked for by name.
    "GDAL_DISABLE_READDIR_ON_OPEN": "TRUE",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",  # a local file never leads to the network
}
_ARCHIVE = _LOCAL | {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"}
_REMOTE = _COMMON | {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_HTTP_MAX_RETRY": "5",
    "GDAL_HTTP_RETRY_DELAY": "0.5",
    "GDAL_HTTP_TIMEOUT": "60",
    "GDAL_HTTP_CONNECTTIMEOUT": "10",
    "GDAL_HTTP_LOW_SPEED_TIME": "30",
    "GDAL_HTTP_LOW_SPEED_LIMIT": "1",
    "CPL_AWS_AUTODETECT_EC2": "NO",
}
_OPEN_OPTIONS = {
    # Without it, coordinates that lack CF attributes are ignored and the rows come upside down.
    "netCDF": {"IGNORE_XY_AXIS_NAME_CHECKS": "YES"}
}

_WARNING_FILTERS = threading.Lock()
_CACHE_LOCK = threading.Lock()
_cache_bytes = [0]


def is_remote(gdal_path: str) -> bool:
    """Tell whether what GDAL would open lies on the network."""
    return any(prefix in gdal_path for prefix in ("/vsicurl/", "/vsis3/", "/vsigs/", "/vsiaz/"))


def environment(gdal_path: str) -> Env:
    """Give the options to hold while a dataset is opened or read; they are the thread's own.

    Options of the calling program, such as `rasterio.Env(...)` around it, stay in force where these do not
    say otherwise. Entering costs some 40 microseconds.
    """
    if not is_remote(gdal_path):
        return Env(session=DummySession(), **(_ARCHIVE if "/vsi" in gdal_path else _LOCAL))
    # A changed object must never be served from what an earlier opening left in memory.
    return Env(session=DummySession(), **_REMOTE, CPL_VSIL_CURL_NON_CACHED=_remote_part(gdal_path))


def open_dataset(gdal_path: str, drivers: Sequence[str], *, quiet: bool = True) -> DatasetReader:
    """Open a dataset that only the calling thread will use, by one of the drivers; call within `environment`.

    Args:
        gdal_path: What GDAL opens.
        drivers: GDAL's names of the formats allowed.
        quiet: Keep rasterio from warning of a missing transform. It takes a lock of the process, so leave it
            out where the transform is known to be there.
    """
    options = _OPEN_OPTIONS.get(drivers[0], {}) if len(drivers) == 1 else {}
    if not quiet:
        return DatasetReader(gdal_path, driver=list(drivers), sharing=False, **options)
    with _WARNING_FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return DatasetReader(gdal_path, driver=list(drivers), sharing=False, **options)


def bound_block_cache(block_bytes: int = 0) -> None:
    """Hold the process's GDAL to a small block cache, unless GDAL_CACHEMAX is in its environment.

    It has room for two blocks a core, which GDAL needs to decode a block of interleaved bands once. GDAL's
    own default is 5 % of the machine's memory. The cache belongs to the process, so this also holds for what
    the calling program reads with rasterio.

    Args:
        block_bytes: What a block of all its bands takes decoded.
    """
    _grow_block_cache(max(BLOCK_CACHE_BYTES, 2 * (os.cpu_count() or 1) * block_bytes))


def _grow_block_cache(size: int) -> None:
    with _CACHE_LOCK:
        if "GDAL_CACHEMAX" not in os.environ and size > _cache_bytes[0]:
            set_gdal_config("GDAL_CACHEMAX", size)
            _cache_bytes[0] = size


def _remote_part(gdal_path: str) -> str:
    return gdal_path[gdal_path.index("/vsi") :].split('"')[0]
