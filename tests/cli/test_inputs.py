"""Commands keep what they read, also with --overwrite."""

from __future__ import annotations

from pathlib import Path

import pytest

import georoi
from georoi.errors import UsageError
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
