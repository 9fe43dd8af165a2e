"""Read vector files into features: find the file, tell its format, check it, read it, note what is odd."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from georoi.crs import CRS, parse_crs
from georoi.errors import ROIError, UsageError
from georoi.io.names import short_name
from georoi.io.vector import geojson_text
from georoi.io.vector.downloads import fetched, is_url
from georoi.io.vector.failures import translated
from georoi.io.vector.filters import matching
from georoi.io.vector.geojson import read_geojson
from georoi.io.vector.layers import choose_layer
from georoi.io.vector.vector_formats import Format, check_geojson, check_kml, read_text, shapefiles_in, sniff
from georoi.values.features import Features
from georoi.values.naming import plain

Box = tuple[float, float, float, float]
"""(xmin, ymin, xmax, ymax)."""


@dataclass(frozen=True, eq=False)
class Read:
    """What a source gave."""

    features: Features
    name: str
    crs: CRS | None = None
    states_crs: bool = True
    """False where the CRS is only what the format means when it says nothing; then `rois_crs=` may differ."""
    pixel: bool = False
    whole: Features | None = None
    """All features of the source, where georoi itself filtered them; None where none was left out so."""


@contextmanager
def located(
    source: str | os.PathLike[str], layer: str | int | None
) -> Iterator[tuple[Path, str, str | int | None]]:
    """Find the local file of a path or URL, and the layer of "path::layer"."""
    text = os.fspath(source)
    if not isinstance(text, str) or not text.strip() or "\x00" in text or len(text) > 4096:
        raise _missing(str(text))
    stem, separator, suffix = text.rpartition("::")
    if separator and not os.path.lexists(text):
        if layer is not None and layer != suffix:
            raise UsageError(
                "E-USE-01", "two layers are asked for", found={"path": plain(suffix), "layer=": plain(layer)}
            )
        text, layer = stem, suffix
    name = short_name(text)
    if is_url(text):
        with fetched(text, name) as path:
            yield path, name, layer
        return
    with translated(name):
        if Path(text).is_dir():
            raise ROIError("E-ROI-01", f"{name} is a folder", hint="name a file in it")
        if not Path(text).is_file():
            raise _missing(text)
    yield Path(os.path.abspath(text)), name, layer  # noqa: PTH100  (GDAL takes it; links stay as they are)


def _missing(text: str) -> ROIError:
    shown = short_name(text) or "(empty)"
    inline = text.lstrip()[:1] in ("{", "[", "<")
    return ROIError(
        "E-ROI-01",
        "the ROI source is text, not a path" if inline else f"the ROI file {shown!r} does not exist",
        found={"working folder": plain(Path.cwd())} if not inline else {"text": plain(text, 60)},
        hint="parse GeoJSON text first: read_rois(json.loads(text))" if inline else "check the path",
    )


def read_file(path: Path, name: str, layer: str | int | None, where: str | None, box: Box | None) -> Read:
    """Read a file of any format.

    Args:
        path: An absolute path.
        name: What messages call it.
        layer: Name or number of the layer, where there are several.
        where: Condition on attributes in SQL.
        box: In the CRS of the file; features off it may be left out.

    Raises:
        ROIError: E-ROI-01, E-ROI-02, E-ROI-05, E-ROI-09.
        CRSError: E-CRS-04 if the file's CRS is not understood.
    """
    with translated(name):
        kind = sniff(path, name)
        if kind is Format.GEOJSON:
            return _read_geojson(path, name, layer, where)
        if kind is Format.PARQUET:
            from georoi.io.vector.geoparquet import (
                read_geoparquet,
            )  # so does pyarrow, and only Parquet needs it

            _only_layer(layer, path.stem, name)
            features, crs, stated = read_geoparquet(path, name)
            return filtered(Read(features, name, None if crs is None else parse_crs(crs), stated), where)
        if kind is Format.KML:
            data = read_text(path, name)
            check_kml(data, name)
            return _read_layer(data, name, None if layer == path.stem else layer, where)
        with _reachable(path, kind) as target:
            if kind is Format.ZIP:
                return _read_zip(target, name, layer, where)
            if kind is Format.SHAPEFILE:
                _only_layer(layer, path.stem, name)
                return _read_shapefile(target, name, where)
            return _read_layer(str(target), name, layer, where, box)


def _read_layer(
    target: str | bytes, name: str, layer: str | int | None, where: str | None, box: Box | None = None
) -> Read:
    from georoi.io.vector import ogr  # pyogrio takes long to import, and GeoJSON does without it

    layers = ogr.list_layers(target, name)
    chosen = choose_layer(layers, layer, name)
    read = ogr.read_layer(target, name, layer=chosen, where=where, bbox=box)
    crs = None if read.crs is None or "Undefined Cartesian" in read.crs else parse_crs(read.crs)
    return Read(read.features, name if layer is None else f"{name}::{plain(layers[chosen][0], 40)}", crs)


def _read_geojson(path: Path, name: str, layer: str | int | None, where: str | None) -> Read:
    _only_layer(layer, path.stem, name)
    return filtered(read_geojson_text(read_text(path, name), name), where)


def read_geojson_text(data: bytes, name: str) -> Read:
    """Read GeoJSON, or a sequence of GeoJSON texts.

    Raises:
        ROIError: E-ROI-01 if it is none, is broken, or nests too deep.
        CRSError: E-CRS-04 if its CRS is not understood.
    """
    check_geojson(data, name)
    stated = geojson_text.scan(data, name)
    return Read(read_geojson(data, name), name, *geojson_crs(stated))


def geojson_crs(stated: geojson_text.Stated) -> tuple[CRS | None, bool]:
    """Give the CRS of GeoJSON, and whether it is stated: text without a word on it is in WGS 84."""
    if stated.is_null:
        return None, True
    return parse_crs(stated.text or "EPSG:4326"), stated.text is not None


def _only_layer(layer: str | int | None, only: str, name: str) -> None:
    if layer not in (None, 0, only):
        choose_layer([(only, "Unknown")], layer, name)


def _read_zip(path: Path, name: str, layer: str | int | None, where: str | None) -> Read:
    members = shapefiles_in(path, name)
    stems = [member.rpartition("/")[2][:-4] for member in members]
    counts = Counter(stems)
    layers = [stem if counts[stem] == 1 else member[:-4] for stem, member in zip(stems, members, strict=True)]
    chosen = choose_layer([(one, "Unknown") for one in layers], layer, name)
    return _read_layer(f"/vsizip/{{{path}}}/{members[chosen]}", name, None, where)


def _read_shapefile(path: Path, name: str, where: str | None) -> Read:
    read = _read_layer(str(path), name, None, where)
    notes = list(read.features.notes)
    beside = {other.suffix.lower() for other in path.parent.glob(f"{_escaped(path.stem)}.*")}
    if ".dbf" not in beside:
        notes.append("its .dbf is missing, so there are no attributes")
    if read.crs is None and ".prj" in beside:
        notes.append("its .prj is not understood, so it states no CRS")
    if ".cpg" not in beside and _has_accents(read.features):
        notes.append("it does not say its encoding, so letters beyond ASCII may be wrong")
    return replace(read, features=replace(read.features, notes=tuple(notes)))


def _escaped(text: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in text)


def _has_accents(features: Features) -> bool:
    return any(
        isinstance(value, str) and not value.isascii()
        for column in features.attributes.values()
        if column.dtype == object
        for value in column
    )


@contextmanager
def _reachable(path: Path, kind: Format) -> Iterator[Path]:
    """Give a path of the file that GDAL can take, and where reading leaves nothing beside the file.

    A GeoPackage in write-ahead mode is copied, since SQLite makes files beside one to read it. A path that
    pyogrio would take apart at its ! or ?, or GDAL at its braces, is linked under a plain one.
    """
    logged = kind is Format.GPKG and _write_version(path) == 2
    if not logged and not set("!?{}") & set(str(path)):
        yield path
        return
    with TemporaryDirectory(prefix="georoi-") as folder:
        for part in path.parent.glob(f"{_escaped(path.stem)}.*"):
            link = Path(folder) / f"rois{part.name[len(path.stem) :]}"
            if not logged:
                link.symlink_to(part)
            elif part.name in (path.name, f"{path.name}-wal"):
                shutil.copyfile(part, link)
        yield Path(folder) / f"rois{path.suffix}"


def _write_version(path: Path) -> int:
    """Read from an SQLite header how the file is written: 1 with a journal, 2 with a write-ahead log."""
    with path.open("rb") as file:
        return file.read(20)[18]


def filtered(read: Read, where: str | None) -> Read:
    """Keep the features for which a condition in SQL holds."""
    if where is None:
        return read
    features = read.features
    keep = matching(features.attributes, len(features), where, read.name)
    return replace(read, features=features.take(keep), whole=features)
