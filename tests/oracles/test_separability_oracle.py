"""Separability of real classes agrees with numpy on the pixels that GDAL's mask or shapely's shares give."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.features import geometry_mask

from georoi.api.separability import separability
from tests.zonaloracle import shares_of

Floats = NDArray[np.float64]


def distances(x: Floats, w: Floats, y: Floats, v: Floats) -> tuple[float, float, float]:
    """Give JM, TD and B of pixels (bands, n) with weights, by the formulas of the textbooks as they stand."""
    s, t, d = np.cov(x, aweights=w), np.cov(y, aweights=v), np.average(x, 1, w) - np.average(y, 1, v)
    mean = (s + t) / 2
    logs = [np.linalg.slogdet(matrix)[1] for matrix in (mean, s, t)]
    b = d @ np.linalg.inv(mean) @ d / 8 + (logs[0] - (logs[1] + logs[2]) / 2) / 2
    inverse_s, inverse_t = np.linalg.inv(s), np.linalg.inv(t)
    divergence = (
        np.trace((s - t) @ (inverse_t - inverse_s)) + np.trace((inverse_s + inverse_t) @ np.outer(d, d))
    ) / 2
    return 2 * (1 - np.exp(-b)), 2 * (1 - np.exp(-divergence / 8)), b


def compare(found: pd.DataFrame, values: Floats, weights: dict[Any, Floats], tolerance: float) -> int:
    """Compare all pairs that can be compared, means and covariances; give their number."""
    pixels = {name: (values[:, share > 0], share[share > 0]) for name, share in weights.items()}
    for name, (x, w) in pixels.items():
        assert found.attrs["means"][str(name)] == pytest.approx(np.average(x, 1, w), rel=tolerance)
        expected = np.cov(x, aweights=w)
        size = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
        assert (np.abs(np.array(found.attrs["covariances"][str(name)]) - expected) <= tolerance * size).all()
    rows = found.set_index(["class_a", "class_b"])
    assert set(rows.index) == set(combinations(weights, 2))
    compared = 0
    for (a, b), row in rows.iterrows():
        assert row.n_a == pytest.approx(weights[a].sum(), rel=1e-9)
        assert row.n_b == pytest.approx(weights[b].sum(), rel=1e-9)
        if row.status == "ok":
            expected = distances(*pixels[a], *pixels[b])
            assert [row.jeffries_matusita, row.transformed_divergence, row.bhattacharyya] == pytest.approx(
                expected, rel=1e-7
            )
            compared += 1
        else:
            assert row.status == "too_few"
            assert min(row.n_a, row.n_b) < len(values) + 1
    return compared


@pytest.fixture(scope="module")
def land_use(shared_data: Path) -> dict[str, dict[Any, Floats]]:
    """Weights of the pixels of each class of land use: shapely's exact shares, and GDAL's centres."""
    scene, rois = slovenia(shared_data)
    with rasterio.open(scene) as dataset:
        affine, shape = dataset.transform, dataset.shape
    inverse = ~affine
    unions = {
        name: shapely.union_all(mine.geometry.to_numpy())
        for name, mine in rois.groupby("LULC_ID", sort=False)
    }
    in_pixels = {
        name: shapely.transform(union, lambda xy: np.column_stack(inverse @ tuple(xy.T)))
        for name, union in unions.items()
    }
    shares = {name: shares_of(polygon, shape) for name, polygon in in_pixels.items()}
    return {
        "center": {
            name: geometry_mask([union], shape, affine, invert=True) * 1.0 for name, union in unions.items()
        },
        "fraction": {name: np.where(share > 1e-12, share, 0) for name, share in shares.items()},
    }


def slovenia(shared_data: Path) -> tuple[Path, gpd.GeoDataFrame]:
    """A scene of Sentinel-2 and polygons of land use."""
    folder = shared_data / "slovenia_s2_lulc"
    scene = sorted((folder / "scenes").glob("S2L1C_20150830*.tif"))[0]
    return scene, gpd.read_file(folder / "roi" / "LULC.gpkg")


@pytest.mark.parametrize("rule", ["fraction", "center"])
@pytest.mark.parametrize("bands", [None, [2, 3, 4, 8]])
def test_land_use_in_sentinel_2(
    shared_data: Path, land_use: dict[str, dict[Any, Floats]], rule: str, bands: list[int] | None
) -> None:
    """Land use of Slovenia in 13 bands and in four; the smallest class has too few pixels for 13."""
    scene, rois = slovenia(shared_data)
    with rasterio.open(scene) as dataset:
        values = dataset.read(bands).astype(np.float64)

    found = separability(scene, rois, "LULC_ID", bands=bands, boundary=rule)

    assert compare(found, values, land_use[rule], 1e-8) == (10 if bands is None else 15)


def test_training_areas_in_landsat(shared_data: Path) -> None:
    """Training areas in degrees on a Landsat scene in UTM, by GDAL's centre rule."""
    folder = shared_data / "iguazu_l8_16bit"
    path, rois = (
        folder / "LC08_224078_20200518_B234_crop.tif",
        gpd.read_file(folder / "stac_training.geojson"),
    )
    with rasterio.open(path) as dataset:
        values, affine, shape = dataset.read().astype(np.float64), dataset.transform, dataset.shape
        valid = dataset.read_masks().all(axis=0)
        placed = rois.to_crs(dataset.crs)
    weights = {
        name: (geometry_mask(placed.geometry[placed.lc == name], shape, affine, invert=True) & valid) * 1.0
        for name in rois.lc.unique()
    }

    assert compare(separability(path, rois, "lc", boundary="center"), values, weights, 1e-10) == 10
