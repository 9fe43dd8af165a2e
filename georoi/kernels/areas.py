"""Integrate a polynomial density over the pixels of a window, and over polygons."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from georoi.kernels.jit import njit

Floats = NDArray[np.float64]
Offsets = NDArray[np.int64]

MEAN, ALONG_ROWS, ALONG_COLUMNS = 0, 1, 2
"""What `fill_pixels` writes: integrals over whole pixels, or derivatives per row and per column."""

_LEAST = 1e-13  # of the density: terms that add up to less are left out

# Nodes and weights of Gauss-Legendre quadrature on 0..1, by number of nodes; the first row is not used.
_MOST = 12
_NODES, _WEIGHTS = np.zeros((_MOST + 1, _MOST)), np.zeros((_MOST + 1, _MOST))
for _n in range(1, _MOST + 1):
    _found = np.polynomial.legendre.leggauss(_n)
    _NODES[_n, :_n], _WEIGHTS[_n, :_n] = (_found[0] + 1) / 2, _found[1] / 2


@njit
def expand(
    coefficients: Floats, u: float, v: float, scale_u: float, scale_v: float, expanded: Floats
) -> None:
    """Write the coefficients of p(u + scale_u * s, v + scale_v * t) as a polynomial in s and t.

    Args:
        coefficients: Those of p, of u**k * v**l at [k, l].
        u: New origin.
        v: The same along the second axis.
        scale_u: New unit.
        scale_v: The same along the second axis.
        expanded: Receives the new coefficients, same shape.
    """
    n, m = coefficients.shape
    expanded[:] = coefficients
    _shift(expanded, u)
    _shift(expanded.T, v)
    power_u = 1.0
    for k in range(n):
        power = power_u
        for j in range(m):
            expanded[k, j] *= power
            power *= scale_v
        power_u *= scale_u


@njit
def _shift(terms: Floats, by: float) -> None:
    """Turn p(s, t) into p(s + by, t), in place (Horner's scheme, repeated)."""
    n, m = terms.shape
    for first in range(n - 1):
        for k in range(n - 2, first - 1, -1):
            for j in range(m):
                terms[k, j] += by * terms[k + 1, j]


@njit
def _average(coefficients: Floats, half: float) -> None:
    """Turn a polynomial into its means over squares of half side `half`, in place.

    The mean of s**m over (s - h, s + h) is the sum over j of binomial(m, 2j) s**(m - 2j) h**2j / (2j + 1),
    and the same for t.
    """
    n, m = coefficients.shape
    for k in range(n):
        for j in range(m):
            factor = 1.0
            for i in range(k + 2, n, 2):
                factor *= half * half * i * (i - 1) / ((i - k) * (i - k - 1))
                coefficients[k, j] += factor / (i - k + 1) * coefficients[i, j]
    for j in range(m):
        for k in range(n):
            factor = 1.0
            for i in range(j + 2, m, 2):
                factor *= half * half * i * (i - 1) / ((i - j) * (i - j - 1))
                coefficients[k, j] += factor / (i - j + 1) * coefficients[k, i]


@njit
def _differentiate(coefficients: Floats, axis: int, unit: float) -> None:
    """Turn a polynomial into its derivative along an axis, times `unit`, in place."""
    n, m = coefficients.shape
    for k in range(n):
        for j in range(m):
            if axis == 0:
                higher = (k + 1) * coefficients[k + 1, j] if k + 1 < n else 0.0
            else:
                higher = (j + 1) * coefficients[k, j + 1] if j + 1 < m else 0.0
            coefficients[k, j] = higher * unit


@njit
def _degree(coefficients: Floats, least: float) -> int:
    """Give the total degree beyond which terms add up to no more than `least`, for s and t in -1..1."""
    n, m = coefficients.shape
    left_out = 0.0
    for degree in range(n + m - 2, 0, -1):
        for k in range(max(0, degree - m + 1), min(degree, n - 1) + 1):
            left_out += abs(coefficients[k, degree - k])
        if not left_out <= least:  # NaN keeps all
            return degree
    return 0


@njit
def fill_pixels(
    coefficients: Floats,
    origin: tuple[float, float, float],
    cell: int,
    part: tuple[int, int, int, int],
    corner: tuple[int, int],
    what: int,
    table: Floats,
) -> None:
    """Write the integral of a density over each pixel, or its derivative at each pixel's centre.

    The density is developed anew about the middle of each canonical cell, with as many terms as matter there,
    so the bits of a pixel do not depend on the part that is asked for.

    Args:
        coefficients: Density per square pixel, of u**k * v**l with u = (row - origin[0]) / origin[2] and
            v = (column - origin[1]) / origin[2]; shape (n, m), with m = 1 where it does not vary along rows.
        origin: Row and column of the middle of the patch, and its half side.
        cell: Side of canonical cells in pixels.
        part: (row0, row1, col0, col1) in pixels of the whole grid: what to fill.
        corner: Row and column of the first pixel of `table`.
        what: MEAN, ALONG_ROWS or ALONG_COLUMNS.
        table: Receives the values. Where m is 1 it may have one column, to stand for all.
    """
    half = cell / 2
    terms, t = np.empty_like(coefficients), np.empty(cell)
    for i in range(cell):
        t[i] = (i + 0.5 - half) / half
    row0, row1, col0, col1 = part
    for cell_row in range(row0 // cell, (row1 - 1) // cell + 1):
        for cell_col in range(col0 // cell, (col1 - 1) // cell + 1):
            top, left = cell_row * cell, cell_col * cell
            u, v = (top + half - origin[0]) / origin[2], (left + half - origin[1]) / origin[2]
            expand(coefficients, u, v, half / origin[2], half / origin[2], terms)
            least = _LEAST * abs(terms[0, 0])
            if what == MEAN:
                _average(terms, 0.5 / half)
            else:
                _differentiate(terms, what - ALONG_ROWS, 1 / half)
            degree = _degree(terms, least)
            first, last = max(col0, left), min(col1, left + cell)
            for row in range(max(row0, top), min(row1, top + cell)):
                line = table[row - corner[0], first - corner[1] : last - corner[1]]
                _fill_row(terms, degree, t[row - top], t[first - left : last - left], line)


@njit
def _fill_row(terms: Floats, degree: int, s: float, t: Floats, line: Floats) -> None:
    """Write the values of a polynomial at (s, t) for all t; with one column of terms, t does not matter."""
    n, m = terms.shape
    for j in range(min(degree, m - 1), -1, -1):
        term = 0.0
        for k in range(min(degree - j, n - 1), -1, -1):
            term = term * s + terms[k, j]
        if j == min(degree, m - 1):
            for i in range(line.shape[0]):
                line[i] = term
        else:
            for i in range(line.shape[0]):
                line[i] = line[i] * t[i] + term


@njit
def fill_cut_rows(
    coefficients: Floats,
    origin: tuple[float, float, float],
    rows: tuple[int, int],
    ends: tuple[float, float],
    corner: int,
    table: Floats,
) -> None:
    """Write integrals over the pixels of those rows that reach beyond a pole: of the part before it.

    Args:
        coefficients: See `fill_pixels`; shape (n, 1).
        origin: See `fill_pixels`.
        rows: First row and the row after the last.
        ends: Rows, with fraction, between which the Earth lies.
        corner: Row of the first pixel of `table`.
        table: Receives the values, shape (rows, 1); rows that lie between the ends are left alone.
    """
    n = coefficients.shape[0]
    for row in range(rows[0], rows[1]):
        low, high = max(float(row), ends[0]), min(row + 1.0, ends[1])
        if high - low == 1.0:
            continue
        total = 0.0
        if high > low:
            for i in range(n):
                u = (low + (high - low) * _NODES[n, i] - origin[0]) / origin[2]
                value = 0.0
                for k in range(n - 1, -1, -1):
                    value = value * u + coefficients[k, 0]
                total += _WEIGHTS[n, i] * value * (high - low)
        table[row - corner, 0] = total


@njit
def integrate_polygons(
    x: Floats,
    y: Floats,
    rings: Offsets,
    polygons: Offsets,
    shapes: Offsets,
    bounds: Floats,
    patch: Offsets,
    origins: Floats,
    coefficients: Floats,
    areas: Floats,
) -> None:
    """Integrate a density over each of many shapes, by Green's theorem along its edges.

    With F an antiderivative of the density along columns, the integral is that of F dy along each ring. The
    density is developed about the middle of the shape, with as many terms as matter there; then quadrature
    along each edge is exact.

    Args:
        x: Columns of the vertices, shape (vertices,).
        y: Their rows.
        rings: Offsets of rings into x and y; rings are closed, and may run either way.
        polygons: Offsets of polygons into rings; the first ring is the shell.
        shapes: Offsets of shapes into polygons, shape (n + 1,).
        bounds: (x_min, y_min, x_max, y_max) of the shapes, shape (n, 4); NaN for empty ones, which get 0.
        patch: Which patch serves each shape, shape (n,); below 0 the shape is left out.
        origins: Middle row, middle column and half side of the patches, shape (patches, 3).
        coefficients: Their densities, shape (patches, n, m); see `fill_pixels`.
        areas: Receives the integrals, shape (n,).
    """
    n, m = coefficients.shape[1:]
    terms = np.empty((n, m))
    for shape in range(shapes.shape[0] - 1):
        if patch[shape] < 0:
            continue
        areas[shape] = 0.0
        half_x = (bounds[shape, 2] - bounds[shape, 0]) / 2
        half_y = (bounds[shape, 3] - bounds[shape, 1]) / 2
        if not (half_x > 0 and half_y > 0):
            continue
        middle_x, middle_y = bounds[shape, 0] + half_x, bounds[shape, 1] + half_y
        row, col, half = origins[patch[shape]]
        expand(
            coefficients[patch[shape]],
            (middle_y - row) / half,
            (middle_x - col) / half,
            half_y / half,
            half_x / half,
            terms,
        )
        degree = _degree(terms, _LEAST * abs(terms[0, 0]))
        for j in range(m):
            for k in range(n):
                terms[k, j] /= j + 1
        total = 0.0
        for polygon in range(shapes[shape], shapes[shape + 1]):
            for ring in range(polygons[polygon], polygons[polygon + 1]):
                found = 0.0
                for i in range(rings[ring], rings[ring + 1] - 1):
                    s0, s1 = (y[i] - middle_y) / half_y, (y[i + 1] - middle_y) / half_y
                    t0, t1 = (x[i] - middle_x) / half_x, (x[i + 1] - middle_x) / half_x
                    found += _edge(terms, degree, s0, t0, s1 - s0, t1 - t0)
                total += abs(found) if ring == polygons[polygon] else -abs(found)
        areas[shape] = total * half_x * half_y


@njit
def _edge(terms: Floats, degree: int, s0: float, t0: float, ds: float, dt: float) -> float:
    """Integrate F ds along an edge, F being the sum of terms[k, j] * s**k * t**(j + 1) up to the degree."""
    n, m = terms.shape
    if degree == 0:
        return float(terms[0, 0] * (t0 + dt / 2) * ds)
    nodes = (degree + 3) // 2  # F has one degree more
    total = 0.0
    for i in range(nodes):
        s, t = s0 + _NODES[nodes, i] * ds, t0 + _NODES[nodes, i] * dt
        value = 0.0
        for j in range(min(degree, m - 1), -1, -1):
            inner = 0.0
            for k in range(min(degree - j, n - 1), -1, -1):
                inner = inner * s + terms[k, j]
            value = value * t + inner
        total += _WEIGHTS[nodes, i] * value * t
    return float(total * ds)
