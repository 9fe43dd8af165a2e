"""Clips, masks and mosaics as DataArrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from georoi.clipping.options import ClipOptions, choose_crop
from georoi.clipping.weights import Rule
from georoi.errors import UsageError
from georoi.io.vector.vectors import read_rois
from georoi.options import Boundary, parse_pad
from georoi.sources import as_source

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import DTypeLike

    from georoi.clipping.chunks import ChunkSize
    from georoi.clipping.each import ROIImages
    from georoi.options import Crop
    from georoi.values.bands import BandRequest
    from georoi.values.raster import Number


def clip(
    raster: object,
    rois: object,
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
    chunks: ChunkSize = None,
    compute: bool | None = None,
) -> xr.DataArray:
    """Clip the union of ROIs out of a raster, on the raster's own grid: values never change.

    From a path or `Raster` the result is lazy; dask in gives dask, numpy gives numpy. Only blocks of the file
    that a ROI touches are read, each by one chunk.

    Args:
        raster: A path, a `Raster`, or a georeferenced DataArray, whose further dimensions are kept.
        rois: Anything that `read_rois` takes.
        boundary: "center" (pixels whose centre lies inside; the default), "all_touched" (pixels that share an
            area with a ROI) or "fraction" (the same pixels, with the exact share of each as `coverage`).
        all_touched: True for "all_touched", False for "center".
        crop: True or "window" for the smallest window of pixels around the ROIs, "blocks" for that widened to
            blocks of the file, False or "none" for the whole grid; by default "window", "none" if inverted.
        apply_mask: False keeps all pixels of the window.
        invert: Keep what lies outside the ROIs.
        pad: Pixels added around the window, within the raster.
        nodata: What stands outside the ROIs; by default what the raster declares, or NaN. Integers without
            nodata become float32 (up to 16 bit) or float64 (32 bit); of 64 bit they are refused.
        bands: Numbers from 1, or names; all by default.
        mask: Which pixels are kept, of a raster or stack: a rule on its bands such as "SCL in {4, 5, 7}" or a
            preset such as "landsat-qa", or (raster or stack, rule). The others become nodata.
        feather: Width in pixels of a soft edge: pixels of weight above 0 are kept, weights are `coverage`. It
            takes the place of the boundary rule, so "all_touched" and "fraction" do not go with it.
        chunks: Pixels per chunk: a number, (rows, cols), {"y": rows, "x": cols}, -1 for all; rounded up to
            whole tiles, which are whole blocks of the file, about 512 x 512 pixels: where blocks are strips a
            chunk is as wide as the raster.
        compute: True for numpy, False for dask inside.

    Returns:
        (band, y, x) with `spatial_ref`, nodata where rioxarray and odc-geo look for it, and attributes that
        say the window (row0, row1, col0, col1) within the raster and the boundary rule.

    Raises:
        CRSError: E-CRS-01, E-CRS-02, E-CRS-03, E-CRS-05, E-CRS-06.
        ROIError: Those of `read_rois`.
        RasterError: E-RAS-01, E-RAS-03, E-RAS-04, E-RAS-05, E-RAS-06, E-RAS-10; while computing, E-RAS-02 and
            E-RAS-08.
        UsageError: E-USE-01.
    """
    from georoi.clipping.images import clip_image

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
    regions = read_rois(rois)
    source = as_source(raster, bands=bands, pixel=regions.pixel, mask=mask)
    return clip_image(source, regions, options, chunks=chunks, compute=compute)


def clip_each(
    raster: object,
    rois: object,
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
    chunks: ChunkSize = None,
    compute: bool | None = None,
) -> ROIImages:
    """Clip each ROI into an image of its own, one by one as they are asked for.

    The arguments are those of `clip`. ROIs outside the raster have no image: they are in `.outside`, and a
    warning names them.

    Returns:
        A mapping: iterating gives (id, DataArray), `images[id]` gives one.
    """
    from georoi.clipping.each import ROIImages

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
    regions = read_rois(rois)
    source = as_source(raster, bands=bands, pixel=regions.pixel, mask=mask)
    return ROIImages(source, regions, options, chunks=chunks, compute=compute)


def mask(
    raster: object,
    rois: object,
    *,
    boundary: str | Boundary | None = None,
    all_touched: bool | None = None,
    crop: bool | str | Crop | None = None,
    invert: bool = False,
    pad: int = 0,
    feather: float = 0,
    dtype: DTypeLike | None = None,
    labels: bool = False,
    overlap: str = "error",
    chunks: ChunkSize = None,
    compute: bool = False,
) -> xr.DataArray:
    """Make the mask of ROIs on a raster's grid; lazy, and no pixel is read.

    Args:
        raster: A path, a `Raster` or a georeferenced DataArray; only its grid matters.
        rois: Anything that `read_rois` takes.
        boundary: See `clip`; with "fraction" the mask holds the exact share of each pixel.
        all_touched: See `clip`.
        crop: See `clip`; False for the raster's whole grid.
        invert: True outside the ROIs, or 1 minus the weight.
        pad: See `clip`.
        feather: Width in pixels of a soft edge: weight = clip((d + feather / 2) / feather, 0, 1), with d the
            signed distance in pixels from the pixel's centre to the outline, positive inside.
        dtype: Of the result; by default bool, float64 for weights, the smallest unsigned integer for labels.
        labels: One number per ROI, from 1 in the order of the set, 0 outside; `attrs["labels"]` says whose,
            as a JSON text, which netCDF and Zarr can store: `json.loads(made.attrs["labels"])["1"]` is an id.
        overlap: With labels, what a pixel of several ROIs gets: "first", "last", or "error".
        chunks: See `clip`.
        compute: True for numpy inside.

    Returns:
        (y, x) with `spatial_ref`.

    Raises:
        CRSError: E-CRS-01, E-CRS-02, E-CRS-03, E-CRS-05, E-CRS-06.
        ROIError: Those of `read_rois`; with labels, while computing, E-ROI-06.
        UsageError: E-USE-01.
    """
    from georoi.clipping.masks import label_rois, mask_rois

    rule = Rule.parse(boundary=boundary, all_touched=all_touched, invert=invert, feather=feather)
    if labels and (rule.invert or rule.feather):
        raise UsageError(
            "E-USE-01",
            "labels are whole pixels of one ROI each, so invert and feather do not go with them",
            hint="leave out labels=True (--labels), or invert= and feather= (--invert, --feather)",
        )
    if not labels and overlap != "error":
        raise UsageError(
            "E-USE-01",
            f"overlap={overlap!r} says whose label a pixel gets, and no labels are asked for",
            hint="give labels=True, or leave overlap= out: a mask is of the union of the ROIs",
        )
    regions = read_rois(rois)
    header = as_source(raster, pixel=regions.pixel).header
    common: dict[str, Any] = {
        "crop": choose_crop(crop, rule.invert),
        "pad": parse_pad(pad),
        "dtype": dtype,
        "chunks": chunks,
    }
    if labels:
        made = label_rois(header, regions, rule.boundary, overlap=overlap, **common)
    else:
        made = mask_rois(header, regions, rule, **common)
    return made.compute() if compute else made


def paste(
    images: object,
    like: object,
    *,
    overlap: str = "first",
    nodata: Number | None = None,
    chunks: ChunkSize = None,
) -> xr.DataArray:
    """Put ROI images back on the grid that they were clipped from.

    Args:
        images: What `clip_each` gives, a mapping of DataArrays, (id, DataArray) pairs, or DataArrays; all
            of the same bands, which are put in the order of the first image's.
        like: What gives the grid: a path, a `Raster` or a georeferenced DataArray.
        overlap: What a pixel gets that several images have data for: "first", "last", "mean", "blend" (the
            mean weighted by the images' `coverage`), or "error". Means of integers are rounded.
        nodata: What stands where no image has data; by default what the images declare, else as in `clip`.
        chunks: See `clip`.

    Returns:
        (band, y, x) on the whole grid; lazy if an image is.

    Raises:
        RasterError: E-RAS-11 if an image does not lie on the grid.
        ROIError: E-ROI-06 if two images share a pixel and `overlap` is "error" (while computing, if lazy).
        UsageError: E-USE-01.
    """
    from georoi.clipping.mosaics import paste_images

    header = as_source(like, pixel=True).header  # without CRS, images can only be in pixel space
    return paste_images(images, header, overlap=overlap, nodata=nodata, chunks=chunks)
