"""The true area of every pixel of a grid: polynomials on patches, which any task can evaluate."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import ArrayLike, NDArray
from odc.geo.geobox import GeoBox

from georoi.crs import CRS, Density, area_density, metres_per_unit, placement, plane
from georoi.grid import Window, grid_crs, pixel_size, to_world
from georoi.kernels.areas import ALONG_COLUMNS, ALONG_ROWS, MEAN, expand, fill_cut_rows, fill_pixels
from georoi.options import CELL

Floats = NDArray[np.float64]
Key = tuple[int, int, int]
"""Level, row and column of a patch, counted in sides of the patches of its level."""

_PATCH = 512_000.0  # metres: the longest side of a patch, nominal
_LEVELS = 6  # how often a patch is halved where the density is rough
_MARGIN = 1.5  # patches are true this far about their middle, for polygons that reach beyond their square
_TAIL, _OFF = 2e-10, 1e-5  # what the last terms may amount to, relative; errors between the nodes, in metres
_LAST_TAIL, _LAST_OFF = 1e-7, 1e-3  # the same for patches that are not halved again
_FAR = 1_000_000.0  # metres: how far around a grid the density is looked at
_EQUAL = 2e-9  # relative: PROJ's series for equal-area projections are true to 6e-10
_BY_ROW = 2e-11  # relative: what varies by less along rows depends on the row alone
_COARSE = 5e-10  # of the area of a part of a pixel: what may be left out
_AT_ONCE = 1024  # patches that are made without being asked for: half a second
_POLE = 1e-3  # pixels: as far as grids are told apart

# A patch has _N x _N Chebyshev nodes; from values there to coefficients, derivatives, and powers.
_N = 9
_ANGLES = (np.arange(_N) + 0.5) * np.pi / _N
_NODES = np.cos(_ANGLES)
_TO_TERMS = np.cos(np.outer(np.arange(_N), _ANGLES)) * np.where(np.arange(_N) > 0, 2 / _N, 1 / _N)[:, None]
_SLOPES = chebyshev.chebvander(_NODES, _N - 2) @ chebyshev.chebder(np.eye(_N)) @ _TO_TERMS
_TO_POWERS = np.zeros((_N, _N))
for _k in range(_N):
    _TO_POWERS[: _k + 1, _k] = chebyshev.cheb2poly(np.eye(_N)[_k, : _k + 1])
_BETWEEN = np.array([[0.37, -0.71], [-0.83, 0.19], [0.57, 0.89], [-0.09, -0.31]])


class Patch(NamedTuple):
    """The density on a square of the grid, in square metres per square pixel."""

    origin: tuple[float, float, float]
    """Row and column of its middle, and half the side of the square on which it is true."""
    coefficients: Floats
    """Of u**k * v**l at [k, l], u and v running from -1 to 1; NaN without a place on the Earth, and empty
    where the density is too rough and four patches of half the side take over."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PixelAreas:
    """The areas of the pixels of a grid, on the ellipsoid of its CRS in square metres.

    The density (square metres per square pixel) is a polynomial on each patch of a lattice anchored at the
    grid's origin, so a pixel has the same bits in any window. It is developed anew in each canonical cell,
    and integrated over pixels exactly. Relative error: about 1e-12, by PROJ's inverse 1e-10 on polar
    stereographic grids. NaN where the CRS has no place on the Earth (pixels that look past its limb). What
    reaches beyond a pole on a geographic grid has no area; around the grid the formula goes on, so that
    differences stay right. Equal-area grids have one area for all pixels; PROJ follows them to 6e-10 only.
    Patches are small and travel with the object; one that was not made ahead is made when asked for, in half
    a millisecond.
    """

    grid: GeoBox
    varies: Literal["nowhere", "by row", "by pixel"]
    measure: Literal["ellipsoid", "plane", "pixel"]
    """What areas are measured on; "plane" for a CRS without an ellipsoid (square metres by its unit)."""
    constant: float
    """The area of a pixel where it varies nowhere, else NaN."""
    side: int
    """Side of the patches of the first level in pixels, a power of 2."""
    earth: tuple[float, float]
    """Rows, with fraction, between which the Earth lies; infinite but for geographic grids."""
    is_coarse: bool
    """True if pixels are so large that moments do not give the area of a part to 5e-10 of it, or if the grid
    reaches beyond a pole: then the areas of parts come from `georoi.planning.areas.part_areas`."""
    patches: dict[Key, Patch]
    """The patches made ahead; never changed."""

    def compact(self, window: Window) -> Floats:
        """Give the area of each pixel in the smallest shape that broadcasts to the window's.

        Args:
            window: (row0, row1, col0, col1); may reach beyond the grid.

        Returns:
            Shape (1, 1), (rows, 1) or (rows, columns), C-contiguous.
        """
        if self.varies == "nowhere":
            return np.full((1, 1), self.constant)
        return self._fill(window, MEAN)

    def table(self, window: Window) -> Floats:
        """Give the area of each pixel of a window, shape (rows, columns), C-contiguous; see `compact`."""
        row0, row1, col0, col1 = window
        values = self.compact(window)
        shape = (max(row1 - row0, 0), max(col1 - col0, 0))
        return values if values.shape == shape else np.broadcast_to(values, shape).copy()

    def gradients(self, window: Window) -> tuple[Floats, Floats]:
        """Give the derivatives of the density per row and per column, at the centres of pixels.

        With A the covered share of a pixel, and My and Mx the moments of the covered part about the pixel's
        centre in pixels, its area is A * area + My * per_row + Mx * per_column, up to 5e-10 of it unless
        `is_coarse`.

        Returns:
            Both in the shape that `compact` gives, in square metres per pixel: of area, per row or column.
        """
        if self.varies == "nowhere":
            return np.zeros((1, 1)), np.zeros((1, 1))
        per_row = self._fill(window, ALONG_ROWS)
        if self.varies == "by row":
            return per_row, np.zeros_like(per_row)
        return per_row, self._fill(window, ALONG_COLUMNS)

    def making(self, windows: ArrayLike) -> PixelAreas:
        """Give the same areas with the patches made ahead that windows need, and no others.

        One pixel around each window is served too, for differences.

        Args:
            windows: Windows (row0, row1, col0, col1), shape (n, 4).
        """
        asked = np.asarray(windows, dtype=np.int64).reshape(-1, 4)
        asked = asked[(asked[:, 0] < asked[:, 1]) & (asked[:, 2] < asked[:, 3])]
        asked = asked + np.array([-1, 1, -1, 1], dtype=np.int64)
        made: dict[Key, Patch] = {}
        if self.varies != "nowhere":
            first = np.unique((asked - [0, 1, 0, 1]) // self.side, axis=0)
            keys = {key for row0, row1, col0, col1 in first for key in self._keys(row0, row1, col0, col1)}
            while keys:
                made |= {key: self.patch(key) for key in sorted(keys)}
                split = [key for key in keys if is_split(made[key])]
                keys = {child for key in split for child in self.children(key) if self._meets(child, asked)}
        return replace(self, patches=made)

    def patch(self, key: Key) -> Patch:
        """Give a patch, made ahead or now: the same bits either way."""
        return self.patches.get(key) or _fit(self, key)

    def children(self, key: Key) -> list[Key]:
        """Give the keys of the patches of half the side that take a patch's place."""
        level, row, col = key
        cols = (0,) if self.varies == "by row" else (2 * col, 2 * col + 1)
        return [(level + 1, i, j) for i in (2 * row, 2 * row + 1) for j in cols]

    def _keys(self, row0: int, row1: int, col0: int, col1: int) -> Iterator[Key]:
        cols = range(1) if self.varies == "by row" else range(int(col0), int(col1) + 1)
        yield from ((0, i, j) for i in range(int(row0), int(row1) + 1) for j in cols)

    def _meets(self, key: Key, windows: NDArray[np.int64]) -> bool:
        side = self.side >> key[0]
        row, col = key[1] * side, key[2] * side
        meets = (windows[:, 0] < row + side) & (windows[:, 1] > row)
        if self.varies == "by pixel":
            meets &= (windows[:, 2] < col + side) & (windows[:, 3] > col)
        return bool(meets.any())

    def _fill(self, window: Window, what: int) -> Floats:
        row0, row1, col0, col1 = (int(value) for value in window)
        if self.varies == "by row":
            col0, col1 = 0, 1
        table = np.empty((max(row1 - row0, 0), max(col1 - col0, 0)))
        if not table.size:
            return table
        side = self.side
        keys = list(self._keys(row0 // side, (row1 - 1) // side, col0 // side, (col1 - 1) // side))
        while keys:
            key = keys.pop()
            side, (_, i, j) = self.side >> key[0], key
            part = (
                max(row0, i * side),
                min(row1, (i + 1) * side),
                max(col0, j * side),
                min(col1, (j + 1) * side),
            )
            if part[0] >= part[1] or part[2] >= part[3]:
                continue
            patch = self.patch(key)
            if is_split(patch):
                keys += self.children(key)
                continue
            origin, terms = patch
            fill_pixels(terms, origin, min(CELL, side), part, (row0, col0), what, table)
            ends = max(part[0], 0), min(part[1], self.grid.shape[0])
            if what == MEAN and (ends[0] < self.earth[0] or ends[1] > self.earth[1]):
                fill_cut_rows(terms, origin, ends, self.earth, row0, table)
        return table


def is_split(patch: Patch) -> bool:
    """Tell whether four patches of half the side take the place of a patch."""
    return not patch.coefficients.size


def make_pixel_areas(grid: GeoBox, is_pixel: bool = False, windows: ArrayLike | None = None) -> PixelAreas:
    """Find out how the areas of a grid's pixels vary, and make the patches that tell them.

    How they vary is found by looking at the density on and far around the grid, never by the name of the
    CRS: PROJ's Mollweide and sinusoidal projections are equal-area on a sphere only, for one.

    Args:
        grid: The grid.
        is_pixel: True if it is in pixel space: then each pixel has the area 1. So it is without a CRS.
        windows: Where patches are wanted, shape (n, 4); None for all, if they are not too many.
    """
    crs = grid_crs(grid)
    plain = PixelAreas(
        grid=grid,
        varies="nowhere",
        measure="pixel",
        constant=1.0,
        side=1,
        earth=(-math.inf, math.inf),
        is_coarse=False,
        patches={},
    )
    if is_pixel or crs is None:
        return plain
    a, b, _, d, e, f = (float(value) for value in grid.affine[:6])
    unit, area = metres_per_unit(crs), abs(a * e - b * d)
    density = area_density(crs)
    if density is None:
        return replace(plain, measure="plane", constant=area * unit**2)
    varies = _survey(grid, crs, density)
    if varies == "nowhere":
        return replace(plain, measure="ellipsoid", constant=area * unit**2)
    side = 2 ** int(np.clip(math.floor(math.log2(_PATCH / (unit * max(pixel_size(grid))))), 0, 30))
    areas = replace(plain, varies=varies, measure="ellipsoid", constant=math.nan, side=side)
    if plane(crs).is_geographic and varies == "by row":
        pole = math.pi / 2 / plane(crs).axis_info[0].unit_conversion_factor
        ends = sorted([(pole - f) / e, (-pole - f) / e])
        areas = replace(areas, earth=(ends[0], ends[1]))
    areas = replace(areas, is_coarse=_is_coarse(areas))
    rows, cols = grid.shape
    if windows is None:
        few = (rows // side + 1) * (1 if varies == "by row" else cols // side + 1) <= _AT_ONCE
        windows = [(0, rows, 0, cols)] if few else np.empty((0, 4))
    return areas.making(windows)


def _survey(grid: GeoBox, crs: CRS, density: Density) -> Literal["nowhere", "by row", "by pixel"]:
    """Tell how the density varies on a grid and around it."""
    _, _, _, d, e, _ = (float(value) for value in grid.affine[:6])
    if plane(crs).is_geographic:
        return "by row" if d == 0 and e != 0 else "by pixel"
    unit = metres_per_unit(crs)
    far = _FAR / unit / min(pixel_size(grid))
    lengths = [side / 2 + far for side in grid.shape]
    nodes = [side / 2 + length * _NODES for side, length in zip(grid.shape, lengths, strict=True)]
    rows, cols = np.meshgrid(*nodes, indexing="ij")
    found = density(*to_world(grid, cols, rows)) / unit**2
    placed = np.isfinite(found)
    # Some nodes may lie at the rim of the projection, where PROJ is rough.
    if placed.sum() >= 2 * _N and (np.abs(found[placed] - 1) < _EQUAL).mean() > 0.9:
        return "nowhere"
    whole = found[placed.all(axis=1)]
    spread = np.ptp(whole, axis=1) / whole.min(axis=1)
    return "by row" if len(whole) >= _N // 2 and (spread < _BY_ROW).all() else "by pixel"


def _fit(areas: PixelAreas, key: Key) -> Patch:
    """Make a patch: a polynomial through the density at Chebyshev nodes, if its last terms are small."""
    level, i, j = key
    side = areas.side >> level
    is_last = level >= _LEVELS or side == 1
    row, col = (i + 0.5) * side, areas.grid.shape[1] / 2 if areas.varies == "by row" else (j + 0.5) * side
    tries = ((_MARGIN, _TAIL, _OFF), (1.0, _LAST_TAIL, _LAST_OFF))
    for margin, most, off in tries[: 2 if is_last else 1]:
        half = margin * side / 2
        values = _density_at_nodes(areas.grid, row, col, half, off)
        if values is None:
            continue
        if np.isnan(values).all():
            is_last = True
            break
        terms = _TO_TERMS @ values @ _TO_TERMS.T
        tail = max(np.abs(terms[-2:]).max(), np.abs(terms[:, -2:]).max())
        if tail <= most * np.abs(values).max():
            if areas.varies == "by row":
                return Patch((row, col, half), np.ascontiguousarray(_TO_POWERS @ terms[:, :1]))
            return Patch((row, col, half), np.ascontiguousarray(_TO_POWERS @ terms @ _TO_POWERS.T))
    columns = 1 if areas.varies == "by row" else _N
    return Patch((row, col, side / 2), np.full((_N, columns), np.nan) if is_last else np.empty((0, 0)))


def _density_at_nodes(grid: GeoBox, row: float, col: float, half: float, off: float) -> Floats | None:
    """Give the density per square pixel at the nodes of a square: NaN off the Earth, None where it is rough.

    For a projected CRS it is |dP/drow x dP/dcolumn|, P being the polynomial through the nodes' points in
    space; that takes an eighth of the points that differences would.
    """
    crs = grid_crs(grid)
    density, locate = (None, None) if crs is None else (area_density(crs), placement(crs))
    if crs is None or density is None or locate is None:
        return None
    rows, cols = np.meshgrid(row + half * _NODES, col + half * _NODES, indexing="ij")
    x, y = to_world(grid, cols, rows)
    if plane(crs).is_geographic:
        a, b, _, d, e, _ = (float(value) for value in grid.affine[:6])
        values = density(x, y) * abs(a * e - b * d)
        is_there = d == 0 or bool((values > 0).all())  # beyond a pole, a row can be cut, but no other pixel
        return values if is_there else None
    points = locate(x, y)
    between_rows, between_cols = row + half * _BETWEEN[:, 0], col + half * _BETWEEN[:, 1]
    seen = locate(*to_world(grid, between_cols, between_rows))
    if not np.isfinite(points).any():
        return np.full(x.shape, np.nan)
    if not (np.isfinite(points).all() and np.isfinite(seen).all()):
        return None
    middle = points[:, _N // 2, _N // 2, None, None]
    points = points - middle
    terms = _TO_TERMS @ points @ _TO_TERMS.T
    expected = np.einsum(
        "nk,akl,nl->an",
        chebyshev.chebvander(_BETWEEN[:, 0], _N - 1),
        terms,
        chebyshev.chebvander(_BETWEEN[:, 1], _N - 1),
    )
    if np.abs(seen - middle[:, :, 0] - expected).max() > off:
        return None
    along_rows, along_cols = _SLOPES @ points / half, points @ _SLOPES.T / half
    return np.asarray(np.linalg.norm(np.cross(along_rows, along_cols, axis=0), axis=0), dtype=np.float64)


def _is_coarse(areas: PixelAreas) -> bool:
    """Tell whether the density bends within a pixel, at 25 places all over the grid, or a pole is cut."""
    rows, cols = areas.grid.shape
    if areas.earth[0] > _POLE or areas.earth[1] < rows - _POLE:
        return True
    shares = (np.arange(5) + 0.5) / 5
    at = [(int(row), int(col)) for row, col in itertools.product(shares * rows, shares * cols)]
    seen = areas.making([(row, row + 1, col, col + 1) for row, col in at])
    return any(_bend(seen, row, col) > _COARSE for row, col in at)


def _bend(areas: PixelAreas, row: int, col: int) -> float:
    """Give the most that the second derivatives add to a part of a pixel, relative to the part's area."""
    key = next(areas._keys(row // areas.side, row // areas.side, col // areas.side, col // areas.side))
    while is_split(areas.patch(key)):
        key = areas.children(key)[0]
    (middle, center, half), terms = areas.patch(key)
    about = np.empty_like(terms)
    expand(terms, (row + 0.5 - middle) / half, (col + 0.5 - center) / half, 1 / half, 1 / half, about)
    bend = abs(about[2, 0]) / 6
    if terms.shape[1] > 1:
        bend += abs(about[0, 2]) / 6 + abs(about[1, 1]) / 4
    return float(bend / abs(about[0, 0]))
