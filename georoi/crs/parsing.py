"""Turn what users and files call a CRS into one, and refuse text that reaches for files or the network."""

from __future__ import annotations

import re

from pyproj import CRS
from pyproj.exceptions import ProjError

from georoi.errors import CRSError

__all__ = ["CRS", "parse_crs"]

LONGEST_TEXT = 64 * 1024
"""Longest text taken as a CRS, in bytes; the longest WKT in the EPSG register has about 10 KB."""

_STRUCTURED = re.compile(
    r"\s*(\{|[A-Za-z_0-9]+\s*[\[(])"
)  # PROJJSON or WKT: may quote URIs, which PROJ never opens
_FILE_OPTION = re.compile(r"(?:nadgrids|geoidgrids|grids|file|init)\s*=\s*([^\s\"]*)", re.IGNORECASE)
_PARAMETER_FILE = re.compile(r"PARAMETERFILE\s*[\[(]\s*\"[^\"]*\"\s*,\s*\"([^\"]*)\"", re.IGNORECASE)


def parse_crs(text: object) -> CRS:
    """Make a CRS from a code, WKT, PROJJSON, PROJ string or name, or from any library's CRS object.

    Args:
        text: `str`, `int` (an EPSG code), or an object with `to_wkt()` (pyproj, rasterio, odc-geo).

    Raises:
        CRSError: E-CRS-04 if it is not understood, is not horizontal, or names a file, path or URL.
    """
    if isinstance(text, CRS):
        return _horizontal(text, text.name)
    if isinstance(text, bool) or not isinstance(text, (str, int)):
        return _parse_object(text)
    shown = _shorten(str(text))
    spelling = str(text).strip()
    if isinstance(text, str):
        _refuse_hostile(spelling, shown)
    if re.fullmatch(r"\d{1,7}", spelling):
        spelling = f"EPSG:{spelling}"
    return _horizontal(_build(spelling, shown), shown)


def _parse_object(thing: object) -> CRS:
    wrapped = getattr(thing, "proj", None)  # odc-geo
    if isinstance(wrapped, CRS):
        return _horizontal(wrapped, wrapped.name)
    to_wkt = getattr(thing, "to_wkt", None)
    if not callable(to_wkt):
        raise CRSError("E-CRS-04", f"a {type(thing).__name__} is no CRS", hint=_HINT)
    crs = parse_crs(str(to_wkt()))
    authority = crs.to_authority(min_confidence=100)
    if authority is None or "BOUNDCRS" in crs.to_wkt():
        return crs
    named = CRS.from_authority(*authority)
    return named if named.equals(crs, ignore_axis_order=True) else crs


def _build(spelling: str, shown: str) -> CRS:
    try:
        return CRS.from_user_input(spelling)
    except (ProjError, ValueError, TypeError, OverflowError, UnicodeError) as error:
        raise CRSError(
            "E-CRS-04",
            "the text given as a CRS is not understood",
            found={"CRS": shown or "(empty)"},
            hint=_HINT,
        ) from error


def _horizontal(crs: CRS, shown: str) -> CRS:
    if (crs.is_vertical and not crs.is_compound) or crs.is_geocentric:
        raise CRSError(
            "E-CRS-04",
            "the CRS has no horizontal axes",
            found={"CRS": f"{_shorten(shown)} ({crs.type_name})"},
            hint=_HINT,
        )
    if re.match(r"EPSG:(?!\d+$)", crs.srs, re.IGNORECASE):
        return CRS.from_wkt(crs.to_wkt())  # odc-geo takes "EPSG:32633+5773" for a number
    return crs


def _refuse_hostile(text: str, shown: str) -> None:
    reason = _hostile(text)
    if reason:
        raise CRSError("E-CRS-04", f"the text given as a CRS {reason}", found={"CRS": shown}, hint=_HINT)


def _hostile(text: str) -> str | None:
    if len(text.encode("utf-8", "surrogatepass")) > LONGEST_TEXT:
        return "is longer than 64 KB"
    if any(ord(character) < 32 and character not in "\t\r\n" for character in text):
        return "holds control characters"
    files = _FILE_OPTION.findall(text) + _PARAMETER_FILE.findall(text)
    if any(_is_path(name) for value in files for name in value.split(",")):
        return "names a file outside the CRS database"
    if _STRUCTURED.match(text):
        return None
    if "://" in text:
        return "is a URL, which georoi does not open"
    bare = _FILE_OPTION.sub("", text)
    # Names such as "WGS 84 / UTM zone 33N" have a slash between blanks; paths have not.
    if "@" in bare or "\\" in bare or re.search(r"(?<!\s)/|/(?!\s)|\.\.|^~", bare):
        return "looks like a path or an address, which georoi does not open"
    return None


def _is_path(name: str) -> bool:
    return bool(re.search(r"[/\\:]|\.\.|^@?~", re.sub(r"^(EPSG|epsg|ESRI|esri|IAU2000):\d+$", "", name)))


def _shorten(text: str) -> str:
    clean = "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text[:81]
    )
    return clean if len(text) <= 80 else clean[:77] + "..."


_HINT = "use a code such as EPSG:32633, WKT or a PROJ string; for images without georeference say pixel"
