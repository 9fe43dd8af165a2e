"""Fetch a remote ROI file as a whole into a private folder, within limits of size and time."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from georoi.errors import ROIError
from georoi.io.names import shown

LARGEST = 1 << 30
"""Largest remote ROI file, in bytes."""
TIMEOUT = 60
"""Seconds to wait for a server."""
_PIECE = 1 << 20


def is_url(text: str) -> bool:
    """Tell whether a path is an address that can be fetched."""
    return text.lower().startswith(("http://", "https://", "s3://", "gs://"))


@contextmanager
def fetched(url: str, name: str) -> Iterator[Path]:
    """Fetch a file for as long as the context lasts.

    Raises:
        ROIError: E-ROI-01 if it cannot be fetched or is larger than 1 GiB.
    """
    file_name = PurePosixPath(unquote(urlsplit(url).path)).name.replace("\x00", "") or "rois"
    with TemporaryDirectory(prefix="georoi-") as folder:
        target = Path(folder) / file_name[-100:]
        try:
            with _open(url) as stream, target.open("xb") as out:
                size = 0
                while piece := stream.read(_PIECE):
                    size += len(piece)
                    if size > LARGEST:
                        raise ROIError(
                            "E-ROI-01", f"{name} is larger than 1 GiB", hint="download it yourself"
                        )
                    out.write(piece)
        except (OSError, ValueError) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            raise ROIError(
                "E-ROI-01",
                f"{name} cannot be fetched",
                found={"cause": shown(error)},
                hint="check the address and the connection",
            ) from error
        yield target


def _open(url: str) -> Any:
    if url.lower().startswith(("s3://", "gs://")):
        from pyarrow import fs

        system, path = fs.FileSystem.from_uri(url)
        return system.open_input_stream(path)
    opener = urllib.request.build_opener(_OnlyHTTP)
    stream: BinaryIO = opener.open(url, timeout=TIMEOUT)
    return stream


class _OnlyHTTP(urllib.request.HTTPRedirectHandler):
    """Follow redirects to http and https alone."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if urlsplit(newurl).scheme not in ("http", "https"):
            fp.close()
            raise urllib.error.URLError(f"redirected to {shown(newurl)}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
