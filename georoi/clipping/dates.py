"""One file per date of a stack in a folder, with an index, all there or none."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from georoi.clipping.files import clip_aligned_to_file
from georoi.clipping.folders import claim_folder, finish_folder
from georoi.clipping.options import ClipOptions, lay_out
from georoi.clipping.writing import OutputOptions
from georoi.engine.progress import track
from georoi.io.output.commit import slug
from georoi.io.output.outputs import suffix_of
from georoi.io.output.spec import Written
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

    Files are called after their dates; `index.csv` tells which is which.
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
        dated = track(enumerate(stack), output.progress, total=len(stack), message="clip")
        for position, raster in dated:
            name = f"{slug(stack.labels[position])}{suffix_of(format)}"
            file = clip_aligned_to_file(raster, aligned[position], private / name, options, inner)
            written.append(replace(file, path=target / name))
        finish_folder(private, "date", stack.labels, written, ())
        folder.commit(format)
    return tuple(written)
