"""How far apart normal distributions are: Bhattacharyya and Jeffries-Matusita distance, divergence."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SINGULAR = 1e-12
"""A correlation matrix whose least eigenvalue is below this, times its size, counts as singular: what follows
from it would be rounding."""
_BATCH = 1 << 21
"""Numbers of matrices that are worked on at a time."""


class Distances(NamedTuple):
    """Of m pairs of classes, each of shape (m,)."""

    bhattacharyya: Floats
    """B, 0 or more."""
    jeffries_matusita: Floats
    """2 (1 - exp(-B)), from 0 to 2; some tools give its square root, which ends at 1.414."""
    divergence: Floats
    """D, 0 or more."""
    transformed_divergence: Floats
    """2 (1 - exp(-D / 8)), from 0 to 2; some tools multiply it by 1000."""


def find_singular(covariances: Floats) -> NDArray[np.bool_]:
    """Tell which covariance matrices have no inverse that means anything; shape (n, p, p) to (n,).

    Those with a variance of 0, or where one layer follows from others: correlations decide, so that units of
    layers do not matter. NaN is singular.
    """
    variance = np.diagonal(covariances, axis1=1, axis2=2)
    finite = np.isfinite(covariances).reshape(len(covariances), -1)
    regular = np.logical_and.reduce(np.concatenate([finite, variance > 0], axis=1), axis=1)
    singular: NDArray[np.bool_] = np.logical_not(regular)
    rest = np.flatnonzero(regular)
    root = np.sqrt(variance[rest])
    correlation = covariances[rest] / root[:, :, None] / root[:, None, :]
    least = np.linalg.eigvalsh(correlation)[:, 0]
    singular[rest[least < SINGULAR * covariances.shape[1]]] = True
    return singular


def measure_pairs(means: Floats, covariances: Floats, first: Ints, second: Ints) -> Distances:
    """Measure how far apart the classes of pairs are; the same bits if a pair is turned round.

    With d the difference of the means, S the covariances and M = (S1 + S2) / 2:

        B = d' M^-1 d / 8 + ln(det M / sqrt(det S1 det S2)) / 2
        D = tr((S1 - S2) (S2^-1 - S1^-1)) / 2 + tr((S1^-1 + S2^-1) d d') / 2

    after P. H. Swain and S. M. Davis, Remote Sensing: The Quantitative Approach (1978), section 3-7, and
    J. A. Richards, Remote Sensing Digital Image Analysis, chapter 10. Determinants are those of Cholesky
    factors L, as sums of logarithms. The first trace is the squared norm of L1^-1 (S1 - S2) L2^-T, which
    cannot fall below 0 and is 0 for equal covariances; the mean of both ways round is taken. A distance does
    not depend on which other classes there are.

    Args:
        means: Of n classes over p layers, shape (n, p).
        covariances: Symmetric, shape (n, p, p); not singular for the classes that pairs name.
        first: Numbers of classes, shape (m,).
        second: Likewise.
    """
    used = np.unique(np.concatenate([first, second]))
    place = np.zeros(len(means), np.int64)
    place[used] = np.arange(len(used))
    means, covariances = means[used], covariances[used]
    if len(used):  # powers of 2 change no bit of a distance, and numbers near 1 neither overflow nor vanish
        spread = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2).max(axis=0))
        unit = np.exp2(np.round(np.log2(spread)))
        means, covariances = means / unit, covariances / unit[:, None] / unit
    p = means.shape[1]
    factors = np.linalg.cholesky(covariances)
    inverses = np.linalg.solve(factors, np.broadcast_to(np.eye(p), factors.shape))
    logs = _log_determinants(factors)
    b, d = np.empty(len(first)), np.empty(len(first))
    step = max(_BATCH // (p * p), 1)
    for start in range(0, len(first), step):
        now = slice(start, start + step)
        i, j = place[first[now]], place[second[now]]
        apart = (means[i] - means[j])[:, :, None]
        middle = np.linalg.cholesky((covariances[i] + covariances[j]) / 2)
        wider = _log_determinants(middle) - (logs[i] + logs[j]) / 2
        b[now] = _square(np.linalg.solve(middle, apart)) / 8 + np.maximum(wider, 0.0) / 2
        change = covariances[i] - covariances[j]
        one = _square(inverses[i] @ change @ inverses[j].transpose(0, 2, 1))
        other = _square(inverses[j] @ change @ inverses[i].transpose(0, 2, 1))
        between = _square(inverses[i] @ apart) + _square(inverses[j] @ apart)
        d[now] = (one + other) / 4 + between / 2
    return Distances(b, -2 * np.expm1(-b), d, -2 * np.expm1(-d / 8))


def _log_determinants(factors: NDArray[np.floating[Any]]) -> Floats:
    """Give the logarithms of determinants of matrices from their Cholesky factors, shape (n,)."""
    found: Floats = 2 * np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
    return found


def _square(matrices: Floats) -> Floats:
    """Give squared Frobenius norms, shape (n,)."""
    found: Floats = np.square(matrices).sum(axis=(1, 2))
    return found
