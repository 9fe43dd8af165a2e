"""Label connected pixels of equal value: every component of every class in one scan."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.jit import njit


def label(values: NDArray[np.int32], connectivity: int = 4) -> NDArray[np.int32]:
    """Number the connected components of equal value.

    Args:
        values: Classes, shape (rows, cols); 0 is background and stays 0.
        connectivity: 4 (pixels that share an edge belong together) or 8 (a shared corner is enough).

    Returns:
        Component numbers, shape (rows, cols), from 1 in the order in which a row-major scan meets them.
    """
    if connectivity not in (4, 8):
        raise ValueError(f"connectivity must be 4 or 8, not {connectivity}")
    if values.size >= 2**31:
        raise ValueError("more than 2^31 pixels cannot be numbered at once")
    return _label(np.ascontiguousarray(values, dtype=np.int32), connectivity == 8)


@njit
def _root(parents: NDArray[np.int32], i: int) -> int:
    while parents[i] != i:
        parents[i] = parents[parents[i]]
        i = parents[i]
    return i


@njit
def _label(values: NDArray[np.int32], diagonal: bool) -> NDArray[np.int32]:
    """Two passes: provisional numbers joined by a union-find that keeps the smaller root, then final ones.

    The smaller root is the one of the component's first pixel, so the final numbers follow the scan.
    """
    rows, cols = values.shape
    out = np.zeros((rows, cols), dtype=np.int32)
    parents = np.zeros(1024, dtype=np.int32)
    count = 0
    for r in range(rows):
        for c in range(cols):
            if values[r, c] == 0:
                continue
            number = _join(values, out, parents, r, c, diagonal)
            if number == 0:
                count += 1
                if count >= parents.shape[0]:
                    grown = np.zeros(2 * parents.shape[0], dtype=np.int32)
                    grown[: parents.shape[0]] = parents
                    parents = grown
                parents[count] = count
                number = count
            out[r, c] = number
    final = _renumber(parents, count)
    for r in range(rows):
        for c in range(cols):
            out[r, c] = final[out[r, c]]
    return out


@njit
def _join(
    values: NDArray[np.int32],
    out: NDArray[np.int32],
    parents: NDArray[np.int32],
    r: int,
    c: int,
    diagonal: bool,
) -> int:
    """Join the components of the neighbours that the scan has passed; 0 if none has the pixel's value."""
    best = 0
    for nr, nc, corner in ((r, c - 1, False), (r - 1, c - 1, True), (r - 1, c, False), (r - 1, c + 1, True)):
        outside = nr < 0 or nc < 0 or nc >= values.shape[1] or (corner and not diagonal)
        if outside or values[nr, nc] != values[r, c]:
            continue
        root = _root(parents, out[nr, nc])
        if best == 0:
            best = root
        elif root != best:
            parents[max(root, best)] = min(root, best)
            best = min(root, best)
    return best


@njit
def _renumber(parents: NDArray[np.int32], count: int) -> NDArray[np.int32]:
    final = np.zeros(count + 1, dtype=np.int32)
    number = 0
    for i in range(1, count + 1):
        root = _root(parents, i)
        if root == i:
            number += 1
            final[i] = number
        else:
            final[i] = final[root]
    return final
