"""Means and co-moments of several layers over each ROI in a cell, and how those of cells are joined."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.jit import njit
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
    kept = np.ones(values.shape[1:], np.bool_) if valid is None else np.require(valid, np.bool_, ["C", "W"])
    sum_whole = _sum_integers if exact else _sum_floats
    for roi in range(len(spans)):
        runs = spans.runs[spans.run_start[roi] : spans.run_start[roi + 1]]
        pixels = slice(int(spans.pixel_start[roi]), int(spans.pixel_start[roi + 1]))
        into = found.counts[roi], found.means[roi], found.products[roi]
        if len(runs):
            whole = _take_runs(runs, values, kept)
            if len(whole):
                sum_whole(whole, np.ones(len(whole)), *into)
        if pixels.stop > pixels.start:
            part, weights = _take_parts(spans.pixels[pixels], spans.parts[pixels], values, kept)
            if len(part):
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


@njit
def _take_runs(runs: NDArray[np.int32], values: NDArray[Any], kept: NDArray[np.bool_]) -> NDArray[Any]:
    """Gather the pixels of runs that are kept, shape (pixels, p)."""
    most = 0
    for run in range(runs.shape[0]):
        most += runs[run, 2] - runs[run, 1]
    found = np.empty((most, values.shape[0]), values.dtype)
    n = 0
    for run in range(runs.shape[0]):
        row = runs[run, 0]
        for column in range(runs[run, 1], runs[run, 2]):
            if kept[row, column]:
                for i in range(values.shape[0]):
                    found[n, i] = values[i, row, column]
                n += 1
    return found[:n].copy()


@njit
def _take_parts(
    pixels: NDArray[np.int32], parts: Floats, values: NDArray[Any], kept: NDArray[np.bool_]
) -> tuple[NDArray[Any], Floats]:
    """Gather partly covered pixels that are kept, shape (pixels, p), and their weights."""
    found = np.empty((pixels.shape[0], values.shape[0]), values.dtype)
    weights = np.empty(pixels.shape[0])
    n = 0
    for k in range(pixels.shape[0]):
        row, column = pixels[k, 0], pixels[k, 1]
        if kept[row, column]:
            for i in range(values.shape[0]):
                found[n, i] = values[i, row, column]
            weights[n] = parts[k, 0]
            n += 1
    return found[:n].copy(), weights[:n].copy()


@njit
def _sum_integers(x: NDArray[Any], weights: Floats, counts: Floats, means: Floats, products: Floats) -> None:
    """Sum pixels of up to 16 bits, shape (n, p), of weight 1: exact, as 2^31 pixels fit into 64 bits."""
    n, p = x.shape
    pixel, sums, cross = np.zeros(p, np.int64), np.zeros(p, np.int64), np.zeros((p, p), np.int64)
    for k in range(n):
        for i in range(p):
            pixel[i] = x[k, i]
            sums[i] += pixel[i]
        for i in range(p):
            for j in range(i, p):
                cross[i, j] += pixel[i] * pixel[j]
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
def _sum_floats(x: NDArray[Any], weights: Floats, counts: Floats, means: Floats, products: Floats) -> None:
    """Sum pixels, shape (n, p), about their mean; what rounding of the mean leaves is taken off."""
    n, p = x.shape
    mean, rest, step, cross = np.zeros(p), np.zeros(p), np.zeros(p), np.zeros((p, p))
    for k in range(n):
        counts[0] += weights[k]
        counts[1] += weights[k] * weights[k]
        for i in range(p):
            mean[i] += weights[k] * float(x[k, i])
    counts[2] = n
    mean /= counts[0]
    for k in range(n):
        for i in range(p):
            step[i] = float(x[k, i]) - mean[i]
            rest[i] += weights[k] * step[i]
        for i in range(p):
            weighted = weights[k] * step[i]
            for j in range(i, p):
                cross[i, j] += weighted * step[j]
    for i in range(p):
        means[i] = mean[i] + rest[i] / counts[0]
        for j in range(i, p):
            products[i, j] = products[j, i] = cross[i, j] - rest[i] * (rest[j] / counts[0])
