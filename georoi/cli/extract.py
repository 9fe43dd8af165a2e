"""`georoi extract`: every pixel of regions of interest, or samples at points, as rows of a table."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from georoi.cli.choices import DatesChoice, EngineChoice, KeepChoice, RoiChoice, carried
from georoi.cli.console import Console, json_option, talk_options
from georoi.cli.options import (
    BOUNDARIES,
    dates_options,
    engine_options,
    grid_options,
    keep_options,
    roi_options,
)
from georoi.cli.tables import TableChoice, table_options
from georoi.cli.values import Lenient
from georoi.io.names import is_folder, is_there
from georoi.wording import printable, say_bytes, say_count

if TYPE_CHECKING:
    from georoi.values.points import PointSet
    from georoi.values.rois import ROISet
    from georoi.zonal.rows import Extraction


@click.command("extract", short_help="List the pixels of regions of interest, or sample points.")
@roi_options
@click.option("--points", metavar="FILE", help="Points to sample, in place of --rois.")
@click.option(
    "-b",
    "--band",
    "bands",
    multiple=True,
    metavar="B",
    help="A band by number (from 1) or name, or an index such as NDVI; repeat for more. All bands otherwise.",
)
@click.option(
    "--boundary",
    type=Lenient(BOUNDARIES),
    help="Which pixels belong to a region, and their weight: fraction (the default), center or all-touched.",
)
@click.option(
    "--method",
    type=click.Choice(["nearest", "bilinear"]),
    help="What a point gets: the pixel that holds it (the default), or between the four around it.",
)
@keep_options
@click.option("--sensor", metavar="NAME", help="The sensor, where names of bands leave an index open.")
@click.option("--unscaled", is_flag=True, help="Take values as stored, without scale and offset.")
@click.option("--keep-invalid", is_flag=True, help="Keep pixels without a valid value, with their state.")
@dates_options
@grid_options
@click.option("-i", "--input", "inputs", multiple=True, metavar="PATH", help="A RASTER, by name.")
@table_options
@click.option("-n", "--dry-run", is_flag=True, help="Print the plan and stop; headers alone are read.")
@engine_options
@json_option
@talk_options
@click.argument("paths", nargs=-1, metavar="RASTER... OUT")
@click.pass_context
@carried(RoiChoice, "choice")
@carried(TableChoice, "table")
@carried(EngineChoice, "engine")
@carried(KeepChoice, "keep")
@carried(DatesChoice, "dates")
def command(
    ctx: click.Context,
    /,
    choice: RoiChoice,
    table: TableChoice,
    engine: EngineChoice,
    keep: KeepChoice,
    dates: DatesChoice,
    paths: tuple[str, ...],
    inputs: tuple[str, ...],
    points: str | None,
    bands: tuple[str, ...],
    unscaled: bool,
    dry_run: bool,
    **options: Any,
) -> None:
    """List every pixel of the regions of interest in RASTER, or sample it at points, as rows of OUT.

    Several rasters, or a folder, are dates. OUT is a .parquet (GeoParquet of points), .csv or .ndjson, or -
    for CSV on stdout; it is written tile by tile, in bounded memory.
    """
    from georoi import api
    from georoi.api.extraction import extract_file, prepare_extraction

    console = Console.of(ctx)
    rule = keep.rule()
    rasters, table = _sides(paths, inputs, table)
    if table.is_stdout and console.json and not dry_run:
        raise click.UsageError("--json says what was written: give OUT a name, or leave out --json")
    places = points if points is not None else choice.rois
    _check(table, (*rasters, None if places == "-" else places, keep.mask_raster, dates.like), is_dry=dry_run)
    regions = _read(choice, points, pixel=dates.pixel)
    source = dates.open(rasters)
    if keep.mask_raster is not None and is_folder(keep.mask_raster):
        rule = (api.open_stack(keep.mask_raster), keep.mask)
    options |= {
        "mask": rule,
        "bands": [int(name) if name.isdigit() else name for name in bands] or None,
        "scaled": not unscaled,
        "include": table.fields(),
    }
    engine_choice = engine.options()
    if dry_run:
        _foresee(console, prepare_extraction(source, regions, **options), table)
        return
    if table.is_stdout:
        scheduler, insecure = engine_choice["scheduler"], engine_choice["insecure"]
        work = prepare_extraction(source, regions, **options)
        with api.connect(scheduler, insecure) if scheduler else nullcontext() as client:
            _print(console, work, table, engine_choice["workers"], client)
        return
    written = extract_file(
        source,
        regions,
        str(table.out),
        of=table.of,
        overwrite=table.overwrite,
        progress=console.shows_progress,
        **options,
        **engine_choice,
    )
    for note in written.notes:
        console.note(note)
    console.say(f"{say_count(written.rows, 'row')} | {written.path} | {say_bytes(written.bytes)}")
    output = {
        "path": str(written.path),
        "format": written.format,
        "bytes": written.bytes,
        "sha256": written.sha256,
    }
    console.result({"rows": written.rows, "outputs": [output]})


def _sides(
    paths: tuple[str, ...], inputs: tuple[str, ...], table: TableChoice
) -> tuple[tuple[str, ...], TableChoice]:
    """Tell the rasters from the output, which is the last path unless -o names it."""
    rasters = (*inputs, *paths)
    if table.out is None and paths:
        rasters, table = rasters[:-1], replace(table, out=paths[-1])
    if not rasters:
        raise click.UsageError("missing argument RASTER")
    if table.out is None:
        raise click.UsageError("missing argument OUT")
    return rasters, table


def _read(choice: RoiChoice, points: str | None, *, pixel: bool) -> ROISet | PointSet:
    if points is None:
        return choice.read(pixel=pixel)
    if choice.rois is not None or choice.bbox is not None:
        raise click.UsageError("--points takes the place of --rois and --bbox: give one of them")
    if pixel and choice.rois_crs not in (None, "pixel"):
        raise click.UsageError(
            f"--pixel says that the points are in pixels, and a CRS is given: {choice.rois_crs}"
        )
    from georoi.io.vector.points import read_points

    return read_points(
        points,
        layer=choice.layer,
        where=choice.where,
        id_column=choice.id_column,
        points_crs="pixel" if pixel else choice.rois_crs,
    )


def _check(table: TableChoice, inputs: tuple[str | None, ...], *, is_dry: bool) -> None:
    """Refuse an output as every table is refused, and one that is not written in batches."""
    from georoi.errors import UsageError
    from georoi.io.table.formats import STREAMS, table_format

    if table.is_stdout:
        if (table.of or "CSV").upper() not in ("CSV", "NDJSON"):
            raise click.UsageError(f"stdout takes CSV or NDJSON here, not {table.of}")
        return
    table.check(inputs) if not is_dry else replace(table, overwrite=True).check(inputs)
    found = table_format(str(table.out), table.of)
    if found not in STREAMS:
        raise UsageError(
            "E-OUT-04",
            f"{found} cannot be written tile by tile",
            hint=f"choose another with --of: {', '.join(STREAMS)}",
        )


def _foresee(console: Console, work: Extraction, table: TableChoice) -> None:
    """Say what would be done, and what would become of the output."""
    from georoi.zonal.rows import row_bytes

    rows, columns = work.estimate_rows(), list(work.schema.names)
    size = rows * row_bytes(work.schema)
    exists = not table.is_stdout and is_there(str(table.out))
    outcome = "new" if not exists else "replaces" if table.overwrite else "refused"
    told = {
        "new": "does not exist yet",
        "replaces": "exists and would be replaced",
        "refused": "exists and would be refused: give --overwrite to replace it",
    }[outcome]
    text = [
        str(work),
        f"table    about {say_count(rows, 'row')}, {say_bytes(size)} before compression",
        f"columns  {', '.join(printable(name) for name in columns)}",
        "output   stdout" if table.is_stdout else f"output   {printable(table.out)}, {told}",
    ]
    for note in work.notes:
        console.note(note)
    outputs = [{"path": table.out, "exists": exists, "outcome": outcome}]
    facts = {"plan": work.describe(), "rows": rows, "bytes": size, "columns": columns, "outputs": outputs}
    console.result(facts, "\n".join(text))


def _print(console: Console, work: Extraction, table: TableChoice, workers: int | None, client: Any) -> None:
    """Stream the rows to stdout."""
    import sys

    from georoi.io.table.streams import print_batches
    from georoi.zonal.rows import Work

    batches = work.batches(Work(workers=workers, client=client, progress=console.shows_progress))
    notes = print_batches(batches, work.schema, sys.stdout, format=table.of or "CSV")
    for note in (*work.notes, *work.closing_notes(), *notes):
        console.note(note)
