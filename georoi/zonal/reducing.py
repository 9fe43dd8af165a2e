"""The work on one tile: read it once, cover its ROIs once, reduce every band and date over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from georoi.errors import RasterError
from georoi.grid import Window
from georoi.kernels import ledger, reduction
from georoi.kernels.positions import find_positions
from georoi.kernels.samples import gather, gather_whole, locate, split_parts
from georoi.kernels.spans import Spans, cover_spans
from georoi.kernels.tally import Tally
from georoi.kernels.weighting import LOWEST, reduce_weighted
from georoi.options import Boundary
from georoi.planning.areas import part_areas
from georoi.planning.pixelareas import PixelAreas
from georoi.zonal.layout import CellTask, ZonalTask
from georoi.zonal.partials import CellPartial, Samples, Sampling, TilePartial
from georoi.zonal.reading import Layer, Read, Scene, file_reader, read_layers
from georoi.zonal.tallying import Tallying, drop_rois
from georoi.zonal.weights import Weights


@dataclass(frozen=True, kw_only=True)
class TileReducer:
    """Reduces tiles; holds descriptions of files, not files."""

    scenes: tuple[Scene, ...]
    boundary: Boundary
    areas: PixelAreas
    sampling: Sampling = Sampling.NONE
    skip_errors: bool = False
    """Whether a part that cannot be read costs the ROIs that meet it, and not the run."""
    with_positions: bool = False
    """Whether it is asked where values lie."""
    weights: Weights | None = None
    """A raster of weights, where weighted statistics are asked for."""
    tallying: Tallying | None = None
    """ROIs whose values are counted in ranges, not kept."""
    token: str = field(default_factory=lambda: uuid4().hex)
    """Tells the tasks of one pass from those of others."""

    def __call__(self, task: ZonalTask) -> TilePartial:
        """Read and reduce one tile of files."""
        return self.reduce(task, [file_reader(scene) for scene in self.scenes])

    def reduce(self, task: ZonalTask, readers: Sequence[Read]) -> TilePartial:
        """Reduce one tile whose pixels `readers` give, one per scene.

        Raises:
            RasterError: E-RAS-02 if a part cannot be read and errors are not skipped; E-RAS-13 if weights
                are negative.
        """
        covers = [_Cover.make(cell, self.boundary, self.areas) for cell in task.cells]
        found: list[list[_Reduced]] = [[] for _ in task.cells]
        weights: NDArray[np.float64] | None = None
        for scene, read in zip(self.scenes, readers, strict=True):
            try:
                if weights is None and self.weights is not None:
                    weights = self.weights.read(task.window)
                layers = read_layers(scene, task.window, task.reads, read, scaled=False)
            except RasterError as error:
                if not self.skip_errors or error.id != "E-RAS-02":
                    raise
                rois = np.unique(np.concatenate([cell.rois for cell in task.cells]))
                return TilePartial((), rois, str(error).partition("\n")[0])
            for cell, cover, reduced in zip(task.cells, covers, found, strict=True):
                areas = self.areas.compact(_with_margin(cell.window))
                mine = None if weights is None else _cut_out(weights, cell, task)
                for layer in layers:
                    cut = _cut(layer, cell, task)
                    reduced.append(self._reduce(cut, cell, cover, areas, mine, len(reduced)))
        partials = [_join(cell, reduced) for cell, reduced in zip(task.cells, found, strict=True)]
        return TilePartial(tuple(partials), np.empty(0, np.int64))

    def _reduce(
        self,
        layer: Layer,
        cell: CellTask,
        cover: _Cover,
        areas: NDArray[np.float64],
        weights: NDArray[np.float64] | None,
        number: int,
    ) -> _Reduced:
        spans, values, state = cover.spans, layer.values, layer.state
        corner = cell.window[0], cell.window[2]
        moments = reduction.reduce_moments(spans, values, state)
        positions = find_positions(spans, values, state, corner) if self.with_positions else None
        weighted = None
        if weights is not None:
            weighted = reduce_weighted(spans, values, state, weights)
            self._check_weights(weighted)
        tallies: list[tuple[int, int, Tally]] = []
        if self.tallying is not None:
            tallies = self.tallying.count(number, spans, values, state, cell.rois)
            if self.tallying.counts(number):
                spans = drop_rois(spans, self.tallying.holds(cell.rois))
        samples = self._sample(spans, layer, corner)
        return _Reduced(moments, cover.sum_areas(areas, state), samples, positions, weighted, tallies)

    def _sample(self, spans: Spans, layer: Layer, corner: tuple[int, int]) -> tuple[Samples, ...]:
        """Gather values: one of each with its weights, or whole pixels and parts of pixels apart."""
        values, state = layer.values, layer.state
        if self.sampling is Sampling.NONE:
            return ()
        if self.sampling is Sampling.VALUES and values.dtype.kind in "iu" and values.dtype.itemsize <= 2:
            return (Samples(*gather(spans, values, state)),)
        whole, parts = split_parts(spans)
        start, inside = gather_whole(whole, values, state)
        found = [Samples(start, inside, None), Samples(*gather(parts, values, state, counted=False))]
        if self.sampling is Sampling.PIXELS:
            columns = int(self.areas.grid.shape[1])
            found = [
                one._replace(places=locate(piece, state, corner, columns))
                for one, piece in zip(found, (whole, parts), strict=True)
            ]
        return tuple(found)

    def _check_weights(self, weighted: NDArray[np.float64]) -> None:
        lowest = float(weighted[:, LOWEST].min(initial=np.inf))
        if lowest < 0 and self.weights is not None:
            raise RasterError(
                "E-RAS-13",
                f"the weights '{self.weights.name}' are negative inside a ROI",
                found={"least weight": f"{lowest:.10g}"},
                hint="where that means nodata, say so: weights=open_raster(path, nodata=...)",
            )


class _Reduced(NamedTuple):
    moments: NDArray[np.float64]
    ledger: NDArray[np.float64]
    samples: tuple[Samples, ...]
    positions: NDArray[np.float64] | None
    weighted: NDArray[np.float64] | None
    tallies: list[tuple[int, int, Tally]]


class _Cover:
    """The coverage of one cell, under the rule and by exact fractions."""

    def __init__(self, spans: Spans, fractions: Spans, parts: NDArray[np.float64] | None) -> None:
        self.spans = spans
        self.fractions = fractions
        self._parts = parts
        self._all_valid: NDArray[np.float64] | None = None

    @classmethod
    def make(cls, cell: CellTask, boundary: Boundary, areas: PixelAreas) -> _Cover:
        place = (cell.edges, cell.start, cell.inner, cell.bounds, cell.window)
        fractions = cover_spans(*place, Boundary.FRACTION)
        spans = fractions if boundary is Boundary.FRACTION else cover_spans(*place, boundary)
        parts = _part_areas(cell, fractions, areas) if areas.is_coarse else None
        if cell.sharing is not None:
            joined = cell.sharing.join(fractions)
            if parts is not None:
                joined, parts = cell.sharing.join_areas(fractions, parts, areas.table(cell.window))
            spans = joined if spans is fractions else cell.sharing.join(spans, is_whole=True)
            fractions = joined
        return cls(spans, fractions, parts)

    def sum_areas(self, areas: NDArray[np.float64], state: NDArray[np.uint8] | None) -> NDArray[np.float64]:
        """Sum areas by state; where all pixels are valid, once for all layers."""
        if state is not None:
            return ledger.sum_areas(self.fractions, areas, state, self._parts)
        if self._all_valid is None:
            self._all_valid = ledger.sum_areas(self.fractions, areas, None, self._parts)
        return self._all_valid


def _part_areas(cell: CellTask, spans: Spans, areas: PixelAreas) -> NDArray[np.float64]:
    """Give the area that is covered of each partly covered pixel, where pixels are too large for moments."""
    found = np.zeros(len(spans.pixels))
    if cell.polygons is None:
        raise ValueError("a cell of a coarse grid needs the polygons of its ROIs")
    for polygon, i in zip(cell.polygons, np.flatnonzero(~cell.inner).tolist(), strict=True):
        mine = slice(int(spans.pixel_start[i]), int(spans.pixel_start[i + 1]))
        pixels = spans.pixels[mine].astype(np.int64)
        rows, cols = pixels[:, 0] + cell.window[0], pixels[:, 1] + cell.window[2]
        found[mine] = part_areas(polygon, rows, cols, areas)
    return found


def _join(cell: CellTask, reduced: list[_Reduced]) -> CellPartial:
    positions = [one.positions for one in reduced if one.positions is not None]
    weighted = [one.weighted for one in reduced if one.weighted is not None]
    return CellPartial(
        cell.rois,
        np.stack([one.moments for one in reduced], axis=1),
        np.stack([one.ledger for one in reduced], axis=1),
        tuple(one.samples for one in reduced if one.samples),
        np.stack(positions, axis=1) if positions else None,
        np.stack(weighted, axis=1) if weighted else None,
        tuple(tally for one in reduced for tally in one.tallies),
    )


def _with_margin(window: Window) -> Window:
    row0, row1, col0, col1 = window
    return row0 - 1, row1 + 1, col0 - 1, col1 + 1


def _cut(layer: Layer, cell: CellTask, task: ZonalTask) -> Layer:
    if cell.window == task.window:
        return layer
    state = None if layer.state is None else _cut_out(layer.state, cell, task)
    if state is not None and not state.any():
        state = None
    return Layer(_cut_out(layer.values, cell, task), state)


def _cut_out(pixels: NDArray[Any], cell: CellTask, task: ZonalTask) -> NDArray[Any]:
    """Cut the pixels of a cell out of those of its tile."""
    row, col = task.window[0], task.window[2]
    row0, row1, col0, col1 = cell.window
    return np.ascontiguousarray(pixels[row0 - row : row1 - row, col0 - col : col1 - col])
