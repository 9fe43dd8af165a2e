"""Read GeoTIFFs back, for tests of their writer."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import rasterio
from numpy.typing import NDArray

SMALL = {"BLOCKSIZE": 32}


def read(path: Path) -> NDArray[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(path) as image:
            return image.read()
