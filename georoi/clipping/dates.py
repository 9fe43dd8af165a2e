"""One file per date of a stack in a folder, with an index, all there or none."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from georoi.clipping.files import clip_aligned_to_file
from georoi.clipping.folders import claim_folder, finish_folder
from georoi.clipping.options import ClipOptions, lay_out
from georoi.clipping.writing import OutputOptions
from georoi.engine.progress import track
from georoi.io.output.outputs import suffix_of
from georoi.io.output.spec import Written
from georoi.values.members import date_of
from georoi.values.rois import ROISet
from georoi.values.stack import Stack


def clip_dates_to_files(
    stack: Stack,
    rois: ROISet,
    path: str | os.PathLike[str],
    options: ClipOptions,
    output: OutputOptions,
) -> tuple[Written, ...]:
    """Clip the union of ROIs out of every raster of a stack; ROIs are laid on each grid once.

    Files are called after their dates, and say these in their metadata, so that the folder opens as the same
    dates; `index.csv` tells which is which.
    """
    folder, format = claim_folder(Path(path), output.of, output.overwrite)
    rule = options.rule if options.apply_mask else None
    aligned = {
        position: laid
        for group in stack.groups
        for laid in [lay_out(group.rasters[0].header, rois, rule)]
        for position in group.positions
    }
    target = folder.path
    written = []
    with folder as private:
        inner = replace(output, of=format, overwrite=False, progress=None)
        names = _name_files([date_of(raster) for raster in stack])
        dated = track(enumerate(stack), output.progress, total=len(stack), message="clip")
        for position, raster in dated:
            name = f"{names[position]}{suffix_of(format)}"
            tags = {"date": date_of(raster).isoformat()}
            file = clip_aligned_to_file(raster, aligned[position], private / name, options, inner, **tags)
            written.append(replace(file, path=target / name))
        finish_folder(private, "date", stack.labels, written, ())
        folder.commit(format)
    return tuple(written)


def _name_files(dates: Sequence[datetime]) -> list[str]:
    """Call files after their dates, as 20180721T100212 or 20180721; _2 is the second of a moment.

    `georoi.io.raster.dates.date_from_name` reads them, and acquisitions of a moment keep their order.
    """
    width = len(str(max(Counter(dates).values())))
    seen: Counter[datetime] = Counter()
    names = []
    for date in dates:
        seen[date] += 1
        midnight = (date.hour, date.minute, date.second, date.microsecond) == (0, 0, 0, 0)
        text = date.date().isoformat() if midnight else date.isoformat()
        again = f"_{seen[date]:0{width}}" if seen[date] > 1 else ""
        names.append(text.replace("-", "").replace(":", "") + again)
    return names
