"""What a product's file says of it, beside its pixels and grid."""

from __future__ import annotations

from typing import Any

TAGS = ("source", "boundary", "feather", "inverted", "window", "roi_id", "date", "overlap", "labels")
"""Attributes of a product that go into the file's metadata, as GEOROI_...."""


def name_bands(names: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out names that are the band's number only; none at all if all are."""
    said = tuple("" if name == str(number) else name for number, name in enumerate(names, start=1))
    return said if any(said) else ()


def make_tags(attrs: dict[str, Any]) -> dict[str, str]:
    """Give what a product says of itself as metadata of a file."""
    tags = {}
    for name in TAGS:
        value = attrs.get(name)
        if value is None:
            continue
        if name == "window":
            value = " ".join(str(side) for side in value)
        tags[f"GEOROI_{name.upper()}"] = str(value)
    return tags
