"""What a run gives: statistics and ledger per ROI and layer, with a status and a reason for every null."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.ledger import EFFECTIVE
from georoi.kernels.reduction import PIXELS
from georoi.kernels.validity import MASKED, NODATA, NONFINITE, VALID
from georoi.values.rois import ROISet
from georoi.zonal.overlaps import OverlapReport
from georoi.zonal.totals import Totals

Floats = NDArray[np.float64]

SMALLEST = 1.0
"""Effective pixels below which a ROI is flagged as small."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Accounts:
    """The ledger of n ROIs: disjoint areas, each summed itself; square metres, or pixels in pixel space."""

    area: Floats
    """Of the ROI, shape (n,)."""
    outside: Floats
    """Off the raster, shape (n,)."""
    planar: Floats
    """Of the ROI in the plane of the raster's CRS, in its units, shape (n,)."""
    states: Floats
    """Of valid, nodata, non-finite and masked pixels, shape (n, layers, 4)."""
    effective: Floats
    """Sum of the exact fractions of valid pixels, shape (n, layers)."""
    pixels: NDArray[np.int64]
    """Number of valid pixels that count under the boundary rule, shape (n, layers)."""
    ceded: Floats | None = None
    """Left to other ROIs, shape (n,); None without a policy for overlaps."""

    @classmethod
    def of(
        cls, totals: Totals, area: Floats, outside: Floats, planar: Floats, ceded: Floats | None = None
    ) -> Accounts:
        """Take the sums of a run together with the areas of the ROIs."""
        return cls(
            area=area,
            outside=outside,
            planar=planar,
            states=totals.ledger[..., :EFFECTIVE],
            effective=totals.ledger[..., EFFECTIVE],
            pixels=totals.moments[..., PIXELS].astype(np.int64),
            ceded=ceded,
        )

    @property
    def valid_share(self) -> Floats:
        """Valid area as a share of what the ROI keeps, shape (n, layers); NaN where it keeps nothing."""
        kept = self.area if self.ceded is None else self.area - self.ceded
        with np.errstate(invalid="ignore", divide="ignore"):
            share: Floats = self.states[..., VALID] / kept[:, None]
        return share


@dataclass(frozen=True, eq=False, kw_only=True)
class Layer:
    """A column of a run: one band, or index, of one date."""

    name: str
    date: np.datetime64 | None = None
    label: str | None = None
    """What tells dates apart, where there are several."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ZonalResult:
    """Statistics of n ROIs over some layers."""

    rois: ROISet
    layers: tuple[Layer, ...]
    values: dict[str, NDArray[Any]]
    """By name of the statistic, shape (n, layers), object where a value is a list; NaN or None for null."""
    accounts: Accounts
    status: NDArray[np.object_]
    """Shape (n, layers): "ok", "small", "withheld", "no_valid", "outside" or "failed"."""
    reason: NDArray[np.object_]
    """Shape (n, layers): why, in words; None where the status is "ok"."""
    boundary: str
    expanding: frozenset[str] = frozenset()
    """Names of the statistics whose values map each class to its share."""
    overlaps: OverlapReport | None = None
    """Which ROIs overlap."""
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """What it was made from, as plain values."""

    @property
    def failed(self) -> int:
        """Number of ROIs that meet a part which could not be read."""
        return int((self.status == "failed").any(axis=1).sum())


def judge(
    accounts: Accounts, meets: NDArray[np.bool_], failures: dict[int, str], min_valid: float | None
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Give status and reason of each ROI and layer; any but "ok" and "small" have null statistics.

    Args:
        accounts: The ledger.
        meets: Whether each ROI meets the raster, shape (n,).
        failures: By number of a ROI, why a part of it could not be read.
        min_valid: Share of a ROI's area that must be valid, 0 to 1.
    """
    shape = accounts.pixels.shape
    status = np.full(shape, "ok", dtype=object)
    reason = np.full(shape, None, dtype=object)

    def mark(where: NDArray[np.bool_], what: str, why: Any) -> None:
        for place in np.argwhere(where & (status == "ok")):
            i, layer = int(place[0]), int(place[1])
            status[i, layer], reason[i, layer] = what, why(i, layer)

    for roi, why in failures.items():
        status[roi, :], reason[roi, :] = "failed", why
    mark(~np.broadcast_to(meets[:, None], shape), "outside", lambda *_: "the ROI lies outside the raster")
    mark(accounts.pixels == 0, "no_valid", lambda i, layer: _why_none(accounts, i, layer))
    if min_valid is not None:
        share = accounts.valid_share
        mark(
            ~(share >= min_valid * (1 - 1e-12)),
            "withheld",
            lambda i, layer: f"{share[i, layer]:.1%} of the ROI is valid, below min_valid {min_valid:.1%}",
        )
    mark(
        accounts.effective < SMALLEST,
        "small",
        lambda i, layer: f"{accounts.effective[i, layer]:.3g} effective pixels",
    )
    return status, reason


def _why_none(accounts: Accounts, roi: int, layer: int) -> str:
    parts = {
        "nodata": accounts.states[roi, layer, NODATA],
        "not finite": accounts.states[roi, layer, NONFINITE],
        "masked": accounts.states[roi, layer, MASKED],
        "outside the raster": accounts.outside[roi],
        "ceded to other ROIs": 0.0 if accounts.ceded is None else accounts.ceded[roi],
    }
    if accounts.effective[roi, layer] > 0:
        return "no pixel's centre lies inside the ROI; boundary='fraction' counts parts of pixels"
    total = accounts.area[roi]
    shares = [f"{area / total:.0%} {name}" for name, area in parts.items() if total > 0 and area > 0]
    return "no valid pixel" + (f": {', '.join(shares)}" if shares else "")
