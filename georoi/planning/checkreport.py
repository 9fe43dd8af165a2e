"""What a pre-flight check found: facts, remarks, and a verdict per ROI, as text, table, HTML and JSON."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from georoi.wording import printable, say_count, say_percent

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 20
"""Rows of the table that a text or a notebook shows; `to_frame` gives all."""

HEADINGS = ("ROI", "verdict", "area", "inside", "blocks", "reason")


class Level(StrEnum):
    """How much a remark matters."""

    BLOCKING = "blocking"
    """Nothing can be computed."""
    FINDING = "finding"
    """Results may not be what the user expects."""
    NOTE = "note"
    """Good to know; does not change the exit status."""


class Verdict(StrEnum):
    """What was found about one ROI; of several, the one that stands first here."""

    DROPPED = "dropped"
    NOT_PLACED = "not placed"
    EMPTY = "empty"
    OUTSIDE = "outside"
    TINY = "smaller than a pixel"
    PARTLY = "partly outside"
    REPAIRED = "repaired"
    RENAMED = "renamed"
    OVERLAPPING = "overlapping"
    OK = "ok"


@dataclass(frozen=True)
class Remark:
    """One thing that was noticed about the job as a whole."""

    level: Level
    topic: str
    """"crs", "overlap", "rois", "nodata", "scale", "raster" or "memory"."""
    text: str
    id: str | None = None
    """The id of the error that would be raised, where there is one."""
    hint: str | None = None

    def __str__(self) -> str:
        lines = printable_lines(self.text)
        text = f"{self.level:<8} {f'[{self.id}] ' if self.id else ''}{lines[0]}"
        lines = [text, *(f"{'':<8} {line}" for line in lines[1:])]
        return "\n".join(lines + ([f"{'':<8} hint: {printable(self.hint)}"] if self.hint else []))


def printable_lines(text: str) -> list[str]:
    """Split into lines that hold no control characters."""
    return [printable(line) for line in text.split("\n")]


@dataclass(frozen=True, eq=False, kw_only=True)
class CheckReport:
    """The result of a pre-flight check: made from headers and outlines, without reading a pixel."""

    raster: str
    """Name of the raster."""
    rois: str
    """Name of the ROI set."""
    facts: Mapping[str, str]
    """Grid, CRS decision and predicted work, in words."""
    remarks: tuple[Remark, ...]
    columns: Mapping[str, NDArray[Any]]
    """The table by columns: roi_id, verdict, reason, area_px, area_m2, inside_fraction, blocks; one row per
    ROI in the order of the set, then one per feature that was dropped when the set was made."""
    overlaps: Mapping[str, NDArray[Any]]
    """Pairs of ROIs that overlap, by columns: a, b (ids), area_px, area_m2; the largest first, no slivers."""
    numbers: Mapping[str, object]
    """Predicted work as numbers: blocks, blocks_total, bytes, and so on; empty where nothing can be read."""

    @property
    def verdicts(self) -> dict[Any, str]:
        """The verdict of each ROI by its id."""
        return {row: str(verdict) for row, verdict in zip(*self._pair("roi_id", "verdict"), strict=True)}

    def _pair(self, a: str, b: str) -> tuple[list[Any], list[Any]]:
        return self.columns[a].tolist(), self.columns[b].tolist()

    @property
    def findings(self) -> tuple[Remark, ...]:
        """The remarks that matter: blocking ones and findings."""
        return tuple(remark for remark in self.remarks if remark.level is not Level.NOTE)

    @property
    def n_problems(self) -> int:
        """Number of ROIs whose verdict is not ok."""
        return int(np.count_nonzero(self.columns["verdict"] != Verdict.OK))

    @property
    def exit_status(self) -> int:
        """0 if all is well, 1 if there are findings, 3 if nothing can be computed."""
        if any(remark.level is Level.BLOCKING for remark in self.remarks):
            return 3
        return 1 if self.findings or self.n_problems else 0

    @property
    def ok(self) -> bool:
        """Whether there is nothing to look at."""
        return self.exit_status == 0

    @property
    def table(self) -> list[dict[str, Any]]:
        """One dict per ROI; None where a number is not known."""
        return _records(self.columns)

    def to_frame(self) -> pd.DataFrame:
        """Give the table as a DataFrame, one row per ROI."""
        import pandas as pd

        return pd.DataFrame(dict(self.columns))

    def to_dict(self) -> dict[str, Any]:
        """Give everything as values that JSON can hold."""
        return {
            "raster": self.raster,
            "rois": self.rois,
            "exit_status": self.exit_status,
            "facts": dict(self.facts),
            "predicted": dict(self.numbers),
            "remarks": [
                {
                    "level": str(remark.level),
                    "topic": remark.topic,
                    "id": remark.id,
                    "text": remark.text,
                    "hint": remark.hint,
                }
                for remark in self.remarks
            ],
            "table": self.table,
            "overlaps": _records(self.overlaps),
        }

    def __repr__(self) -> str:
        return f"<CheckReport {self._headline()}>"

    def _headline(self) -> str:
        count = len(self.columns["verdict"])
        fine = f"{count - self.n_problems:,} of {say_count(count, 'ROI')} ok"
        if self.exit_status == 3:
            return f"nothing can be computed; {fine}"
        return f"{say_count(len(self.findings), 'finding')}, {fine}"

    def __str__(self) -> str:
        lines = [f"{printable(self.rois)} on {printable(self.raster)}: {self._headline()}"]
        lines += [f"{name:<8} {printable(text)}" for name, text in self.facts.items()]
        lines += [str(remark) for remark in self.remarks]
        rows = self._shown()
        if rows:
            widths = [max(map(len, column)) for column in zip(HEADINGS, *rows, strict=True)]
            lines += ["", *(_line(row, widths) for row in (HEADINGS, *rows))]
        return "\n".join(lines + ([self._rest()] if self._rest() else []))

    def _rest(self) -> str:
        more = len(self.columns["verdict"]) - SHOWN
        return f"… {more:,} more" if more > 0 else ""

    def _shown(self) -> list[tuple[str, ...]]:
        """Make the rows that are shown, problems first, each a tuple of six texts."""
        rank = {str(verdict): place for place, verdict in enumerate(Verdict)}
        ranks = np.array([rank[str(verdict)] for verdict in self.columns["verdict"]], dtype=np.int64)
        chosen = np.argsort(ranks, kind="stable")[:SHOWN]
        return [_cells({name: column[i] for name, column in self.columns.items()}) for i in chosen]

    def _repr_html_(self) -> str:
        facts = "".join(
            f"<div>{html.escape(name)}: {html.escape(printable(text))}</div>"
            for name, text in self.facts.items()
        )
        remarks = "".join(f"<li>{html.escape(str(remark))}</li>" for remark in self.remarks[:SHOWN])
        head = "".join(f"<th style='text-align:left'>{name}</th>" for name in HEADINGS)
        body = "".join(
            "<tr>"
            + "".join(f"<td style='text-align:left'>{html.escape(cell)}</td>" for cell in row)
            + "</tr>"
            for row in self._shown()
        )
        names = f"{html.escape(printable(self.rois))} on {html.escape(printable(self.raster))}"
        return (
            f"<div><b>Check</b> of {names}: {html.escape(self._headline())}{facts}<ul>{remarks}</ul>"
            f"<table><tr>{head}</tr>{body}</table>{self._rest()}</div>"
        )


def _records(columns: Mapping[str, NDArray[Any]]) -> list[dict[str, Any]]:
    """Turn columns into dicts of plain values, NaN into None."""
    values = [[_plain(value) for value in column.tolist()] for column in columns.values()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and value != value else value


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Say one row in words; text from files is made harmless and cut."""
    inside = row["inside_fraction"]
    return (
        _short(row["roi_id"], 32),
        str(row["verdict"]),
        _say_area(row["area_m2"], row["area_px"]),
        "" if np.isnan(inside) else say_percent(inside),
        f"{row['blocks']:,}",
        _short(row["reason"], 100),
    )


def _short(text: object, length: int) -> str:
    shown = printable(text)
    return shown if len(shown) <= length else shown[: length - 1] + "…"


def _say_area(square_metres: float, pixels: float) -> str:
    if np.isnan(square_metres):
        return "" if np.isnan(pixels) else f"{pixels:,.2f} px"
    if square_metres >= 1e6:
        return f"{square_metres / 1e6:,.2f} km²"
    return f"{square_metres / 1e4:,.2f} ha" if square_metres >= 1e4 else f"{square_metres:,.1f} m²"


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    """Lay out one row: area, inside and blocks stand right."""
    cells = [
        cell.rjust(width) if place in (2, 3, 4) else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()
