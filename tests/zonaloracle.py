"""Statistics of weighted pixels by exact sums, and weights from shapely or from the proved coverage."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from georoi.kernels.coverage import cover
from tests.polygons import edges_of

Floats = NDArray[np.float64]


def weights_of(polygon: Any, shape: tuple[int, int], boundary: str, *, y_up: bool = True) -> Floats:
    """Give the weights of all pixels for a polygon in pixel coordinates, by the coverage proved elsewhere."""
    return np.asarray(
        cover(edges_of(polygon, y_up=y_up), (0, shape[0], 0, shape[1]), boundary), dtype=np.float64
    )


def pieces_of(polygon: Any, shape: tuple[int, int]) -> NDArray[np.object_]:
    """Cut a polygon in pixel coordinates by every pixel of a raster, shape (rows, cols)."""
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    shapely.prepare(polygon)
    return np.asarray(shapely.intersection(polygon, shapely.box(cols, rows, cols + 1, rows + 1)))


def shares_of(polygon: Any, shape: tuple[int, int]) -> Floats:
    """Give the exact share of each pixel by shapely, which knows nothing of georoi."""
    return np.asarray(shapely.area(pieces_of(polygon, shape)))


@dataclass(frozen=True)
class Sums:
    """Statistics of values x with weights w, by correctly rounded sums; population forms."""

    x: Floats
    w: Floats

    @classmethod
    def of(cls, values: NDArray[Any], weights: Floats, valid: NDArray[np.bool_] | None = None) -> Sums:
        """Take the pixels that count: of positive weight, and valid."""
        kept = weights > 0 if valid is None else (weights > 0) & valid
        return cls(values[kept].astype(np.float64), weights[kept])

    @property
    def count(self) -> float:
        """Sum of w."""
        return math.fsum(self.w)

    @property
    def sum(self) -> float:
        """Sum of w x."""
        return math.fsum(self.w * self.x)

    @property
    def mean(self) -> float:
        """Of the values, by weight."""
        return self.sum / self.count

    @property
    def var(self) -> float:
        """Sum of w (x - mean)² / sum of w, with what rounding of the mean leaves taken off."""
        step = self.x - self.mean
        rest = math.fsum(self.w * step) / self.count
        return max(math.fsum(self.w * step * step) / self.count - rest * rest, 0.0)

    @property
    def std(self) -> float:
        """Root of `var`."""
        return math.sqrt(self.var)

    @property
    def size(self) -> float:
        """Sum of |w x| / sum of w: what errors are measured by."""
        return math.fsum(np.abs(self.w * self.x)) / self.count


NAMES = ("count", "n_pixels", "sum", "mean", "std", "var", "min", "max", "range")


def check(row: Any, sums: Sums, where: object = "", *, rel: float = 1e-12) -> None:
    """Compare a row of a wide table with sums: numbers of pixels and extremes exactly, the rest within `rel`.

    The variance is a difference of squares for nobody, so its error too is measured by the spread and the
    rounding of the values themselves.
    """
    assert row["n_pixels"] == len(sums.x), where
    assert row["count"] == _near(sums.count, rel * sums.count), where
    if not len(sums.x):
        assert all(math.isnan(row[name]) for name in NAMES[2:]), where
        return
    assert row["min"] == sums.x.min(), where
    assert row["max"] == sums.x.max(), where
    assert row["range"] == sums.x.max() - sums.x.min(), where
    assert row["sum"] == _near(sums.sum, rel * sums.size * sums.count), where
    assert row["mean"] == _near(sums.mean, rel * sums.size), where
    assert row["std"] == _near(sums.std, rel * sums.size), where
    spread = sums.std * sums.size + sums.var
    assert row["var"] == _near(sums.var, 2 * rel * spread + (rel * sums.size) ** 2), where


def _near(value: float, tolerance: float) -> Any:
    import pytest

    return pytest.approx(value, rel=0, abs=max(tolerance, 5e-324))


def quantile_of(sums: Sums, q: float) -> float:
    """Give the weighted quantile as numpy defines it."""
    return float(np.quantile(sums.x, q, weights=sums.w, method="inverted_cdf"))


def digest(table: Any, columns: Sequence[str] | None = None) -> bytes:
    """Give the bits of all numbers of a table, with its texts, in the order of its rows."""
    frame = table.drop(columns=[name for name in ("geometry",) if name in table.columns])
    frame = frame if columns is None else frame[list(columns)]
    parts = []
    for name in frame.columns:
        values = frame[name].to_numpy()
        if values.dtype.kind in "iufbM":  # counts are whole numbers where no ROI of the table has a null
            parts.append((values if values.dtype.kind in "fM" else values.astype(np.float64)).tobytes())
        else:  # texts and lists, where pandas has None for a null or NaN
            parts.append(repr([None if value != value else value for value in values.tolist()]).encode())
    return b"\n".join(parts)
