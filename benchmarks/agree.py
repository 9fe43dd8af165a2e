"""Compares two clips pixel by pixel, over the area both cover, strip by strip."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import rasterio
from rasterio.windows import Window, from_bounds


def differing(first: Path, second: Path, strip: int = 1024) -> tuple[int, int]:
    """Count pixels of any band that differ within the common window, and pixels of data compared."""
    with rasterio.open(first) as a, rasterio.open(second) as b:
        west, north = max(a.bounds.left, b.bounds.left), min(a.bounds.top, b.bounds.top)
        east, south = min(a.bounds.right, b.bounds.right), max(a.bounds.bottom, b.bounds.bottom)
        window_a = from_bounds(west, south, east, north, a.transform).round_offsets().round_lengths()
        window_b = from_bounds(west, south, east, north, b.transform).round_offsets().round_lengths()
        wrong = compared = 0
        for row in range(0, int(window_a.height), strip):
            rows = min(strip, int(window_a.height) - row)
            pixels = [
                source.read(window=Window(window.col_off, window.row_off + row, window.width, rows))
                for source, window in ((a, window_a), (b, window_b))
            ]
            data = [
                (values != (source.nodata or 0)).any(axis=0)
                for values, source in zip(pixels, (a, b), strict=True)
            ]
            either = data[0] | data[1]
            wrong += int(np.count_nonzero((pixels[0] != pixels[1]).any(axis=0) & either))
            compared += int(np.count_nonzero(either))
    return wrong, compared


if __name__ == "__main__":
    print(differing(Path(sys.argv[1]), Path(sys.argv[2])))
