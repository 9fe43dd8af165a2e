"""The faces of a plan: a few lines of text (the dry run), plain values for JSON, a table of blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from georoi.options import Crop
from georoi.planning.wording import say_grid
from georoi.wording import printable, say_bytes, say_count, say_share

if TYPE_CHECKING:
    import pandas as pd

    from georoi.planning.plan import Plan


def describe(plan: Plan) -> str:
    """Say in a few aligned lines what a plan reads and needs.

    raster   scene.tif: 20480 rows x 20480 columns of 10, EPSG:32633, origin (600000, 5200020)
    ROIs     214, rule center
    window   rows 1024..8192, columns 0..20480 (7,168 x 20,480), cropped to the ROIs
    ...
    """
    facts = {
        "raster": f"{printable(plan.source)}: {say_grid(plan.header)}",
        "ROIs": _say_rois(plan),
        "window": _say_window(plan),
        "blocks": _say_blocks(plan),
        "to read": f"{say_bytes(plan.bytes_to_read)} decoded, {say_count(plan.n_reads, 'read')}, "
        f"{say_count(plan.bands, 'band')} of {plan.header.dtype}, {plan.passes} pass",
        "tiles": f"{len(plan):,} of up to {plan.tile_shape[0]:,} x {plan.tile_shape[1]:,}, "
        f"touching {say_count(plan.n_cells, 'cell')} of coverage",
        "memory": f"{say_bytes(plan.memory)} for each tile in work; "
        f"{say_bytes(plan.memory_of_result)} to hold the whole window",
    }
    lines = [f"{name:<8} {text}" for name, text in facts.items()]
    lines += [f"{'note':<8} {printable(note)}" for note in _notes(plan)]
    return "\n".join(lines)


def _say_rois(plan: Plan) -> str:
    parts = [f"{len(plan.rois):,}"]
    outside = len(plan.rois) - n_touching(plan)
    if outside:
        parts.append(f"{outside:,} of them without effect here")
    if not plan.apply_mask:
        return ", ".join([*parts, "no mask: they set the window alone"])
    parts.append(f"rule {plan.boundary}")
    if plan.feather:
        parts.append(f"edge softened over {plan.feather:g} px")
    if plan.invert:
        parts.append("inverted")
    return ", ".join(parts)


def n_touching(plan: Plan) -> int:
    """Count the ROIs that meet the raster."""
    return int(np.count_nonzero(np.bincount(plan.pairs.roi)))


def _say_window(plan: Plan) -> str:
    row0, row1, col0, col1 = plan.window
    crop = {
        Crop.WINDOW: "cropped to the ROIs",
        Crop.BLOCKS: "cropped to the ROIs and widened to blocks",
        Crop.NONE: "the whole raster",
    }[plan.crop]
    pad = f", padded by {plan.pad} px" if plan.pad and plan.crop is not Crop.NONE else ""
    return f"rows {row0}..{row1}, columns {col0}..{col1} ({row1 - row0:,} x {col1 - col0:,}), {crop}{pad}"


def _say_blocks(plan: Plan) -> str:
    rows, cols = plan.lattice.block_shape
    return f"{say_share(plan.n_blocks, plan.n_blocks_total)} of {rows:,} x {cols:,}"


def _notes(plan: Plan) -> list[str]:
    operation = [f"ROIs were transformed: {plan.rois.operation}"] if plan.rois.operation else []
    return [*operation, *plan.rois.notes]


def to_dict(plan: Plan) -> dict[str, object]:
    """Give the summary of a plan as values that JSON can hold."""
    return {
        "source": plan.source,
        "grid": say_grid(plan.header),
        "shape": list(plan.lattice.grid_shape),
        "bands": plan.bands,
        "dtype": plan.header.dtype,
        "rois": len(plan.rois),
        "rois_touching": n_touching(plan),
        "boundary": str(plan.boundary),
        "crop": str(plan.crop),
        "apply_mask": plan.apply_mask,
        "invert": plan.invert,
        "pad": plan.pad,
        "feather": plan.feather,
        "window": list(plan.window),
        "block_shape": list(plan.lattice.block_shape),
        "tile_shape": list(plan.tile_shape),
        "blocks": plan.n_blocks,
        "blocks_total": plan.n_blocks_total,
        "cells": plan.n_cells,
        "tiles": len(plan),
        "reads": plan.n_reads,
        "passes": plan.passes,
        "bytes_to_read": plan.bytes_to_read,
        "memory_per_tile": plan.memory,
        "memory_of_result": plan.memory_of_result,
        "notes": _notes(plan),
        "digest": plan.digest,
    }


def to_frame(plan: Plan) -> pd.DataFrame:
    """Give one row per block to be read, in reading order: row, col, window, rois (a tuple of ids)."""
    import pandas as pd

    blocks, columns = plan.tiled_blocks, plan.lattice.block_counts[1]
    keys = plan.pairs.row * columns + plan.pairs.col
    wanted = blocks.row * columns + blocks.col
    first, last = np.searchsorted(keys, wanted), np.searchsorted(keys, wanted, side="right")
    ids = plan.rois.ids[plan.pairs.roi]
    return pd.DataFrame(
        {
            "row": blocks.row,
            "col": blocks.col,
            "window": [tuple(window) for window in plan.blocks.tolist()],
            "rois": [tuple(ids[a:b]) for a, b in zip(first.tolist(), last.tolist(), strict=True)],
        }
    )
