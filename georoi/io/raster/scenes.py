"""Entries of a stack before they are opened: where files are, and what is known of them from outside."""

from __future__ import annotations

import csv
import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from georoi.errors import RasterError
from georoi.io.names import short_name, shown
from georoi.io.raster.datepatterns import DatePattern
from georoi.io.raster.sources import read_head, sniff
from georoi.values.dating import as_moment
from georoi.values.naming import some
from georoi.values.raster import Number, Raster

_SIDECARS = (".aux.xml", ".ovr", ".msk")
_RASTERS = (".tif", ".tiff", ".vrt", ".nc", ".nc4", ".jp2", ".png", ".jpg", ".jpeg")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file of a stack."""

    source: str | os.PathLike[str] | Raster
    name: str
    """How it is called in messages, and in `dates=`."""
    date: datetime | None = None
    """When it was taken, where its surroundings say so; this goes before what the file says."""
    scene: str | None = None
    """What its bands belong to together with those of other files of the same scene and date."""
    bands: tuple[int | str, ...] | None = None
    """Bands of the file that are wanted; all of them for None."""
    names: tuple[str, ...] | None = None
    """What these bands are called in the stack."""
    described: bool = True
    """Whether it is known which bands the file has; if not, a name is that of a file with one band only."""
    nodata: Number | None = None
    """Of the file, where it declares none itself."""
    scale: float | None = None
    offset: float | None = None
    """The same for scale and offset."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What a source holds."""

    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()
    single: bool = False
    """Whether the user named one file, whose bands may be dates."""
    chosen: bool = False
    """Whether the bands asked for have been chosen already."""


def list_paths(paths: Iterable[object], pattern: DatePattern | None) -> Listing:
    """List rasters that the user names one by one.

    Raises:
        RasterError: E-STK-04 if one of them is neither a path nor a `Raster`.
    """
    entries = []
    for path in paths:
        if isinstance(path, Raster):
            entries.append(Entry(source=path, name=path.name, date=_dated(pattern, path.name)))
        elif isinstance(path, (str, os.PathLike)) and not isinstance(os.fspath(path), bytes):
            name = short_name(str(os.fspath(path)))
            entries.append(Entry(source=path, name=name, date=_dated(pattern, name)))
        else:
            raise RasterError(
                "E-STK-04",
                f"a {type(path).__name__} is no raster of a stack",
                hint="give paths, or rasters from open_raster",
            )
    return Listing(entries=tuple(entries))


def list_folder(folder: Path, pattern: DatePattern | None) -> Listing:
    """List the rasters of a folder, by name; files that are none are named in a note.

    Args:
        folder: What is looked into, its own folders only where the pattern has "/".
        pattern: Which files are meant; without one, all that are rasters.

    Raises:
        RasterError: E-RAS-01 if a file is called like a raster and is none, E-STK-04 if there is none.
    """
    deep = pattern is not None and pattern.with_folders
    entries, other, foreign = [], [], []
    for name in sorted(_names(folder, deep)):
        file = folder / name
        if pattern is not None and not pattern.matches(name):
            other.append(name)
        elif pattern is not None or _is_raster(file):
            entries.append(Entry(source=file, name=short_name(name), date=_dated(pattern, name)))
        else:
            foreign.append(name)
    notes = [f"{_count(len(foreign))} no raster: {some(foreign)}"] if foreign else []
    if other and pattern is not None:
        notes.append(f"{_count(len(other), 'does', 'do')} not match {pattern.text!r}: {some(other)}")
    if not entries:
        raise RasterError(
            "E-STK-04",
            f"the folder '{folder.name}' holds no raster" + (" that the pattern means" if pattern else ""),
            found={"pattern": pattern.text, "files": some(other)} if pattern else {"files": some(foreign)},
            hint="check the path and the pattern; folders within are looked into only by a pattern with /",
        )
    return Listing(entries=tuple(entries), notes=tuple(notes))


def list_glob(text: str, pattern: DatePattern | None) -> Listing:
    """List the files that a text with wildcards means, sorted; sidecars are left out.

    Raises:
        RasterError: E-STK-04 if there is none.
    """
    found = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 - a whole path, with wildcards in folders
    found = [path for path in found if Path(path).is_file()]
    listing = list_paths([path for path in found if not path.lower().endswith(_SIDECARS)], pattern)
    if not listing.entries:
        raise RasterError("E-STK-04", f"no file is called like {shown(text)}")
    return listing


def read_table(path: Path) -> tuple[list[dict[str, Any]], Path]:
    """Read a CSV or Parquet file into rows; paths in it are relative to its folder, which comes along.

    Raises:
        RasterError: E-STK-04 if it cannot be read.
    """
    try:
        if path.suffix.lower() == ".csv":
            with path.open(newline="", encoding="utf-8-sig") as file:
                return list(csv.DictReader(file)), path.parent
        from pyarrow import parquet

        file = parquet.ParquetFile(path)
        known = {name.lower() for name in _COLUMNS}
        columns = [name for name in file.schema_arrow.names if name.lower() in known]
        rows = file.read(columns=columns).to_pylist() if columns else []
        return [dict(row) for row in rows] or [dict.fromkeys(file.schema_arrow.names)], path.parent
    except (OSError, ValueError, csv.Error) as error:  # Arrow's errors are of the first two
        raise RasterError(
            "E-STK-04", f"the table '{path.name}' cannot be read", found={"reason": shown(error)}
        ) from error


def frame_rows(frame: Any) -> list[dict[str, Any]]:
    """Give the rows of a DataFrame (Any: pandas loads only for those who have one)."""
    names = [name for name in frame.columns if str(name).lower() in _COLUMNS]
    return [
        dict(zip(map(str, names), values, strict=True))
        for values in zip(*(list(frame[name]) for name in names), strict=True)
    ] or [dict.fromkeys(map(str, frame.columns))]


_COLUMNS = ("path", "date", "band", "scene")


def list_rows(
    rows: list[dict[str, Any]], folder: Path, pattern: DatePattern | None, bands: tuple[object, ...] | None
) -> Listing:
    """List the rasters of a table with the columns path, and perhaps date, band and scene.

    Rows of one date (and scene) with a band each are one image.

    Args:
        rows: The rows, by column.
        folder: What relative paths are relative to.
        pattern: Tells dates where the table does not.
        bands: Those wanted, where rows are bands.

    Raises:
        RasterError: E-STK-04 without the column path or without a row, E-STK-01 if a date is none.
    """
    if not rows or "path" not in {str(name).lower() for name in rows[0]}:
        raise RasterError(
            "E-STK-04",
            "the table has no column path" if rows else "the table has no row",
            found={"columns": some(rows[0])} if rows else None,
            hint="name its columns path and date, and band where each row is one band of a scene",
        )
    entries = []
    for row in rows:
        cells = {str(name).lower(): _cell(value) for name, value in row.items()}
        path, band = cells.get("path"), cells.get("band")
        if path is None:
            continue
        name = short_name(str(path))
        if band is not None and bands is not None and str(band) not in bands:
            continue
        entries.append(
            Entry(
                source=_located(str(path), folder),
                name=name,
                date=_cell_date(cells.get("date"), name) or _dated(pattern, name),
                scene=None if band is None else str(cells.get("scene") or ""),
                names=None if band is None else (str(band),),
            )
        )
    if not entries:
        raise RasterError(
            "E-STK-04",
            "the table names no raster" + ("" if bands is None else " of the bands asked for"),
            found={"bands": some(sorted({str(row.get("band", "")) for row in rows}))},
            hint="fill its column path; bands are chosen by what stands in its column band",
        )
    by_band = any(entry.names is not None for entry in entries)
    return Listing(entries=tuple(entries), chosen=by_band and bands is not None)


def _cell(value: Any) -> Any:
    """Give a cell's content; None where it is empty."""
    if value is None or _is_missing(value) or (isinstance(value, str) and not value.strip()):
        return None
    return value.strip() if isinstance(value, str) else value


def _is_missing(value: Any) -> bool:
    """Tell NaN, NaT and NA of pandas, which is neither true nor false, from what is there."""
    try:
        return bool(value != value)
    except TypeError:
        return True


def _cell_date(value: Any, name: str) -> datetime | None:
    if value is None:
        return None
    try:
        return as_moment(value)
    except ValueError as error:
        raise RasterError(
            "E-STK-01",
            f"the date of '{name}' in the table is not understood",
            found={"date": shown(value, 60)},
            hint="write it as 2018-07-21 or 2018-07-21T10:02:12",
        ) from error


def _located(path: str, folder: Path) -> str:
    """Give a path as seen from here that is written as seen from a folder; URLs stay."""
    if "://" in path or path.startswith("/") or path.lower().startswith("netcdf:"):
        return path
    return str(folder / path)


def _dated(pattern: DatePattern | None, name: str) -> datetime | None:
    return None if pattern is None else pattern.date(name)


def _names(folder: Path, deep: bool) -> Iterator[str]:
    """Give the files below a folder as paths relative to it, without sidecars and hidden ones."""
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if deep and not name.startswith("."))
        for name in files:
            if not name.startswith(".") and not name.lower().endswith(_SIDECARS):
                yield (Path(root) / name).relative_to(folder).as_posix()


def _is_raster(file: Path) -> bool:
    """Tell a raster by its content; what is called like one counts as one, and opening it will tell."""
    return file.suffix.lower() in _RASTERS or (file.is_file() and sniff(read_head(str(file))[1]) is not None)


def _count(number: int, one: str = "is", several: str = "are") -> str:
    return f"{number} file {one}" if number == 1 else f"{number} files {several}"
