"""Sparse coverage says what the coverage array says, with the moments of what is covered."""

import numpy as np
import pytest
import shapely

from georoi.crs import split_rings
from georoi.kernels.coverage import cover
from georoi.kernels.edges import EdgeIndex
from georoi.kernels.spans import cover_spans, find_runs
from georoi.options import Boundary

WINDOW = (-3, 61, 5, 77)


def laid(polygons):
    """An edge index of polygons in pixel coordinates, and their bounds."""
    parts = split_rings(np.array(polygons, dtype=object))
    index = EdgeIndex(parts.x, parts.y, parts.rings, parts.polygons, parts.geometries)
    return index, shapely.bounds(np.array(polygons, dtype=object))


def spans_of(polygons, window=WINDOW, rule=Boundary.FRACTION, inner=None):
    """Spans of polygons in a window."""
    index, bounds = laid(polygons)
    inner = np.zeros(len(polygons), bool) if inner is None else np.array(inner)
    edges, start = index.select_many(np.flatnonzero(~inner), window)
    return cover_spans(edges, start, inner, bounds, window, rule)


def dense(spans, i, window=WINDOW):
    """The coverage array of one ROI, and of its moments."""
    array = np.zeros((3, window[1] - window[0], window[3] - window[2]))
    for row, first, last in spans.runs[spans.run_start[i] : spans.run_start[i + 1]]:
        array[0, row, first:last] += 1
    mine = slice(spans.pixel_start[i], spans.pixel_start[i + 1])
    for (row, column), part in zip(spans.pixels[mine], spans.parts[mine], strict=True):
        array[:, row, column] += part
    return array


def random_polygons(seed, count=40):
    """Stars, slivers, rings with holes, several parts, some of them partly off the window."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        x, y = rng.uniform(-10, 90, 2)
        radius = rng.choice([0.2, 2, 15, 60])
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 12)))
        star = shapely.Polygon(
            np.column_stack([x + radius * np.cos(angles), y + radius * np.sin(angles)])
        ).buffer(0)
        hole = shapely.Point(x, y).buffer(radius / 4, 3)
        other = shapely.box(x + radius, y, x + radius + 3, y + 0.5)
        shape = shapely.make_valid(shapely.union(shapely.difference(star, hole), other))
        if rng.random() < 0.3:
            shape = shapely.set_precision(shapely.set_precision(shape, 0.5), 0)
        if shape.area > 0 and shape.geom_type in ("Polygon", "MultiPolygon"):
            made.append(shape)
    return made


@pytest.mark.parametrize("rule", list(Boundary))
@pytest.mark.parametrize("seed", range(5))
def test_spans_are_the_coverage_array(rule, seed):
    """Spread out again, the runs and parts are what `cover` gives, bit for bit."""
    polygons = random_polygons(seed)
    index, _ = laid(polygons)
    spans = spans_of(polygons, rule=rule)
    for i in range(len(polygons)):
        expected = cover(index.select(i, WINDOW), WINDOW, rule)
        np.testing.assert_array_equal(dense(spans, i)[0], expected)


@pytest.mark.parametrize("seed", range(3))
def test_moments_are_those_of_the_part_that_is_covered(seed):
    """Moments about the pixel's centre agree with the centroid of what shapely cuts out of the pixel."""
    polygons = random_polygons(seed, 25)
    spans = spans_of(polygons)
    for i, polygon in enumerate(polygons):
        mine = slice(spans.pixel_start[i], spans.pixel_start[i + 1])
        column, row = spans.pixels[mine, 1] + WINDOW[2], spans.pixels[mine, 0] + WINDOW[0]
        cut = shapely.intersection(polygon, shapely.box(column, row, column + 1, row + 1))
        area, centroid = shapely.area(cut), shapely.centroid(cut)
        there = area > 1e-12
        x, y = shapely.get_x(centroid[there]), shapely.get_y(centroid[there])
        np.testing.assert_allclose(spans.parts[mine, 0], area, atol=1e-13)
        np.testing.assert_allclose(
            spans.parts[mine, 1][there], area[there] * (x - column[there] - 0.5), atol=1e-13
        )
        np.testing.assert_allclose(
            spans.parts[mine, 2][there], area[there] * (y - row[there] - 0.5), atol=1e-13
        )


def test_any_window_gives_the_same_bits():
    """What a narrower window gives is what a wider one gives there, moments included."""
    polygons = random_polygons(7)
    whole = spans_of(polygons)
    for window in [(-3, 20, 5, 40), (20, 61, 40, 77), (0, 60, 33, 34), (11, 12, 5, 77)]:
        part = spans_of(polygons, window)
        place = (
            slice(None),
            slice(window[0] - WINDOW[0], window[1] - WINDOW[0]),
            slice(window[2] - WINDOW[2], window[3] - WINDOW[2]),
        )
        for i in range(len(polygons)):
            np.testing.assert_array_equal(dense(part, i, window), dense(whole, i)[place])


def test_inner_rois_and_empty_ones():
    """A ROI that holds the window is one run a row; one that is off it has nothing."""
    polygons = [shapely.box(-99, -99, 99, 99), shapely.box(200, 0, 210, 9), shapely.box(10, 10, 12, 12)]
    for rule in Boundary:
        spans = spans_of(polygons, rule=rule, inner=[True, False, False])
        assert np.diff(spans.run_start).tolist() == [64, 0, 2]
        assert (dense(spans, 0)[0] == 1).all()
        assert dense(spans, 2)[0].sum() == 4


def test_runs_of_a_mask():
    """Runs are found at the borders of a mask as within it."""
    mask = np.array([[1, 1, 0, 1], [0, 0, 0, 0], [0, 1, 1, 0]], bool)
    assert find_runs(mask).tolist() == [[0, 0, 2], [0, 3, 4], [2, 1, 3]]
    assert find_runs(np.zeros((0, 4), bool)).shape == (0, 3)
