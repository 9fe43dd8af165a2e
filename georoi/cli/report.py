"""What a command says about the files that it wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from georoi.cli.console import Console
from georoi.wording import say_bytes, say_count

if TYPE_CHECKING:
    from georoi.io.output.spec import Written
    from georoi.values.rois import ROISet


def report_written(console: Console, written: Written | Sequence[Written], rois: ROISet) -> None:
    """Tell the files, on stderr for a person, and as the JSON object with --json."""
    files = list(written) if isinstance(written, Sequence) else [written]
    for note in dict.fromkeys(note for file in files for note in file.notes):
        console.note(note)
    total = sum(file.bytes for file in files)
    where = (
        str(files[0].path) if len(files) == 1 else f"{files[0].path.parent} ({say_count(len(files), 'file')})"
    )
    console.say(f"{say_count(len(rois), 'ROI')} | {where} | {say_bytes(total)}")
    console.result({"rois": len(rois), "outputs": [_describe(file) for file in files]})


def _describe(file: Written) -> dict[str, Any]:
    return {"path": str(file.path), "format": file.format, "bytes": file.bytes, "sha256": file.sha256}
