"""Sources of resampling: longitudes that go around, grids that do not meet, operations that are not known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from affine import Affine

from georoi.api.stacks import open_stack
from georoi.errors import GeoroiError
from georoi.grid import make_grid
from georoi.io.raster.rasters import Pixels, read_window
from georoi.values.raster import Raster
from tests.builders import NORTH_UP, ramp, write_raster


def whole(raster: Raster) -> Pixels:
    """Read a whole raster."""
    return read_window(raster, (0, raster.shape[0], 0, raster.shape[1]))


def refused(source: object, **options: object) -> GeoroiError:
    """Give the error that opening raises."""
    with pytest.raises(GeoroiError) as caught:
        open_stack(source, **options)  # type: ignore[arg-type]
    return caught.value


DEGREE = Affine(1, 0, 0, 0, -1, 90)


@pytest.fixture
def globe(tmp_path: Path) -> dict[str, Path]:
    """One world of pixels of a degree, with longitudes from 0 to 360 and from -180 to 180."""
    world = np.broadcast_to(np.arange(360, dtype="float32"), (1, 180, 360))
    return {
        "east": write_raster(tmp_path / "e_20200101.tif", world, crs="EPSG:4326", transform=DEGREE),
        "both": write_raster(
            tmp_path / "b_20200101.tif",
            np.roll(world, 180, axis=2),
            crs="EPSG:4326",
            transform=Affine.translation(-180, 0) @ DEGREE,
        ),
    }


@pytest.mark.parametrize("count", ["east", "both"])
@pytest.mark.parametrize("west", [-80, -5, 175, 355])
def test_longitudes_go_around_when_resampled(globe: dict[str, Path], count: str, west: int) -> None:
    """A source is found however it and the target count longitudes, also over the ends of its own."""
    grid = make_grid((10, 10), Affine(1, 0, west, 0, -1, 45), "EPSG:4326")
    for method in ("nearest", "average"):
        raster = open_stack([globe[count]], align=method, like=grid)[0]
        assert np.array_equal(whole(raster).values[0, 0], (west + np.arange(10)) % 360)


@pytest.mark.parametrize(("zone", "middle"), [(18, -75), (31, 3), (60, 177)])
def test_sources_that_count_otherwise_give_the_same_pixels(
    globe: dict[str, Path], zone: int, middle: int
) -> None:
    """On a UTM grid, also across the seam of either source, both give what lies there."""
    grid = make_grid((30, 30), Affine(40_000, 0, -100_000, 0, -40_000, 3_000_000), f"EPSG:326{zone}")
    made = [whole(open_stack([file], align="nearest", like=grid)[0]).values for file in globe.values()]
    assert np.array_equal(made[0], made[1])
    assert made[0][0, 15, 15] == middle % 360
    assert np.isfinite(made[0]).all()


def test_a_raster_that_does_not_meet_the_grid_is_named(tmp_path: Path) -> None:
    """It is in a note, and if no raster does the stack is refused as it is opened."""
    near = write_raster(tmp_path / "near_20200101.tif", ramp(1))
    far = write_raster(
        tmp_path / "far_20200102.tif", ramp(1), transform=NORTH_UP @ Affine.translation(1000, 0)
    )
    grid = make_grid((20, 30), NORTH_UP @ Affine.scale(2), "EPSG:32633")
    stack = open_stack([near, far], align="nearest", like=grid)
    assert stack.notes == ("1 of 2 rasters do not meet the grid of like=: far_20200102.tif",)
    error = refused([far], align="nearest", like=grid)
    assert (error.id, "far_20200102.tif" in error.found) == ("E-STK-02", True)


def test_what_cannot_be_resampled_is_found_by_headers(tmp_path: Path) -> None:
    """Where only a ballpark operation is known, opening says so, and not the first read."""
    path = write_raster(tmp_path / "a_20200101.tif", ramp(1))
    grid = make_grid((50, 50), Affine(10, 0, 5_503_142, 0, -10, 4_998_554), "EPSG:31469")
    assert refused(path, align="nearest", like=grid).id == "E-CRS-06"
