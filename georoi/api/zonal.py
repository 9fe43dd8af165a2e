"""Zonal statistics."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from georoi.engine.cluster import connect
from georoi.errors import UsageError
from georoi.io.vector.vectors import read_rois
from georoi.options import Boundary, parse_boundary, parse_memory
from georoi.planning.alignment import align
from georoi.planning.ceding import Policy, parse_policy
from georoi.sources import as_source, read_mask
from georoi.values.grouping import group_rois
from georoi.values.raster import Raster
from georoi.values.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from georoi.engine.progress import Progress
    from georoi.io.array.arrays import ArraySource
    from georoi.values.bands import BandRequest
    from georoi.values.statistics import Statistic
    from georoi.zonal.results import ZonalResult

FORMS = ("table", "wide", "long", "xarray")


def zonal_stats(
    raster: object,
    rois: object,
    stats: Any = None,
    *,
    bands: BandRequest | None = None,
    boundary: str | Boundary | None = None,
    all_touched: bool | None = None,
    weights: Any = None,
    mask: Any = None,
    scaled: bool = True,
    min_valid: float | None = None,
    overlap: str = "independent",
    priority: str | None = None,
    by: str | None = None,
    include: Any = None,
    long: bool | None = None,
    as_: str = "table",
    band_map: Mapping[str, int | str] | None = None,
    sensor: str | None = None,
    on_error: str = "raise",
    max_memory: int | str | None = None,
    workers: int | None = None,
    scheduler: Any = None,
    insecure: bool = False,
    progress: bool | Progress | None = None,
) -> Any:
    """Take statistics of a raster, a stack of dates or an array inside ROIs, each ROI on its own.

    Every row accounts for the whole area of its ROI: what lies outside the raster, is nodata, not finite,
    masked or valid, in square metres on the ellipsoid, by exact fractions of pixels whatever the rule. A null
    has a `status` and a `reason`. A block of a file is read once, however many ROIs meet it; values are the
    same bits on any number of threads, on a cluster, and for any order of the ROIs.

    Args:
        raster: A path, a `Raster`, a `Stack`, or a georeferenced DataArray with dimensions (time, band, y, x)
            of which the first two may be missing; dask inside is computed chunk by chunk.
        rois: Anything that `read_rois` takes.
        stats: Names such as "mean", "q95", "p90=quantile(q=0.9)", "frac", "hist(bins=[0, 10, 20])", functions
            of (values, weights), or a mapping from names to these; count, mean, std, min and max by default.
        bands: Numbers from 1, names, or spectral indices such as "NDVI"; all bands by default.
        boundary: "fraction" (exact shares of pixels; the default), "center" or "all_touched".
        all_touched: True for "all_touched", False for "center".
        weights: A raster of weights for the weighted statistics: a path, a `Raster` or a DataArray (which is
            loaded) of one band, on the raster's grid or on a coarser one that nests; then a pixel has the
            weight of the coarse pixel that holds it. Weights are 0 or more; pixels without one (nodata, NaN,
            beyond the weights) are left out of weighted statistics, and a note says so.
        mask: Which pixels are kept: a rule on bands of the raster, such as "SCL in {4, 5, 7}" or
            "landsat-qa", or (raster or stack, rule) where these are in another file on the same grid.
        scaled: Apply scale and offset.
        min_valid: Share of a ROI's area, less what it cedes, that must be valid, 0 to 1; below it statistics
            are null.
        overlap: Who counts an area that several ROIs cover. "independent": each of them, whole. "priority":
            the one with the highest `priority`. "split": each of k by 1/k, so that sums over ROIs are those
            of their union; a pixel still is one in n_pixels of each. "error": it is refused, but for slivers.
            Under the second and third, `area_ceded` is what a ROI leaves to others, off the raster too.
        priority: The attribute for "priority", numbers or text; "-name" gives the lowest value the area. Of
            equal values the earlier ROI has it, and ROIs without a value come last.
        by: An attribute: ROIs of one value are taken together, as their union.
        include: Names of the attributes to keep; all by default in a wide table, none in a long one.
        long: True for one row per ROI, date, band and statistic; by default for what has dates.
        as_: "table", or "xarray" for a Dataset with the dimensions (roi, date, band).
        band_map: Roles to bands for indices, such as {"nir": "B08"}.
        sensor: The sensor, such as "landsat-8", where names of bands leave roles open.
        on_error: "raise", or "skip": ROIs that meet a part that cannot be read get the status "failed".
        max_memory: What values of pixels may take, such as "512MB" or a number of bytes; 1 GiB by default.
            Quantiles of ROIs beyond it take two passes or more, and are the same to the bit.
        workers: Threads; one per core by default.
        scheduler: Address of a dask scheduler, or a `distributed.Client` (Any: it may not be installed); by
            default the current client if there is one, else threads.
        insecure: Allow a scheduler on another machine without encryption.
        progress: True for a bar on a terminal, or a callback (done, total, message).

    Returns:
        A GeoDataFrame with the index and attributes of the ROIs, a DataFrame if long, or a Dataset.

    Raises:
        CRSError: E-CRS-01, E-CRS-02, E-CRS-03, E-CRS-05, E-CRS-06.
        ROIError: Those of `read_rois`; E-ROI-06 for overlaps that are refused, E-ROI-08.
        RasterError: E-RAS-01, E-RAS-02, E-RAS-03, E-RAS-04, E-RAS-08, E-RAS-10, E-RAS-12; E-STK-02 for a
            stack or weights on other grids; E-RAS-13 for weights below 0.
        UsageError: E-USE-01; the error of a function given as a statistic is its cause.
        MemoryBudgetError: E-MEM-01 for statistics other than quantiles of ROIs beyond max_memory.
    """
    if as_ not in FORMS:
        raise UsageError(
            "E-USE-01",
            f"as_ must be 'table' or 'xarray', not {as_!r}",
            hint="'table' gives a DataFrame, 'xarray' a Dataset",
        )
    result = run_zonal(
        raster,
        rois,
        stats,
        bands=bands,
        boundary=boundary,
        all_touched=all_touched,
        weights=weights,
        mask=mask,
        scaled=scaled,
        min_valid=min_valid,
        overlap=overlap,
        priority=priority,
        by=by,
        band_map=band_map,
        sensor=sensor,
        on_error=on_error,
        max_memory=max_memory,
        workers=workers,
        scheduler=scheduler,
        insecure=insecure,
        progress=progress,
    )
    from georoi.zonal.tables import make_cube, make_long, make_wide

    if as_ == "xarray":
        return make_cube(result)
    if long is None:
        long = as_ == "long" or any(layer.label is not None for layer in result.layers)
    if long:
        frame = make_long(result, include=include)
    else:
        index = _index_of(rois, result) if by is None else None
        frame = make_wide(result, index=index, include=include)
    frame.attrs |= {"failed": result.failed, "georoi": dict(result.provenance)}
    return frame


def run_zonal(
    raster: object,
    rois: object,
    stats: Any = None,
    *,
    bands: BandRequest | None = None,
    boundary: str | Boundary | None = None,
    all_touched: bool | None = None,
    weights: Any = None,
    mask: Any = None,
    scaled: bool = True,
    min_valid: float | None = None,
    overlap: str = "independent",
    priority: str | None = None,
    by: str | None = None,
    band_map: Mapping[str, int | str] | None = None,
    sensor: str | None = None,
    on_error: str = "raise",
    max_memory: int | str | None = None,
    workers: int | None = None,
    scheduler: Any = None,
    insecure: bool = False,
    progress: bool | Progress | None = None,
) -> ZonalResult:
    """Take statistics as `zonal_stats` does, before they are put into a table."""
    from georoi.values.statistics import parse_stats
    from georoi.zonal.inputs import BandChoice, read_input
    from georoi.zonal.overlaps import OverlapChoice
    from georoi.zonal.provenance import describe_run
    from georoi.zonal.runs import ZonalOptions, run
    from georoi.zonal.weights import make_weights

    if on_error not in ("raise", "skip"):
        raise UsageError(
            "E-USE-01",
            f"on_error must be 'raise' or 'skip', not {on_error!r}",
            hint="'skip' gives ROIs that meet an unreadable part the status failed, and goes on",
        )
    if min_valid is not None and not 0 <= min_valid <= 1:
        raise UsageError(
            "E-USE-01",
            f"min_valid must be a share from 0 to 1, not {min_valid!r}",
            hint="0.8 asks for 80 % of a ROI's area to be valid",
        )
    rule = parse_boundary(boundary, all_touched, default=Boundary.FRACTION)
    statistics = parse_stats(stats)
    overlaps = OverlapChoice(policy=parse_policy(overlap), priority=priority)
    if rule is Boundary.FRACTION:
        _refuse_interpolation(statistics)
    if overlaps.policy is Policy.SPLIT:
        _refuse_to_split(rule, statistics)
    regions = read_rois(rois)
    if by is not None:
        regions = group_rois(regions, by)
    memory = parse_memory(max_memory)
    _check_weights(weights, statistics)
    kept, masks = read_mask(mask, pixel=regions.pixel)
    choice = BandChoice(bands=bands, band_map=band_map, sensor=sensor, scaled=scaled, mask=kept, masks=masks)
    given = read_input(_source(raster, pixel=regions.pixel), choice)
    weighted = None
    if weights is not None:
        source = _source(weights, pixel=regions.pixel)
        weighted = make_weights(source, given.header, scaled=scaled, max_memory=memory)
    aligned = align(regions, given.header.grid, pixel_grid=given.header.is_pixel)
    with connect(scheduler, insecure) if isinstance(scheduler, str) else nullcontext(scheduler) as client:
        options = ZonalOptions(
            statistics=statistics,
            boundary=rule,
            min_valid=min_valid,
            overlap=overlaps,
            skip_errors=on_error == "skip",
            workers=workers,
            client=client,
            progress=progress,
            weights=weighted,
            max_memory=memory,
        )
        with ThreadPoolExecutor(1) as beside:  # which takes long for many ROIs, and is not needed before
            beside.submit(getattr, regions, "fingerprint")
            result = run(given, regions, aligned, options)
    return replace(result, provenance=describe_run(given, result, statistics, choice, weighted))


def _check_weights(weights: Any, statistics: Sequence[Statistic]) -> None:
    """Refuse weighted statistics without weights, and weights that nothing asks for."""
    asked = [one.name for one in statistics if "weights" in one.needs]
    if asked and weights is None:
        raise UsageError(
            "E-USE-01",
            f"{', '.join(asked)} needs weights",
            hint="give a raster of them: weights=path (--weights)",
        )
    if weights is not None and not asked:
        raise UsageError(
            "E-USE-01",
            "weights= is given, and no statistic uses it",
            found={"statistics": ", ".join(one.name for one in statistics)},
            hint="ask for weighted_mean, weighted_sum, weighted_std or weighted_var, or leave weights= out",
        )


def _refuse_interpolation(statistics: Sequence[Statistic]) -> None:
    """Refuse quantiles that interpolate between ranks, which weights of fractions do not have."""
    linear = next((str(one) for one in statistics if one.get("method") == "linear"), None)
    if linear is not None:
        raise UsageError(
            "E-USE-01",
            f"{linear} is for pixels of equal weight, and boundary='fraction' weights them",
            hint="take boundary='center', or leave out the method: inverted_cdf goes with weights",
        )


def _refuse_to_split(rule: Boundary, statistics: Sequence[Statistic]) -> None:
    """Refuse to share pixels out where they have no shares, or where ranks need pixels of equal weight."""
    if rule is Boundary.ALL_TOUCHED:
        raise UsageError(
            "E-USE-01",
            "overlap='split' shares areas out, and boundary='all_touched' counts more than the ROIs cover",
            hint="take boundary='fraction' or 'center'",
        )
    linear = next((str(one) for one in statistics if one.get("method") == "linear"), None)
    if linear is not None:
        raise UsageError(
            "E-USE-01",
            f"{linear} is for pixels of equal weight, and overlap='split' weights them",
            hint="leave out the method: inverted_cdf goes with weights",
        )


def _source(raster: object, *, pixel: bool) -> Raster | Stack | ArraySource:
    return raster if isinstance(raster, Stack) else as_source(raster, pixel=pixel)


def _index_of(rois: object, result: ZonalResult) -> Any:
    """Give the index of a GeoDataFrame that the ROIs were given as, for those that were kept."""
    if not (hasattr(rois, "geometry") and hasattr(rois, "index") and hasattr(rois, "crs")):
        return None
    lost = {f.feature for f in result.rois.findings if f.code in ("dropped", "collapsed")}
    index = rois.index
    kept = index.delete(sorted(lost)) if lost else index
    return kept if len(kept) == len(result.rois) else None
