"""Regions of interest in geospatial rasters: lazy clips, exact masks, the same answer whole or in tiles.

Names load on first use, so that `import georoi` is quick; `__init__.pyi` tells type checkers what they are.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

_HOMES = {
    "Boundary": "georoi.options",
    "CRSError": "georoi.errors",
    "CheckReport": "georoi.planning.checkreport",
    "Crop": "georoi.options",
    "GeoroiError": "georoi.errors",
    "GeoroiWarning": "georoi.errors",
    "MemoryBudgetError": "georoi.errors",
    "MissingExtraError": "georoi.errors",
    "OutputError": "georoi.errors",
    "OutputExistsError": "georoi.errors",
    "PartialError": "georoi.errors",
    "Plan": "georoi.planning.plan",
    "ROIError": "georoi.errors",
    "ROIImages": "georoi.clipping.each",
    "ROISet": "georoi.values.rois",
    "Raster": "georoi.values.raster",
    "RasterError": "georoi.errors",
    "Stack": "georoi.values.stack",
    "UnknownROIError": "georoi.errors",
    "UsageError": "georoi.errors",
    "Written": "georoi.io.output.spec",
    "check": "georoi.api",
    "clip": "georoi.api",
    "clip_each": "georoi.api",
    "clip_file": "georoi.api",
    "connect": "georoi.api",
    "extract": "georoi.api",
    "extract_file": "georoi.api",
    "mask": "georoi.api",
    "open_raster": "georoi.api",
    "open_stack": "georoi.api",
    "paste": "georoi.api",
    "plan": "georoi.api",
    "read_rois": "georoi.api",
    "separability": "georoi.api",
    "write": "georoi.api",
    "zonal_stats": "georoi.api",
}
"""Where each public name lives."""

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'georoi' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
