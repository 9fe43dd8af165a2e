"""`da.roi` on xarray's DataArrays: `import georoi.accessor` brings it; it holds no state."""

from __future__ import annotations

from typing import Any

import xarray as xr

from georoi import api


@xr.register_dataarray_accessor("roi")
class RoiAccessor:
    """The verbs of georoi that work on a DataArray."""

    def __init__(self, array: xr.DataArray) -> None:
        self._array = array

    def clip(self, rois: object, **options: Any) -> xr.DataArray:
        """Clip ROIs out of the array; see `georoi.clip` for the options (Any: they are checked there)."""
        return api.clip(self._array, rois, **options)

    def clip_each(self, rois: object, **options: Any) -> Any:
        """Clip each ROI into an image of its own; see `georoi.clip_each`."""
        return api.clip_each(self._array, rois, **options)

    def mask(self, rois: object, **options: Any) -> xr.DataArray:
        """Make the mask of ROIs on the array's grid; see `georoi.mask`."""
        return api.mask(self._array, rois, **options)

    def stats(self, rois: object, stats: Any = None, **options: Any) -> Any:
        """Take statistics of the array inside ROIs; see `georoi.zonal_stats`."""
        return api.zonal_stats(self._array, rois, stats, **options)
