"""Refuse outputs that are inputs: what is read must outlive what is written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from georoi.errors import RasterError, UsageError
from georoi.io.names import is_folder, is_there
from georoi.io.raster.sources import find_source, read_head, sniff
from georoi.io.raster.vrt_scan import scan_vrt
from georoi.values.composition import list_files
from georoi.values.raster import Raster
from georoi.values.stack import Stack


def refuse_inputs(outputs: Iterable[str | os.PathLike[str] | None], inputs: Iterable[object]) -> None:
    """Refuse outputs that are one of the inputs, by whatever name, or a folder that holds one.

    Args:
        outputs: Where something is to be written; None for nowhere.
        inputs: What is read: paths and rasters; anything else, such as an array, is no file.

    Raises:
        UsageError: E-USE-01.
    """
    targets = [Path(output) for output in outputs if output is not None and is_there(Path(output))]
    if not targets:
        return
    files = dict.fromkeys(file for source in _each_file(inputs) for file in _local_files(source))
    for target in targets:
        for file in files:
            _refuse(target, file)


def _each_file(inputs: Iterable[object]) -> Iterator[object]:
    """Give the inputs, and in place of rasters made of others and of stacks what they are made of."""
    for source in inputs:
        if isinstance(source, Stack):
            yield from _each_file(source.rasters)
        elif isinstance(source, Raster):
            yield from list_files(source)
        else:
            yield source


def _refuse(output: Path, file: Path) -> None:
    if output.samefile(file):
        rule = f"the output is the input: {output.name} would be replaced by what is made of it"
    elif is_folder(output) and output.resolve() in (*file.resolve().parents, *file.absolute().parents):
        rule = f"the output is the folder of the input: {output.name} holds {file.name}"
    else:
        return
    raise UsageError(
        "E-USE-01", rule, found={"output": str(output), "input": str(file)}, hint="choose another output"
    )


def _local_files(source: object) -> Iterator[Path]:
    """Give the file that a source is read from, and the files that it reads in turn if it is a VRT."""
    file = _local_file(source)
    if file is None:
        return
    yield file
    try:
        if file.is_file() and sniff(read_head(str(file))[1]) == "VRT":
            yield from map(Path, scan_vrt(str(file)))
    except (OSError, RasterError):  # opening it says what is wrong with it
        return


def _local_file(source: object) -> Path | None:
    """Give the file that a source is read from: itself, or the archive or NetCDF file that holds it."""
    path = source.path if isinstance(source, Raster) else source
    if not isinstance(path, (str, os.PathLike)) or isinstance(os.fspath(path), bytes):
        return None
    text = str(os.fspath(path))
    if not text or "\0" in text:
        return None
    for name in (text, text.rpartition("::")[0]):
        if name and is_there(Path(name)):
            return Path(name)
    try:
        container = Path(find_source(text).container)
    except RasterError:
        return None
    return container if is_there(container) else None
