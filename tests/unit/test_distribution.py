"""Weighted distributions: ranks, shares and sums that no order of the pixels changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from georoi.kernels import distribution as of
from georoi.kernels.keys import from_keys, to_keys

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.9, 1.0)


def draw(dtype: str, n: int, seed: int, spread: int = 40) -> NDArray[Any]:
    """Values with ties and, where the dtype has them, negative ones."""
    values = np.random.default_rng(seed).integers(0, spread, n) - (0 if dtype[0] == "u" else spread // 2)
    return (values * (0.25 if dtype[0] == "f" else 1)).astype(dtype)


@pytest.mark.parametrize(
    "dtype", ["uint8", "int16", "int32", "uint32", "int64", "uint64", "float32", "float64"]
)
def test_quantiles_of_parts_and_whole_pixels_are_numpys(dtype: str) -> None:
    """Pixels of weight 1 and parts of pixels together give numpy's weighted inverted_cdf."""
    rng = np.random.default_rng(5)
    for seed in range(12):
        n, m = rng.integers(0, 30), rng.integers(0, 60)
        parts, whole = draw(dtype, n, seed), draw(dtype, m + (n == 0), seed + 100)
        weights = rng.integers(1, 2**20, n) / 2**20
        found = of.make_distribution(parts, weights, whole)
        values = np.concatenate([parts, whole]).astype(np.float64)
        both = np.concatenate([weights, np.ones(len(whole))])
        for q in QUANTILES:
            assert of.quantile(found, q) == np.quantile(values, q, weights=both, method="inverted_cdf")
        order = np.unique(values)
        assert found.values.tolist() == order.tolist()
        sums = [both[values == value].sum() for value in order]
        assert found.weights.tolist() == sums
        assert of.mode(found) == order[int(np.argmax(sums))]
        assert of.minority(found) == order[int(np.argmin(sums))]
        assert of.share(found, float(order[0])) == sums[0] / both.sum()


def test_linear_quantiles_of_whole_pixels_are_numpys() -> None:
    """With weights of 1 the linear method is numpy's default."""
    for seed in range(20):
        whole = np.random.default_rng(seed).normal(size=seed + 1)
        found = of.make_distribution(whole[:0], np.empty(0), whole)
        for q in QUANTILES:
            assert of.quantile_linear(found, q) == np.quantile(whole, q)


@pytest.mark.parametrize("a", [2.0, -0.1, 0.0, 1e-3])
def test_scaled_quantiles_are_those_of_scaled_values(a: float) -> None:
    """A scale, a negative one too, gives the quantiles of the values that users see."""
    whole, parts = draw("int16", 300, 1), draw("int16", 20, 2)
    weights = np.random.default_rng(3).integers(1, 1024, 20) / 1024
    found = of.make_distribution(parts, weights, whole).scale(a, 0.3)
    values = np.concatenate([parts, whole]) * a + 0.3
    both = np.concatenate([weights, np.ones(300)])
    for q in QUANTILES:
        assert of.quantile(found, q) == np.quantile(values, q, weights=both, method="inverted_cdf")


def test_no_order_of_the_pixels_changes_a_bit() -> None:
    """Weights that floats cannot sum exactly still have one sum."""
    rng = np.random.default_rng(0)
    values, weights = draw("float32", 5000, 0, 6), rng.integers(1, 2**60, 5000) / 2.0**60
    first = of.make_distribution(values, weights)
    for _ in range(5):
        order = rng.permutation(5000)
        again = of.make_distribution(values[order], weights[order])
        assert again.weights.tobytes() == first.weights.tobytes()
        assert again.total.tobytes() == first.total.tobytes()


def test_zero_has_no_sign() -> None:
    """-0.0 and 0.0 are one value, which is written 0.0."""
    found = of.make_distribution(np.array([-0.0]), np.array([0.5]), np.array([0.0, -0.0]))
    assert len(found.values) == 1
    assert not np.signbit(of.quantile(found, 0.5))
    assert not np.signbit(found.values[0])


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "uint64", "int64", "float32", "float64"])
def test_keys_order_as_values_do(dtype: str) -> None:
    """Keys ascend where values do, and give the values back, extremes included."""
    limits = np.finfo(dtype) if dtype[0] == "f" else np.iinfo(dtype)
    values = np.unique(np.concatenate([draw(dtype, 200, 4), np.array([limits.min, limits.max], dtype)]))
    keys = to_keys(values)
    assert (keys[1:] > keys[:-1]).all()
    assert from_keys(keys, np.dtype(dtype)).tolist() == values.tolist()
