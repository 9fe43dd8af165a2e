"""ROIs on a grid: some of them, in another order."""

from __future__ import annotations

import numpy as np
from affine import Affine

from georoi.grid import make_grid
from georoi.values.gridrois import GridROIs


def three() -> GridROIs:
    """A square, a pair of triangles the second of which has a hole-like second ring, and nothing."""
    x = np.array([0, 2, 2, 0, 0, 5, 6, 5, 5, 7, 9, 7, 7, 8, 8.5, 8, 8.0])
    return GridROIs(
        grid=make_grid((10, 10), Affine.identity()),
        ids=np.array(["a", "b", "c"], dtype=object),
        x=x,
        y=x + 1,
        rings=np.array([0, 5, 9, 13, 17]),
        polygons=np.array([0, 1, 2, 4]),
        rois=np.array([0, 1, 3, 3]),
        bounds=np.array([[0, 1, 2, 3], [5, 6, 9, 10], [np.nan] * 4]),
        fingerprint="f",
    )


def test_taking_some_keeps_their_parts_together_in_the_order_asked_for():
    taken = three().take([2, 1])
    assert taken.ids.tolist() == ["c", "b"]
    assert taken.rois.tolist() == [0, 0, 2]
    assert taken.polygons.tolist() == [0, 1, 3]
    assert taken.rings.tolist() == [0, 4, 8, 12]
    assert taken.x.tolist() == three().x[5:].tolist()
    assert taken.bounds[1].tolist() == [5, 6, 9, 10]


def test_one_number_takes_one_roi():
    taken = three().take(0)
    assert len(taken) == 1
    assert taken.x.tolist() == [0, 2, 2, 0, 0]
