"""`georoi plan`: the dry run of a clip or mask, on its own."""

from __future__ import annotations

import click

from georoi.cli.choices import MaskChoice, RasterChoice, RoiChoice, carried
from georoi.cli.console import Console, json_option, talk_options
from georoi.cli.options import (
    boundary_option,
    crop_option,
    pad_option,
    path_arguments,
    raster_options,
    roi_options,
    soft_options,
)


@click.command("plan", short_help="Say which blocks a job would read, and how much memory it would need.")
@roi_options
@boundary_option
@crop_option
@pad_option
@soft_options
@raster_options
@json_option
@talk_options
@path_arguments("raster")
@click.pass_context
@carried(RoiChoice, "choice")
@carried(RasterChoice, "source")
@carried(MaskChoice, "shape")
def command(ctx: click.Context, choice: RoiChoice, source: RasterChoice, shape: MaskChoice) -> None:
    """Print what a clip of RASTER would read and write. Headers alone are read."""
    from georoi import api

    console = Console.of(ctx)
    plan = api.plan(source.open(), choice.read(pixel=source.pixel), **shape.options())
    console.result({"plan": plan.to_dict()}, str(plan))
