"""Statistics of a ROI that need its values: quantiles, modes, shares of classes, histograms, functions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.kernels import distribution as of
from georoi.kernels.distribution import Distribution
from georoi.values.statistics import Statistic


def evaluate_distribution(statistic: Statistic, distribution: Distribution) -> Any:
    """Evaluate a statistic on the distribution of one ROI's values in one layer; there is at least one.

    Returns:
        A number; for shares of all classes a mapping from class to share, for a histogram a list.
    """
    match statistic.kind:
        case "quantile" if statistic.get("method") == "linear":
            return of.quantile_linear(distribution, statistic.get("q"))
        case "quantile":
            return of.quantile(distribution, statistic.get("q"))
        case "mode":
            return of.mode(distribution)
        case "minority":
            return of.minority(distribution)
        case "nunique":
            return float(len(distribution.values))
        case "frac" if not statistic.is_expanding:
            return of.share(distribution, statistic.get("value"))
        case "frac":
            total = distribution.weights.sum()
            shares = zip(distribution.values.tolist(), distribution.weights.tolist(), strict=True)
            return {float(value): weight / total for value, weight in shares}
        case "hist":
            return of.histogram(distribution, np.array(statistic.get("bins"))).tolist()
        case kind:
            raise ValueError(f"{kind} is no statistic of a distribution")


def evaluate_function(statistic: Statistic, values: NDArray[Any], weights: NDArray[np.float64]) -> Any:
    """Call a user's function on the values and weights of one ROI in one layer."""
    if statistic.function is None:
        raise ValueError(f"{statistic.name} has no function")
    return statistic.function(values.astype(np.float64), weights)
