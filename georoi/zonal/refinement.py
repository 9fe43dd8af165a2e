"""Exact quantiles of ROIs with more pixels than memory may hold: ranks by ranges of values, pass by pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.errors import MemoryBudgetError
from georoi.grid import bounds_to_windows
from georoi.kernels import tally as tallying
from georoi.kernels.distribution import find_ranks, interpolate
from georoi.kernels.keys import from_keys
from georoi.kernels.tally import BITS, Keys, Ranges, Tally
from georoi.planning.areas import planar_areas
from georoi.values.naming import some
from georoi.values.statistics import Statistic
from georoi.zonal.layout import Layout
from georoi.zonal.partials import Ints, Sampling, TilePartial
from georoi.zonal.reducing import TileReducer
from georoi.zonal.tallying import Tallying
from georoi.zonal.totals import Tallies

PIXEL_BYTES = 16
"""What one pixel takes whose value and weight are kept."""
_RANGE_BYTES = 32
"""What one range takes that is counted."""

Pass = Callable[[TileReducer, Layout], Iterator[TilePartial]]
"""Runs a pass over the tiles of a layout."""
Scales = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Scale and offset per layer."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Refinement:
    """The ROIs whose values are counted in ranges, and how the first pass counts them."""

    rois: Ints
    """Their numbers, ascending."""
    dtypes: tuple[np.dtype[Any] | None, ...]
    """Per layer; None for those whose values are kept."""
    first: tuple[Ranges | None, ...]
    """Per layer, the ranges of the first pass."""
    max_memory: int

    @property
    def tallying(self) -> Tallying:
        """What the first pass counts."""
        return Tallying(self.rois, self.first)


def plan_refinement(
    layout: Layout,
    dtypes: tuple[np.dtype[Any], ...],
    scales: NDArray[np.float64],
    statistics: tuple[Statistic, ...],
    sampling: Sampling,
    max_memory: int,
) -> Refinement | None:
    """Find the ROIs whose values would not fit into memory; the largest first, until the others do.

    A pixel takes 16 bytes from the first tile of its ROI to the last. Integers of up to 16 bits are counted
    by value, which always fits, unless a function asks for every pixel.

    Args:
        layout: The pass.
        dtypes: Of the layers.
        scales: Of the layers.
        statistics: Those that need values.
        sampling: How values are kept.
        max_memory: Bytes.

    Returns:
        None if all fit.

    Raises:
        MemoryBudgetError: E-MEM-01 if statistics other than quantiles are asked of such ROIs.
    """
    counted = tuple(d.kind in "iu" and d.itemsize <= 2 and sampling is Sampling.VALUES for d in dtypes)
    heavy = len(counted) - sum(counted)
    if sampling is Sampling.NONE or not heavy:
        return None
    rois = _find_large(layout, heavy, max_memory)
    if not len(rois):
        return None
    others = [statistic.name for statistic in statistics if statistic.kind != "quantile"]
    if others:
        needed = int(_estimate(layout)[rois].max()) * heavy * PIXEL_BYTES
        raise MemoryBudgetError(
            "E-MEM-01",
            f"{len(rois)} ROI(s) have more pixels than memory may hold for {some(others)}",
            found={
                "ROIs": some([str(layout.plan.rois.ids[i]) for i in rois.tolist()]),
                "largest": f"about {needed} bytes",
                "max_memory": f"{max_memory} bytes",
            },
            hint="raise max_memory=, or divide the ROIs; quantiles and medians work within any bound",
        )
    first = tuple(
        None if plain else Ranges(8 * dtype.itemsize - BITS, 64, bool(scale < 0))
        for plain, dtype, scale in zip(counted, dtypes, scales.tolist(), strict=True)
    )
    kept = tuple(None if plain else dtype for plain, dtype in zip(counted, dtypes, strict=True))
    return Refinement(rois=rois, dtypes=kept, first=first, max_memory=max_memory)


def refine(
    refinement: Refinement,
    counted: Tallies,
    statistics: tuple[Statistic, ...],
    values: dict[str, NDArray[Any]],
    scaling: Scales,
    reducer: TileReducer,
    layout: Layout,
    run: Pass,
    failures: dict[int, str],
) -> int:
    """Look into the ranges that hold the ranks asked for until these are known, and set the quantiles.

    Args:
        refinement: What the first pass counted.
        counted: Its counts.
        statistics: Quantiles.
        values: By name of the statistic, shape (rois, layers); is filled in.
        scaling: Of the layers.
        reducer: That of the first pass.
        layout: Of the ROIs that are refined: the first pass had their numbers in `refinement.rois`.
        run: Runs a pass.
        failures: By number of a ROI, why a part of it could not be read; is added to.

    Returns:
        The number of passes, the first one included.
    """
    number = {int(roi): i for i, roi in enumerate(refinement.rois)}
    found = {(number[roi], layer): tally for (roi, layer), tally in counted.take().items()}
    ranges, passes = refinement.first, 1
    while any(one is not None and one.shift > 0 for one in ranges):
        within = {key: _find_ranges(tally, statistics) for key, tally in found.items()}
        ranges = _choose_ranges(ranges, found, within, refinement.max_memory)
        own = Tallying(np.arange(len(number)), ranges, within)
        again = replace(
            reducer,
            tallying=own,
            sampling=Sampling.NONE,
            with_positions=False,
            weights=None,
            token=f"{reducer.token}-{passes}",
        )
        finer = Tallies()
        for tile in run(again, layout):
            for i in tile.failed.tolist():
                failures.setdefault(int(refinement.rois[i]), tile.reason)
            for cell in tile.cells:
                finer.add(cell)
        for key, tally in finer.take().items():
            found[key] = tallying.replace(found[key], within[key], tally)
        passes += 1
    for (i, layer), tally in found.items():
        _set_quantiles(refinement, i, layer, tally, statistics, values, scaling)
    return passes


def _set_quantiles(
    refinement: Refinement,
    i: int,
    layer: int,
    tally: Tally,
    statistics: tuple[Statistic, ...],
    values: dict[str, NDArray[Any]],
    scaling: Scales,
) -> None:
    dtype, ranges = refinement.dtypes[layer], refinement.first[layer]
    if dtype is None or ranges is None:
        raise ValueError("a layer whose values are kept is not refined")
    total = tally.weights.cumulate()
    for statistic in statistics:
        q, method = statistic.get("q"), statistic.get("method") or "inverted_cdf"
        keys = tally.keys[find_ranks(total, q, method)]
        stored = from_keys(~keys if ranges.is_turned else keys, dtype)
        a, b = scaling[0][layer], scaling[1][layer]
        scaled = stored if (a, b) == (1, 0) else stored.astype(np.float64) * a + b + 0.0
        roi = refinement.rois[i]
        values[statistic.name][roi, layer] = interpolate(scaled, q, method, float(total[-1]))


def _find_ranges(tally: Tally, statistics: tuple[Statistic, ...]) -> Keys:
    """Give the ranges in which the ranks lie that quantiles need, ascending."""
    total = tally.weights.cumulate()
    ranks = [find_ranks(total, one.get("q"), one.get("method") or "inverted_cdf") for one in statistics]
    return tally.keys[np.unique(np.concatenate(ranks))]


def _choose_ranges(
    ranges: tuple[Ranges | None, ...],
    found: dict[tuple[int, int], Tally],
    within: dict[tuple[int, int], Keys],
    max_memory: int,
) -> tuple[Ranges | None, ...]:
    """Tell all values apart that are left, if memory holds them; else 65,536 ranges in each range."""
    left = sum(int(tally.pixels[np.isin(tally.keys, within[key])].sum()) for key, tally in found.items())
    step = 64 if left * _RANGE_BYTES <= max_memory else BITS
    return tuple(
        None if one is None else Ranges(max(one.shift - step, 0), one.shift, one.is_turned) for one in ranges
    )


def _estimate(layout: Layout) -> NDArray[np.float64]:
    """Estimate from above how many pixels each ROI has."""
    rois = layout.plan.rois
    a, b, _, d, e, _ = rois.grid.affine[:6] if rois.grid.crs is not None else (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    windows = bounds_to_windows(rois.bounds, layout.plan.header.shape)
    rows, cols = windows[:, 1] - windows[:, 0], windows[:, 3] - windows[:, 2]
    pixels = planar_areas(rois) / abs(float(a * e - b * d)) + 2.0 * (rows + cols)
    return np.minimum(pixels, rows.astype(np.float64) * cols)


def _find_large(layout: Layout, layers: int, max_memory: int) -> Ints:
    """Find the largest ROIs without which the values of all that are open at a time fit."""
    sizes = _estimate(layout) * layers * PIXEL_BYTES
    rois = layout.plan.tile_rois
    tile = np.repeat(np.arange(len(layout)), np.diff(rois.start))
    first = np.full(len(sizes), len(layout), dtype=np.int64)
    np.minimum.at(first, rois.roi, tile)
    last = layout.last_tiles()
    met = last >= 0
    order = np.argsort(-np.where(met, sizes, 0.0), kind="stable")

    def fits(dropped: int) -> bool:
        kept = order[dropped:]
        kept = kept[met[kept]]
        change = np.zeros(len(layout) + 1)
        np.add.at(change, first[kept], sizes[kept])
        np.add.at(change, last[kept] + 1, -sizes[kept])
        return bool(np.cumsum(change).max(initial=0.0) <= max_memory * (1 + 1e-9))

    low, high = 0, int(met.sum())
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle + 1, high)
    return np.sort(order[:low])
