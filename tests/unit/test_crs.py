"""The CRS gate: what is taken as a CRS, which CRS are the same, and which operation joins two of them."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path

import numpy as np
import pyproj  # noqa: TID251 to see that hostile text never gets there
import pytest
import rasterio
import shapely
from numpy.testing import assert_array_equal
from odc.geo.crs import CRS as ODC

from georoi.crs import (
    CRS,
    area_of_use,
    check_range,
    crs_label,
    definition,
    find_operation,
    geodesic_area,
    lonlat_bounds,
    looks_swapped,
    parse_crs,
    same_crs,
    transform_points,
)
from georoi.errors import CRSError

GDAL_3857 = rasterio.CRS.from_epsg(3857).to_wkt()
"""WKT with +nadgrids=@null in an extension, as GDAL writes it for web Mercator."""


def refusal(text: object) -> CRSError:
    with pytest.raises(CRSError) as caught:
        parse_crs(text)
    assert caught.value.id == "E-CRS-04"
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        4326,
        "4326",
        "EPSG:4326",
        " epsg:4326 ",
        "WGS 84",
        "urn:ogc:def:crs:EPSG::4326",
        CRS.from_epsg(4326),
        rasterio.CRS.from_epsg(4326),
        ODC("EPSG:4326"),
        CRS.from_epsg(4326).to_wkt(),
        CRS.from_epsg(4326).to_json(),
    ],
    ids=lambda text: type(text).__name__,
)
def test_many_spellings_make_one_crs(text):
    """Codes, names, URNs, WKT, PROJJSON and other libraries' objects all make EPSG:4326."""
    crs = parse_crs(text)
    assert isinstance(crs, CRS)
    assert crs_label(crs) == "EPSG:4326"


@pytest.mark.parametrize(
    "text", ["WGS 84 / UTM zone 33N", "NAD27(76) / MTM zone 8", GDAL_3857, "+proj=merc +nadgrids=@null"]
)
def test_slashes_in_names_and_null_grids_are_no_paths(text):
    """Names in the register hold slashes, and web Mercator as GDAL writes it has +nadgrids=@null."""
    assert parse_crs(text).is_projected


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:9/crs",
        "/etc/passwd",
        "@/etc/passwd",
        "./local.prj",
        "..\\local.prj",
        "~/local.prj",
        "folder/local.prj",
        "ESRI::/etc/passwd",
        "+init=/etc/passwd:1",
        "+proj=longlat +nadgrids=http://127.0.0.1:9/g.gsb",
        "+proj=longlat +nadgrids=@/tmp/g.gsb,null",
        "+proj=longlat +nadgrids=../g.gsb",
        "+proj=longlat +geoidgrids=C:\\g.gtx",
        GDAL_3857.replace("@null", "/tmp/g.gsb"),
        "EPSG:4326\x00",
        "EPSG:999999",
        "EPSG:-1",
        "4326; DROP",
        "GEOGCS[",
        "",
        "nan",
        "pixel",
        "A" * 70_000,
        "GEOGCS[" + "A" * 70_000,
        "EPSG:5703",
        "EPSG:4978",
        -1,
        True,
        3.5,
        None,
        ["EPSG:4326"],
    ],
    ids=lambda text: repr(text)[:30],
)
def test_what_is_no_horizontal_crs_is_refused(text):
    """Files, URLs, oversized and senseless text, vertical and geocentric CRS have one error id."""
    assert refusal(text).hint


def test_hostile_text_never_reaches_proj(monkeypatch):
    """Text that names files or addresses is refused before pyproj sees it."""
    monkeypatch.setattr(pyproj.CRS, "from_user_input", lambda *_: pytest.fail("pyproj saw it"))
    for text in (
        "http://127.0.0.1:9/crs",
        "/etc/passwd",
        "+proj=longlat +nadgrids=/etc/passwd",
        "A" * 70_000,
    ):
        refusal(text)


def test_the_list_of_hostile_texts(shared_data):
    """Each text of the shared list is refused, or is a plain code."""
    path = Path(shared_data).parent / "badinput" / "hostile_crs.txt"
    if not path.is_file():
        pytest.skip("the shared list of hostile CRS texts is not here")
    codes = {"AUTO:42001,0,0", "OGC:CRS84", "EPSG:4979", "EPSG:4326+5773", "urn:ogc:def:crs:EPSG::4326"}
    texts = path.read_text().splitlines()
    assert codes < set(texts)
    for text in texts:
        if text in codes or text == 'LOCAL_CS["x"]':
            assert isinstance(parse_crs(text), CRS)
        else:
            assert len(str(refusal(text))) < 600


def test_an_error_shows_no_control_characters():
    """Text from elsewhere cannot move the cursor of a terminal."""
    assert "\x1b" not in str(refusal("\x1b[2J evil"))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (3035, "IGNF:ETRS89LAEA"),
        ("OGC:CRS84", 4326),
        (4326, "+proj=longlat +datum=WGS84"),
        (32633, "+proj=utm +zone=33 +datum=WGS84"),
        (25833, "+proj=utm +zone=33 +ellps=GRS80"),
        (3857, "ESRI:102100"),
        (4326, 4979),
        (32633, "EPSG:32633+5773"),
        (3006, 25833),
        (32633, CRS.from_epsg(32633).to_wkt("WKT1_ESRI")),
        (27700, CRS.from_epsg(27700).to_wkt("WKT1_GDAL")),
        (2154, CRS.from_epsg(2154).to_wkt("WKT1_ESRI")),
    ],
)
def test_same_by_definition(a, b):
    """Codes, names, axis order, a height, and an unnamed datum on the same ellipsoid make no other CRS."""
    a, b = parse_crs(a), parse_crs(b)
    assert same_crs(a, b)
    assert same_crs(b, a)
    assert definition(a) == definition(b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (32633, 32634),
        (32633, 32733),
        (32633, 25833),
        (4326, 4258),
        (4230, 4258),
        (4269, 4152),
        (23032, 25832),
        (3857, 3395),
        (4326, 32633),
        (4807, 4275),
        (2263, 32118),
        ("+proj=longlat +ellps=intl +towgs84=1,2,3", "+proj=longlat +ellps=intl +towgs84=1,2,4"),
    ],
)
def test_not_same_by_definition(a, b):
    """Another zone, ellipsoid, datum, projection, prime meridian, unit or shift makes another CRS."""
    assert not same_crs(parse_crs(a), parse_crs(b))
    assert not same_crs(parse_crs(b), parse_crs(a))


def test_an_unknown_crs_is_the_same_as_none():
    """Nothing can be said of an unknown CRS, so it is not the same even as another unknown one."""
    assert not same_crs(None, None)
    assert not same_crs(parse_crs(4326), None)


def test_labels_are_short():
    """A label is a code where there is one, else a name, else the kind of projection."""
    assert crs_label(None) == "unknown"
    assert crs_label(parse_crs("OGC:CRS84")) == "OGC:CRS84"
    assert (
        crs_label(parse_crs("+proj=laea +lat_0=52 +lon_0=10"))
        == "a CRS without name (Lambert Azimuthal Equal Area)"
    )
    assert crs_label(parse_crs('LOCAL_CS["Plant grid"]')) == "Plant grid"


def test_the_shift_from_ed50_is_no_ballpark():
    """ED50 to ETRS89 is the registered shift for the area, not the shift left out, which is 118 m off."""
    transformer, operation = find_operation(parse_crs(4230), parse_crs(25832), (9.0, 50.0, 10.0, 51.0))
    assert not operation.ballpark
    assert operation.name.startswith("ED50 to ETRS89")
    assert operation.accuracy == 2.0
    assert "accuracy 2 m" in str(operation)
    unshifted, _ = find_operation(parse_crs(4258), parse_crs(25832))
    x, y = transform_points(transformer, [9.5], [50.5])
    wrong_x, wrong_y = transform_points(unshifted, [9.5], [50.5])
    assert 100 < np.hypot(x[0] - wrong_x[0], y[0] - wrong_y[0]) < 250


def test_the_area_chooses_the_operation():
    """ROIs in Greece and in Norway get the shifts registered there."""
    _, south = find_operation(parse_crs(4230), parse_crs(4326), (22.0, 37.0, 24.0, 39.0))
    _, north = find_operation(parse_crs(4230), parse_crs(4326), (9.0, 60.0, 11.0, 62.0))
    assert south.name != north.name


def test_a_ballpark_operation_needs_leave():
    """Without a flag a missing shift is an error that names both sides; with it, it is recorded."""
    source, target = parse_crs(4269), parse_crs(4152)
    with pytest.raises(CRSError) as caught:
        find_operation(source, target, (-100.0, 40.0, -99.0, 41.0))
    assert caught.value.id == "E-CRS-06"
    assert {"EPSG:4269", "EPSG:4152"} <= {text.split()[0] for text in caught.value.found.values()}
    _, operation = find_operation(source, target, (-100.0, 40.0, -99.0, 41.0), allow_ballpark=True)
    assert operation.ballpark
    assert str(operation).endswith("ballpark)")


def test_no_operation_at_all_is_an_error():
    """A plant grid has no place in the world, whatever is allowed."""
    with pytest.raises(CRSError) as caught:
        find_operation(parse_crs('LOCAL_CS["Plant grid"]'), parse_crs(4326), allow_ballpark=True)
    assert caught.value.id == "E-CRS-06"


def test_an_unnamed_datum_on_the_same_ellipsoid_needs_no_leave(shared_data):
    """ETRS89 degrees go to a file whose CRS names no datum as they go to EPSG:3035, which is the same."""
    with rasterio.open(shared_data / "romania_s2_series" / "tree_cover_density_2018_romania.tif") as file:
        target = parse_crs(file.crs)
    plain, _ = find_operation(parse_crs(4258), parse_crs(3035), (24.0, 45.0, 25.0, 46.0))
    text = "+proj=laea +lat_0=52 +lon_0=10 +x_0=4321000 +y_0=3210000 +ellps=GRS80"
    for unnamed in (target, parse_crs(text)):
        transformer, operation = find_operation(parse_crs(4258), unnamed, (24.0, 45.0, 25.0, 46.0))
        assert not operation.ballpark
        assert_array_equal(
            transform_points(transformer, [24.5], [45.5]), transform_points(plain, [24.5], [45.5])
        )
    assert operation.accuracy is None
    assert "unnamed datum" in operation.name


def test_another_spheroid_without_datum_needs_leave():
    """A sphere without datum is no WGS 84: only a ballpark operation leads there."""
    sphere = parse_crs("+proj=sinu +R=6371007.181")
    with pytest.raises(CRSError):
        find_operation(parse_crs(4326), sphere)
    assert find_operation(parse_crs(4326), sphere, allow_ballpark=True)[1].ballpark


def test_no_operation_where_none_is_needed():
    """The same CRS gives an operation without name that keeps every bit."""
    transformer, operation = find_operation(parse_crs(3035), parse_crs("IGNF:ETRS89LAEA"))
    assert (operation.name, operation.accuracy, str(operation)) == ("", 0.0, "")
    x = np.array([0.1, 1e7 / 3])
    assert_array_equal(transform_points(transformer, x, x), [x, x])


def test_axis_order_is_x_then_y():
    """Longitude comes first, whatever the register says."""
    transformer, _ = find_operation(parse_crs(4326), parse_crs(32633))
    x, y = transform_points(transformer, 15.0, 45.0)
    assert (float(x), float(y)) == pytest.approx((500000.0, 4982950.4), abs=0.1)


def test_points_without_coordinates_are_infinite_and_inputs_stay():
    """Where a projection has no coordinates the result is infinite; the input is not changed."""
    transformer, _ = find_operation(parse_crs(4326), parse_crs("+proj=gnom +lat_0=50 +datum=WGS84"))
    x = np.array([0.0, 0.0])
    y = np.array([80.0, -90.0])
    found, _ = transform_points(transformer, x, y)
    assert_array_equal(np.isfinite(found), [True, False])
    assert_array_equal(y, [80.0, -90.0])


def test_an_operation_travels_and_serves_threads():
    """An operation can be pickled, applied where it arrives, and shared by threads."""
    transformer, operation = find_operation(parse_crs(4326), parse_crs(32633))
    assert pickle.loads(pickle.dumps(operation)) == operation
    x = np.linspace(12, 18, 1000)
    expected = transform_points(transformer, x, x + 30)
    assert_array_equal(transform_points(operation, x, x + 30), expected)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(transform_points(transformer, x, x + 30)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for result in found:
        assert_array_equal(result, expected)


@pytest.mark.parametrize(
    ("crs", "bounds", "hint"),
    [
        (4326, (45.0, 100.0, 46.0, 101.0), "swapped"),
        (4326, (10.0, -120.0, 11.0, -119.0), "swapped"),
        (4326, (500100.0, 5000000.0, 500200.0, 5000100.0), "metres"),
        (4258, (0.0, 0.0, 700.0, 10.0), "rois_crs"),
        (4979, (0.0, 0.0, 1.0, 90.1), "swapped"),
        (4807, (0.0, 0.0, 10.0, 100.5), "swapped"),
    ],
)
def test_coordinates_out_of_range_are_refused(crs, bounds, hint):
    """Latitudes beyond the poles and longitudes of metres are errors, with the likely cause."""
    with pytest.raises(CRSError) as caught:
        check_range(parse_crs(crs), bounds)
    assert caught.value.id == "E-CRS-03"
    assert hint in caught.value.hint
    assert f"{bounds[0]:.10g}" in caught.value.found["rois"]


@pytest.mark.parametrize(
    ("crs", "bounds"),
    [
        (4326, (-180.0, -90.0, 180.0, 90.0)),
        (4326, (0.0, -90.0000000001, 360.0, 90.0)),
        (4807, (0.0, 0.0, 10.0, 99.9)),
        (32633, (-1e7, -1e7, 1e7, 1e8)),
    ],
)
def test_coordinates_in_range_pass(crs, bounds):
    """The whole Earth, longitudes to 360, rounding, grads, and any metres pass."""
    check_range(parse_crs(crs), bounds)


def test_bounds_in_degrees():
    """Bounds are in degrees from Greenwich, with poles found, west beyond east across the antimeridian."""
    assert lonlat_bounds(parse_crs(4326), (10.0, 20.0, 30.0, 40.0)) == pytest.approx((10, 20, 30, 40))
    west, south, east, north = lonlat_bounds(parse_crs(32633), (400000, 4900000, 600000, 5000000))
    assert (west, east) == pytest.approx((13.7, 16.3), abs=0.1)
    assert (south, north) == pytest.approx((44.2, 45.2), abs=0.1)
    assert lonlat_bounds(parse_crs(3413), (-1e6, -1e6, 1e6, 1e6))[3] == 90.0
    fiji = lonlat_bounds(parse_crs(32760), (700000, 8000000, 900000, 8100000))
    assert fiji[0] > 178
    assert fiji[2] < -178
    paris = lonlat_bounds(parse_crs(4807), (0.0, 50.0, 1.0, 51.0))
    assert paris[0] == pytest.approx(2.337, abs=0.01)
    assert lonlat_bounds(parse_crs('LOCAL_CS["Plant grid"]'), (0, 0, 1, 1)) is None
    assert lonlat_bounds(parse_crs(4326), (np.nan, 0, 1, 1)) is None


def test_area_of_use():
    """The register tells the area of a code and nothing of a PROJ string."""
    assert area_of_use(parse_crs(32633)) == (12.0, 0.0, 18.0, 84.0)
    assert area_of_use(parse_crs("+proj=utm +zone=33")) is None


def test_a_swap_is_recognised():
    """Bounds that would meet an extent with x and y exchanged look swapped; those that meet it do not."""
    assert looks_swapped((45.0, 13.0, 46.0, 14.0), (12.0, 44.0, 15.0, 47.0))
    assert not looks_swapped((13.0, 45.0, 14.0, 46.0), (12.0, 44.0, 15.0, 47.0))
    assert not looks_swapped((100.0, 0.0, 101.0, 1.0), (12.0, 44.0, 15.0, 47.0))


def test_areas_of_coordinates_beyond_the_earth_are_not_known():
    """Metres that pass for degrees give NaN at once, and leave their neighbours as they are."""
    shapes = np.array([shapely.box(5e5, 5e6, 6e5, 6e6), shapely.box(15, 45, 16, 46)], dtype=object)
    area = geodesic_area(shapes, parse_crs(4326))
    assert np.isnan(area[0])
    assert area[1] == geodesic_area(shapes[1:], parse_crs(4326))[0] > 0
