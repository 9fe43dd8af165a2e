"""From file to file, and from arrays to files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, overload

from georoi.clipping.each import ROIImages
from georoi.clipping.options import ClipOptions
from georoi.clipping.writing import OutputOptions
from georoi.engine.cluster import connect
from georoi.errors import UsageError
from georoi.io.output.inputs import refuse_inputs
from georoi.io.vector.vectors import read_rois
from georoi.options import Boundary
from georoi.sources import as_source, choose_dates, mask_source
from georoi.values.raster import Raster
from georoi.values.stack import Stack

if TYPE_CHECKING:
    from georoi.engine.progress import Progress
    from georoi.io.array.arrays import ArraySource
    from georoi.io.output.spec import Written
    from georoi.options import Crop
    from georoi.values.bands import BandRequest
    from georoi.values.raster import Number
    from georoi.values.rois import ROISet

Path = str | os.PathLike[str]


def clip_file(
    raster: object,
    rois: object,
    path: Path,
    *,
    boundary: str | Boundary | None = None,
    all_touched: bool | None = None,
    crop: bool | str | Crop | None = None,
    apply_mask: bool = True,
    invert: bool = False,
    pad: int = 0,
    nodata: Number | None = None,
    bands: BandRequest | None = None,
    mask: object = None,
    feather: float = 0,
    each: bool = False,
    weights_out: Path | None = None,
    of: str | None = None,
    co: Mapping[str, object] | None = None,
    overwrite: bool = False,
    workers: int | None = None,
    scheduler: Any = None,
    insecure: bool = False,
    progress: bool | Progress | None = None,
) -> Written | tuple[Written, ...]:
    """Clip ROIs out of a raster from file to file: tile by tile, in bounded memory, all or nothing.

    The arguments up to `feather` are those of `clip`; integers without nodata stay what they are, and a mask
    in the file tells which pixels are valid.

    Args:
        raster: A path, a `Raster`, a `Stack` (one file per date) or a georeferenced DataArray.
        rois: Anything that `read_rois` takes.
        path: The output; with `each`, and for a stack, a folder.
        boundary: See `clip`.
        all_touched: See `clip`.
        crop: See `clip`.
        apply_mask: See `clip`.
        invert: See `clip`.
        pad: See `clip`.
        nodata: See `clip`.
        bands: See `clip`.
        mask: See `clip`.
        feather: See `clip`.
        each: Write one file per ROI, and an index of them, in one pass over the raster: each block is read
            once, whatever the number of ROIs. Images larger than 64 MB, and those that do not fit into 256 MB
            with the others that are begun at the time, are made in further passes.
        weights_out: Also write the weights of the pixels to this GeoTIFF (.tif or .tiff).
        of: "GTiff", "COG", "Zarr", "PNG" or "JPEG"; by the path's ending if not given.
        co: Creation options of the format, such as {"COMPRESS": "ZSTD"}.
        overwrite: Replace an output that exists; a folder only if all that it holds was written by `each`.
        workers: Threads; one per core by default.
        scheduler: Address of a dask scheduler, or a `distributed.Client` (Any: it may not be installed); by
            default the current client if there is one, else threads; within a task on a worker threads only.
        insecure: Allow a scheduler on another machine without encryption.
        progress: True for a bar on a terminal, or a callback (done, total, message).

    Returns:
        What was written, with its SHA-256; one per ROI with `each`.

    Raises:
        OutputExistsError: E-OUT-01.
        OutputError: E-OUT-02, E-OUT-03, E-OUT-04, E-OUT-05.
        UsageError: E-USE-01 if an output is an input, or options contradict each other.
        GeoroiError: What `clip` raises.
    """
    options = ClipOptions.parse(
        boundary=boundary,
        all_touched=all_touched,
        crop=crop,
        apply_mask=apply_mask,
        invert=invert,
        pad=pad,
        nodata=nodata,
        feather=feather,
    )
    source, regions = prepare_clip(
        raster, rois, path, each=each, weights_out=weights_out, bands=bands, mask=mask
    )
    with connect(scheduler, insecure) if isinstance(scheduler, str) else nullcontext(scheduler) as client:
        output = OutputOptions(
            of=of, co=co, overwrite=overwrite, workers=workers, client=client, progress=progress
        )
        if isinstance(source, Stack):
            from georoi.clipping.dates import clip_dates_to_files

            return clip_dates_to_files(source, regions, path, options, output)
        if each:
            from georoi.clipping.folders import clip_each_to_files

            return clip_each_to_files(source, regions, path, options, output)
        from georoi.clipping.files import clip_to_file

        return clip_to_file(source, regions, path, options, output, weights_out=weights_out)


def prepare_clip(
    raster: object,
    rois: object,
    path: Path,
    *,
    each: bool = False,
    weights_out: Path | None = None,
    bands: BandRequest | None = None,
    mask: object = None,
) -> tuple[Raster | Stack | ArraySource, ROISet]:
    """Make all ready for `clip_file`: headers and outlines are read, and no pixel; gives source and ROIs.

    Raises:
        UsageError: E-USE-01 if an output is an input, or options contradict each other.
        GeoroiError: What `read_rois` and `georoi.sources.as_source` raise.
    """
    if each and weights_out is not None:
        raise UsageError(
            "E-USE-01",
            "weights_out= writes the weights of one clip, so it does not go with each=True",
            hint="clip the ROIs one by one, or ask clip_each for images with their `coverage`",
        )
    refuse_inputs((path, weights_out), (raster, rois, mask_source(mask)))
    regions = read_rois(rois)
    stack = choose_dates(raster, bands=bands, pixel=regions.pixel, mask=mask)
    if stack is not None and (each or weights_out is not None):
        raise UsageError(
            "E-USE-01",
            "each=True and weights_out= are about one raster, and a stack is given",
            hint="clip its rasters one by one: for raster in stack",
        )
    source = stack or as_source(raster, bands=bands, pixel=regions.pixel, mask=mask)
    return source, regions


@overload
def write(  # type: ignore[overload-overlap]  # any other object makes one file
    source: ROIImages,
    path: Path,
    *,
    of: str | None = None,
    co: Mapping[str, object] | None = None,
    overwrite: bool = False,
    workers: int | None = None,
    progress: bool | Progress | None = None,
) -> tuple[Written, ...]: ...


@overload
def write(
    source: object,
    path: Path,
    *,
    of: str | None = None,
    co: Mapping[str, object] | None = None,
    overwrite: bool = False,
    workers: int | None = None,
    progress: bool | Progress | None = None,
) -> Written: ...


def write(
    source: object,
    path: Path,
    *,
    of: str | None = None,
    co: Mapping[str, object] | None = None,
    overwrite: bool = False,
    workers: int | None = None,
    progress: bool | Progress | None = None,
) -> Written | tuple[Written, ...]:
    """Write an image or a table, all of it or nothing; an image piece by piece, so it may exceed memory.

    Args:
        source: A DataArray (band, y, x) or (y, x), dask or numpy inside; a `Raster`; or a path. What
            `clip_each` gives is written as `clip_file` does with `each`: one file per ROI, in one pass. A
            GeoDataFrame or DataFrame, such as `zonal_stats` gives, goes with its provenance into .parquet
            (GeoParquet), .gpkg (styled for QGIS), .fgb, .csv, .geojson, .geojsonl or .ndjson.
        path: The output; for what `clip_each` gives, a folder.
        of: See `clip_file`; of a table "Parquet", "GPKG", "FlatGeobuf", "CSV", "GeoJSON" and so on.
        co: See `clip_file`.
        overwrite: See `clip_file`.
        workers: See `clip_file`.
        progress: See `clip_file`.

    Raises:
        OutputExistsError: E-OUT-01.
        OutputError: E-OUT-02, E-OUT-03, E-OUT-04, E-OUT-05.
        RasterError: E-RAS-01, E-RAS-02, E-RAS-03, E-RAS-05, E-RAS-10.
        UsageError: E-USE-01 if the output is the input, or several images are to go into one file.
    """
    output = OutputOptions(of=of, co=co, overwrite=overwrite, workers=workers, progress=progress)
    if isinstance(source, ROIImages):
        from georoi.clipping.folders import images_to_files

        refuse_inputs((path,), (source.work[0],))
        return images_to_files(source, path, output)
    if isinstance(source, Mapping | list | tuple):
        raise UsageError(
            "E-USE-01",
            f"a {type(source).__name__} is several images, and write makes one file",
            hint="write them one by one; what clip_each gives can be written into a folder as it is",
        )
    if hasattr(source, "columns") and hasattr(source, "attrs"):  # a table of pandas
        from georoi.io.table.tables import write_table

        if co:
            raise UsageError("E-USE-01", "co= is for images, and a table is given", hint="leave co= out")
        return write_table(source, path, format=of, overwrite=overwrite, metadata=source.attrs.get("georoi"))
    refuse_inputs((path,), (source,))
    found = as_source(source)
    if isinstance(found, Raster):
        from georoi.clipping.files import raster_to_file

        return raster_to_file(found, path, output)
    from georoi.clipping.writing import write_array

    return write_array(found, path, output)
