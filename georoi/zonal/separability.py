"""How well classes of ROIs can be told apart: co-moments in one pass, distances of all pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from georoi.engine.lazy import is_lazy
from georoi.engine.progress import track
from georoi.engine.streaming import stream
from georoi.errors import UsageError
from georoi.kernels.covariance import (
    WEIGHT,
    Comoments,
    join_comoments,
    no_comoments,
    reduce_comoments,
    scale_comoments,
    to_covariances,
)
from georoi.kernels.separability import find_singular, measure_pairs
from georoi.kernels.spans import cover_spans
from georoi.options import Boundary, count_cores
from georoi.values.gridrois import GridROIs
from georoi.values.naming import some
from georoi.wording import printable
from georoi.zonal.arrayreading import read_array_windows
from georoi.zonal.inputs import ZonalInput
from georoi.zonal.layout import CellTask, Layout, ZonalTask, lay_out
from georoi.zonal.reading import Layer, Read, Scene, array_reader, file_reader, read_layers
from georoi.zonal.rows import Work

MOST_LAYERS = 128
"""Layers (bands x dates) that one measure may rest on."""
MOST_CLASSES = 2000
"""Classes whose pairs are measured: two million pairs."""
COVARIANCES = 100_000
"""Numbers of covariance matrices that a table takes along."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Separability:
    """Co-moments of n classes over p layers, and why some of them cannot be compared."""

    classes: tuple[Any, ...]
    layers: tuple[str, ...]
    effective: NDArray[np.float64]
    """Sum of the weights of the pixels that are valid in all layers, shape (n,)."""
    means: NDArray[np.float64]
    """Shape (n, p); NaN where there is no pixel."""
    covariances: NDArray[np.float64]
    """Unbiased, shape (n, p, p); NaN where there are fewer than two pixels."""
    status: tuple[str, ...]
    """"ok", "outside", "no_valid", "too_few" or "singular"."""
    reason: tuple[str | None, ...]


class _CellPartial(NamedTuple):
    """Co-moments of the ROIs of one canonical cell, by their numbers."""

    rois: NDArray[np.int64]
    comoments: Comoments


@dataclass(frozen=True, kw_only=True)
class _Reducer:
    """Reduces tiles; holds descriptions of files, not files."""

    scenes: tuple[Scene, ...]
    boundary: Boundary

    def __call__(self, task: ZonalTask) -> list[_CellPartial]:
        """Read and reduce one tile of files."""
        return self.reduce(task, [file_reader(scene) for scene in self.scenes])

    def reduce(self, task: ZonalTask, readers: Sequence[Read]) -> list[_CellPartial]:
        """Reduce one tile whose pixels `readers` give, one per scene."""
        layers = [
            layer
            for scene, read in zip(self.scenes, readers, strict=True)
            for layer in read_layers(scene, task.window, task.reads, read, scaled=False)
        ]
        invalid = [layer.state != 0 for layer in layers if layer.state is not None]
        valid = ~np.logical_or.reduce(invalid) if invalid else None
        return [self._reduce_cell(cell, task, layers, valid) for cell in task.cells]

    def _reduce_cell(
        self, cell: CellTask, task: ZonalTask, layers: list[Layer], valid: NDArray[np.bool_] | None
    ) -> _CellPartial:
        spans = cover_spans(cell.edges, cell.start, cell.inner, cell.bounds, cell.window, self.boundary)
        row0, row1, col0, col1 = cell.window
        row, col = task.window[0], task.window[2]
        place = slice(row0 - row, row1 - row), slice(col0 - col, col1 - col)
        values = np.stack([layer.values[place] for layer in layers])
        return _CellPartial(
            cell.rois, reduce_comoments(spans, values, None if valid is None else valid[place])
        )


def measure(given: ZonalInput, classes: GridROIs, boundary: Boundary, work: Work) -> Separability:
    """Take means and covariances of classes over all layers in one pass; every block is read once a date.

    Canonical cells are merged in their order, so that values are the same bits for any number of threads.

    Args:
        given: What is read; layers of several dates are layers beside one another.
        classes: One ROI per class, on the grid.
        boundary: The rule.
        work: How it is done.

    Raises:
        CRSError: E-CRS-02 if no class overlaps the raster.
        RasterError: E-RAS-02 if a part cannot be read, E-RAS-08 if the file has changed.
        UsageError: E-USE-01 if there are fewer than two classes, or more classes or layers than are measured.
    """
    names = name_layers(given)
    _check_numbers(classes.ids, names)
    bands = sum(len(scene.layers.sources) for scene in given.scenes)
    layout = lay_out(given.header, classes, boundary, bands, given.header.name)
    total = no_comoments(len(classes), len(names))
    tiles = _reduce(_Reducer(scenes=given.scenes, boundary=boundary), layout, given.array, work)
    for tile in track(tiles, work.progress, total=len(layout), message="separability"):
        for cell in tile:
            mine = Comoments(*(array[cell.rois] for array in total))
            join_comoments(mine, cell.comoments)
            for whole, array in zip(total, mine, strict=True):
                whole[cell.rois] = array
    return _judge(classes.ids, names, total, _scaling(given.scenes), layout.last_tiles() >= 0)


def make_table(found: Separability) -> Any:
    """Make a DataFrame of all pairs, with means and covariances in its `attrs`.

    Returns:
        Columns class_a, class_b, n_a, n_b, jeffries_matusita, transformed_divergence, bhattacharyya, status
        ("ok", or that of the class that cannot be compared) and reason.
    """
    import pandas as pd

    pairs = list(combinations(range(len(found.classes)), 2))
    a, b = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    good = np.array([status == "ok" for status in found.status])
    both = good[a] & good[b]
    distances = measure_pairs(found.means, found.covariances, a[both], b[both])
    frame = pd.DataFrame(
        {
            "class_a": [found.classes[i] for i in a],
            "class_b": [found.classes[i] for i in b],
            "n_a": found.effective[a],
            "n_b": found.effective[b],
        }
    )
    for name in ("jeffries_matusita", "transformed_divergence", "bhattacharyya"):
        values = np.full(len(pairs), np.nan)
        values[both] = getattr(distances, name)
        frame[name] = values
    frame["status"] = [next((found.status[k] for k in pair if not good[k]), "ok") for pair in pairs]
    why = ["; ".join(text for k in pair if (text := found.reason[k]) is not None) for pair in pairs]
    frame["reason"] = pd.Series([text or None for text in why], dtype=object)
    labels = [str(name) for name in found.classes]
    frame.attrs["bands"] = list(found.layers)
    frame.attrs["means"] = dict(zip(labels, found.means.tolist(), strict=True))
    notes = []
    if found.covariances.size <= COVARIANCES:
        frame.attrs["covariances"] = dict(zip(labels, found.covariances.tolist(), strict=True))
    else:
        notes.append(f"covariances of {len(labels)} classes are too many to go with the table: left out")
    frame.attrs["notes"] = notes
    return frame


def name_layers(given: ZonalInput) -> tuple[str, ...]:
    """Name the layers: by band, and by date before it where there are several."""
    if len(given.scenes) == 1:
        return tuple(layer.name for layer in given.layers)
    return tuple(f"{layer.label}_{layer.name}" for layer in given.layers)


def _check_numbers(classes: NDArray[np.object_], layers: tuple[str, ...]) -> None:
    if len(classes) < 2:
        raise UsageError(
            "E-USE-01",
            "separability is measured between classes, and there is one",
            found={"class": some(classes)},
            hint="by= (--by) names the attribute that holds the class; without it each ROI is a class",
        )
    if len(classes) > MOST_CLASSES:
        raise UsageError(
            "E-USE-01",
            f"{len(classes)} classes have too many pairs; at most {MOST_CLASSES} are measured",
            hint="by= (--by) names the attribute that holds the class; without it each ROI is a class",
        )
    if len(layers) > MOST_LAYERS:
        raise UsageError(
            "E-USE-01",
            f"separability over {len(layers)} layers is asked for; at most {MOST_LAYERS} are measured",
            found={"layers": some(layers)},
            hint="choose bands= (--band) or fewer dates",
        )


def _scaling(scenes: Sequence[Scene]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give scale and offset of each layer, to be applied to its co-moments; indices are scaled already.

    So whole pixels of integers are summed as they are stored, hence exactly.
    """
    pairs = [
        (scene.scales[layer.sources[0]], scene.offsets[layer.sources[0]]) if layer.index is None else (1, 0)
        for scene in scenes
        for layer in scene.layers.layers
    ]
    scales, offsets = np.array(pairs, dtype=np.float64).T
    return scales, offsets


def _reduce(reducer: _Reducer, layout: Layout, data: Any, work: Work) -> Iterator[list[_CellPartial]]:
    if data is None:
        return stream(reducer, layout.tasks(), workers=work.workers, client=work.client)
    if is_lazy(data):
        wanted = ((task, task.window) for task in layout.tasks())
        read = read_array_windows(data, wanted, workers=work.workers, client=work.client)
        return (reducer.reduce(task, _readers(block, task.window)) for task, block in read)

    def reduce(task: ZonalTask) -> list[_CellPartial]:
        return reducer.reduce(task, _readers(data, (0, 0, 0, 0)))

    return stream(reduce, layout.tasks(), workers=work.workers or count_cores())


def _readers(block: NDArray[Any], window: tuple[int, int, int, int]) -> list[Read]:
    return [array_reader(scene, (window[0], window[2])) for scene in block]


def _judge(
    classes: NDArray[np.object_],
    layers: tuple[str, ...],
    total: Comoments,
    scaling: tuple[NDArray[np.float64], NDArray[np.float64]],
    meets: NDArray[np.bool_],
) -> Separability:
    """Evaluate the co-moments, and say of which classes there is nothing to compare."""
    covariances = to_covariances(total)
    singular = find_singular(covariances)
    effective, need = total.counts[:, WEIGHT], len(layers) + 1
    told: list[tuple[str, str | None]] = []
    for i, name in enumerate(classes):
        who = f"class '{printable(str(name))}'"
        if not meets[i]:
            told.append(("outside", f"{who} lies outside the raster"))
        elif effective[i] == 0:
            told.append(("no_valid", f"{who} has no pixel that is valid in every layer"))
        elif effective[i] < need:
            told.append(
                ("too_few", f"{who} has {effective[i]:.4g} pixels, and {need - 1} layers need {need}")
            )
        elif singular[i]:
            told.append(("singular", f"the covariance of {who} is singular: {_why(covariances[i], layers)}"))
        else:
            told.append(("ok", None))
    scaled = scale_comoments(total, *scaling)
    means = np.where(effective[:, None] > 0, scaled.means, np.nan)
    return Separability(
        classes=tuple(classes),
        layers=layers,
        effective=effective,
        means=means,
        covariances=covariances * (scaling[0][:, None] * scaling[0]),
        status=tuple(status for status, _ in told),
        reason=tuple(reason for _, reason in told),
    )


def _why(covariance: NDArray[np.float64], layers: tuple[str, ...]) -> str:
    constant = [name for name, variance in zip(layers, np.diagonal(covariance), strict=True) if variance == 0]
    if constant:
        return f"{some(constant)} has the same value in all its pixels"
    return "some layers follow from others"
