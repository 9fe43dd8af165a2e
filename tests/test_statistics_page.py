"""docs/statistics.md has what the library defines: statistics, names, indices, masks, ledger, figure."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

import georoi
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "statistics.md"
LISTING = runpy.run_path(str(ROOT / "docs" / "list_statistics.py"), run_name="listing")


def text() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_library() -> None:
    """`python docs/list_statistics.py` would change nothing."""
    assert LISTING["rewritten"](text()) == text()
    assert set(re.findall(r"<!-- table of (\w+) -->", text())) == set(LISTING["TABLES"])


def test_every_kind_says_its_unit_and_when_it_is_null() -> None:
    """Each row of the dictionary has its five cells, of which only the remarks may be empty."""
    rows = LISTING["statistics"]().splitlines()[2:]

    assert len(rows) == len(LISTING["KINDS"])
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert len(cells) == 5, row
        assert all(cells[:4]), row


def test_every_statistic_that_is_asked_for_in_the_dictionary_can_be_asked_for() -> None:
    """What the first column shows is read without error."""
    from georoi.values.statistics import parse_stats

    for row in LISTING["statistics"]().splitlines()[2:]:
        for name in re.findall(r"`([^`]+)`", row.split(" | ")[0]):
            assert parse_stats([name]), name


@pytest.fixture(scope="module")
def row() -> object:
    """The row of the figure's ROI."""
    return runpy.run_path(str(ROOT / "docs" / "figures" / "draw_ledger.py"), run_name="drawing")["account"]()


def test_the_ledger_is_on_the_page(row: object) -> None:
    """Every column that a row has beside its statistics is explained."""
    columns = [name for name in row.index if name not in ("mean", "count", "geometry")]  # type: ignore[attr-defined]
    section = text().split("## The ledger")[1].split("\n## ")[0]

    assert [name for name in columns if f"`{name}`" not in section] == []


def test_the_figure_adds_up(row: object) -> None:
    """The areas in the figure are all of the ROI's."""
    parts = ("outside", "nodata", "nonfinite", "masked", "valid")
    areas = [row[f"area_{part}"] for part in parts]  # type: ignore[index]

    assert all(area > 0 for area in areas)
    assert sum(areas) == pytest.approx(row["area"], rel=1e-9)  # type: ignore[index]


def test_the_figure_is_as_georoi_draws_it(tmp_path: Path) -> None:
    """The committed figure is the one that the script draws today."""
    runpy.run_path(str(ROOT / "docs" / "figures" / "draw_ledger.py"), run_name="drawing")["main"](tmp_path)

    drawn = (tmp_path / "ledger.svg").read_text(encoding="utf-8")
    assert drawn == (ROOT / "docs" / "figures" / "ledger.svg").read_text(encoding="utf-8")


def test_every_status_is_on_the_page() -> None:
    """The page has the statuses that the results can have."""
    source = (ROOT / "georoi" / "zonal" / "results.py").read_text(encoding="utf-8")
    said = re.search(r"status: .*?\"\"\"(.*?)\"\"\"", source, re.DOTALL)
    assert said is not None
    statuses = re.findall(r'"(\w+)"', said[1])

    assert len(statuses) >= 6
    assert re.findall(r"^\| `(\w+)` \| .* \| (?:given|null.*) \|$", text(), re.MULTILINE) == statuses


def test_policies_of_overlap_are_on_the_page() -> None:
    """The policies are those that are read."""
    from georoi.planning.ceding import Policy

    section = text().split("## Overlapping regions")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)`", section, re.MULTILINE) == [str(policy) for policy in Policy]


def test_names_of_arguments_are_those_of_zonal_stats() -> None:
    """Arguments that the page shows exist."""
    import inspect

    known = set(inspect.signature(georoi.zonal_stats).parameters)
    shown = set(re.findall(r"`(\w+)=", text())) - {"p90"}
    assert shown - known == set()
