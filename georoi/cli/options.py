"""The options that commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

from georoi.cli.values import Lenient, a_box, a_number, a_pair, threads

Command = TypeVar("Command", bound=Callable[..., Any])

BOUNDARIES = ("center", "all-touched", "fraction")
CROPS = ("window", "blocks", "none")


def stacked(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Apply several option decorators as one, in the order in which --help shall list them."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def path_arguments(*names: str) -> Callable[[Command], Command]:
    """Add the arguments RASTER and, if named, OUT; -i and -o give them by name."""
    flags = {"raster": ("-i", "--input"), "out": ("-o", "--output")}

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def placed(*args: Any, paths: tuple[str, ...], **kwargs: Any) -> Any:
            rest = list(paths)
            for name in names:
                kwargs[name] = kwargs.pop(f"named_{name}") or (rest.pop(0) if rest else None)
                if kwargs[name] is None:
                    raise click.UsageError(f"missing argument {name.upper()}")
            if rest:
                raise click.UsageError(f"unexpected argument {rest[0]!r}")
            return command(*args, **kwargs)

        wrapped: Any = placed
        for name in reversed(names):
            wrapped = click.option(
                *flags[name], f"named_{name}", metavar="PATH", help=f"{name.upper()}, by name."
            )(wrapped)
        result: Command = click.argument("paths", nargs=-1, metavar=" ".join(names).upper())(wrapped)
        return result

    return decorate


grid_options = stacked(
    click.option("--raster-crs", metavar="CRS", help="The raster's CRS, where its file does not say it."),
    click.option(
        "--pixel",
        is_flag=True,
        help="Both sides in pixel space: x right, y down, (0, 0) the outer corner of the first pixel.",
    ),
)

raster_options = stacked(
    grid_options,
    click.option(
        "-b",
        "--band",
        "--bidx",
        multiple=True,
        metavar="B",
        help="A band by number (from 1) or name; repeat for more. All bands otherwise.",
    ),
    click.option(
        "--nodata",
        type=a_number,
        metavar="V",
        help="The value that means no data, where the file does not say it; for clip: in the output.",
    ),
)

roi_options = stacked(
    click.option(
        "--rois", metavar="FILE", help="Regions of interest: a vector file, or - for GeoJSON on stdin."
    ),
    click.option("--layer", help="The layer, where the file has several."),
    click.option(
        "--where", metavar="SQL", help="Keep the features for which this holds, e.g. \"kind = 'forest'\"."
    ),
    click.option("--id-column", metavar="NAME", help="The column that names the ROIs."),
    click.option("--rois-crs", metavar="CRS", help="The ROIs' CRS, where their file does not say it."),
    click.option(
        "--bbox",
        type=a_box,
        metavar="XMIN,YMIN,XMAX,YMAX",
        help="A box. Without --rois it is the region of interest; with --rois it keeps what meets the box.",
    ),
    click.option("--bbox-crs", metavar="CRS", help="The CRS of a --bbox without --rois."),
)

boundary_option = click.option(
    "--boundary",
    type=Lenient(BOUNDARIES),
    default="center",
    show_default=True,
    help="Which pixels belong to a region: 'georoi help boundary'.",
)


crop_option = click.option(
    "--crop",
    type=click.Choice(CROPS),
    help="The output's grid: the window of the ROIs (the default), that window widened to blocks, or none: "
    "the whole raster (the default with --invert).",
)

soft_options = stacked(
    click.option("--invert", is_flag=True, help="Take what lies outside the ROIs instead."),
    click.option(
        "--feather",
        type=click.FloatRange(min=0),
        default=0.0,
        metavar="PX",
        help="A soft edge, PX pixels wide: the weight falls from 1 to 0 across the outline. It takes the "
        "place of --boundary.",
    ),
)

pad_option = click.option(
    "--pad", type=click.IntRange(min=0), default=0, metavar="N", help="Widen the window by N pixels."
)

dates_options = stacked(
    click.option("--dates", "pattern", metavar="PATTERN", help="Dates in file names, e.g. S2_%Y%m%d.tif."),
    click.option(
        "--mosaic",
        type=click.Choice(["same-day"]),
        help="Lay scenes of one day on one lattice side by side, the first valid pixel on top.",
    ),
    click.option(
        "--align", metavar="METHOD", help="Resample dates on other grids: nearest, bilinear, average, ..."
    ),
    click.option("--like", metavar="RASTER", help="The grid to --align to; the first date's otherwise."),
    click.option(
        "--nodata",
        type=a_number,
        metavar="V",
        help="The value that means no data, where files do not say it.",
    ),
)

keep_options = stacked(
    click.option(
        "--mask",
        metavar="RULE",
        help="The pixels to keep, such as 'SCL in {4, 5, 7}' or landsat-qa: 'georoi help masks'.",
    ),
    click.option(
        "--mask-raster", metavar="PATH", help="Where the bands of --mask are, if not in the raster."
    ),
)

output_options = stacked(
    click.option(
        "--of",
        "-f",
        "of",
        metavar="FORMAT",
        help="GTiff, COG, Zarr, PNG or JPEG; the extension decides otherwise.",
    ),
    click.option(
        "--co",
        multiple=True,
        type=a_pair,
        metavar="K=V",
        help="An option of the format, e.g. COMPRESS=ZSTD.",
    ),
    click.option("--overwrite", is_flag=True, help="Replace an output that exists."),
    click.option("-n", "--dry-run", is_flag=True, help="Print the plan and stop; headers alone are read."),
)

engine_options = stacked(
    click.option("--threads", type=threads, metavar="N", help="How many threads, or all (the default)."),
    click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="A dask scheduler, tls://...; tcp:// beyond this machine is refused.",
    ),
    click.option(
        "--insecure", is_flag=True, help="Allow tcp:// to another machine: anyone on the way can read it."
    ),
)
