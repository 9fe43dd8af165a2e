"""The notebooks run from top to bottom, with and without imagery, and use the public names only."""

from __future__ import annotations

import re
from pathlib import Path

import nbclient
import nbformat
import pytest

from tests.conftest import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of jupyter and its event loop
def test_runs(path: Path) -> None:
    """Every cell runs, on real imagery where it is here."""
    run_all(path, path.parent)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of jupyter and its event loop
def test_runs_without_imagery(path: Path, tmp_path: Path, demo_wheel: Path) -> None:
    """Every cell runs where `make demo-data` was never said."""
    run_all(path, tmp_path)


def run_all(path: Path, folder: Path) -> None:
    """Run a notebook in a folder."""
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute()

    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_is_short_and_clean(path: Path) -> None:
    """A notebook has at most 25 cells, is committed without outputs, and keeps to the public names."""
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    imported = {
        name for cell in code for name in re.findall(r"^(?:from|import) (georoi[\w.]*)", cell.source, re.M)
    }

    assert len(notebook.cells) <= 25
    assert not any(cell.outputs for cell in code)
    assert imported <= {"georoi", "georoi.accessor", "georoi.demo"}
