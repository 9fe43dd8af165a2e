"""What a table was made from, as plain values that go into its file."""

from __future__ import annotations

from typing import Any

import georoi
from georoi.grid import key
from georoi.values.statistics import Statistic
from georoi.zonal.inputs import BandChoice, ZonalInput
from georoi.zonal.results import ZonalResult
from georoi.zonal.weights import Weights


def describe_run(
    given: ZonalInput,
    result: ZonalResult,
    statistics: tuple[Statistic, ...],
    choice: BandChoice,
    weights: Weights | None = None,
) -> dict[str, Any]:
    """Name inputs by their fingerprints, the rule, the statistics and all that decides values."""
    rasters = {scene.raster.name: scene.raster.fingerprint for scene in given.scenes if scene.raster}
    masks = {
        scene.mask.raster.name: scene.mask.raster.fingerprint
        for scene in given.scenes
        if scene.mask is not None
    }
    return {
        "georoi": georoi.__version__,
        "verb": "zonal_stats",
        "rasters": rasters or {given.header.name: None},
        "grid": key(given.header.grid),
        "rois": result.rois.fingerprint,
        "statistics": [str(statistic) for statistic in statistics],
        "layers": list(dict.fromkeys(layer.name for layer in result.layers)),
        "boundary": result.boundary,
        "overlap": None if result.overlaps is None else result.overlaps.policy,
        "scaled": choice.scaled,
        "mask": None if choice.mask is None else str(choice.mask),
        "masks": masks,
        "weights": None if weights is None else {weights.name: weights.fingerprint},
        "notes": list(result.notes),
    }
