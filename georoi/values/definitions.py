"""Statistics as values, and their kinds: the formula of each, what it is made of, when it is null."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Need = Literal["moments", "extremes", "pixels", "values", "weights", "positions"]
"""What a statistic is made of: sums over pixels, least and greatest value, numbers of pixels, the values
themselves, a second raster of weights, coordinates of pixels."""


@dataclass(frozen=True)
class Definition:
    """What one kind of statistic is.

    In formulas x are the values of the valid pixels, scaled; w their weights, 1 or the covered share of the
    pixel by the boundary rule; u what a raster of weights has there; (X, Y) centres of pixels in the raster's
    CRS. Without a valid pixel every statistic is null but counts, which are 0.
    """

    formula: str
    unit: str
    """Of the result: "pixels", "value" (that of the band), "value²", "1" or "crs"."""
    needs: tuple[Need, ...]
    note: str = ""


_WEIGHTED: tuple[Need, ...] = ("moments", "weights")
_PLACE: tuple[Need, ...] = ("extremes", "positions")

KINDS: Mapping[str, Definition] = {
    "count": Definition("Σw", "pixels", ("moments",), "a number with a fraction under boundary='fraction'"),
    "n_pixels": Definition("number of pixels with w > 0", "pixels", ("pixels",)),
    "sum": Definition("Σwx", "value", ("moments",)),
    "mean": Definition("m = Σwx / Σw", "value", ("moments",)),
    "var": Definition("Σw(x - m)² / Σw", "value²", ("moments",), "of the population, not of a sample"),
    "std": Definition("√var", "value", ("moments",), "of the population, not of a sample"),
    "cv": Definition("std / mean", "1", ("moments",), "null where the mean is 0"),
    "min": Definition("least x", "value", ("extremes",)),
    "max": Definition("greatest x", "value", ("extremes",)),
    "range": Definition("max - min", "value", ("extremes",)),
    "quantile": Definition(
        "least x with Σw of all values up to x at least q Σw",
        "value",
        ("values",),
        "numpy's inverted_cdf, so a value that occurs; method='linear' interpolates, for equal weights only",
    ),
    "mode": Definition("the x of the greatest Σw", "value", ("values",), "the least of those that tie"),
    "minority": Definition("the x of the least Σw", "value", ("values",), "the least of those that tie"),
    "nunique": Definition("number of distinct x", "1", ("values",)),
    "frac": Definition("Σw where x is the class / Σw", "1", ("values",), "a column for each class"),
    "hist": Definition(
        "Σw of each bin",
        "pixels",
        ("values",),
        "a list; bins hold their lower edge, the last one both; what lies beyond them is not counted",
    ),
    "weighted_sum": Definition(
        "Σwux", "value", _WEIGHTED, "pixels without a valid u are left out; u is 0 or more"
    ),
    "weighted_mean": Definition("M = Σwux / Σwu", "value", _WEIGHTED, "null where Σwu is 0"),
    "weighted_var": Definition("Σwu(x - M)² / Σwu", "value²", _WEIGHTED, "null where Σwu is 0"),
    "weighted_std": Definition("√weighted_var", "value", _WEIGHTED, "null where Σwu is 0"),
    "centroid_x": Definition("ΣwxX / Σwx", "crs", ("moments", "positions"), "null where Σwx is 0"),
    "centroid_y": Definition("ΣwxY / Σwx", "crs", ("moments", "positions"), "null where Σwx is 0"),
    "min_x": Definition("X of the first pixel of the least x", "crs", _PLACE, "first by row, then by column"),
    "min_y": Definition("Y of the first pixel of the least x", "crs", _PLACE, "first by row, then by column"),
    "max_x": Definition(
        "X of the first pixel of the greatest x", "crs", _PLACE, "first by row, then by column"
    ),
    "max_y": Definition(
        "Y of the first pixel of the greatest x", "crs", _PLACE, "first by row, then by column"
    ),
    "min_last_x": Definition(
        "X of the last pixel of the least x", "crs", _PLACE, "last by row, then by column"
    ),
    "min_last_y": Definition(
        "Y of the last pixel of the least x", "crs", _PLACE, "last by row, then by column"
    ),
    "max_last_x": Definition(
        "X of the last pixel of the greatest x", "crs", _PLACE, "last by row, then by column"
    ),
    "max_last_y": Definition(
        "Y of the last pixel of the greatest x", "crs", _PLACE, "last by row, then by column"
    ),
    "function": Definition("f(x, w), of one-dimensional float64 arrays, row by row", "?", ("values",)),
}
"""Kinds by name."""

PAIRS: Mapping[str, tuple[str, str]] = {
    "centroid": ("centroid_x", "centroid_y"),
    "argmin": ("min_x", "min_y"),
    "argmax": ("max_x", "max_y"),
    "argmin_last": ("min_last_x", "min_last_y"),
    "argmax_last": ("max_last_x", "max_last_y"),
}
"""Names that stand for two kinds, x and y."""

ALIASES: Mapping[str, str] = {
    "average": "mean",
    "avg": "mean",
    "total": "sum",
    "stdev": "std",
    "stddev": "std",
    "std_dev": "std",
    "standard_deviation": "std",
    "variance": "var",
    "coefficient_of_variation": "cv",
    "minimum": "min",
    "maximum": "max",
    "majority": "mode",
    "variety": "nunique",
    "unique": "nunique",
    "npixels": "n_pixels",
    "fraction": "frac",
    "histogram": "hist",
    "weighted_average": "weighted_mean",
    "weighted_stdev": "weighted_std",
    "weighted_stddev": "weighted_std",
    "weighted_variance": "weighted_var",
    "min_center_x": "min_x",
    "min_center_y": "min_y",
    "max_center_x": "max_x",
    "max_center_y": "max_y",
}
"""Names of other tools; columns have georoi's name, unless a name of one's own is given."""

RESERVED = frozenset(
    {
        "area",
        "area_outside",
        "area_nodata",
        "area_nonfinite",
        "area_masked",
        "area_valid",
        "area_ceded",
        "area_crs",
        "n_effective",
        "boundary",
        "status",
        "reason",
        "roi_id",
        "date",
        "band",
        "stat",
        "value",
        "geometry",
    }
)
"""Columns of the ledger and of long tables, which no statistic may be called."""

Function = Callable[..., Any]
"""A function of the values and weights of a ROI's valid pixels, two 1-D float64 arrays, to a number."""


@dataclass(frozen=True)
class Statistic:
    """One statistic of one column, or of a column for each class where `is_expanding`."""

    name: str
    """Name of the column, without that of the band."""
    kind: str
    """Key of `KINDS`."""
    params: tuple[tuple[str, Any], ...] = ()
    """quantile: q (0 to 1) and method; frac: value, if of one class; hist: bins, the edges."""
    function: Function | None = None
    """What is called, for the kind "function"."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS or (self.kind == "function") is not callable(self.function):
            raise ValueError(f"no statistic of kind {self.kind}")

    def get(self, param: str) -> Any:
        """Give a parameter; None if it has no such one."""
        return dict(self.params).get(param)

    @property
    def needs(self) -> frozenset[Need]:
        """What it is made of."""
        return frozenset(KINDS[self.kind].needs)

    @property
    def is_list(self) -> bool:
        """Whether its value is no number: a list, or shares by class. That of a function is a number."""
        return self.kind == "hist" or self.is_expanding

    @property
    def is_expanding(self) -> bool:
        """Whether its value maps each class found to its share: each makes a column `{name}_{class}`."""
        return self.kind == "frac" and not self.params

    def __str__(self) -> str:
        if self.kind == "function":
            return f"{self.name}={getattr(self.function, '__name__', 'function')}(values, weights)"
        shown = [
            f"{key}={list(value) if isinstance(value, tuple) else value!r}" for key, value in self.params
        ]
        return f"{self.name}={self.kind}" + (f"({', '.join(shown)})" if shown else "")


def column(statistic: Statistic | str, band: str, several_bands: bool) -> str:
    """Name a column: `mean` for one band, `B04_mean` for several."""
    name = statistic if isinstance(statistic, str) else statistic.name
    return f"{band}_{name}" if several_bands else name


def class_name(value: float) -> str:
    """Write a class for the name of a column: 3 for 3.0, 1.5 for 1.5."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))
