"""The demo's picture: for each date the scene with the outlines of the stands, and what a clip keeps."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from odc.geo.xr import xr_coords

from georoi import api
from georoi.grid import grid_crs, make_grid
from georoi.io.array.arrays import read_array
from georoi.values.rois import ROISet

ZOOM = 4
"""Pixels of the picture per pixel of the scene."""
GUTTER = 12
PAPER = (255, 255, 255)
LINE = (255, 214, 10)
RGB = ("B04", "B03", "B02")

Image = NDArray[np.uint8]


def draw_picture(clips: list[xr.DataArray], scenes: list[xr.DataArray], rois: ROISet) -> Image:
    """Draw one row a date: the scene with outlines on the left, the clip on the right; shape (3, rows, cols).

    Args:
        clips: Clips of the scenes to the stands, uncropped to the same window, nodata 0.
        scenes: The same windows without a mask.
        rois: The stands.
    """
    low, high = _stretch(scenes)
    outlines = _outlines(scenes[0], rois)
    rows = []
    for scene, clip in zip(scenes, clips, strict=True):
        left, right = _paint(scene, low, high), _paint(clip, low, high)
        left[:, outlines] = np.array(LINE, np.uint8)[:, np.newaxis]
        rows.append(_join([left, right], axis=2))
    return _join(rows, axis=1)


def _stretch(scenes: list[xr.DataArray]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The 1st and 99th percentile of each colour over all dates, so that the dates can be compared."""
    values = np.concatenate([_colours(scene).reshape(3, -1) for scene in scenes], axis=1)
    low, high = np.percentile(values, (1, 99), axis=1)
    return low, high


def _colours(image: xr.DataArray) -> NDArray[np.uint16]:
    names = list(image.attrs["long_name"])
    colours: NDArray[np.uint16] = image.values[[names.index(band) for band in RGB]]
    return colours


def _paint(image: xr.DataArray, low: NDArray[np.float64], high: NDArray[np.float64]) -> Image:
    """Stretch to 8 bit, paper where nodata, each pixel `ZOOM` times as large."""
    values = _colours(image)
    span = np.maximum(high - low, 1)[:, np.newaxis, np.newaxis]
    bright = np.clip((values - low[:, np.newaxis, np.newaxis]) / span, 0, 1) ** 0.8
    painted: Image = (bright * 255).round().astype(np.uint8)
    painted[:, (values == 0).all(axis=0)] = np.array(PAPER, np.uint8)[:, np.newaxis]
    return painted.repeat(ZOOM, axis=1).repeat(ZOOM, axis=2)


def _outlines(scene: xr.DataArray, rois: ROISet) -> NDArray[np.bool_]:
    """Which pixels of the enlarged picture lie on the outline of an ROI."""
    coarse = read_array(scene).header.grid
    rows, cols = coarse.shape
    a, b, c, d, e, f = coarse.affine[:6]
    fine = (a / ZOOM, b / ZOOM, c, d / ZOOM, e / ZOOM, f)
    grid = make_grid((rows * ZOOM, cols * ZOOM), fine, grid_crs(coarse))
    canvas = xr.DataArray(np.zeros(grid.shape, np.uint8), dims=("y", "x"), coords=xr_coords(grid))
    lines = np.zeros(grid.shape, dtype=bool)
    for number in range(len(rois)):
        inside = api.mask(canvas, rois[[number]], crop=False, compute=True).values.astype(bool).squeeze()
        lines |= ~_eroded(~inside) ^ _eroded(inside)
    return lines


def _eroded(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    padded = np.pad(inside, 1, mode="edge")
    return padded[1:-1, 1:-1] & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]


def _join(images: list[Image], axis: int) -> Image:
    """Set images side by side (axis 2) or one above the other (axis 1), a gutter of paper between."""
    shape = list(images[0].shape)
    shape[axis] = GUTTER
    gutter = np.broadcast_to(np.array(PAPER, np.uint8)[:, np.newaxis, np.newaxis], shape)
    parts = [part for image in images for part in (gutter, image)][1:]
    return np.concatenate(parts, axis=axis)
