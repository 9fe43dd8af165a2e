"""`georoi separability`: how far apart classes of regions of interest are, one row per pair."""

from __future__ import annotations

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
from georoi.cli.tables import TableChoice, output_table_options, print_or_write
from georoi.cli.values import Lenient
from georoi.io.names import is_folder


@click.command("separability", short_help="Measure how far apart classes of regions are.")
@roi_options
@click.option(
    "--by", metavar="FIELD", help="The attribute that holds the class; without it each region is a class."
)
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
    default="fraction",
    show_default=True,
    help="Which pixels count, and how much: 'georoi help boundary'.",
)
@keep_options
@click.option("--sensor", metavar="NAME", help="The sensor, where names of bands leave an index open.")
@click.option("--unscaled", is_flag=True, help="Take values as stored, without scale and offset.")
@dates_options
@grid_options
@output_table_options
@engine_options
@json_option
@talk_options
@click.argument("rasters", nargs=-1, required=True, metavar="RASTER...")
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
    rasters: tuple[str, ...],
    by: str | None,
    bands: tuple[str, ...],
    boundary: str,
    sensor: str | None,
    unscaled: bool,
) -> None:
    """Measure how far apart classes of regions of interest are in the bands of RASTER, one row per pair.

    Jeffries-Matusita distance and transformed divergence run from 0 (the same) to 2 (apart). Several rasters,
    or a folder, are dates, whose bands are taken side by side. Without -o the table goes to stdout as CSV.
    """
    from georoi import api
    from georoi.api.separability import separability

    console = Console.of(ctx)
    rule = keep.rule()
    table.check((*rasters, None if choice.rois == "-" else choice.rois, keep.mask_raster, dates.like))
    if keep.mask_raster is not None and is_folder(keep.mask_raster):
        rule = (api.open_stack(keep.mask_raster), keep.mask)
    raster, rois = dates.open(rasters), choice.read(pixel=dates.pixel)
    frame = separability(
        raster,
        rois,
        by,
        bands=[int(name) if name.isdigit() else name for name in bands] or None,
        boundary=boundary,
        mask=rule,
        scaled=not unscaled,
        sensor=sensor,
        progress=console.shows_progress,
        **engine.options(),
    )
    print_or_write(console, frame, table)
