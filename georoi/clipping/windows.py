"""Windows within windows."""

from __future__ import annotations

from georoi.grid import Window


def place_in(window: Window, frame: Window) -> tuple[slice, slice]:
    """Give the rows and columns of a window within an array that holds another one."""
    return (
        slice(window[0] - frame[0], window[1] - frame[0]),
        slice(window[2] - frame[2], window[3] - frame[2]),
    )


def intersect(a: Window, b: Window) -> Window:
    """Give the window that two windows have in common, which must not be empty."""
    return max(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), min(a[3], b[3])
