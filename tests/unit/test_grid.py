"""Grids and windows: arithmetic as GDAL does it, and what counts as one grid."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.testing import assert_array_equal
from rasterio.transform import AffineTransformer

from georoi import grid as grids
from georoi.errors import CRSError, RasterError
from georoi.grid import make_grid

UTM = Affine(10.0, 0.0, 300000.0, 0.0, -10.0, 5000000.0)
TRANSFORMS = {
    "ten metres": UTM,
    "slovenia": Affine(9.9948, 0.0, 510000.123, 0.0, -9.9974, 5100000.456),
    "degrees": Affine(1 / 3600, 0.0, 13.0001, 0.0, -1 / 3600, 46.0),
    "south-up": Affine(30.0, 0.0, -500.0, 0.0, 30.0, 700.0),
    "rotated": Affine(8.66, 5.0, 300000.0, 5.0, -8.66, 5000000.0),
    "sheared": Affine(10.0, 3.0, 1e6, 0.0, -7.0, -2e6),
    "transposed": Affine(0.0, 10.0, 300000.0, 10.0, 0.0, 5000000.0),
    "identity": Affine.identity(),
}


def gdal_inverse(a: Affine) -> list[float]:
    """GDALInvGeoTransform, transcribed term by term from gcore/gdal_misc.cpp."""
    g = [a.c, a.a, a.b, a.f, a.d, a.e]
    if g[2] == 0 and g[4] == 0 and g[1] != 0 and g[5] != 0:
        return [-g[0] / g[1], 1.0 / g[1], 0.0, -g[3] / g[5], 0.0, 1.0 / g[5]]
    inv = 1.0 / (g[1] * g[5] - g[2] * g[4])
    return [
        (g[2] * g[3] - g[0] * g[5]) * inv,
        g[5] * inv,
        -g[2] * inv,
        (-g[1] * g[3] + g[0] * g[4]) * inv,
        -g[4] * inv,
        g[1] * inv,
    ]


@pytest.mark.parametrize("name", TRANSFORMS)
def test_pixels_come_from_gdals_own_arithmetic(name):
    """Columns and rows are those of GDAL's inverse geotransform, operation by operation, to the last bit."""
    affine = TRANSFORMS[name]
    grid = make_grid((500, 400), affine, None)
    rng = np.random.default_rng(7)
    x, y = rng.uniform(-1e6, 6e6, 200), rng.uniform(-1e6, 6e6, 200)
    g = gdal_inverse(affine)
    expected_cols = [g[0] + float(px) * g[1] + float(py) * g[2] for px, py in zip(x, y, strict=True)]
    expected_rows = [g[3] + float(px) * g[4] + float(py) * g[5] for px, py in zip(x, y, strict=True)]
    cols, rows = grids.to_pixels(grid, x, y)
    assert_array_equal(cols, expected_cols)
    assert_array_equal(rows, expected_rows)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_pixels_agree_with_rasterio(name):
    """Rounded to whole pixels, points inside pixels fall where rasterio's transformer puts them."""
    grid = make_grid((500, 400), TRANSFORMS[name], None)
    rng = np.random.default_rng(8)
    cols, rows = rng.integers(0, 400, 100) + 0.5, rng.integers(0, 500, 100) + 0.5
    x, y = grids.to_world(grid, cols, rows)
    found_cols, found_rows = grids.to_pixels(grid, x, y)
    rasterio_rows, rasterio_cols = AffineTransformer(TRANSFORMS[name]).rowcol(x, y)
    assert_array_equal(np.floor(found_cols), rasterio_cols)
    assert_array_equal(np.floor(found_rows), rasterio_rows)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_pixels_agree_with_the_inverse_affine(name):
    """The inverse is that of the affine package up to rounding of the large coordinates."""
    affine = TRANSFORMS[name]
    grid = make_grid((500, 400), affine, None)
    x, y = grids.to_world(grid, [0.0, 400.0, 12.25], [0.0, 500.0, 99.75])
    cols, rows = grids.to_pixels(grid, x, y)
    a, b, c, d, e, f = (~affine)[:6]
    expected = np.column_stack([a * x + b * y + c, d * x + e * y + f])
    scale = np.finfo(float).eps * 8 * (np.abs(expected).max() + np.abs(affine[2]) + np.abs(affine[5]))
    side = min(grids.pixel_size(grid))
    np.testing.assert_allclose(
        np.column_stack([cols, rows]), expected, rtol=0, atol=scale / min(side, 1) + 1e-12
    )


def test_a_pixel_grid_keeps_coordinates_to_the_bit():
    """On the identity transform, pixel coordinates are world coordinates."""
    grid = make_grid((10, 10), Affine.identity())
    values = np.array([0.1, 3.7, 1e9 + 0.1, -2.3])
    cols, rows = grids.to_pixels(grid, values, values)
    assert_array_equal(cols, values)
    assert_array_equal(rows, values)


@pytest.mark.parametrize(
    "affine",
    [
        Affine(0, 0, 1, 0, -1, 1),
        Affine(1, 2, 0, 2, 4, 0),
        Affine(math.nan, 0, 0, 0, 1, 0),
        Affine(math.inf, 0, 0, 0, 1, 0),
    ],
)
def test_a_degenerate_transform_is_refused(affine):
    """A grid whose pixels have no area or place has an error id, not a ZeroDivisionError later."""
    with pytest.raises(RasterError) as caught:
        make_grid((10, 10), affine, 32633)
    assert caught.value.id == "E-RAS-10"


def test_a_grid_takes_six_numbers_and_any_crs():
    """The transform may be a tuple in Affine's order, the CRS a code, text or another library's object."""
    plain = make_grid((3, 4), tuple(UTM)[:6], "EPSG:32633")
    assert plain.affine == UTM
    assert grids.same(plain, make_grid((3, 4), UTM, rasterio.CRS.from_epsg(32633)))
    assert tuple(plain.shape) == (3, 4)


def test_hostile_crs_text_stops_a_grid():
    """The CRS of a grid goes through the gate."""
    with pytest.raises(CRSError):
        make_grid((3, 4), UTM, "/etc/passwd")


def test_bounds_become_the_smallest_windows():
    """Half-open windows hold the bounds, are clipped, and are all zero where nothing is on the grid."""
    bounds = [
        (1.0, 2.0, 3.0, 4.0),
        (0.5, 0.5, 0.6, 0.6),
        (-5.0, -5.0, 2.5, 1.5),
        (9.5, 19.5, 99.0, 99.0),
        (10.0, 0.0, 12.0, 5.0),
        (-3.0, -3.0, 0.0, 0.0),
        (math.nan,) * 4,
        (2.0, 2.0, 2.0, 5.0),
        (-1e300, -math.inf, 1e300, math.inf),
    ]
    expected = [
        (2, 4, 1, 3),
        (0, 1, 0, 1),
        (0, 2, 0, 3),
        (19, 20, 9, 10),
        (0, 0, 0, 0),
        (0, 0, 0, 0),
        (0, 0, 0, 0),
        (0, 0, 0, 0),
        (0, 20, 0, 10),
    ]
    windows = grids.bounds_to_windows(np.array(bounds), (20, 10))
    assert windows.dtype == np.int64
    assert_array_equal(windows, expected)


def test_no_bounds_give_no_windows():
    """An empty set of ROIs has an empty array of windows, with four columns."""
    assert grids.bounds_to_windows(np.empty((0, 4)), (20, 10)).shape == (0, 4)


def test_a_cropped_grid_lies_on_its_parent():
    """Pixel (0, 0) of a crop is pixel (row0, col0) of the grid, also where the window reaches past it."""
    grid = make_grid((100, 80), TRANSFORMS["rotated"], 32633)
    crop = grids.crop_grid(grid, (10, 25, -3, 40))
    assert tuple(crop.shape) == (15, 43)
    assert grids.to_world(crop, 0, 0) == pytest.approx(grids.to_world(grid, -3, 10), abs=1e-9)
    assert grids.to_world(crop, 43, 15) == pytest.approx(grids.to_world(grid, 40, 25), abs=1e-9)


def test_bounds_of_a_window_are_the_true_envelope():
    """The envelope of a rotated window holds all four corners and touches them."""
    grid = make_grid((100, 80), Affine(10.0, 5.0, 0.0, 5.0, -10.0, 0.0), 32633)
    assert grids.window_bounds(grid, (0, 2, 0, 4)) == (0.0, -20.0, 50.0, 20.0)
    assert grids.grid_bounds(make_grid((2, 4), TRANSFORMS["south-up"], 32633)) == (
        -500.0,
        700.0,
        -380.0,
        760.0,
    )


def test_the_footprint_is_the_outline_of_the_grid():
    """The footprint's area is pixels times pixel area, for a rotated grid too."""
    grid = make_grid((100, 80), Affine(10.0, 5.0, 0.0, 5.0, -10.0, 0.0), 32633)
    assert grids.footprint(grid).area == pytest.approx(100 * 80 * 125.0)
    assert grids.pixel_size(grid) == pytest.approx((math.sqrt(125), math.sqrt(125)))


def test_only_a_grid_without_crs_is_in_pixel_space():
    """Pixel space has no CRS."""
    assert grids.is_pixel_grid(make_grid((2, 2), Affine.identity()))
    assert not grids.is_pixel_grid(make_grid((2, 2), UTM, 32633))


def test_same_grids_by_definition_not_by_code(shared_data):
    """A file that says IGNF:ETRS89LAEA lies on the grid that another calls EPSG:3035."""
    with rasterio.open(shared_data / "romania_s2_series" / "tree_cover_density_2018_romania.tif") as file:
        found = make_grid(file.shape, file.transform, file.crs)
    named = make_grid(found.shape, found.affine, "EPSG:3035")
    assert found != named, "GeoBox itself takes them for different"
    assert grids.same(found, named)
    assert grids.key(found) == grids.key(named)


def test_zones_are_different_grids():
    """The same numbers in UTM zones 33 and 34 are different places."""
    a, b = make_grid((10, 10), UTM, 32633), make_grid((10, 10), UTM, 32634)
    assert not grids.same(a, b)
    assert grids.key(a) != grids.key(b)


def test_corners_decide_within_a_thousandth_of_a_pixel():
    """A grid may differ by 0.001 pixel at its corners, not more; a shape may not differ at all."""
    grid = make_grid((1000, 1000), UTM, 32633)
    moved = make_grid((1000, 1000), Affine(10, 0, 300000.009, 0, -10, 5000000), 32633)
    far = make_grid((1000, 1000), Affine(10, 0, 300000.011, 0, -10, 5000000), 32633)
    wider = make_grid((1000, 1000), Affine(10.0001, 0, 300000, 0, -10, 5000000), 32633)
    assert grids.same(grid, moved)
    assert grids.key(grid) != grids.key(moved), "keys are exact, for caches"
    assert not grids.same(grid, far)
    assert grids.same(grid, far, tol=0.01)
    assert not grids.same(grid, wider), "the far corner is 0.01 pixels off"
    assert not grids.same(grid, make_grid((1000, 999), UTM, 32633))


def test_pixel_grids_are_the_same_as_pixel_grids_only():
    """A grid without CRS is never the same as one with a CRS."""
    pixel = make_grid((10, 10), UTM)
    assert grids.same(pixel, make_grid((10, 10), UTM))
    assert not grids.same(pixel, make_grid((10, 10), UTM, 32633))


def test_the_key_survives_pickling():
    """Workers compute the key that the planner computed."""
    grid = make_grid((10, 10), UTM, 3035)
    assert grids.key(pickle.loads(pickle.dumps(grid))) == grids.key(grid)
    assert len(grids.key(grid)) == 64


def test_a_grid_is_described_in_one_line():
    """The line names size, pixel, CRS and origin, and says when rows run north or the grid is rotated."""
    assert (
        grids.describe(make_grid((3, 4), UTM, 32633))
        == "3 rows x 4 columns of 10, EPSG:32633, origin (300000, 5000000)"
    )
    assert grids.describe(make_grid((3, 4), TRANSFORMS["south-up"], 32633)).endswith("south-up")
    assert grids.describe(make_grid((3, 4), TRANSFORMS["rotated"], 32633)).endswith("rotated")
    assert "no CRS" in grids.describe(make_grid((3, 4), Affine.identity()))
