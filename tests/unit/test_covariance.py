"""Means and co-moments over ROIs: those of numpy, exact for integers, whatever cells they are joined from."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from georoi.kernels.covariance import (
    join_comoments,
    no_comoments,
    reduce_comoments,
    scale_comoments,
    to_covariances,
)
from georoi.kernels.spans import Spans, find_runs


def spans_of(weights):
    """Spans of one ROI whose weights are given, shape (rows, cols): 1 is whole, what is between a part."""
    runs = find_runs(weights == 1)
    pixels = np.argwhere((weights > 0) & (weights < 1)).astype(np.int32)
    parts = np.zeros((len(pixels), 3))
    parts[:, 0] = weights[tuple(pixels.T)]
    return Spans(np.array([0, len(runs)]), runs, np.array([0, len(pixels)]), pixels, parts)


def some_weights(rng, shape):
    """Weights of whole pixels, parts, and none."""
    return np.where(rng.random(shape) < 0.6, 1.0, np.maximum(rng.random(shape) - 0.3, 0))


def compare(found, x, w, tolerance=1e-12):
    """Compare with numpy on pixels x, shape (p, n), of weights w."""
    assert found.counts[0] == pytest.approx([w.sum(), (w * w).sum(), len(w)], rel=1e-12)
    assert found.means[0] == pytest.approx(np.average(x, axis=1, weights=w), rel=tolerance)
    expected = np.cov(x, aweights=w)
    size = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    assert np.abs(to_covariances(found)[0] - expected).max() <= (tolerance * size).max()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
def test_numpy_gives_the_same(dtype):
    """Means and covariances are those of numpy.average and numpy.cov with weights, for every dtype."""
    rng = np.random.default_rng(7)
    base = rng.normal(100, 20, (3, 40, 50))
    values = np.stack([*base, base[0] + 0.2 * base[1]]).astype(dtype)
    weights, valid = some_weights(rng, (40, 50)), rng.random((40, 50)) < 0.9

    found = reduce_comoments(spans_of(weights), values, valid)

    kept = (weights > 0) & valid
    compare(found, values[:, kept].astype(float), weights[kept])
    assert np.array_equal(found.products, found.products.transpose(0, 2, 1))


def test_spread_is_kept_beside_large_values():
    """Values near 1e4 with a spread of 1, and the extremes of uint16, lose no digits to cancellation."""
    rng = np.random.default_rng(3)
    near = np.stack([rng.normal(1e4, 1, (64, 64)) for _ in range(2)]).astype(np.float32)
    wide = rng.choice(np.array([0, 1, 65534, 65535], np.uint16), (2, 64, 64))
    for values in (near, near.astype(np.float64) + 1e6, wide):
        found = reduce_comoments(spans_of(np.ones((64, 64))), values, None)
        compare(found, values.reshape(2, -1).astype(float), np.ones(4096), tolerance=1e-11)


def test_whole_pixels_of_integers_are_exact():
    """Products of 16-bit integers are the correctly rounded ones, which fractions give."""
    rng = np.random.default_rng(5)
    values = rng.integers(-32768, 32767, (2, 9, 11), dtype=np.int16)

    found = reduce_comoments(spans_of(np.ones((9, 11))), values, None)

    a, b = ([Fraction(int(x)) for x in band.ravel()] for band in values)
    mean_a, mean_b = sum(a) / 99, sum(b) / 99
    product = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    assert found.products[0, 0, 1] == pytest.approx(float(product), rel=1e-15)
    assert found.means[0] == pytest.approx([float(mean_a), float(mean_b)], rel=1e-15)


@given(st.integers(0, 2**32 - 1), st.integers(0, 12))
def test_joined_cells_give_the_whole(seed, cut):
    """Co-moments of two halves joined are those of the whole, also where a half holds nothing."""
    rng = np.random.default_rng(seed)
    values, weights = rng.normal(1e3, 5, (3, 12, 9)), some_weights(rng, (12, 9))
    total = no_comoments(1, 3)
    for rows in (slice(0, cut), slice(cut, 12)):
        part = reduce_comoments(spans_of(weights[rows]), values[:, rows], None)
        join_comoments(total, part)

    kept = weights > 0
    compare(total, values[:, kept], weights[kept], tolerance=1e-11)


def test_scale_and_offset_come_afterwards():
    """Co-moments of a x + b follow from those of x."""
    rng = np.random.default_rng(2)
    values, weights = rng.normal(3, 1, (2, 8, 8)), some_weights(rng, (8, 8))
    scales, offsets = np.array([0.5, -2.0]), np.array([7.0, 100.0])

    found = scale_comoments(reduce_comoments(spans_of(weights), values, None), scales, offsets)

    kept = weights > 0
    compare(found, values[:, kept] * scales[:, None] + offsets[:, None], weights[kept])


def test_nothing_valid_is_nothing():
    """A ROI without a valid pixel has no weight, and a covariance of NaN; NaN of others does not leak in."""
    values = np.full((2, 4, 4), np.nan)

    found = reduce_comoments(spans_of(np.ones((4, 4))), values, np.zeros((4, 4), bool))

    assert not any(array.any() for array in found)
    assert np.isnan(to_covariances(found)).all()


def test_a_constant_layer_has_no_variance():
    """What rounding leaves of the deviations of one value is taken for 0, in the whole row and column."""
    rng = np.random.default_rng(4)
    values = np.stack([np.full((16, 16), 0.1), rng.normal(0, 1, (16, 16))])
    weights = some_weights(rng, (16, 16))

    covariance = to_covariances(reduce_comoments(spans_of(weights), values, None))[0]

    assert covariance[0].tolist() == [0, 0]
    assert covariance[1, 0] == 0
    assert covariance[1, 1] > 0.5


def test_one_pixel_has_no_covariance():
    """A single pixel has a mean, and no covariance."""
    weights = np.zeros((3, 3))
    weights[1, 1] = 0.5

    found = reduce_comoments(spans_of(weights), np.ones((1, 3, 3)), None)

    assert found.means[0, 0] == 1
    assert np.isnan(to_covariances(found)).all()
