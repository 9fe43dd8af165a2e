"""Pixels of regions of interest, and samples at points, as tables."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from georoi.engine.cluster import connect
from georoi.errors import MemoryBudgetError, UsageError
from georoi.io.output.inputs import refuse_inputs
from georoi.options import Boundary, parse_boundary
from georoi.sources import as_source, mask_source
from georoi.values.points import PointSet
from georoi.values.quality import MaskRule, parse_mask
from georoi.values.raster import Raster
from georoi.values.stack import Stack
from georoi.wording import say_bytes

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from georoi.engine.progress import Progress
    from georoi.io.array.arrays import ArraySource
    from georoi.io.table.tables import WrittenTable
    from georoi.values.bands import BandRequest
    from georoi.zonal.rows import Extraction

MAX_MEMORY = 2**30
"""Bytes that a table in memory may take unless told otherwise."""


def extract(
    raster: object,
    rois: object,
    *,
    bands: BandRequest | None = None,
    boundary: str | Boundary | None = None,
    all_touched: bool | None = None,
    method: str | None = None,
    mask: Any = None,
    scaled: bool = True,
    keep_invalid: bool = False,
    include: Any = None,
    band_map: Mapping[str, int | str] | None = None,
    sensor: str | None = None,
    max_memory: int | None = MAX_MEMORY,
    workers: int | None = None,
    scheduler: Any = None,
    insecure: bool = False,
    progress: bool | Progress | None = None,
) -> Any:
    """Give every pixel of every ROI as a row, or the sample at every point.

    Pixels: columns roi_id, attributes asked for, row, col (from 0), x, y (the pixel's centre in the raster's
    CRS), weight (the covered share of the pixel; 1 unless by fraction), one column per band, date where there
    are dates. A pixel in two ROIs has two rows. Rows come by part, ROI, row, column and date, whatever the
    number of threads and wherever they run; parts are tiles of the raster, whole blocks of about 512 x 512
    pixels, or rows of blocks of one where many bands and dates make it large. Pixels that are valid in no
    band have no row.

    Points: one row per point and date, in the order of the points: point_id, attributes, x, y (in the
    raster's CRS), bands, date, status ("ok", "partial" where some bands are null, "no_valid", "outside") and
    the reason of a null. A bilinear sample is null where one of the four pixels that have weight is not
    valid; between the outermost centres and the raster's edge the outermost pixels go on.

    Every block of a file is read once a date.

    Args:
        raster: A path, a `Raster`, a `Stack`, or a georeferenced DataArray with dimensions (time, band, y, x)
            of which the first two may be missing.
        rois: Anything that `read_rois` takes. Where all its geometries are points, these are sampled.
        bands: Numbers from 1, names, or spectral indices such as "NDVI"; all bands by default.
        boundary: "fraction" (the default), "center" or "all_touched"; for ROIs.
        all_touched: True for "all_touched", False for "center".
        method: "nearest" (the pixel that holds the point; the default) or "bilinear"; for points.
        mask: Which pixels are kept: a rule such as "SCL in {4, 5, 7}" or "landsat-qa", or (raster or stack,
            rule) where its bands are in another file on the same grid.
        scaled: Apply scale and offset.
        keep_invalid: Keep pixels without a valid value, as null, with a column `state` (`{band}_state` for
            several bands): valid, nodata, nonfinite or masked. For ROIs.
        include: Names of attributes to repeat in each row, or True for all; none by default for ROIs, all for
            points.
        band_map: Roles to bands for indices, such as {"nir": "B08"}.
        sensor: The sensor, such as "landsat-8", where names of bands leave roles open.
        max_memory: Bytes that the table may take; None for no bound.
        workers: Threads; one per core by default.
        scheduler: Address of a dask scheduler, or a `distributed.Client` (Any: it may not be installed); by
            default the current client if there is one, else threads.
        insecure: Allow a scheduler on another machine without encryption.
        progress: True for a bar on a terminal, or a callback (done, total, message).

    Returns:
        A pandas DataFrame; its `.attrs["notes"]` says what is to be known, such as which ROIs have no row,
        and `.attrs["georoi"]` what it was made from.

    Raises:
        MemoryBudgetError: E-MEM-01 if the table would be larger than `max_memory`.
        CRSError: E-CRS-01, E-CRS-02, E-CRS-03, E-CRS-05, E-CRS-06.
        ROIError: Those of `read_rois`; E-ROI-11 for points that hold none.
        RasterError: E-RAS-01, E-RAS-02, E-RAS-03, E-RAS-04, E-RAS-08, E-RAS-10, E-RAS-12; E-STK-02 for a
            stack on several grids.
        UsageError: E-USE-01.
    """
    work = prepare_extraction(
        raster,
        rois,
        bands=bands,
        boundary=boundary,
        all_touched=all_touched,
        method=method,
        mask=mask,
        scaled=scaled,
        keep_invalid=keep_invalid,
        include=include,
        band_map=band_map,
        sensor=sensor,
    )
    from georoi.zonal.rows import Work, row_bytes, to_frame

    rows = work.estimate_rows()
    _check_memory(rows * row_bytes(work.schema), max_memory, f"about {rows:,} rows")
    tables, held, made = [], 0, 0
    with connect(scheduler, insecure) if isinstance(scheduler, str) else nullcontext(scheduler) as client:
        for table in work.batches(Work(workers=workers, client=client, progress=progress)):
            tables.append(table)
            held, made = held + table.nbytes, made + table.num_rows
            _check_memory(held, max_memory, f"{made:,} rows so far")
    frame = to_frame(tables, work.schema)
    frame.attrs["notes"] = [*work.notes, *work.closing_notes()]
    frame.attrs["georoi"] = work.provenance
    return frame


def extract_file(
    raster: object,
    rois: object,
    path: str | os.PathLike[str],
    *,
    bands: BandRequest | None = None,
    boundary: str | Boundary | None = None,
    all_touched: bool | None = None,
    method: str | None = None,
    mask: Any = None,
    scaled: bool = True,
    keep_invalid: bool = False,
    include: Any = None,
    band_map: Mapping[str, int | str] | None = None,
    sensor: str | None = None,
    of: str | None = None,
    overwrite: bool = False,
    workers: int | None = None,
    scheduler: Any = None,
    insecure: bool = False,
    progress: bool | Progress | None = None,
) -> WrittenTable:
    """Write what `extract` gives, part by part, in bounded memory, all or nothing.

    Parquet gets a geometry column of points (GeoParquet), which are the centres of the pixels, and what the
    table was made from; CSV and NDJSON get that in a file beside, `NAME.georoi.json`. The bytes are the same
    on any number of threads.

    Args:
        raster: See `extract`.
        rois: See `extract`.
        path: The output: .parquet, .csv or .ndjson.
        bands: See `extract`.
        boundary: See `extract`.
        all_touched: See `extract`.
        method: See `extract`.
        mask: See `extract`.
        scaled: See `extract`.
        keep_invalid: See `extract`.
        include: See `extract`.
        band_map: See `extract`.
        sensor: See `extract`.
        of: "Parquet", "CSV" or "NDJSON"; by the path's ending if not given.
        overwrite: Replace an output that exists.
        workers: See `extract`.
        scheduler: See `extract`.
        insecure: See `extract`.
        progress: See `extract`.

    Raises:
        OutputExistsError: E-OUT-01.
        OutputError: E-OUT-02, E-OUT-03, E-OUT-04, E-OUT-05.
        UsageError: E-USE-01 if the output is an input, or options contradict each other.
        GeoroiError: What `extract` raises, but for E-MEM-01.
    """
    from georoi.io.table.formats import STREAMS, check_table, named_format
    from georoi.io.table.streams import TableStream
    from georoi.zonal.rows import Work

    refuse_inputs((path,), (raster, rois, mask_source(mask)))
    found = named_format(check_table(path, format=of, overwrite=overwrite), STREAMS)
    work = prepare_extraction(
        raster,
        rois,
        bands=bands,
        boundary=boundary,
        all_touched=all_touched,
        method=method,
        mask=mask,
        scaled=scaled,
        keep_invalid=keep_invalid,
        include=include,
        band_map=band_map,
        sensor=sensor,
    )
    points = work.points if found == "Parquet" else None
    with (
        connect(scheduler, insecure) if isinstance(scheduler, str) else nullcontext(scheduler) as client,
        TableStream(
            path,
            format=found,
            overwrite=overwrite,
            metadata=work.provenance,
            schema=work.schema,
            points=points,
        ) as table,
    ):
        for batch in work.batches(Work(workers=workers, client=client, progress=progress)):
            table.append(batch)
        return table.commit(notes=(*work.notes, *work.closing_notes()))


def prepare_extraction(
    raster: object,
    rois: object,
    *,
    bands: BandRequest | None = None,
    boundary: str | Boundary | None = None,
    all_touched: bool | None = None,
    method: str | None = None,
    mask: Any = None,
    scaled: bool = True,
    keep_invalid: bool = False,
    include: Any = None,
    band_map: Mapping[str, int | str] | None = None,
    sensor: str | None = None,
) -> Extraction:
    """Make all ready for `extract`: headers and outlines are read, and no pixel; its str is the dry run."""
    from georoi.io.vector.points import read_places
    from georoi.zonal.inputs import BandChoice, read_input

    places = read_places(rois)
    kept, masks = _read_mask(mask, pixel=places.pixel)
    choice = BandChoice(bands=bands, band_map=band_map, sensor=sensor, scaled=scaled, mask=kept, masks=masks)
    given = read_input(_source(raster, pixel=places.pixel), choice)
    asked = {
        "bands": [layer.name for layer in given.layers[: len(given.scenes[0])]],
        "mask": None if kept is None else str(kept),
        "scaled": scaled,
    }
    if isinstance(places, PointSet):
        from georoi.planning.pointalignment import align_points
        from georoi.zonal.points import Method, PointSampling

        _refuse("points", boundary=boundary, all_touched=all_touched, keep_invalid=keep_invalid or None)
        if method not in (None, *Method):
            raise UsageError(
                "E-USE-01",
                f"method must be one of {', '.join(Method)}, not {method!r}",
                hint="nearest takes the pixel that holds the point",
            )
        chosen = Method.NEAREST if method is None else Method(method)
        on_grid = align_points(places, given.header.grid, pixel_grid=given.header.is_pixel)
        asked |= {"method": str(chosen)}
        return PointSampling(given, places, on_grid, method=chosen, include=include, asked=asked)
    from georoi.planning.alignment import align
    from georoi.zonal.extraction import PixelExtraction

    _refuse("regions of interest", method=method)
    rule = parse_boundary(boundary, all_touched, default=Boundary.FRACTION)
    return PixelExtraction(
        given,
        places,
        align(places, given.header.grid, pixel_grid=given.header.is_pixel),
        boundary=rule,
        keep_invalid=keep_invalid,
        include=include,
        asked=asked | {"boundary": str(rule)},
    )


def _refuse(what: str, **options: object) -> None:
    """Refuse options that mean nothing for points, or for ROIs."""
    for name, value in options.items():
        if value is not None:
            raise UsageError("E-USE-01", f"{name}= means nothing for {what}", hint=f"leave out {name}=")


def _check_memory(size: int, limit: int | None, what: str) -> None:
    if limit is not None and size > limit:
        raise MemoryBudgetError(
            "E-MEM-01",
            "the table would take more memory than allowed",
            found={"table": f"{what}, {say_bytes(size)}", "max_memory": say_bytes(limit)},
            hint="write it to a file with extract_file (georoi extract), which streams; or raise max_memory=",
        )


def _source(raster: object, *, pixel: bool) -> Raster | Stack | ArraySource:
    return raster if isinstance(raster, Stack) else as_source(raster, pixel=pixel)


def _read_mask(mask: Any, *, pixel: bool) -> tuple[MaskRule | None, Raster | Stack | None]:
    """Read mask=: a rule, or (source, rule)."""
    if mask is None:
        return None, None
    if isinstance(mask, tuple) and len(mask) == 2:
        source = _source(mask[0], pixel=pixel)
        if not isinstance(source, (Raster, Stack)):
            raise UsageError(
                "E-USE-01", "the mask is a DataArray, and must be a raster or stack", hint="give its file"
            )
        return parse_mask(mask[1]), source
    return parse_mask(mask), None
