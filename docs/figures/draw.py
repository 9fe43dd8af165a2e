"""Draw the figures of the concepts page with georoi itself: python docs/figures/draw.py.

Writes boundary.svg and feather.svg beside this file. Colours keep a contrast on white and on dark paper.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import shapely
import xarray as xr
from numpy.typing import NDArray

import georoi

HERE = Path(__file__).parent
SIDE = 34
ROWS, COLS = 7, 9
POLYGON = shapely.Polygon(
    [(1.3, 1.2), (5.1, 0.55), (8.2, 2.6), (6.4, 4.1), (7.3, 6.2), (3.2, 5.6), (2.4, 3.7)]
)
INK, FILL, LINE = "#7a8694", "#538ee7", "#ee3081"
FONT = "font-family='system-ui, sans-serif' font-size='13' fill='#7a8694'"


def weights(**options: object) -> NDArray[np.float64]:
    """The weight of each pixel of a small image in pixel space."""
    image = xr.DataArray(np.zeros((ROWS, COLS), np.uint8), dims=("y", "x"))
    rois = georoi.ROISet.from_geometries([POLYGON], pixel=True)
    return georoi.mask(image, rois, crop=False, compute=True, **options).values.astype(float)


def panel(values: NDArray[np.float64], x0: float, title: str, *, centres: bool, numbers: bool) -> str:
    """One panel: pixels filled by weight, the polygon, and centres or numbers."""
    parts = [f"<g transform='translate({x0:g} 26)'>", f"<text x='0' y='-9' {FONT}>{title}</text>"]
    for (row, col), value in np.ndenumerate(values):
        x, y = col * SIDE, row * SIDE
        parts.append(
            f"<rect x='{x}' y='{y}' width='{SIDE}' height='{SIDE}' fill='{FILL}' "
            f"fill-opacity='{value * 0.75:.3g}' stroke='{INK}' stroke-width='0.6'/>"
        )
        if centres:
            parts.append(f"<circle cx='{x + SIDE / 2:g}' cy='{y + SIDE / 2:g}' r='1.8' fill='{INK}'/>")
        if numbers and value > 0:
            parts.append(
                f"<text x='{x + SIDE / 2:g}' y='{y + SIDE / 2 + 4:g}' text-anchor='middle' font-size='10' "
                f"font-family='system-ui, sans-serif' fill='{INK}'>{value:.2f}</text>"
            )
    points = " ".join(f"{x * SIDE:g},{y * SIDE:g}" for x, y in POLYGON.exterior.coords)
    parts.append(f"<polygon points='{points}' fill='none' stroke='{LINE}' stroke-width='2.2'/></g>")
    return "".join(parts)


def figure(path: Path, title: str, panels: list[str]) -> None:
    """Set panels side by side and write the SVG."""
    width = len(panels) * (COLS * SIDE + 24) - 22
    height = ROWS * SIDE + 30
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='-1 0 {width} {height}' width='{width}' "
        f"role='img' aria-label='{title}'><title>{title}</title>{''.join(panels)}</svg>\n"
    )
    path.write_text(svg, encoding="utf-8")


def place(number: int) -> float:
    """Where the panel of a number starts."""
    return number * (COLS * SIDE + 24)


def main(folder: Path = HERE) -> None:
    """Draw both figures."""
    rules = ("center", "all_touched", "fraction")
    figure(
        folder / "boundary.svg",
        "The same polygon under the rules center, all_touched and fraction",
        [
            panel(
                weights(boundary=rule),
                place(number),
                rule,
                centres=rule == "center",
                numbers=rule == "fraction",
            )
            for number, rule in enumerate(rules)
        ],
    )
    figure(
        folder / "feather.svg",
        "A hard mask, and soft masks two and four pixels wide",
        [
            panel(weights(feather=width), place(number), f"feather={width}", centres=False, numbers=False)
            for number, width in enumerate((0, 2, 4))
        ],
    )


if __name__ == "__main__":
    main()
