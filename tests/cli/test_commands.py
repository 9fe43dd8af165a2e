"""The commands on the synthetic demo: what all of them keep to, and info, check and plan."""

from __future__ import annotations

import fcntl
import json
import os
import struct
import subprocess
import sys
import termios
from pathlib import Path

import numpy as np
import pytest
import rasterio

from georoi.demo import Demo
from tests.cli.conftest import Run
from tests.cli.outputs import files, read


def test_info_describes_both_sides(run: Run, demo: Demo) -> None:
    """`info` names grid, CRS, bands and nodata, and the ROIs with their ids."""
    result = run("info", demo.latest, "--rois", demo.rois)

    assert result.exit_code == 0
    assert "crs:    EPSG:3035" in result.stdout
    assert "1 B02, uint16, nodata 0" in result.stdout
    assert "count:   15 ROIs" in result.stdout
    assert "S01, S02" in result.stdout
    assert result.stderr == ""


def test_info_json(run: Run, demo: Demo) -> None:
    """`info --json` is one object with both sides."""
    told = json.loads(run("info", demo.latest, "--rois", demo.rois, "--json").stdout)

    assert told["schema"] == "georoi.info/1"
    assert told["raster"]["shape"] == [1400, 1500]
    assert told["rois"]["count"] == 15
    assert len(told["rois"]["fingerprint"]) == 64


def test_a_missing_raster_is_exit_3(run: Run) -> None:
    """A raster that is not there is one message, exit 3, nothing on stdout."""
    result = run("info", "nothere.tif")

    assert result.exit_code == 3
    assert result.stderr.startswith("error[E-RAS-01]: ")
    assert "nothere.tif" in result.stderr
    assert result.stdout == ""


def test_check_exits_1_on_findings(run: Run, demo: Demo) -> None:
    """The demo's overlapping and overhanging stands are findings; the table gives a verdict each."""
    result = run("check", demo.latest, "--rois", demo.rois)

    assert result.exit_code == 1
    assert "S07  partly outside" in result.stdout


def test_check_exits_0_when_clean(run: Run, demo: Demo) -> None:
    """A stand by itself, wholly inside, has no finding."""
    result = run("check", demo.latest, "--rois", demo.rois, "--where", "id = 'S01'")

    assert result.exit_code == 0


def test_check_exits_3_when_nothing_can_be_computed(run: Run, demo: Demo) -> None:
    """A box elsewhere blocks the check."""
    result = run("check", demo.latest, "--bbox", "10,50,10.1,50.1", "--bbox-crs", "EPSG:4326", "--json")
    told = json.loads(result.stdout)

    assert result.exit_code == 3
    assert told["exit_status"] == 3
    assert any(remark["id"] == "E-CRS-02" for remark in told["remarks"])


def test_plan_reads_the_touched_blocks_only(run: Run, demo: Demo) -> None:
    """The stands lie in one block of nine."""
    told = json.loads(run("plan", demo.latest, "--rois", demo.rois, "--json").stdout)["plan"]

    assert (told["blocks"], told["blocks_total"], told["passes"]) == (1, 9, 1)


@pytest.mark.parametrize("command", ["clip", "mask"])
def test_an_existing_output_is_exit_5(run: Run, demo: Demo, command: str) -> None:
    """An output is replaced with --overwrite only."""
    Path("out.tif").write_text("precious")
    refused = run(command, demo.latest, "out.tif", "--rois", demo.rois)

    assert refused.exit_code == 5
    assert "error[E-OUT-01]" in refused.stderr
    assert Path("out.tif").read_text() == "precious"
    assert run(command, demo.latest, "out.tif", "--rois", demo.rois, "--overwrite").exit_code == 0
    assert read("out.tif").ndim == 3


@pytest.mark.parametrize("command", ["clip", "mask"])
def test_an_unknown_extension_is_exit_2_with_the_list(run: Run, demo: Demo, command: str) -> None:
    """The formats that can be written are listed."""
    result = run(command, demo.latest, "out.xyz", "--rois", demo.rois)

    assert result.exit_code == 2
    assert "GTiff, COG, Zarr, PNG, JPEG" in result.stderr
    assert files() == []


def test_a_missing_folder_is_exit_3(run: Run, demo: Demo) -> None:
    """The output's folder is not made up."""
    result = run("clip", demo.latest, "no/out.tif", "--rois", demo.rois)

    assert result.exit_code == 3
    assert "error[E-OUT-02]" in result.stderr


def test_no_overlap_is_exit_3_and_names_both_sides(run: Run, demo: Demo) -> None:
    """A box elsewhere is E-CRS-02 with both extents, and nothing is written."""
    result = run("clip", demo.latest, "out.tif", "--bbox", "10,50,10.1,50.1", "--bbox-crs", "EPSG:4326")

    assert result.exit_code == 3
    assert "error[E-CRS-02]" in result.stderr
    assert "rois:" in result.stderr
    assert "raster:" in result.stderr
    assert files() == []


def test_quiet_says_nothing(run: Run, demo: Demo) -> None:
    """-q leaves stderr empty when all is well."""
    result = run("clip", demo.latest, "out.tif", "--rois", demo.rois, "-q")

    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_text_from_files_stays_harmless(run: Run, demo: Demo) -> None:
    """Ids with escape sequences and bidi overrides reach the terminal as escapes, in every command."""
    hostile = "\x1b[2Jevil\u202e\r"
    feature = {
        "type": "Feature",
        "properties": {"id": hostile},
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[22.15, 45.20], [22.152, 45.20], [22.152, 45.202], [22.15, 45.20]]],
        },
    }
    Path("rois.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature] * 2}))
    options = ["-i", str(demo.latest), "--rois", "rois.geojson", "--id-column", "id"]
    for command, *more in (
        ["info"],
        ["check"],
        ["plan"],
        ["clip", "--each", "-o", "each"],
        ["mask", "--labels", "-o", "mask.tif"],
    ):
        result = run(command, *options, *more)

        assert "evil" in result.output or result.exit_code == 0
        assert not {"\x1b", "\u202e", "\r"} & set(result.output), command


def test_progress_is_drawn_on_a_terminal_only(demo: Demo, tmp_path: Path) -> None:
    """stderr of a terminal gets a bar, stderr of a pipe and stdout never do."""
    clip = ["clip", str(demo.latest), "out.tif", "--rois", str(demo.rois), "--overwrite"]
    command = [sys.executable, "-m", "georoi.cli.main", *clip]
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    on_terminal = subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs, check=True)
    os.close(theirs)
    drawn = os.read(ours, 100_000)
    os.close(ours)
    piped = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)

    assert b"clip:" in drawn
    assert on_terminal.stdout == b""
    assert piped.stderr.startswith(b"15 ROIs | out.tif")


def test_a_closed_pipe_is_no_bug(demo: Demo) -> None:
    """A reader that has seen enough ends the command without a message of a bug."""
    check = f"{sys.executable} -m georoi.cli.main check {demo.latest} --rois {demo.rois} --json"
    done = subprocess.run(["bash", "-c", f"{check} | head -c 10"], capture_output=True, text=True)

    assert "E-INT-01" not in done.stderr
    assert "Traceback" not in done.stderr


def test_sizes_are_rows_by_columns_in_every_command(run: Run, demo: Demo) -> None:
    """The scene has 1400 rows and 1500 columns; `info`, `check` and `plan` say so in one order."""
    for command in ("info", "check", "plan"):
        assert "1400 rows x 1500 columns" in run(command, demo.latest, "--rois", demo.rois).stdout
    values = np.ones((1, 40, 70), dtype="uint8")
    with rasterio.open(
        "strips.tif",
        "w",
        driver="GTiff",
        width=70,
        height=40,
        count=1,
        dtype="uint8",
        crs="EPSG:3035",
        transform=(10, 0, 5e6, 0, -10, 2e6),
        blockysize=8,
    ) as dataset:
        dataset.write(values)
    assert "blocks of 8 x 70" in run("info", "strips.tif").stdout
