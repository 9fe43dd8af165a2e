"""Images merged pixel by pixel, on numbers that can be checked in the head."""

from __future__ import annotations

import numpy as np
import pytest

from georoi.clipping.merging import Part, merge
from georoi.errors import ROIError

WINDOW = (10, 11, 20, 25)
NAN = np.nan


def part(id: str, col: int, values: list, weights: list | None = None, dtype: str = "int16") -> Part:
    """A row of values from a column of the grid."""
    array = np.array([values], dtype=dtype)
    return Part(id, (10, 11, col, col + len(values)), array, None if weights is None else np.array([weights]))


def merged(overlap: str, *parts: Part, dtype: str = "int16", nodata: float = -1) -> list:
    """The one row of the result."""
    return merge(parts, WINDOW, (1, 5), dtype, nodata, overlap)[0].tolist()


@pytest.mark.parametrize(
    ("overlap", "expected"),
    [
        ("first", [-1, 1, 2, 30, 40]),
        ("last", [-1, 1, 20, 30, 40]),
        ("mean", [-1, 1, 11, 30, 40]),
        ("blend", [-1, 1, 16, 30, 40]),
    ],
)
def test_two_images_share_a_pixel(overlap, expected):
    a = part("a", 21, [1, 2, -1], [1.0, 0.25, 0.0])
    b = part("b", 22, [20, 30, 40], [0.75, 1.0, 1.0])
    assert merged(overlap, a, b) == expected


def test_a_shared_pixel_is_an_error_where_that_was_asked_for():
    with pytest.raises(ROIError) as caught:
        merged("error", part("a", 21, [1, 2]), part("b", 22, [3]))
    assert caught.value.id == "E-ROI-06"
    assert caught.value.found["pixel"] == "row 10, column 22 of the grid"


def test_pixels_without_data_are_not_shared():
    assert merged("error", part("a", 21, [1, -1]), part("b", 21, [-1, 3])) == [-1, 1, 3, -1, -1]


def test_nan_is_without_data_whatever_the_nodata_value():
    a, b = part("a", 20, [NAN, 1.5], dtype="float32"), part("b", 20, [2.5, NAN], dtype="float32")
    assert merged("last", a, b, dtype="float32", nodata=-1) == [2.5, 1.5, -1, -1, -1]
    assert merged("mean", a, b, dtype="float32", nodata=NAN)[:2] == [2.5, 1.5]


def test_a_pixel_of_one_image_keeps_every_bit():
    large = 2**62 + 1
    assert merged("mean", part("a", 20, [large], dtype="int64"), dtype="int64")[0] == large


def test_means_of_integers_are_rounded_halves_to_even():
    assert merged("mean", part("a", 20, [1, 2]), part("b", 20, [2, 3]))[:2] == [2, 2]
