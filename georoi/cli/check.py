"""`georoi check`: the pre-flight, from headers alone; its exit status says whether to go on."""

from __future__ import annotations

import click

from georoi.cli.choices import RasterChoice, RoiChoice, carried
from georoi.cli.console import Console, json_option, talk_options
from georoi.cli.options import path_arguments, raster_options, roi_options


@click.command("check", short_help="Look for trouble before any pixel is read.")
@roi_options
@raster_options
@json_option
@talk_options
@path_arguments("raster")
@click.pass_context
@carried(RoiChoice, "choice")
@carried(RasterChoice, "source")
def command(ctx: click.Context, choice: RoiChoice, source: RasterChoice) -> None:
    """Check RASTER and regions of interest against each other: CRS, overlap, size, validity, nodata, work.

    Exits with 0 if all is well, 1 if there are findings, 3 if nothing can be computed.
    """
    from georoi import api

    console = Console.of(ctx)
    report = api.check(source.open(), choice.read(pixel=source.pixel))
    console.result(report.to_dict(), str(report))
    ctx.exit(report.exit_status)
