"""The commands on the synthetic demo: what they print, write and exit with."""

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

import georoi
from georoi.demo import Demo
from tests.cli.conftest import Run


def read(path: Path | str) -> np.ndarray:
    with rasterio.open(path) as dataset:
        return dataset.read()


def files() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


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


def test_dry_run_writes_nothing(run: Run, demo: Demo) -> None:
    """--dry-run prints the plan."""
    result = run("clip", demo.latest, "out.tif", "--rois", demo.rois, "--dry-run")

    assert result.exit_code == 0
    assert "blocks   1 of 9" in result.stdout
    assert files() == []


@pytest.mark.parametrize("command", ["clip", "mask"])
def test_rois_are_required(run: Run, demo: Demo, command: str) -> None:
    """Without ROIs there is no silent copy: exit 2, nothing written."""
    result = run(command, demo.latest, "out.tif")

    assert result.exit_code == 2
    assert "--rois" in result.stderr
    assert files() == []


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


def test_stdin_that_is_no_json_is_exit_2(run: Run, demo: Demo) -> None:
    """Garbage on stdin is a usage error."""
    assert run("clip", demo.latest, "a.tif", "--rois", "-", stdin="garbage").exit_code == 2


def test_mask_equals_the_library(run: Run, demo: Demo) -> None:
    """`mask` writes 0 and 1 as the library computes them."""
    result = run("mask", demo.latest, "out.tif", "--rois", demo.rois, "--crop", "none")
    expected = georoi.mask(demo.latest, demo.rois, crop=False, compute=True)

    assert result.exit_code == 0, result.stderr
    np.testing.assert_array_equal(read("out.tif")[0], expected.values.astype(np.uint8))


def test_labels_need_a_rule_for_overlaps(run: Run, demo: Demo) -> None:
    """Overlapping stands are refused until --overlap says who wins; nothing half-written stays."""
    refused = run("mask", demo.latest, "out.tif", "--rois", demo.rois, "--labels")

    assert refused.exit_code == 3
    assert "error[E-ROI-06]" in refused.stderr
    assert files() == []
    assert (
        run("mask", demo.latest, "out.tif", "--rois", demo.rois, "--labels", "--overlap", "last").exit_code
        == 0
    )
    assert set(np.unique(read("out.tif"))) == set(range(16))


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


def test_dry_run_of_one_file_per_roi_says_how_many_passes(run: Run, demo: Demo) -> None:
    """--each --dry-run counts files and passes."""
    result = run("clip", demo.latest, "out", "--rois", demo.rois, "--each", "--dry-run")
    assert result.exit_code == 0
    assert "files, made in 1 pass" in result.output


def test_features_on_lines_are_in_degrees(run: Run, demo: Demo) -> None:
    """Newline-delimited GeoJSON is GeoJSON: EPSG:4326 without saying so."""
    shape = {"type": "Polygon", "coordinates": [[[15, 45], [15.001, 45], [15.001, 45.001], [15, 45]]]}
    lines = [json.dumps({"type": "Feature", "properties": {}, "geometry": shape}), json.dumps(shape)]
    result = run("plan", demo.latest, "--rois", "-", stdin="\n".join(lines))
    assert "the CRS of the ROIs is unknown" not in result.output
    assert "EPSG:4326" in result.output


def test_dry_run_of_a_mask_reads_nothing(run: Run, demo: Demo) -> None:
    """The output is described: labels and their dtype, with no byte to read."""
    result = run("mask", demo.latest, "m.tif", "--rois", demo.rois, "--labels", "--dry-run", "--json")
    plan = json.loads(result.stdout)["plan"]
    assert (plan["what"], plan["dtype"], plan["bytes_to_read"]) == ("labels", "uint8", 0)


def test_one_file_per_roi_is_not_put_into_a_folder_named_like_a_file(run: Run, demo: Demo) -> None:
    """A folder called out.tif would mislead: exit 2 with a hint, dry or not, and nothing is made."""
    for more in ([], ["--dry-run"], ["--of", "COG"]):
        result = run("clip", demo.latest, "out.tif", "--rois", demo.rois, "--each", *more)
        assert result.exit_code == 2
        assert "name a folder, such as out" in result.stderr
        assert files() == []
    Path("odd.tif").mkdir()
    assert run("clip", demo.latest, "odd.tif", "--rois", demo.rois, "--each").exit_code == 0


def test_a_dry_run_says_what_would_become_of_the_output(run: Run, demo: Demo) -> None:
    """New, replaced or refused; by the same rules as the run itself, whose exit code it does not have."""

    def foresee(command: str, *arguments: str) -> list[tuple[str, ...]]:
        given = [command, demo.latest, *arguments, "--rois", demo.rois, "--dry-run"]
        assert "output   " in run(*given).stdout
        told = json.loads(run(*given, "--json").stdout)
        return [(output["format"], output["outcome"]) for output in told["outputs"]]

    Path("there.tif").write_bytes(b"")
    Path("full").mkdir()
    Path("full", "mine.txt").write_text("mine")
    for command in ("clip", "mask"):
        assert foresee(command, "a.tif") == [("GTiff", "new")]
        assert foresee(command, "a.tif", "--of", "cog") == [("COG", "new")]
        assert foresee(command, "there.tif") == [("GTiff", "refused")]
        assert foresee(command, "there.tif", "--overwrite") == [("GTiff", "replaces")]
        assert foresee(command, "no/where.png") == [("PNG", "refused")]
    assert foresee("clip", "a.zarr", "--weights-out", "there.tif") == [("Zarr", "new"), ("GTiff", "refused")]
    assert foresee("clip", "each", "--each") == [("GTiff", "new")]
    assert foresee("clip", "full", "--each") == [("GTiff", "refused")]
    assert foresee("clip", "full", "--each", "--overwrite") == [("GTiff", "refused")]
    assert sorted(files()) == ["full", "there.tif"]


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
