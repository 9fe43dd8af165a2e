"""Rewrite the tables of docs/statistics.md from the definitions of the library: docs/list_statistics.py."""

from __future__ import annotations

import re
from pathlib import Path

from georoi.values.definitions import ALIASES, KINDS, PAIRS, Definition
from georoi.values.indices import INDICES
from georoi.values.quality import PRESETS

TARGET = Path(__file__).resolve().parent / "statistics.md"
COUNTS = ("count", "n_pixels")
ASKED = {
    "quantile": "`median`, `q05`, `q95`, `quantile(q=0.9)`",
    "frac": "`frac`, `frac(1, 2)`",
    "hist": "`hist(bins=[0, 10, 20])`, `hist(n=16, range=(0, 1))`",
    "function": "a function",
}
"""How kinds are asked for whose name alone does not say it."""
UNITS = {
    "pixels": "pixels",
    "value": "of the band",
    "value²": "of the band, squared",
    "1": "none",
    "crs": "of the CRS",
    "?": "the function's",
}


def is_null(kind: str, definition: Definition) -> str:
    """When a statistic is null, in words."""
    also = [note for note in definition.note.split("; ") if note.startswith("null where")]
    first = "0 without a valid pixel" if kind in COUNTS else "without a valid pixel"
    return "; ".join([first, *(note.removeprefix("null ") for note in also)])


def statistics() -> str:
    """One row a kind of statistic."""
    lines = ["| ask for | formula | unit | null | remarks |", "|---|---|---|---|---|"]
    for kind, definition in KINDS.items():
        remarks = "; ".join(n for n in definition.note.split("; ") if not n.startswith("null where"))
        asked, unit = ASKED.get(kind, f"`{kind}`"), UNITS[definition.unit]
        lines.append(f"| {asked} | {definition.formula} | {unit} | {is_null(kind, definition)} | {remarks} |")
    return "\n".join(lines)


def aliases() -> str:
    """Names that stand for others, and those that stand for two."""
    others: dict[str, list[str]] = {}
    for alias, name in ALIASES.items():
        others.setdefault(name, []).append(f"`{alias}`")
    lines = ["| column | also asked for as |", "|---|---|"]
    lines += [f"| `{name}` | {', '.join(found)} |" for name, found in others.items()]
    lines += [f"| {', '.join(f'`{part}`' for part in parts)} | `{name}` |" for name, parts in PAIRS.items()]
    return "\n".join(lines)


def indices() -> str:
    """One row an index."""
    lines = ["| index | of | formula | bands are | source |", "|---|---|---|---|---|"]
    for index in INDICES.values():
        bands = "reflectances" if index.needs_reflectance else "of any one scale"
        lines.append(f"| {index.name} | {index.title} | `{index.formula}` | {bands} | {index.source} |")
    return "\n".join(lines)


def presets() -> str:
    """One row a mask with a name."""
    lines = ["| preset | rule | keeps |", "|---|---|---|"]
    lines += [f"| `{name}` | `{preset.rule}` | {preset.keeps} |" for name, preset in PRESETS.items()]
    return "\n".join(lines)


TABLES = {"statistics": statistics, "aliases": aliases, "indices": indices, "presets": presets}


def rewritten(text: str) -> str:
    """The text with every table between `<!-- table of ... -->` and `<!-- end -->` made anew."""
    return re.sub(
        r"<!-- table of (\w+) -->\n.*?<!-- end -->",
        lambda found: f"<!-- table of {found[1]} -->\n{TABLES[found[1]]()}\n<!-- end -->",
        text,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    TARGET.write_text(rewritten(TARGET.read_text(encoding="utf-8")), encoding="utf-8")
