"""Open datasets: each belongs to one thread, is checked against its fingerprint, and closed when unused."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from dataclasses import dataclass

from rasterio.io import DatasetReader

from georoi.errors import MemoryBudgetError, RasterError
from georoi.io.failures import FOREIGN, opening_failed
from georoi.io.raster.gdal_profile import LARGEST_BLOCK_BYTES, bound_block_cache, is_remote, open_dataset
from georoi.io.raster.headers import alpha_band, header_digest
from georoi.io.raster.sources import container_of, fingerprint, size_and_time
from georoi.io.raster.vrt_scan import scan_vrt
from georoi.values.raster import Georeference, Raster

OPEN_PER_THREAD = 8
"""Datasets that a thread keeps open; the least recently used one is closed for the next."""

UNKNOWN_STAMP = "remote"


@dataclass(frozen=True, eq=False)
class Handle:
    """An open dataset of the calling thread, and what reading needs to know of it."""

    dataset: DatasetReader
    file: str | None
    """The local file whose size and time are checked at every read; None for what is remote."""
    status: str
    """Size and time of that file when it was opened."""
    alpha: int | None
    """Number of the alpha band."""


class _Handles(threading.local):
    """The open datasets of one thread."""

    def __init__(self) -> None:
        self.opened: OrderedDict[tuple[str, str], Handle] = OrderedDict()
        self.process = os.getpid()
        self.generation = _generation


_generation = 0
_handles = _Handles()
_abandoned: list[OrderedDict[tuple[str, str], Handle]] = []


def borrow(raster: Raster) -> Handle:
    """Give the calling thread's open dataset for a raster; call within `environment`, and do not keep it.

    Raises:
        RasterError: E-RAS-08 if the file has changed since the raster was described, E-RAS-01 if it cannot
            be opened any more.
        MemoryBudgetError: E-MEM-01 if one of its blocks would decode to more than 256 MB.
    """
    _drop_stale()
    key = (raster.path, raster.fingerprint)
    handle = _handles.opened.get(key)
    if handle is not None:
        if handle.file is not None and _status(handle.file, raster) != handle.status:
            raise _changed(raster)
        _handles.opened.move_to_end(key)
        return handle
    while len(_handles.opened) >= OPEN_PER_THREAD:
        _handles.opened.popitem(last=False)[1].dataset.close()
    handle = _open(raster)
    _handles.opened[key] = handle
    return handle


def close_handles() -> None:
    """Close what the calling thread holds open; other threads close theirs at their next read."""
    global _generation
    _generation += 1
    _drop_stale()


def make_fingerprint(path: str, driver: str) -> str:
    """Give what changes when the raster does; a VRT's covers size and time of the files it reads.

    Args:
        path: What GDAL opens.
        driver: GDAL's name of the format.
    """
    container = container_of(path)
    stamp = fingerprint(container)
    if driver != "VRT":
        return stamp
    return "-".join([stamp, *(size_and_time(file) for file in scan_vrt(container))])


def _open(raster: Raster) -> Handle:
    container = container_of(raster.path)
    local = not is_remote(raster.path)
    status = _status(container, raster) if local else ""
    stated, _, header = raster.fingerprint.partition("+")
    now = make_fingerprint(raster.path, raster.driver)
    if now != stated and UNKNOWN_STAMP not in (now, stated):
        raise _changed(raster)
    placed_by_gdal = (
        raster.georeference == Georeference.CRS
        and raster.driver != "netCDF"
        and not raster.grid.affine.is_identity
    )
    try:
        dataset = open_dataset(raster.path, (raster.driver,), quiet=not placed_by_gdal)
    except FOREIGN as error:
        raise opening_failed(error, raster.name) from error
    if header and header_digest(dataset) != header:
        dataset.close()
        raise _changed(raster)
    _check_blocks(dataset, raster)
    return Handle(dataset, container if local else None, status, alpha_band(dataset))


def _check_blocks(dataset: DatasetReader, raster: Raster) -> None:
    rows, cols = dataset.block_shapes[raster.bands[0] - 1]
    together = dataset.count if raster.interleave == "pixel" else 1
    size = rows * cols * raster.itemsize * together
    if size > LARGEST_BLOCK_BYTES:
        dataset.close()
        raise MemoryBudgetError(
            "E-MEM-01",
            f"one block of raster '{raster.name}' would take {size / 2**20:,.0f} MB of memory",
            found={"block": f"{rows} x {cols} pixels", "allowed": f"{LARGEST_BLOCK_BYTES / 2**20:,.0f} MB"},
            hint="write it anew in smaller blocks, for instance: gdal_translate -co TILED=YES IN OUT.tif",
        )
    bound_block_cache(size)


def _status(file: str, raster: Raster) -> str:
    try:
        return size_and_time(file)
    except OSError as error:
        raise _changed(raster) from error


def _changed(raster: Raster) -> RasterError:
    return RasterError(
        "E-RAS-08",
        f"raster '{raster.name}' has changed since it was opened",
        hint="open it anew with open_raster, and plan again",
    )


def _drop_stale() -> None:
    if _handles.process != os.getpid():
        # A forked child shares its parent's file positions: neither use nor close them, just keep them alive.
        _abandoned.append(_handles.opened)
        _handles.opened, _handles.process = OrderedDict(), os.getpid()
    if _handles.generation != _generation:
        while _handles.opened:
            _handles.opened.popitem()[1].dataset.close()
        _handles.generation = _generation
