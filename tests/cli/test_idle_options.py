"""Options that would have no effect, or lose a value, are refused before anything is read or written."""

from __future__ import annotations

from pathlib import Path

import pytest

import georoi
from georoi.demo import Demo, make_demo
from georoi.errors import UsageError
from tests.cli.conftest import Run

BOX = ["--bbox", "22.1,45.1,22.2,45.3", "--bbox-crs", "EPSG:4326"]


@pytest.mark.parametrize("command", ["info", "check", "plan", "clip", "mask"])
@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--rois", "ROIS", "--rois", "ROIS"], "--rois is given 2 times"),
        (["--rois", "ROIS", "--bbox-crs", "EPSG:4326"], "--bbox-crs goes with --bbox alone"),
        ([*BOX, "--layer", "stands"], "--layer is about a file of ROIs"),
        ([*BOX, "--where", "id = 1"], "--where is about a file of ROIs"),
        ([*BOX, "--id-column", "id"], "--id-column is about a file of ROIs"),
        ([*BOX, "--rois-crs", "EPSG:4326"], "--rois-crs is about a file of ROIs"),
        (["--bbox-crs", "EPSG:4326"], "--bbox-crs is about a box"),
        (["--rois", "ROIS", "--pixel", "--raster-crs", "EPSG:3035"], "the raster has no CRS"),
    ],
)
def test_options_about_rois_need_them(
    run: Run, demo: Demo, command: str, options: list[str], what: str
) -> None:
    """Exit 2, and the message names the option."""
    out = ["out.tif"] if command in ("clip", "mask") else []
    given = [str(demo.rois) if option == "ROIS" else option for option in options]
    result = run(command, demo.latest, *out, *given)

    assert result.exit_code == 2
    assert what in result.stderr
    assert result.stdout == ""
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    ("command", "options", "what"),
    [
        ("mask", ["-b", "1"], "-b"),
        ("mask", ["--nodata", "0"], "--nodata"),
        ("mask", ["--overlap", "first"], "give --labels"),
        ("clip", ["--insecure"], "give --scheduler"),
        ("clip", ["--pad", "1", "--pad", "2"], "--pad is given 2 times"),
        ("clip", ["--of", "COG", "-f", "GTiff"], "is given 2 times"),
    ],
)
def test_options_without_effect_are_refused(
    run: Run, demo: Demo, command: str, options: list[str], what: str
) -> None:
    """A mask has no bands, no nodata and one value inside; --insecure is about a scheduler."""
    result = run(command, demo.latest, "out.tif", "--rois", demo.rois, *options)

    assert result.exit_code == 2
    assert what in result.stderr
    assert not Path("out.tif").exists()


def test_options_that_may_be_repeated_are(run: Run, demo: Demo) -> None:
    """Bands, creation options and flags may be given several times."""
    given = ["-b", "1", "-b", "2", "--co", "COMPRESS=LZW", "--co", "PREDICTOR=2", "-q", "-q", "--overwrite"]
    result = run("clip", demo.latest, "out.tif", "--rois", demo.rois, *given, "--overwrite")

    assert result.exit_code == 0, result.stderr
    assert georoi.open_raster("out.tif").count == 2


def test_dates_need_real_imagery(run: Run, tmp_path: Path) -> None:
    """The synthetic demo has dates of its own: --dates and dates= are refused, and no folder is made."""
    result = run("demo", "folder", "--dates", "all")

    assert result.exit_code == 2
    assert "give --source" in result.stderr
    with pytest.raises(UsageError, match="real imagery"):
        make_demo(tmp_path / "folder", dates="2018-07-21")
    assert not Path("folder").exists()


def test_whose_label_a_pixel_gets_is_no_question_without_labels(demo: Demo) -> None:
    """mask(overlap=) goes with labels alone."""
    with pytest.raises(UsageError, match="no labels are asked for"):
        georoi.mask(demo.latest, demo.rois, overlap="first")
