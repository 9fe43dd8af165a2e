"""What was chosen on the command line, gathered in records that know how to read it or pass it on."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

import click

from georoi.io.names import is_folder

if TYPE_CHECKING:
    from georoi.values.raster import Raster
    from georoi.values.rois import ROISet
    from georoi.values.stack import Stack

Command = TypeVar("Command", bound=Callable[..., Any])
Record = TypeVar("Record")


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

    @property
    def given(self) -> bool:
        """Whether there are any.

        Raises:
            click.UsageError: If there is none for an option to work on.
        """
        self._refuse_idle()
        return self.rois is not None or self.bbox is not None

    def read(self, *, pixel: bool) -> ROISet:
        """Read them: the file, narrowed to the box if one is given, or the box alone.

        Raises:
            click.UsageError: If there is neither a file nor a box, or an option has nothing to work on.
        """
        from georoi import api

        self._refuse_idle()
        if pixel and (crs := self.rois_crs or self.bbox_crs) not in (None, "pixel"):
            raise click.UsageError(f"--pixel says that the ROIs are in pixels, and a CRS is given: {crs}")
        if self.rois is None:
            return self._box(pixel=pixel)
        return api.read_rois(
            _stdin() if self.rois == "-" else self.rois,
            layer=self.layer,
            where=self.where,
            id_column=self.id_column,
            rois_crs="pixel" if pixel else self.rois_crs,
            bbox=self.bbox,
        )

    def _refuse_idle(self) -> None:
        """Refuse options that would have no effect."""
        if self.rois is not None and self.bbox_crs is not None:
            raise click.UsageError(
                "--bbox-crs goes with --bbox alone; beside --rois, --bbox is in the CRS of the ROIs"
            )
        if self.rois is None:
            for name in ("layer", "where", "id_column", "rois_crs"):
                if getattr(self, name) is not None:
                    raise click.UsageError(f"--{name.replace('_', '-')} is about a file of ROIs: give --rois")
        if self.bbox is None and self.rois is None and self.bbox_crs is not None:
            raise click.UsageError("--bbox-crs is about a box: give --bbox")

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
    pixel: bool
    band: tuple[str, ...] = ()
    nodata: int | float | None = None

    @property
    def bands(self) -> list[int | str] | None:
        """The bands asked for, as `bands=` takes them; None for all."""
        return [int(name) if name.isdigit() else name for name in self.band] or None

    def open(self, *, declare_nodata: bool = True, select: bool = True) -> Raster:
        """Open its header.

        Args:
            declare_nodata: Whether --nodata is about what the raster holds, not about the output.
            select: Whether to keep just the bands asked for.

        Raises:
            click.UsageError: If --pixel and --raster-crs contradict each other.
        """
        from georoi import api

        if self.pixel and self.raster_crs not in (None, "pixel"):
            raise click.UsageError("--pixel says that the raster has no CRS, and --raster-crs gives one")
        return api.open_raster(
            self.raster,
            bands=self.bands if select else None,
            nodata=self.nodata if declare_nodata else None,
            raster_crs="pixel" if self.pixel else self.raster_crs,
        )

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of dated rasters."""
        return is_folder(self.raster)

    def open_dates(self, *, select: bool = True) -> Stack:
        """Open the headers of a folder of dated rasters on one grid; see `open`.

        Raises:
            RasterError: E-STK-02 if there are several grids.
        """
        from georoi import api

        stack = api.open_stack(
            self.raster,
            bands=self.bands if select else None,
            raster_crs="pixel" if self.pixel else self.raster_crs,
        )
        stack.require_one_grid()
        return stack


@dataclass(frozen=True, kw_only=True)
class DatesChoice:
    """Rasters of one date or several, and how these are brought together."""

    raster_crs: str | None
    pixel: bool
    pattern: str | None
    mosaic: str | None
    align: str | None
    like: str | None
    nodata: int | float | None

    def open(self, rasters: tuple[str, ...]) -> Raster | Stack:
        """Open the headers: of one raster as it is, of several or a folder as a stack.

        Raises:
            click.UsageError: If --pixel and --raster-crs contradict each other.
        """
        from georoi import api

        if self.pixel and self.raster_crs not in (None, "pixel"):
            raise click.UsageError("--pixel says that the raster has no CRS, and --raster-crs gives one")
        common: dict[str, Any] = {
            "nodata": self.nodata,
            "raster_crs": "pixel" if self.pixel else self.raster_crs,
        }
        dated = {"pattern": self.pattern, "mosaic": self.mosaic, "align": self.align, "like": self.like}
        given: dict[str, Any] = {name: value for name, value in dated.items() if value is not None}
        if len(rasters) == 1 and not is_folder(rasters[0]) and not given:
            return api.open_raster(rasters[0], **common)
        source = rasters[0] if len(rasters) == 1 else list(rasters)
        return api.open_stack(source, **common, **given)


@dataclass(frozen=True, kw_only=True)
class KeepChoice:
    """Which pixels of the raster are kept, by a rule on bands of its own or of another one."""

    mask: str | None
    mask_raster: str | None

    def rule(self) -> Any:
        """Give it as `mask=` takes it.

        Raises:
            click.UsageError: If there is a raster and no rule.
        """
        if self.mask is None and self.mask_raster is not None:
            raise click.UsageError("--mask-raster is where the bands of --mask are: give --mask too")
        return self.mask if self.mask_raster is None else (self.mask_raster, self.mask)


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

    def check(
        self, raster: RasterChoice, rois: RoiChoice, *, each: bool = False, weights_out: str | None = None
    ) -> None:
        """Refuse an output that is an input or whose format is unknown, before anything is read.

        Args:
            raster: What is read.
            rois: What is read.
            each: Whether the output is a folder with one file per ROI.
            weights_out: The second output, if there is one.

        Raises:
            UsageError: E-USE-01, also for a folder named like a file; E-OUT-04 with exit code 2, since it is
                the command line that is wrong.
        """
        from georoi.errors import OutputError, UsageError
        from georoi.io.output.inputs import refuse_inputs
        from georoi.io.output.outputs import output_format

        refuse_inputs((self.out, weights_out), (raster.raster, None if rois.rois == "-" else rois.rois))
        if each:
            from georoi.clipping.folders import refuse_file_name

            refuse_file_name(self.out)
            if self.of is None:
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
        """Give them as keywords of the file-to-file verbs.

        Raises:
            click.UsageError: If --insecure has no scheduler to be about.
        """
        if self.insecure and self.scheduler is None:
            raise click.UsageError("--insecure is about a scheduler: give --scheduler")
        return {"workers": self.threads, "scheduler": self.scheduler, "insecure": self.insecure}


def _stdin() -> bytes:
    """Read GeoJSON, or one GeoJSON feature a line, from stdin, as it is.

    Raises:
        click.UsageError: If stdin is a terminal.
    """
    if sys.stdin.isatty():
        raise click.UsageError("--rois - reads GeoJSON from stdin, which is a terminal here")
    return sys.stdin.buffer.read()
