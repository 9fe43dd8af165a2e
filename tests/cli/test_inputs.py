"""Commands keep what they read, also with --overwrite."""

from __future__ import annotations

from pathlib import Path

import pytest
import rasterio

import georoi
from georoi.errors import UsageError
from georoi.io.output.spec import DTYPES
from tests.cli.conftest import Run
from tests.cli.test_bad_input import make_raster, make_rois


@pytest.mark.parametrize(
    "arguments",
    [
        ("clip", "in.tif", "in.tif"),
        ("clip", "in.tif", "in.tif", "-n"),
        ("mask", "in.tif", "./in.tif"),
        ("clip", "in.tif", "out.tif", "--weights-out", "in.tif"),
        ("clip", "in.tif", ".", "--each"),
        ("mask", "in.tif", "rois.geojson", "--of", "GTiff"),
    ],
)
def test_outputs_are_no_inputs(run: Run, arguments):
    """An output that is the raster or the ROI file, or a folder of theirs, is refused; both stay."""
    make_raster()
    make_rois()
    before = {path.name: path.read_bytes() for path in Path().iterdir()}
    result = run(*arguments, "--rois", "rois.geojson", "--overwrite")
    assert result.exit_code == 2, result.output
    assert "error[E-USE-01]: the output is the" in result.stderr
    assert {path.name: path.read_bytes() for path in Path().iterdir()} == before


def test_verbs_keep_their_inputs(run: Run):
    """clip_file and write refuse it too, given a path or a Raster."""
    make_raster()
    make_rois()
    before = Path("in.tif").read_bytes()
    for source in ("in.tif", georoi.open_raster("in.tif")):
        with pytest.raises(UsageError, match="output is the input"):
            georoi.clip_file(source, "rois.geojson", "in.tif", overwrite=True)
        with pytest.raises(UsageError, match="output is the input"):
            georoi.write(source, "in.tif", overwrite=True)
    assert Path("in.tif").read_bytes() == before


@pytest.mark.parametrize("dtype", ["int7", "", "float16", "complex64"])
def test_dtypes_that_cannot_be_written(run: Run, dtype):
    """They are refused as usage, and those that can be written are listed."""
    make_raster()
    make_rois()
    result = run("mask", "in.tif", "out.tif", "--rois", "rois.geojson", "--dtype", dtype)
    assert result.exit_code == 2, result.output
    assert all(name in result.stderr for name in DTYPES)
    assert not Path("out.tif").exists()


@pytest.mark.parametrize("rule", ["CENTER", "all_touched", "All-Touched"])
def test_boundaries_in_any_spelling(run: Run, rule):
    """The rule may be written as in Python, and in any case."""
    make_raster()
    make_rois()
    result = run("clip", "in.tif", "out.tif", "--rois", "rois.geojson", "--boundary", rule)
    assert result.exit_code == 0, result.output
    with rasterio.open("out.tif") as dataset:
        assert dataset.tags()["GEOROI_BOUNDARY"] == rule.lower().replace("-", "_")
