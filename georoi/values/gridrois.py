"""ROIs on a grid: rings in pixel coordinates, columnar, ready to be planned and covered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from odc.geo.geobox import GeoBox

from georoi.crs import CRS


class Deferred:
    """A text that is made when it is first asked for; it travels between processes as the text itself.

    Args:
        make: Gives the text.
    """

    def __init__(self, make: Callable[[], str]) -> None:
        self._make: Callable[[], str] | None = make
        self._text = ""

    def __str__(self) -> str:
        if self._make is not None:
            self._text, self._make = self._make(), None
        return self._text

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str(self),)


@dataclass(frozen=True, eq=False, kw_only=True)
class GridROIs:
    """The ROIs of a set on one grid: pixel coordinates (x = column, y = row from the grid's outer corner).

    Ragged arrays, as shapely gives them: ROI i owns polygons rois[i]:rois[i+1], polygon j owns rings
    polygons[j]:polygons[j+1] (the first is its shell), ring k owns vertices rings[k]:rings[k+1] (closed).
    """

    grid: GeoBox
    ids: NDArray[np.object_]
    """Ids of the ROIs, shape (n,)."""
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    rings: NDArray[np.int64]
    """Offsets of rings into x and y, shape (rings + 1,)."""
    polygons: NDArray[np.int64]
    """Offsets of polygons into rings, shape (polygons + 1,)."""
    rois: NDArray[np.int64]
    """Offsets of ROIs into polygons, shape (n + 1,)."""
    bounds: NDArray[np.float64]
    """(x_min, y_min, x_max, y_max) in pixels, shape (n, 4); NaN for an empty ROI."""
    fingerprint: str | Deferred
    """Content hash of the ROI set that was aligned; `str` of it, since it is made when it is asked for."""
    crs: CRS | None = None
    """The CRS that the ROIs came in; None in pixel space."""
    operation: str = ""
    """The coordinate operation used, with its accuracy, or "" where none was needed."""
    notes: tuple[str, ...] = ()
    """What alignment decided or repaired, in words."""

    def __len__(self) -> int:
        return int(self.rois.shape[0]) - 1

    def take(self, index: ArrayLike) -> GridROIs:
        """Keep some of the ROIs, by number, in the order asked for; their coordinates stay to the bit."""
        chosen = np.atleast_1d(np.asarray(index, dtype=np.int64))
        polygons, rois = _gather(self.rois, chosen)
        rings, polygon_offsets = _gather(self.polygons, polygons)
        vertices, ring_offsets = _gather(self.rings, rings)
        return replace(
            self,
            ids=self.ids[chosen],
            x=self.x[vertices],
            y=self.y[vertices],
            rings=ring_offsets,
            polygons=polygon_offsets,
            rois=rois,
            bounds=self.bounds[chosen],
        )


def _gather(
    offsets: NDArray[np.int64], groups: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the positions of the members of some groups, and the offsets of these groups among them."""
    lengths = offsets[groups + 1] - offsets[groups]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    members = np.repeat(offsets[groups] - starts[:-1], lengths) + np.arange(starts[-1])
    return members, starts
