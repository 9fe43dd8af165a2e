"""`georoi info` of images whose pixels have no place on a grid."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint

from tests.cli.conftest import Run


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_an_image_without_a_grid_says_what_it_lacks(run: Run) -> None:
    """No georeference, or control points alone: no size of pixels, and --pixel leads to warping."""
    profile = {"width": 20, "height": 10, "count": 1, "dtype": "uint8"}
    with rasterio.open("plain.png", "w", driver="PNG", **profile) as file:
        file.write(np.ones((1, 10, 20), dtype="uint8"))
    corners = [(0, 0), (0, 20), (10, 0), (10, 20)]
    points = [GroundControlPoint(row, col, 10 + col / 100, 50 - row / 90) for row, col in corners]
    with rasterio.open("points.tif", "w", driver="GTiff", gcps=points, crs="EPSG:4326", **profile) as file:
        file.write(np.ones((1, 10, 20), dtype="uint8"))

    plain, pixel = run("info", "plain.png"), run("info", "plain.png", "--pixel")
    placed, refused = run("info", "points.tif"), run("info", "points.tif", "--pixel")

    assert "no georeference (pixel space with --pixel)" in plain.stdout
    assert "south up" not in plain.stdout + pixel.stdout + placed.stdout
    assert "ground control points only: warp it first" in placed.stdout
    assert refused.exit_code == 3
    assert "gdalwarp" in refused.stderr
