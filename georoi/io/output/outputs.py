"""Choose the format of an image's output and hand the image to its writer."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from georoi.errors import OutputError
from georoi.io.output.claims import check_target
from georoi.io.output.spec import ImageSpec, Piece, Written

FORMATS = ("GTiff", "COG", "Zarr", "PNG", "JPEG")
"""Names of the formats, as GDAL has them."""

_NAMES = {name.upper(): name for name in FORMATS} | {
    "GEOTIFF": "GTiff",
    "TIFF": "GTiff",
    "TIF": "GTiff",
    "JPG": "JPEG",
}
_SUFFIXES = {
    ".tif": "GTiff",
    ".tiff": "GTiff",
    ".gtiff": "GTiff",
    ".zarr": "Zarr",
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
}


def output_format(path: str | os.PathLike[str], of: str | None = None) -> str:
    """Give the format of an output: the one asked for, else the one its name ends in.

    Raises:
        OutputError: E-OUT-04 if neither names a format.
    """
    if of is not None:
        found = _NAMES.get(of.strip().upper())
        if found is None:
            raise OutputError(
                "E-OUT-04", f"{of!r} is no format that can be written", hint=f"one of {', '.join(FORMATS)}"
            )
        return found
    suffix = Path(os.fspath(path)).suffix.lower()
    if suffix not in _SUFFIXES:
        raise OutputError(
            "E-OUT-04",
            f"the name {Path(os.fspath(path)).name!r} does not tell the format",
            hint=f"end it in {', '.join(_SUFFIXES)}, or pass of= (--of), one of {', '.join(FORMATS)}",
        )
    return _SUFFIXES[suffix]


def is_output_name(path: str | os.PathLike[str]) -> bool:
    """Tell whether a name ends as that of an output does, such as in ".tif"."""
    return Path(os.fspath(path)).suffix.lower() in _SUFFIXES


def suffix_of(format: str) -> str:
    """Give the usual ending of a format's names, such as ".tif"."""
    return {"GTiff": ".tif", "COG": ".tif", "Zarr": ".zarr", "PNG": ".png", "JPEG": ".jpg"}[format]


def check_output(path: str | os.PathLike[str], *, of: str | None = None, overwrite: bool = False) -> str:
    """Refuse an output that cannot or may not be written, before any work is done; give its format.

    Raises:
        OutputExistsError: E-OUT-01 if it exists and may not be replaced.
        OutputError: E-OUT-02 if its folder cannot take it, E-OUT-04 if the format is unknown.
    """
    format = output_format(path, of)
    check_target(path, overwrite=overwrite, folder=format == "Zarr")
    return format


def write_image(
    path: str | os.PathLike[str],
    spec: ImageSpec,
    pieces: Iterable[Piece],
    *,
    of: str | None = None,
    options: Mapping[str, object] | None = None,
    overwrite: bool = False,
    workers: int | None = None,
) -> Written:
    """Write an image in the format that `of` or the path's ending names.

    Args:
        path: The output.
        spec: The image.
        pieces: Its pieces, in the order that `Piece` states; drawn once, after the output was found writable.
        of: One of `FORMATS`, in any case; None to go by the path.
        options: Creation options of the format.
        overwrite: Whether an existing output may be replaced.
        workers: Threads that encode; None for one per processor.

    Raises:
        UsageError: E-USE-01 for an unknown option or value; E-USE-02 for Zarr without its extra.
        OutputExistsError: E-OUT-01.
        OutputError: E-OUT-02, E-OUT-03, E-OUT-04, E-OUT-05.
        MemoryBudgetError: E-MEM-01 for a picture that is too large.
    """
    format = check_output(path, of=of, overwrite=overwrite)
    if format in ("PNG", "JPEG"):
        from georoi.io.output.pictures import write_picture

        return write_picture(path, spec, pieces, format=format, options=options, overwrite=overwrite)
    if format == "GTiff":
        from georoi.io.output.tiff import write_tiff as write
    elif format == "COG":
        from georoi.io.output.cog import write_cog as write
    else:
        from georoi.io.output.zarrs import write_zarr as write
    return write(path, spec, pieces, options=options, overwrite=overwrite, workers=workers)
