"""Components of equal value are numbered as a person would, in scan order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from georoi.kernels.components import label

CLASSES = arrays(np.int32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 3))


def test_corner_joins_at_eight_only():
    """Two pixels that share a corner are one component with connectivity 8, two with 4."""
    values = np.array([[1, 0], [0, 1]], np.int32)
    np.testing.assert_array_equal(label(values, 4), [[1, 0], [0, 2]])
    np.testing.assert_array_equal(label(values, 8), [[1, 0], [0, 1]])


def test_values_part_components():
    """Neighbours of different value are different components, and background stays 0."""
    values = np.array([[7, 7, 9], [0, 9, 9]], np.int32)
    np.testing.assert_array_equal(label(values, 4), [[1, 1, 2], [0, 2, 2]])


def test_numbers_follow_the_scan_after_a_late_join():
    """A U whose arms meet at the bottom is one component, numbered by its first pixel."""
    values = np.array([[1, 0, 1, 0, 2], [1, 1, 1, 0, 2]], np.int32)
    np.testing.assert_array_equal(label(values, 4), [[1, 0, 1, 0, 2], [1, 1, 1, 0, 2]])


def test_more_components_than_the_first_buffer():
    """Thousands of components are numbered without gaps."""
    values = np.zeros((100, 100), np.int32)
    values[::2, ::2] = 1
    found = label(values, 8)
    np.testing.assert_array_equal(found[::2, ::2].ravel(), np.arange(1, 2501))


@pytest.mark.parametrize("connectivity", [0, 5, 6])
def test_other_connectivities_are_refused(connectivity):
    """Connectivity is 4 or 8."""
    with pytest.raises(ValueError, match="4 or 8"):
        label(np.zeros((2, 2), np.int32), connectivity)


@given(CLASSES, st.sampled_from([4, 8]))
def test_agrees_with_scipy_class_by_class(values, connectivity):
    """scipy.ndimage.label, run once per class, finds the same components."""
    structure = np.ones((3, 3)) if connectivity == 8 else None
    found = label(values, connectivity)
    assert np.array_equal(found == 0, values == 0)
    total = 0
    for value in np.unique(values[values != 0]):
        theirs, count = ndimage.label(values == value, structure)
        total += count
        pairs = np.unique(np.stack([theirs[theirs > 0], found[theirs > 0]]), axis=1)
        assert pairs.shape[1] == count == np.unique(pairs[1]).shape[0]
    assert found.max(initial=0) == total
    firsts = [np.flatnonzero(found.ravel() == i)[0] for i in range(1, total + 1)]
    assert firsts == sorted(firsts)
