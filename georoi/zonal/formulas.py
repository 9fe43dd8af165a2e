"""From moments and distributions to statistics, in the units that users see: scale and offset come last."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.reduction import LEAST, MEAN, MOST, PIXELS, SQUARES, SUM, WEIGHT

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
