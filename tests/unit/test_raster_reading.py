"""Reading windows: slices, blocks read once, damage, changes, threads, processes."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import rasterio
import tifffile

from georoi.errors import MemoryBudgetError, RasterError, UsageError
from georoi.io.raster import handles
from georoi.io.raster.rasters import close_handles, open_raster, read_window
from tests.builders import NORTH_UP, ramp, write_raster
from tests.openings import refused, whole


@pytest.mark.parametrize("window", [(0, 40, 0, 60), (15, 17, 31, 33), (39, 40, 59, 60), (0, 1, 0, 60)])
def test_windows_are_slices(tmp_path: Path, window: tuple[int, int, int, int]) -> None:
    """A window is the slice of the whole, of all bands, in the file's dtype."""
    values = ramp(3)
    raster = open_raster(write_raster(tmp_path / "a.tif", values, compress="lzw"))
    pixels = read_window(raster, window).values
    assert pixels.dtype == np.uint16
    assert np.array_equal(pixels, values[:, window[0] : window[1], window[2] : window[3]])


@pytest.mark.parametrize("window", [(0, 41, 0, 60), (-1, 4, 0, 4), (0, 4, 5, 4), (0, 4, 0, 61)])
def test_windows_past_the_edge_are_refused(tmp_path: Path, window: tuple[int, int, int, int]) -> None:
    """A window that is not inside the raster is the caller's mistake, said with both sides."""
    raster = open_raster(write_raster(tmp_path / "a.tif", ramp(1)))
    with pytest.raises(UsageError, match="40 rows, 60 columns"):
        read_window(raster, window)


def test_empty_windows_open_nothing(tmp_path: Path) -> None:
    """An empty window gives an empty array, even when the file is gone."""
    path = write_raster(tmp_path / "a.tif", ramp(2))
    raster = open_raster(path)
    path.unlink()
    assert read_window(raster, (3, 3, 0, 10)).values.shape == (2, 0, 10)


def test_each_touched_block_is_read_once_and_no_other(tmp_path: Path) -> None:
    """The bytes that a read takes are those of the blocks it meets, once: bands, alpha and mask alike."""
    counter = Path("/proc/self/io")
    if not counter.exists():
        pytest.skip("needs /proc/self/io")
    noise = np.random.default_rng(1).integers(0, 65536, (4, 1024, 1024)).astype("uint16")

    def bytes_read() -> int:
        return int(counter.read_text().split()[1])

    for interleave, alpha, bands in (
        ("pixel", False, None),
        ("pixel", True, [1, 2]),
        ("band", False, [2, 3]),
    ):
        path = write_raster(
            tmp_path / "a.tif", noise, block=256, alpha=alpha, interleave=interleave, compress="deflate"
        )
        with tifffile.TiffFile(path) as tiff:
            sizes = np.array(tiff.pages[0].databytecounts).reshape(-1, 4, 4)
        raster = open_raster(path, bands=bands)
        before = bytes_read()
        read_window(raster, (300, 700, 260, 500))
        took = bytes_read() - before
        planes = sizes if interleave == "pixel" else sizes[1:3]
        wanted = int(planes[:, 1:3, 1:2].sum())
        opening = 150_000  # the header, read again to check the fingerprint
        assert wanted <= took <= wanted + opening
        close_handles()


def test_corrupt_part_is_named(tmp_path: Path) -> None:
    """A damaged block is E-RAS-02 with file, window, bands and GDAL's real reason; others still read."""
    values = ramp(2, 64, 64)
    path = write_raster(tmp_path / "a.tif", values, block=32, compress="deflate", interleave="pixel")
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        offset, count = page.dataoffsets[3], page.databytecounts[3]
    content = bytearray(path.read_bytes())
    content[offset : offset + count] = bytes(count)
    path.write_bytes(content)
    raster = open_raster(path)
    assert np.array_equal(read_window(raster, (0, 32, 0, 64)).values, values[:, :32])
    with pytest.raises(RasterError) as caught:
        read_window(raster, (30, 64, 30, 64))
    error = caught.value
    assert error.id == "E-RAS-02"
    assert "a.tif" in error.rule
    assert error.found["window"] == "rows 30 to 64, columns 30 to 64"
    assert error.found["bands"] == "1, 2"
    assert "ZIPDecode" in error.found["reason"]
    assert "previous exception" not in error.found["reason"]


def test_truncated_file_is_refused(tmp_path: Path) -> None:
    """A file cut in its pixels opens but does not read; one cut in its header does not open."""
    path = write_raster(tmp_path / "a.tif", ramp(1, 64, 64), block=32)
    content = path.read_bytes()
    path.write_bytes(content[:-2000])
    with pytest.raises(RasterError, match="E-RAS-02"):
        whole(path)
    path.write_bytes(content[:20])
    assert refused(path).id == "E-RAS-01"


def test_block_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    """A file of a few bytes that declares a 1 GB block is refused from the header."""
    path = tmp_path / "bomb.tif"
    with rasterio.open(
        path, "w", driver="GTiff", count=1, height=64, width=64, dtype="float64", crs="EPSG:32633",
        transform=NORTH_UP, tiled=True, blockxsize=16384, blockysize=8192, sparse_ok=True, compress="deflate",
    ):  # fmt: skip
        pass
    raster = open_raster(path)
    with pytest.raises(MemoryBudgetError, match="1,024 MB"):
        read_window(raster, (0, 1, 0, 1))


@pytest.mark.parametrize("opened_before", [True, False])
def test_changed_file_is_noticed(tmp_path: Path, opened_before: bool) -> None:
    """A file that changes after it was described is E-RAS-08, whether a handle is open on it or not."""
    path = write_raster(tmp_path / "a.tif", ramp(1))
    raster = open_raster(path)
    if opened_before:
        read_window(raster, (0, 1, 0, 1))
    write_raster(tmp_path / "b.tif", ramp(1) * 2)
    (tmp_path / "b.tif").replace(path)
    with pytest.raises(RasterError, match="E-RAS-08"):
        read_window(raster, (0, 1, 0, 1))
    assert read_window(open_raster(path), (0, 1, 0, 1)).values[0, 0, 0] == 2


def test_removed_file_is_noticed(tmp_path: Path) -> None:
    """A file that is gone is E-RAS-08 too."""
    path = write_raster(tmp_path / "a.tif", ramp(1))
    raster = open_raster(path)
    path.unlink()
    with pytest.raises(RasterError, match="E-RAS-08"):
        read_window(raster, (0, 1, 0, 1))


def test_same_size_and_time_do_not_hide_a_changed_header(tmp_path: Path) -> None:
    """The digest of the file's beginning counts, not only its size and time."""
    path = write_raster(tmp_path / "a.tif", ramp(1))
    raster = open_raster(path)
    times = path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 255
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(RasterError, match="E-RAS-08"):
        read_window(raster, (0, 1, 0, 1))


def test_changed_source_of_a_vrt_is_noticed(tmp_path: Path) -> None:
    """A VRT changes when a file that it reads does."""
    path = write_raster(tmp_path / "a.tif", ramp(1))
    vrt = tmp_path / "a.vrt"
    with rasterio.open(path) as dataset:
        rasterio.shutil.copy(dataset, vrt, driver="VRT")
    raster = open_raster(vrt)
    write_raster(path, ramp(1) * 2)
    with pytest.raises(RasterError, match="E-RAS-08"):
        read_window(raster, (0, 1, 0, 1))


def test_every_thread_has_its_own_handle(tmp_path: Path) -> None:
    """Eight threads that read two files at random get every window right."""
    values = [ramp(2, 256, 256), ramp(2, 256, 256)[:, ::-1]]
    rasters = [
        open_raster(write_raster(tmp_path / f"{i}.tif", values[i], block=32, compress="deflate"))
        for i in (0, 1)
    ]

    def read(seed: int) -> bool:
        draw = np.random.default_rng(seed)
        which, row, col = draw.integers(2), *draw.integers(0, 200, 2)
        pixels = read_window(rasters[which], (row, row + 40, col, col + 40)).values
        return bool(np.array_equal(pixels, values[which][:, row : row + 40, col : col + 40]))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(400)))


def test_reads_of_pictures_in_threads_warn_of_nothing(tmp_path: Path) -> None:
    """rasterio's warning of a missing transform never comes out of a task (warnings are errors here)."""
    path = write_raster(tmp_path / "a.tif", ramp(1), crs=None, transform=None)
    raster = open_raster(path, raster_crs="pixel")
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda _: read_window(raster, (0, 9, 0, 9)).values.any(), range(16)))


def test_handles_are_few_and_close_on_demand(tmp_path: Path) -> None:
    """A thread keeps eight datasets open at most, and none after close_handles."""
    path = write_raster(tmp_path / "0.tif", ramp(1))
    for number in range(1, 12):
        shutil.copy(path, tmp_path / f"{number}.tif")
        read_window(open_raster(tmp_path / f"{number}.tif"), (0, 1, 0, 1))
    opened = list(handles._handles.opened.values())
    assert len(opened) == handles.OPEN_PER_THREAD
    close_handles()
    assert all(handle.dataset.closed for handle in opened)
    assert not handles._handles.opened


def test_forked_process_opens_anew(tmp_path: Path) -> None:
    """A child of fork neither uses nor closes its parent's handles."""
    values = ramp(1)
    raster = open_raster(write_raster(tmp_path / "a.tif", values))
    close_handles()
    read_window(raster, (0, 1, 0, 1))
    parents = next(iter(handles._handles.opened.values()))
    handles._handles.process = -1  # as it is in a child
    assert np.array_equal(read_window(raster, (0, 40, 0, 60)).values, values)
    assert next(iter(handles._handles.opened.values())) is not parents
    assert not parents.dataset.closed


def test_options_of_the_caller_come_back(tmp_path: Path) -> None:
    """Reading leaves the calling thread's GDAL options as they were."""
    raster = open_raster(write_raster(tmp_path / "a.tif", ramp(1)))
    with rasterio.Env(GDAL_PAM_ENABLED="YES"):
        read_window(raster, (0, 1, 0, 1))
        assert rasterio.env.get_gdal_config("GDAL_PAM_ENABLED") in (True, "YES")
    read_window(raster, (0, 1, 0, 1))
    assert rasterio.env.get_gdal_config("GDAL_VRT_ENABLE_PYTHON") is None


@pytest.mark.skipif("GDAL_CACHEMAX" in os.environ, reason="the environment sets GDAL's cache")
def test_the_block_cache_is_bounded(tmp_path: Path) -> None:
    """GDAL keeps the blocks being read, not 5 % of the machine's memory, and more where blocks are large."""
    whole(write_raster(tmp_path / "a.tif", ramp(1)))
    small = int(rasterio.env.get_gdal_config("GDAL_CACHEMAX"))
    large = np.zeros((3, 2048, 2048), dtype="float64")
    whole(write_raster(tmp_path / "b.tif", large, block=2048))

    assert 8 * 2**20 <= small <= 512 * 2**20
    assert int(rasterio.env.get_gdal_config("GDAL_CACHEMAX")) >= 2 * large.nbytes / 3
