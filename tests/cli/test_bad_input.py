"""Bad input: each has its id and exit code 3, no traceback, and nothing is written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint

from tests.cli.conftest import Run

TRANSFORM = rasterio.Affine(10, 0, 500_000, 0, -10, 5_200_000)
INSIDE = [[500_100, 5_199_900], [500_300, 5_199_900], [500_300, 5_199_600], [500_100, 5_199_900]]


def make_raster(name: str = "in.tif", **options: object) -> None:
    """A raster of 64 x 64 pixels of 10 m in UTM 33N, unless the options say otherwise."""
    profile = {
        "driver": "GTiff",
        "width": 64,
        "height": 64,
        "count": 1,
        "dtype": "uint16",
        "crs": "EPSG:32633",
        "transform": TRANSFORM,
        "nodata": 0,
        "tiled": True,
        "blockxsize": 16,
        "blockysize": 16,
        "compress": "deflate",
        **options,
    }
    random = np.random.default_rng(1)
    with rasterio.open(name, "w", **profile) as dataset:
        dataset.write(random.integers(1, 60_000, (1, 64, 64)).astype(np.uint16))


def make_rois(ring: object = None, *, crs: str | None = "EPSG:32633", kind: str = "Polygon") -> None:
    """A GeoJSON file with one feature, its CRS in the old way that files use for projected coordinates."""
    geometry = {"type": kind, "coordinates": [ring or INSIDE] if kind == "Polygon" else ring}
    content: dict[str, object] = {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "properties": {"id": 1}, "geometry": geometry}],
    }
    if crs:
        content["crs"] = {"type": "name", "properties": {"name": crs}}
    Path("rois.geojson").write_text(json.dumps(content))


def refuse(run: Run, id: str, *options: object, raster: str = "in.tif", command: str = "clip") -> str:
    """Run a clip that must fail with this id, write nothing and show no traceback; return what it said."""
    before = sorted(path.name for path in Path().iterdir())
    result = run(command, raster, "out.tif", "--rois", "rois.geojson", *options)

    assert result.exit_code == 3, result.stderr
    assert f"error[{id}]: " in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""
    assert sorted(path.name for path in Path().iterdir()) == before
    return result.stderr


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_raster_without_crs(run: Run) -> None:
    """The CRS of the raster is not guessed; the hint names the option that says it."""
    make_raster(crs=None)
    make_rois()

    assert "--raster-crs" in refuse(run, "E-CRS-01")
    assert (
        run("clip", "in.tif", "out.tif", "--rois", "rois.geojson", "--raster-crs", "EPSG:32633").exit_code
        == 0
    )


def test_rois_without_crs(run: Run) -> None:
    """The CRS of the ROIs is not guessed; the hint names the option that says it."""
    make_raster()
    make_rois()
    import geopandas

    frame = geopandas.read_file("rois.geojson").set_crs(None, allow_override=True)
    frame.to_parquet("rois.parquet")
    result = run("clip", "in.tif", "out.tif", "--rois", "rois.parquet")

    assert (result.exit_code, "error[E-CRS-01]" in result.stderr, "--rois-crs" in result.stderr) == (
        3,
        True,
        True,
    )


def test_no_overlap(run: Run) -> None:
    """Both extents are named."""
    make_raster()
    make_rois([[1, 1], [2, 1], [2, 2], [1, 1]], crs=None)

    told = refuse(run, "E-CRS-02")
    assert "rois:" in told
    assert "raster:" in told


def test_swapped_axes(run: Run) -> None:
    """Latitude before longitude gets the hint that x and y exchanged would overlap."""
    make_raster()
    make_rois([[46.95, 15.001], [46.952, 15.001], [46.952, 15.004], [46.95, 15.001]], crs=None)

    assert "with x and y exchanged the ROIs would overlap" in refuse(run, "E-CRS-02")


def test_coordinates_out_of_range(run: Run) -> None:
    """Metres that claim to be degrees are refused before any transform."""
    make_raster()
    make_rois(crs=None)

    refuse(run, "E-CRS-03")


@pytest.mark.parametrize("kind", ["Point", "LineString"])
def test_rois_without_polygons(run: Run, kind: str) -> None:
    """Points and lines are no regions."""
    make_raster()
    make_rois([500_100, 5_199_900] if kind == "Point" else INSIDE, kind=kind)

    refuse(run, "E-ROI-02")


@pytest.mark.parametrize("value", ["NaN", "Infinity"])
def test_coordinates_that_are_not_finite(run: Run, value: str) -> None:
    """NaN and infinity are not burnt into anything."""
    make_raster()
    make_rois()
    text = Path("rois.geojson").read_text().replace("500300", value)
    Path("rois.geojson").write_text(text)

    refuse(run, "E-ROI-03")


def test_a_missing_roi_file(run: Run) -> None:
    """The file is named."""
    make_raster()

    assert "rois.geojson" in refuse(run, "E-ROI-01")


def test_a_raster_that_is_none(run: Run) -> None:
    """Text called .tif is refused by its content."""
    Path("in.tif").write_text("no raster")
    make_rois()

    refuse(run, "E-RAS-01")


def test_a_truncated_raster(run: Run) -> None:
    """A file that ends early is found when its blocks are read: the window is named, and nothing stays."""
    make_raster()
    content = Path("in.tif").read_bytes()
    Path("in.tif").write_bytes(content[: len(content) - 6000])
    make_rois([[500_000, 5_199_360], [500_640, 5_199_360], [500_640, 5_200_000], [500_000, 5_199_360]])

    assert "in.tif" in refuse(run, "E-RAS-02")


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_raster_with_control_points_only(run: Run) -> None:
    """Control points are no grid; the hint says to warp."""
    points = [
        GroundControlPoint(row, col, 15 + col / 1e3, 47 - row / 1e3) for row in (0, 64) for col in (0, 64)
    ]
    make_raster(transform=None, gcps=points, crs="EPSG:4326")
    make_rois()

    assert "warp" in refuse(run, "E-RAS-03")


def test_a_band_out_of_range(run: Run) -> None:
    """Bands are counted from 1."""
    make_raster()
    make_rois()

    refuse(run, "E-RAS-04", "--band", "2")
    refuse(run, "E-RAS-04", "--band", "0")
    refuse(run, "E-RAS-04", "--band", "nir")


def test_nodata_that_does_not_fit(run: Run) -> None:
    """A value that no pixel can hold is refused."""
    make_raster()
    make_rois()

    refuse(run, "E-RAS-05", "--nodata", "-1")


def test_a_folder_that_cannot_be_written_to(run: Run) -> None:
    """A folder that is missing or takes no files is found before any work."""
    make_raster()
    make_rois()
    for folder in ("missing", "in.tif", "/proc"):
        result = run("clip", "in.tif", f"{folder}/out.tif", "--rois", "rois.geojson")

        assert (result.exit_code, "error[E-OUT-02]" in result.stderr) == (3, True), result.stderr


def test_rotated_and_south_up_grids_are_right(run: Run) -> None:
    """Grids that are turned or lie south up are no bad input: the mask is the one that GDAL makes."""
    from rasterio.features import geometry_mask

    for transform in (
        rasterio.Affine(10, 0, 500_000, 0, 10, 5_199_360),
        rasterio.Affine(9, 3, 500_000, 3, -9, 5_199_900),
    ):
        make_raster(transform=transform)
        make_rois()
        result = run("mask", "in.tif", "out.tif", "--rois", "rois.geojson", "--crop", "none", "--overwrite")
        shape = {"type": "Polygon", "coordinates": [INSIDE]}
        expected = geometry_mask([shape], (64, 64), transform, invert=True)

        assert result.exit_code == 0, result.stderr
        with rasterio.open("out.tif") as dataset:
            np.testing.assert_array_equal(dataset.read(1), expected)
        assert expected.any()
