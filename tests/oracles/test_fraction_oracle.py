"""Fractions agree with exactextract, and with exact arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from exactextract import exact_extract
from exactextract.raster import NumPyRasterSource

from georoi.kernels.coverage import cover
from tests.polygons import KINDS, edges_of, exact_area, make_polygons

SHAPE = (44, 60)
WHOLE = (0, SHAPE[0], 0, SHAPE[1])
MARGIN = 256


def exactextract_fractions(geometry: Any) -> np.ndarray:
    """Ask exactextract for the covered fraction of each pixel.

    Its rows count from the other side. Its raster reaches beyond every polygon, as exactextract 0.3.0 can be
    wrong by a whole pixel, or crash, where an outline that leaves the raster meets the raster's own border.
    """
    rows, cols = SHAPE[0] + 2 * MARGIN, SHAPE[1] + 2 * MARGIN
    raster = NumPyRasterSource(np.broadcast_to(0.0, (rows, cols)), xmin=0, xmax=cols, ymin=0, ymax=rows)
    flipped = shapely.transform(geometry, lambda xy: xy * (1, -1) + (MARGIN, rows - MARGIN))
    feature = {"type": "Feature", "geometry": shapely.geometry.mapping(flipped), "properties": {}}
    (found,) = exact_extract(raster, [feature], ["coverage", "cell_id"])
    fractions = np.zeros((rows, cols))
    fractions.flat[found["properties"]["cell_id"]] = found["properties"]["coverage"]
    return fractions[MARGIN:-MARGIN, MARGIN:-MARGIN]


def test_fraction_equals_exactextract() -> None:
    """Each pixel of 600 polygons agrees within 1e-6 (exactextract rounds to float32)."""
    for i, polygon in enumerate(make_polygons(600, 21, SHAPE)):
        found = cover(edges_of(polygon), WHOLE, "fraction")
        np.testing.assert_allclose(
            found, exactextract_fractions(polygon), rtol=0, atol=1e-6, err_msg=f"{KINDS[i % len(KINDS)]} {i}"
        )


def check_sum(polygon: Any, where: str) -> None:
    """Compare the sum inside the raster with the exact area there.

    1e-9 relative, plus what float64 cannot know: an edge is placed within 1 ulp of its coordinates, which is
    some 1e-15 px² of area per pixel of the outline and decides only for slivers thinner than 1e-6 px.
    """
    area = float(exact_area(polygon, (0, 0, SHAPE[1], SHAPE[0])))
    total = cover(edges_of(polygon), WHOLE, "fraction").sum()
    outline = min(polygon.length, sum(SHAPE) * shapely.get_num_coordinates(polygon))
    assert total == pytest.approx(area, rel=1e-9, abs=1e-15 * outline), where


def test_fractions_sum_to_the_area() -> None:
    """Fractions sum to the polygon's area inside the raster, computed in exact rationals."""
    for i, polygon in enumerate(make_polygons(480, 22, SHAPE)):
        check_sum(polygon, f"{KINDS[i % len(KINDS)]} {i}")


def test_tiny_polygons_keep_relative_precision() -> None:
    """A polygon of a millionth of a pixel still has its area within 1e-9 when it lies across borders."""
    for size in (1e-2, 1e-3, 1e-4):
        polygon = shapely.Point(7, 9).buffer(size)
        area = float(exact_area(polygon, (0, 0, SHAPE[1], SHAPE[0])))
        assert cover(edges_of(polygon), WHOLE, "fraction").sum() == pytest.approx(area, rel=1e-9)


@pytest.mark.parametrize("origin", [0, 5_000, 999_900])
def test_precision_far_from_the_origin(origin: int) -> None:
    """The same polygon has the same fractions at column 0 and at column 999,900, up to the ulp there."""
    polygon = shapely.Point(30.25, 20.5).buffer(11.3)
    moved = shapely.transform(polygon, lambda xy: xy + origin)
    window = (origin, origin + SHAPE[0], origin, origin + SHAPE[1])
    found = cover(edges_of(moved), window, "fraction")
    np.testing.assert_allclose(found, cover(edges_of(polygon), WHOLE, "fraction"), rtol=0, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30, 36))
def test_fraction_equals_exactextract_on_many(seed: int) -> None:
    """12,000 more polygons agree, pixel by pixel and in their sums."""
    for i, polygon in enumerate(make_polygons(2000, seed, SHAPE)):
        found = cover(edges_of(polygon), WHOLE, "fraction")
        where = f"{KINDS[i % len(KINDS)]} {i} of seed {seed}"
        np.testing.assert_allclose(found, exactextract_fractions(polygon), rtol=0, atol=1e-6, err_msg=where)
        check_sum(polygon, where)
