"""Name the formats of tables, and find the one that a path or an option asks for."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from georoi.errors import OutputError, UsageError
from georoi.io.output.claims import check_target
from georoi.io.output.inputs import refuse_inputs

FORMATS = ("Parquet", "GPKG", "FlatGeobuf", "CSV", "GeoJSON", "GeoJSONSeq", "NDJSON")
"""Names of the formats, as GDAL has them; NDJSON is GeoJSONSeq for tables with geometry, plain objects
without."""

TEXTS = ("CSV", "GeoJSON", "GeoJSONSeq", "NDJSON")
"""Formats that can go to a stream of text, such as stdout."""

STREAMS = ("Parquet", "CSV", "NDJSON")
"""Formats that can be written batch by batch."""

SIDECARS = frozenset({"FlatGeobuf", "CSV", "GeoJSON", "GeoJSONSeq", "NDJSON"})
"""Formats that hold no provenance inside: it goes to a file beside them."""

_NAMES = {name.upper(): name for name in FORMATS} | {
    "GEOPARQUET": "Parquet",
    "GEOPACKAGE": "GPKG",
    "FGB": "FlatGeobuf",
    "GEOJSONL": "GeoJSONSeq",
    "JSONL": "NDJSON",
}
_SUFFIXES = {
    ".parquet": "Parquet",
    ".geoparquet": "Parquet",
    ".gpkg": "GPKG",
    ".fgb": "FlatGeobuf",
    ".csv": "CSV",
    ".geojson": "GeoJSON",
    ".json": "GeoJSON",
    ".geojsonl": "GeoJSONSeq",
    ".geojsons": "GeoJSONSeq",
    ".ndjson": "NDJSON",
    ".jsonl": "NDJSON",
}


def table_format(path: str | os.PathLike[str], format: str | None = None) -> str:
    """Give the format of a table: the one asked for, else the one that its name ends in.

    Raises:
        OutputError: E-OUT-04 if neither names a format.
    """
    if format is not None:
        return named_format(format, FORMATS)
    suffix = Path(os.fspath(path)).suffix.lower()
    if suffix not in _SUFFIXES:
        raise OutputError(
            "E-OUT-04",
            f"the name {Path(os.fspath(path)).name!r} does not tell the format of a table",
            hint=f"end it in {', '.join(_SUFFIXES)}, or pass format=, one of {', '.join(FORMATS)}",
        )
    return _SUFFIXES[suffix]


def named_format(format: str, allowed: tuple[str, ...]) -> str:
    """Give the format that a name in any case stands for.

    Raises:
        OutputError: E-OUT-04 if it is none of those allowed.
    """
    found = _NAMES.get(str(format).strip().upper())
    if found not in allowed:
        rule = "is no format of tables" if found is None else "cannot be written in this way"
        raise OutputError("E-OUT-04", f"{format!r} {rule}", hint=f"one of {', '.join(allowed)}")
    return found


def sidecar_path(path: str | os.PathLike[str]) -> Path:
    """Name the file beside a table that says where it comes from: `stats.csv.georoi.json`."""
    target = Path(os.fspath(path))
    return target.with_name(target.name + ".georoi.json")


def check_table(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    overwrite: bool = False,
    sidecar: bool = True,
    inputs: Iterable[object] = (),
) -> str:
    """Refuse a table that cannot or may not be written, before any work is done for it; give its format.

    Args:
        path: The output.
        format: One of `FORMATS`, in any case; None to go by the path.
        overwrite: Whether an existing output may be replaced.
        sidecar: Whether there is provenance, which some formats need a file beside them for.
        inputs: What is read, paths and rasters: none of it may be replaced.

    Raises:
        OutputExistsError: E-OUT-01 if it or its sidecar exists and may not be replaced.
        OutputError: E-OUT-02 if its folder cannot take it, E-OUT-04 if the format is unknown.
        UsageError: E-USE-01 if it is one of the inputs.
    """
    found = table_format(path, format)
    targets = [Path(check_target(path, overwrite=overwrite))]
    if sidecar and found in SIDECARS:
        targets.append(check_target(sidecar_path(path), overwrite=overwrite))
    refuse_inputs(targets, inputs)
    return found


def refuse_option(format: str, option: str, allowed: tuple[str, ...]) -> UsageError:
    """Make the error for an option that a format has no use for: E-USE-01."""
    return UsageError(
        "E-USE-01", f"{option} is for {' and '.join(allowed)}, not for {format}", hint=f"leave out {option}"
    )
