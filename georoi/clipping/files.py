"""Clips from file to file: tiles stream from the reader to the writer, and no array is built."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from georoi.clipping.filling import choose_filling
from georoi.clipping.options import ClipOptions, lay_out, whole_grid
from georoi.clipping.tiles import Clipped, Copied, TileClipper, TileCopier
from georoi.clipping.weights import Rule
from georoi.clipping.writing import HARD_ALPHA, OutputOptions
from georoi.engine.progress import track
from georoi.engine.streaming import stream
from georoi.errors import UsageError
from georoi.grid import Window, crop_grid
from georoi.io.output.outputs import check_output, output_format
from georoi.io.output.spec import COLOR_ROLES, ImageSpec, Piece, Written
from georoi.io.output.stored import is_stored_alike
from georoi.io.raster.metadata import make_tags, name_bands
from georoi.options import Crop
from georoi.planning.plan import Plan, TileTask
from georoi.values.gridrois import GridROIs
from georoi.values.raster import Georeference, Header, Raster, require_grid
from georoi.values.rois import ROISet

if TYPE_CHECKING:
    from georoi.io.array.arrays import ArraySource


def clip_to_file(
    source: Raster | ArraySource,
    rois: ROISet,
    path: str | os.PathLike[str],
    options: ClipOptions,
    output: OutputOptions,
    *,
    weights_out: str | os.PathLike[str] | None = None,
) -> Written:
    """Clip the union of ROIs out of a raster into a file; see `georoi.clip_file`."""
    check_output(path, of=output.of, overwrite=output.overwrite)
    if weights_out is not None:
        _check_weights_out(weights_out, path, options, output)
    aligned = lay_out(source.header, rois, options.rule if options.apply_mask else None)
    written = clip_aligned_to_file(source, aligned, path, options, output)
    if weights_out is None:
        return written
    weights = _write_weights(source.header, aligned, weights_out, options, output)
    return replace(written, notes=(*written.notes, f"weights are in {weights.path}"))


def clip_aligned_to_file(
    source: Raster | ArraySource,
    rois: GridROIs,
    path: str | os.PathLike[str],
    options: ClipOptions,
    output: OutputOptions,
    **tags: object,
) -> Written:
    """Clip ROIs that lie on the raster's grid already, as `lay_out` gives them, into a file.

    Args:
        source: What is clipped.
        rois: On its grid.
        path: Of the file.
        options: What is asked for.
        output: How it is written.
        tags: What the file of a raster says of itself besides; see `georoi.io.raster.metadata`.
    """
    if not isinstance(source, Raster):
        from georoi.clipping.arrays import array_to_file

        return array_to_file(source, rois, path, options, output)
    job = FileJob.make(source, options, output, output_format(path, output.of))
    plan = options.plan(job.raster.header, rois)
    pieces = track(job.pieces(plan), output.progress, total=len(plan), message="clip")
    return job.write(path, plan, pieces, rois.notes, **tags)


@dataclass(frozen=True, kw_only=True)
class FileJob:
    """A raster that is clipped into files of one format: how pixels, bands and colours are written down."""

    clipper: TileClipper
    has_mask: bool
    options: ClipOptions
    output: OutputOptions
    format: str

    @classmethod
    def make(cls, raster: Raster, options: ClipOptions, output: OutputOptions, format: str) -> FileJob:
        """Decide how pixels are written down, and whether a mask tells which are valid."""
        raster = _without_alpha(raster, format)
        needed = options.apply_mask or raster.mask_kind in ("mask", "alpha")
        filling = choose_filling(raster, nodata=options.nodata, to_file=True, needed=needed)
        clipper = TileClipper(raster=raster, rule=options.rule, filling=filling)
        has_mask = needed and filling.nodata is None
        return cls(clipper=clipper, has_mask=has_mask, options=options, output=output, format=format)

    @property
    def raster(self) -> Raster:
        """The raster, without the alpha band if pictures are written."""
        return self.clipper.raster

    def pieces(self, plan: Plan) -> Iterator[Piece]:
        """Clip the tiles of an image in order."""
        clipper: Callable[[TileTask], Clipped | Copied] = self._copier(plan) or self.clipper
        tiles = stream(clipper, plan.tasks(), workers=self.output.workers, client=self.output.client)
        return (self.piece(tile, plan.window) for tile in tiles)

    def piece(self, tile: Clipped | Copied, window: Window) -> Piece:
        """Make a piece of an image of a tile."""
        row0, row1, col0, col1 = tile.window
        place = (row0 - window[0], row1 - window[0], col0 - window[2], col1 - window[2])
        if isinstance(tile, Copied):
            return Piece(place, None, raw=tile.raw)
        return Piece(place, tile.values, tile.valid if self.has_mask else None)

    def write(
        self,
        path: str | os.PathLike[str],
        plan: Plan,
        pieces: Iterable[Piece],
        notes: tuple[str, ...],
        **tags: object,
    ) -> Written:
        """Write the image of a plan as its pieces come, and note what is lost on the way."""
        spec = self._spec(plan, **tags)
        lost = _lost_colors(self.raster, spec, self.format)
        hard = HARD_ALPHA if self.format == "PNG" and self.options.has_weights else ""
        return self.output.write(
            path, spec, iter(pieces), notes=(*notes, self.clipper.filling.note, lost, hard)
        )

    def _copier(self, plan: Plan) -> TileCopier | None:
        """Give what copies tiles as they are stored, where output and source share tiles and codec."""
        raster, filling = self.raster, self.clipper.filling
        rows, cols = raster.block_shape
        if self.format != "GTiff" or plan.window[0] % rows or plan.window[2] % cols:
            return None
        if filling.changes_values or filling.dtype != raster.dtype:
            return None
        codec = self.output.tiff_codec(self._spec(plan))
        return TileCopier(clipper=self.clipper) if is_stored_alike(raster, codec) else None

    def _spec(self, plan: Plan, **tags: object) -> ImageSpec:
        """Describe the image of a plan."""
        raster, filling = self.raster, self.clipper.filling
        is_stored = not filling.scales
        roles = raster.colors or ()
        return ImageSpec(
            grid=crop_grid(raster.grid, plan.window),
            count=raster.count,
            dtype=filling.dtype,
            nodata=filling.nodata,
            has_mask=self.has_mask,
            band_names=name_bands(raster.band_names),
            scales=_unless(raster.scales, 1.0) if is_stored else (),
            offsets=_unless(raster.offsets, 0.0) if is_stored else (),
            colors=raster.palette_of(filling.dtype),
            roles=roles if set(roles) <= COLOR_ROLES and set(roles) != {"undefined"} else (),
            tags=make_tags({"source": raster.name, **self.options.describe(plan), **tags}),
        )


def _without_alpha(raster: Raster, format: str) -> Raster:
    """Leave out the alpha band where a picture is written, whose own alpha tells which pixels are valid."""
    is_picture = format in ("PNG", "JPEG")
    if is_picture and raster.count in (2, 4) and raster.colors and raster.colors[-1] == "alpha":
        return raster.select(raster.bands[:-1])
    return raster


def _lost_colors(raster: Raster, spec: ImageSpec, format: str) -> str:
    """Say which colours of a raster its output does not have; what pictures lose they say themselves."""
    if raster.palette is not None and (spec.colors is None or format == "Zarr"):
        return "the palette was left out"
    named = set(raster.colors or ()) - {"gray", "undefined", "palette"}
    if named and (not spec.roles or format == "Zarr"):
        return f"which bands are {', '.join(sorted(named))} is not in the output"
    return ""


def raster_to_file(raster: Raster, path: str | os.PathLike[str], output: OutputOptions) -> Written:
    """Write all of a raster into another file; its CRS need not be known.

    Raises:
        RasterError: E-RAS-03 if ground control points or RPCs place it, which the output would lose.
    """
    if raster.georeference in (Georeference.GCPS, Georeference.RPCS):
        require_grid(raster)
    options = ClipOptions.parse(apply_mask=False, crop=Crop.NONE)
    return clip_aligned_to_file(raster, whole_grid(raster.grid), path, options, output)


def _unless(values: tuple[float, ...], neutral: float) -> tuple[float, ...]:
    return () if set(values) == {neutral} else values


@dataclass(frozen=True)
class _Weigher:
    """Gives the weights of a tile as a piece; reads nothing."""

    rule: Rule
    dtype: str
    window: Window

    def __call__(self, task: TileTask) -> Piece:
        row0, row1, col0, col1 = task.window
        weights = self.rule.weigh(task)
        values = np.ones((1, row1 - row0, col1 - col0), dtype=self.dtype)
        if weights is not None:
            values[0] = weights
        row, col = self.window[0], self.window[2]
        return Piece((row0 - row, row1 - row, col0 - col, col1 - col), values)


def _check_weights_out(
    weights_out: str | os.PathLike[str],
    path: str | os.PathLike[str],
    options: ClipOptions,
    output: OutputOptions,
) -> None:
    if not options.apply_mask:
        raise UsageError(
            "E-USE-01",
            "without a mask (apply_mask=False) there are no weights to write",
            hint="leave out weights_out=, or apply_mask=False",
        )
    if Path(weights_out).absolute() == Path(path).absolute():
        raise UsageError(
            "E-USE-01",
            "the clip and its weights are to be written to the same file",
            found={"output": str(path)},
            hint="choose another file for weights_out= (--weights-out)",
        )
    if Path(weights_out).suffix.lower() not in (".tif", ".tiff"):
        raise UsageError(
            "E-USE-01",
            f"weights are written as a GeoTIFF, so {Path(weights_out).name!r} would be called what it is not",
            hint="choose a name that ends in .tif",
        )
    check_output(weights_out, of="GTiff", overwrite=output.overwrite)


def _write_weights(
    header: Header,
    rois: GridROIs,
    path: str | os.PathLike[str],
    options: ClipOptions,
    output: OutputOptions,
) -> Written:
    """Write the weights of a clip on its grid: float64, or 0 and 1 as uint8."""
    plan = options.plan(header, rois)
    dtype = "float64" if options.rule.is_soft else "uint8"
    tasks = plan.tasks()
    weigher = _Weigher(options.rule, dtype, plan.window)
    pieces: Iterator[Piece] = stream(weigher, tasks, workers=output.workers, client=output.client)
    spec = ImageSpec(
        grid=crop_grid(header.grid, plan.window),
        count=1,
        dtype=dtype,
        band_names=("weight",),
        tags=make_tags({"source": header.name, **options.describe(plan)}),
    )
    return replace(output, of="GTiff", co=None).write(path, spec, pieces)
