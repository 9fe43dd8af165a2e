"""From the text a user gives as a raster's path to what GDAL may open: everything else is refused here.

GDAL takes inline XML, connection strings and 155 formats for a path. georoi gives it absolute paths of files
that exist and whose first bytes are of a known format, URLs that the user wrote, and nothing else.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from georoi.errors import RasterError
from georoi.io.names import redact, short_name, shown
from georoi.io.raster.gdal_profile import IN_PLACE_DRIVERS

HEAD_BYTES = 64 * 1024
"""So much of a file's beginning goes into its fingerprint and tells its format."""

FORMATS = "GeoTIFF, VRT, NetCDF-4 and NetCDF-3, JPEG 2000, PNG and JPEG"

_REMOTE_PREFIX = {
    "http": "/vsicurl/http://",
    "https": "/vsicurl/https://",
    "s3": "/vsis3/",
    "gs": "/vsigs/",
    "az": "/vsiaz/",
}
_SIDECARS = (".msk", ".ovr")
_SUBDATASET = re.compile(r'netcdf:(?:"([^"]+)"|(.+)):([^:"]+)', re.IGNORECASE | re.DOTALL)
_VARIABLE = re.compile(r"(.+)::([\w./-]+)", re.DOTALL)
_MAGIC = (
    (b"II*\0", "GTiff"),
    (b"MM\0*", "GTiff"),
    (b"II+\0", "GTiff"),
    (b"MM\0+", "GTiff"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JP2OpenJPEG"),
    (b"\xff\x4f\xff\x51", "JP2OpenJPEG"),
    (b"CDF\x01", "netCDF"),
    (b"CDF\x02", "netCDF"),
    (b"CDF\x05", "netCDF"),
    (b"\x89HDF\r\n\x1a\n", "netCDF"),
)


@dataclass(frozen=True)
class Source:
    """A place that GDAL may open."""

    path: str
    """What GDAL opens, before a variable is chosen."""
    name: str
    """For messages and results."""
    drivers: tuple[str, ...]
    """Formats it may be of: one, where the content could be looked at."""
    container: str
    """The local file or the URL whose change means that the raster changed."""
    variable: str | None = None
    """The variable asked for, of a NetCDF file."""

    @property
    def is_vrt(self) -> bool:
        """Whether it is a VRT, which must be scanned before it is opened."""
        return self.drivers == ("VRT",)


def find_source(path: object) -> Source:
    """Find what a path means, without opening it by GDAL and without a request over the network.

    Args:
        path: `str` or `os.PathLike`: a file, `file.nc::variable`, `NETCDF:file:variable`, an http(s), s3, gs
            or az URL, or `/vsizip/` and `/vsitar/` with a local archive.

    Raises:
        RasterError: E-RAS-10 if it is no path at all, E-RAS-01 if there is nothing that georoi opens.
    """
    if not isinstance(path, (str, os.PathLike)) or isinstance(os.fspath(path), bytes):
        raise RasterError("E-RAS-10", f"a {type(path).__name__} is no raster", hint="give a path or a URL")
    text = str(os.fspath(path))
    if not text.strip() or "\0" in text or len(text) > 8192:
        raise _refusal(text, "no file can have this name")
    if os.path.lexists(text):
        return _local(text, None)
    file, variable = _split_variable(text)
    if re.match(r"[a-z][a-z0-9+.-]*://", file, re.IGNORECASE):
        return _remote(file, variable)
    if file.startswith("/vsi"):
        return _archive(file, variable)
    return _local(file, variable)


def fingerprint(container: str) -> str:
    """Give what changes when a file or URL does: size, time and digest of the first 64 KB, or what HTTP says.

    Args:
        container: `Source.container`.

    Raises:
        RasterError: E-RAS-01 if it is gone.
    """
    if "://" in container:
        return _remote_stamp(container)
    size_time, head = read_head(container)
    return f"{size_time}-{hashlib.sha256(head).hexdigest()[:32]}"


def size_and_time(file: str) -> str:
    """Give the size in bytes and the time of change in nanoseconds of a local file, as text."""
    status = Path(file).stat()
    return f"{status.st_size}-{status.st_mtime_ns}"


def read_head(file: str) -> tuple[str, bytes]:
    """Read `size_and_time` and the first 64 KB of a local file, of one opening.

    Raises:
        RasterError: E-RAS-01 if it is missing, no regular file, or may not be read.
    """
    try:
        if not stat.S_ISREG(Path(file).stat().st_mode):
            kind = "a folder" if Path(file).is_dir() else "not a regular file"
            raise _refusal(file, f"it is {kind}")
        with Path(file).open("rb") as stream:
            status = os.fstat(stream.fileno())
            return f"{status.st_size}-{status.st_mtime_ns}", stream.read(HEAD_BYTES)
    except FileNotFoundError:
        raise _refusal(file, "there is no such file") from None
    except (OSError, ValueError) as error:
        raise _refusal(file, getattr(error, "strerror", None) or str(error)) from error


def sniff(head: bytes) -> str | None:
    """Tell the format from the first bytes of a file, by GDAL's name; None where it is none of ours."""
    for magic, driver in _MAGIC:
        if head.startswith(magic):
            return driver
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return "VRT" if text.startswith(b"<") and b"<VRTDataset" in text else None


def file_size(container: str) -> int | None:
    """Give the size of a local file in bytes; None for a URL."""
    return None if "://" in container else Path(container).stat().st_size


def container_of(gdal_path: str) -> str:
    """Find the local file or URL behind what GDAL opens, as `Source.container` had it."""
    inner = without_variable(gdal_path)
    for scheme, prefix in _REMOTE_PREFIX.items():
        if inner.startswith(prefix):
            return f"{scheme}://{inner.removeprefix(prefix)}"
    archive = re.match(r"/vsi(?:zip|tar)/\{(.*?)\}", inner)
    return archive[1] if archive else inner


def without_variable(gdal_path: str) -> str:
    """Give the file part of GDAL's name for a variable of a NetCDF file; any other name as it is."""
    match = _SUBDATASET.fullmatch(gdal_path)
    return (match[1] or match[2]) if match else gdal_path


def netcdf_path(file: str, variable: str) -> str:
    """Name a variable of a NetCDF file as GDAL does."""
    return f'NETCDF:"{file}":{variable}'


def _split_variable(text: str) -> tuple[str, str | None]:
    match = _SUBDATASET.fullmatch(text)
    if match:
        return match[1] or match[2], match[3]
    match = _VARIABLE.fullmatch(text)
    return (match[1], match[2]) if match else (text, None)


def _local(text: str, variable: str | None) -> Source:
    file = os.path.abspath(text)  # noqa: PTH100 - GDAL must see no symlink resolved and no `~` expanded
    _, head = read_head(file)
    if '"' in file and variable:
        raise _refusal(text, 'a NetCDF file must not have " in its path')
    driver = sniff(head)
    if driver is None or file.startswith("/vsi"):
        raise _refusal(text, _describe_content(head), hint=f"georoi opens {FORMATS}")
    if variable and driver != "netCDF":
        raise _refusal(text, "only NetCDF files have variables")
    for suffix in _SIDECARS:
        _check_sidecar(file + suffix)
    return Source(file, _named(file, variable), (driver,), file, variable)


def _check_sidecar(file: str) -> None:
    if os.path.lexists(file) and sniff(read_head(file)[1]) != "GTiff":
        raise _refusal(file, "it lies beside the raster as its mask or overviews, but is no TIFF")


def _archive(text: str, variable: str | None) -> Source:
    match = re.fullmatch(r"(/vsi(?:zip|tar)/)(?:\{([^{}]+)\}/?|([^{}]+))(.*)", text, re.DOTALL)
    if match is None or "/vsi" in text[1:] or "://" in text:
        raise _refusal(text, "georoi opens no such virtual file", hint="give a file, or the URL itself")
    if match[2]:
        archive, inside = match[2], match[4]
    else:
        archive, inside = _split_archive(match[3])
    read_head(archive)
    archive = os.path.abspath(archive)  # noqa: PTH100
    inside = inside.strip("/")
    path = f"{match[1]}{{{archive}}}" + (f"/{inside}" if inside else "")
    return Source(path, _named(inside or archive, variable), IN_PLACE_DRIVERS, archive, variable)


def _split_archive(text: str) -> tuple[str, str]:
    parts = text.split("/")
    for stop in range(1, len(parts) + 1):
        archive = "/".join(parts[:stop])
        if archive and Path(archive).is_file():
            return archive, "/".join(parts[stop:])
    raise _refusal(text, "there is no such archive")


def _remote(text: str, variable: str | None) -> Source:
    scheme, _, rest = text.partition("://")
    scheme = scheme.lower()
    if scheme == "file":
        return _local(rest, variable)
    if scheme not in _REMOTE_PREFIX or not rest.strip("/") or re.search(r"[\s\"'<>{}\\^`|]", rest):
        known = ", ".join(_REMOTE_PREFIX)
        raise _refusal(text, "georoi opens no such URL", hint=f"URLs may begin with {known} and ://")
    url = f"{scheme}://{rest}"
    return Source(_REMOTE_PREFIX[scheme] + rest, _named(url, variable), IN_PLACE_DRIVERS, url, variable)


def _remote_stamp(url: str) -> str:
    """Give length, ETag and time that a server states for a URL; empty fields where it does not say."""
    if not url.startswith(("http://", "https://")):
        return "remote"
    request = urllib.request.Request(url, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            stated = [answer.headers.get(name, "") for name in ("Content-Length", "ETag", "Last-Modified")]
    except (urllib.error.URLError, OSError, ValueError):
        return "remote"  # GDAL's own opening says what is wrong, if anything is
    return "remote-" + hashlib.sha256("\n".join(stated).encode()).hexdigest()[:32]


def _named(path: str, variable: str | None) -> str:
    return short_name(path) + (f"::{shown(variable)}" if variable else "")


def _describe_content(head: bytes) -> str:
    if not head:
        return "it is empty"
    text = head[:512].lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "it holds a web page: the download asked for a login, perhaps"
    return "its content is of no raster format that georoi knows"


def _refusal(path: str, reason: str, hint: str | None = None) -> RasterError:
    return RasterError(
        "E-RAS-01",
        f"raster '{short_name(path)}' cannot be opened",
        found={"path": shown(redact(path), 120), "reason": shown(reason)},
        hint=hint,
    )
