"""One file per ROI in a folder, with an index, all there or none."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from georoi.clipping.each import split_inside
from georoi.clipping.files import FileJob, clip_aligned_to_file
from georoi.clipping.options import ClipOptions, lay_out
from georoi.clipping.tiles import Clipped, TileClipper
from georoi.clipping.writing import OutputOptions
from georoi.engine.progress import track
from georoi.engine.streaming import stream
from georoi.io.commit import Output, slug
from georoi.io.folders import OutputFolder
from georoi.io.outputs import output_format, suffix_of
from georoi.io.spec import Written
from georoi.planning.plan import Plan, TileTask
from georoi.values.gridrois import GridROIs
from georoi.values.raster import Raster
from georoi.values.rois import ROISet

if TYPE_CHECKING:
    from georoi.io.arrays import ArraySource

INDEX = "index.csv"
"""Which file holds which ROI."""
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
    target = Path(path)
    format = "GTiff" if output.of is None else output_format(target, output.of)
    is_empty = target.is_dir() and not any(target.iterdir())
    folder = OutputFolder(target, overwrite=output.overwrite or is_empty, may_replace=_is_ours)
    aligned = lay_out(source.header, rois)
    kept, outside = split_inside(source.header, aligned, options)
    aligned = aligned.take(kept)
    with folder as private:
        inner = replace(output, of=format, overwrite=False, progress=None)
        files = _write_files(source, aligned, private, options, inner, suffix_of(format))
        tracked = track(files, output.progress, total=len(aligned), message="clip")
        written = [replace(file, path=target / file.path.name) for file in tracked]
        _write_text(private / INDEX, _index(aligned, written))
        _write_text(private / SUCCESS, _summary(written, outside))
        folder.commit(format)
    return tuple(written)


def _write_files(
    source: Raster | ArraySource,
    rois: GridROIs,
    folder: Path,
    options: ClipOptions,
    output: OutputOptions,
    suffix: str,
) -> Iterator[Written]:
    paths = [folder / f"{slug(id)}{suffix}" for id in rois.ids.tolist()]
    if not isinstance(source, Raster):
        for number, path in enumerate(paths):
            yield clip_aligned_to_file(source, rois.take(number), path, options, output)
        return
    job = FileJob.make(source, options)
    plans: dict[int, Plan] = {}
    clipper = _NumberedClipper(job.clipper)
    tasks = _tasks(source, rois, options, plans)
    tiles = stream(clipper, tasks, workers=output.workers, client=output.client)
    for number, group in itertools.groupby(tiles, key=lambda item: item[0]):
        plan = plans.pop(number)
        pieces = (job.piece(tile, plan.window) for _, tile in group)
        spec = job.spec(plan, options, roi_id=rois.ids[number])
        yield output.write(paths[number], spec, pieces, notes=(*rois.notes, job.clipper.filling.note))


@dataclass(frozen=True)
class _NumberedClipper:
    """Clips tiles of several ROIs, and hands on whose they are."""

    clipper: TileClipper

    def __call__(self, item: tuple[int, TileTask]) -> tuple[int, Clipped]:
        number, task = item
        return number, self.clipper(task)


def _tasks(
    raster: Raster, rois: GridROIs, options: ClipOptions, plans: dict[int, Plan]
) -> Iterator[tuple[int, TileTask]]:
    """Plan one ROI after the other, as room for tasks appears; the plans stay until their file is written."""
    for number in range(len(rois)):
        plans[number] = options.plan(raster.header, rois.take(number))
        for task in plans[number].tasks():
            yield number, task


def _is_ours(folder: Path) -> bool:
    return (folder / SUCCESS).is_file() or not any(folder.iterdir())


def _index(rois: GridROIs, written: list[Written]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["roi_id", "file", "bytes", "sha256"])
    for id, file in zip(rois.ids.tolist(), written, strict=True):
        writer.writerow([id, file.path.name, file.bytes, file.sha256])
    return text.getvalue()


def _summary(written: list[Written], outside: tuple[object, ...]) -> str:
    content = {"files": len(written), "bytes": sum(file.bytes for file in written)}
    return json.dumps({**content, "outside": [str(id) for id in outside]}, ensure_ascii=False) + "\n"


def _write_text(path: Path, text: str) -> None:
    with Output(path) as output:
        output.write(text.encode("utf-8", "surrogateescape"))
        output.commit("text")
