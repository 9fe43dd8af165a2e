"""What tests of opening rasters share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from georoi.errors import GeoroiError
from georoi.io.raster.rasters import open_raster, read_window

VRT = (
    '<VRTDataset rasterXSize="60" rasterYSize="40"><VRTRasterBand dataType="UInt16" band="1">{}'
    "</VRTRasterBand></VRTDataset>"
)
VRT_SOURCE = '<SimpleSource><SourceFilename relativeToVRT="{}">{}</SourceFilename></SimpleSource>'


def whole(path: Path, **options: object) -> np.ndarray:
    """Read everything."""
    raster = open_raster(path, **options)  # type: ignore[arg-type]
    return read_window(raster, (0, raster.shape[0], 0, raster.shape[1])).values


def refused(path: object, **options: object) -> GeoroiError:
    """Give the error that opening raises."""
    with pytest.raises(GeoroiError) as caught:
        open_raster(path, **options)  # type: ignore[arg-type]
    return caught.value
