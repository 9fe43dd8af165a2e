"""Draw the ledger of one ROI, with numbers that georoi itself gives: python docs/figures/draw_ledger.py.

Writes ledger.svg beside this file, in the colours of the other figures.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray

import georoi

HERE = Path(__file__).parent
SIDE = 34
ROWS, COLS, BEYOND = 7, 9, 2
"""Rows and columns of the raster, and columns drawn right of it."""
WEST, NORTH, PIXEL = 500_000.0, 5_000_000.0, 10.0
POLYGON = [(1.4, 1.3), (4.2, 0.6), (10.3, 1.7), (9.6, 4.4), (7.3, 6.3), (3.1, 5.6), (2.2, 3.7)]
"""Corners in pixels: columns, rows."""
NODATA = -9999.0
GONE = [(4, 6), (5, 5), (5, 6), (5, 7), (6, 6)]
INFINITE = [(2, 7)]
CLOUDY = [(1, 3), (2, 2), (2, 3), (2, 4), (3, 3), (3, 4)]
INK, LINE = "#7a8694", "#ee3081"
STATES = {
    "area_outside": ("none", "off the raster"),
    "area_nodata": ("#7a8694", "nodata"),
    "area_nonfinite": ("#9a5cd0", "not finite"),
    "area_masked": ("#e0a030", "masked: cloud"),
    "area_valid": ("#538ee7", "valid"),
}
"""Colour of each column of the ledger, and what it says."""
FONT = f"font-family='system-ui, sans-serif' fill='{INK}'"


def pixels() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Values and clouds of the raster, shape (ROWS, COLS) each; 1 is clear."""
    values = np.add.outer(np.arange(ROWS), np.arange(COLS)).astype(np.float32)
    clear = np.ones((ROWS, COLS), np.float32)
    for places, array, value in ((GONE, values, NODATA), (INFINITE, values, np.inf), (CLOUDY, clear, 0)):
        for place in places:
            array[place] = value
    return values, clear


def account() -> pd.Series:
    """Take the statistics, and with them the ledger, of the one ROI."""
    values, clear = pixels()
    affine = Affine(PIXEL, 0, WEST, 0, -PIXEL, NORTH)
    roi = shapely.Polygon([(WEST + x * PIXEL, NORTH - y * PIXEL) for x, y in POLYGON])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scene.tif"
        with rasterio.open(
            path, "w", driver="GTiff", height=ROWS, width=COLS, count=2, dtype="float32", nodata=NODATA,
            crs="EPSG:32633", transform=affine,
        ) as target:  # fmt: skip
            target.write(np.stack([values, clear]))
            target.descriptions = ("B04", "clear")
        rois = georoi.ROISet.from_geometries([roi], crs="EPSG:32633")
        return georoi.zonal_stats(path, rois, "mean, count", bands=["B04"], mask="clear == 1").iloc[0]


def state_of(row: int, col: int) -> str:
    """Which column of the ledger a pixel belongs to."""
    if col >= COLS:
        return "area_outside"
    found = {**dict.fromkeys(CLOUDY, "area_masked"), **dict.fromkeys(INFINITE, "area_nonfinite")}
    return {**found, **dict.fromkeys(GONE, "area_nodata")}.get((row, col), "area_valid")


def text(x: float, y: float, told: str, anchor: str = "start") -> str:
    """One line of text."""
    return f"<text x='{x:g}' y='{y:g}' font-size='13' text-anchor='{anchor}' {FONT}>{told}</text>"


def box(x: float, y: float, width: float, height: float, fill: str) -> str:
    """One rectangle."""
    return (
        f"<rect x='{x:.5g}' y='{y:g}' width='{width:.5g}' height='{height:g}' fill='{fill}' "
        f"fill-opacity='0.75' stroke='{INK}' stroke-width='0.6'/>"
    )


def draw_pixels() -> list[str]:
    """The pixels, filled as far as the ROI covers them, and its outline."""
    polygon = shapely.Polygon(POLYGON)
    parts = []
    for row, col in np.ndindex(ROWS, COLS + BEYOND):
        covered = shapely.box(col, row, col + 1, row + 1).intersection(polygon)
        fill, _ = STATES[state_of(row, col)]
        if fill == "none":
            continue
        if not covered.is_empty:
            corners = " ".join(
                f"{x * SIDE:.4g},{y * SIDE:.4g}" for x, y in shapely.get_coordinates(covered)[:-1]
            )
            parts.append(f"<polygon points='{corners}' fill='{fill}' fill-opacity='0.75'/>")
        parts.append(box(col * SIDE, row * SIDE, SIDE, SIDE, "none"))
    corners = " ".join(f"{x * SIDE:g},{y * SIDE:g}" for x, y in POLYGON)
    parts.append(f"<polygon points='{corners}' fill='none' stroke='{LINE}' stroke-width='2.2'/>")
    return parts


def draw_account(row: pd.Series, x: float) -> list[str]:
    """The columns of the ledger that add up, with a bar of their shares."""
    parts = []
    for line, (name, (fill, label)) in enumerate(STATES.items()):
        y = 14 + 26 * line
        parts += [box(x, y - 11, 14, 14, fill), text(x + 22, y, name), text(x + 130, y, label)]
        parts.append(text(x + 300, y, f"{row[name]:,.1f} m²", "end"))
    y = 16 + 26 * len(STATES)
    parts.append(
        f"<line x1='{x}' x2='{x + 300}' y1='{y - 18}' y2='{y - 18}' stroke='{INK}' stroke-width='0.8'/>"
    )
    parts += [text(x + 22, y, "area"), text(x + 130, y, "in all")]
    parts.append(text(x + 300, y, f"{row['area']:,.1f} m²", "end"))
    start = x
    for name, (fill, _) in STATES.items():
        width = 300 * row[name] / row["area"]
        parts.append(box(start, y + 18, width, 18, fill))
        start += width
    told = (f"n_pixels {row['n_pixels']}", f"n_effective {row['n_effective']:.2f}", f"status {row['status']}")
    return [*parts, text(x, y + 60, " &#183; ".join(told))]


def main(folder: Path = HERE) -> None:
    """Draw the figure."""
    title = "The area of one ROI, accounted for: outside, nodata, not finite, masked, valid"
    width, height = (COLS + BEYOND) * SIDE + 340, ROWS * SIDE + 4
    parts = [*draw_pixels(), *draw_account(account(), (COLS + BEYOND) * SIDE + 30)]
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='-1 -1 {width} {height}' width='{width}' "
        f"role='img' aria-label='{title}'><title>{title}</title>{''.join(parts)}</svg>\n"
    )
    (folder / "ledger.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
