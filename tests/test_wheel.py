"""The wheel holds all that the package needs: it works where the source tree is not."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the wheel was built for and unpacked into, by pip, without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("georoi-*.whl")
    site = folder / "site"
    subprocess.run([*pip, "install", "--no-deps", "--target", str(site), str(wheel)], check=True)
    return site


def run(site: Path, where: Path, *arguments: str) -> str:
    """Run Python with the installed package ahead of any other, in a folder that is not the source tree."""
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=where, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_package_comes_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    """What is imported is the installed package, with its types and its data."""
    where = run(installed, tmp_path, "-c", "import georoi; print(georoi.__file__)")

    assert where.startswith(str(installed))
    assert (installed / "georoi" / "py.typed").is_file()
    assert (installed / "georoi" / "__init__.pyi").is_file()
    assert (installed / "georoi" / "assets" / "stands.geojson").is_file()


def test_the_main_job_runs(installed: Path, tmp_path: Path) -> None:
    """The synthetic demo runs from the installed package: scenes, check, plan, clips, mask, picture."""
    told = run(installed, tmp_path, "-m", "georoi.cli.main", "demo", "out", "--json")

    assert '"schema": "georoi.demo/1"' in told
    assert (tmp_path / "out" / "picture.png").is_file()


def test_the_wheel_holds_the_package_only(installed: Path) -> None:
    """No tests, caches or data of the repository are in the wheel."""
    (wheel,) = installed.parent.glob("georoi-*.whl")
    names = zipfile.ZipFile(wheel).namelist()

    assert {name.split("/")[0].split("-")[0] for name in names} == {"georoi"}
    assert not [name for name in names if name.endswith((".pyc", ".nbi", ".nbc"))]
