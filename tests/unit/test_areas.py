"""The areas of ROIs: agreeing with geodesic areas, whole, off the raster and within pixels."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from georoi.grid import make_grid
from georoi.planning.areas import part_areas, planar_areas, polygon_areas, roi_areas
from georoi.planning.pixelareas import make_pixel_areas
from tests.areagrids import COARSE, GRIDS, drawn_area, rois_on, rounding_of
from tests.polygons import make_polygons

ALL = GRIDS | COARSE


@pytest.mark.parametrize("name", ALL)
def test_areas_agree_with_geodesic_areas(name: str) -> None:
    """ROIs of every kind, with holes and parts, small and across half the raster, agree to 1e-9."""
    grid = ALL[name]
    polygons = np.concatenate(
        [
            shapely.transform(make_polygons(24, 3, (40, 40)), lambda points: points + np.array([30, 33])),
            shapely.transform(make_polygons(24, 4, (1, 1)), lambda points: points + np.array([20.25, 35.5])),
        ]
    )
    if min(grid.shape) > 1000:
        polygons = np.concatenate([polygons, make_polygons(24, 5, (1000, 1000))])
    rois = rois_on(grid, polygons)
    total, _ = roi_areas(rois, make_pixel_areas(grid, name == "pixels"))
    expected = drawn_area(grid, polygons)
    known = np.isfinite(expected)  # the geodesic area is not defined where a polygon reaches beyond a pole
    if name != "5 degrees":
        assert known.mean() > 0.9
    off = np.abs(total - expected)[known]
    assert (off <= (1e-9 * expected + rounding_of(grid, polygons))[known]).all()
    assert np.isfinite(total).all()


def test_wide_rois_are_integrated_piece_by_piece() -> None:
    """ROIs that no single polynomial serves, 2,000 km wide and around a pole, have their geodesic area."""
    grid = make_grid((3000, 3000), (1000, 0, -1.5e6, 0, -1000, 1.5e6), 3413)
    ring = shapely.difference(shapely.Point(1500, 1500).buffer(900), shapely.Point(1400, 1400).buffer(300))
    wide = [shapely.box(100, 200, 2900, 2500), ring, shapely.box(-300, 10, 2000, 11)]
    total, outside = roi_areas(rois_on(grid, wide), make_pixel_areas(grid))
    np.testing.assert_allclose(total, drawn_area(grid, wide), rtol=2e-10)
    np.testing.assert_allclose(outside, [0, 0, drawn_area(grid, shapely.box(-300, 10, 0, 11))[0]], rtol=2e-10)


def test_a_roi_that_leaves_the_earth_has_no_area() -> None:
    """Beyond the limb of a geostationary picture there is nothing to measure."""
    crs = "+proj=geos +h=35786023 +lon_0=-75 +sweep=x +ellps=GRS80 +units=m"
    grid = make_grid((542, 542), (20_000, 0, -5_420_000, 0, -20_000, 5_420_000), crs)
    rois = rois_on(grid, [shapely.box(0, 0, 542, 542), shapely.box(200, 200, 300, 340)])
    total, outside = roi_areas(rois, make_pixel_areas(grid, windows=np.empty((0, 4))))
    assert np.isnan(total[0])
    assert total[1] == pytest.approx(drawn_area(grid, shapely.box(200, 200, 300, 340))[0], rel=2e-10)
    assert outside[1] == 0


def test_direction_of_rings_does_not_matter() -> None:
    """Shells count and holes are taken off, whichever way their rings run."""
    grid = GRIDS["UTM"]
    shell, hole = shapely.box(100, 100, 200, 220), shapely.box(120, 130, 150, 140)
    holed = shapely.difference(shell, hole)
    both = [holed, shapely.reverse(holed), shell, hole]
    found = polygon_areas(np.array(both, dtype=object), make_pixel_areas(grid))
    assert found[0] == pytest.approx(found[1], rel=1e-14)
    assert found[0] == pytest.approx(found[2] - found[3], rel=1e-12)


@pytest.mark.parametrize("name", GRIDS)
def test_outside_is_what_lies_off_the_raster(name: str) -> None:
    """Exactly 0 within, the total beyond, and at the border the area of the part that sticks out."""
    grid = GRIDS[name]
    rows, cols = grid.shape
    polygons = [
        shapely.box(0, 0, cols, rows),
        shapely.box(10, 10, 20, 20),
        shapely.box(-50, -50, -10, -10),
        shapely.box(cols, 5, cols + 9, 50),
        shapely.box(-30, 100, 60, 130),
        shapely.Polygon([(-10, 5), (5, -10), (-10, -10)]),  # its box meets the raster, its area does not
        shapely.box(-20, -20, cols + 20, rows + 20),
        shapely.Polygon(),
    ]
    areas = make_pixel_areas(grid, name == "pixels")
    total, outside = roi_areas(rois_on(grid, polygons), areas)
    assert (outside[[0, 1, 7]] == 0).all()
    assert (outside[[2, 3, 5]] == total[[2, 3, 5]]).all()
    assert total[7] == 0
    assert outside[4] == pytest.approx(drawn_area(grid, shapely.box(-30, 100, 0, 130))[0], rel=1e-9)
    assert outside[6] == pytest.approx(total[6] - total[0], rel=1e-9)
    assert (total[:7] > 0).all()


def test_a_roi_beyond_the_pole_ends_there() -> None:
    """Boxes drawn around the first row of ERA5 reach to 90.125 degrees; the Earth does not."""
    grid = COARSE["ERA5"]
    areas = make_pixel_areas(grid)
    boxes = [shapely.box(0, 0, 40, 3), shapely.box(0, -3, 40, 3), shapely.box(0, 0, 40, 0.25)]
    total, outside = roi_areas(rois_on(grid, boxes), areas)
    assert total[0] == pytest.approx(areas.table((0, 3, 0, 40)).sum(), rel=1e-12)
    assert total[1] == pytest.approx(total[0], rel=1e-12)
    assert total[2] == 0
    np.testing.assert_allclose(outside, 0, atol=1e-3)


def test_planar_areas_are_in_the_units_of_the_crs() -> None:
    """Square metres, square degrees, square feet, pixels; far from the origin they keep their digits."""
    square = shapely.box(1000.25, 1200.5, 1001.25, 1202.5)
    for name, pixel in [
        ("UTM", 100.0),
        ("degrees", 3600.0**-2),
        ("feet", 900.0),
        ("rotated", 73.0),
        ("pixels", 1.0),
    ]:
        found = planar_areas(rois_on(GRIDS[name], [square, shapely.Polygon()]))
        np.testing.assert_allclose(found, [2 * pixel, 0], rtol=1e-13)


def test_areas_in_pixel_space_are_exact() -> None:
    """Where a pixel counts 1, the area is that of the polygon."""
    grid = GRIDS["pixels"]
    polygons = make_polygons(36, 8, (300, 300))
    total, _ = roi_areas(rois_on(grid, polygons), make_pixel_areas(grid, True))
    np.testing.assert_allclose(total, shapely.area(polygons), rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("name", [*COARSE, "UTM", "pixels"])
def test_parts_within_pixels_add_up(name: str) -> None:
    """The parts of a polygon in all pixels of its window, in any order, make its area."""
    grid = ALL[name]
    areas = make_pixel_areas(grid, name == "pixels")
    polygon = shapely.difference(shapely.Point(22.3, 20.1).buffer(9.7), shapely.box(20, 18.5, 24.25, 19.75))
    rows, cols = (axis.ravel() for axis in np.mgrid[5:36, 8:40])
    order = np.random.default_rng(0).permutation(len(rows))
    parts = part_areas(polygon, rows[order], cols[order], areas)
    drawn = drawn_area(grid, polygon)[0]
    assert parts.sum() == pytest.approx(drawn, rel=1e-12, abs=rounding_of(grid, polygon)[0])
    whole = areas.table((25, 26, 22, 23))[0, 0]
    assert parts[(rows[order] == 25) & (cols[order] == 22)] == pytest.approx(whole, rel=1e-11)
    assert part_areas(polygon, rows[:0], cols[:0], areas).shape == (0,)


def test_no_rois() -> None:
    """An empty set has empty columns."""
    grid = GRIDS["UTM"]
    total, outside = roi_areas(rois_on(grid, []), make_pixel_areas(grid))
    assert total.shape == outside.shape == (0,)


def test_far_and_read_only_rois() -> None:
    """ROIs far off the Earth, and arrays that came from another process, are taken as they are."""
    for name in ("degrees", "UTM"):
        grid = GRIDS[name]
        rois = rois_on(grid, [shapely.box(0, 1e30, 5, 2e30), shapely.box(5, 5, 9, 9)])
        for array in (rois.x, rois.y, rois.bounds):
            array.flags.writeable = False
        total, outside = roi_areas(rois, make_pixel_areas(grid))
        assert np.isnan(total[0]) or total[0] == 0
        assert total[1] > outside[1] == 0
