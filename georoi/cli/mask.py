"""`georoi mask`: the regions of interest as a raster."""

from __future__ import annotations

import click

from georoi.cli.choices import MaskChoice, OutputChoice, RasterChoice, RoiChoice, carried
from georoi.cli.console import Console, json_option, talk_options
from georoi.cli.options import (
    boundary_option,
    crop_option,
    grid_options,
    output_options,
    pad_option,
    path_arguments,
    roi_options,
    soft_options,
)
from georoi.cli.report import foresee, report_written
from georoi.cli.values import DTYPES, Lenient
from georoi.wording import printable


@click.command("mask", short_help="Write the regions of interest as a raster.")
@roi_options
@boundary_option
@click.option(
    "--labels", is_flag=True, help="One number per ROI, in their order from 1, instead of one mask."
)
@click.option(
    "--overlap",
    type=click.Choice(["error", "first", "last"]),
    help="With --labels: which ROI takes a pixel that several share; an error by default.",
)
@crop_option
@pad_option
@soft_options
@click.option(
    "--dtype", type=Lenient(DTYPES), metavar="TYPE", help="The output's data type, e.g. uint8 or float32."
)
@grid_options
@output_options
@json_option
@talk_options
@path_arguments("raster", "out")
@click.pass_context
@carried(RoiChoice, "choice")
@carried(RasterChoice, "source")
@carried(MaskChoice, "shape")
@carried(OutputChoice, "output")
def command(
    ctx: click.Context,
    choice: RoiChoice,
    source: RasterChoice,
    shape: MaskChoice,
    output: OutputChoice,
    labels: bool,
    overlap: str | None,
    dtype: str | None,
) -> None:
    """Write OUT on RASTER's grid: 1 inside and 0 outside, or weights, or labels. ROIs are required.

    With --boundary fraction or --feather the values are weights from 0 to 1.
    """
    from georoi import api

    console = Console.of(ctx)
    if overlap is not None and not labels:
        raise click.UsageError("--overlap says whose label a pixel gets: give --labels")
    output.check(source, choice)
    raster = source.open_dates()[0] if source.is_folder else source.open()
    rois = choice.read(pixel=source.pixel)
    image = api.mask(raster, rois, labels=labels, overlap=overlap or "error", dtype=dtype, **shape.options())
    if output.dry_run:
        rows, cols = image.shape
        facts: dict[str, object] = {"what": image.name, "dtype": str(image.dtype), "shape": [rows, cols]}
        row0, row1, col0, col1 = image.attrs["window"]
        facts |= {"window": [row0, row1, col0, col1], "boundary": image.attrs["boundary"], "bytes_to_read": 0}
        soft = f", edge softened over {shape.feather:g} px" if shape.feather else ""
        text = [
            f"raster   {printable(raster.name)}: its header alone is read, no pixel",
            f"ROIs     {len(rois):,}, rule {image.attrs['boundary']}{soft}",
            f"window   rows {row0}..{row1}, columns {col0}..{col1}",
            f"{image.name:<8} {image.dtype}, {rows:,} x {cols:,}",
        ]
        outputs, told = foresee(output)
        console.result({"plan": facts, "outputs": outputs}, "\n".join([*text, told]))
        return
    written = api.write(image, output.out, progress=console.shows_progress, **output.options())
    report_written(console, written, rois)
