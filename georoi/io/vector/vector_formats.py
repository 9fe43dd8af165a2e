"""Tell vector formats apart by name and content; refuse files that are not what they say or reach too far."""

from __future__ import annotations

import re
import stat
import zipfile
from enum import StrEnum
from pathlib import Path, PurePosixPath

from georoi.errors import ROIError
from georoi.values.naming import plain, some


class Format(StrEnum):
    """The vector formats that georoi reads."""

    GEOJSON = "GeoJSON"
    SHAPEFILE = "Shapefile"
    ZIP = "zipped Shapefile"
    GPKG = "GeoPackage"
    FLATGEOBUF = "FlatGeobuf"
    KML = "KML"
    PARQUET = "GeoParquet"


EXTENSIONS = {
    ".geojson": Format.GEOJSON,
    ".json": Format.GEOJSON,
    ".geojsonl": Format.GEOJSON,
    ".geojsons": Format.GEOJSON,
    ".geojsonseq": Format.GEOJSON,
    ".ndjson": Format.GEOJSON,
    ".ndgeojson": Format.GEOJSON,
    ".jsonl": Format.GEOJSON,
    ".shp": Format.SHAPEFILE,
    ".zip": Format.ZIP,
    ".gpkg": Format.GPKG,
    ".fgb": Format.FLATGEOBUF,
    ".kml": Format.KML,
    ".parquet": Format.PARQUET,
    ".geoparquet": Format.PARQUET,
    ".pq": Format.PARQUET,
}
LARGEST_TEXT = 1 << 31
"""Largest GeoJSON or KML that is read, in bytes: text is held in memory as a whole."""
MOST_ENTRIES, LARGEST_UNPACKED, LARGEST_RATIO = 1000, 1 << 31, 200
"""What a zip may hold: entries, bytes unpacked, and bytes unpacked per byte packed."""


def sniff(path: Path, name: str) -> Format:
    """Tell the format of a file.

    Raises:
        ROIError: E-ROI-01 if the extension is not one of `EXTENSIONS`, or the content is of another kind.
    """
    wanted = EXTENSIONS.get(path.suffix.lower())
    if wanted is None:
        raise ROIError(
            "E-ROI-01",
            f"{name} is of a kind that georoi does not read as ROIs",
            found={"extension": plain(path.suffix) or "none"},
            hint=f"use one of {', '.join(sorted(EXTENSIONS))}",
        )
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise ROIError("E-ROI-01", f"{name} is empty", hint="export it again")
    found = _content(head)
    if found is not wanted:
        raise ROIError(
            "E-ROI-01",
            f"{name} is not what its name says",
            found={"name": wanted.value, "content": found.value if found else "of no kind that georoi reads"},
            hint="check that the file is complete, and rename it if it is of another format",
        )
    return wanted


def _content(head: bytes) -> Format | None:
    magic = {
        b"\x00\x00\x27\x0a": Format.SHAPEFILE,
        b"SQLite format 3\x00": Format.GPKG,
        b"fgb\x03fgb": Format.FLATGEOBUF,
        b"PAR1": Format.PARQUET,
        b"PK\x03\x04": Format.ZIP,
        b"PK\x05\x06": Format.ZIP,  # an empty one
    }
    for start, kind in magic.items():
        if head.startswith(start):
            return kind
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\x1e")
    if text.startswith(b"{"):
        return Format.GEOJSON
    return Format.KML if re.search(rb"<(\w+:)?kml\b", _ascii(head)) else None


def check_geojson(data: bytes, name: str) -> None:
    """Refuse text that does not begin as GeoJSON does.

    Raises:
        ROIError: E-ROI-01.
    """
    if _content(data[:4096]) is not Format.GEOJSON:
        begins = plain(data[:60].decode("utf-8", "replace"), 60)
        raise ROIError(
            "E-ROI-01",
            f"{name} is no GeoJSON" if data else f"{name} is empty",
            found={"text": begins} if data else None,
            hint="GeoJSON is an object, or several one after another",
        )


def _ascii(text: bytes) -> bytes:
    """Make UTF-16 text comparable to ASCII; XML may be in it."""
    return text.replace(b"\x00", b"") if text[:2] in (b"\xff\xfe", b"\xfe\xff") else text


def read_text(path: Path, name: str) -> bytes:
    """Read a text format as a whole.

    Raises:
        ROIError: E-ROI-01 if it is larger than 2 GiB.
    """
    if path.stat().st_size > LARGEST_TEXT:
        raise ROIError(
            "E-ROI-01",
            f"{name} is larger than 2 GiB",
            hint="convert it to GeoParquet, FlatGeobuf or GeoPackage",
        )
    return path.read_bytes()


DEEPEST_XML = 200
"""Deepest nesting of elements in KML; each folder adds one."""


def check_kml(data: bytes, name: str) -> None:
    """Refuse KML with a document type, whose entities reach for files and grow without bound, or too deep.

    Raises:
        ROIError: E-ROI-01 in these cases.
    """
    text = re.sub(rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>", b"", _ascii(data), flags=re.DOTALL)
    if re.search(rb"<!\s*(DOCTYPE|ENTITY)", text, re.IGNORECASE) or b"\x00" in text:
        raise ROIError(
            "E-ROI-01",
            f"{name} declares a document type, which may reach for other files",
            hint="remove the DOCTYPE",
        )
    depth = 0
    for token in re.finditer(rb"<([A-Za-z_])|(</)|(/>)", text):
        depth += 1 if token.group(1) else -1
        if depth > DEEPEST_XML:
            raise ROIError("E-ROI-01", f"{name} nests more than {DEEPEST_XML} elements deep")


def shapefiles_in(path: Path, name: str) -> list[str]:
    """Check a zip without unpacking it, and list the Shapefiles in it.

    Raises:
        ROIError: E-ROI-01 if it is broken, unpacks to too much, has entries that point outside, another
            archive in it, or no Shapefile.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
        raise ROIError(
            "E-ROI-01", f"{name} is no readable zip", found={"cause": plain(error)}, hint="fetch it again"
        ) from error
    refused = next(filter(None, map(_refusal, entries)), None)
    if len(entries) > MOST_ENTRIES or sum(entry.file_size for entry in entries) > LARGEST_UNPACKED:
        refused = f"more than {MOST_ENTRIES} entries or {LARGEST_UNPACKED >> 30} GiB unpacked"
    if refused:
        raise ROIError("E-ROI-01", f"{name} has {refused}", hint="unpack it yourself if you trust it")
    found = [entry.filename for entry in entries if entry.filename.lower().endswith(".shp")]
    if not found:
        held = some(entry.filename for entry in entries) or "nothing"
        raise ROIError("E-ROI-01", f"{name} holds no Shapefile", found={"entries": held})
    return found


def _refusal(entry: zipfile.ZipInfo) -> str | None:
    parts = PurePosixPath(entry.filename.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or ":" in parts.parts[0] if parts.parts else True:
        return f"an entry that points outside of it ({plain(entry.filename, 40)})"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return f"a symbolic link in it ({plain(entry.filename, 40)})"
    if parts.suffix.lower() in (".zip", ".gz", ".7z", ".tar"):
        return f"another archive in it ({plain(entry.filename, 40)})"
    if entry.file_size > LARGEST_RATIO * max(entry.compress_size, 1) and entry.file_size > 1 << 20:
        return (
            f"an entry that unpacks to {LARGEST_RATIO} times its size or more ({plain(entry.filename, 40)})"
        )
    return None
