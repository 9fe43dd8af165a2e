"""The public verbs: what users call, wired from the rooms below."""

from __future__ import annotations

from georoi.api.extraction import extract, extract_file
from georoi.api.files import clip_file, write
from georoi.api.images import clip, clip_each, mask, paste
from georoi.api.reading import check, open_raster, plan
from georoi.api.separability import separability
from georoi.api.stacks import open_stack
from georoi.api.zonal import zonal_stats
from georoi.engine.cluster import connect
from georoi.io.vector.vectors import read_rois

__all__ = [
    "check",
    "clip",
    "clip_each",
    "clip_file",
    "connect",
    "extract",
    "extract_file",
    "mask",
    "open_raster",
    "open_stack",
    "paste",
    "plan",
    "read_rois",
    "separability",
    "write",
    "zonal_stats",
]
