"""Polygons in another CRS: edges followed, seams told, areas measured."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from numpy.testing import assert_allclose, assert_array_equal
from shapely.geometry import box
from shapely.geometry.polygon import orient

from georoi.crs import (
    densification,
    find_operation,
    geodesic_area,
    keep_polygons,
    parse_crs,
    split_rings,
    transform_geometries,
    transform_points,
)
from georoi.crs.densification import densify
from georoi.errors import CRSError, MemoryBudgetError

HOLED = shapely.Polygon(
    [(0, 0), (0, 9), (9, 9), (9, 0)], [[(1, 1), (2, 1), (2, 2)], [(4, 4), (5, 6), (6, 4)]]
)
SHAPES = [box(0, 0, 1, 1), HOLED, shapely.MultiPolygon([HOLED, box(20, 20, 21, 22)]), shapely.Polygon()]


def array(*geometry: shapely.Geometry) -> np.ndarray:
    made = np.empty(len(geometry), dtype=object)
    made[:] = geometry
    return made


@pytest.mark.parametrize("shapes", [SHAPES, SHAPES[:2], SHAPES[3:], [], [shapely.MultiPolygon()]], ids=len)
def test_rings_come_back_as_they_were(shapes):
    """Taking polygons apart and putting them together keeps vertices, order, direction, holes and parts."""
    parts = split_rings(array(*shapes))
    assert len(parts.geometries) == len(shapes) + 1
    assert all(level.dtype == np.int64 for level in parts[2:])
    for made, shape in zip(parts.to_polygons(), shapes, strict=True):
        assert shapely.equals_identical(made, shape) or (made.is_empty and shape.is_empty)


def test_a_multipolygon_of_one_becomes_a_polygon():
    """One polygon is a Polygon, whatever it was wrapped in, and z is left out."""
    wrapped = shapely.MultiPolygon([shapely.Polygon([(0, 0, 5), (1, 0, 5), (1, 1, 5)])])
    assert split_rings(array(wrapped)).to_polygons()[0] == shapely.Polygon([(0, 0), (1, 0), (1, 1)])


def test_owners_of_vertices():
    """Each vertex knows its geometry; an empty one owns none."""
    parts = split_rings(array(shapely.Polygon(), HOLED, box(0, 0, 1, 1)))
    assert_array_equal(parts.owners(), [1] * (5 + 4 + 4) + [2] * 5)


def test_the_same_crs_returns_the_same_array():
    """Nothing is copied, added or rounded between EPSG:3035 and its twin."""
    geometry = array(*SHAPES)
    moved = transform_geometries(geometry, parse_crs(3035), parse_crs("IGNF:ETRS89LAEA"), tolerance=1.0)
    assert moved.geometry is geometry
    assert moved.operation.name == ""


def test_short_edges_gain_no_vertices():
    """A parcel keeps its vertices, in its order, where its edges bend by less than the tolerance."""
    shape = box(15, 45, 15.001, 45.001)
    source, target = parse_crs(4326), parse_crs(32633)
    moved = transform_geometries(array(shape), source, target, tolerance=1.0).geometry[0]
    x, y = transform_points(find_operation(source, target)[0], *shapely.get_coordinates(shape).T)
    assert_array_equal(shapely.get_coordinates(moved), np.column_stack([x, y]))


def test_a_long_box_keeps_its_place():
    """A box of 20 by 10 degrees would be off by 49 km in EPSG:3035 by its corners alone."""
    shape = box(0, 45, 20, 55)
    source, target = parse_crs(4326), parse_crs(3035)
    moved = transform_geometries(array(shape), source, target, tolerance=1.0)
    fine = shapely.get_coordinates(shapely.segmentize(shape, 0.002))
    x, y = transform_points(find_operation(source, target)[0], *fine.T)
    distance = shapely.distance(shapely.points(x, y), moved.geometry[0].exterior)
    assert 0.01 < distance.max() < 1.0
    assert len(moved.geometry[0].exterior.coords) < 2000
    assert not len(moved.cut)
    assert not len(moved.broken)


def test_an_s_shaped_edge_is_seen():
    """An edge that bends left, then right, and crosses its chord in the middle is followed all the same."""

    def wave(x, y):
        return x, y + np.sin(2 * np.pi * x)

    ring = np.array([0.0, 1.0, 1.0, 0.0]), np.array([0.0, 0.0, -9.0, 0.0])
    dense = densify(*ring, np.array([0, 4]), wave, 0.01)
    first = dense.x[: np.argmax(dense.x == 1.0) + 1]
    assert len(first) > 20
    drawn = shapely.LineString(np.column_stack([first, np.sin(2 * np.pi * first)]))
    true = np.linspace(0, 1, 5000)
    assert shapely.distance(shapely.points(true, np.sin(2 * np.pi * true)), drawn).max() < 0.01


def test_neighbours_share_their_new_vertices():
    """Two polygons with a common edge, drawn in opposite directions, get the same points on it."""
    left, right = box(5, 45, 10, 55), box(10, 45, 15, 55)
    moved = transform_geometries(
        array(left, right), parse_crs(4326), parse_crs(32632), tolerance=0.01
    ).geometry
    common = set(moved[0].exterior.coords) & set(moved[1].exterior.coords)
    x, y = transform_points(find_operation(parse_crs(4326), parse_crs(25832))[0], 10.0, [45.0, 55.0])
    assert len(common) > 10
    assert shapely.intersection(*moved).area == 0
    assert min(point[1] for point in common) == pytest.approx(float(y.min()), abs=0.01)
    assert max(point[1] for point in common) == pytest.approx(float(y.max()), abs=0.01)
    assert float(x[0]) != float(x[1]), "the edge does bend"


def test_one_polygon_does_not_change_another():
    """What becomes of a polygon does not depend on the others, however many are worked on at once."""
    many = array(*(box(k, 45, k + 3, 50) for k in range(10)))
    area = (0.0, 45.0, 13.0, 50.0)
    together = transform_geometries(many, parse_crs(4326), parse_crs(3035), tolerance=1.0, area=area).geometry
    for k in range(10):
        alone = transform_geometries(
            many[k : k + 1], parse_crs(4326), parse_crs(3035), tolerance=1.0, area=area
        )
        assert shapely.equals_identical(alone.geometry[0], together[k])


def test_chunks_change_nothing(monkeypatch):
    """Working through many polygons in slices gives the same bits."""
    many = array(*(box(k, 45, k + 3, 50) for k in range(10)), shapely.Polygon())
    whole = transform_geometries(many, parse_crs(4326), parse_crs(3035), tolerance=1.0).geometry
    monkeypatch.setattr("georoi.crs.transforming._VERTICES_AT_ONCE", 12)
    sliced = transform_geometries(many, parse_crs(4326), parse_crs(3035), tolerance=1.0).geometry
    assert shapely.equals_identical(whole, sliced).all()


def test_the_world_is_cut_to_what_a_zone_can_show():
    """A world-wide box covers a UTM zone, instead of collapsing or turning inside out."""
    world = box(-180, -90, 180, 90)
    moved = transform_geometries(array(world), parse_crs(4326), parse_crs(32633), tolerance=100.0)
    zone = transform_geometries(array(box(12, 0, 18, 84)), parse_crs(4326), parse_crs(32633), tolerance=100.0)
    assert_array_equal(moved.cut, [0])
    assert not len(zone.cut)
    assert shapely.covers(moved.geometry[0], zone.geometry[0])


def test_the_raster_itself_is_never_cut_away():
    """Within the extent given, nothing is cut, even far outside the area of use."""
    extent = (2_000_000.0, 5_000_000.0, 3_500_000.0, 6_000_000.0)
    world = array(box(-180, 0, 180, 80))
    moved = transform_geometries(world, parse_crs(4326), parse_crs(32633), tolerance=100.0, extent=extent)
    assert shapely.covers(moved.geometry[0], box(*extent))


def test_what_has_no_coordinates_becomes_empty():
    """A polygon on the far side of the Earth is told and left empty; its neighbour is not touched."""
    far, near = box(104, -1, 106, 1), box(14, 0, 16, 1)
    moved = transform_geometries(array(far, near), parse_crs(4326), parse_crs(32633), tolerance=10.0)
    assert moved.geometry[0].is_empty
    assert_array_equal(moved.cut, [0])
    assert moved.geometry[1].area == pytest.approx(2.46e10, rel=0.01)


def test_a_seam_is_told():
    """A polar box has edges that jump from 180 to -180 degrees; that is said, not passed over."""
    polar = array(box(-3e6, -3e6, 3e6, 3e6))
    moved = transform_geometries(polar, parse_crs(3413), parse_crs(4326), tolerance=0.01)
    assert_array_equal(moved.broken, [0])


def test_a_country_across_the_antimeridian_meets_its_zone():
    """New Zealand keeps its place in a CRS whose area of use crosses the antimeridian."""
    moved = transform_geometries(
        array(box(166, -47, 179, -34)), parse_crs(4326), parse_crs(2193), tolerance=10.0
    )
    assert not len(moved.broken)
    world = transform_geometries(
        array(box(-180, -80, 180, 80)), parse_crs(4326), parse_crs(2193), tolerance=10.0
    )
    assert shapely.intersection(*moved.geometry, *world.geometry).area / moved.geometry[0].area > 0.999


def test_senseless_edges_end_in_an_error(monkeypatch):
    """Polygons whose edges would need millions of vertices are an error with an id, not a full memory."""
    monkeypatch.setattr(densification, "_MOST_POINTS", 1000)
    with pytest.raises(MemoryBudgetError):
        transform_geometries(array(box(0, 45, 20, 55)), parse_crs(4326), parse_crs(3035), tolerance=0.001)


def test_a_ballpark_shift_is_refused_here_too():
    """The gate holds for polygons as for points."""
    with pytest.raises(CRSError) as caught:
        transform_geometries(array(box(-100, 40, -99, 41)), parse_crs(4269), parse_crs(4152), tolerance=1e-6)
    assert caught.value.id == "E-CRS-06"


def test_only_polygons_are_kept():
    """Repair keeps the area and leaves lines and points away; what has no area becomes empty."""
    bow = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    mixed = shapely.GeometryCollection([box(0, 0, 1, 1), shapely.LineString([(5, 5), (6, 6)])])
    flat = shapely.Polygon([(0, 0), (1, 1), (2, 2)])
    kept = keep_polygons(array(bow, mixed, flat, box(0, 0, 1, 1)))
    assert_allclose(shapely.area(kept), [2.0, 1.0, 0.0, 1.0])
    assert shapely.is_valid(kept).all()
    assert [shape.geom_type for shape in kept] == ["MultiPolygon", "Polygon", "Polygon", "Polygon"]


def geod_area(shape: shapely.Geometry, crs: object, step: float) -> float:
    """Geodesic area by GeographicLib, of the polygon with a vertex every `step` units."""
    source = parse_crs(crs)
    base = source.geodetic_crs
    dense = shapely.segmentize(shape, step)
    if not source.is_geographic:
        transformer, _ = find_operation(source, base)
        dense = shapely.transform(
            dense, lambda c: np.column_stack(transform_points(transformer, c[:, 0], c[:, 1]))
        )
    degree = base.axis_info[0].unit_conversion_factor / np.radians(1)
    polygons = [
        orient(polygon) for polygon in shapely.get_parts(shapely.transform(dense, lambda c: c * degree))
    ]
    return sum(abs(base.get_geod().geometry_area_perimeter(polygon)[0]) for polygon in polygons)


@pytest.mark.parametrize(
    ("shape", "crs", "step"),
    [
        (box(15, 45, 15.001, 45.001), 4326, 0.001),
        (box(0, 45, 20, 55), 4326, 0.005),
        (
            shapely.MultiPolygon([shapely.transform(HOLED, lambda c: c * 0.1 + 10), box(20, 20, 21, 22)]),
            4326,
            0.002,
        ),
        (box(300000, 5000000, 301000, 5002000), 32633, 100),
        (box(300000, 100000, 700000, 9000000), 32633, 500),
        (box(4000000, 2000000, 4100000, 2100000), 3035, 500),
        (box(0, 50, 1, 51), 4807, 0.001),
    ],
)
def test_area_agrees_with_geodesics(shape, crs, step):
    """The area on the ellipsoid is GeographicLib's for the same outline, within what its steps leave."""
    found = geodesic_area(array(shape), parse_crs(crs))[0]
    assert found == pytest.approx(geod_area(shape, crs, step), rel=2e-8)


def test_area_in_equal_area_projections_is_planar():
    """In an equal-area CRS the area on the ellipsoid is that on the plane, holes and empty ones too."""
    shapes = array(
        shapely.Point(4321000, 3210000).buffer(1e6).difference(shapely.Point(4400000, 3210000).buffer(2e5)),
        box(2.5e6, 1.5e6, 7e6, 5e6),
        box(4e6, 3e6, 4e6 + 10, 3e6 + 10),
        shapely.Polygon(),
    )
    assert_allclose(geodesic_area(shapes, parse_crs(3035)), shapely.area(shapes), rtol=1e-8)


def test_area_around_a_pole():
    """A polygon that holds the pole is no smaller for it, and the whole Earth has its surface."""
    whole, half = geodesic_area(array(box(-3e6, -3e6, 3e6, 3e6), box(-3e6, -3e6, 0, 3e6)), parse_crs(3413))
    assert whole == pytest.approx(2 * half, rel=1e-9)
    south = geodesic_area(array(box(-3e6, -3e6, 3e6, 3e6)), parse_crs(3031))[0]
    assert south == pytest.approx(whole, rel=0.01)
    assert geodesic_area(array(box(-180, -90, 180, 90)), parse_crs(4326))[0] == pytest.approx(
        5.10065621724e14
    )


def test_area_without_a_place_is_unknown():
    """A plant grid has no area on the Earth."""
    assert np.isnan(geodesic_area(array(box(0, 0, 1, 1)), parse_crs('LOCAL_CS["Plant grid"]'))).all()


def test_area_does_not_depend_on_direction():
    """A ring drawn the other way encloses the same."""
    both = geodesic_area(array(HOLED, shapely.reverse(HOLED)), parse_crs(4326))
    assert both[0] == pytest.approx(both[1], rel=1e-14)
