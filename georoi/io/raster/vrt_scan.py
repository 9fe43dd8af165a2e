"""What a VRT refers to, found out before GDAL opens it: files of known formats in its own folder, or nothing.

A VRT can read any file as pixels, run Python and fetch URLs. GDAL takes its names without regard to case, and
a value as attribute or element alike, so both are scanned so.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from georoi.errors import RasterError
from georoi.io.names import short_name, shown
from georoi.io.raster.sources import read_head, sniff

LARGEST_VRT_BYTES = 64 * 2**20
DEEPEST = 8
"""VRTs within VRTs."""

_FILES = {"sourcefilename", "sourcedataset"}
_REFUSED_NAMES = {
    "pixelfunctionlanguage": "it asks for a script",
    "pixelfunctioncode": "it holds a script",
    "group": "it is a multidimensional VRT",
    "algorithm": "it is a processed VRT",
    "geoloctransformer": "it warps by a geolocation file",
    "rpctransformer": "it warps by a terrain file",
    "root_path": "it moves the folder of its sources",
}
_DATASET_CLASSES = {"vrtwarpeddataset", "vrtpansharpeneddataset"}
_BAND_CLASSES = {
    "vrtsourcedrasterband",
    "vrtderivedrasterband",
    "vrtwarpedrasterband",
    "vrtpansharpenedrasterband",
}
_TEXT_ONLY = {"metadata", "srs", "description", "categorynames", "gdalrasterattributetable", "gcplist"}
"""Elements whose content GDAL never opens."""


def scan_vrt(file: str) -> tuple[str, ...]:
    """Give the files that a VRT reads, its own and those of the VRTs among them, as absolute real paths.

    Raises:
        RasterError: E-RAS-01 if it refers to anything but rasters in its own folder or below, to a missing
            file, or to itself.
    """
    root = os.path.realpath(os.path.dirname(os.path.abspath(file)))  # noqa: PTH100, PTH120
    found: dict[str, None] = {}
    _scan(file, root, found, (os.path.realpath(file),))
    return tuple(found)


def _scan(file: str, root: str, found: dict[str, None], above: tuple[str, ...]) -> None:
    if len(above) > DEEPEST:
        raise _refusal(file, f"VRTs are nested more than {DEEPEST} deep")
    for name, relative in _source_names(file):
        source = _resolve(file, name, relative, root)
        if source in above:
            raise _refusal(file, "it refers to itself")
        if source in found:
            continue
        found[source] = None
        driver = _format_of(file, source)
        if driver == "VRT":
            _scan(source, root, found, (*above, source))


def _source_names(file: str) -> Iterator[tuple[str, bool]]:
    """Yield the names of sources in a VRT, and whether each is relative to the VRT."""
    for name, value, relative in _values(_parse(file), file):
        if name in _REFUSED_NAMES:
            raise _refusal(file, _REFUSED_NAMES[name])
        if name == "subclass" and value.lower() not in _DATASET_CLASSES | _BAND_CLASSES:
            raise _refusal(file, f"a {value} may read what is no raster")
        if name in _FILES:
            yield value, relative
        elif "://" in value or "/vsi" in value or value.startswith("<"):
            raise _refusal(file, f"{name} leads out of the folder: {value}")


def _values(element: ElementTree.Element, file: str) -> Iterator[tuple[str, str, bool]]:
    """Yield every (name, text, relative to the VRT) of elements and attributes, names in lower case."""
    waiting = [element]
    while waiting:
        element = waiting.pop()
        name = element.tag.lower()
        attributes = {key.lower(): value.strip() for key, value in element.attrib.items()}
        if name in _TEXT_ONLY:
            continue
        relative = attributes.get("relativetovrt", "0").lower() in ("1", "yes", "true", "on")
        if (
            name in ("option", "ooi")
            and attributes.get("name", attributes.get("key", "")).lower() == "root_path"
        ):
            raise _refusal(file, _REFUSED_NAMES["root_path"])
        yield name, (element.text or "").strip(), relative
        for key, value in attributes.items():
            yield key, value, relative
        waiting.extend(element)


def _parse(file: str) -> ElementTree.Element:
    try:
        size = Path(file).stat().st_size
        if size > LARGEST_VRT_BYTES:
            raise _refusal(file, f"a VRT of {size} bytes is too large")
        content = Path(file).read_bytes()
        if b"<!DOCTYPE" in content.upper() or b"<!ENTITY" in content.upper():
            raise _refusal(file, "it declares a document type or entities")
        root = ElementTree.fromstring(content)
    except (OSError, ElementTree.ParseError, ValueError, LookupError) as error:
        raise _refusal(file, f"it is no well-formed XML: {error}") from error
    if root.tag != "VRTDataset":
        raise _refusal(file, "its root is no VRTDataset")
    return root


def _resolve(file: str, name: str, relative: bool, root: str) -> str:
    """Give the real path of a source, if it lies in the folder of the outermost VRT."""
    if not name or "://" in name or name.startswith(("/vsi", "<")) or "\0" in name:
        raise _refusal(file, f"a source is no file: {name or '(empty)'}")
    folder = os.path.dirname(os.path.abspath(file)) if relative else os.getcwd()  # noqa: PTH100, PTH120, PTH109
    real = os.path.realpath(os.path.join(folder, name))  # noqa: PTH118 - nothing must be normalised first
    if os.path.commonpath([root, real]) != root:
        raise _refusal(file, f"a source lies outside the VRT's folder: {name}")
    if not os.path.lexists(real):
        raise _refusal(file, f"a source is missing: {name}")
    return real


def _format_of(file: str, source: str) -> str:
    driver = sniff(read_head(source)[1])
    if driver is None:
        raise _refusal(file, f"a source is of no raster format that georoi knows: {short_name(source)}")
    return driver


def _refusal(file: str, reason: str) -> RasterError:
    return RasterError(
        "E-RAS-01",
        f"VRT '{short_name(file)}' is not opened",
        found={"reason": shown(reason)},
        hint="a VRT may use GeoTIFF, JPEG 2000, PNG and JPEG files beside or below it, and no scripts",
    )
