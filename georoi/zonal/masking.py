"""Cloud and quality masks: which pixels of a scene a rule keeps, by bands of its own or of another raster."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from georoi.grid import Window
from georoi.io.raster.composing import judge_pixels
from georoi.io.raster.rasters import read_window
from georoi.planning.keeping import find_mask
from georoi.values.quality import MaskRule
from georoi.values.raster import Raster


@dataclass(frozen=True, kw_only=True)
class SceneMask:
    """A rule and the bands that it looks at."""

    rule: MaskRule
    raster: Raster
    """The file, with the bands of the rule in their order."""

    @classmethod
    def of(cls, rule: MaskRule, raster: Raster, scene: Raster) -> SceneMask:
        """Choose the bands of a rule in a raster; see `georoi.planning.keeping.find_mask`."""
        return cls(rule=rule, raster=find_mask(rule, raster, scene))

    def find_kept(self, window: Window) -> NDArray[np.bool_]:
        """Read a window and tell which of its pixels are kept, shape (rows, cols)."""
        return judge_pixels(self.rule, read_window(self.raster, window), self.raster.nodata)
