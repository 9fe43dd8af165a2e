"""How well classes of ROIs can be told apart in the bands of a raster."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from georoi.engine.cluster import connect
from georoi.io.vector.vectors import read_rois
from georoi.options import Boundary, parse_boundary
from georoi.planning.alignment import align
from georoi.sources import as_source, read_mask
from georoi.values.grouping import group_rois
from georoi.values.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from georoi.engine.progress import Progress
    from georoi.values.bands import BandRequest


def separability(
    raster: object,
    rois: object,
    by: str | None = None,
    *,
    bands: BandRequest | None = None,
    boundary: str | Boundary | None = None,
    all_touched: bool | None = None,
    mask: Any = None,
    scaled: bool = True,
    band_map: Mapping[str, int | str] | None = None,
    sensor: str | None = None,
    workers: int | None = None,
    scheduler: Any = None,
    insecure: bool = False,
    progress: bool | Progress | None = None,
) -> Any:
    """Measure how far apart classes of ROIs are in the bands of a raster: one row per pair of classes.

    Each class is taken as a normal distribution with the mean vector and the unbiased covariance matrix of
    its pixels, those that are valid in every layer, by the weights of the boundary rule. Distances:

    - bhattacharyya: B, 0 or more.
    - jeffries_matusita: 2 (1 - exp(-B)), from 0 (the same) to 2 (apart). Some tools give its square root.
    - transformed_divergence: 2 (1 - exp(-D / 8)) of the divergence D, from 0 to 2; some give 1000 times that.

    Every block of a file is read once a date. Values are the same bits on any number of threads.

    Args:
        raster: A path, a `Raster`, a `Stack`, or a georeferenced DataArray with dimensions (time, band, y, x)
            of which the first two may be missing. Bands of several dates are layers beside one another, and
            a pixel counts if it is valid on all dates.
        rois: Anything that `read_rois` takes.
        by: The attribute that holds the class; ROIs of one class are taken together, as their union. Without
            it each ROI is a class.
        bands: Numbers from 1, names, or spectral indices such as "NDVI"; all bands by default.
        boundary: "fraction" (exact shares of pixels; the default), "center" or "all_touched".
        all_touched: True for "all_touched", False for "center".
        mask: Which pixels are kept: a rule such as "SCL in {4, 5, 7}" or "landsat-qa", or (raster or stack,
            rule) where its bands are in another file on the same grid.
        scaled: Apply scale and offset, which matters to means and to indices.
        band_map: Roles to bands for indices, such as {"nir": "B08"}.
        sensor: The sensor, such as "landsat-8", where names of bands leave roles open.
        workers: Threads; one per core by default.
        scheduler: Address of a dask scheduler, or a `distributed.Client` (Any: it may not be installed); by
            default the current client if there is one, else threads.
        insecure: Allow a scheduler on another machine without encryption.
        progress: True for a bar on a terminal, or a callback (done, total, message).

    Returns:
        A DataFrame: class_a, class_b, n_a and n_b (sums of weights), the three distances, status ("ok",
        "outside", "no_valid", "too_few" for fewer pixels than layers + 1, "singular") and the reason of
        nulls. Its `attrs` hold "bands", and by class "means" and, unless they are many, "covariances".

    Raises:
        CRSError: E-CRS-01, E-CRS-02, E-CRS-03, E-CRS-05, E-CRS-06.
        ROIError: Those of `read_rois`; E-ROI-08 if there is no attribute `by`.
        RasterError: E-RAS-01, E-RAS-02, E-RAS-03, E-RAS-04, E-RAS-08, E-RAS-10, E-RAS-12; E-STK-02.
        UsageError: E-USE-01 for fewer than two classes, or more classes or layers than are measured.
    """
    from georoi.zonal.inputs import BandChoice, read_input
    from georoi.zonal.rows import Work, tell_origin
    from georoi.zonal.separability import make_table, measure

    rule = parse_boundary(boundary, all_touched, default=Boundary.FRACTION)
    regions = read_rois(rois)
    classes = regions if by is None else group_rois(regions, by)
    kept, masks = read_mask(mask, pixel=regions.pixel)
    choice = BandChoice(bands=bands, band_map=band_map, sensor=sensor, scaled=scaled, mask=kept, masks=masks)
    source = raster if isinstance(raster, Stack) else as_source(raster, pixel=regions.pixel)
    given = read_input(source, choice)
    aligned = align(classes, given.header.grid, pixel_grid=given.header.is_pixel)
    with connect(scheduler, insecure) if isinstance(scheduler, str) else nullcontext(scheduler) as client:
        work = Work(workers=workers, client=client, progress=progress)
        found = measure(given, aligned, rule, work)
    frame = make_table(found)
    frame.attrs["notes"] = [*dict.fromkeys((*given.notes, *aligned.notes, *frame.attrs["notes"]))]
    asked = {
        "by": by,
        "layers": list(found.layers),
        "boundary": str(rule),
        "scaled": scaled,
        "mask": None if kept is None else str(kept),
    }
    told = {"name": regions.name, "fingerprint": regions.fingerprint, "count": len(regions)}
    frame.attrs["georoi"] = {**tell_origin(given, asked, rois=told), "command": "separability"}
    return frame
