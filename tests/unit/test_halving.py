"""Halving images: means that round halves up, what counts as valid, and odd sides."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from georoi.io.output.spec import DTYPES
from georoi.kernels.halving import halve


def square(*values: float, dtype: str = "uint8") -> np.ndarray:
    return np.array(values, dtype=dtype).reshape(1, 2, 2)


def test_a_mean_rounds_halves_up():
    """(1 + 2 + 2 + 1) / 4 = 1.5 becomes 2, and -1.5 becomes -1, as GDAL rounds."""
    assert halve(square(1, 2, 2, 1))[0].item() == 2
    assert halve(square(-1, -2, -2, -1, dtype="int16"))[0].item() == -1
    assert halve(square(1, 2, 2, 1, dtype="float32"))[0].item() == 1.5


def test_only_valid_pixels_count():
    """Nodata, NaN and masked pixels neither count nor weigh."""
    assert halve(square(10, 20, 0, 0), nodata=0)[0].item() == 15
    assert halve(square(1, 2, np.nan, np.nan, dtype="float64"))[0].item() == 1.5
    valid = np.array([[True, False], [False, True]])
    values, halved = halve(square(10, 99, 99, 20), valid)
    assert values.item() == 15
    assert_array_equal(halved, [[True]])


def test_where_nothing_is_valid_it_stays_so():
    """Nodata stays nodata, NaN stays NaN, masked stays masked with value 0."""
    assert halve(square(7, 7, 7, 7), nodata=7)[0].item() == 7
    assert np.isnan(halve(square(*[np.nan] * 4, dtype="float32"))[0].item())
    values, valid = halve(square(1, 2, 3, 4, dtype="float32"), np.zeros((2, 2), bool))
    assert values.item() == 0
    assert not valid.any()
    values, valid = halve(square(*[np.nan] * 4, dtype="float32"), np.ones((2, 2), bool))
    assert np.isnan(values.item())
    assert valid.all()


@pytest.mark.parametrize(
    ("values", "nodata", "expected"), [((4, 6, 4, 6), 5, 6), ((254, 255, 255, 0), 255, 127)]
)
def test_a_mean_is_never_nodata_by_accident(values, nodata, expected):
    """5 is the mean of 4 and 6, but says nodata here: the next value is taken."""
    assert halve(square(*values), nodata=nodata)[0].item() == expected
    assert halve(square(254, 254, 255, 254), nodata=254)[0].item() == 255
    assert halve(square(-1, 1, -1, 1, dtype="float32"), nodata=0)[0].item() < 0


@pytest.mark.parametrize("dtype", [name for name in DTYPES if "int" in name])
@pytest.mark.parametrize("nodata", [None, 3])
def test_integers_are_exact_at_their_limits(dtype, nodata):
    """No overflow, also for 64 bits, where floats would be wrong: checked by Python's own integers."""
    limits = np.iinfo(dtype)
    random = np.random.default_rng(0)
    edge = [limits.max, limits.max - 1, limits.min, limits.min + 1, 0, 3]
    values = random.choice(np.array(edge, dtype=dtype), size=(2, 9, 10))
    halved, _ = halve(values, nodata=nodata)
    for band, row, col in np.ndindex(halved.shape):
        group = values[band, 2 * row : 2 * row + 2, 2 * col : 2 * col + 2].ravel().tolist()
        kept = [value for value in group if value != nodata]
        number = len(kept)
        expected = (2 * sum(kept) + number) // (2 * number) if kept else nodata
        if kept and expected == nodata:
            expected += 1
        assert int(halved[band, row, col]) == expected


def test_odd_sides_are_made_of_what_there_is():
    """3 x 5 becomes 2 x 3, and the corner is the corner."""
    values = np.arange(15, dtype="uint8").reshape(1, 3, 5)
    assert_array_equal(halve(values)[0], [[[3, 5, 7], [11, 13, 14]]])


def test_nearest_takes_the_upper_left():
    """Classes are never mixed."""
    values = np.arange(16, dtype="uint8").reshape(1, 4, 4)
    valid = np.eye(4, dtype=bool)
    halved, kept = halve(values, valid, rule="nearest")
    assert_array_equal(halved, [[[0, 2], [8, 10]]])
    assert_array_equal(kept, np.eye(2, dtype=bool))


def test_infinities_are_values():
    """No warning, and infinity stays."""
    assert halve(square(np.inf, 1, 1, 1, dtype="float32"))[0].item() == np.inf
    assert np.isnan(halve(square(np.inf, -np.inf, 1, 1, dtype="float64"))[0].item())
