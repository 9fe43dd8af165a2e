"""What commands wrote: pixels, and files in the working folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio


def read(path: Path | str) -> np.ndarray:
    with rasterio.open(path) as dataset:
        return dataset.read()


def files() -> list[str]:
    return sorted(path.name for path in Path().iterdir())
