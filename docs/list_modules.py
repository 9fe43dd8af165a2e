"""Rewrite the tables of ARCHITECTURE.md from the first line of each module: python docs/list_modules.py."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "ARCHITECTURE.md"


def first_lines(folder: Path) -> dict[str, str]:
    """The first docstring line of each module in a folder, by its path; the folder's own first."""
    lines = {}
    for path in sorted(folder.glob("*.py"), key=lambda path: (path.name != "__init__.py", path.name)):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        lines[path.relative_to(ROOT).as_posix()] = text.split("\n")[0]
    return lines


def table(folder: Path) -> str:
    """The table of one folder's modules."""
    rows = [f"| `{path}` | {line} |" for path, line in first_lines(folder).items()]
    return "\n".join(["| module | its one job |", "|---|---|", *rows])


def rewritten(text: str) -> str:
    """The text with every table between `<!-- modules of ... -->` and `<!-- end -->` made anew."""
    return re.sub(
        r"<!-- modules of ([\w/]+) -->\n.*?<!-- end -->",
        lambda found: f"<!-- modules of {found[1]} -->\n{table(ROOT / found[1])}\n<!-- end -->",
        text,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    TARGET.write_text(rewritten(TARGET.read_text(encoding="utf-8")), encoding="utf-8")
