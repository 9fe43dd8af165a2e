"""The density of area: square metres on the ellipsoid per square unit of the plane."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from georoi.crs import area_density, geodesic_area, metres_per_unit, parse_crs, placement

PLACES = [
    pytest.param(32633, (500_000.0, 5_000_000.0), id="UTM"),
    pytest.param(32633, (900_000.0, 100_000.0), id="UTM, far out"),
    pytest.param(4326, (15.0, 47.0), id="degrees"),
    pytest.param(3857, (1e6, 6e6), id="Web Mercator"),
    pytest.param(3413, (-5e5, -1e6), id="polar, north"),
    pytest.param(3031, (0.0, 0.0), id="at the south pole"),
    pytest.param(3035, (4.3e6, 3.2e6), id="equal-area"),
    pytest.param(2272, (2e6, 2e5), id="US survey feet"),
    pytest.param(5514, (-7e5, -1.1e6), id="Krovak"),
    pytest.param("ESRI:54009", (1e6, 4e6), id="Mollweide"),
]


@pytest.mark.parametrize(("code", "place"), PLACES)
def test_density_is_the_limit_of_the_geodesic_area(code: int | str, place: tuple[float, float]) -> None:
    """Summed over the nodes of a quadrature, it gives the geodesic area of a square of 20 km to 1e-10."""
    crs = parse_crs(code)
    density = area_density(crs)
    assert density is not None
    half = 10_000 / metres_per_unit(crs)
    nodes, weights = np.polynomial.legendre.leggauss(5)
    x, y = np.meshgrid(place[0] + half * nodes, place[1] + half * nodes)
    found = np.einsum("ij,i,j", density(x, y), weights, weights) * half**2
    square = shapely.box(place[0] - half, place[1] - half, place[0] + half, place[1] + half)
    expected = geodesic_area(np.array([square]), crs)[0]
    assert found == pytest.approx(expected, rel=1e-10)


def test_density_near_the_rim_of_a_projection() -> None:
    """Points closer to where a projection ends than the usual step get a density by a shorter one."""
    disc = parse_crs("+proj=ortho +lat_0=0 +lon_0=0 +R=6371000")
    density = area_density(disc)
    assert density is not None
    x = np.array([0.0, 6_000_000.0, 6_360_000.0, 6_500_000.0])
    found = density(x, np.zeros(4))
    expected = 1 / np.sqrt(1 - (x[:3] / 6_371_000) ** 2)
    np.testing.assert_allclose(found[:3], expected, rtol=1e-5)
    assert np.isnan(found[3])


def test_degrees_go_on_beyond_the_pole() -> None:
    """The formula of geographic coordinates is smooth at the pole, and odd about it."""
    density = area_density(parse_crs(4326))
    assert density is not None
    below, above = density(np.zeros(2), np.array([89.5, 90.5]))
    assert below == pytest.approx(-above, rel=1e-9)
    assert below > 0


def test_a_plant_grid_has_no_density() -> None:
    """A CRS without an ellipsoid has no place on the Earth."""
    plant = parse_crs('LOCAL_CS["Plant grid",UNIT["metre",1]]')
    assert area_density(plant) is None
    assert placement(plant) is None


def test_points_in_space() -> None:
    """Points lie on the ellipsoid: at the equator on its long axis, at the pole on its short one."""
    locate = placement(parse_crs(4326))
    assert locate is not None
    points = locate(np.array([0.0, 90.0, 12.0]), np.array([0.0, 0.0, 90.0]))
    a, b = 6378137.0, 6356752.314245179
    np.testing.assert_allclose(points.T, [[a, 0, 0], [0, a, 0], [0, 0, b]], atol=1e-8)


def test_units() -> None:
    """The nominal length of a unit: metres, feet, and degrees along a meridian."""
    assert metres_per_unit(parse_crs(32633)) == 1
    assert metres_per_unit(parse_crs(2272)) == pytest.approx(1200 / 3937)
    assert metres_per_unit(parse_crs(4326)) == pytest.approx(111_319.49, rel=1e-6)
