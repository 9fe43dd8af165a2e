"""A made-up scene for the demo, without imagery and without a network: two dates over the demo's stands."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from odc.geo.xr import xr_coords

from georoi import api
from georoi.crs import parse_crs
from georoi.grid import make_grid
from georoi.values.rois import ROISet

BANDS = ("B02", "B03", "B04", "B08")
DATES = ("2018-07-01", "2019-07-01")
SHAPE = (1400, 1500)
PIXEL = 10.0
CORNER = (5272982.576551932, 2532004.2149151857)
"""Lower right corner in EPSG:3035: that of the real imagery, so that the stands lie as they do there."""

REFLECTANCE = {
    "forest": (250, 450, 280, 3300),
    "conifer": (200, 340, 230, 2400),
    "glade": (380, 760, 420, 4200),
    "meadow": (420, 820, 480, 4600),
    "felling": (640, 900, 1150, 2500),
}
"""Reflectance x 10000 in the order of `BANDS`; fellings are forest on the first date."""

ATTRIBUTION = """\
The scenes are SYNTHETIC: made by georoi from formulas and the kinds of the stands. They show no real
place, though they lie where the real imagery lies; 'make demo' fetches that.

The regions of interest, stands.geojson, belong to georoi and its licence, Apache-2.0.
"""


def make_scene(date: str, rois: ROISet) -> xr.DataArray:
    """Make the scene of one of `DATES`: (band, y, x), uint16, nodata 0, always the same pixels."""
    rows, cols = SHAPE
    affine = (PIXEL, 0.0, CORNER[0] - cols * PIXEL, 0.0, -PIXEL, CORNER[1] + rows * PIXEL)
    grid = make_grid(SHAPE, affine, parse_crs("EPSG:3035"))
    template = xr.DataArray(
        np.zeros((len(BANDS), *SHAPE), np.uint16),
        dims=("band", "y", "x"),
        coords=xr_coords(grid),
        attrs={"_FillValue": 0, "long_name": BANDS},
        name=f"SYNTHETIC_{date}",
    )
    kinds = {"felling": "forest"} if date == DATES[0] else {}
    surface = _land()
    values = template.values
    for kind in REFLECTANCE:
        chosen = rois[rois.attributes["kind"] == kind]
        inside = api.mask(template, chosen, crop=False, compute=True).values.astype(bool)
        for band, level in enumerate(REFLECTANCE[kinds.get(kind, kind)]):
            if kind == "forest":  # the land is wooded, so that stands do not stand out of nothing
                values[band] = (level * surface).astype(np.uint16)
            values[band][inside] = (level * surface[inside]).astype(np.uint16)
    return template


def _land() -> NDArray[np.float64]:
    """Brightness of the land, about 1: hills in four directions, and a grain that never changes."""
    y, x = np.mgrid[0.0 : SHAPE[0], 0.0 : SHAPE[1]]
    hills = sum(
        np.sin((x * np.cos(angle) + y * np.sin(angle)) / length) / 12
        for angle, length in ((0.3, 21.0), (1.1, 47.0), (1.9, 93.0), (2.8, 150.0))
    )
    grain = np.random.default_rng(2018).integers(-4, 5, SHAPE) / 100
    land: NDArray[np.float64] = 1 + hills + grain
    return land
