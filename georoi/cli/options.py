"""The options that commands share, and the records that carry their values."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

import click

from georoi.cli.values import a_box, a_number, a_pair, threads

if TYPE_CHECKING:
    from georoi.values.raster import Raster
    from georoi.values.rois import ROISet

Command = TypeVar("Command", bound=Callable[..., Any])
Record = TypeVar("Record")

BOUNDARIES = ("center", "all-touched", "fraction")
CROPS = ("window", "blocks", "none")


def carried(record: type[Record], name: str) -> Callable[[Command], Command]:
    """Gather the options named like the fields of `record` into one argument called `name`."""
    names = [field.name for field in fields(record)]  # type: ignore[arg-type]

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def gathered(*args: Any, **kwargs: Any) -> Any:
            kwargs[name] = record(**{field: kwargs.pop(field) for field in names if field in kwargs})
            return command(*args, **kwargs)

        return gathered  # type: ignore[return-value]

    return decorate


def stacked(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Apply several option decorators as one, in the order in which --help shall list them."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@dataclass(frozen=True, kw_only=True)
class RoiChoice:
    """Which regions of interest a command works on."""

    rois: str | None
    layer: str | None
    where: str | None
    id_column: str | None
    rois_crs: str | None
    bbox: tuple[float, float, float, float] | None
    bbox_crs: str | None

    def read(self, *, pixel: bool) -> ROISet:
        """Read them: the file, narrowed to the box if one is given, or the box alone.

        Raises:
            click.UsageError: If there is neither a file nor a box.
        """
        from georoi import api

        if self.rois is None:
            return self._box(pixel=pixel)
        if self.bbox_crs is not None:
            raise click.UsageError(
                "--bbox-crs goes with --bbox alone; beside --rois, --bbox is in the CRS of the ROIs"
            )
        return api.read_rois(
            _stdin() if self.rois == "-" else self.rois,
            layer=self.layer,
            where=self.where,
            id_column=self.id_column,
            rois_crs="pixel" if pixel else self.rois_crs,
            bbox=self.bbox,
        )

    def _box(self, *, pixel: bool) -> ROISet:
        from georoi.values.rois import ROISet

        if self.bbox is None:
            raise click.UsageError("regions of interest are needed: --rois FILE, or --bbox with --bbox-crs")
        if pixel:
            xmin, ymin, xmax, ymax = self.bbox
            return ROISet.from_pixel_boxes([(xmin, ymin, xmax - xmin, ymax - ymin)], ids=["bbox"])
        if self.bbox_crs is None:
            raise click.UsageError("--bbox needs --bbox-crs, e.g. --bbox-crs EPSG:4326 for degrees")
        return ROISet.from_boxes([self.bbox], crs=self.bbox_crs, ids=["bbox"])


@dataclass(frozen=True, kw_only=True)
class RasterChoice:
    """Which raster a command works on, and how it is to be understood."""

    raster: str
    raster_crs: str | None
    band: tuple[str, ...]
    nodata: int | float | None
    pixel: bool

    def open(self, *, declare_nodata: bool = True) -> Raster:
        """Open its header.

        Args:
            declare_nodata: Whether --nodata is about what the raster holds, not about the output.
        """
        from georoi import api

        return api.open_raster(
            self.raster,
            bands=[int(name) if name.isdigit() else name for name in self.band] or None,
            nodata=self.nodata if declare_nodata else None,
            raster_crs="pixel" if self.pixel else self.raster_crs,
        )


@dataclass(frozen=True, kw_only=True)
class MaskChoice:
    """Which pixels belong to the ROIs, and which grid the output has."""

    boundary: str
    crop: str | None
    invert: bool
    feather: float
    pad: int = 0

    def options(self) -> dict[str, Any]:
        """Give them as keywords of the verbs; an option that was not given is left to the verb."""
        given: dict[str, Any] = {"boundary": self.boundary, "invert": self.invert, "feather": self.feather}
        if self.crop is not None:
            given["crop"] = self.crop
        return given | ({"pad": self.pad} if self.pad else {})


@dataclass(frozen=True, kw_only=True)
class OutputChoice:
    """Where the output goes, in which format, and whether it is written at all."""

    out: str
    of: str | None
    co: tuple[tuple[str, str], ...]
    overwrite: bool
    dry_run: bool

    def check(self, *, each: bool = False) -> None:
        """Refuse an output whose format is unknown before anything is read.

        Args:
            each: Whether the output is a folder with one file per ROI.

        Raises:
            UsageError: E-OUT-04, with exit code 2, since it is the command line that is wrong.
        """
        from georoi.errors import OutputError, UsageError
        from georoi.io.outputs import output_format

        if each and self.of is None:
            return
        try:
            output_format(self.out, self.of)
        except OutputError as error:
            raise UsageError(error.id, error.rule, found=error.found, hint=error.hint) from None

    def options(self) -> dict[str, Any]:
        """Give them as keywords of the writing verbs."""
        return {"of": self.of, "co": dict(self.co), "overwrite": self.overwrite}


@dataclass(frozen=True, kw_only=True)
class EngineChoice:
    """Where the work runs."""

    threads: int | None
    scheduler: str | None
    insecure: bool

    def options(self) -> dict[str, Any]:
        """Give them as keywords of the file-to-file verbs."""
        return {"workers": self.threads, "scheduler": self.scheduler, "insecure": self.insecure}


def _stdin() -> Mapping[str, Any] | list[Any]:
    """Read GeoJSON, or one GeoJSON feature a line, from stdin.

    Raises:
        click.UsageError: If stdin is a terminal, or holds no JSON.
    """
    if sys.stdin.isatty():
        raise click.UsageError("--rois - reads GeoJSON from stdin, which is a terminal here")
    text = sys.stdin.read()
    try:
        whole = json.loads(text)
    except ValueError:
        try:
            lines = (line.strip("\x1e \t\r") for line in text.splitlines())
            return [json.loads(line) for line in lines if line]
        except ValueError as error:
            raise click.UsageError(f"what came through stdin is not GeoJSON: {error}") from error
    if not isinstance(whole, dict | list):
        raise click.UsageError("what came through stdin is not GeoJSON")
    return whole


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


raster_options = stacked(
    click.option("--raster-crs", metavar="CRS", help="The raster's CRS, where its file does not say it."),
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
    click.option(
        "--pixel",
        is_flag=True,
        help="Both sides in pixel space: x right, y down, (0, 0) the outer corner of the first pixel.",
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
    type=click.Choice(BOUNDARIES),
    default="center",
    show_default=True,
    help="Which pixels belong to a region: 'georoi help boundary'.",
)


crop_option = click.option(
    "--crop",
    type=click.Choice(CROPS),
    help="The output's grid: the window of the ROIs (the default), that window widened to blocks, or none: "
    "the whole raster (the default with --invert, and for mask).",
)

soft_options = stacked(
    click.option("--invert", is_flag=True, help="Take what lies outside the ROIs instead."),
    click.option(
        "--feather",
        type=click.FloatRange(min=0),
        default=0.0,
        metavar="PX",
        help="A soft edge, PX pixels wide: the weight falls from 1 to 0 across the outline.",
    ),
)

pad_option = click.option(
    "--pad", type=click.IntRange(min=0), default=0, metavar="N", help="Widen the window by N pixels."
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
