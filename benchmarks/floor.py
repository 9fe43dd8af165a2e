"""The floor: decode just the touched blocks, once, on all cores, and do nothing with them.

Usage: floor.py SCENE... BLOCKS.npy, where BLOCKS.npy holds windows (row0, row1, col0, col1), shape (n, 4).
"""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import rasterio
from rasterio.windows import Window

local = threading.local()


def decode(path: str, window: np.ndarray) -> int:
    if getattr(local, "path", None) != path:
        local.path, local.source = path, rasterio.open(path, sharing=False)
    row0, row1, col0, col1 = (int(v) for v in window)
    return local.source.read(window=Window(col0, row0, col1 - col0, row1 - row0)).nbytes


def main() -> None:
    *scenes, blocks = sys.argv[1:]
    windows = np.load(blocks)
    tasks = [(path, window) for path in scenes for window in windows]
    with rasterio.Env(GDAL_CACHEMAX=64), ThreadPoolExecutor(os.cpu_count()) as pool:
        print(sum(pool.map(lambda task: decode(*task), tasks)))


if __name__ == "__main__":
    main()
