"""Every pixel of every ROI as rows of a table, part by part: read once, cover once, list what is covered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from georoi.engine.lazy import is_lazy
from georoi.engine.progress import track
from georoi.engine.streaming import stream
from georoi.grid import Window, bounds_to_windows, grid_crs, to_world
from georoi.io.table.streams import Points
from georoi.kernels.sampling import Entries, list_entries
from georoi.kernels.spans import cover_spans
from georoi.options import Boundary, count_cores
from georoi.planning.areas import planar_areas
from georoi.values.gridrois import GridROIs
from georoi.values.naming import some
from georoi.values.rois import ROISet
from georoi.wording import say_count
from georoi.zonal.arrayreading import read_array_windows
from georoi.zonal.inputs import ZonalInput
from georoi.zonal.layout import CellTask, Layout, ZonalTask, lay_out
from georoi.zonal.reading import Read, Scene, array_reader, file_reader, read_layers
from georoi.zonal.rows import (
    BATCH,
    Columns,
    Layers,
    Work,
    attribute_array,
    choose_attributes,
    cuts,
    id_array,
    tell_origin,
    value_array,
    value_type,
)

PART_BYTES = 128 * 2**20
"""Values of a part hold at most this, or those of one row of blocks."""
IN_FLIGHT_BYTES = 512 * 2**20
"""Parts under way at a time hold at most about this."""
STATES = ("valid", "nodata", "nonfinite", "masked")
"""Names of the states of `georoi.kernels.validity`."""
OWN = ("roi_id", "row", "col", "x", "y", "weight", "date", "state", "geometry")


class Part(NamedTuple):
    """A tile, or whole rows of blocks of one where many dates and bands make it large."""

    tile: ZonalTask
    rows: tuple[int, int]
    """First row and the one behind the last, in pixels of the raster."""

    @property
    def window(self) -> Window:
        """(row0, row1, col0, col1) in pixels of the raster."""
        return (*self.rows, *self.tile.window[2:])

    @property
    def reads(self) -> tuple[Window, ...]:
        """Windows to read."""
        row0, row1 = self.rows
        cut = [(max(a, row0), min(b, row1), c, d) for a, b, c, d in self.tile.reads]
        return tuple(window for window in cut if window[0] < window[1])


class Found(NamedTuple):
    """The covered pixels of a part, by ROI, row and column, and what they hold."""

    entries: Entries
    """ROIs by number, rows and columns of the raster."""
    values: tuple[NDArray[Any], ...]
    """Per layer, shape (pixels, scenes)."""
    states: tuple[NDArray[np.uint8] | None, ...]
    """Per layer, of the same shape; None where all are valid."""


@dataclass(frozen=True, kw_only=True)
class Extractor:
    """Lists the pixels of parts; holds descriptions of files, not files."""

    scenes: tuple[Scene, ...]
    boundary: Boundary
    dtypes: tuple[np.dtype[Any], ...]
    """Of the layers."""

    def __call__(self, part: Part) -> Found:
        """Read and list one part of files."""
        return self.extract(part, [file_reader(scene) for scene in self.scenes])

    def extract(self, part: Part, readers: Sequence[Read]) -> Found:
        """List one part whose pixels `readers` give, one per scene."""
        entries = _list(part, self.boundary)
        shape = (len(entries.row), len(self.scenes))
        values = tuple(np.empty(shape, dtype) for dtype in self.dtypes)
        states: list[NDArray[np.uint8] | None] = [None] * len(self.dtypes)
        reads = part.reads
        if not reads or not shape[0]:
            return Found(entries, values, tuple(states))
        row, col = entries.row - part.window[0], entries.col - part.window[2]
        for number, (scene, read) in enumerate(zip(self.scenes, readers, strict=True)):
            for place, layer in enumerate(read_layers(scene, part.window, reads, read, scaled=True)):
                values[place][:, number] = layer.values[row, col]
                if layer.state is None:
                    continue
                found = layer.state[row, col]
                if found.any():
                    held = states[place]
                    held = np.zeros(shape, np.uint8) if held is None else held
                    held[:, number] = found
                    states[place] = held
        return Found(entries, values, tuple(states))


def _list(part: Part, boundary: Boundary) -> Entries:
    """List the covered pixels of a part by ROI, row and column; coverage is that of whole cells."""
    row0, row1 = part.rows
    listed = [
        _list_cell(cell, boundary, (row0, row1))
        for cell in part.tile.cells
        if cell.window[0] < row1 and cell.window[1] > row0
    ]
    if len(listed) == 1:
        return listed[0]
    if not listed:
        none = np.empty(0, np.int32)
        return Entries(none, none, none, np.empty(0))
    entries = Entries(*(np.concatenate(arrays) for arrays in zip(*listed, strict=True)))
    return entries.take(np.lexsort((entries.col, entries.row, entries.roi)))


def _list_cell(cell: CellTask, boundary: Boundary, rows: tuple[int, int]) -> Entries:
    spans = cover_spans(cell.edges, cell.start, cell.inner, cell.bounds, cell.window, boundary)
    found = list_entries(spans)
    entries = Entries(
        cell.rois[found.roi].astype(np.int32),
        found.row + np.int32(cell.window[0]),
        found.col + np.int32(cell.window[2]),
        found.weight,
    )
    if rows[0] <= cell.window[0] and cell.window[1] <= rows[1]:
        return entries
    return entries.take((entries.row >= rows[0]) & (entries.row < rows[1]))


class PixelExtraction:
    """Every pixel of every ROI, ready to be listed; `batches` does the work.

    Args:
        given: What is read, and the layers made of it.
        rois: The ROIs as given.
        aligned: The same on the grid.
        boundary: The rule.
        keep_invalid: Whether pixels without a valid value have rows, too, and all have a state.
        include: Names of attributes to repeat in each row, or True for all.
        asked: Options, for the provenance.

    Raises:
        CRSError: E-CRS-02 if no ROI overlaps the raster.
        UsageError: E-USE-01 for an attribute that is missing, or has no free name.
    """

    def __init__(
        self,
        given: ZonalInput,
        rois: ROISet,
        aligned: GridROIs,
        *,
        boundary: Boundary,
        keep_invalid: bool = False,
        include: Any = None,
        asked: Mapping[str, Any] | None = None,
    ) -> None:
        self._given, self._rois, self._aligned = given, rois, aligned
        self._keep_invalid = keep_invalid
        self._layers = Layers.of(given)
        bands = sum(len(scene.layers.sources) for scene in given.scenes)
        self._layout: Layout = lay_out(given.header, aligned, boundary, bands, given.header.name)
        self._boundary = boundary
        self._extractor = Extractor(scenes=given.scenes, boundary=boundary, dtypes=self._layers.dtypes)
        columns = Columns(taken=set(OWN))
        self._attributes = {
            columns.give(name, "input", "attribute"): attribute_array(rois.attributes[name])
            for name in choose_attributes(rois.attributes, include, default=False)
        }
        self._bands = [columns.give(name, "band", "band") for name in self._layers.names]
        several = len(self._bands) > 1
        self._states = [f"{name}_state" if several else "state" for name in self._bands]
        self._ids = id_array(rois.ids)
        self._rows = np.zeros(len(rois), np.int64)
        self.notes = (*given.notes, *aligned.notes, *columns.notes)
        self.schema = self._make_schema()
        told = {"name": rois.name, "fingerprint": rois.fingerprint, "count": len(rois)}
        self.provenance = tell_origin(given, asked or {}, rois=told)

    def _make_schema(self) -> pa.Schema:
        fields = [("roi_id", self._ids.type)]
        fields += [(name, values.type) for name, values in self._attributes.items()]
        fields += [("row", pa.int32()), ("col", pa.int32())]
        fields += [(name, pa.float64()) for name in ("x", "y", "weight")]
        kinds = zip(self._bands, self._layers.dtypes, strict=True)
        fields += [(name, value_type(dtype)) for name, dtype in kinds]
        if self._layers.dates is not None:
            fields.append(("date", self._layers.dates.type))
        if self._keep_invalid:
            fields += [(name, pa.string()) for name in self._states]
        return pa.schema(fields)

    @property
    def points(self) -> Points:
        """The columns that are coordinates: centres of pixels in the raster's CRS."""
        return Points(crs=grid_crs(self._given.header.grid))

    def estimate_rows(self) -> int:
        """Estimate the number of rows, from outlines alone; rather too many where pixels are invalid."""
        grid = self._given.header.grid
        a, b, _, d, e, _ = (float(value) for value in grid.affine[:6])
        areas = planar_areas(self._aligned) / abs(a * e - b * d)
        windows = bounds_to_windows(self._aligned.bounds, self._given.header.shape)
        heights, widths = windows[:, 1] - windows[:, 0], windows[:, 3] - windows[:, 2]
        edges = 0 if self._boundary is Boundary.CENTER else heights + widths
        pixels = np.minimum(np.nan_to_num(areas) + edges, heights * widths)
        return int(np.ceil(pixels.sum())) * len(self._given.scenes)

    def describe(self) -> dict[str, Any]:
        """Say what would be done, as values for JSON."""
        return {**self._layout.plan.to_dict(), "dates": len(self._given.scenes), "bands": self._bands}

    def __str__(self) -> str:
        return str(self._layout.plan)

    def batches(self, work: Work) -> Iterator[pa.Table]:
        """Give rows by part, ROI, row, column and date; parts are tiles in row-major order.

        Raises:
            RasterError: E-RAS-02 if a part cannot be read, E-RAS-08 if a file has changed.
        """
        self._rows[:] = 0
        total = len(self._layout) if self._step >= self._layout.plan.tile_shape[0] else None
        found = self._found(self._parts(), work)
        for part in track(found, work.progress, total=total, message="extraction"):
            yield from self._tabulate(part)

    def closing_notes(self) -> tuple[str, ...]:
        """Say after the work which ROIs have no row."""
        none = self._rois.ids[self._rows == 0]
        if not len(none):
            return ()
        what = "pixel" if self._keep_invalid else "valid pixel"
        return (
            f"{say_count(len(none), 'ROI')} without a row, for no {what} under the rule {self._boundary}: "
            f"{some(none)}",
        )

    def _parts(self) -> Iterator[Part]:
        for task in self._layout.tasks():
            row0, row1 = task.window[:2]
            for start in range(row0, row1, self._step):
                part = Part(task, (start, min(start + self._step, row1)))
                if part.reads:
                    yield part

    def _found(self, parts: Iterator[Part], work: Work) -> Iterator[Found]:
        data = self._given.array
        if data is None:
            threads = work.workers or count_cores()
            bound = max(IN_FLIGHT_BYTES // (self._step * self._row_bytes), 2)
            in_flight = bound if bound < threads + 1 else None
            return stream(
                self._extractor, parts, workers=work.workers, client=work.client, in_flight=in_flight
            )
        if is_lazy(data):
            return self._found_lazily(parts, work)
        extract = _on_array(self._extractor, data)
        return stream(extract, parts, workers=work.workers or count_cores())

    @property
    def _row_bytes(self) -> int:
        """Bytes of the values of one row of a tile, over all bands and dates."""
        cols = min(self._layout.plan.tile_shape[1], self._given.header.shape[1])
        return max(self._layers.itemsize * len(self._given.scenes) * cols, 1)

    @cached_property
    def _step(self) -> int:
        """Rows of a part: those of a tile, or fewer whole rows of blocks."""
        block, rows = self._given.header.block_shape[0], self._layout.plan.tile_shape[0]
        most = PART_BYTES // self._row_bytes
        return rows if most >= rows else max(most // block * block, block)

    def _found_lazily(self, parts: Iterator[Part], work: Work) -> Iterator[Found]:
        wanted = ((part, part.window) for part in parts)
        read = read_array_windows(self._given.array, wanted, workers=work.workers, client=work.client)
        for part, block in read:
            corner = part.window[0], part.window[2]
            yield self._extractor.extract(part, [array_reader(scene, corner) for scene in block])

    def _tabulate(self, found: Found) -> Iterator[pa.Table]:
        scenes = len(self._given.scenes)
        for place in cuts(len(found.entries.row), BATCH // scenes):
            table = self._make_rows(
                found.entries.take(place),
                [values[place] for values in found.values],
                [None if state is None else state[place] for state in found.states],
            )
            if table.num_rows:
                yield table

    def _make_rows(
        self,
        entries: Entries,
        values: Sequence[NDArray[Any]],
        states: Sequence[NDArray[np.uint8] | None],
    ) -> pa.Table:
        scenes = len(self._given.scenes)
        pixel, scene = np.divmod(np.arange(len(entries.row) * scenes), scenes)
        kept: slice | NDArray[np.bool_] = slice(None)
        if not self._keep_invalid and all(state is not None for state in states):
            kept = np.any([state.reshape(-1) == 0 for state in states if state is not None], axis=0)
            pixel, scene = pixel[kept], scene[kept]
        entries = entries.take(pixel)
        self._rows += np.bincount(entries.roi, minlength=len(self._rows))
        x, y = to_world(self._given.header.grid, entries.col + 0.5, entries.row + 0.5)
        which = pa.array(entries.roi)
        columns = [self._ids.take(which), *(values.take(which) for values in self._attributes.values())]
        columns += [pa.array(array) for array in (entries.row, entries.col, x, y, entries.weight)]
        flat = [None if state is None else state.reshape(-1)[kept] for state in states]
        for array, state in zip(values, flat, strict=True):
            columns.append(value_array(array.reshape(-1)[kept], None if state is None else state > 0))
        if self._layers.dates is not None:
            columns.append(self._layers.dates.take(pa.array(scene)))
        if self._keep_invalid:
            columns += [_name_states(state, len(pixel)) for state in flat]
        return pa.table(columns, schema=self.schema)


def _name_states(state: NDArray[np.uint8] | None, length: int) -> pa.Array:
    codes = np.zeros(length, np.uint8) if state is None else state
    return pa.array(STATES, pa.string()).take(pa.array(codes))


def _on_array(extractor: Extractor, data: NDArray[Any]) -> Callable[[Part], Found]:
    return lambda part: extractor.extract(part, [array_reader(scene, (0, 0)) for scene in data])
