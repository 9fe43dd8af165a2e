"""One pass: plan, reduce tile by tile on threads or a cluster, merge in cell order, evaluate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.engine.progress import Progress, track
from georoi.engine.streaming import stream
from georoi.kernels.distribution import make_distribution
from georoi.options import Boundary
from georoi.planning.areas import planar_areas, roi_areas
from georoi.planning.pixelareas import make_pixel_areas
from georoi.values.gridrois import GridROIs
from georoi.values.rois import ROISet
from georoi.values.statistics import Statistic
from georoi.zonal.arrays import reduce_array
from georoi.zonal.evaluation import evaluate_distribution, evaluate_function
from georoi.zonal.formulas import Moments
from georoi.zonal.inputs import ZonalInput
from georoi.zonal.layout import Layout, lay_out
from georoi.zonal.partials import Sampling, TilePartial
from georoi.zonal.reducing import Scene, TileReducer
from georoi.zonal.results import Accounts, ZonalResult, judge
from georoi.zonal.totals import Totals


@dataclass(frozen=True, kw_only=True)
class ZonalOptions:
    """What is asked for, and how the work is done."""

    statistics: tuple[Statistic, ...]
    boundary: Boundary = Boundary.FRACTION
    min_valid: float | None = None
    """Share of a ROI's area that must be valid, or its statistics are withheld."""
    skip_errors: bool = False
    workers: int | None = None
    client: Any = None
    """A `distributed.Client` (Any: it may not be installed)."""
    progress: bool | Progress | None = None

    @property
    def sampled(self) -> tuple[Statistic, ...]:
        """Statistics that need the values themselves."""
        return tuple(statistic for statistic in self.statistics if "values" in statistic.needs)

    @property
    def sampling(self) -> Sampling:
        """How values are kept."""
        if any(statistic.kind == "function" for statistic in self.sampled):
            return Sampling.PIXELS
        return Sampling.VALUES if self.sampled else Sampling.NONE


def run(given: ZonalInput, rois: ROISet, aligned: GridROIs, options: ZonalOptions) -> ZonalResult:
    """Reduce the scenes of one grid over ROIs; every block that a ROI touches is read once a scene.

    Args:
        given: What is read, and the layers made of it.
        rois: The ROIs as given.
        aligned: The same on the grid.
        options: What is asked for.

    Raises:
        CRSError: E-CRS-02 if no ROI overlaps the raster.
        RasterError: E-RAS-02 if a part cannot be read, unless that is to be skipped; E-RAS-08.
    """
    header = given.header
    bands = sum(len(scene.layers.sources) for scene in given.scenes)
    layout = lay_out(header, aligned, options.boundary, bands)
    areas = make_pixel_areas(header.grid, header.is_pixel, layout.plan.tiles)
    reducer = TileReducer(
        scenes=given.scenes,
        boundary=options.boundary,
        areas=areas,
        sampling=options.sampling,
        skip_errors=options.skip_errors,
    )
    if given.array is None:
        tiles = stream(reducer, layout.tasks(), workers=options.workers, client=options.client)
    else:
        tiles = reduce_array(reducer, layout, given.array, workers=options.workers, client=options.client)
    totals, values = _merge(tiles, layout, given, options)
    accounts = Accounts.of(totals, *roi_areas(aligned, areas), planar_areas(aligned))
    status, reason = judge(accounts, layout.last_tiles() >= 0, totals.failures, options.min_valid)
    return ZonalResult(
        rois=rois,
        layers=given.layers,
        values={name: _withhold(name, array, status) for name, array in values.items()},
        accounts=accounts,
        status=status,
        reason=reason,
        boundary=str(options.boundary),
        expanding=frozenset(statistic.name for statistic in options.statistics if statistic.is_expanding),
        notes=tuple(dict.fromkeys((*given.notes, *aligned.notes))),
    )


def _withhold(name: str, values: NDArray[Any], status: NDArray[np.object_]) -> NDArray[Any]:
    """Make values null where the status says so; counts are 0, not null, where nothing is valid."""
    counts = name in ("count", "n_pixels")
    null = np.isin(
        status, ("withheld", "failed") if counts else ("withheld", "failed", "no_valid", "outside")
    )
    values[null] = None if values.dtype == object else np.nan
    return values


def _scaling(scene: Scene) -> Iterator[tuple[float, float]]:
    """Give scale and offset of each layer; computed ones are scaled already."""
    for layer in scene.layers.layers:
        place = layer.sources[0]
        yield (scene.scales[place], scene.offsets[place]) if layer.index is None else (1.0, 0.0)


def _merge(
    tiles: Iterator[TilePartial],
    layout: Layout,
    given: ZonalInput,
    options: ZonalOptions,
) -> tuple[Totals, dict[str, NDArray[Any]]]:
    """Merge tiles in order; evaluate values of a ROI, and let them go, once its last tile is there."""
    rois, layers = len(layout.plan.rois), len(given.layers)
    scaling = np.array([pair for scene in given.scenes for pair in _scaling(scene)])
    scales, offsets = scaling[:, 0], scaling[:, 1]
    totals = Totals.empty(rois, layers)
    values: dict[str, NDArray[Any]] = {
        statistic.name: np.full((rois, layers), None, object)
        if statistic.is_list
        else np.full((rois, layers), np.nan)
        for statistic in options.sampled
    }
    complete = _complete(layout) if options.sampled else {}
    message = "statistics"
    for number, tile in enumerate(track(tiles, options.progress, total=len(layout), message=message)):
        totals.add(tile)
        for roi in complete.get(number, ()):
            for layer in range(layers):
                samples = totals.take_samples(roi, layer)
                if samples is None or not len(samples[0]):
                    continue
                found, weights = samples
                if (scales[layer], offsets[layer]) != (1, 0):
                    found = found * scales[layer] + offsets[layer]
                distribution = make_distribution(found, weights)
                for statistic in options.sampled:
                    values[statistic.name][roi, layer] = (
                        evaluate_function(statistic, found, weights)
                        if statistic.kind == "function"
                        else evaluate_distribution(statistic, distribution)
                    )
            totals.forget(roi)
    moments = Moments(totals.moments, scales, offsets)
    ordered = {
        statistic.name: values[statistic.name]
        if statistic.name in values
        else moments.evaluate(statistic.kind)
        for statistic in options.statistics
    }
    return totals, ordered


def _complete(layout: Layout) -> dict[int, list[int]]:
    """Give by tile the ROIs that are complete once it is merged."""
    last = layout.last_tiles()
    order = [int(roi) for roi in np.argsort(last, kind="stable") if last[roi] >= 0]
    return {tile: list(group) for tile, group in groupby(order, key=lambda roi: int(last[roi]))}
