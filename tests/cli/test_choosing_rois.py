"""Regions of interest on the command line: a file, a box, GeoJSON through stdin, pixels."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio

from georoi.demo import Demo
from tests.cli.conftest import Run
from tests.cli.outputs import files, read


@pytest.mark.parametrize("command", ["clip", "mask"])
def test_rois_are_required(run: Run, demo: Demo, command: str) -> None:
    """Without ROIs there is no silent copy: exit 2, nothing written."""
    result = run(command, demo.latest, "out.tif")

    assert result.exit_code == 2
    assert "--rois" in result.stderr
    assert files() == []


def test_a_box_can_be_the_region(run: Run, demo: Demo) -> None:
    """--bbox with --bbox-crs, and no --rois, clips the box."""
    box = "22.150,45.202,22.152,45.204"
    result = run("clip", demo.latest, "out.tif", "--bbox", box, "--bbox-crs", "EPSG:4326")

    assert result.exit_code == 0, result.stderr
    assert result.stderr.startswith("1 ROI | out.tif")


@pytest.mark.parametrize(
    "box", ["1,2,3", "a,b,c,d", "2,2,1,1"], ids=["three numbers", "no numbers", "no area"]
)
def test_a_bad_box_is_exit_2(run: Run, demo: Demo, box: str) -> None:
    """A box is four numbers, with an area."""
    assert run("clip", demo.latest, "out.tif", "--bbox", box, "--bbox-crs", "EPSG:4326").exit_code == 2


def test_a_box_needs_its_crs(run: Run, demo: Demo) -> None:
    """A box alone has no CRS unless it is said."""
    result = run("clip", demo.latest, "out.tif", "--bbox", "1,2,3,4")

    assert result.exit_code == 2
    assert "--bbox-crs" in result.stderr


def test_rois_come_through_stdin(run: Run, demo: Demo) -> None:
    """--rois - reads GeoJSON, or one feature a line, from stdin."""
    text = demo.rois.read_text()
    lines = "\n".join(json.dumps(feature) for feature in json.loads(text)["features"])
    whole = run("clip", demo.latest, "a.tif", "--rois", "-", stdin=text)
    apart = run("clip", demo.latest, "b.tif", "--rois", "-", "--rois-crs", "EPSG:4326", stdin=lines)

    assert (whole.exit_code, apart.exit_code) == (0, 0), whole.stderr + apart.stderr
    np.testing.assert_array_equal(read("a.tif"), read("b.tif"))


def test_pixel_space(run: Run) -> None:
    """--pixel clips a picture without georeference by a box of pixels; without it the CRS is missing."""
    import warnings

    values = np.arange(1, 101, dtype=np.uint8).reshape(1, 10, 10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(
            "in.tif", "w", driver="GTiff", width=10, height=10, count=1, dtype="uint8"
        ) as file:
            file.write(values)
        result = run("clip", "in.tif", "out.tif", "--pixel", "--bbox", "2,3,6,5", "--nodata", "0")
        refused = run("clip", "in.tif", "b.tif", "--bbox", "2,3,6,5", "--bbox-crs", "EPSG:4326")

        assert result.exit_code == 0, result.stderr
        np.testing.assert_array_equal(read("out.tif"), values[:, 3:5, 2:6])
        assert refused.exit_code == 3
        assert "error[E-CRS-01]" in refused.stderr


def test_features_on_lines_are_in_degrees(run: Run, demo: Demo) -> None:
    """Newline-delimited GeoJSON is GeoJSON: EPSG:4326 without saying so."""
    shape = {"type": "Polygon", "coordinates": [[[15, 45], [15.001, 45], [15.001, 45.001], [15, 45]]]}
    lines = [json.dumps({"type": "Feature", "properties": {}, "geometry": shape}), json.dumps(shape)]
    result = run("plan", demo.latest, "--rois", "-", stdin="\n".join(lines))
    assert "the CRS of the ROIs is unknown" not in result.output
    assert "EPSG:4326" in result.output


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        "[" * 200_000,
        "[1, 2]",
        '{"type": "FeatureCollection", "features": {"a": 1}}',
        '{"type": "FeatureCollection", "features": 3}\n{"type": "FeatureCollection", "features": 3}',
    ],
)
def test_stdin_that_is_no_geojson_is_exit_3(run: Run, demo: Demo, text: str) -> None:
    """What a file could not hold either is bad input, never a traceback."""
    result = run("clip", demo.latest, "a.tif", "--rois", "-", stdin=text)
    assert result.exit_code == 3, result.output
    assert "error[E-ROI-0" in result.stderr


def test_stdin_is_read_as_a_file_is(run: Run, demo: Demo) -> None:
    """The CRS that each of several texts states counts, and so does a byte order mark not."""
    import geopandas

    here = json.loads(geopandas.read_file(demo.rois).to_crs(3857).to_json(to_wgs84=False))
    assert here["crs"]["properties"]["name"].endswith("3857")
    run("clip", demo.latest, "a.tif", "--rois", demo.rois)
    for text in ("\ufeff" + json.dumps(here), json.dumps(here) + "\n" + json.dumps(here) + "\n"):
        result = run("clip", demo.latest, "b.tif", "--rois", "-", "--overwrite", stdin=text)
        assert result.exit_code == 0, result.stderr
        np.testing.assert_array_equal(read("b.tif"), read("a.tif"))


def test_names_that_are_too_long(run: Run, demo: Demo) -> None:
    """No file can be called so: a missing input, or an output that cannot be made."""
    long = "a" * 300
    box = ("--bbox", "22.150,45.202,22.152,45.204", "--bbox-crs", "EPSG:4326")
    for given in ((long, "out.tif"), (demo.latest, f"{long}.tif"), (demo.latest, long, "--each")):
        result = run("clip", *given, *box)
        assert (result.exit_code, result.stderr[:8]) == (3, "error[E-"), result.output
        assert "internal" not in result.stderr
    assert run("clip", demo.latest, f"{long}.tif", *box, "--dry-run").exit_code == 0
    assert (
        run("stats", demo.latest, "--rois", demo.rois, "--mask", "x == 1", "--mask-raster", long).exit_code
        == 3
    )
