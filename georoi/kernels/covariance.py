"""Means and co-moments of several layers over each ROI in a cell, and how those of cells are joined."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.jit import njit, njit_reordered
from georoi.kernels.spans import Spans

WEIGHT, WEIGHT2, PIXELS = range(3)
"""Sum of weights w, sum of w^2, number of pixels."""

Floats = NDArray[np.float64]


class Comoments(NamedTuple):
    """Of n ROIs over p layers; a pixel counts where it is valid in all of them."""

    counts: Floats
    """`WEIGHT`, `WEIGHT2`, `PIXELS` of each, shape (n, 3)."""
    means: Floats
    """Sum of w x by sum of w, 0 where there is no pixel; shape (n, p)."""
    products: Floats
    """Sum of w (x - mean) (x - mean)^T, symmetric, shape (n, p, p)."""


def no_comoments(rois: int, layers: int) -> Comoments:
    """Make co-moments of nothing."""
    return Comoments(np.zeros((rois, 3)), np.zeros((rois, layers)), np.zeros((rois, layers, layers)))


def reduce_comoments(spans: Spans, values: NDArray[Any], valid: NDArray[np.bool_] | None) -> Comoments:
    """Reduce the layers of a cell over each ROI.

    Whole pixels of up to 16 bits are summed in integers, hence exactly; others in float64 about their mean.

    Args:
        spans: What each of n ROIs covers.
        values: Shape (p, rows, cols), integers or floats.
        valid: Which pixels are valid in all layers, shape (rows, cols); None if all are.
    """
    found = no_comoments(len(spans), len(values))
    values = np.require(values, None, ["C", "W"])
    exact = values.dtype.kind in "iu" and values.dtype.itemsize <= 2
    all_kept = valid is None
    kept = np.ones((1, 1), np.bool_) if valid is None else np.require(valid, np.bool_, ["C", "W"])
    for roi in range(len(spans)):
        runs = spans.runs[spans.run_start[roi] : spans.run_start[roi + 1]]
        pixels = slice(int(spans.pixel_start[roi]), int(spans.pixel_start[roi + 1]))
        into = found.counts[roi], found.means[roi], found.products[roi]
        if len(runs):
            whole = _take_runs(runs, values, kept, all_kept)
            if whole.shape[1] and exact:
                _sum_integers(whole, *into)
            elif whole.shape[1]:
                _sum_floats(whole, np.ones(whole.shape[1]), *into)
        if pixels.stop > pixels.start:
            part, weights = _take_parts(spans.pixels[pixels], spans.parts[pixels], values, kept, all_kept)
            if part.shape[1]:
                of_parts = no_comoments(1, len(values))
                _sum_floats(part, weights, *(array[0] for array in of_parts))
                join_comoments(Comoments(*(array[None] for array in into)), of_parts)
    return found


def join_comoments(total: Comoments, part: Comoments) -> None:
    """Add co-moments of the same ROIs and layers to those of earlier cells, in place.

    As in T. F. Chan, G. H. Golub and R. J. LeVeque, Updating formulae and a pairwise algorithm for computing
    sample variances (1979), and for products P. Pebay, Formulas for robust, one-pass parallel computation of
    covariances and arbitrary-order statistical moments (2008).
    """
    before, added = total.counts[:, WEIGHT], part.counts[:, WEIGHT]
    weight = before + added
    share = np.divide(added, weight, out=np.zeros_like(weight), where=weight > 0)
    step = part.means - total.means
    outer = step[:, :, None] * step[:, None, :]
    total.products[...] += part.products + outer * (before * share)[:, None, None]
    first = (before == 0)[:, None]
    total.means[...] = np.where(first, part.means, total.means + step * share[:, None])
    total.counts[...] += part.counts


def scale_comoments(of: Comoments, scales: Floats, offsets: Floats) -> Comoments:
    """Give the co-moments of scale * x + offset, where scales and offsets are those of layers, shape (p,)."""
    means = np.where(of.counts[:, :1] > 0, of.means * scales + offsets, 0.0)
    return Comoments(of.counts, means, of.products * (scales[:, None] * scales))


def to_covariances(of: Comoments) -> Floats:
    """Give unbiased covariance matrices, shape (n, p, p); NaN where there are fewer than two pixels.

    They are products / (W - W2 / W), with W the sum of weights and W2 that of their squares: for equal
    weights products / (W - 1), else what `numpy.cov` gives with `aweights`. Variances that are no more than
    rounding of the mean leaves are 0, and so are their covariances.
    """
    weight, weight2 = of.counts[:, WEIGHT], of.counts[:, WEIGHT2]
    enough = (of.counts[:, PIXELS] > 1) & (weight > 0)
    freedom = np.full(len(weight), np.nan)
    freedom[enough] = weight[enough] - weight2[enough] / weight[enough]
    found: Floats = of.products / freedom[:, None, None]
    variance = np.diagonal(found, axis1=1, axis2=2)
    constant = variance <= (_NOISE * of.means) ** 2
    found[constant[:, :, None] | constant[:, None, :]] = 0.0
    return found


_NOISE = 16 * np.finfo(np.float64).eps
"""Of a mean: deviations that are no larger are rounding."""
_BLOCK = 1 << 10
"""Pixels that are summed in one go, which stay in the processor's cache."""


@njit
def _take_runs(
    runs: NDArray[np.int32], values: NDArray[Any], kept: NDArray[np.bool_], all_kept: bool
) -> Floats:
    """Gather the pixels of runs that are kept, shape (p, pixels)."""
    n = 0
    for run in range(runs.shape[0]):
        if all_kept:
            n += runs[run, 2] - runs[run, 1]
            continue
        for column in range(runs[run, 1], runs[run, 2]):
            n += kept[runs[run, 0], column]
    found = np.empty((values.shape[0], n))
    for i in range(values.shape[0]):
        k = 0
        for run in range(runs.shape[0]):
            row, first, last = runs[run, 0], runs[run, 1], runs[run, 2]
            if all_kept:
                for column in range(first, last):
                    found[i, k + column - first] = values[i, row, column]
                k += last - first
                continue
            for column in range(first, last):
                if kept[row, column]:
                    found[i, k] = values[i, row, column]
                    k += 1
    return found


@njit
def _take_parts(
    pixels: NDArray[np.int32], parts: Floats, values: NDArray[Any], kept: NDArray[np.bool_], all_kept: bool
) -> tuple[Floats, Floats]:
    """Gather partly covered pixels that are kept, shape (p, pixels), and their weights."""
    chosen = np.empty(pixels.shape[0], np.int64)
    n = 0
    for k in range(pixels.shape[0]):
        if all_kept or kept[pixels[k, 0], pixels[k, 1]]:
            chosen[n] = k
            n += 1
    found, weights = np.empty((values.shape[0], n)), np.empty(n)
    for k in range(n):
        weights[k] = parts[chosen[k], 0]
        row, column = pixels[chosen[k], 0], pixels[chosen[k], 1]
        for i in range(values.shape[0]):
            found[i, k] = values[i, row, column]
    return found, weights


@njit
def _sum_integers(x: Floats, counts: Floats, means: Floats, products: Floats) -> None:
    """Sum pixels of up to 16 bits, shape (p, n), of weight 1: exactly.

    The sum of a block is exact in float64, since it is below 2^53, and that of 2^31 pixels in 64 bits.
    """
    p, n = x.shape
    sums, cross = np.zeros(p, np.int64), np.zeros((p, p), np.int64)
    for first in range(0, n, _BLOCK):
        last = min(first + _BLOCK, n)
        for i in range(p):
            sums[i] += int(_sum(x, i, first, last))
            for j in range(i, p):
                cross[i, j] += int(_dot(x, i, x, j, first, last))
    counts[:] = n
    whole = sums // n
    rest = sums - whole * n
    for i in range(p):
        means[i] = whole[i] + rest[i] / n
        for j in range(i, p):
            # about the whole parts of the means: small enough to stay exact as floats
            centred = cross[i, j] - whole[i] * sums[j] - whole[j] * sums[i] + whole[i] * whole[j] * n
            products[i, j] = products[j, i] = centred - float(rest[i]) * (float(rest[j]) / n)


@njit
def _sum_floats(x: Floats, weights: Floats, counts: Floats, means: Floats, products: Floats) -> None:
    """Sum pixels, shape (p, n), about their mean, which is taken from them in place.

    What rounding of the mean leaves is taken off the products.
    """
    p, n = x.shape
    rest, cross = np.zeros(p), np.zeros((p, p))
    _centre(x, weights.reshape(1, n), counts, means)
    weighted = np.empty((1, n))
    for i in range(p):
        for k in range(n):
            weighted[0, k] = x[i, k] * weights[k]
        for first in range(0, n, _BLOCK):
            last = min(first + _BLOCK, n)
            rest[i] += _sum(weighted, 0, first, last)
            for j in range(i, p):
                cross[i, j] += _dot(x, j, weighted, 0, first, last)
    for i in range(p):
        means[i] += rest[i] / counts[0]
        for j in range(i, p):
            products[i, j] = products[j, i] = cross[i, j] - rest[i] * (rest[j] / counts[0])


@njit
def _centre(x: Floats, w: Floats, counts: Floats, means: Floats) -> None:
    """Sum weights w, shape (1, n), and their squares; take the means from x, shape (p, n)."""
    p, n = x.shape
    for first in range(0, n, _BLOCK):
        last = min(first + _BLOCK, n)
        counts[0] += _sum(w, 0, first, last)
        counts[1] += _dot(w, 0, w, 0, first, last)
        for i in range(p):
            means[i] += _dot(x, i, w, 0, first, last)
    counts[2] = n
    for i in range(p):
        means[i] /= counts[0]
        for k in range(n):
            x[i, k] -= means[i]


@njit_reordered
def _sum(x: Floats, i: int, first: int, last: int) -> float:
    total = 0.0
    for k in range(first, last):
        total += x[i, k]
    return total


@njit_reordered
def _dot(x: Floats, i: int, y: Floats, j: int, first: int, last: int) -> float:
    total = 0.0
    for k in range(first, last):
        total += x[i, k] * y[j, k]
    return total
