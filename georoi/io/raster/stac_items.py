"""STAC items as entries of a stack: which assets are the bands asked for, and what the items say of them.

Items are read as plain JSON (versions 1.0 and 1.1 of the specification, with the extensions eo and raster):
nothing needs to be installed for them, and nothing is fetched.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from georoi.errors import RasterError
from georoi.io.names import shown
from georoi.io.raster.scenes import Entry, Listing
from georoi.values.dating import as_moment
from georoi.values.naming import some
from georoi.values.raster import Number

_NO_DATA_ROLES = {"thumbnail", "overview", "metadata", "visual"}
_RASTER_TYPES = ("tiff", "jp2", "netcdf", "vnd.stac.geotiff")
_RASTER_ENDINGS = (".tif", ".tiff", ".jp2", ".nc", ".vrt")


class _Choice(NamedTuple):
    """Bands of an asset that are wanted."""

    key: str
    bands: tuple[int, ...] | None
    """Their numbers, from 1; None for all."""
    names: tuple[str, ...]


def read_items(path: Path) -> list[Mapping[str, Any]]:
    """Read the items of a JSON file: an item, or a collection of items.

    Raises:
        RasterError: E-STK-04 if it holds none.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RasterError(
            "E-STK-04", f"'{path.name}' cannot be read", found={"reason": shown(error)}
        ) from error
    return find_items(content, path.name)


def find_items(source: object, name: str = "the source") -> list[Mapping[str, Any]]:
    """Give the items in a mapping, in what has `to_dict` as those of pystac, or in several of them.

    Raises:
        RasterError: E-STK-04 if there is none, or something else.
    """
    if not isinstance(source, Mapping) and hasattr(source, "to_dict"):
        source = source.to_dict()
    if isinstance(source, Mapping):
        if isinstance(source.get("assets"), Mapping) and isinstance(source.get("properties"), Mapping):
            return [source]
        features = source.get("features")
        if isinstance(features, (list, tuple)) and features:
            return [item for feature in features for item in find_items(feature, name)]
    elif isinstance(source, Iterable) and not isinstance(source, (str, bytes)):
        items = [item for part in source for item in find_items(part, name)]
        if items:
            return items
    raise RasterError(
        "E-STK-04",
        f"{name} holds no STAC item",
        hint="give items, an ItemCollection, or the JSON file of one; an item has assets and properties",
    )


def list_items(
    items: Iterable[Mapping[str, Any]], bands: tuple[object, ...] | None, folder: Path | None
) -> Listing:
    """List the assets that are the bands asked for, one scene an item.

    Args:
        items: STAC items.
        bands: Keys of assets, or names or common names of bands; None for all assets that are data.
        folder: Of the file that the items come from; relative places are relative to it, else to the item's
            own link "self".

    Raises:
        RasterError: E-STK-01 if an item has no date, E-STK-03 if it has no such band or several.
    """
    entries: list[Entry] = []
    for number, item in enumerate(items):
        id = str(item.get("id", number))
        date = _date(item, id)
        for choice in _choose(item["assets"], bands, id):
            asset = item["assets"][choice.key]
            entries.append(
                Entry(
                    source=_locate(str(asset.get("href", "")), item, folder),
                    name=f"{shown(id, 60)}/{shown(choice.key, 40)}",
                    date=date,
                    scene=f"{id}:{number}",
                    bands=choice.bands,
                    names=choice.names or None,
                    described=bool(_bands(asset)),
                    **_raster_facts(asset, choice),
                )
            )
    return Listing(entries=tuple(entries), chosen=bands is not None)


def _date(item: Mapping[str, Any], id: str) -> datetime:
    properties = item["properties"]
    stated = properties.get("datetime") or properties.get("start_datetime")
    try:
        return as_moment(stated)
    except ValueError as error:
        raise RasterError(
            "E-STK-01", f"item '{shown(id, 60)}' has no date", found={"datetime": shown(stated, 60)}
        ) from error


def _choose(assets: Mapping[str, Any], bands: tuple[object, ...] | None, id: str) -> list[_Choice]:
    """Choose assets; bands of one asset that are asked for one after another are read together."""
    if bands is None:
        return [_all_of(key, asset) for key, asset in assets.items() if _is_data(asset)]
    chosen: list[_Choice] = []
    for band in bands:
        choice = _find(assets, band, id)
        last = chosen[-1] if chosen else None
        if last is not None and last.key == choice.key and last.bands and choice.bands:
            chosen[-1] = _Choice(last.key, last.bands + choice.bands, last.names + choice.names)
        else:
            chosen.append(choice)
    return chosen


def _find(assets: Mapping[str, Any], band: object, id: str) -> _Choice:
    if isinstance(band, str):
        if band in assets:
            choice = _all_of(band, assets[band])
            return choice if choice.names[1:] else _Choice(band, None, (band,))
        for field in ("name", "common_name"):
            found = [
                (key, number, len(_bands(asset)))
                for key, asset in assets.items()
                if _is_data(asset)
                for number, described in enumerate(_bands(asset), 1)
                if band in (described.get(field), described.get(f"eo:{field}"))
            ]
            if len(found) == 1:
                key, number, count = found[0]
                return _Choice(key, (number,) if count > 1 else None, (band,))
            if found:
                raise RasterError(
                    "E-STK-03",
                    f"band {band!r} of item '{shown(id, 60)}' could be any of several assets",
                    found={"assets": some(key for key, _, _ in found)},
                    hint="name the asset by its key",
                )
    known = [f"{key} ({', '.join(_names(asset))})" if _names(asset) else key for key, asset in assets.items()]
    raise RasterError(
        "E-STK-03",
        f"item '{shown(id, 60)}' has no band {band!r}",
        found={"assets": some(known, 20)},
        hint="name bands by the key of their asset, or by the name or common name that the item gives them",
    )


def _all_of(key: str, asset: Mapping[str, Any]) -> _Choice:
    """Take all bands of an asset: under its key if it has one, else under the names that the item says."""
    names = _names(asset)
    if len(names) > 1 and len(set(names)) == len(names) == len(_bands(asset)):
        return _Choice(key, tuple(range(1, len(names) + 1)), names)
    return _Choice(key, None, (key,) if len(_bands(asset)) <= 1 else ())


def _bands(asset: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Give what an asset says of its bands, by STAC 1.1 or by the extension eo."""
    listed = asset.get("bands") or asset.get("eo:bands") or []
    return [band for band in listed if isinstance(band, Mapping)] if isinstance(listed, list) else []


def _names(asset: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(band["name"]) for band in _bands(asset) if band.get("name"))


def _is_data(asset: Mapping[str, Any]) -> bool:
    roles = asset.get("roles") or []
    if _NO_DATA_ROLES & set(roles):
        return False
    kind = str(asset.get("type") or "").lower()
    if kind:
        return any(word in kind for word in _RASTER_TYPES)
    return str(asset.get("href", "")).split("?")[0].lower().endswith(_RASTER_ENDINGS)


def _raster_facts(asset: Mapping[str, Any], choice: _Choice) -> dict[str, Any]:
    """Give nodata, scale and offset as the item says them, where all chosen bands have the same."""
    listed = asset.get("raster:bands") or asset.get("bands") or []
    facts = [band for band in listed if isinstance(band, Mapping)] if isinstance(listed, list) else []
    if choice.bands is not None and len(facts) >= max(choice.bands):
        facts = [facts[number - 1] for number in choice.bands]
    found: dict[str, Any] = {}
    for name in ("nodata", "scale", "offset"):
        stated = {_number(band.get(name, band.get(f"raster:{name}"))) for band in facts or [asset]}
        if len(stated) == 1 and None not in stated:
            found[name] = stated.pop()
    return found


def _number(value: object) -> Number | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return value if isinstance(value, int) else number


def _locate(href: str, item: Mapping[str, Any], folder: Path | None) -> str:
    """Give the place of an asset: as it is if absolute, else relative to the item's file or its own link."""
    if "://" in href or href.startswith("/"):
        return href
    if folder is not None:
        return str(folder / href)
    links = item.get("links")
    own = next(
        (
            str(link.get("href"))
            for link in (links if isinstance(links, list) else [])
            if isinstance(link, Mapping) and link.get("rel") == "self" and link.get("href")
        ),
        "",
    )
    if not own:
        return href
    scheme, separator, place = own.rpartition("://")
    return scheme + separator + posixpath.normpath(posixpath.join(posixpath.dirname(place), href))
