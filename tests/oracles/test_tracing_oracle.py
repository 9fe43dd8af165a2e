"""Outlines are those that GDAL's polygoniser draws, and rasterise back to the pixels they came from."""

from __future__ import annotations

import numpy as np
import rasterio.features
import shapely
import shapely.geometry
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from georoi.kernels.tracing import trace

CLASSES = arrays(np.int32, st.tuples(st.integers(1, 14), st.integers(1, 14)), elements=st.integers(0, 2))


def polygons(values):
    """Outlines as shapely polygons, one per component."""
    found = trace(values)
    if not len(found.values):
        return found, np.empty(0, object)
    corners = np.stack([found.x, found.y], axis=1).astype(float)
    return found, shapely.from_ragged_array(
        shapely.GeometryType.POLYGON, corners, (found.rings, found.components)
    )


@given(CLASSES)
def test_outlines_equal_those_of_gdal(values):
    """The same polygons as rasterio.features.shapes with connectivity 4, value by value."""
    found, ours = polygons(values)
    theirs = [
        (shapely.geometry.shape(geometry), int(value))
        for geometry, value in rasterio.features.shapes(values, mask=values != 0, connectivity=4)
    ]
    assert sorted(found.values.tolist()) == sorted(value for _, value in theirs)
    for value in (1, 2):
        mine = shapely.union_all(ours[found.values == value])
        gdal = shapely.union_all([geometry for geometry, number in theirs if number == value])
        assert mine.area == gdal.area
        assert mine.equals(gdal)


@given(CLASSES)
def test_outlines_are_valid_and_rasterise_back(values):
    """Every polygon is valid as drawn, has its pixels' area, and burns exactly its pixels."""
    found, ours = polygons(values)
    assert shapely.is_valid(ours).all()
    np.testing.assert_array_equal(shapely.area(ours), found.pixels)
    burnt = np.zeros(values.shape, np.int32)
    for geometry, value in zip(ours, found.values, strict=True):
        inside = rasterio.features.geometry_mask(
            [geometry], values.shape, rasterio.Affine.identity(), invert=True
        )
        assert not burnt[inside].any()
        burnt[inside] = value
    np.testing.assert_array_equal(burnt, values)


def test_a_noisy_scene_adds_up():
    """A million pixels of noise keep their area and their validity."""
    values = (np.random.default_rng(4).random((500, 500)) > 0.45).astype(np.int32)
    found, ours = polygons(values)
    assert shapely.is_valid(ours).all()
    assert found.pixels.sum() == values.sum() == shapely.area(ours).sum()
