"""The layers of a window of one scene: its bands read and classified, its indices computed, values scaled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from georoi.grid import Window
from georoi.io.raster.rasters import Pixels, read_window
from georoi.kernels.validity import classify
from georoi.values.layers import LayerPlan
from georoi.values.raster import Number, Raster
from georoi.zonal.masking import SceneMask

Read = Callable[[Window], Pixels]
"""Gives the pixels of a window, (row0, row1, col0, col1) in pixels of the raster."""


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


def file_reader(scene: Scene) -> Read:
    """Give what reads windows of a scene's file, by the calling thread's own handle."""
    raster = scene.raster
    if raster is None:
        raise ValueError("a scene without a file needs a reader")
    return lambda window: read_window(raster, window)


def array_reader(values: NDArray[Any], corner: tuple[int, int]) -> Read:
    """Give what reads windows of an array (bands, rows, cols) whose first pixel is `corner` of the grid."""
    row, col = corner
    return lambda window: Pixels(
        values[:, window[0] - row : window[1] - row, window[2] - col : window[3] - col], None
    )


def read_layers(
    scene: Scene, window: Window, reads: Sequence[Window], read: Read, *, scaled: bool
) -> list[Layer]:
    """Read the bands of a window, classify their pixels, and compute what is no plain band.

    Args:
        scene: What is read, and the layers made of it.
        window: (row0, row1, col0, col1) in pixels of the raster.
        reads: What of it is read, windows within; the rest is zero and means nothing.
        read: Gives pixels.
        scaled: Scale plain bands too, where the scene says so; indices are made of scaled bands anyway.

    Raises:
        RasterError: E-RAS-02 if a part cannot be read, E-RAS-08 if the file has changed.
    """
    values, kept = _read(window, reads, read)
    if scene.mask is not None:
        clear = _read_mask(scene.mask, window, reads)
        kept = np.broadcast_to(clear, values.shape) if kept is None else kept & clear
    states = [
        classify(values[i], nodata, None if kept is None else kept[i])
        for i, nodata in enumerate(scene.nodata)
    ]
    final: list[NDArray[Any]] = list(values)
    if scaled or not scene.layers.is_plain:
        final = [_scale(*given) for given in zip(values, scene.scales, scene.offsets, strict=True)]
    made = []
    for layer in scene.layers.layers:
        place = layer.sources[0]
        if layer.index is None:
            made.append(Layer(final[place] if scaled else values[place], states[place]))
            continue
        computed = layer.compute(final)
        state = _worst([states[i] for i in layer.sources])
        made.append(Layer(computed, _first(state, classify(computed, None, None))))
    return made


def _scale(values: NDArray[Any], scale: float, offset: float) -> NDArray[Any]:
    if (scale, offset) == (1, 0):
        return values
    scaled: NDArray[Any] = values.astype(np.float64) * scale + offset
    return scaled


def layer_dtypes(scene: Scene, dtype: np.dtype[Any]) -> list[np.dtype[Any]]:
    """Give the dtype of each layer that `read_layers` makes of bands of a dtype."""
    found = []
    for layer in scene.layers.layers:
        place = layer.sources[0]
        plain = layer.index is None and (scene.scales[place], scene.offsets[place]) == (1, 0)
        found.append(dtype if plain else np.dtype(np.float64))
    return found


def _read(
    window: Window, reads: Sequence[Window], read: Read
) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Read windows into one array (bands, rows, cols)."""
    if tuple(reads) == (window,):
        pixels = read(window)
        return pixels.values, pixels.valid
    row0, row1, col0, col1 = window
    values: NDArray[Any] | None = None
    kept: NDArray[np.bool_] | None = None
    for part in reads:
        pixels = read(part)
        if values is None:
            values = np.zeros((len(pixels.values), row1 - row0, col1 - col0), pixels.values.dtype)
        place = (slice(None), *_place(part, window))
        values[place] = pixels.values
        if pixels.valid is not None:
            kept = np.ones(values.shape, dtype=bool) if kept is None else kept
            kept[place] = pixels.valid
    if values is None:
        raise ValueError("a window needs at least one read")
    return values, kept


def _read_mask(mask: SceneMask, window: Window, reads: Sequence[Window]) -> NDArray[np.bool_]:
    kept = np.zeros((window[1] - window[0], window[3] - window[2]), dtype=bool)
    for part in reads:
        kept[_place(part, window)] = mask.find_kept(part)
    return kept


def _place(part: Window, window: Window) -> tuple[slice, slice]:
    row0, _, col0, _ = window
    return slice(part[0] - row0, part[1] - row0), slice(part[2] - col0, part[3] - col0)


def _worst(states: Sequence[NDArray[np.uint8] | None]) -> NDArray[np.uint8] | None:
    """Give each pixel the state that is asked first among those of several bands, valid if all are."""
    result: NDArray[np.uint8] | None = None
    for state in states:
        if state is not None:
            result = state if result is None else _first_of(result, state)
    return result


def _first_of(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.uint8]:
    either = np.where(one == 0, other, np.where(other == 0, one, np.minimum(one, other)))
    return either.astype(np.uint8)


def _first(state: NDArray[np.uint8] | None, holes: NDArray[np.uint8] | None) -> NDArray[np.uint8] | None:
    """Add pixels without a value of a computed layer to those that its bands leave out."""
    if state is None or holes is None:
        return state if holes is None else holes
    return np.where(state == 0, holes, state).astype(np.uint8)
