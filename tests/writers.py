"""Write outputs, list what a folder holds, and catch what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from georoi.errors import OutputError
from georoi.io.output.commit import Output


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def put(path: Path, content: bytes, **options: object) -> None:
    with Output(path, **options) as output:
        output.write(content)
        output.commit("test")


def refusal(path: Path, **options: object) -> OutputError:
    with pytest.raises(OutputError) as caught:
        put(path, b"new", **options)
    return caught.value
