"""Laws of areas: what pixels add up to is what the outline encloses, on every kind of grid."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from georoi.planning.areas import roi_areas
from georoi.planning.pixelareas import PixelAreas, make_pixel_areas
from tests.areagrids import COARSE, GRIDS, drawn_area, rois_on, rounding_of, summed_area
from tests.polygons import KINDS, make_polygon

ALL = GRIDS | COARSE
PLACES = {"inside": (200, 190), "at the corner": (-15, -15), "across cells": (495, 500)}


@cache
def areas_of(name: str) -> PixelAreas:
    return make_pixel_areas(ALL[name], name == "pixels")


@given(
    st.sampled_from(sorted(ALL)),
    st.sampled_from(KINDS),
    st.sampled_from(sorted(PLACES)),
    st.integers(0, 2**32 - 1),
)
def test_pixels_and_the_part_outside_make_the_whole(name: str, kind: str, place: str, seed: int) -> None:
    """Area by pixels plus area outside is the total within 1e-9, and that is the geodesic area.

    Cut edges end where coordinates can, so a sliver may be off by its length times 1e-13 pixels.
    """
    areas = areas_of(name)
    shift = [0, 25] if name == "5 degrees" else PLACES[place]
    size = (8, 30) if name == "5 degrees" else (36, 44)
    polygon = shapely.transform(
        make_polygon(kind, np.random.default_rng(seed), size), lambda points: points + shift[::-1]
    )
    total, outside = roi_areas(rois_on(areas.grid, polygon), areas)
    ends = 2e-13 * polygon.length * total[0] / polygon.area
    summed = summed_area(areas, polygon) + outside[0]
    assert summed == pytest.approx(total[0], abs=max(ends, 1e-9 * total[0]))
    drawn = drawn_area(areas.grid, polygon)[0]
    off = 1e-9 * drawn + rounding_of(areas.grid, polygon)[0]
    assert np.isnan(drawn) or total[0] == pytest.approx(drawn, abs=off)


@given(st.sampled_from(sorted(ALL)), st.integers(0, 2**32 - 1), st.integers(1, 700), st.integers(1, 700))
def test_any_window_gives_the_same_bits(name: str, seed: int, height: int, width: int) -> None:
    """A window and the four that it is cut into hold the same bits."""
    areas = areas_of(name)
    rng = np.random.default_rng(seed)
    row, col = (int(rng.integers(0, side)) for side in areas.grid.shape)
    whole = areas.table((row, row + height, col, col + width))
    i, j = int(rng.integers(0, height + 1)), int(rng.integers(0, width + 1))
    halves = [
        [areas.table((row + a, row + b, col + c, col + d)) for c, d in ((0, j), (j, width))]
        for a, b in ((0, i), (i, height))
    ]
    assert np.block(halves).tobytes() == whole.tobytes()
