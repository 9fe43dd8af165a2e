"""Read GeoJSON, or a sequence of GeoJSON texts, feature by feature."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from georoi.errors import ROIError
from georoi.io.names import shown
from georoi.values.features import Features, Item, collect, read_item

_DECODER = json.JSONDecoder(strict=False)
_BETWEEN = re.compile(r"[ \t\r\n]*")
_BETWEEN_TEXTS = re.compile(r"[ \t\r\n\x1e]*")
_FALLBACK_ENCODING = "ISO-8859-1"


def read_geojson(data: bytes, name: str) -> Features:
    """Read the features of GeoJSON text, which `geojson_text.scan` has let through.

    A geometry on its own is a feature without attributes. What cannot be read as a geometry becomes a feature
    without one, with the reason.

    Args:
        data: The text: one object, or several one after another (GeoJSON Text Sequences, newline-delimited).
        name: What messages call the source.

    Raises:
        ROIError: E-ROI-01 if it is no JSON.
    """
    notes: tuple[str, ...] = ()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode(_FALLBACK_ENCODING)
        notes = (f"text is not in UTF-8, and was read as {_FALLBACK_ENCODING}",)
    try:
        return collect(_texts(text), notes)
    except (ValueError, RecursionError) as error:
        raise ROIError(
            "E-ROI-01",
            f"{name} is no valid JSON",
            found={"cause": shown(str(error), 160)},
            hint="check that the file is complete, or export it again",
        ) from error


def _texts(text: str) -> Iterator[Item]:
    at = _skip(text, 0, _BETWEEN_TEXTS)
    while at < len(text):
        items, at = _text(text, at)
        yield from items
        at = _skip(text, at, _BETWEEN_TEXTS)


def _text(text: str, at: int) -> tuple[list[Item], int]:
    """Read the object that starts at a place; gives its features, and the place behind it."""
    members: dict[str, Any] = {}
    features: list[Item] = []
    at = _expect(text, at, "{")
    while text[at : at + 1] != "}":
        if members:
            at = _expect(text, at, ",")
        if text[at : at + 1] != '"':
            raise json.JSONDecodeError("Expecting a name in double quotes", text, at)
        key, at = _DECODER.raw_decode(text, at)
        at = _expect(text, _skip(text, at), ":")
        if key == "features" and text[at : at + 1] == "[":
            features, at = _elements(text, at)
            members[key] = None
        else:
            members[key], at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
    if members.get("type") == "FeatureCollection":
        return features, at + 1
    return [read_item(members)], at + 1


def _elements(text: str, at: int) -> tuple[list[Item], int]:
    """Read the features of the list that starts at a place; gives them, and the place behind it."""
    items: list[Item] = []
    at = _expect(text, at, "[")
    while text[at : at + 1] != "]":
        if items:
            at = _expect(text, at, ",")
        value, at = _DECODER.raw_decode(text, at)
        items.append(read_item(value))
        at = _skip(text, at)
    return items, at + 1


def _skip(text: str, at: int, between: re.Pattern[str] = _BETWEEN) -> int:
    found = between.match(text, at)
    return found.end() if found else at


def _expect(text: str, at: int, sign: str) -> int:
    if text[at : at + 1] != sign:
        raise json.JSONDecodeError(f"Expecting {sign!r}", text, at)
    return _skip(text, at + 1)
