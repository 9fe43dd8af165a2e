"""One pass: plan, reduce tile by tile on threads or a cluster, merge in cell order, evaluate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.engine.progress import Progress, track
from georoi.engine.streaming import stream
from georoi.kernels import weighting
from georoi.options import MEMORY, Boundary
from georoi.planning.areas import planar_areas, roi_areas
from georoi.planning.ceding import Division
from georoi.planning.overlap import Overlaps
from georoi.planning.pixelareas import make_pixel_areas
from georoi.values.gridrois import GridROIs
from georoi.values.rois import ROISet
from georoi.values.statistics import Statistic
from georoi.wording import printable
from georoi.zonal.arrays import reduce_array
from georoi.zonal.evaluation import evaluate_samples, make_values, settle
from georoi.zonal.formulas import evaluate_sums
from georoi.zonal.inputs import ZonalInput
from georoi.zonal.layout import Layout, lay_out
from georoi.zonal.overlaps import OverlapChoice, divide, report_overlaps
from georoi.zonal.partials import Sampling, TilePartial
from georoi.zonal.reading import Scene
from georoi.zonal.reducing import TileReducer
from georoi.zonal.refinement import plan_refinement, refine
from georoi.zonal.results import Accounts, ZonalResult, judge
from georoi.zonal.totals import Totals
from georoi.zonal.weights import Weights


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
    overlap: OverlapChoice = field(default_factory=OverlapChoice)
    weights: Weights | None = None
    """A raster of weights, for weighted statistics."""
    max_memory: int = MEMORY
    """Bytes that values of pixels may take while their ROIs are open."""

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
        ROIError: E-ROI-06 if ROIs overlap and that is refused; E-ROI-08 if they have no such priorities.
        RasterError: E-RAS-02 if a part cannot be read, unless that is to be skipped; E-RAS-08.
    """
    with ThreadPoolExecutor(1) as beside:  # ROIs that count each on its own need not wait for their overlaps
        dividing = beside.submit(divide, rois, aligned, options.overlap, is_pixel=given.header.is_pixel)
        division = None if options.overlap.is_independent else dividing.result().division
        return _run(given, rois, aligned, options, division, lambda: dividing.result().pairs)


def _run(
    given: ZonalInput,
    rois: ROISet,
    aligned: GridROIs,
    options: ZonalOptions,
    division: Division | None,
    find_pairs: Callable[[], Overlaps],
) -> ZonalResult:
    header = given.header
    bands = sum(len(scene.layers.sources) for scene in given.scenes)
    layout = lay_out(header, aligned, options.boundary, bands)
    areas = make_pixel_areas(header.grid, header.is_pixel, layout.plan.tiles)
    layout = replace(layout, with_polygons=areas.is_coarse, division=division)
    scaling = _scalings(given)
    refinement = plan_refinement(
        layout, given.dtypes, scaling[0], options.sampled, options.sampling, options.max_memory
    )
    reducer = TileReducer(
        scenes=given.scenes,
        boundary=options.boundary,
        areas=areas,
        sampling=options.sampling,
        skip_errors=options.skip_errors,
        with_positions=any("positions" in statistic.needs for statistic in options.statistics),
        weights=options.weights,
        tallying=None if refinement is None else refinement.tallying,
    )

    def pass_over(reducer: TileReducer, layout: Layout) -> Iterator[TilePartial]:
        if given.array is None:
            return stream(reducer, layout.tasks(), workers=options.workers, client=options.client)
        return reduce_array(reducer, layout, given.array, workers=options.workers, client=options.client)

    totals, values = _merge(pass_over(reducer, layout), layout, given, options, scaling)
    notes = [*given.notes, *aligned.notes, *_weight_notes(options, totals)]
    if refinement is not None:
        large = replace(
            lay_out(header, aligned.take(refinement.rois), options.boundary, bands),
            with_polygons=areas.is_coarse,
            division=None if division is None else division.take(refinement.rois),
        )
        counted, failures = totals.tallies, totals.failures
        passes = refine(
            refinement, counted, options.sampled, values, scaling, reducer, large, pass_over, failures
        )
        notes.append(
            f"{len(refinement.rois)} ROI(s) have more pixels than max_memory ({options.max_memory} bytes) "
            f"holds: their quantiles took {passes} passes, and are exact"
        )
    area, outside, ceded = (*roi_areas(aligned, areas), None) if division is None else division.measure(areas)
    accounts = Accounts.of(totals, area, outside, planar_areas(aligned), ceded)
    report = replace(report_overlaps(find_pairs(), aligned, area, areas), policy=str(options.overlap))
    notes += [note for note in (report.say(),) if note]
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
        overlaps=report,
        notes=tuple(dict.fromkeys(notes)),
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


def _scalings(given: ZonalInput) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give scale and offset of all layers."""
    scaling = np.array([pair for scene in given.scenes for pair in _scaling(scene)], dtype=np.float64)
    return scaling[:, 0], scaling[:, 1]


def _weight_notes(options: ZonalOptions, totals: Totals) -> Iterator[str]:
    """Say what the weights are, and where pixels had none."""
    if options.weights is None or totals.weighted is None:
        return
    yield options.weights.describe()
    missing = (totals.weighted[..., weighting.MISSING] > 0).any(axis=1).sum()
    if missing:
        yield f"{missing} ROI(s) have valid pixels without a weight, which weighted statistics leave out"


def _merge(
    tiles: Iterator[TilePartial],
    layout: Layout,
    given: ZonalInput,
    options: ZonalOptions,
    scaling: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> tuple[Totals, dict[str, NDArray[Any]]]:
    """Merge tiles in order; evaluate values of a ROI, and let them go, once its last tile is there."""
    rois, layers = len(layout.plan.rois), len(given.layers)
    scales, offsets = scaling
    totals = Totals.empty(rois, layers)
    sampled = make_values(options.sampled, rois, layers)
    complete = _complete(layout) if options.sampled else {}
    message = "statistics"
    for number, tile in enumerate(track(tiles, options.progress, total=len(layout), message=message)):
        totals.add(tile)
        for roi in complete.get(number, ()):
            for layer in range(layers):
                samples = totals.take_samples(roi, layer)
                if samples is None:
                    continue
                where = _name_place(layout, given, roi, layer)
                a, b = float(scales[layer]), float(offsets[layer])
                for statistic, value in evaluate_samples(options.sampled, samples, a, b, where):
                    sampled[statistic.name][roi, layer] = value
            totals.forget(roi)
    grid = given.header.grid
    values = {
        statistic.name: sampled[statistic.name]
        if statistic.name in sampled
        else evaluate_sums(statistic.kind, totals, scales, offsets, grid)
        for statistic in options.statistics
    }
    for statistic in options.sampled:
        if statistic.kind == "function":
            values[statistic.name] = settle(values[statistic.name])
    return totals, values


def _name_place(layout: Layout, given: ZonalInput, roi: int, layer: int) -> str:
    """Name a ROI and a layer in a message."""
    of = given.layers[layer]
    date = f" of {of.label}" if of.label is not None else ""
    return printable(f"ROI '{layout.plan.rois.ids[roi]}', band {of.name}{date}")


def _complete(layout: Layout) -> dict[int, list[int]]:
    """Give by tile the ROIs that are complete once it is merged."""
    last = layout.last_tiles()
    order = [int(roi) for roi in np.argsort(last, kind="stable") if last[roi] >= 0]
    return {tile: list(group) for tile, group in groupby(order, key=lambda roi: int(last[roi]))}
