"""Rasters behind URLs, served on the loopback."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from georoi.errors import RasterError
from georoi.io.raster.rasters import close_handles, open_raster, read_window
from tests.builders import ramp, write_raster
from tests.openings import refused


class _Ranges(http.server.SimpleHTTPRequestHandler):
    """Serve one file by ranges, as an object store does, and log what is asked for."""

    content = b""
    etag = "one"
    asked: list[tuple[str, str]] = []  # noqa: RUF012 - one server per test

    def do_HEAD(self) -> None:
        self.answer(send=False)

    def do_GET(self) -> None:
        self.answer(send=True)

    def answer(self, *, send: bool) -> None:
        wanted = self.headers.get("Range", "")
        type(self).asked.append((self.command, wanted))
        if "missing" in self.path:
            self.send_error(404)
            return
        start, stop = 0, len(self.content)
        if wanted:
            low, _, high = wanted.removeprefix("bytes=").partition("-")
            start, stop = int(low), min(int(high) + 1, stop)
        body = self.content[start:stop]
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", self.etag)
        self.send_header("Accept-Ranges", "bytes")
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(self.content)}")
        self.end_headers()
        if send:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[tuple[str, type[_Ranges]]]:
    """A loopback server and its handler."""
    handler = type("Handler", (_Ranges,), {"asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", handler
        running.shutdown()
        thread.join()


def test_url(tmp_path: Path, server: tuple[str, type[_Ranges]]) -> None:
    """A GeoTIFF behind a URL opens and reads by ranges; no sibling file is asked for."""
    url, handler = server
    values = np.random.default_rng(2).integers(0, 65536, (1, 512, 512)).astype("uint16")
    handler.content = write_raster(tmp_path / "a.tif", values, block=128).read_bytes()
    raster = open_raster(f"{url}/a.tif?token=SECRET")
    assert (raster.name, raster.file_bytes) == ("a.tif", None)
    assert "SECRET" not in repr(raster) + str(raster.to_dict())
    assert np.array_equal(read_window(raster, (0, 100, 0, 100)).values, values[:, :100, :100])
    received = sum(
        int(high) - int(low) + 1
        for command, wanted in handler.asked
        if command == "GET" and wanted
        for low, high in [wanted.removeprefix("bytes=").split("-")]
    )
    assert received < len(handler.content) / 2
    assert refused(f"{url}/missing.tif").id == "E-RAS-01"


def test_changed_url_is_noticed_and_never_served_stale(
    tmp_path: Path, server: tuple[str, type[_Ranges]]
) -> None:
    """New content under the same URL is E-RAS-08 for an old Raster, and right for a new one."""
    url, handler = server
    handler.content = write_raster(tmp_path / "a.tif", ramp(1)).read_bytes()
    old = open_raster(f"{url}/a.tif")
    assert read_window(old, (0, 1, 0, 1)).values[0, 0, 0] == 1
    close_handles()
    handler.content, handler.etag = write_raster(tmp_path / "b.tif", ramp(1) * 2).read_bytes(), "two"
    with pytest.raises(RasterError, match="E-RAS-08"):
        read_window(old, (0, 1, 0, 1))
    assert read_window(open_raster(f"{url}/a.tif"), (0, 1, 0, 1)).values[0, 0, 0] == 2
