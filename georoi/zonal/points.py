"""Samples at points as rows of a table: each block that a point needs is read once, in order of blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from georoi.engine.lazy import is_lazy
from georoi.engine.progress import track
from georoi.engine.streaming import stream
from georoi.grid import Window, grid_crs
from georoi.io.table.streams import Points
from georoi.kernels.sampling import Neighbours, find_bilinear, find_nearest, interpolate
from georoi.options import count_cores
from georoi.planning.pointalignment import GridPoints
from georoi.values.points import PointSet
from georoi.wording import say_count
from georoi.zonal.arrayreading import read_array_windows
from georoi.zonal.inputs import ZonalInput
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

TASK_BLOCKS = 16
"""Blocks of a task, at most."""
STATE_WORDS = ("valid", "nodata", "not finite", "masked")
"""What the states of `georoi.kernels.validity` are called in reasons."""
OWN = ("point_id", "x", "y", "date", "status", "reason", "geometry")
Ints = NDArray[np.int64]


class Method(StrEnum):
    """How a point gets its value."""

    NEAREST = "nearest"
    """That of the pixel that holds it: its left and upper edge belong to it, the opposite ones do not."""
    BILINEAR = "bilinear"
    """From the four pixels whose centres lie around it; null where one of them with weight is not valid."""


class Block(NamedTuple):
    """The pixels that are wanted of one block."""

    window: Window
    """The smallest that holds them, (row0, row1, col0, col1) in pixels of the raster."""
    row: Ints
    col: Ints
    """Counted from the window's corner."""


class Sampled(NamedTuple):
    """What pixels hold: per layer, arrays of shape (pixels, scenes)."""

    values: tuple[NDArray[Any], ...]
    states: tuple[NDArray[np.uint8], ...]


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """Reads single pixels; holds descriptions of files, not files."""

    scenes: tuple[Scene, ...]
    dtypes: tuple[np.dtype[Any], ...]

    def __call__(self, blocks: tuple[Block, ...]) -> Sampled:
        """Read the pixels of some blocks of files."""
        readers = [file_reader(scene) for scene in self.scenes]
        return _join([self.sample(block, readers) for block in blocks])

    def sample(self, block: Block, readers: Sequence[Read]) -> Sampled:
        """Read the pixels of a block that `readers` give, one per scene."""
        shape = (len(block.row), len(self.scenes))
        values = tuple(np.empty(shape, dtype) for dtype in self.dtypes)
        states = tuple(np.zeros(shape, np.uint8) for _ in self.dtypes)
        for number, (scene, read) in enumerate(zip(self.scenes, readers, strict=True)):
            layers = read_layers(scene, block.window, (block.window,), read, scaled=True)
            for place, layer in enumerate(layers):
                values[place][:, number] = layer.values[block.row, block.col]
                if layer.state is not None:
                    states[place][:, number] = layer.state[block.row, block.col]
        return Sampled(values, states)


def _join(sampled: Sequence[Sampled]) -> Sampled:
    values = zip(*(one.values for one in sampled), strict=True)
    states = zip(*(one.states for one in sampled), strict=True)
    return Sampled(
        tuple(np.concatenate(arrays) for arrays in values), tuple(np.concatenate(arrays) for arrays in states)
    )


class Pixels(NamedTuple):
    """The pixels that points need, each once, in the order in which their blocks are read."""

    row: Ints
    col: Ints
    place: Ints
    """Which of them each neighbour of each point is, of the shape of the neighbours."""


def _gather(neighbours: Neighbours, shape: tuple[int, int], block_shape: tuple[int, int]) -> Pixels:
    """Find each pixel with weight once, by block and within it in row-major order."""
    counts = neighbours.weight > 0
    row, col = neighbours.row[counts], neighbours.col[counts]
    block_row, block_col = row // block_shape[0], col // block_shape[1]
    block = block_row * -(-shape[1] // block_shape[1]) + block_col
    order = np.lexsort((col, row, block))
    row, col = row[order], col[order]
    new = np.ones(len(row), dtype=bool)
    new[1:] = (row[1:] != row[:-1]) | (col[1:] != col[:-1])
    number = np.empty(len(order), np.int64)
    number[order] = np.cumsum(new) - 1
    place = np.zeros(counts.shape, np.int64)
    place[counts] = number
    return Pixels(row[new], col[new], place)


class PointSampling:
    """Samples at points, ready to be taken; `batches` does the work.

    Args:
        given: What is read, and the layers made of it.
        points: The points as given.
        aligned: The same on the grid.
        method: How a point gets its value.
        include: Names of attributes to keep; all by default, False for none.
        asked: Options, for the provenance.

    Raises:
        UsageError: E-USE-01 for an attribute that is missing, or has no free name.
    """

    def __init__(
        self,
        given: ZonalInput,
        points: PointSet,
        aligned: GridPoints,
        *,
        method: Method,
        include: Any = None,
        asked: Mapping[str, Any] | None = None,
    ) -> None:
        self._given, self._points, self._aligned, self._method = given, points, aligned, method
        self._layers = Layers.of(given)
        columns = Columns(taken=set(OWN))
        self._attributes = {
            columns.give(name, "input", "attribute"): attribute_array(points.attributes[name])
            for name in choose_attributes(points.attributes, include, default=True)
            if name != points.id_column or include is not None
        }
        self._bands = [columns.give(name, "band", "band") for name in self._layers.names]
        self._ids = id_array(points.ids)
        self.notes = (*given.notes, *aligned.notes, *columns.notes)
        self._lost = int((~np.isfinite(aligned.x + aligned.y)).sum())
        self._failed = 0
        inside = np.flatnonzero(aligned.inside)
        x, y, shape = aligned.col[inside], aligned.row[inside], given.header.shape
        near = find_nearest(x, y) if method is Method.NEAREST else find_bilinear(x, y, shape)
        self._weights = near.weight
        self._pixels = _gather(near, shape, given.header.block_shape)
        self._position = np.full(len(points), -1, np.int64)
        self._position[inside] = np.arange(len(inside))
        self.schema = self._make_schema()
        told = {"name": points.name, "fingerprint": points.fingerprint, "count": len(points)}
        self.provenance = tell_origin(given, asked or {}, points=told)

    def _make_schema(self) -> pa.Schema:
        fields = [("point_id", self._ids.type)]
        fields += [(name, values.type) for name, values in self._attributes.items()]
        fields += [("x", pa.float64()), ("y", pa.float64())]
        fields += [
            (name, value_type(self._result(dtype)))
            for name, dtype in zip(self._bands, self._layers.dtypes, strict=True)
        ]
        if self._layers.dates is not None:
            fields.append(("date", self._layers.dates.type))
        return pa.schema([*fields, ("status", pa.string()), ("reason", pa.string())])

    def _result(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        return dtype if self._method is Method.NEAREST else np.dtype(np.float64)

    @property
    def points(self) -> Points | None:
        """The columns that are coordinates, in the raster's CRS; None if a point has none there."""
        return None if self._lost else Points(crs=grid_crs(self._given.header.grid))

    def estimate_rows(self) -> int:
        """Give the number of rows."""
        return len(self._points) * len(self._given.scenes)

    def describe(self) -> dict[str, Any]:
        """Say what would be done, as values for JSON."""
        return {
            "source": self._given.header.name,
            "points": len(self._points),
            "inside": int(self._aligned.inside.sum()),
            "method": str(self._method),
            "blocks": sum(1 for _ in self._blocks()),
            "dates": len(self._given.scenes),
            "bands": self._bands,
        }

    def __str__(self) -> str:
        facts = self.describe()
        return (
            f"points   {say_count(facts['points'], 'point')}, {facts['inside']:,} on the raster, "
            f"method {facts['method']}\n"
            f"reads    {say_count(facts['blocks'], 'block')} on each of {say_count(facts['dates'], 'date')}"
        )

    def batches(self, work: Work) -> Iterator[pa.Table]:
        """Give rows in the order of the points, by date within each.

        Raises:
            RasterError: E-RAS-02 if a part cannot be read, E-RAS-08 if a file has changed.
        """
        self._failed = 0
        found = track(self._sample(work), work.progress, message="points")
        sampled = _join(list(found))
        scenes = len(self._given.scenes)
        for place in cuts(len(self._points), BATCH // scenes):
            yield self._make_rows(np.arange(place.start, place.stop), sampled)

    def closing_notes(self) -> tuple[str, ...]:
        """Say after the work how many points have no value."""
        notes = []
        outside = int((~self._aligned.inside).sum())
        if outside:
            notes.append(f"{outside:,} of {say_count(len(self._points), 'point')} outside the raster")
        if self._lost:
            notes.append(
                f"no geometry, for {say_count(self._lost, 'point')} without coordinates in the raster's CRS"
            )
        if self._failed:
            notes.append(f"{say_count(self._failed, 'row')} with a null on the raster: the reason says why")
        return tuple(notes)

    def _blocks(self) -> Iterator[Block]:
        block_rows, block_cols = self._given.header.block_shape
        row, col = self._pixels.row, self._pixels.col
        new = np.flatnonzero(
            (np.diff(row // block_rows, prepend=-1) != 0) | (np.diff(col // block_cols, prepend=-1) != 0)
        )
        for first, last in zip(new, [*new[1:], len(row)], strict=True):
            rows, cols = row[first:last], col[first:last]
            window = (int(rows[0]), int(rows[-1]) + 1, int(cols.min()), int(cols.max()) + 1)
            yield Block(window, rows - window[0], cols - window[2])

    def _sample(self, work: Work) -> Iterator[Sampled]:
        sampler = Sampler(scenes=self._given.scenes, dtypes=self._layers.dtypes)
        data = self._given.array
        if data is None:
            return stream(sampler, _gathered(self._blocks()), workers=work.workers, client=work.client)
        if is_lazy(data):
            return self._sample_lazily(sampler, work)

        def sample(block: Block) -> Sampled:
            return sampler.sample(block, [array_reader(scene, (0, 0)) for scene in data])

        return stream(sample, self._blocks(), workers=work.workers or count_cores())

    def _sample_lazily(self, sampler: Sampler, work: Work) -> Iterator[Sampled]:
        wanted = ((block, block.window) for block in self._blocks())
        read = read_array_windows(self._given.array, wanted, workers=work.workers, client=work.client)
        for block, values in read:
            corner = block.window[0], block.window[2]
            yield sampler.sample(block, [array_reader(scene, corner) for scene in values])

    def _make_rows(self, which: Ints, sampled: Sampled) -> pa.Table:
        scenes = len(self._given.scenes)
        point, scene = np.divmod(np.arange(len(which) * scenes), scenes)
        position = self._position[which]
        there = position >= 0
        place, weights = self._pixels.place[position[there]], self._weights[position[there]]
        outside = np.repeat(~there, scenes)
        columns, states = [], []
        for values, state in zip(sampled.values, sampled.states, strict=True):
            result = np.zeros((len(which), scenes), self._result(values.dtype))
            worst = np.zeros((len(which), scenes), np.uint8)
            for s in range(scenes):
                worst[there, s] = _first_state(state[place, s], weights)
                if self._method is Method.NEAREST:
                    result[there, s] = values[place[:, 0], s]
                else:
                    result[there, s] = interpolate(values[place, s], weights)
            states.append(worst.reshape(-1))
            columns.append(value_array(result.reshape(-1), outside | (states[-1] > 0)))
        status, reason = self._judge(outside, ~np.isfinite(self._aligned.x[which])[point], states)
        self._failed += int((np.any(states, axis=0) & ~outside).sum())
        rows = which[point]
        x, y = self._aligned.x[rows], self._aligned.y[rows]
        lost = ~np.isfinite(x + y)
        taken = pa.array(rows)
        table = [self._ids.take(taken), *(values.take(taken) for values in self._attributes.values())]
        table += [pa.array(x, mask=lost), pa.array(y, mask=lost), *columns]
        if self._layers.dates is not None:
            table.append(self._layers.dates.take(pa.array(scene)))
        return pa.table([*table, status, reason], schema=self.schema)

    def _judge(
        self, outside: NDArray[np.bool_], lost: NDArray[np.bool_], states: list[NDArray[np.uint8]]
    ) -> tuple[pa.Array, pa.Array]:
        """Give status and reason of each row: one text for each set of states that occurs."""
        codes = np.stack([*states, outside.astype(np.uint8) + (outside & lost)], axis=1)
        kinds, which = np.unique(codes, axis=0, return_inverse=True)
        said = [self._say(kind[:-1].tolist(), int(kind[-1])) for kind in kinds]
        taken = pa.array(which.reshape(-1))
        status = pa.array([one for one, _ in said], pa.string()).take(taken)
        return status, pa.array([other for _, other in said], pa.string()).take(taken)

    def _say(self, states: list[int], off: int) -> tuple[str, str | None]:
        if off:
            crs = "the point has no coordinates in the raster's CRS"
            return "outside", crs if off == 2 else "the point lies outside the raster"
        bad = [state for state in states if state]
        if not bad:
            return "ok", None
        where = "the pixel" if self._method is Method.NEAREST else "a pixel around the point"
        texts = []
        for state in sorted(set(bad)):
            bands = [name for name, other in zip(self._bands, states, strict=True) if other == state]
            texts.append(STATE_WORDS[state] + (f" in {', '.join(bands)}" if len(states) > 1 else ""))
        return "no_valid" if len(bad) == len(states) else "partial", f"{where} is {'; '.join(texts)}"


def _first_state(states: NDArray[np.uint8], weights: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Give the state that is asked first among those of pixels with weight, valid if all are."""
    asked = np.where((states > 0) & (weights > 0), states, 255).min(axis=1)
    return np.where(asked == 255, 0, asked).astype(np.uint8)


def _gathered(blocks: Iterator[Block]) -> Iterator[tuple[Block, ...]]:
    """Put some blocks into a task, so that small ones are worth it."""
    held: list[Block] = []
    for block in blocks:
        held.append(block)
        if len(held) == TASK_BLOCKS:
            yield tuple(held)
            held = []
    if held:
        yield tuple(held)
