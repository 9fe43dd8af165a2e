"""The ledger against brute force: each category is the area of the pieces of its pixels, on the ellipsoid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from numpy.typing import NDArray

from georoi.api.zonal import zonal_stats
from georoi.crs import geodesic_area, parse_crs
from tests.builders import write_raster
from tests.zonaloracle import pieces_of

SHAPE = (34, 46)
GRIDS = {
    "UTM": (32633, Affine(10, 0, 399_990, 0, -10, 5_600_010)),
    "south-up UTM": (32633, Affine(20, 0, 399_990, 0, 20, 5_600_010)),
    "degrees": (4326, Affine(1e-3, 0, 13.2, 0, -1e-3, 55.1)),
    "degrees at 80 north": (4326, Affine(2e-3, 0, 20, 0, -1e-3, 80)),
    "Web Mercator": (3857, Affine(30, 0, 1.2e6, 0, -30, 8.1e6)),
    "polar stereographic": (3413, Affine(100, 0, -6e5, 0, -100, -1e6)),
    "equal-area": (3035, Affine(10, 0, 4_321_000, 0, -10, 3_210_000)),
    "rotated UTM": (32633, Affine(8, 3, 4e5, 3, -8, 5.6e6)),
    "pixels": (None, Affine.identity()),
}
PARTS = ("area_outside", "area_nodata", "area_nonfinite", "area_masked", "area_valid")
ROIS = {
    "all states": shapely.Point(24.3, 17.1).buffer(14.7),
    "overhanging": shapely.Polygon([(-6.2, 5.1), (18.3, -4.2), (30.7, 21.4), (3.3, 29.9)]),
    "with a hole": shapely.Point(30, 20).buffer(11).difference(shapely.Point(31, 19).buffer(4.4)),
    "in parts": shapely.union_all([shapely.box(2.2, 2.3, 5.7, 9.1), shapely.box(40.4, 28.8, 49.9, 37.3)]),
    "in one pixel": shapely.Point(12.4, 13.6).buffer(0.2),
    "outside": shapely.box(50.5, 3, 60.2, 9.9),
}
"""In pixels."""


def make_pixels() -> tuple[NDArray[Any], dict[str, NDArray[np.bool_]]]:
    """Give two bands, values and a mask, and where pixels are of which state; the first reason counts."""
    rng = np.random.default_rng(6)
    values = rng.normal(100, 10, SHAPE).astype("float32")
    nodata, infinite, cloudy = (rng.random(SHAPE) < share for share in (0.2, 0.15, 0.3))
    values[infinite] = rng.choice([np.nan, np.inf, -np.inf], infinite.sum())
    values[nodata] = -9999
    states = {
        "area_nodata": nodata,
        "area_nonfinite": infinite & ~nodata,
        "area_masked": cloudy & ~infinite & ~nodata,
        "area_valid": ~(cloudy | infinite | nodata),
    }
    return np.stack([values, cloudy.astype("float32")]), states


@pytest.fixture(scope="module", params=GRIDS)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A raster on a grid, the ROIs there, and the states of its pixels."""
    code, affine = GRIDS[request.param]
    pixels, states = make_pixels()
    path = write_raster(
        tmp_path_factory.mktemp("ledger") / "scene.tif",
        pixels,
        crs=None if code is None else f"EPSG:{code}",
        transform=None if code is None else affine,
        nodata=-9999,
        names=("value", "cloud"),
    )

    def place(geometry: Any) -> Any:
        return shapely.transform(geometry, lambda xy: np.column_stack(affine @ (xy[:, 0], xy[:, 1])))

    return path, code, place, states


def area_of(geometries: Any, code: int | None, place: Any) -> NDArray[np.float64]:
    """Give the ellipsoidal area of geometries in pixels; in pixel space their own."""
    if code is None:
        return np.asarray(shapely.area(geometries))
    return geodesic_area(np.asarray(place(geometries), dtype=object), parse_crs(code))


def measure(path: Path, code: int | None, place: Any, **options: Any) -> gpd.GeoDataFrame:
    """Take the table of the ROIs."""
    geometries = [place(roi) for roi in ROIS.values()]
    if code is None:
        from georoi.values.rois import ROISet

        rois: Any = ROISet.from_geometries(geometries, crs=None, ids=list(ROIS), pixel=True)
        return zonal_stats(path, rois, "count", bands=[1], mask="cloud == 0", **options)
    frame = gpd.GeoDataFrame({"name": list(ROIS)}, geometry=geometries, crs=code).set_index("name")
    return zonal_stats(path, frame, "count", bands=[1], mask="cloud == 0", **options)


@pytest.mark.parametrize("boundary", ["fraction", "center", "all_touched"])
def test_each_category_is_the_area_of_its_pieces(case: Any, boundary: str) -> None:
    """Nodata, non-finite, masked, valid and outside, all present at once, whatever the rule."""
    path, code, place, states = case
    table = measure(path, code, place, boundary=boundary)
    for name, roi in ROIS.items():
        row = table.loc[name]
        whole = float(area_of(np.array([roi]), code, place)[0])
        pieces = pieces_of(roi, SHAPE)
        polygonal = np.array([piece.geom_type in ("Polygon", "MultiPolygon") for piece in pieces.flat])
        areas = np.zeros(pieces.size)
        areas[polygonal] = area_of(pieces.reshape(-1)[polygonal], code, place)
        areas = areas.reshape(SHAPE)
        slack = 1e-8 * whole
        assert row["area"] == pytest.approx(whole, rel=1e-8), name
        for state, where in states.items():
            assert row[state] == pytest.approx(areas[where].sum(), abs=slack), (name, state)
        assert row["area_outside"] == pytest.approx(whole - areas.sum(), abs=slack), name
        shares = shapely.area(pieces)
        assert row["n_effective"] == pytest.approx(shares[states["area_valid"]].sum(), abs=1e-6), name


def test_the_ledger_closes_to_nine_digits(case: Any) -> None:
    """Parts that are summed each by itself make up the area of the ROI."""
    path, code, place, _ = case
    table = measure(path, code, place)
    parts = table[list(PARTS)].sum(axis=1)
    np.testing.assert_allclose(parts, table["area"], rtol=1e-9)
    assert (table.loc["all states", list(PARTS[1:])] > 0).all()
    assert (table.loc["overhanging", list(PARTS)] > 0).all()
    assert table.loc["outside", "area_outside"] == pytest.approx(table.loc["outside", "area"], rel=1e-12)
    assert table.loc["outside", "status"] == "outside"


def test_areas_agree_with_geodesics(case: Any) -> None:
    """The area of a ROI is that of GeographicLib within a millionth, once its edges are dense."""
    path, code, place, _ = case
    if code is None:
        pytest.skip("pixel space has no ellipsoid")
    table = measure(path, code, place)
    crs = parse_crs(code)
    geod = crs.get_geod()
    assert geod is not None
    for name, roi in ROIS.items():
        if name == "in one pixel":  # some square metres, of which GeographicLib knows five digits
            continue
        dense = shapely.segmentize(roi, 0.25)
        on_earth = gpd.GeoSeries([place(dense)], crs=code).to_crs(crs.geodetic_crs).item()
        area = sum(
            abs(geod.geometry_area_perimeter(shapely.Polygon(part.exterior))[0])
            - sum(abs(geod.geometry_area_perimeter(shapely.Polygon(hole))[0]) for hole in part.interiors)
            for part in shapely.get_parts(on_earth)
        )
        assert table.loc[name, "area"] == pytest.approx(area, rel=1e-6), name


def test_the_planar_area_is_in_units_of_the_crs(case: Any) -> None:
    """`area_crs` is what shapely gives in the CRS of the raster."""
    path, code, place, _ = case
    table = measure(path, code, place)
    for name, roi in ROIS.items():
        assert table.loc[name, "area_crs"] == pytest.approx(place(roi).area, rel=1e-8), name
