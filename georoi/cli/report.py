"""What a command says about the files that it wrote, or would write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from georoi.cli.console import Console
from georoi.errors import OutputError
from georoi.io.names import is_there
from georoi.wording import printable, say_bytes, say_count

if TYPE_CHECKING:
    from georoi.cli.choices import OutputChoice
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


def foresee(
    output: OutputChoice, *, each: bool = False, weights_out: str | None = None
) -> tuple[list[dict[str, Any]], str]:
    """Say what would be written, for a dry run: as values for JSON, and as lines of text."""
    paths = [output.out] if weights_out is None else [output.out, weights_out]
    outputs = [_foresee(path, output, each=each, is_first=place == 0) for place, path in enumerate(paths)]
    lines = [
        f"{name:<8} {printable(told['path'])}{'/' if each else ''}, {told['format']}, {_say(told)}"
        for name, told in zip(("output", "weights"), outputs, strict=False)
    ]
    return outputs, "\n".join(lines)


def _say(told: dict[str, Any]) -> str:
    return _OUTCOMES[told["outcome"]] + (f": {printable(told['problem'])}" if told["problem"] else "")


_OUTCOMES = {
    "new": "does not exist yet",
    "replaces": "exists and would be replaced",
    "refused": "would be refused",
}


def _foresee(path: str, output: OutputChoice, *, each: bool, is_first: bool) -> dict[str, Any]:
    from georoi.clipping.folders import check_folder
    from georoi.io.output.outputs import check_output, output_format

    of = output.of if is_first else "GTiff"
    format = "GTiff" if each and of is None else output_format(path, of)
    told: dict[str, Any] = {"path": path, "format": format, "exists": is_there(path)}
    told |= {"outcome": "", "id": None, "problem": None}
    try:
        (check_folder if each else check_output)(path, of=of, overwrite=output.overwrite)
    except OutputError as error:
        hint = f"; {error.hint}" if error.hint else ""
        return told | {"outcome": "refused", "id": error.id, "problem": error.rule + hint}
    return told | {"outcome": "replaces" if told["exists"] else "new"}


def _describe(file: Written) -> dict[str, Any]:
    return {"path": str(file.path), "format": file.format, "bytes": file.bytes, "sha256": file.sha256}
