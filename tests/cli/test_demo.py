"""`georoi demo`: synthetic and offline, or real imagery out of a wheel."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio

from georoi.demo import Demo, make_demo
from georoi.demo.imagery import read_cube
from tests.cli.conftest import Run


def test_the_synthetic_demo_says_so(run: Run) -> None:
    """Without --source the demo says that its scenes are made up, on stderr and beside them."""
    result = run("demo", "out")

    assert result.exit_code == 0, result.stderr
    assert "synthetic" in result.stderr
    assert "SYNTHETIC" in Path("out/ATTRIBUTION.txt").read_text()
    assert all(path.name.startswith("SYNTHETIC_") for path in Path("out/scenes").iterdir())


def test_the_synthetic_demo_is_always_the_same(demo: Demo, tmp_path: Path) -> None:
    """Every file of a second run has the same bytes."""
    again = make_demo(tmp_path / "again")
    names = sorted(path.relative_to(demo.folder) for path in demo.folder.rglob("*") if path.is_file())

    assert names == sorted(p.relative_to(again.folder) for p in again.folder.rglob("*") if p.is_file())
    assert not [
        name for name in names if (demo.folder / name).read_bytes() != (again.folder / name).read_bytes()
    ]


def test_the_listing_names_every_output(run: Run) -> None:
    """stdout lists where the results lie; with --json as one object."""
    told = json.loads(run("demo", "out", "--json").stdout)

    assert told["real"] is False
    assert all(Path(path).is_file() for paths in told["files"].values() for path in paths)
    assert len(told["files"]["clip of each stand"]) == 15


def test_a_used_folder_is_exit_5(run: Run) -> None:
    """Files are replaced with --overwrite only."""
    Path("out").mkdir()
    Path("out/mine.txt").write_text("precious")

    refused = run("demo", "out")
    first, second = run("demo", "out", "--overwrite"), run("demo", "out", "--overwrite")

    assert (refused.exit_code, first.exit_code, second.exit_code) == (5, 0, 0)
    assert Path("out/mine.txt").read_text() == "precious"


def test_a_failed_demo_leaves_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that is none, and a failure at the very end: the folder is as it was, and a retry works."""
    Path("there").mkdir()
    assert run("demo", "out", "--source", "nope.whl").exit_code != 0
    assert not Path("out").exists()
    with monkeypatch.context() as patch:
        patch.setattr("georoi.demo.making._draw", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            make_demo("out")
        with pytest.raises(ZeroDivisionError):
            make_demo("there")
    assert not Path("out").exists()
    assert not any(Path("there").iterdir())


@pytest.mark.parametrize("content", ["nothing", "text", "zip"])
def test_a_wrong_wheel_is_exit_3(run: Run, content: str) -> None:
    """A source that is missing, no zip, or a zip without the imagery is one message."""
    if content == "text":
        Path("some.whl").write_text("no zip")
    if content == "zip":
        with zipfile.ZipFile("some.whl", "w") as archive:
            archive.writestr("other.txt", "x")
    result = run("demo", "out", "--source", "some.whl")

    assert result.exit_code == 3
    assert "error[E-RAS-01]" in result.stderr


@pytest.fixture(scope="module")
def real(demo_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo on real imagery."""
    return make_demo(tmp_path_factory.mktemp("real") / "demo", source=demo_wheel)


@pytest.mark.demo
def test_real_scenes_are_clear_summer_dates(real: Demo) -> None:
    """By default there is one clear summer scene a year, each with five named bands in EPSG:3035."""
    names = [path.name for path in real.scenes]

    assert real.real
    assert names == [
        "S2L2A_2015-08-31.tif",
        "S2L2A_2016-06-16.tif",
        "S2L2A_2017-06-06.tif",
        "S2L2A_2018-07-01.tif",
        "S2L2A_2019-06-16.tif",
        "S2L2A_2020-06-30.tif",
    ]
    with rasterio.open(real.latest) as dataset:
        assert dataset.descriptions == ("B02", "B03", "B04", "B08", "SCL")
        assert dataset.shape == (100, 100)
        assert dataset.crs.to_epsg() == 3035
        assert dataset.res == (10, 10)
        assert dataset.nodata == 0


@pytest.mark.demo
def test_the_imagery_is_credited(real: Demo) -> None:
    """Attribution and licence lie beside the scenes."""
    text = real.attribution.read_text()

    assert "Contains modified Copernicus Sentinel data" in text
    assert "EUPL-1.2" in text
    assert "EUROPEAN UNION PUBLIC LICENCE" in (real.folder / "LICENCE-imagery.txt").read_text().upper()


@pytest.mark.demo
def test_dates_can_be_chosen(run: Run, demo_wheel: Path) -> None:
    """--dates takes dates of the imagery, and refuses others."""
    chosen = run("demo", "out", "--source", demo_wheel, "--dates", "2018-07-21,2019-07-01", "--json")
    unknown = run("demo", "other", "--source", demo_wheel, "--dates", "2018-07-22")

    assert len(json.loads(chosen.stdout)["files"]["scenes"]) == 2
    assert unknown.exit_code == 2
    assert "2018-07-22" in unknown.stderr


@pytest.mark.demo
def test_the_clip_keeps_the_pixels(real: Demo) -> None:
    """Inside the stands the clip has the scene's pixels, outside it has nodata, and both occur."""
    with (
        rasterio.open(real.latest) as scene,
        rasterio.open(real.clip) as clip,
        rasterio.open(real.mask) as mask,
    ):
        values, clipped, labels = scene.read(), clip.read(), mask.read(1)

    assert clipped.shape == values.shape
    np.testing.assert_array_equal(clipped[:, labels > 0], values[:, labels > 0])
    assert not clipped[:, labels == 0].any()
    assert 0.3 < (labels > 0).mean() < 0.6


@pytest.mark.demo
def test_scenes_equal_those_made_by_another_tool(demo_wheel: Path, shared_data: Path) -> None:
    """All 140 scenes have the pixels and the place that another tool found in the same imagery."""
    cube = read_cube(demo_wheel)

    assert len(cube.dates) == 140
    for date in cube.dates:
        scene = cube.scene(date)
        with rasterio.open(shared_data / "romania_s2_series" / "scenes" / f"S2L2A_{date}.tif") as theirs:
            np.testing.assert_array_equal(scene.values, theirs.read())
            np.testing.assert_allclose(
                scene.x, theirs.transform.c + 10 * np.arange(0.5, 100), rtol=0, atol=1e-6
            )
            np.testing.assert_allclose(
                scene.y, theirs.transform.f - 10 * np.arange(0.5, 100), rtol=0, atol=1e-6
            )
