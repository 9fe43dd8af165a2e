"""From rasters, stacks and arrays to the scenes that a pass reads, and the layers that it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.errors import UsageError
from georoi.io.array.arrays import ArraySource
from georoi.io.array.bands import BAND, band_names, band_numbers, band_scaling
from georoi.options import CELL
from georoi.planning.keeping import match_masks
from georoi.values.bands import BandRequest
from georoi.values.layers import LayerPlan, resolve_bands
from georoi.values.quality import MaskRule
from georoi.values.raster import Header, Raster, require_grid
from georoi.values.stack import Stack
from georoi.zonal.masking import SceneMask
from georoi.zonal.reading import Scene
from georoi.zonal.results import Layer

TIME = "time"


@dataclass(frozen=True, eq=False, kw_only=True)
class ZonalInput:
    """What a pass works on."""

    header: Header
    """Grid and blocks."""
    scenes: tuple[Scene, ...]
    layers: tuple[Layer, ...]
    """Of all scenes, one after the other."""
    array: Any = None
    """Values of shape (scenes, bands, rows, cols), dask (untyped) or numpy, where they are no files."""
    notes: tuple[str, ...] = ()

    @property
    def is_dated(self) -> bool:
        """Whether layers have dates."""
        return any(layer.date is not None for layer in self.layers)

    @property
    def dtypes(self) -> tuple[np.dtype[Any], ...]:
        """Of the layers' values, before scale and offset."""
        found = []
        for scene in self.scenes:
            source = scene.raster.dtype if scene.raster is not None else self.array.dtype
            stored = np.dtype(source).newbyteorder("=")
            found += [stored if one.index is None else np.dtype(np.float64) for one in scene.layers.layers]
        return tuple(found)


@dataclass(frozen=True, kw_only=True)
class BandChoice:
    """Which bands and indices are asked for, and how roles are told."""

    bands: BandRequest | None = None
    band_map: Mapping[str, int | str] | None = None
    sensor: str | None = None
    scaled: bool = True
    """Whether scale and offset are applied."""
    mask: MaskRule | None = None
    """Which pixels are kept."""
    masks: Raster | Stack | None = None
    """Where the bands of the rule are, if not in the rasters themselves."""

    def resolve(self, names: Sequence[str], numbers: Sequence[int], raster: str) -> LayerPlan:
        """Find the bands to read and the layers to make of them."""
        return resolve_bands(
            self.bands,
            names,
            raster=raster,
            band_map=self.band_map,
            sensor=self.sensor,
            band_numbers=numbers,
        )


def read_input(source: Raster | Stack | ArraySource, choice: BandChoice) -> ZonalInput:
    """Make the input of a pass; headers alone are looked at.

    Raises:
        RasterError: E-RAS-04 for unknown bands, E-STK-02 for a stack on several grids.
        UsageError: E-USE-01 for dimensions other than time and band.
    """
    if isinstance(source, Stack):
        return _read_stack(source, choice)
    if isinstance(source, Raster):
        return _read_raster(source, choice)
    return _read_array(source, choice)


def _read_raster(raster: Raster, choice: BandChoice) -> ZonalInput:
    require_grid(raster)
    scene, notes = _scene(raster, choice, _masks(choice, [raster])[0])
    layers = tuple(Layer(name=layer.name) for layer in scene.layers.layers)
    return ZonalInput(header=raster.header, scenes=(scene,), layers=layers, notes=notes)


def _read_stack(stack: Stack, choice: BandChoice) -> ZonalInput:
    stack.require_one_grid()
    require_grid(stack.rasters[0])
    scenes: list[Scene] = []
    layers: list[Layer] = []
    notes: list[str] = []
    masks = _masks(choice, stack.rasters)
    for raster, date, label, mask in zip(stack, stack.dates, stack.labels, masks, strict=True):
        scene, said = _scene(raster, choice, mask)
        scenes.append(scene)
        notes += said
        layers += [Layer(name=layer.name, date=date, label=label) for layer in scene.layers.layers]
    return ZonalInput(
        header=stack.rasters[0].header,
        scenes=tuple(scenes),
        layers=tuple(layers),
        notes=(*stack.notes, *dict.fromkeys(notes)),
    )


def _masks(choice: BandChoice, rasters: Sequence[Raster]) -> list[SceneMask | None]:
    if choice.mask is None:
        return [None] * len(rasters)
    found = match_masks(choice.masks, rasters)
    return [SceneMask.of(choice.mask, mask, raster) for mask, raster in zip(found, rasters, strict=True)]


def _scene(raster: Raster, choice: BandChoice, mask: SceneMask | None) -> tuple[Scene, tuple[str, ...]]:
    plan = choice.resolve(raster.band_names, raster.bands, raster.name)
    read = raster.select([raster.bands[i] for i in plan.sources])
    scene = _make_scene(read, read.nodata, read.scales, read.offsets, plan, choice.scaled)
    notes = [*plan.notes, *_note_reflectance(plan, read.dtype, scene)]
    return replace(scene, mask=mask), tuple(notes)


def _note_reflectance(plan: LayerPlan, dtype: str, scene: Scene) -> list[str]:
    """Warn of indices that mean something for reflectances of 0 to 1 only, made of unscaled integers."""
    plain = set(scene.scales) <= {1.0} and set(scene.offsets) <= {0.0}
    if not plan.needs_reflectance or not plain or np.dtype(dtype).kind == "f":
        return []
    names = ", ".join(plan.needs_reflectance)
    return [f"{names} is for reflectances from 0 to 1, and the bands are {dtype} without a scale"]


def _make_scene(
    raster: Raster | None,
    nodata: Sequence[Any],
    scales: Sequence[float],
    offsets: Sequence[float],
    plan: LayerPlan,
    scaled: bool,
) -> Scene:
    count = len(plan.sources)
    return Scene(
        raster=raster,
        nodata=tuple(nodata),
        scales=tuple(scales) if scaled and scales else (1.0,) * count,
        offsets=tuple(offsets) if scaled and offsets else (0.0,) * count,
        layers=plan,
    )


def _read_array(source: ArraySource, choice: BandChoice) -> ZonalInput:
    array, header = source.array, source.header
    require_grid(header)
    if choice.mask is not None:
        raise UsageError(
            "E-USE-01",
            "mask= works on rasters and stacks, and a DataArray is given",
            hint="mask it first: array.where(...), whose NaN count as not finite",
        )
    others = [dim for dim in array.dims[:-2] if dim != BAND]
    if len(others) > 1 or (others and others[0] not in (TIME, "date")):
        raise UsageError(
            "E-USE-01",
            "statistics know the dimensions time and band beside the spatial ones",
            found={"array": ", ".join(str(dim) for dim in array.dims)},
            hint="rename a dimension to time or band, or select along it first",
        )
    names = header.band_names
    if BAND not in array.dims:  # the header counts layers of whatever dimension as bands
        names = band_names(array.isel(dict.fromkeys(others, 0)))
    plan = choice.resolve(names, band_numbers(array), header.name)
    leading = [*others, BAND] if BAND in array.dims else list(others)
    array = array.transpose(*leading, *source.dims)
    data = _in_known_dtype(array.data)
    rows, cols = data.shape[-2:]
    data = data.reshape((-1, len(names), rows, cols))[:, list(plan.sources)]
    scales, offsets = ((), ()) if source.is_scaled else band_scaling(source.array)
    scene = _make_scene(
        None,
        [header.nodata[i] for i in plan.sources],
        [scales[i] for i in plan.sources] if scales else [],
        [offsets[i] for i in plan.sources] if offsets else [],
        plan,
        choice.scaled,
    )
    dates = _dates(array[others[0]].values, data.shape[0]) if others else [(None, None)]
    layers = [
        Layer(name=layer.name, date=date, label=label) for date, label in dates for layer in plan.layers
    ]
    return ZonalInput(
        header=replace(header, block_shape=(min(CELL, rows), min(CELL, cols))),
        scenes=(scene,) * data.shape[0],
        layers=tuple(layers),
        array=data,
        notes=plan.notes,
    )


def _in_known_dtype(data: Any) -> Any:
    """Give an array (numpy or dask, untyped) in a dtype that kernels work on; values stay as they are."""
    dtype: np.dtype[Any] = data.dtype
    if dtype.kind == "b":
        return data.astype(np.uint8)
    if dtype.kind == "f" and dtype.itemsize not in (4, 8):
        return data.astype(np.float32 if dtype.itemsize < 4 else np.float64)
    return data.astype(dtype.newbyteorder("="), copy=False)


def _dates(values: NDArray[Any], count: int) -> list[tuple[np.datetime64 | None, str]]:
    """Give date and label of each step along the dimension of time."""
    if values.dtype.kind == "M":
        stamps = values.astype("datetime64[us]")
        return [(stamp, str(stamp.astype("datetime64[s]"))) for stamp in stamps]
    return [(None, str(values[i])) for i in range(count)]
