"""Statistics of a ROI that need its values: quantiles, modes, shares of classes, histograms, functions."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.errors import UsageError
from georoi.kernels import distribution as of
from georoi.kernels.distribution import Distribution
from georoi.values.statistics import Statistic
from georoi.wording import printable
from georoi.zonal.totals import Gathered


def make_values(statistics: tuple[Statistic, ...], rois: int, layers: int) -> dict[str, NDArray[Any]]:
    """Make room for the values of statistics by name, shape (rois, layers): null until they are set."""
    return {
        statistic.name: np.full((rois, layers), None, object)
        if statistic.is_list or statistic.kind == "function"
        else np.full((rois, layers), np.nan)
        for statistic in statistics
    }


def evaluate_samples(
    statistics: tuple[Statistic, ...], samples: Gathered, a: float, b: float, where: str
) -> Iterator[tuple[Statistic, Any]]:
    """Evaluate statistics of one ROI in one layer; there is at least one value.

    Args:
        statistics: Those that need values.
        samples: Its values as stored.
        a: Scale.
        b: Offset.
        where: Names the ROI and the layer in messages.

    Raises:
        UsageError: E-USE-01 if a user's function fails, with the function's own error as its cause.
    """
    distribution: Distribution | None = None
    for statistic in statistics:
        if statistic.kind == "function":
            stored, weights = samples.list_pixels()
            values = stored.astype(np.float64)
            values = values if (a, b) == (1, 0) else values * a + b
            yield statistic, evaluate_function(statistic, values, weights, where)
            continue
        if distribution is None:
            distribution = samples.distribute().scale(a, b)
        yield statistic, evaluate_distribution(statistic, distribution)


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
            total = float(distribution.total[-1])
            shares = zip(distribution.values.tolist(), distribution.weights.tolist(), strict=True)
            return {float(value): weight / total for value, weight in shares}
        case "hist":
            return of.histogram(distribution, np.array(statistic.get("bins"))).tolist()
        case kind:
            raise ValueError(f"{kind} is no statistic of a distribution")


def evaluate_function(
    statistic: Statistic, values: NDArray[np.float64], weights: NDArray[np.float64], where: str = ""
) -> Any:
    """Call a user's function on the values and weights of one ROI in one layer, row by row.

    Raises:
        UsageError: E-USE-01 if it fails.
    """
    if statistic.function is None:
        raise ValueError(f"{statistic.name} has no function")
    try:
        return statistic.function(values, weights)
    except Exception as error:  # whatever a function of the user's raises
        raise UsageError(
            "E-USE-01",
            f"the function of the statistic '{printable(statistic.name)}' failed for {where}: "
            f"{type(error).__name__}: {printable(str(error))}",
            found={"pixels": str(len(values))},
            hint="it is called with the values and weights of a ROI's valid pixels, two 1-D float64 arrays",
        ) from error


def settle(values: NDArray[Any]) -> NDArray[Any]:
    """Give results of a function as float64 if each of them is a number or None, else as they are."""
    plain: NDArray[np.float64] = np.full(values.shape, np.nan)
    for place, value in np.ndenumerate(values):
        single = (
            value.item() if isinstance(value, (np.generic, np.ndarray)) and np.ndim(value) == 0 else value
        )
        if single is None:
            continue
        if not isinstance(single, Number) or isinstance(single, complex):
            return values
        plain[place] = float(single)  # type: ignore[arg-type]
    return plain
