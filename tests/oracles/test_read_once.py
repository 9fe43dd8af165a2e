"""Each touched block is read exactly once, untouched blocks never: seen at the level of bytes.

A loopback server logs the byte ranges that are asked of it. Blocks are uncompressed and 128 KiB, far larger
than the 16 KiB in which GDAL fetches remote files, so that ranges can be told apart.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
import tifffile
from affine import Affine

import georoi

FETCH = 16_384
BLOCK = 256


class _Log(BaseHTTPRequestHandler):
    """Serves one file with ranges, and remembers them."""

    body: bytes = b""
    ranges: list[tuple[int, int]]

    def do_HEAD(self) -> None:
        self._answer(send=False)

    def do_GET(self) -> None:
        self._answer(send=True)

    def _answer(self, *, send: bool) -> None:
        wanted = re.match(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if self.path != "/scene.tif":
            self.send_error(404)
            return
        start, stop = 0, len(self.body)
        if wanted:
            start, stop = int(wanted[1]), min(int(wanted[2]) + 1, len(self.body))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(self.body)}")
        else:
            self.send_response(200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(stop - start))
        self.send_header("ETag", '"fixed"')
        self.end_headers()
        if send:
            self.ranges.append((start, stop))
            self.wfile.write(self.body[start:stop])

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@contextmanager
def _serving(path: Path) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    handler = type("Handler", (_Log,), {"body": path.read_bytes(), "ranges": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/scene.tif", handler.ranges
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A raster of 12 x 12 blocks of 256 x 256 uint16, uncompressed."""
    path = tmp_path / "scene.tif"
    side = 12 * BLOCK
    values = np.arange(side * side, dtype="uint32").astype("uint16").reshape(side, side)
    profile = {"driver": "GTiff", "width": side, "height": side, "count": 1, "dtype": "uint16", "nodata": 0}
    profile |= {"crs": "EPSG:32633", "transform": Affine(10, 0, 500_000, 0, -10, 5_000_000)}
    profile |= {"tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK}
    with rasterio.open(path, "w", **profile) as dst:
        dst.write(values, 1)
    return path


def _blocks(path: Path) -> np.ndarray:
    """First byte and byte after the last of each block, shape (12, 12, 2)."""
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        start = np.array(page.dataoffsets)
        return np.stack([start, start + np.array(page.databytecounts)], axis=-1).reshape(12, 12, 2)


def _bytes_asked(ranges: list[tuple[int, int]], size: int) -> np.ndarray:
    """How often each byte was asked for."""
    times = np.zeros(size, np.int32)
    for start, stop in ranges:
        times[start:stop] += 1
    return times


@pytest.mark.parametrize("door", ["lazy", "file"])
def test_touched_blocks_are_fetched_once_and_others_never(scene: Path, tmp_path: Path, door: str) -> None:
    """A diagonal ROI and a small one that shares blocks with it fetch just their blocks, each once."""
    strip = shapely.LineString([(501_000, 4_999_000), (529_000, 4_971_500)]).buffer(900)
    small = shapely.box(514_000, 4_985_000, 514_700, 4_985_700)
    rois = georoi.ROISet.from_geometries([strip, small], crs="EPSG:32633")
    blocks = _blocks(scene)
    with _serving(scene) as (url, ranges):
        plan = georoi.plan(url, rois)
        touched = np.zeros((12, 12), bool)
        touched[plan.blocks[:, 0] // BLOCK, plan.blocks[:, 2] // BLOCK] = True
        before = len(ranges)
        if door == "lazy":
            georoi.clip(url, rois).compute()
        else:
            georoi.clip_file(url, rois, tmp_path / "out.tif")
        times = _bytes_asked(ranges, scene.stat().st_size)
        assert len(ranges) > before

    assert 10 < touched.sum() < 60
    for row, col in np.ndindex(12, 12):
        start, stop = blocks[row, col]
        inner = times[start + FETCH : stop - FETCH]
        assert set(inner.tolist()) == {int(touched[row, col])}, f"block {row}, {col}"


def test_planning_fetches_the_header_alone(scene: Path) -> None:
    """Opening, checking, planning and the lazy array ask for no byte of any block beyond the first fetch."""
    rois = georoi.ROISet.from_boxes([(505_000, 4_980_000, 520_000, 4_990_000)], crs="EPSG:32633")
    blocks = _blocks(scene)
    with _serving(scene) as (url, ranges):
        georoi.check(url, rois)
        str(georoi.plan(url, rois))
        repr(georoi.clip(url, rois))
        times = _bytes_asked(ranges, scene.stat().st_size)

    first = int(blocks.min())
    assert times[first + 2 * FETCH :].sum() == 0
