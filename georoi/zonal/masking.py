"""Cloud and quality masks: which pixels of a scene a rule keeps, by bands of its own or of another raster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.errors import RasterError, UsageError
from georoi.grid import Window, describe, same
from georoi.io.raster.rasters import Pixels, read_window
from georoi.kernels.validity import classify
from georoi.values.quality import MaskRule
from georoi.values.raster import Number, Raster
from georoi.values.stack import Stack


@dataclass(frozen=True, kw_only=True)
class SceneMask:
    """A rule and the bands that it looks at."""

    rule: MaskRule
    raster: Raster
    """The file, with the bands of the rule in their order."""

    def find_kept(self, window: Window) -> NDArray[np.bool_]:
        """Read a window and tell which of its pixels are kept, shape (rows, cols)."""
        return judge_pixels(self.rule, read_window(self.raster, window), self.raster.nodata)


def judge_pixels(rule: MaskRule, pixels: Pixels, nodata: Sequence[Number | None]) -> NDArray[np.bool_]:
    """Tell which pixels a rule keeps; those that are not valid in one of its bands are not kept.

    Args:
        rule: The rule.
        pixels: Its bands, in the order of `rule.bands`.
        nodata: Of these bands.
    """
    bands, valid = {}, {}
    for i, name in enumerate(rule.bands):
        kept = None if pixels.valid is None else pixels.valid[i]
        state = classify(pixels.values[i], nodata[i], kept)
        bands[name] = pixels.values[i]
        if state is not None:
            valid[name] = state == 0
    return rule.keep(bands, valid)


def find_mask(rule: MaskRule, raster: Raster, of: Raster) -> SceneMask:
    """Choose the bands of a rule in a raster, which must lie on the grid of the scene that it masks.

    Raises:
        RasterError: E-RAS-04 if a band of the rule is missing; E-STK-02 if the grids differ.
    """
    if raster is not of and not same(raster.grid, of.grid):
        raise RasterError(
            "E-STK-02",
            f"the mask '{raster.name}' does not lie on the grid of '{of.name}'",
            found={"mask": describe(raster.grid), "raster": describe(of.grid)},
            hint="bring it there first: open_stack([mask], like=raster, align='nearest')",
        )
    found = rule.find_bands(raster.band_names, raster=raster.name, band_numbers=raster.bands)
    return SceneMask(rule=rule, raster=raster.select([raster.bands[found[name]] for name in rule.bands]))


def match_masks(masks: Stack | Raster, scenes: Sequence[Raster]) -> list[Raster]:
    """Give the mask of each scene: of a stack the one of the same moment, of a raster itself.

    Raises:
        UsageError: E-USE-01 if a scene has no mask of its moment.
    """
    if isinstance(masks, Raster):
        return [masks] * len(scenes)
    by_date: dict[Any, Raster] = {raster.date: raster for raster in masks}
    missing = [scene.name for scene in scenes if scene.date not in by_date]
    if missing:
        raise UsageError(
            "E-USE-01",
            f"{len(missing)} of {len(scenes)} scenes have no mask of their moment",
            found={"without a mask": ", ".join(missing[:5]), "masks": ", ".join(masks.labels[:5])},
            hint="give the masks the dates of the scenes with open_stack(..., dates=)",
        )
    return [by_date[scene.date] for scene in scenes]
