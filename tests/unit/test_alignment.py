"""Alignment: the CRS gate between ROIs and a grid, and pixel coordinates as GDAL makes them."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from numpy.testing import assert_array_equal
from shapely.geometry import box

from georoi.crs import parse_crs
from georoi.errors import CRSError
from georoi.grid import make_grid, to_pixels
from georoi.planning import alignment
from georoi.planning.alignment import align
from georoi.planning.shapes import to_polygons
from georoi.values.rois import ROISet

GRID = make_grid((200, 100), Affine(9.9948, 0.0, 510000.123, 0.0, -9.9974, 5100000.456), 32633)
RING = [(510100.0, 5099900.0), (510500.5, 5099900.0), (510500.5, 5099000.25), (510100.0, 5099000.25)]
HOLE = [(510200.0, 5099800.0), (510300.0, 5099800.0), (510300.0, 5099700.0)]


def rois(*geometry: shapely.Geometry, crs: object = 32633) -> ROISet:
    return ROISet.from_geometries(list(geometry), crs=crs)


def failure(*arguments: object, **options: object) -> CRSError:
    with pytest.raises(CRSError) as caught:
        align(*arguments, **options)
    return caught.value


def test_the_same_crs_gives_gdals_pixels_to_the_bit():
    """Vertices keep order and direction, and are what GDAL computes from the originals."""
    shape = shapely.Polygon(RING, [HOLE])
    for drawn in (shape, shapely.reverse(shape)):
        aligned = align(rois(drawn), GRID, pixel_grid=False)
        expected = to_pixels(GRID, *shapely.get_coordinates(drawn).T)
        assert_array_equal(aligned.x, expected[0])
        assert_array_equal(aligned.y, expected[1])
        assert aligned.operation == ""
        assert aligned.notes == ()


def test_offsets_name_rings_polygons_and_rois():
    """ROI, polygon and ring offsets say which vertices belong together."""
    parts = shapely.MultiPolygon([shapely.Polygon(RING, [HOLE]), box(511000, 5099000, 511010, 5099010)])
    aligned = align(rois(box(0, 0, 1, 1), parts), GRID, pixel_grid=False)
    assert len(aligned) == 2
    assert_array_equal(aligned.rois, [0, 1, 3])
    assert_array_equal(aligned.polygons, [0, 1, 3, 4])
    assert_array_equal(aligned.rings, [0, 5, 10, 14, 19])
    assert list(aligned.ids) == [0, 1]


def test_bounds_are_those_of_the_vertices():
    """Bounds per ROI hold its vertices and touch them."""
    aligned = align(
        rois(shapely.Polygon(RING), box(510000, 5099990, 510005, 5100000)), GRID, pixel_grid=False
    )
    polygons = to_polygons(aligned)
    assert_array_equal(aligned.bounds, shapely.bounds(polygons))
    assert aligned.bounds.shape == (2, 4)


def test_a_twin_crs_moves_nothing(shared_data):
    """ROIs in EPSG:3035 on a file that says IGNF:ETRS89LAEA are not transformed."""
    with rasterio.open(shared_data / "romania_s2_series" / "tree_cover_density_2018_romania.tif") as file:
        grid = make_grid(file.shape, file.transform, file.crs)
    shape = box(5272000.25, 2532500.0, 5272500.0, 2532900.75)
    aligned = align(rois(shape, crs=3035), grid, pixel_grid=False)
    expected = to_pixels(grid, *shapely.get_coordinates(shape).T)
    assert_array_equal([aligned.x, aligned.y], expected)
    assert aligned.operation == ""


def test_another_crs_is_transformed_and_said():
    """Degrees land on the UTM grid within a thousandth of a pixel, and the operation is recorded."""
    aligned = align(rois(box(15.0, 45.0, 15.0001, 45.0001), crs=4326), GRID, pixel_grid=False)
    x, y = to_pixels(GRID, 500000.0, 4982950.4003)
    assert aligned.x.min() == pytest.approx(float(x), abs=0.001)
    assert aligned.y.max() == pytest.approx(float(y), abs=0.001)
    assert aligned.operation == "UTM zone 33N (accuracy 0 m)"
    assert aligned.crs is not None
    assert str(aligned.fingerprint) == rois(box(15.0, 45.0, 15.0001, 45.0001), crs=4326).fingerprint


def test_the_real_polygons_agree_in_three_crs(shared_data):
    """88 land-use polygons in UTM, degrees and LAEA are the same on the raster to 0.01 pixel."""
    pyogrio = pytest.importorskip("pyogrio")
    folder = shared_data / "slovenia_s2_lulc"
    with rasterio.open(next((folder / "scenes").glob("*.tif"))) as file:
        grid = make_grid(file.shape, file.transform, file.crs)
    shapes = []
    for name in ("LULC.gpkg", "LULC_wgs84.geojson", "LULC_laea3035.shp"):
        path = next(folder.rglob(name))
        aligned = align(ROISet.from_geodataframe(pyogrio.read_dataframe(path)), grid, pixel_grid=False)
        shapes.append(to_polygons(aligned))
    for other in shapes[1:]:
        assert (shapely.hausdorff_distance(shapes[0], other) < 0.01).all()


def test_rotated_and_south_up_grids():
    """A square of 4 x 2 pixels covers 8 pixels whichever way the grid lies."""
    for affine in (Affine(8.0, 6.0, 5e5, 6.0, -8.0, 5e6), Affine(10.0, 0.0, 5e5, 0.0, 10.0, 5e6)):
        grid = make_grid((50, 50), affine, 32633)
        a, b, c, d, e, f = affine[:6]
        corners = [(c + x * a + y * b, f + x * d + y * e) for x, y in ((3, 5), (7, 5), (7, 7), (3, 7))]
        aligned = align(rois(shapely.Polygon(corners)), grid, pixel_grid=False)
        np.testing.assert_allclose(aligned.bounds, [[3, 5, 7, 7]], atol=1e-8)


def test_pixel_rois_on_a_pixel_grid_stay_as_they_are():
    """Pixel coordinates are pixel coordinates, whatever transform the file carries."""
    for affine in (Affine.identity(), Affine(10.0, 0.0, 5e5, 0.0, -10.0, 5e6)):
        aligned = align(ROISet.from_pixel_boxes([(1, 2, 3, 4)]), make_grid((50, 50), affine), pixel_grid=True)
        assert_array_equal(aligned.bounds, [[1, 2, 4, 6]])
        assert aligned.crs is None


def test_an_unknown_crs_of_the_raster_is_an_error():
    """A raster without CRS that is not said to be pixel space stops here, with the option that helps."""
    error = failure(rois(box(0, 0, 1, 1)), make_grid((5, 5), Affine.identity()), pixel_grid=False)
    assert error.id == "E-CRS-01"
    assert "raster_crs" in error.hint
    assert error.found["rois"] == "EPSG:32633"
    assert "no CRS" in error.found["raster"]


def test_an_unknown_crs_of_the_rois_is_an_error():
    """ROIs without CRS stop here, with the option that helps, on either kind of grid."""
    unknown = rois(box(0, 0, 1, 1), crs=None)
    error = failure(unknown, GRID, pixel_grid=False)
    assert error.id == "E-CRS-01"
    assert "rois_crs=" in error.hint
    assert error.found["rois"] == "unknown"
    error = failure(unknown, make_grid((5, 5), Affine.identity()), pixel_grid=True)
    assert error.id == "E-CRS-01"
    assert "'pixel'" in error.hint


def test_pixels_and_the_world_do_not_mix():
    """Pixel ROIs on a raster in the world, or the other way round, are an error that shows both sides."""
    error = failure(ROISet.from_pixel_boxes([(1, 2, 3, 4)]), GRID, pixel_grid=False)
    assert error.id == "E-CRS-05"
    assert error.found["rois"] == "pixel space"
    assert "EPSG:32633" in error.found["raster"]
    error = failure(rois(box(0, 0, 1, 1)), make_grid((5, 5), Affine.identity()), pixel_grid=True)
    assert error.id == "E-CRS-05"
    assert error.found == {"rois": "EPSG:32633", "raster": "pixel space"}
    assert "rois_crs='pixel'" in error.hint


def test_metres_called_degrees_are_refused_before_any_transform():
    """UTM metres in a file that says EPSG:4326 are no coordinates, even where the raster says the same."""
    for grid in (GRID, make_grid((5, 5), Affine(1.0, 0.0, 0.0, 0.0, -1.0, 0.0), 4326)):
        error = failure(rois(shapely.Polygon(RING), crs=4326), grid, pixel_grid=False)
        assert error.id == "E-CRS-03"
        assert "metres" in error.hint


def test_a_ballpark_operation_needs_leave():
    """NAD83 to NAD83(HARN) without its grids is refused, and taken and recorded when allowed."""
    grid = make_grid((50, 50), Affine(1e-4, 0.0, -100.0, 0.0, -1e-4, 40.0), 4152)
    shape = rois(box(-99.999, 39.997, -99.998, 39.998), crs=4269)
    assert failure(shape, grid, pixel_grid=False).id == "E-CRS-06"
    assert "ballpark" in align(shape, grid, pixel_grid=False, allow_ballpark=True).operation


def test_the_raster_decides_the_operation_where_rois_are_all_over():
    """A ROI in Norway does not change which datum shift a ROI in Greece gets on a Greek raster."""
    grid = make_grid((1000, 1000), Affine(100.0, 0.0, 5.5e5, 0.0, -100.0, 4.3e6), 32634)
    greece, norway = box(22.0, 38.0, 22.1, 38.1), box(10.0, 60.0, 10.1, 60.1)
    alone = align(rois(greece, crs=4230), grid, pixel_grid=False)
    both = align(rois(greece, norway, crs=4230), grid, pixel_grid=False)
    assert alone.operation == both.operation
    assert_array_equal(both.x[: len(alone.x)], alone.x)


def test_what_the_transform_breaks_is_repaired_with_a_note(monkeypatch):
    """A polygon that crosses itself after the transform is made valid, and named."""
    bow = shapely.Polygon([(510100, 5099000), (510300, 5099200), (510300, 5099000), (510100, 5099200)])
    shape = rois(box(15.13, 46.0, 15.14, 46.01), crs=4326)
    assert align(shape, GRID, pixel_grid=False).notes == ()
    real = alignment.transform_geometries
    broken = np.array([bow], dtype=object)
    monkeypatch.setattr(
        alignment, "transform_geometries", lambda *a, **k: real(*a, **k)._replace(geometry=broken)
    )
    aligned = align(shape, GRID, pixel_grid=False)
    assert shapely.is_valid(to_polygons(aligned)).all()
    assert aligned.notes == ("1 ROI invalid after the transform to EPSG:32633, repaired: 0",)


def test_rois_without_a_place_stay_as_empty_ones():
    """Every ROI is there in the result; one on the far side of the Earth is empty and named."""
    shapes = [box(104, -1, 106, 1), box(15.13, 46.0, 15.14, 46.01)]
    aligned = align(ROISet.from_geometries(shapes, crs=4326, ids=["far", "near"]), GRID, pixel_grid=False)
    assert len(aligned) == 2
    assert_array_equal(np.isnan(aligned.bounds).all(axis=1), [True, False])
    assert to_polygons(aligned)[0].is_empty
    assert aligned.notes == ("1 ROI cut to where EPSG:32633 can be used: far",)


def test_a_world_wide_roi_covers_the_raster():
    """A box around the whole Earth holds every pixel of a raster in any of these CRS."""
    for code, affine in (
        (32633, GRID.affine),
        (3035, Affine(1000, 0, 4e6, 0, -1000, 3e6)),
        (3857, Affine(1000, 0, 0, 0, -1000, 6e6)),
    ):
        grid = make_grid((200, 100), affine, code)
        aligned = align(rois(box(-180, -90, 180, 90), crs=4326), grid, pixel_grid=False)
        assert shapely.covers(to_polygons(aligned)[0], box(0, 0, 100, 200)), code


def test_notes_name_five_rois_at_most():
    """A note about many ROIs counts them and names the first five."""
    many = [box(104, -1 + k / 10, 106, k / 10) for k in range(8)]
    note = align(rois(*many, crs=4326), GRID, pixel_grid=False).notes[0]
    assert note.startswith("8 ROIs cut")
    assert note.endswith("0, 1, 2, 3, 4, ...")


def test_heights_and_compound_crs_do_not_matter():
    """A raster in a compound CRS takes ROIs in its horizontal part untouched."""
    grid = make_grid((200, 100), GRID.affine, parse_crs("EPSG:32633+5773"))
    aligned = align(rois(shapely.Polygon(RING)), grid, pixel_grid=False)
    assert aligned.operation == ""
    assert_array_equal(aligned.x, to_pixels(grid, *np.array(RING + RING[:1]).T)[0])


def lonlat_grid(west: float, cols: int, degrees: float = 1.0):
    return make_grid((10, cols), Affine(degrees, 0.0, west, 0.0, -degrees, 5 * degrees), 4326)


def test_both_halves_of_a_roi_cut_at_the_antimeridian_meet_a_grid_across_it():
    """RFC 7946 cuts at 180 degrees; on a grid from 178 to 182 the halves are one polygon without a seam."""
    halves = shapely.MultiPolygon([box(179.5, -0.25, 180, 0.25), box(-180, -0.25, -179.5, 0.25)])
    aligned = align(rois(halves, crs=4326), lonlat_grid(178, 40, 0.1), pixel_grid=False)
    (polygon,) = to_polygons(aligned)
    assert polygon.geom_type == "Polygon"
    assert polygon.area == pytest.approx(50)
    np.testing.assert_allclose(aligned.bounds, [[15, 2.5, 25, 7.5]])
    assert aligned.notes == ("1 ROI moved by whole turns to where the raster counts longitudes: 0",)


@pytest.mark.parametrize("crs", [4326, 4322])
def test_a_roi_across_greenwich_is_at_both_ends_of_a_grid_from_0_to_360(crs):
    """Pixels 350 to 360 and 0 to 10 are its own, also where the ROI comes from another geographic CRS."""
    grid = lonlat_grid(0, 360)
    aligned = align(rois(box(-10, -1, 10, 1), box(-100, -1, -90, 1), crs=crs), grid, pixel_grid=False)
    first, second = to_polygons(aligned)
    inside = shapely.intersection(first, box(0, 0, 360, 10))
    expected = shapely.union(box(0, 4, 10, 6), box(350, 4, 360, 6))
    assert shapely.symmetric_difference(inside, expected).area < 1e-2
    np.testing.assert_allclose(second.bounds, (260, 4, 270, 6), atol=1e-3)
    assert len(aligned.notes) == 1


def test_what_meets_the_grid_as_it_is_keeps_every_bit():
    """On a grid from -180 to 180 a world-wide ROI, one at the border and one elsewhere stay."""
    shapes = [box(-180, -4, 180, 4), box(170.1, -1, 180, 1), box(-60.3, -1, -59.9, 1), box(0, 50, 1, 51)]
    grid = lonlat_grid(-180, 360)
    aligned = align(rois(*shapes, crs=4326), grid, pixel_grid=False)
    x, y = to_pixels(grid, *shapely.get_coordinates(shapes).T)
    assert_array_equal(aligned.x, x)
    assert_array_equal(aligned.y, y)
    assert aligned.notes == ()
    beyond = align(rois(*shapes, box(175, -1, 185, 1), crs=4326), grid, pixel_grid=False)
    assert_array_equal(beyond.x[: len(x)], x)
    assert to_polygons(beyond)[4].intersection(box(0, 0, 360, 10)).area == pytest.approx(20)


def test_nothing_goes_around_on_a_plane():
    """A projected grid, or one that only claims to be in degrees, gets no ROI from a turn away."""
    degrees = make_grid((10, 10), Affine(10.0, 0.0, 5e5, 0.0, -10.0, 5e6), 4326)
    shape = box(10, 10, 11, 11)
    for grid, crs in ((GRID, 32633), (degrees, 4326)):
        aligned = align(rois(shape, crs=crs), grid, pixel_grid=False)
        assert_array_equal(aligned.x, to_pixels(grid, *shapely.get_coordinates(shape).T)[0])
        assert aligned.notes == ()


def test_hints_name_options_that_exist():
    """Where a CRS is said: when the ROIs are read or made, not when they are clipped."""
    hint = failure(rois(box(0, 0, 1, 1), crs=None), GRID, pixel_grid=False).hint
    assert "read_rois(..., rois_crs=)" in hint
    assert "ROISet.from_geometries(..., crs=)" in hint
    nowhere = make_grid((10, 10), Affine(1.0, 0.0, 0.0, 0.0, -1.0, 10.0), None)
    assert "open_raster(..., raster_crs=)" in failure(rois(box(0, 0, 1, 1)), nowhere, pixel_grid=False).hint
