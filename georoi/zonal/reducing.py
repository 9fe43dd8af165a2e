"""The work on one tile: read it once, cover its ROIs once, reduce every band and date over them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from georoi.errors import RasterError
from georoi.grid import Window
from georoi.io.raster.rasters import Pixels, read_window
from georoi.kernels import ledger, reduction
from georoi.kernels.samples import gather
from georoi.kernels.spans import Spans, cover_spans
from georoi.kernels.validity import classify
from georoi.options import Boundary
from georoi.planning.pixelareas import PixelAreas
from georoi.values.layers import LayerPlan
from georoi.values.raster import Number, Raster
from georoi.zonal.layout import CellTask, ZonalTask
from georoi.zonal.masking import SceneMask
from georoi.zonal.partials import CellPartial, Samples, Sampling, TilePartial

Read = Callable[[Window], Pixels]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What is read for one date, and the layers made of it."""

    raster: Raster | None
    """The file, with the bands to be read; None where pixels come from elsewhere."""
    nodata: tuple[Number | None, ...]
    """Per band read."""
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    """Per band read; 1 and 0 where values are to be taken as stored."""
    layers: LayerPlan
    mask: SceneMask | None = None
    """What takes pixels out that are valid otherwise."""

    def __len__(self) -> int:
        return len(self.layers.layers)


class Layer(NamedTuple):
    """One layer in a tile."""

    values: NDArray[Any]
    """Shape (rows, cols)."""
    state: NDArray[np.uint8] | None
    """See `georoi.kernels.validity`; None where all pixels are valid."""


@dataclass(frozen=True, kw_only=True)
class TileReducer:
    """Reduces tiles; holds descriptions of files, not files."""

    scenes: tuple[Scene, ...]
    boundary: Boundary
    areas: PixelAreas
    sampling: Sampling = Sampling.NONE
    skip_errors: bool = False
    """Whether a part that cannot be read costs the ROIs that meet it, and not the run."""

    def __call__(self, task: ZonalTask) -> TilePartial:
        """Read and reduce one tile of files."""
        return self.reduce(task, [_reader(scene) for scene in self.scenes])

    def reduce(self, task: ZonalTask, readers: Sequence[Read]) -> TilePartial:
        """Reduce one tile whose pixels `readers` give, one per scene."""
        covers = [_Cover.make(cell, self.boundary) for cell in task.cells]
        found: list[list[_Reduced]] = [[] for _ in task.cells]
        for scene, read in zip(self.scenes, readers, strict=True):
            try:
                layers = _make_layers(scene, task, read)
            except RasterError as error:
                if not self.skip_errors or error.id != "E-RAS-02":
                    raise
                rois = np.unique(np.concatenate([cell.rois for cell in task.cells]))
                return TilePartial((), rois, str(error).partition("\n")[0])
            for cell, cover, reduced in zip(task.cells, covers, found, strict=True):
                areas = self.areas.compact(_with_margin(cell.window))
                reduced += [self._reduce(_cut(layer, cell, task), cover, areas) for layer in layers]
        partials = [_join(cell, reduced) for cell, reduced in zip(task.cells, found, strict=True)]
        return TilePartial(tuple(partials), np.empty(0, np.int64))

    def _reduce(self, layer: Layer, cover: _Cover, areas: NDArray[np.float64]) -> _Reduced:
        moments = reduction.reduce_moments(cover.spans, layer.values, layer.state)
        samples = None
        if self.sampling is not Sampling.NONE:
            counted = self.sampling is Sampling.VALUES
            samples = Samples(*gather(cover.spans, layer.values, layer.state, counted=counted))
        return _Reduced(moments, cover.sum_areas(areas, layer.state), samples)


class _Reduced(NamedTuple):
    moments: NDArray[np.float64]
    ledger: NDArray[np.float64]
    samples: Samples | None


class _Cover:
    """The coverage of one cell, under the rule and by exact fractions."""

    def __init__(self, spans: Spans, fractions: Spans) -> None:
        self.spans = spans
        self.fractions = fractions
        self._all_valid: NDArray[np.float64] | None = None

    @classmethod
    def make(cls, cell: CellTask, boundary: Boundary) -> _Cover:
        place = (cell.edges, cell.start, cell.inner, cell.bounds, cell.window)
        fractions = cover_spans(*place, Boundary.FRACTION)
        spans = fractions if boundary is Boundary.FRACTION else cover_spans(*place, boundary)
        return cls(spans, fractions)

    def sum_areas(self, areas: NDArray[np.float64], state: NDArray[np.uint8] | None) -> NDArray[np.float64]:
        """Sum areas by state; where all pixels are valid, once for all layers."""
        if state is not None:
            return ledger.sum_areas(self.fractions, areas, state)
        if self._all_valid is None:
            self._all_valid = ledger.sum_areas(self.fractions, areas, None)
        return self._all_valid


def _join(cell: CellTask, reduced: list[_Reduced]) -> CellPartial:
    samples = tuple(one.samples for one in reduced if one.samples is not None)
    moments = np.stack([one.moments for one in reduced], axis=1)
    return CellPartial(cell.rois, moments, np.stack([one.ledger for one in reduced], axis=1), samples)


def _reader(scene: Scene) -> Read:
    raster = scene.raster
    if raster is None:
        raise ValueError("a scene without a file needs a reader")
    return lambda window: read_window(raster, window)


def _with_margin(window: Window) -> Window:
    row0, row1, col0, col1 = window
    return row0 - 1, row1 + 1, col0 - 1, col1 + 1


def _make_layers(scene: Scene, task: ZonalTask, read: Read) -> list[Layer]:
    """Read the bands of a tile, classify their pixels, and compute what is no plain band."""
    values, kept = _read(task, read)
    if scene.mask is not None:
        clear = _read_mask(task, scene.mask)
        kept = np.broadcast_to(clear, values.shape) if kept is None else kept & clear
    plan = scene.layers
    bands = [
        Layer(values[i], classify(values[i], scene.nodata[i], None if kept is None else kept[i]))
        for i in range(len(plan.sources))
    ]
    if plan.is_plain:
        return [bands[layer.sources[0]] for layer in plan.layers]
    scaled = [
        band.values * scale + offset if (scale, offset) != (1, 0) else band.values
        for band, scale, offset in zip(bands, scene.scales, scene.offsets, strict=True)
    ]
    made = []
    for layer in plan.layers:
        if layer.index is None:
            made.append(bands[layer.sources[0]])
            continue
        computed = layer.compute(scaled)
        state = _worst([bands[i].state for i in layer.sources])
        holes = classify(computed, None, None)
        made.append(Layer(computed, _first(state, holes)))
    return made


def _worst(states: list[NDArray[np.uint8] | None]) -> NDArray[np.uint8] | None:
    """Give each pixel the state that is asked first among those of several bands, valid if all are."""
    result: NDArray[np.uint8] | None = None
    for state in states:
        if state is None:
            continue
        if result is None:
            result = state.copy()
            continue
        either = np.where(result == 0, state, np.where(state == 0, result, np.minimum(result, state)))
        result = either.astype(np.uint8)
    return result


def _first(state: NDArray[np.uint8] | None, holes: NDArray[np.uint8] | None) -> NDArray[np.uint8] | None:
    """Add pixels without a value of a computed layer to those that its bands leave out."""
    if state is None or holes is None:
        return state if holes is None else holes
    return np.where(state == 0, holes, state).astype(np.uint8)


def _cut(layer: Layer, cell: CellTask, task: ZonalTask) -> Layer:
    if cell.window == task.window:
        return layer
    row0, _, col0, _ = task.window
    place = (
        slice(cell.window[0] - row0, cell.window[1] - row0),
        slice(cell.window[2] - col0, cell.window[3] - col0),
    )
    state = None if layer.state is None else np.ascontiguousarray(layer.state[place])
    if state is not None and not state.any():
        state = None
    return Layer(np.ascontiguousarray(layer.values[place]), state)


def _read_mask(task: ZonalTask, mask: SceneMask) -> NDArray[np.bool_]:
    row0, row1, col0, col1 = task.window
    kept = np.zeros((row1 - row0, col1 - col0), dtype=bool)
    for window in task.reads:
        kept[window[0] - row0 : window[1] - row0, window[2] - col0 : window[3] - col0] = mask.find_kept(
            window
        )
    return kept


def _read(task: ZonalTask, read: Read) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Read the blocks of a tile into one array (bands, rows, cols); no ROI meets what is not read."""
    if task.reads == (task.window,):
        pixels = read(task.window)
        return pixels.values, pixels.valid
    row0, row1, col0, col1 = task.window
    values: NDArray[Any] | None = None
    kept: NDArray[np.bool_] | None = None
    for window in task.reads:
        pixels = read(window)
        if values is None:
            values = np.zeros((len(pixels.values), row1 - row0, col1 - col0), pixels.values.dtype)
        place = (
            slice(None),
            slice(window[0] - row0, window[1] - row0),
            slice(window[2] - col0, window[3] - col0),
        )
        values[place] = pixels.values
        if pixels.valid is not None:
            kept = np.ones(values.shape, dtype=bool) if kept is None else kept
            kept[place] = pixels.valid
    if values is None:
        raise ValueError("a tile needs at least one read")
    return values, kept
