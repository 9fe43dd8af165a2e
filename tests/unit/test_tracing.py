"""Outlines of pixels are exact rings at pixel corners."""

from __future__ import annotations

import numpy as np
import pytest

from georoi.kernels.tracing import trace


def rings(values):
    """Rings of a small array as lists of corners, component by component."""
    found = trace(np.array(values, np.int32))
    corners = list(zip(found.x.tolist(), found.y.tolist(), strict=True))
    parts = [corners[a:b] for a, b in zip(found.rings[:-1], found.rings[1:], strict=True)]
    return [parts[a:b] for a, b in zip(found.components[:-1], found.components[1:], strict=True)]


def same_ring(ring, expected):
    """Equal as closed rings: the same corners in the same direction, wherever they start."""
    body = ring[:-1]
    return ring[0] == ring[-1] and any(body[i:] + body[:i] == expected for i in range(len(body)))


def test_one_pixel_is_a_square():
    """A pixel is four corners, clockwise on the screen from its top."""
    [[ring]] = rings([[0, 0], [0, 1]])
    assert same_ring(ring, [(2, 1), (2, 2), (1, 2), (1, 1)])


def test_straight_runs_have_no_vertices():
    """A long bar has four corners, however many pixels."""
    [[ring]] = rings([[1] * 9])
    assert same_ring(ring, [(9, 0), (9, 1), (0, 1), (0, 0)])


def test_hole_is_a_ring_of_the_other_direction():
    """A frame is a shell and a hole that runs the other way."""
    [[shell, hole]] = rings([[1, 1, 1], [1, 0, 1], [1, 1, 1]])
    assert same_ring(shell, [(3, 0), (3, 3), (0, 3), (0, 0)])
    assert same_ring(hole, [(1, 1), (1, 2), (2, 2), (2, 1)])


def test_diagonal_pixels_are_two_components():
    """Pixels that meet at a corner are apart."""
    assert [len(component) for component in rings([[1, 0], [0, 1]])] == [1, 1]


def test_diagonal_holes_are_two_rings():
    """Holes that meet at a corner are two simple rings, not one that touches itself."""
    [component] = rings([[1, 1, 1, 1], [1, 0, 1, 1], [1, 1, 0, 1], [1, 1, 1, 1]])
    assert [len(ring) for ring in component] == [5, 5, 5]


def test_shell_that_meets_itself_becomes_shell_and_hole():
    """A hole open at a corner is a hole that touches the shell there."""
    [[shell, hole]] = rings([[1, 1, 1], [1, 0, 1], [1, 1, 0]])
    assert same_ring(shell, [(3, 0), (3, 2), (2, 2), (2, 3), (0, 3), (0, 0)])
    assert same_ring(hole, [(1, 1), (1, 2), (2, 2), (2, 1)])


def test_values_share_their_border():
    """Neighbouring classes are traced on their own, each with the pixels it has."""
    found = trace(np.array([[5, 5, 9], [5, 9, 9]], np.int32))
    assert found.values.tolist() == [5, 9]
    assert found.pixels.tolist() == [3, 3]


@pytest.mark.parametrize("shape", [(0, 0), (3, 0), (2, 3)])
def test_nothing_gives_nothing(shape):
    """An empty or all-background array has no outline."""
    found = trace(np.zeros(shape, np.int32))
    assert found.rings.tolist() == [0]
    assert found.components.tolist() == [0]
    assert found.values.size == 0
