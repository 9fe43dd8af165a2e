"""`georoi stats`: statistics of regions of interest, one row each, into a table."""

from __future__ import annotations

from typing import Any

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
from georoi.cli.tables import TableChoice, print_or_write, table_options
from georoi.cli.values import Lenient
from georoi.io.names import is_folder


@click.command("stats", short_help="Take statistics inside regions of interest.")
@roi_options
@click.option(
    "--stat",
    "-s",
    "stats",
    multiple=True,
    metavar="STAT",
    help="A statistic, such as mean, q95, p90=quantile(q=0.9), frac(1, 2); repeat for more: 'georoi help "
    "statistics'. count, mean, std, min and max otherwise.",
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
@click.option(
    "--min-valid",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Withhold values of ROIs with a smaller valid share, 0 to 1.",
)
@click.option("--by", metavar="FIELD", help="Take the ROIs of one value of this attribute together.")
@click.option(
    "--overlap",
    type=click.Choice(["independent", "priority", "split", "error"]),
    help="What ROIs that overlap do: count on their own (the default), cede by --priority, share, or stop.",
)
@click.option(
    "--priority",
    metavar="FIELD",
    help="With --overlap priority: the highest value of this wins, of -FIELD the lowest.",
)
@click.option("--weights", metavar="RASTER", help="Weights for weighted_mean and its like.")
@click.option(
    "--max-memory",
    metavar="SIZE",
    help="How much quantiles may hold at a time, e.g. 512MB; 1 GiB otherwise.",
)
@click.option("--long/--wide", default=None, help="One row per ROI, date, band and statistic, or per ROI.")
@click.option(
    "--on-error",
    type=click.Choice(["raise", "skip"]),
    default="raise",
    show_default=True,
    help="What a part that cannot be read costs: the run, or the ROIs that meet it (exit code 4).",
)
@dates_options
@grid_options
@table_options
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
    stats: tuple[str, ...],
    bands: tuple[str, ...],
    unscaled: bool,
    **options: Any,
) -> None:
    """Take statistics of RASTER inside the regions of interest; several rasters, or a folder, are dates.

    Every row accounts for the whole area of its ROI (outside, nodata, masked, valid, in square metres), and
    every null has a status and a reason. Without -o the table goes to stdout as CSV.
    """
    from georoi import api

    console = Console.of(ctx)
    rule = keep.rule()
    inputs = (*rasters, None if choice.rois == "-" else choice.rois, keep.mask_raster, dates.like)
    table.check(inputs)
    if keep.mask_raster is not None and is_folder(keep.mask_raster):
        rule = (api.open_stack(keep.mask_raster), keep.mask)
    raster, rois = dates.open(rasters), choice.read(pixel=dates.pixel)
    frame = api.zonal_stats(
        raster,
        rois,
        ", ".join(stats) if stats else None,
        bands=[int(name) if name.isdigit() else name for name in bands] or None,
        mask=rule,
        scaled=not unscaled,
        include=table.fields(),
        progress=console.shows_progress,
        **{name: value for name, value in options.items() if value is not None},
        **engine.options(),
    )
    failed = frame.attrs.get("failed", 0)
    print_or_write(console, frame, table)
    if failed:
        from georoi.errors import PartialError

        raise PartialError(
            "E-PAR-01",
            f"{failed} of {len(rois)} ROIs meet a part that could not be read",
            hint="their rows have the status 'failed' and a reason",
        )
