"""`georoi clip`: the same pixels as the library's, weights, one file per ROI, options of the format."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio

import georoi
from georoi.demo import Demo
from tests.cli.conftest import Run
from tests.cli.outputs import files, read


@pytest.mark.parametrize("boundary", ["center", "all-touched", "fraction"])
def test_clip_equals_the_library(run: Run, demo: Demo, boundary: str) -> None:
    """`clip` writes what `georoi.clip` computes."""
    result = run("clip", demo.latest, "out.tif", "--rois", demo.rois, "--boundary", boundary)
    expected = georoi.clip(demo.latest, demo.rois, boundary=boundary, compute=True)

    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    np.testing.assert_array_equal(read("out.tif"), expected.values)


def test_clip_takes_all_shaping_options(run: Run, demo: Demo) -> None:
    """Bands, padding, blocks, inversion, a soft edge and nodata go through to the library."""
    given = ["-b", "B04", "-b", "4", "--pad", "3", "--crop", "blocks", "--feather", "2", "--nodata", "65535"]
    result = run("clip", "-i", demo.latest, "-o", "out.tif", "--rois", demo.rois, "--invert", *given)
    expected = georoi.clip(
        demo.latest,
        demo.rois,
        bands=["B04", 4],
        pad=3,
        crop="blocks",
        feather=2,
        nodata=65535,
        invert=True,
        compute=True,
    )

    assert result.exit_code == 0, result.stderr
    np.testing.assert_array_equal(read("out.tif"), expected.values)
    with rasterio.open("out.tif") as dataset:
        assert dataset.nodata == 65535


def test_clip_json_tells_what_was_written(run: Run, demo: Demo) -> None:
    """With --json the outputs come with their size and hash."""
    import hashlib

    told = json.loads(run("clip", demo.latest, "out.tif", "--rois", demo.rois, "--json").stdout)
    (output,) = told["outputs"]
    content = Path("out.tif").read_bytes()

    assert told["schema"] == "georoi.clip/1"
    assert (output["path"], output["bytes"]) == ("out.tif", len(content))
    assert output["sha256"] == hashlib.sha256(content).hexdigest()


def test_clip_writes_weights(run: Run, demo: Demo) -> None:
    """--weights-out adds a raster of weights on the clip's grid."""
    arguments = ["--rois", demo.rois, "--boundary", "fraction", "--weights-out", "weights.tif"]
    result = run("clip", demo.latest, "out.tif", *arguments)
    expected = georoi.mask(demo.latest, demo.rois, boundary="fraction", compute=True)

    assert result.exit_code == 0, result.stderr
    np.testing.assert_array_equal(read("weights.tif")[0], expected.values)


def test_clip_each_writes_a_file_per_roi(run: Run, demo: Demo) -> None:
    """--each makes a folder with a file per ROI, an index, and the marker that it is complete."""
    result = run("clip", demo.latest, "each", "--rois", demo.rois, "--each")
    names = [path.name for path in Path("each").iterdir()]

    assert result.exit_code == 0, result.stderr
    assert len([name for name in names if name.endswith(".tif")]) == 15
    assert {"index.csv", "_SUCCESS"} <= set(names)


def test_an_option_of_the_format(run: Run, demo: Demo) -> None:
    """--co goes to the writer, and a wrong one is refused."""
    assert run("clip", demo.latest, "a.tif", "--rois", demo.rois, "--co", "COMPRESS=ZSTD").exit_code == 0
    with rasterio.open("a.tif") as dataset:
        assert dataset.compression.value == "ZSTD"
    assert run("clip", demo.latest, "b.tif", "--rois", demo.rois, "--co", "COMPRESS=NONSENSE").exit_code == 2
    assert run("clip", demo.latest, "b.tif", "--rois", demo.rois, "--co", "COMPRESS").exit_code == 2
    assert files() == ["a.tif"]


def test_threads_do_not_change_the_result(run: Run, demo: Demo) -> None:
    """One thread or all: the same bytes."""
    for threads in ("1", "all"):
        assert (
            run("clip", demo.latest, f"{threads}.tif", "--rois", demo.rois, "--threads", threads).exit_code
            == 0
        )

    assert Path("1.tif").read_bytes() == Path("all.tif").read_bytes()


def test_a_scheduler_in_clear_is_refused(run: Run, demo: Demo) -> None:
    """tcp:// beyond this machine needs --insecure."""
    result = run("clip", demo.latest, "out.tif", "--rois", demo.rois, "--scheduler", "tcp://192.0.2.1:8786")

    assert result.exit_code == 2
    assert "--insecure" in result.stderr


def test_one_file_per_roi_is_not_put_into_a_folder_named_like_a_file(run: Run, demo: Demo) -> None:
    """A folder called out.tif would mislead: exit 2 with a hint, dry or not, and nothing is made."""
    for more in ([], ["--dry-run"], ["--of", "COG"]):
        result = run("clip", demo.latest, "out.tif", "--rois", demo.rois, "--each", *more)
        assert result.exit_code == 2
        assert "name a folder, such as out" in result.stderr
        assert files() == []
    Path("odd.tif").mkdir()
    assert run("clip", demo.latest, "odd.tif", "--rois", demo.rois, "--each").exit_code == 0
