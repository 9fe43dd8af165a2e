"""Folders appear whole, are exchanged whole, and their files have plain names."""

from __future__ import annotations

import hashlib

import pytest

from georoi.errors import OutputExistsError
from georoi.io.output.commit import slug
from georoi.io.output.folders import OutputFolder
from tests.writers import names


def test_a_folder_appears_whole_and_is_exchanged_whole(tmp_path):
    """A store replaces a store only when told to, and the old one is gone afterwards."""
    for content, overwrite in ((b"1", False), (b"22", True)):
        output = OutputFolder(tmp_path / "a.zarr", overwrite=overwrite)
        with output as folder:
            (folder / "c").mkdir()
            (folder / "c" / "0").write_bytes(content)
            written = output.commit("test")
        assert (tmp_path / "a.zarr" / "c" / "0").read_bytes() == content
        assert written.bytes == len(content)
        assert names(tmp_path) == ["a.zarr"]
    with pytest.raises(OutputExistsError), OutputFolder(tmp_path / "a.zarr"):
        pytest.fail("work began")
    with pytest.raises(ValueError, match="x"), OutputFolder(tmp_path / "b.zarr") as folder:  # noqa: PT012
        (folder / "0").write_bytes(b"x")
        raise ValueError("x")
    assert names(tmp_path) == ["a.zarr"]


def test_a_folder_is_replaced_where_exchange_is_not_to_be_had(tmp_path, monkeypatch):
    """Two renames do it; the old one has no name that is swept before the new one is there."""
    monkeypatch.setattr("georoi.io.output.folders._exchange", lambda *_: False)
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "old").write_bytes(b"old")
    output = OutputFolder(tmp_path / "a.zarr", overwrite=True)
    with output as folder:
        (folder / "new").write_bytes(b"new")
        output.commit("test")
    assert names(tmp_path / "a.zarr") == ["new"]
    assert names(tmp_path) == ["a.zarr"]


def test_a_folder_of_another_kind_is_not_replaced(tmp_path):
    """Overwriting a store never removes somebody's folder."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis").write_bytes(b"x")
    output = OutputFolder(tmp_path / "home", overwrite=True, may_replace=lambda _: False)
    with pytest.raises(OutputExistsError), output:
        pytest.fail("work began")
    assert names(tmp_path / "home") == ["thesis"]


IDS = [
    "../x",
    "/etc/passwd",
    "a\0b",
    "x" * 300,
    "CON",
    "Ä/Ö",
    "",
    ".",
    "..",
    "a",
    "A",
    "\udcff",
    "-rf",
    7,
    "7 ",
    "\u202e",
]


def test_slugs_are_plain_short_and_distinct():
    """No id leads out of a folder, and none shares its name with another, whatever the case."""
    slugs = [slug(id) for id in IDS]
    assert len({name.casefold() for name in slugs}) == len(IDS)
    for name in slugs:
        assert name.isascii()
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
        assert len(name) <= 59
        assert not name.startswith("-")
    assert slug("Stand 12/b") == "Stand-12-b-" + hashlib.sha256(b"Stand 12/b").hexdigest()[:10]
