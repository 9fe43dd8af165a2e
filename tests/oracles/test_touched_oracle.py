"""All-touched is overlap with an area above zero; GDAL adds touches of no area."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import shapely
from affine import Affine
from rasterio.features import geometry_mask

from georoi.kernels.coverage import cover
from tests.polygons import KINDS, edges_of, exact_area, index_of, make_polygons

SHAPE = (44, 60)
WHOLE = (0, SHAPE[0], 0, SHAPE[1])


def burn(geometry: Any) -> np.ndarray:
    return geometry_mask([geometry], SHAPE, Affine.identity(), all_touched=True, invert=True)


def differences(polygon: Any, where: str) -> int:
    """Check each pixel where GDAL decides otherwise by the exact area of the overlap, and count them."""
    found, gdal = cover(edges_of(polygon), WHOLE, "all_touched"), burn(polygon)
    pixels = np.argwhere(found != gdal)
    for row, col in pixels:
        area = exact_area(polygon, (col, row, col + 1, row + 1))
        assert found[row, col] == (area > 0), f"{where}, pixel ({row}, {col}): area {float(area)}"
    return len(pixels)


def test_differs_from_gdal_only_where_no_area_is_touched() -> None:
    """Wherever GDAL decides otherwise, for 2,400 polygons, the exact area of the overlap proves us right."""
    counts: Counter[str] = Counter()
    for i, polygon in enumerate(make_polygons(2400, 41, SHAPE)):
        kind = KINDS[i % len(KINDS)]
        counts[kind] += differences(polygon, f"{kind} {i}")
    assert counts["on borders"] > 0, "GDAL is expected to count touches along borders"
    assert counts["convex"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(42, 47))
def test_differs_from_gdal_only_where_no_area_is_touched_on_many(seed: int) -> None:
    """The same for 50,000 polygons."""
    for i, polygon in enumerate(make_polygons(10_000, seed, SHAPE)):
        differences(polygon, f"{KINDS[i % len(KINDS)]} {i}")


def test_every_pixel_by_exact_area() -> None:
    """On a small grid every pixel is decided as its exact overlap area says, and so is its fraction."""
    shape = (7, 8)
    for i, polygon in enumerate(make_polygons(144, 48, shape)):
        edges = edges_of(polygon)
        touched = cover(edges, (0, 7, 0, 8), "all_touched")
        fraction = cover(edges, (0, 7, 0, 8), "fraction")
        for row, col in np.ndindex(shape):
            area = exact_area(polygon, (col, row, col + 1, row + 1))
            where = f"{KINDS[i % len(KINDS)]} {i}, pixel ({row}, {col})"
            assert touched[row, col] == (area > 0), where
            assert fraction[row, col] == pytest.approx(float(area), rel=1e-9, abs=2e-15), where
            assert (fraction[row, col] > 0) == touched[row, col], where


def test_gdal_is_not_tile_invariant_but_we_are() -> None:
    """GDAL burnt in tiles differs from GDAL burnt whole for polygons on borders; ours never does."""
    gdal_differs = 0
    tile = 11
    for polygon in make_polygons(60, 49, SHAPE, ("on borders", "boxes", "collinear")):
        index, whole = index_of(polygon), burn(polygon)
        ours = cover(index.select(0), WHOLE, "all_touched")
        in_tiles = np.zeros(SHAPE, bool)
        for row in range(0, SHAPE[0], tile):
            for col in range(0, SHAPE[1], tile):
                height, width = min(tile, SHAPE[0] - row), min(tile, SHAPE[1] - col)
                in_tiles[row : row + height, col : col + width] = geometry_mask(
                    [polygon], (height, width), Affine.translation(col, row), all_touched=True, invert=True
                )
                window = (row, row + height, col, col + width)
                np.testing.assert_array_equal(
                    cover(index.select(0, window), window, "all_touched"),
                    ours[row : row + height, col : col + width],
                )
        gdal_differs += bool((in_tiles != whole).any())
    assert gdal_differs > 0


def test_touch_of_a_corner_or_border_does_not_count() -> None:
    """A diamond with its points on pixel corners touches the pixels it enters, none beyond."""
    diamond = shapely.Polygon([(2, 1), (4, 3), (2, 5), (0, 3)])
    expected = np.array(
        [
            [0, 0, 0, 0, 0],
            [0, 1, 1, 0, 0],
            [1, 1, 1, 1, 0],
            [1, 1, 1, 1, 0],
            [0, 1, 1, 0, 0],
            [0, 0, 0, 0, 0],
        ],
        bool,
    )
    np.testing.assert_array_equal(cover(edges_of(diamond), (0, 6, 0, 5), "all_touched"), expected)
