"""Resolve a request of bands and spectral indices into the bands to read and the layers to make of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.errors import RasterError, UsageError
from georoi.kernels.indices import compute_formula
from georoi.values.bands import BandRequest, find_bands, list_bands
from georoi.values.indices import INDICES, Index, find_index
from georoi.values.sensors import Roles, parse_role
from georoi.wording import printable


@dataclass(frozen=True)
class Layer:
    """One layer of results: a band as it is, or an index of several."""

    name: str
    """Name of the results, in columns for one."""
    sources: tuple[int, ...]
    """Places of its bands in `LayerPlan.sources`; a pixel is valid where all of them are."""
    index: Index | None = None
    """The index, whose roles are those of `sources` in the same order; None for a band."""

    def compute(self, bands: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Make the layer of the bands read.

        Args:
            bands: An array for each of `LayerPlan.sources`, of one shape; scaled, if results are to be.

        Returns:
            The band itself, or the index in float64, NaN where it has no value.
        """
        if self.index is None:
            return bands[self.sources[0]]
        chosen = {role: bands[i] for role, i in zip(self.index.roles, self.sources, strict=True)}
        return compute_formula(self.index.tree, chosen)

    def find_valid(self, valid: Sequence[NDArray[np.bool_]]) -> NDArray[np.bool_]:
        """Tell where all bands of the layer are valid, given one such array per `LayerPlan.sources`."""
        if len(self.sources) == 1:
            return valid[self.sources[0]]
        merged: NDArray[np.bool_] = np.logical_and.reduce([valid[i] for i in self.sources])
        return merged


@dataclass(frozen=True)
class LayerPlan:
    """The bands to read, each once, and the layers to make of them."""

    sources: tuple[int, ...]
    """Positions, from 0, of the bands to read, in the order of their first use."""
    layers: tuple[Layer, ...]
    notes: tuple[str, ...] = ()
    """What was decided, in words."""

    @property
    def is_plain(self) -> bool:
        """Whether every layer is a band as it is."""
        return all(layer.index is None for layer in self.layers)

    @property
    def needs_reflectance(self) -> tuple[str, ...]:
        """Names of the layers that mean something for reflectances of 0 to 1 only, as EVI does."""
        return tuple(layer.name for layer in self.layers if layer.index and layer.index.needs_reflectance)


def resolve_bands(
    request: BandRequest | None,
    band_names: Sequence[str],
    *,
    raster: str = "raster",
    band_map: Mapping[str, int | str] | None = None,
    sensor: str | None = None,
    band_numbers: Sequence[int] | None = None,
) -> LayerPlan:
    """Find what each item of a request is: a band by name or number, else an index, else a role.

    So a band wins over an index of its name. Names of indices and roles are taken in any case. Where an index
    needs nir and only nir08 is there, that one is taken, and a note says so.

    Args:
        request: Bands and indices; None for all bands.
        band_names: Names of the raster's bands.
        raster: Name of the raster, for messages.
        band_map: Roles to bands, such as {"nir": "B08"}; goes before what names and sensors say.
        sensor: Name of the sensor, such as "landsat-8", where the names of bands leave it open.
        band_numbers: Numbers of the bands in the file; from 1 where not given.

    Raises:
        RasterError: E-RAS-04 if there is no such band or index, or a band that an index needs is missing;
            E-RAS-12 if names leave open which band it is.
        UsageError: E-USE-01 if a layer is asked for twice, or sensor or mapping are wrong.
    """
    numbers = tuple(band_numbers or range(1, len(band_names) + 1))
    if request is None:
        items: list[int | str] = list(numbers)
    elif isinstance(request, str) or not isinstance(request, Iterable):
        items = [request]
    else:
        items = list(request)
    if not items:
        find_bands([], numbers, band_names, raster)  # its error
    roles = Roles(band_names, raster, band_map=band_map, sensor=sensor, band_numbers=numbers)
    resolver = _Resolver(roles)
    layers = tuple(resolver.resolve(item) for item in items)
    names = [layer.name for layer in layers]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice and request is not None:
        raise UsageError("E-USE-01", f"bands= asks twice for {', '.join(map(printable, twice))}")
    return LayerPlan(tuple(resolver.sources), layers, tuple(dict.fromkeys(resolver.notes)))


class _Resolver:
    """Collects the bands to read while items are resolved."""

    def __init__(self, roles: Roles) -> None:
        self.roles = roles
        self.sources: list[int] = []
        self.notes: list[str] = []

    def resolve(self, item: int | str) -> Layer:
        position = self._find_band(item)
        if position is not None:
            return Layer(self.roles.names[position], (self._place(position),))
        index = find_index(item) if isinstance(item, str) else None
        if index is not None:
            return self._make_index(index)
        role = parse_role(item) if isinstance(item, str) else None
        position = self._find_role(role) if role else None
        if position is None:
            raise self._refuse(item)
        return Layer(str(item), (self._place(position),))

    def _find_band(self, item: int | str) -> int | None:
        names, numbers = self.roles.names, self.roles.numbers
        if isinstance(item, str) and item not in names:
            alike = [i for i, name in enumerate(names) if name.casefold() == item.casefold()]
            if len(alike) == 1:
                return alike[0]
        try:
            return find_bands([item], numbers, names, self.roles.raster)[0]
        except RasterError:
            return None

    def _place(self, position: int) -> int:
        if position not in self.sources:
            self.sources.append(position)
        return self.sources.index(position)

    def _make_index(self, index: Index) -> Layer:
        found = {role: self._find_role(role) for role in index.roles}
        missing = [role for role, position in found.items() if position is None]
        if missing:
            raise RasterError(
                "E-RAS-04",
                f"raster '{self.roles.raster}' has no band known as {', '.join(missing)}, "
                f"which {index.name} needs",
                found={"bands": list_bands(self.roles.numbers, self.roles.names), "formula": index.formula},
                hint=f"say which band it is: band_map={{'{missing[0]}': ...}}, or sensor=",
            )
        places = tuple(self._place(position) for position in found.values() if position is not None)
        return Layer(index.name, places, index)

    def _find_role(self, role: str) -> int | None:
        position = self.roles.find(role)
        if position is None and role == "nir":
            position = self.roles.find("nir08")
            if position is not None:
                self.notes.append(f"band {self.roles.names[position]} (nir08) is taken as nir")
        return position

    def _refuse(self, item: object) -> RasterError:
        known = {name.casefold(): name for name in (*INDICES, *self.roles.names)}
        close = get_close_matches(str(item).casefold(), known, n=1)
        kind = "band or index" if isinstance(item, str) else "band"
        return RasterError(
            "E-RAS-04",
            f"raster '{self.roles.raster}' has no {kind} {printable(repr(item))}"
            + (f"; did you mean {printable(known[close[0]])}?" if close else ""),
            found={"bands": list_bands(self.roles.numbers, self.roles.names), "indices": ", ".join(INDICES)},
            hint="give numbers as the file counts them, from 1, or names",
        )
