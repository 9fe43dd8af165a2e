"""`georoi separability`: the library's table as CSV, JSON and a file, and refusals before any work."""

from __future__ import annotations

import csv
import io
import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from georoi.api.separability import separability
from georoi.demo import Demo
from tests.cli.conftest import Run
from tests.cli.outputs import files

SOME = ("--where", "id IN ('S01', 'S02', 'S03')")
BANDS = ("-b", "B04", "-b", "NDVI")


def expected_of(demo: Demo) -> pd.DataFrame:
    """The same by the library."""
    rois = gpd.read_file(demo.rois)
    return separability(demo.latest, rois[rois.id.isin(["S01", "S02", "S03"])], "id", bands=["B04", "NDVI"])


def test_csv_on_stdout_equals_the_library(run: Run, demo: Demo) -> None:
    """Without -o the pairs go to stdout as CSV, digits and all; nothing is written."""
    result = run("separability", demo.latest, "--rois", demo.rois, *SOME, "--by", "id", *BANDS)

    assert result.exit_code == 0, result.stderr
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [(row["class_a"], row["class_b"]) for row in rows] == [
        ("S01", "S02"),
        ("S01", "S03"),
        ("S02", "S03"),
    ]
    found = [float(row["jeffries_matusita"]) for row in rows]
    assert np.array_equal(found, expected_of(demo).jeffries_matusita)
    assert files() == []


def test_json_has_null_for_what_is_missing(run: Run, demo: Demo) -> None:
    """--json is one object; where a mask leaves nothing to compare, distances are null and say why."""
    result = run(
        "separability", demo.latest, "--rois", demo.rois, *SOME, "--mask", "B04 == 300", *BANDS, "--json"
    )

    told = json.loads(result.stdout)
    assert told["schema"] == "georoi.separability/1"
    assert told["rows"] == 3
    for row in told["table"]:
        assert row["jeffries_matusita"] is None
        assert row["status"] in ("no_valid", "too_few", "singular")
        assert row["reason"]


def test_a_file_holds_table_and_origin(run: Run, demo: Demo) -> None:
    """-o writes the table; a second time only with --overwrite (exit 5)."""
    arguments = ("separability", demo.latest, "--rois", demo.rois, *SOME, *BANDS, "-o", "pairs.parquet")
    first, second = run(*arguments), run(*arguments)

    assert first.exit_code == 0, first.stderr
    assert second.exit_code == 5
    assert files() == ["pairs.parquet"]
    frame = pd.read_parquet("pairs.parquet")
    assert np.array_equal(frame.bhattacharyya, expected_of(demo).bhattacharyya)
    assert run(*arguments, "--overwrite").exit_code == 0


@pytest.mark.parametrize(
    ("more", "code", "text"),
    [
        (("--where", "id = 'S01'"), 2, "there is one"),
        (("--by", "sort"), 3, "E-ROI-08"),
        (("-b", "B99"), 3, "E-RAS-04"),
        (("--mask-raster", "x.tif"), 2, "--mask"),
        (("--include-field", "kind"), 2, "No such option"),
    ],
)
def test_refusals(run: Run, demo: Demo, more: tuple[str, ...], code: int, text: str) -> None:
    """What cannot be done is a message and an exit code; stdout stays empty."""
    result = run("separability", demo.latest, "--rois", demo.rois, *more)

    assert result.exit_code == code
    assert text in result.stderr
    assert result.stdout == ""
