"""Rasters made of others by their headers alone: bands joined, scenes of a day as one, another grid."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

import numpy as np
from odc.geo.geobox import GeoBox

from georoi.crs import same_crs
from georoi.errors import RasterError, UsageError
from georoi.grid import crop_grid, describe, grid_crs, key, same, to_pixels, to_world
from georoi.planning.resampling import require_operation
from georoi.values.composition import (
    OVERLAPS,
    RESAMPLINGS,
    WARP_CELL,
    Composition,
    Joined,
    Kept,
    Mosaic,
    Piece,
    Warped,
)
from georoi.values.naming import some
from georoi.values.raster import Georeference, Number, Raster, require_grid

LATTICE_WITHIN = 1e-3
"""Pixels of two grids are on one lattice if they are no further apart than this, in pixels."""
DRIVER = "composed"
"""What `Raster.driver` says where a raster is no file of its own."""

Align = str | Mapping[str, str]
"""A resampling for all bands, or one for each by name, with "*" for the others."""


def join_bands(
    parts: Sequence[Raster], *, name: str, when: datetime | None, numbers: tuple[int, ...] = ()
) -> Raster:
    """Make one raster of the bands of several on one grid; values of a narrower dtype are widened.

    Args:
        parts: Rasters, in the order of the bands wanted.
        name: Of the whole, for messages.
        when: Its date.
        numbers: What the bands of several are numbered; from 1 by default.

    Raises:
        RasterError: E-STK-02 if their grids differ, E-STK-05 if two bands have one name, E-RAS-09 if no
            dtype holds the values of all.
    """
    if len(parts) == 1:
        return replace(parts[0], date=when, dates=None)
    first = parts[0]
    for part in parts[1:]:
        if not same(first.grid, part.grid):
            raise RasterError(
                "E-STK-02",
                f"the bands of '{name}' lie on different grids",
                found={
                    f"{some(first.band_names)} ({first.name})": describe(first.grid),
                    f"{some(part.band_names)} ({part.name})": describe(part.grid),
                },
                hint='choose bands of one grid with bands=, or resample: align="nearest", "bilinear", '
                '"average", ...',
            )
    names = tuple(band for part in parts for band in part.band_names)
    twice = sorted({band for band in names if names.count(band) > 1})
    if twice:
        raise RasterError(
            "E-STK-05",
            f"'{name}' has {some(twice)} more than once",
            found={"files": some(part.name for part in parts)},
            hint="scenes of one day need a time each, or a column or key that tells them apart",
        )
    dtype = _widest(parts, name)
    notes = [note for part in parts for note in part.notes]
    if len({part.dtype for part in parts}) > 1:
        notes.append(f"bands of {some(sorted({part.dtype for part in parts}))} are read as {dtype}")
    return _composed(
        first,
        Joined(parts=tuple(parts), numbers=numbers),
        parts,
        name=name,
        when=when,
        band_names=names,
        bands=numbers or tuple(range(1, len(names) + 1)),
        dtype=dtype,
        nodata=tuple(value for part in parts for value in part.nodata),
        scales=tuple(value for part in parts for value in part.scales),
        offsets=tuple(value for part in parts for value in part.offsets),
        masks=any(part.mask_kind in ("mask", "alpha") for part in parts),
        notes=notes,
    )


def show_bands(raster: Raster, names: Sequence[int | str]) -> Raster:
    """Choose bands by name; those of joined rasters are numbered anew, from 1, as a file's would be."""
    chosen = raster.select(names)
    joined = raster.composition
    if not isinstance(joined, Joined):
        return chosen
    places = {number: place for place, number in enumerate(chosen.bands, 1)}
    joined = replace(joined, numbers=tuple(places.get(number, 0) for number in joined.order))
    return replace(
        chosen,
        bands=tuple(places.values()),
        composition=joined,
        fingerprint=digest(joined, joined.parts, raster.grid),
    )


def align_raster(raster: Raster, grid: GeoBox, align: Align) -> Raster:
    """Give a raster on another grid, resampled as it is read; itself if it lies there already.

    Bands keep their numbers.

    Args:
        raster: A file, with a grid in a CRS.
        grid: Where it is to lie.
        align: How; different bands may be resampled differently.

    Raises:
        UsageError: E-USE-01 if a resampling is not known, or one of the grids has no CRS.
        RasterError: E-RAS-09 for 64-bit integers, which GDAL does not resample exactly.
        CRSError: E-CRS-06 if only a ballpark operation is known between the CRS.
    """
    if same(raster.grid, grid):
        return raster
    if require_grid(raster).crs is None or grid.crs is None:
        raise UsageError("E-USE-01", f"raster '{raster.name}' is in pixel space, so it cannot be resampled")
    if raster.dtype in ("int64", "uint64"):
        raise RasterError("E-RAS-09", f"raster '{raster.name}' is {raster.dtype}, which is not resampled")
    require_operation(grid, raster.grid)
    methods = [choose_resampling(align, band) for band in raster.band_names]
    warped = [
        _warp(
            raster.select([raster.bands[i] for i, chosen in enumerate(methods) if chosen == method]),
            grid,
            method,
        )
        for method in dict.fromkeys(methods)
    ]
    if len(warped) == 1:
        return warped[0]
    numbers = tuple(number for part in warped for number in part.bands)
    joined = join_bands(warped, name=raster.name, when=raster.date, numbers=numbers)
    return joined.select(raster.bands)


def choose_resampling(align: Align, band: str) -> str:
    """Give the resampling for a band.

    Raises:
        UsageError: E-USE-01 if there is none for it, or it is not one of `RESAMPLINGS`.
    """
    method = align if isinstance(align, str) else align.get(band, align.get("*"))
    if method not in RESAMPLINGS:
        what = "align has no resampling" if method is None else f"align does not know {method!r}"
        raise UsageError(
            "E-USE-01",
            f"{what} for band {band!r}",
            hint=f'choose of {", ".join(RESAMPLINGS)}; or by band, {{"SCL": "nearest", "*": "bilinear"}}',
        )
    return method


def _warp(raster: Raster, grid: GeoBox, method: str) -> Raster:
    exact = raster.nodata[0]
    marked = raster.mask_kind not in ("mask", "alpha") and exact is not None and len(set(raster.nodata)) == 1
    rows, cols = grid.shape
    return replace(
        _composed(
            raster,
            Warped(source=raster, resampling=method),
            (raster,),
            name=raster.name,
            when=raster.date,
            band_names=raster.band_names,
            bands=raster.bands,
            dtype=raster.dtype,
            nodata=raster.nodata,
            scales=raster.scales,
            offsets=raster.offsets,
            masks=not marked,
            notes=[*raster.notes, f"resampled ({method}) from {describe(raster.grid)}"],
            grid=grid,
        ),
        georeference=Georeference.CRS,
        block_shape=(min(WARP_CELL, rows), min(WARP_CELL, cols)),
    )


def merge_days(rasters: Iterable[Raster], overlap: str) -> tuple[list[Raster], list[str]]:
    """Make one raster of those of each day (UTC) that lie on one lattice of pixels; nothing is resampled.

    Grids are on one lattice if they have one CRS and pixel size and lie whole pixels apart. All days of a
    lattice come on its one union grid, where pixels that no scene has are without data.

    Args:
        rasters: Dated, in order of time, with the same bands.
        overlap: One of `OVERLAPS`.

    Returns:
        The rasters, and notes on days whose scenes lie on several lattices.

    Raises:
        UsageError: E-USE-01 if `overlap` is not known.
        RasterError: E-STK-03 if scale or offset of the scenes of a day differ, E-RAS-09 for dtypes that do
            not go together.
    """
    if overlap not in OVERLAPS:
        raise UsageError("E-USE-01", f"overlap must be one of {', '.join(OVERLAPS)}, not {overlap!r}")
    lattices: list[list[tuple[Raster, tuple[int, int]]]] = []
    for raster in rasters:
        for members in lattices:
            offset = lattice_offset(members[0][0].grid, raster.grid)
            if offset is not None:
                members.append((raster, offset))
                break
        else:
            lattices.append([(raster, (0, 0))])
    days: defaultdict[date, int] = defaultdict(int)
    merged = []
    for members in lattices:
        union, (top, left) = _union(members)
        by_day: defaultdict[date, list[Piece]] = defaultdict(list)
        for raster, (row, col) in members:
            if raster.date is not None:
                by_day[raster.date.date()].append(Piece(raster=raster, row=row - top, col=col - left))
        for day, pieces in by_day.items():
            days[day] += 1
            alone = len(pieces) == 1 and same(pieces[0].raster.grid, union)
            merged.append(pieces[0].raster if alone else _mosaic(pieces, union, overlap))
    notes = [
        f"the scenes of {day} lie on {count} lattices of pixels and stay {count} rasters"
        for day, count in sorted(days.items())
        if count > 1
    ]
    return merged, notes


def lattice_offset(base: GeoBox, grid: GeoBox) -> tuple[int, int] | None:
    """Give how many pixels (rows, columns) a grid begins from another one; None if on another lattice."""
    if (base.crs is None) != (grid.crs is None):
        return None
    if base.crs is not None and not same_crs(grid_crs(base), grid_crs(grid)):
        return None
    rows, cols = grid.shape
    corners_x, corners_y = np.array([0.0, cols, cols, 0.0]), np.array([0.0, 0.0, rows, rows])
    x, y = to_pixels(base, *to_world(grid, corners_x, corners_y))
    col, row = round(float(x[0])), round(float(y[0]))
    away = np.hypot(x - corners_x - col, y - corners_y - row).max()
    return (row, col) if away <= LATTICE_WITHIN else None


def _union(members: Sequence[tuple[Raster, tuple[int, int]]]) -> tuple[GeoBox, tuple[int, int]]:
    """Give the grid that holds all, and where it begins (row, column) as counted from the first's pixels."""
    top = min(row for _, (row, _) in members)
    left = min(col for _, (_, col) in members)
    bottom = max(row + raster.shape[0] for raster, (row, _) in members)
    right = max(col + raster.shape[1] for raster, (_, col) in members)
    return crop_grid(members[0][0].grid, (top, bottom, left, right)), (top, left)


def _mosaic(pieces: list[Piece], grid: GeoBox, overlap: str) -> Raster:
    rasters = [piece.raster for piece in pieces]
    first = rasters[0]
    for raster in rasters[1:]:
        if (raster.scales, raster.offsets) != (first.scales, first.offsets):
            raise RasterError(
                "E-STK-03",
                "scale or offset of the scenes of a day differ, so they are not one image",
                found={one.name: f"scale {one.scales}, offset {one.offsets}" for one in (first, raster)},
            )
    nodata = {str(value) for raster in rasters for value in raster.nodata}
    masks = any(raster.mask_kind in ("mask", "alpha") for raster in rasters)
    marked = not masks and len(nodata) == 1 and first.nodata[0] is not None
    name = first.name if len(rasters) == 1 else f"{first.name} and {len(rasters) - 1} more"
    dtype = _widest(rasters, name)
    notes = [note for raster in rasters for note in raster.notes]
    if len(rasters) > 1:
        notes.append(f"a mosaic ({overlap}) of {some((raster.name for raster in rasters), 8)}")
    return _composed(
        first,
        Mosaic(pieces=tuple(pieces), overlap=overlap),
        rasters,
        name=name,
        when=first.date,
        band_names=first.band_names,
        bands=tuple(range(1, first.count + 1)),
        dtype=dtype,
        nodata=first.nodata if marked else (None,) * first.count,
        scales=first.scales,
        offsets=first.offsets,
        masks=not marked,
        notes=notes,
        grid=grid,
    )


def _composed(
    first: Raster,
    composition: Composition,
    parts: Sequence[Raster],
    *,
    name: str,
    when: datetime | None,
    band_names: tuple[str, ...],
    bands: tuple[int, ...],
    dtype: str,
    nodata: tuple[Number | None, ...],
    scales: tuple[float, ...],
    offsets: tuple[float, ...],
    masks: bool,
    notes: Iterable[str],
    grid: GeoBox | None = None,
) -> Raster:
    """Make the raster of a composition: what is true of all its parts, and a digest of what it is made of."""
    grid = first.grid if grid is None else grid
    sizes = [part.file_bytes for part in parts]
    rows, cols = max((part.block_shape for part in parts), key=math.prod)
    return replace(
        first,
        name=name,
        grid=grid,
        bands=bands,
        band_names=band_names,
        dtype=dtype,
        nodata=nodata,
        scales=scales,
        offsets=offsets,
        block_shape=(min(rows, grid.shape[0]), min(cols, grid.shape[1])),
        mask_kind="mask" if masks else "nodata" if any(value is not None for value in nodata) else "none",
        driver=DRIVER,
        fingerprint=digest(composition, parts, grid),
        compression=None,
        predictor=1,
        interleave="band",
        layout=None,
        overviews=(),
        colors=None,
        palette=None,
        date=when,
        dates=None,
        file_bytes=None if None in sizes else sum(size for size in sizes if size is not None),
        notes=tuple(dict.fromkeys(notes)),
        composition=composition,
    )


def digest(composition: Composition, parts: Sequence[Raster], grid: GeoBox) -> str:
    """Give the fingerprint of a composed raster: how it is made, and all that tells what its parts hold."""
    match composition:
        case Joined(numbers=numbers):
            recipe: tuple[object, ...] = ("joined", numbers)
        case Mosaic(pieces=pieces, overlap=overlap):
            recipe = ("mosaic", overlap, [(piece.row, piece.col) for piece in pieces])
        case Warped(resampling=resampling):
            recipe = ("warped", resampling)
        case Kept(rule=rule):
            recipe = ("kept", str(rule))
    made_of = [
        (
            part.fingerprint,
            part.name.partition("::")[2],
            part.bands,
            part.mask_kind,
            [str(value) for value in part.nodata],
            key(part.grid),
        )
        for part in parts
    ]
    return hashlib.sha256(repr((recipe, key(grid), made_of)).encode()).hexdigest()


def _widest(parts: Sequence[Raster], name: str) -> str:
    dtypes = sorted({part.dtype for part in parts})
    widest = np.result_type(*(np.dtype(dtype) for dtype in dtypes))
    if any(not _holds(widest, np.dtype(dtype)) for dtype in dtypes):
        raise RasterError(
            "E-RAS-09",
            f"the files of '{name}' are of dtypes that do not go together",
            found={"dtypes": ", ".join(dtypes)},
            hint="choose bands of one dtype with bands=",
        )
    return str(widest)


def _holds(wide: np.dtype[np.generic], narrow: np.dtype[np.generic]) -> bool:
    """Tell whether every value of a dtype is one of another; numpy thinks so of int64 and float64."""
    return not (wide.kind == "f" and narrow.kind in "iu" and narrow.itemsize >= 8)
