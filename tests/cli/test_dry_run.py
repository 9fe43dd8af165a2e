"""`--dry-run`: the plan and the output are told, nothing is read or written."""

from __future__ import annotations

import json
from pathlib import Path

from georoi.demo import Demo
from tests.cli.conftest import Run
from tests.cli.outputs import files


def test_dry_run_writes_nothing(run: Run, demo: Demo) -> None:
    """--dry-run prints the plan."""
    result = run("clip", demo.latest, "out.tif", "--rois", demo.rois, "--dry-run")

    assert result.exit_code == 0
    assert "blocks   1 of 9" in result.stdout
    assert files() == []


def test_dry_run_of_one_file_per_roi_says_how_many_passes(run: Run, demo: Demo) -> None:
    """--each --dry-run counts files and passes."""
    result = run("clip", demo.latest, "out", "--rois", demo.rois, "--each", "--dry-run")
    assert result.exit_code == 0
    assert "files, made in 1 pass" in result.output


def test_dry_run_of_a_mask_reads_nothing(run: Run, demo: Demo) -> None:
    """The output is described: labels and their dtype, with no byte to read."""
    result = run("mask", demo.latest, "m.tif", "--rois", demo.rois, "--labels", "--dry-run", "--json")
    plan = json.loads(result.stdout)["plan"]
    soft = run("mask", demo.latest, "m.tif", "--rois", demo.rois, "--feather", "3", "--dry-run")
    assert "edge softened over 3 px" in soft.stdout
    assert (plan["what"], plan["dtype"], plan["bytes_to_read"]) == ("labels", "uint8", 0)


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
