"""NetCDF: variables, dates as bands, CRS and transform from the file's own variables."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from georoi.crs import crs_label
from georoi.errors import RasterError
from georoi.grid import grid_crs, same, to_pixels
from georoi.io.raster.rasters import list_variables, open_raster, read_window
from georoi.values.raster import Georeference, Raster, require_grid
from tests.builders import write_netcdf
from tests.openings import refused

VALUES = np.arange(2 * 4 * 5, dtype="i2").reshape(2, 4, 5) + 1
X = [505.0, 515.0, 525.0, 535.0, 545.0]
NORTH_UP = [995.0, 985.0, 975.0, 965.0]
WKT = rasterio.crs.CRS.from_epsg(3035).to_wkt()
CF = {
    "x": {"standard_name": "projection_x_coordinate", "units": "m"},
    "y": {"standard_name": "projection_y_coordinate", "units": "m"},
}


def pixels(raster: Raster) -> np.ndarray:
    """Read a whole raster."""
    return read_window(raster, (0, raster.shape[0], 0, raster.shape[1])).values


@pytest.mark.parametrize("attributes", [CF, {}], ids=["CF", "bare"])
@pytest.mark.parametrize("y", [NORTH_UP, NORTH_UP[::-1]], ids=["falling", "rising"])
def test_place_comes_from_the_coordinates(
    tmp_path: Path, y: Sequence[float], attributes: dict[str, dict[str, Any]]
) -> None:
    """North comes up and every value keeps its place, with or without CF attributes, y rising or falling.

    Left to itself, GDAL drops bare coordinates and turns their rows upside down.
    """
    path = write_netcdf(
        tmp_path / "a.nc", {"v": VALUES}, x=X, y=y, days=[0, 1], attributes=attributes, crs_wkt=WKT
    )
    raster = open_raster(path)
    assert tuple(raster.grid.affine[:6]) == (10.0, 0.0, 500.0, 0.0, -10.0, 1000.0)
    assert crs_label(grid_crs(raster.grid)) == "EPSG:3035"
    assert raster.georeference == Georeference.CRS
    expected = VALUES if y[0] > y[-1] else VALUES[:, ::-1]
    assert np.array_equal(pixels(raster), expected)


def test_bands_are_dates(tmp_path: Path) -> None:
    """Steps of time are bands called by their day, which can be asked for by that name."""
    path = write_netcdf(tmp_path / "a.nc", {"v": VALUES}, x=X, y=NORTH_UP, days=[0, 366], crs_wkt=WKT, fill=7)
    raster = open_raster(path)
    assert raster.band_names == ("2020-01-01", "2021-01-01")
    assert raster.dates == (datetime(2020, 1, 1), datetime(2021, 1, 1))
    assert raster.date is None
    assert raster.nodata == (7, 7)
    second = open_raster(path, bands="2021-01-01")
    assert (second.bands, second.date) == ((2,), datetime(2021, 1, 1))
    assert np.array_equal(pixels(second), VALUES[[1]])
    assert np.array_equal(pixels(raster.select("2020-01-01")), VALUES[[0]])
    assert "2020-01-01 to 2021-01-01" in raster._repr_html_()


def test_several_times_on_a_day(tmp_path: Path) -> None:
    """Where days repeat, bands are called by date and time."""
    path = write_netcdf(tmp_path / "a.nc", {"v": VALUES}, x=X, y=NORTH_UP, days=[0, 0.5], crs_wkt=WKT)
    assert open_raster(path).band_names == ("2020-01-01T00:00:00", "2020-01-01T12:00:00")


@pytest.mark.parametrize(
    ("units", "calendar", "date"),
    [
        ("hours since 2020-01-01", "standard", datetime(2020, 1, 3)),
        ("seconds since 2020-1-1 12:00:00 UTC", "gregorian", datetime(2020, 1, 1, 12, 0, 48)),
        ("days since 2020-01-01T00:00:00Z", "proleptic_gregorian", datetime(2020, 2, 18)),
        ("days since 2020-01-01", "360_day", None),
        ("months since 2020-01-01", "standard", None),
        ("m", "standard", None),
    ],
)
def test_units_of_time(tmp_path: Path, units: str, calendar: str, date: datetime | None) -> None:
    """CF times of the ordinary calendar become dates; others stay the numbers they are."""
    attributes = {"time": {"units": units, "calendar": calendar}}
    path = write_netcdf(
        tmp_path / "a.nc", {"v": VALUES}, x=X, y=NORTH_UP, days=[0, 48], attributes=attributes, crs_wkt=WKT
    )
    raster = open_raster(path)
    if date is None:
        assert raster.dates is None
        assert raster.band_names == ("time=0", "time=48")
    else:
        assert raster.dates is not None
        assert raster.dates[1] == date


def test_a_variable_without_time_is_one_band(tmp_path: Path) -> None:
    """A plain variable is a band called like it."""
    path = write_netcdf(tmp_path / "a.nc", {"height": VALUES[0]}, x=X, y=NORTH_UP, crs_wkt=WKT)
    raster = open_raster(path)
    assert (raster.band_names, raster.dates) == (("height",), None)


def test_several_variables_need_a_choice(tmp_path: Path) -> None:
    """A file with several variables is E-RAS-07 that lists them; each opens by name, in two spellings."""
    path = write_netcdf(
        tmp_path / "a.nc", {"red": VALUES, "nir": VALUES * 2}, x=X, y=NORTH_UP, days=[0, 1], crs_wkt=WKT
    )
    error = refused(path)
    assert error.id == "E-RAS-07"
    assert error.found["variables"] == "red, nir"
    assert [(variable.name, variable.shape) for variable in list_variables(path)] == [
        ("red", (2, 4, 5)),
        ("nir", (2, 4, 5)),
    ]
    for spelling in (f"{path}::nir", f'NETCDF:"{path}":nir', f"netcdf:{path}:nir"):
        raster = open_raster(spelling)
        assert raster.name == "a.nc::nir"
        assert np.array_equal(pixels(raster), VALUES * 2)
    assert refused(f"{path}::blue").id == "E-RAS-01"


def test_longitude_and_latitude_without_crs(tmp_path: Path) -> None:
    """Degrees east and north without a grid mapping are WGS 84, and a note says that this was assumed."""
    path = write_netcdf(
        tmp_path / "a.nc",
        {"t": VALUES[0]},
        x=[10.0, 11.0, 12.0, 13.0, 14.0],
        y=[50.0, 49.0, 48.0, 47.0],
        names=("lat", "lon"),
        attributes={"lat": {"units": "degrees_north"}, "lon": {"units": "degrees_east"}},
    )
    raster = open_raster(path)
    assert raster.georeference == Georeference.CRS
    assert raster.grid.affine[2] == 9.5
    assert any("WGS 84" in note for note in raster.notes)


def test_metres_without_crs_stay_unknown(tmp_path: Path) -> None:
    """Coordinates in metres say nothing of their CRS."""
    path = write_netcdf(tmp_path / "a.nc", {"t": VALUES[0]}, x=X, y=NORTH_UP, attributes=CF)
    assert open_raster(path).georeference == Georeference.UNKNOWN
    assert open_raster(path, raster_crs=3035).georeference == Georeference.CRS


def test_uneven_coordinates_are_no_grid(tmp_path: Path) -> None:
    """Pixels that are not evenly spaced lie on no grid, so nothing is computed on one."""
    uneven = [505.0, 515.0, 555.0, 565.0, 595.0]
    path = write_netcdf(tmp_path / "a.nc", {"v": VALUES[0]}, x=uneven, y=NORTH_UP, attributes=CF, crs_wkt=WKT)
    raster = open_raster(path)
    assert raster.georeference == Georeference.NONE
    with pytest.raises(RasterError, match="E-RAS-03"):
        require_grid(raster)


@pytest.mark.parametrize("rising", [False, True])
def test_coordinates_in_float32(tmp_path: Path, rising: bool) -> None:
    """Coordinates rounded to float32 give an even grid with a note, and every value keeps its place."""
    x = np.asarray([25.0 + i / 3600 for i in range(200)], dtype="f4")
    y = np.asarray([47.0 - i / 3600 for i in range(100)], dtype="f4")[:: -1 if rising else 1]
    values = np.arange(100 * 200, dtype="i4").reshape(100, 200)
    path = write_netcdf(
        tmp_path / "a.nc",
        {"v": values},
        x=x,  # type: ignore[arg-type]
        y=y,  # type: ignore[arg-type]
        names=("lat", "lon"),
        attributes={"lat": {"units": "degrees_north"}, "lon": {"units": "degrees_east"}},
    )
    raster = open_raster(path)
    assert any("rounded" in note for note in raster.notes)
    read = pixels(raster)[0]
    for row, col in ((0, 0), (99, 199), (3, 150)):
        cols, rows = to_pixels(raster.grid, float(x[col]), float(y[row]))
        assert cols % 1 == pytest.approx(0.5, abs=0.05)
        assert rows % 1 == pytest.approx(0.5, abs=0.05)
        assert read[int(rows), int(cols)] == values[row, col]


def test_scale_and_offset(tmp_path: Path) -> None:
    """CF packing becomes the bands' scale and offset; the values stay packed."""
    attributes = {"v": {"scale_factor": np.float64(0.01), "add_offset": np.float64(5)}}
    path = write_netcdf(
        tmp_path / "a.nc", {"v": VALUES[0]}, x=X, y=NORTH_UP, attributes=attributes, crs_wkt=WKT
    )
    raster = open_raster(path)
    assert (raster.scales, raster.offsets) == ((0.01,), (5.0,))
    assert np.array_equal(pixels(raster)[0], VALUES[0])


def test_changed_file_is_noticed(tmp_path: Path) -> None:
    """The fingerprint is that of the file which holds the variable."""
    path = write_netcdf(tmp_path / "a.nc", {"v": VALUES[0]}, x=X, y=NORTH_UP, crs_wkt=WKT)
    raster = open_raster(path)
    write_netcdf(path, {"v": VALUES[1]}, x=X, y=NORTH_UP, crs_wkt=WKT)
    with pytest.raises(RasterError, match="E-RAS-08"):
        pixels(raster)


def test_hostile_names_of_files(tmp_path: Path) -> None:
    """A quote in the path would end GDAL's name of the file, so it is refused."""
    path = write_netcdf(tmp_path / 'a"b.nc', {"v": VALUES[0]}, x=X, y=NORTH_UP, crs_wkt=WKT)
    assert refused(f"{path}::v").id == "E-RAS-01"


# --- the demo's imagery


@pytest.fixture(scope="module")
def cube(demo_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The NetCDF-4 file of the demo's wheel."""
    member = "nrt/data/sentinel2_cube_subset_romania_10m.nc"
    with zipfile.ZipFile(demo_wheel) as wheel:
        return Path(wheel.extract(member, tmp_path_factory.mktemp("cube")))


@pytest.mark.demo
def test_demo_cube(cube: Path) -> None:
    """The cube has five variables of 140 dates on one grid off the 10 m lattice, north up, nodata 0."""
    names = [variable.name for variable in list_variables(cube)]
    assert names == ["B2", "B3", "B4", "B8", "SCL"]
    raster = open_raster(f"{cube}::B8")
    assert (raster.count, raster.shape, raster.dtype) == (140, (100, 100), "uint16")
    assert tuple(raster.grid.affine[:6]) == (10.0, 0.0, 5271982.576551932, 0.0, -10.0, 2533004.2149151857)
    assert crs_label(grid_crs(raster.grid)) == "EPSG:3035"
    assert set(raster.nodata) == {0}
    assert raster.dates is not None
    assert (raster.dates[0], raster.dates[-1]) == (datetime(2015, 8, 1), datetime(2021, 1, 1))
    assert raster.notes == ()


@pytest.mark.demo
def test_demo_cube_equals_the_geotiffs(cube: Path, shared_data: Path) -> None:
    """Every date of every variable has the values, grid, CRS and date of the GeoTIFF made from it."""
    scenes = sorted((shared_data / "romania_s2_series" / "scenes").glob("S2L2A_*.tif"))
    assert len(scenes) == 140
    variables = {"B02": "B2", "B03": "B3", "B04": "B4", "B08": "B8", "SCL": "SCL"}
    for name, variable in variables.items():
        series = open_raster(f"{cube}::{variable}")
        stack = pixels(series)
        for index, path in enumerate(scenes[::7]):
            scene = open_raster(path, bands=name)
            assert scene.date == (series.dates or ())[index * 7]
            assert same(scene.grid, series.grid)
            assert np.array_equal(pixels(scene)[0], stack[index * 7])


@pytest.mark.demo
def test_threads_read_the_cube(cube: Path) -> None:
    """Threads that read dates at random get what one thread gets."""
    raster = open_raster(f"{cube}::B4")
    whole = pixels(raster)

    def read(band: int) -> bool:
        return bool(np.array_equal(pixels(raster.select(band + 1))[0], whole[band]))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(read, np.random.default_rng(5).integers(0, 140, 60).tolist()))
