"""One file per ROI in a folder, with an index, all there or none."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from georoi.clipping.each import ROIImages, split_inside
from georoi.clipping.files import FileJob, clip_aligned_to_file
from georoi.clipping.options import ClipOptions, lay_out
from georoi.clipping.sharing import LARGE, SharedClipper, arrange_passes, shared_tasks
from georoi.clipping.writing import OutputOptions
from georoi.engine.progress import track
from georoi.engine.streaming import stream
from georoi.errors import UsageError
from georoi.io.names import is_folder
from georoi.io.output.claims import PREFIX
from georoi.io.output.commit import Output, slug
from georoi.io.output.folders import OutputFolder
from georoi.io.output.outputs import is_output_name, output_format, suffix_of
from georoi.io.output.spec import Piece, Written
from georoi.planning.plan import Plan
from georoi.values.gridrois import GridROIs
from georoi.values.raster import Header, Raster
from georoi.values.rois import ROISet
from georoi.wording import say_bytes, say_count

if TYPE_CHECKING:
    from georoi.io.array.arrays import ArraySource

INDEX = "index.csv"
"""Which file holds which ROI."""
_COLUMNS = ("file", "bytes", "sha256")
_FIRST = ("roi_id", "date")
"""What the first column of an index may be: what each file is of."""
SUCCESS = "_SUCCESS"
"""Written last: the folder is complete."""


def clip_each_to_files(
    source: Raster | ArraySource,
    rois: ROISet,
    path: str | os.PathLike[str],
    options: ClipOptions,
    output: OutputOptions,
) -> tuple[Written, ...]:
    """Clip each ROI into a file of its own; see `georoi.clip_file`."""
    folder, format = claim_folder(Path(path), output.of, output.overwrite)
    aligned = lay_out(source.header, rois)
    kept, outside = split_inside(source.header, aligned, options)
    return _fill(folder, format, source, aligned.take(kept), outside, options, output)


def images_to_files(
    images: ROIImages, path: str | os.PathLike[str], output: OutputOptions
) -> tuple[Written, ...]:
    """Write what `clip_each` gives, each image into a file of its own; see `georoi.write`."""
    folder, format = claim_folder(Path(path), output.of, output.overwrite)
    source, rois, options = images.work
    return _fill(folder, format, source, rois, images.outside, options, output)


def _fill(
    folder: OutputFolder,
    format: str,
    source: Raster | ArraySource,
    aligned: GridROIs,
    outside: tuple[object, ...],
    options: ClipOptions,
    output: OutputOptions,
) -> tuple[Written, ...]:
    """Write the images of ROIs into a folder, with an index, and let it appear."""
    target = folder.path
    with folder as private:
        inner = replace(output, of=format, overwrite=False, progress=None)
        files = _write_files(source, aligned, private, options, inner, format)
        tracked = track(files, output.progress, total=len(aligned), message="clip")
        done = {number: replace(file, path=target / file.path.name) for number, file in tracked}
        written = [done[number] for number in range(len(aligned))]
        finish_folder(private, "roi_id", aligned.ids.tolist(), written, outside)
        folder.commit(format)
    return tuple(written)


def finish_folder(
    private: Path, column: str, labels: Sequence[object], written: list[Written], outside: tuple[object, ...]
) -> None:
    """Write the index of a folder's files, and last of all that they are complete."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column, *_COLUMNS])
    for label, file in zip(labels, written, strict=True):
        writer.writerow([label, file.path.name, file.bytes, file.sha256])
    _write_text(private / INDEX, text.getvalue())
    _write_text(private / SUCCESS, _summary(written, outside))


def check_folder(path: str | os.PathLike[str], *, of: str | None = None, overwrite: bool = False) -> str:
    """Refuse a folder that cannot or may not take one file per ROI, before any work; give the files' format.

    Raises:
        OutputExistsError: E-OUT-01 if it holds anything, and may not be replaced.
        OutputError: E-OUT-02 if it cannot be made, E-OUT-04 if the format is unknown.
        UsageError: E-USE-01 if its name is that of a file.
    """
    folder, format = claim_folder(Path(path), of, overwrite)
    folder.check_kind()
    return format


def refuse_file_name(path: str | os.PathLike[str]) -> None:
    """Refuse the name of a file for the folder of files, unless there is such a folder.

    Raises:
        UsageError: E-USE-01.
    """
    target = Path(path)
    if is_output_name(target) and not is_folder(target):
        raise UsageError(
            "E-USE-01",
            "one file per ROI or date needs a folder, and the output is named like a file",
            found={"output": str(target)},
            hint=f"name a folder, such as {target.stem}; of= (--of) says the format of the files",
        )


def claim_folder(target: Path, of: str | None, overwrite: bool) -> tuple[OutputFolder, str]:
    """Give the folder to be, which an empty one does not stand in the way of, and the format of its files."""
    refuse_file_name(target)
    format = "GTiff" if of is None else output_format(target, of)
    is_empty = is_folder(target) and not any(target.iterdir())
    return OutputFolder(target, overwrite=overwrite or is_empty, may_replace=_is_ours), format


def _write_files(
    source: Raster | ArraySource,
    rois: GridROIs,
    folder: Path,
    options: ClipOptions,
    output: OutputOptions,
    format: str,
) -> Iterator[tuple[int, Written]]:
    """Write all images, and give their numbers and what was written, in the order in which they are done."""
    paths = [folder / f"{slug(id)}{suffix_of(format)}" for id in rois.ids.tolist()]
    if not isinstance(source, Raster):
        for number, path in enumerate(paths):
            yield number, clip_aligned_to_file(source, rois.take(number), path, options, output)
        return
    yield from _write_passes(source, rois, paths, options, output, format)


def _write_passes(
    raster: Raster,
    rois: GridROIs,
    paths: list[Path],
    options: ClipOptions,
    output: OutputOptions,
    format: str,
) -> Iterator[tuple[int, Written]]:
    """Write the images of ROIs as they are done: many in one pass, large ones in a pass of their own."""
    job = FileJob.make(raster, options, output, format)
    header = job.raster.header
    passes = arrange_passes(
        header, rois, options, header.count * np.dtype(job.clipper.filling.dtype).itemsize
    )

    def write(number: int, plan: Plan, pieces: Iterable[Piece]) -> tuple[int, Written]:
        return number, job.write(paths[number], plan, pieces, rois.notes, roi_id=rois.ids[number])

    for work in passes.shared:
        plans: dict[int, Plan] = {}
        left = np.bincount(work.roi, minlength=len(rois))
        for number in work.rois[left[work.rois] == 0].tolist():
            yield write(number, options.plan(header, rois.take(number)), ())
        pieces: dict[int, list[Piece]] = {}
        tasks = shared_tasks(header, rois, options, work, plans)
        tiles = stream(SharedClipper(job.clipper), tasks, workers=output.workers, client=output.client)
        for number, tile in itertools.chain.from_iterable(tiles):
            pieces.setdefault(number, []).append(job.piece(tile, plans[number].window))
            left[number] -= 1
            if not left[number]:
                yield write(number, plans.pop(number), pieces.pop(number))
    for number in passes.large.tolist():
        plan = options.plan(header, rois.take(number))
        yield write(number, plan, job.pieces(plan))


def foresee_passes(header: Header, rois: ROISet, options: ClipOptions) -> str:
    """Say in how many passes the images of ROIs would be made, without reading a pixel.

    Raises:
        CRSError: Those of `lay_out`; E-CRS-02 if no ROI reaches into the raster.
    """
    aligned = lay_out(header, rois)
    kept, _ = split_inside(header, aligned, options)
    passes = arrange_passes(header, aligned.take(kept), options, header.count * header.itemsize)
    text = f"{say_count(len(kept), 'file')}, made in {len(passes):,} pass{'' if len(passes) == 1 else 'es'}"
    if len(passes.large):
        text += f", {len(passes.large):,} of them for one image each, larger than {say_bytes(LARGE)}"
    return text


def _is_ours(folder: Path) -> bool:
    """Tell whether all that a folder holds was put there by an earlier run, so that nothing else is lost."""
    found = {path.name for path in folder.iterdir() if not path.name.startswith(PREFIX)}
    return not found or (SUCCESS in found and found <= {SUCCESS, INDEX, *_indexed(folder)})


def _indexed(folder: Path) -> set[str]:
    """Give the names of the files that the folder's index lists; none if it is no index of ours."""
    try:
        with (folder / INDEX).open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            rows = list(csv.reader(file))
    except (OSError, csv.Error):
        return set()
    if not rows or tuple(rows[0][1:]) != _COLUMNS or rows[0][0] not in _FIRST:
        return set()
    return {row[1] for row in rows[1:] if len(row) == len(rows[0])}


def _summary(written: list[Written], outside: tuple[object, ...]) -> str:
    content = {"files": len(written), "bytes": sum(file.bytes for file in written)}
    return json.dumps({**content, "outside": [str(id) for id in outside]}, ensure_ascii=False) + "\n"


def _write_text(path: Path, text: str) -> None:
    with Output(path) as output:
        output.write(text.encode("utf-8", "surrogateescape"))
        output.commit("text")
