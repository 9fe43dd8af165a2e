"""From moments and distributions to statistics, in the units that users see: scale and offset come last."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from georoi.grid import to_world
from georoi.kernels import positions as at
from georoi.kernels import weighting
from georoi.kernels.reduction import LEAST, MEAN, MOST, PIXELS, SQUARES, SUM, WEIGHT
from georoi.values.definitions import KINDS
from georoi.zonal.totals import Totals

Floats = NDArray[np.float64]


class Moments:
    """Statistics that follow from moments, for arrays of them.

    With w the weights of pixels and x their values, sums running over valid pixels: scale a and offset b
    take x to a x + b.

    Args:
        moments: Shape (n, layers, reduction.FIELDS).
        scales: Per layer.
        offsets: Per layer.
    """

    def __init__(self, moments: Floats, scales: Floats, offsets: Floats) -> None:
        self._moments, self._a, self._b = moments, scales, offsets
        self._none = moments[..., WEIGHT] == 0

    def evaluate(self, kind: str) -> Floats:
        """Give a statistic, shape (n, layers): NaN without valid pixels, but for counts, which are 0."""
        with np.errstate(invalid="ignore", divide="ignore"):
            found = self._KINDS[kind](self)
        return found if kind in ("count", "n_pixels") else np.where(self._none, np.nan, found)

    @classmethod
    def knows(cls, kind: str) -> bool:
        """Tell whether a statistic follows from moments."""
        return kind in cls._KINDS

    def _count(self) -> Floats:
        return self._moments[..., WEIGHT].copy()

    def _pixels(self) -> Floats:
        return self._moments[..., PIXELS].copy()

    def _sum(self) -> Floats:
        return self._a * self._moments[..., SUM] + self._b * self._moments[..., WEIGHT]

    def _mean(self) -> Floats:
        return self._a * self._moments[..., MEAN] + self._b

    def _var(self) -> Floats:
        variance: Floats = self._a**2 * self._moments[..., SQUARES] / self._moments[..., WEIGHT]
        return np.maximum(variance, 0.0)

    def _std(self) -> Floats:
        return np.sqrt(self._var())

    def _cv(self) -> Floats:
        mean = self._mean()
        return np.where(mean == 0, np.nan, self._std() / mean)

    def _min(self) -> Floats:
        ends = self._moments[..., LEAST], self._moments[..., MOST]
        return self._a * np.where(self._a < 0, ends[1], ends[0]) + self._b

    def _max(self) -> Floats:
        ends = self._moments[..., LEAST], self._moments[..., MOST]
        return self._a * np.where(self._a < 0, ends[0], ends[1]) + self._b

    def _range(self) -> Floats:
        return self._max() - self._min()

    _KINDS: ClassVar[dict[str, Callable[[Moments], Floats]]] = {
        "count": _count,
        "n_pixels": _pixels,
        "sum": _sum,
        "mean": _mean,
        "var": _var,
        "std": _std,
        "cv": _cv,
        "min": _min,
        "max": _max,
        "range": _range,
    }


class WeightedMoments:
    """Statistics that follow from moments with a raster of weights u; see `Moments` for the arguments."""

    def __init__(self, moments: Floats, scales: Floats, offsets: Floats) -> None:
        self._moments, self._a, self._b = moments, scales, offsets

    def evaluate(self, kind: str) -> Floats:
        """Give a statistic, shape (n, layers): NaN without a pixel that is valid and has a weight."""
        weight, squares = self._moments[..., weighting.WEIGHT], self._moments[..., weighting.SQUARES]
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = np.where(weight > 0, self._a**2 * squares / weight, np.nan)
            found: Floats = {
                "weighted_sum": self._a * self._moments[..., weighting.SUM] + self._b * weight,
                "weighted_mean": np.where(
                    weight > 0, self._a * self._moments[..., weighting.MEAN] + self._b, np.nan
                ),
                "weighted_var": variance,
                "weighted_std": np.sqrt(variance),
            }[kind]
        return np.where(self._moments[..., weighting.PIXELS] == 0, np.nan, found)


class Places:
    """Statistics that are positions in the CRS of a grid, at centres of pixels.

    Args:
        positions: Shape (n, layers, positions.FIELDS).
        scales: Per layer.
        offsets: Per layer.
        grid: The grid; pixel coordinates are given where it has no CRS.
    """

    def __init__(self, positions: Floats, scales: Floats, offsets: Floats, grid: GeoBox) -> None:
        self._found, self._a, self._b, self._grid = positions, scales, offsets, grid

    def evaluate(self, kind: str) -> Floats:
        """Give a coordinate, shape (n, layers); NaN without valid pixels, and for a centroid without mass."""
        place, axis = kind[:-2], kind[-1]
        cols, rows = self._centroid() if place == "centroid" else self._extreme(place)
        return to_world(self._grid, cols, rows)[axis == "y"]

    def _centroid(self) -> tuple[Floats, Floats]:
        found, a, b = self._found, self._a, self._b
        mass = a * found[..., at.SUM] + b * found[..., at.WEIGHT]
        with np.errstate(invalid="ignore", divide="ignore"):
            cols, rows = (
                np.where(mass == 0, np.nan, (a * found[..., of_sum] + b * found[..., of_weight]) / mass)
                for of_sum, of_weight in ((at.SUM_COL, at.WEIGHT_COL), (at.SUM_ROW, at.WEIGHT_ROW))
            )
        return cols, rows

    def _extreme(self, place: str) -> tuple[Floats, Floats]:
        """Find the pixel; a negative scale makes the least value the greatest."""
        least, most = (at.MIN_FIRST, at.MAX_FIRST) if "last" not in place else (at.MIN_LAST, at.MAX_LAST)
        first, other = (least, most) if place.startswith("min") else (most, least)
        turned = self._a < 0
        rows = np.where(turned, self._found[..., other], self._found[..., first])
        cols = np.where(turned, self._found[..., other + 1], self._found[..., first + 1])
        return cols + 0.5, rows + 0.5


def evaluate_sums(kind: str, totals: Totals, scales: Floats, offsets: Floats, grid: GeoBox) -> Floats:
    """Give a statistic that follows from sums and extremes, shape (n, layers); NaN where it is null."""
    if kind.startswith("weighted_"):
        weighted = totals.weighted
        if weighted is None:  # no tile could be read
            weighted = weighting.no_weighted(*totals.moments.shape[:2])
        return WeightedMoments(weighted, scales, offsets).evaluate(kind)
    if "positions" in KINDS[kind].needs:
        found = totals.positions
        if found is None:
            found = at.no_positions(*totals.moments.shape[:2])
        return Places(found, scales, offsets, grid).evaluate(kind)
    return Moments(totals.moments, scales, offsets).evaluate(kind)
