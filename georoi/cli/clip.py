"""`georoi clip`: cut regions of interest out of a raster, file to file."""

from __future__ import annotations

import click

from georoi.cli.choices import (
    EngineChoice,
    KeepChoice,
    MaskChoice,
    OutputChoice,
    RasterChoice,
    RoiChoice,
    carried,
)
from georoi.cli.console import Console, json_option, talk_options
from georoi.cli.options import (
    boundary_option,
    crop_option,
    engine_options,
    keep_options,
    output_options,
    pad_option,
    path_arguments,
    raster_options,
    roi_options,
    soft_options,
)
from georoi.cli.report import foresee, report_written


@click.command("clip", short_help="Cut regions of interest out of a raster.")
@roi_options
@boundary_option
@click.option("--each", is_flag=True, help="One file per ROI; OUT is a folder.")
@crop_option
@pad_option
@soft_options
@click.option("--weights-out", metavar="FILE", help="Also write the weight of each pixel, 0 to 1.")
@raster_options
@keep_options
@output_options
@engine_options
@json_option
@talk_options
@path_arguments("raster", "out")
@click.pass_context
@carried(RoiChoice, "choice")
@carried(RasterChoice, "source")
@carried(MaskChoice, "shape")
@carried(KeepChoice, "keep")
@carried(OutputChoice, "output")
@carried(EngineChoice, "engine")
def command(
    ctx: click.Context,
    choice: RoiChoice,
    source: RasterChoice,
    shape: MaskChoice,
    keep: KeepChoice,
    output: OutputChoice,
    engine: EngineChoice,
    each: bool,
    weights_out: str | None,
) -> None:
    """Cut the regions of interest out of RASTER and write OUT, on RASTER's own grid; nothing is resampled.

    OUT is a .tif (tiled, compressed), a .zarr, a .png or .jpg; --of COG makes a cloud-optimised GeoTIFF. If
    RASTER is a folder of dated rasters, OUT is a folder with one file per date.
    """
    from georoi import api

    console = Console.of(ctx)
    output.check(source, choice, each=each or source.is_folder, weights_out=weights_out)
    rule = keep.rule()
    select = rule is None
    stack = source.open_dates(select=select) if source.is_folder else None
    raster = stack[0] if stack else source.open(declare_nodata=False, select=select)
    rois = choice.read(pixel=source.pixel)
    bands = None if rule is None else source.bands
    if output.dry_run:
        from georoi.api.files import prepare_clip
        from georoi.values.stack import Stack

        given, rois = prepare_clip(
            stack or raster, rois, output.out, each=each, weights_out=weights_out, bands=bands, mask=rule
        )
        plan = api.plan(given[0] if isinstance(given, Stack) else given, rois, **shape.options())
        outputs, told = foresee(output, each=each or source.is_folder, weights_out=weights_out)
        if stack:
            told += f"\ndates    {len(stack)}, one file each, of which the first is planned above"
        result: dict[str, object] = {"plan": plan.to_dict(), "outputs": outputs}
        text = f"{plan}\n{told}"
        if each:
            from georoi.clipping.folders import foresee_passes
            from georoi.clipping.options import ClipOptions

            result["each"] = foresee_passes(raster.header, rois, ClipOptions.parse(**shape.options()))
            text += f"\n{'each':<8} {result['each']}"
        console.result(result, text)
        return
    written = api.clip_file(
        stack or raster,
        rois,
        output.out,
        each=each,
        weights_out=weights_out,
        nodata=source.nodata,
        bands=bands,
        mask=rule,
        progress=console.shows_progress,
        **shape.options(),
        **output.options(),
        **engine.options(),
    )
    report_written(console, written, rois)
