"""Images for the writers' tests: specs, pixels of every dtype, and pieces on any lattice."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from georoi.grid import make_grid
from georoi.io.output.spec import ImageSpec, Piece

UTM = Affine(10.0, 0.0, 500_000.0, 0.0, -10.0, 5_000_000.0)


def make_spec(
    shape: tuple[int, int],
    count: int = 1,
    dtype: str = "uint16",
    *,
    affine: Affine = UTM,
    crs: object = 32633,
    **more: Any,
) -> ImageSpec:
    """Make a spec on a UTM grid, unless told otherwise."""
    return ImageSpec(grid=make_grid(shape, affine, crs), count=count, dtype=dtype, **more)


def make_pixels(spec: ImageSpec, seed: int = 0) -> NDArray[Any]:
    """Make pixels that use the whole range of the dtype."""
    random = np.random.default_rng(seed)
    kind, shape = np.dtype(spec.dtype), (spec.count, *spec.shape)
    if kind.kind == "f":
        return (random.normal(size=shape) * 1e3).astype(kind)
    limits = np.iinfo(kind)
    return random.integers(limits.min, limits.max, size=shape, dtype=kind, endpoint=True)


def whole(pixels: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> list[Piece]:
    """Make one piece of an image."""
    _, rows, cols = pixels.shape
    return [Piece((0, rows, 0, cols), pixels, valid)]


def cut(
    pixels: NDArray[Any],
    rows: Sequence[int],
    cols: Sequence[int],
    *,
    valid: NDArray[np.bool_] | None = None,
    left_out: frozenset[int] = frozenset(),
) -> Iterator[Piece]:
    """Cut an image along a lattice, row-major.

    Args:
        pixels: Shape (bands, rows, cols).
        rows: Where bands of rows begin and end: 0, ..., number of rows.
        cols: The same for columns.
        valid: Shape (rows, cols), cut likewise.
        left_out: Numbers of the pieces that do not come.
    """
    number = -1
    for row0, row1 in itertools.pairwise(rows):
        for col0, col1 in itertools.pairwise(cols):
            number += 1
            if number not in left_out:
                part = (slice(row0, row1), slice(col0, col1))
                yield Piece(
                    (row0, row1, col0, col1),
                    pixels[(slice(None), *part)].copy(),
                    None if valid is None else valid[part].copy(),
                )


def steps(length: int, step: int, start: int = 0) -> list[int]:
    """Give 0, start, start + step, ... and length: a regular lattice that need not begin at the corner."""
    return sorted({0, length, *range(start, length, step)})
