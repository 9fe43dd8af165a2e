"""The areas of pixels: true on every grid, the same in any window, cheap to carry around."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
import shapely

from georoi.grid import make_grid
from georoi.planning.pixelareas import PixelAreas, is_split, make_pixel_areas
from tests.areagrids import COARSE, GRIDS, drawn_area

ALL = GRIDS | COARSE


def areas_of(name: str) -> PixelAreas:
    return make_pixel_areas(ALL[name], is_pixel=name == "pixels")


def box(window: tuple[int, int, int, int]) -> shapely.Polygon:
    row0, row1, col0, col1 = window
    return shapely.box(col0, row0, col1, row1)


@pytest.mark.parametrize("name", GRIDS)
def test_a_block_of_pixels_has_its_geodesic_area(name: str) -> None:
    """The sum over a window that crosses canonical cells is the geodesic area of its outline to 1e-9."""
    window = (480, 1040, 500, 530)
    found = areas_of(name).table(window).sum()
    assert found == pytest.approx(drawn_area(GRIDS[name], box(window))[0], rel=1e-9)


@pytest.mark.parametrize("name", COARSE)
def test_each_large_pixel_has_its_geodesic_area(name: str) -> None:
    """Pixels of kilometres to degrees are integrated, not sampled."""
    rows, cols = COARSE[name].shape
    areas, rng = areas_of(name), np.random.default_rng(0)
    row, col = rng.integers(1, rows - 1, 60), rng.integers(0, cols, 60)
    expected = drawn_area(COARSE[name], shapely.box(col, row, col + 1, row + 1))
    np.testing.assert_allclose(areas.table((0, rows, 0, cols))[row, col], expected, rtol=2e-10)
    assert areas.is_coarse


def test_polar_stereographic_areas_follow_the_closed_form() -> None:
    """All over a hemisphere and beyond, areas are 1/k**2 (Snyder 1987, eq. 21-32) to 2e-10."""
    grid = make_grid((2000, 2000), (10_000, 0, -1e7, 0, -10_000, 1e7), 3413)
    areas = make_pixel_areas(grid, windows=np.empty((0, 4)))
    row, col = np.random.default_rng(0).integers(0, 2000, (2, 200))
    found = [areas.table((i, i + 1, j, j + 1))[0, 0] for i, j in zip(row, col, strict=True)]
    nodes, weights = np.polynomial.legendre.leggauss(3)
    s, t = np.meshgrid(nodes, nodes)
    x = -1e7 + 10_000 * (col[:, None] + 0.5 + s.ravel() / 2)
    y = 1e7 - 10_000 * (row[:, None] + 0.5 + t.ravel() / 2)
    expected = polar_density(np.hypot(x, y)) @ np.outer(weights, weights).ravel() / 4 * 1e8
    np.testing.assert_allclose(found, expected, rtol=2e-10)


def polar_density(radius: np.ndarray) -> np.ndarray:
    """Give 1/k**2 at a distance from the pole, for EPSG:3413."""
    a, e = 6378137.0, 0.0818191908426215
    conformal = lambda sine: ((1 - e * sine) / (1 + e * sine)) ** (e / 2)  # noqa: E731
    true_at = np.radians(70)
    scale = np.cos(true_at) / np.sqrt(1 - (e * np.sin(true_at)) ** 2)
    t = radius / (a * scale) * np.tan(np.pi / 4 - true_at / 2) / conformal(np.sin(true_at))
    latitude = np.pi / 2 - 2 * np.arctan(t)
    for _ in range(40):
        latitude = np.pi / 2 - 2 * np.arctan(t * conformal(np.sin(latitude)))
    m = np.cos(latitude) / np.sqrt(1 - (e * np.sin(latitude)) ** 2)
    return (a * m / radius) ** 2


@pytest.mark.parametrize("name", ALL)
def test_a_pixel_has_the_same_bits_in_any_window(name: str) -> None:
    """Windows of one pixel, tiles across canonical cells and strips agree, made ahead or not."""
    areas = areas_of(name)
    rows, cols = areas.grid.shape
    whole = areas.table((0, rows, 0, cols))
    slopes = [np.broadcast_to(slope, whole.shape) for slope in areas.gradients((0, rows, 0, cols))]
    bare = replace(areas, patches={})
    rng = np.random.default_rng(1)
    for source in (areas, bare, pickle.loads(pickle.dumps(areas))):
        for size in (1, 37, 600):
            row0, col0 = rng.integers(0, rows), rng.integers(0, cols)
            window = (row0, min(row0 + size, rows), col0, min(col0 + 2 * size, cols))
            part = (slice(*window[:2]), slice(*window[2:]))
            assert source.table(window).tobytes() == whole[part].tobytes()
            for found, slope in zip(source.gradients(window), slopes, strict=True):
                assert np.broadcast_to(found, whole[part].shape).tobytes() == slope[part].tobytes()


@pytest.mark.parametrize("name", ALL)
def test_gradients_are_those_of_the_table(name: str) -> None:
    """They agree with central differences, which reach one pixel around the grid."""
    areas = areas_of(name)
    rows, cols = areas.grid.shape
    wide = areas.table((-1, rows + 1, -1, cols + 1))
    per_row, per_col = (np.broadcast_to(s, (rows, cols)) for s in areas.gradients((0, rows, 0, cols)))
    inner = slice(2, -2)  # a row cut at a pole has no smooth neighbours
    scale = wide.max() * (5e-3 if areas.is_coarse else 1e-11)
    np.testing.assert_allclose(
        ((wide[2:, 1:-1] - wide[:-2, 1:-1]) / 2)[inner], per_row[inner], atol=scale, rtol=1e-3
    )
    np.testing.assert_allclose((wide[1:-1, 2:] - wide[1:-1, :-2]) / 2, per_col, atol=scale, rtol=1e-3)


@pytest.mark.parametrize(
    ("name", "varies", "shape"),
    [
        ("UTM", "by pixel", (3, 5)),
        ("degrees", "by row", (3, 1)),
        ("Web Mercator", "by row", (3, 1)),
        ("south pole", "by pixel", (3, 5)),
        ("rotated degrees", "by pixel", (3, 5)),
        ("equal-area", "nowhere", (1, 1)),
        ("Mollweide", "by row", (3, 1)),  # PROJ's Mollweide is equal-area on a sphere, not on an ellipsoid
        ("pixels", "nowhere", (1, 1)),
    ],
)
def test_how_areas_vary_is_found(name: str, varies: str, shape: tuple[int, int]) -> None:
    """The compact form is as small as the grid allows, and says the same as the table."""
    areas = areas_of(name)
    assert areas.varies == varies
    compact, table = areas.compact((4, 7, 2, 7)), areas.table((4, 7, 2, 7))
    assert compact.shape == shape
    assert table.flags.c_contiguous
    assert table.flags.writeable
    np.testing.assert_array_equal(np.broadcast_to(compact, (3, 5)), table)


def test_pixel_space_counts_pixels() -> None:
    """Every pixel of a grid in pixel space has the area 1."""
    areas = areas_of("pixels")
    assert areas.measure == "pixel"
    assert (areas.table((0, 4, 0, 4)) == 1).all()


def test_a_plant_grid_is_measured_in_its_plane() -> None:
    """A CRS without an ellipsoid gives square metres by its unit, and says so."""
    areas = make_pixel_areas(
        make_grid((10, 10), (2, 0, 0, 0, -2, 0), 'LOCAL_CS["Plant",UNIT["foot",0.3048]]')
    )
    assert areas.measure == "plane"
    assert areas.constant == pytest.approx(4 * 0.3048**2)


def test_the_earth_ends_at_the_pole() -> None:
    """Rows of ERA5 reach from 90.125 to 89.875 degrees at both ends: half of them counts, and all add up."""
    table = areas_of("ERA5").table((0, 721, 0, 1440))
    assert table.sum() == pytest.approx(drawn_area(ALL["5 degrees"], box((0, 36, 0, 72)))[0], rel=1e-12)
    beyond = make_pixel_areas(make_grid((20, 4), (1, 0, 0, 0, -1, 95), 4326)).table((0, 20, 0, 4))
    assert (beyond[:5] == 0).all()
    assert (beyond[5:] > 0).all()


def test_what_is_off_the_earth_has_no_area() -> None:
    """A geostationary picture has pixels that look past the limb; those on the disc have their area."""
    crs = "+proj=geos +h=35786023 +lon_0=-75 +sweep=x +ellps=GRS80 +units=m"
    grid = make_grid((542, 562), (20_000, 0, -5_620_000, 0, -20_000, 5_420_000), crs)
    areas = make_pixel_areas(grid, windows=[(260, 280, 0, 562)])
    row = areas.table((270, 271, 0, 562))[0]
    assert np.isnan(row[:9]).all()
    assert np.isfinite(row[20:540]).all()
    expected = drawn_area(grid, shapely.box(np.arange(30, 510), 270, np.arange(31, 511), 271))
    np.testing.assert_allclose(row[30:510], expected, rtol=2e-10)
    assert any(is_split(patch) for patch in areas.patches.values())


def test_patches_are_made_where_windows_are() -> None:
    """A huge grid has no patches until windows ask for some; then these travel, and no others."""
    grid = make_grid((300_000, 300_000), (100, 0, -1.5e7, 0, -100, 1.5e7), 3413)
    areas = make_pixel_areas(grid)
    assert not areas.patches  # there would be thousands
    window = (100_000, 100_512, 150_000, 150_512)
    made = areas.making([window, (5, 5, 7, 9)])
    assert 1 <= len(made.patches) <= 4
    assert len(pickle.dumps(made)) < 10_000
    assert made.table(window).tobytes() == areas.table(window).tobytes()


def test_windows_without_pixels() -> None:
    """They give empty tables."""
    assert areas_of("UTM").table((5, 5, 3, 9)).shape == (0, 6)
    assert areas_of("degrees").table((5, 8, 9, 9)).shape == (3, 0)
