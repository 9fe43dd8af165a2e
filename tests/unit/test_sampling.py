"""Covered pixels one by one: the same as the dense coverage, in row-major order."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from georoi.grid import make_grid
from georoi.kernels.coverage import cover
from georoi.kernels.edges import EdgeIndex
from georoi.kernels.sampling import list_entries
from georoi.kernels.spans import cover_spans
from georoi.options import Boundary
from georoi.planning.alignment import align
from georoi.values.rois import ROISet

SHAPE = (24, 30)
RULES = list(Boundary)


@st.composite
def blobs(draw: st.DrawFn) -> list[shapely.Geometry]:
    """One to four round ROIs, with or without a hole, in or around a small grid."""
    found = []
    for _ in range(draw(st.integers(1, 4))):
        x, y, radius = draw(st.floats(-3, 33)), draw(st.floats(-3, 27)), draw(st.floats(0.2, 12))
        disc = shapely.Point(x, y).buffer(radius, quad_segs=4)
        hole = shapely.Point(x, y).buffer(radius * draw(st.floats(0.1, 0.9)), quad_segs=3)
        found.append(disc.difference(hole) if draw(st.booleans()) else disc)
    return found


@given(blobs(), st.sampled_from(RULES))
def test_entries_are_the_dense_coverage(shapes: list[shapely.Geometry], rule: Boundary) -> None:
    """Every covered pixel is there once, with its weight, ROI by ROI and row-major."""
    rois = ROISet.from_geometries(shapes, pixel=True)
    aligned = align(rois, make_grid(SHAPE, (1, 0, 0, 0, 1, 0)), pixel_grid=True)
    index = EdgeIndex(aligned.x, aligned.y, aligned.rings, aligned.polygons, aligned.rois)
    window = (0, SHAPE[0], 0, SHAPE[1])
    every = np.arange(len(rois))
    edges, start = index.select_many(every, window)
    spans = cover_spans(edges, start, np.zeros(len(rois), bool), aligned.bounds, window, rule)

    entries = list_entries(spans)

    dense = np.zeros((len(rois), *SHAPE))
    dense[entries.roi, entries.row, entries.col] = entries.weight
    for i in every:
        expected = cover(edges.take(slice(int(start[i]), int(start[i + 1]))), window, rule)
        np.testing.assert_allclose(dense[i], expected, atol=1e-9)
        assert (entries.roi == i).sum() == np.count_nonzero(expected)
    place = (entries.roi * SHAPE[0] + entries.row) * SHAPE[1] + entries.col
    assert (np.diff(place) > 0).all()
