"""`georoi extract`: to files and stdout, for ROIs and points, what it refuses, the dry run."""

from __future__ import annotations

import io
import json
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

from georoi.api.extraction import extract
from georoi.demo import Demo
from tests.cli.conftest import Run


@pytest.fixture
def points(demo: Demo, tmp_path: Path) -> Path:
    """A point inside each stand of the demo."""
    stands = gpd.read_file(demo.rois)
    path = tmp_path / "points.gpkg"
    stands.set_geometry(stands.representative_point()).to_file(path)
    return path


def test_pixels_go_to_a_file(run: Run, demo: Demo) -> None:
    """The last path is the output; rows are those of the verb; talk goes to stderr."""
    result = run(
        "extract", demo.latest, "out.parquet", "--rois", demo.rois, "--boundary", "center", "-b", "B04"
    )

    assert result.exit_code == 0
    assert result.stdout == ""
    assert "rows | out.parquet" in result.stderr
    expected = extract(demo.latest, demo.rois, boundary="center", bands="B04")
    pd.testing.assert_frame_equal(
        gpd.read_parquet("out.parquet").drop(columns="geometry"), pd.DataFrame(expected)
    )


def test_json_tells_what_was_written(run: Run, demo: Demo) -> None:
    """--json is one object with rows and outputs."""
    told = json.loads(run("extract", demo.latest, "out.csv", "--rois", demo.rois, "-b", "1", "--json").stdout)

    assert told["schema"] == "georoi.extract/1"
    assert told["rows"] > 1000
    assert told["outputs"][0]["format"] == "CSV"
    assert len(told["outputs"][0]["sha256"]) == 64


def test_stdout_gets_csv(run: Run, demo: Demo) -> None:
    """OUT - streams CSV, or NDJSON, to stdout, data alone."""
    csv = run("extract", demo.latest, "-", "--rois", demo.rois, "--where", "id = 'S01'", "-b", "B04")
    lines = run(
        *("extract", "-i", demo.latest, "-o", "-", "--of", "ndjson", "--rois", demo.rois),
        *("--where", "id = 'S01'", "-b", "B04"),
    )

    frame = pd.read_csv(io.StringIO(csv.stdout))
    assert list(frame.columns) == ["roi_id", "row", "col", "x", "y", "weight", "B04"]
    assert set(frame.roi_id) == {"S01"}
    assert [json.loads(line)["B04"] for line in lines.stdout.splitlines()] == frame.B04.tolist()


def test_several_rasters_are_dates(run: Run, demo: Demo) -> None:
    """Two scenes give a row per pixel and date."""
    scenes = sorted(Path(demo.latest).parent.glob("*.tif"))
    result = run(
        *("extract", *scenes, "out.csv", "--rois", demo.rois, "-b", "NDVI", "--boundary", "center"),
        *("--keep-invalid", "--include-field", "id", "--include-field", "kind", "--threads", "1"),
    )

    assert result.exit_code == 0, result.stderr
    frame = pd.read_csv("out.csv")
    assert frame.date.nunique() == len(scenes) > 1
    assert {"state", "NDVI", "id", "kind"} <= set(frame.columns)


def test_points_are_sampled(run: Run, demo: Demo, points: Path) -> None:
    """--points gives one row each, with its attributes and a status."""
    assert run("extract", demo.latest, "out.csv", "--points", points, "--method", "bilinear").exit_code == 0

    frame = pd.read_csv("out.csv")
    assert frame.point_id.tolist() == [f"S{number:02}" for number in range(1, 16)]
    assert frame.status.value_counts().to_dict() == {"ok": 14, "outside": 1}


def test_a_mask_and_an_index(run: Run, demo: Demo) -> None:
    """--mask takes a rule; one that is not understood is exit 2."""
    good = run("extract", demo.latest, "-", "--rois", demo.rois, "-b", "B04", "--mask", "B04 > 100000")
    bad = run("extract", demo.latest, "-", "--rois", demo.rois, "--mask", "SCL in (")

    assert len(good.stdout.splitlines()) == 1
    assert "15 ROIs without a row" in good.stderr
    assert bad.exit_code == 2


def test_dry_run_writes_nothing(run: Run, demo: Demo, points: Path) -> None:
    """--dry-run tells blocks, rows, columns and what would become of the output."""
    text = run("extract", demo.latest, "out.csv", "--rois", demo.rois, "-n")
    Path("out.csv").write_text("precious")
    told = json.loads(run("extract", demo.latest, "out.csv", "--points", points, "-n", "--json").stdout)

    assert text.exit_code == 0
    assert "blocks" in text.stdout
    assert "rows" in text.stdout
    assert "does not exist yet" in text.stdout
    assert told["outputs"][0]["outcome"] == "refused"
    assert told["rows"] == told["plan"]["points"] == 15
    assert Path("out.csv").read_text() == "precious"


def test_what_is_refused(run: Run, demo: Demo, points: Path) -> None:
    """Missing sides, two sides, formats and options that mean nothing are exit 2; an existing output is 5."""
    Path("there.csv").write_text("precious")
    rois = ("--rois", demo.rois)

    assert run("extract").exit_code == 2
    assert "missing argument OUT" in run("extract", "-i", demo.latest, *rois).stderr
    assert "missing argument RASTER" in run("extract", "out.csv", *rois).stderr
    assert run("extract", demo.latest, "out.csv").exit_code == 2
    assert "give one of them" in run("extract", demo.latest, "o.csv", *rois, "--points", points).stderr
    for name in ("out.xyz", "out.gpkg"):
        assert run("extract", demo.latest, name, *rois).exit_code == 2
    assert run("extract", demo.latest, "-", "--of", "Parquet", *rois).exit_code == 2
    assert run("extract", demo.latest, "out.csv", *rois, "--method", "nearest").exit_code == 2
    assert run("extract", demo.latest, "out.csv", "--points", points, "--boundary", "center").exit_code == 2
    assert run("extract", demo.latest, demo.latest, *rois, "--of", "csv", "--overwrite").exit_code == 2
    assert run("extract", demo.latest, "there.csv", *rois).exit_code == 5
    assert run("extract", "nothere.tif", "out.csv", *rois).exit_code == 3
    assert Path("there.csv").read_text() == "precious"


def test_overwrite(run: Run, demo: Demo, points: Path) -> None:
    """--overwrite replaces the table, and the file beside it that tells its origin."""
    for _ in range(2):
        done = run("extract", demo.latest, "out.csv", "--points", points, "--overwrite")
        assert done.exit_code == 0, done.stderr

    beside = json.loads(Path("out.csv.georoi.json").read_text())
    assert beside["georoi"]["options"]["method"] == "nearest"


def test_a_mask_of_another_raster(run: Run, demo: Demo) -> None:
    """--mask-raster holds the bands of --mask, and means nothing without it."""
    common = ("extract", demo.latest, "-", "--rois", demo.rois, "-b", "B04", "--where", "id = 'S01'")

    kept = run(*common, "--mask", "B08 > 0", "--mask-raster", demo.latest)
    idle = run(*common, "--mask-raster", demo.latest)

    assert kept.exit_code == 0, kept.stderr
    assert kept.stdout == run(*common, "--mask", "B08 > 0").stdout
    assert idle.exit_code == 2
