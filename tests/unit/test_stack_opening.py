"""Opening stacks: folders, lists, wildcards, tables, patterns, dates from outside, files of many dates."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr

from georoi.api.stacks import open_stack
from georoi.errors import GeoroiError
from georoi.io.raster.datepatterns import parse_pattern
from georoi.io.raster.rasters import open_raster, read_window
from georoi.values.raster import Raster
from tests.builders import ramp, write_netcdf, write_raster

X = [505.0, 515.0, 525.0, 535.0, 545.0]
Y = [995.0, 985.0, 975.0, 965.0]
WKT = rasterio.crs.CRS.from_epsg(3035).to_wkt()


def refused(source: object, **options: object) -> GeoroiError:
    """Give the error that opening raises."""
    with pytest.raises(GeoroiError) as caught:
        open_stack(source, **options)  # type: ignore[arg-type]
    return caught.value


def pixels(raster: Raster) -> np.ndarray:
    """Read a whole raster."""
    return read_window(raster, (0, raster.shape[0], 0, raster.shape[1])).values


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three dated scenes, with sidecars, a table and a hidden file beside them."""
    for number, day in enumerate(("2020-01-03", "2020-01-01", "2020-01-02")):
        write_raster(tmp_path / f"S_{day}.tif", ramp(2) + number, names=("B04", "B08"), nodata=0)
    write_raster(tmp_path / "S_2020-01-01.tif.ovr", ramp(2, 20, 30))
    (tmp_path / "S_2020-01-01.tif.aux.xml").write_text("<PAMDataset/>")
    (tmp_path / "readme.txt").write_text("about")
    (tmp_path / ".hidden_2020-05-05.tif").write_text("none")
    (tmp_path / "more").mkdir()
    write_raster(tmp_path / "more" / "T_2020-02-01.tif", ramp(2), names=("B04", "B08"), nodata=0)
    return tmp_path


def test_a_folder_a_list_and_wildcards_are_the_same_stack(folder: Path) -> None:
    """However the files are named, the stack is the same; what is no raster is named in a note."""
    stack = open_stack(folder)
    assert stack.labels == ("2020-01-01", "2020-01-02", "2020-01-03")
    assert stack.notes == ("1 file is no raster: readme.txt",)
    files = [folder / name for name in ("S_2020-01-03.tif", "S_2020-01-01.tif", "S_2020-01-02.tif")]
    for source in (files, [str(file) for file in files], [open_raster(file) for file in files], iter(files)):
        assert open_stack(source).rasters == stack.rasters
    assert open_stack(str(folder / "S_*.tif")).rasters == stack.rasters
    assert open_stack(stack).fingerprint == stack.fingerprint


def test_one_file_twice_is_refused(folder: Path) -> None:
    """By the same path, another path, or a copy that keeps its time."""
    file = folder / "S_2020-01-01.tif"
    (folder / "link_2020-01-01.tif").symlink_to(file)
    shutil.copy2(file, folder / "copy_2020-01-01.tif")
    for twin in (str(file), folder / "link_2020-01-01.tif", folder / "copy_2020-01-01.tif"):
        error = refused([file, twin])
        assert error.id == "E-STK-05"
        assert "twice" in error.rule
    assert refused([file, file], dates=["2020-01-01", "2020-01-02"]).id == "E-STK-05"


def test_a_raster_without_date_is_named(folder: Path) -> None:
    """The error names the file, and says how to give a date."""
    write_raster(folder / "dem.tif", ramp(2), names=("B04", "B08"))
    error = refused(folder)
    assert (error.id, error.found["raster"]) == ("E-STK-01", "dem.tif")
    assert "pattern=" in (error.hint or "")
    assert len(open_stack(folder, pattern="S_%Y-%m-%d.tif")) == 3


def test_a_file_called_like_a_raster_that_is_none_is_an_error(folder: Path) -> None:
    """A download that failed is not passed over."""
    (folder / "S_2020-01-04.tif").write_text("<html>please log in</html>")
    assert refused(folder).id == "E-RAS-01"


def test_patterns_choose_files_and_say_dates(folder: Path) -> None:
    """As strptime, as a regular expression, as names; with / also in folders; what is left out is noted."""
    stack = open_stack(folder, pattern="S_%Y-%d-%m.tif")
    assert stack.labels == ("2020-01-01", "2020-02-01", "2020-03-01")
    assert any("readme.txt" in note and "not match" in note for note in stack.notes)
    swapped = open_stack(folder, pattern=r"^S_(?P<year>\d{4})-(?P<day>\d\d)-(?P<month>\d\d)\.tif$")
    assert swapped.labels == stack.labels
    assert open_stack(folder, pattern="*-0[12].tif").labels == ("2020-01-01", "2020-01-02")
    assert open_stack(folder, pattern="*/T_%Y-%m-%d.tif").labels == ("2020-02-01",)
    assert refused(folder, pattern="X_%Y.tif").id == "E-STK-04"
    for wrong in ("S_%Q.tif", r"(?P<jahr>\d{4})", r"(?P<year>\d{4}"):
        assert refused(folder, pattern=wrong).id == "E-USE-01"
    # The 13th month is no date, and no other date in the name takes its place.
    write_raster(folder / "S_2020-13-01.tif", ramp(2), names=("B04", "B08"))
    assert refused(folder, pattern="S_%Y-%m-%d.tif").id == "E-STK-01"


@pytest.mark.parametrize(
    ("pattern", "name", "date"),
    [
        ("LC08_*_%Y%m%d_*_B?.TIF", "LC08_L1TP_224077_20200518_20200601_B2.TIF", datetime(2020, 5, 18)),
        ("MOD13Q1.A%Y%j.*.tif", "MOD13Q1.A2018060.h19v04.tif", datetime(2018, 3, 1)),
        ("x_%Y%m%dT%H%M%S.%f.tif", "x_20200102T030405.5.tif", datetime(2020, 1, 2, 3, 4, 5, 500000)),
        (r"A(?P<year>\d{4})(?P<yday>\d{3})", "MOD13Q1.A2019365.tif", datetime(2019, 12, 31)),
        (r"A(?P<year>\d{4})(?P<yday>\d{3})", "MOD13Q1.A2019366.tif", None),
        (r"_(?P<date>[^_]+)_v1", "x_2019-02-03T04:05:06_v1.tif", datetime(2019, 2, 3, 4, 5, 6)),
        ("%Y/x_%Y%m%d.tif", "2020/x_20200102.tif", datetime(2020, 1, 2)),
        ("%Y/x_%Y%m%d.tif", "2021/x_20200102.tif", None),
        ("y_%Y.tif", "y_2020.tif", datetime(2020, 1, 1)),
        ("x_%Y%m%d_%j.tif", "x_20180301_060.tif", datetime(2018, 3, 1)),
        ("x_%Y%m%d_%j.tif", "x_20180301_061.tif", None),
        ("x_%Y-%m_%j.tif", "x_2018-03_061.tif", datetime(2018, 3, 2)),
        ("x_%Y_%j.tif", "x_2018_000.tif", None),
    ],
)
def test_dates_by_pattern(pattern: str, name: str, date: datetime | None) -> None:
    """What a pattern reads in a name."""
    assert parse_pattern(pattern).date(name) == date


def test_dates_from_outside(folder: Path) -> None:
    """A list in order, a mapping by name, stem or path, and a function of the name go before the name."""
    files = [folder / f"S_2020-01-0{day}.tif" for day in (1, 2, 3)]
    assert open_stack(files, dates=["2021-03-03", "2021-01-01", "2021-02-02"])[0].name == "S_2020-01-02.tif"
    mapping = {
        "S_2020-01-01.tif": "1999-01-01",
        "S_2020-01-02": datetime(1998, 1, 1),
        str(files[2]): np.datetime64("1997-01-01"),
    }
    assert open_stack(files, dates=mapping).labels == ("1997-01-01", "1998-01-01", "1999-01-01")
    assert open_stack(files, dates=lambda name: f"1990{name[6:12]}")[0].date == datetime(1990, 1, 1)
    for wrong in (["2020-01-01"], ["2020-01-01", "x", "2020-01-02"], {"S_2020-01-01.tif": "never"}):
        assert refused(files, dates=wrong).id == "E-USE-01"


def test_periods_are_kept_while_opening(folder: Path) -> None:
    """Dates outside are left out; nothing left is an error."""
    assert open_stack(folder, start="2020-01-02").labels == ("2020-01-02", "2020-01-03")
    assert refused(folder, stop="2019").id == "E-STK-04"


def test_a_table_of_scenes(folder: Path) -> None:
    """Paths are relative to the table; CSV, Parquet and a DataFrame say the same."""
    import pandas as pd

    rows = pd.DataFrame({"Path": ["S_2020-01-02.tif", "more/T_2020-02-01.tif"], "date": ["2020-06-01", ""]})
    (folder / "t").mkdir()
    table = folder / "scenes.csv"
    rows.to_csv(table, index=False)
    stack = open_stack(table)
    assert stack.labels == ("2020-02-01", "2020-06-01")
    rows.assign(date=pd.to_datetime(["2020-06-01", None])).to_parquet(folder / "scenes.parquet")
    assert open_stack(folder / "scenes.parquet").rasters == stack.rasters
    rows["Path"] = [str(folder / path) for path in rows["Path"]]
    assert open_stack(rows).rasters == stack.rasters
    rows.rename(columns={"Path": "file"}).to_csv(table, index=False)
    assert refused(table).id == "E-STK-04"
    table.write_text("path,date\nS_2020-01-02.tif,someday\n")
    assert refused(table).id == "E-STK-01"
    table.write_text("path,date\n")
    assert refused(table).id == "E-STK-04"


def test_a_table_of_bands(tmp_path: Path) -> None:
    """Rows of one date with a band each are one image, whatever the order of the rows."""
    lines = ["path,date,band"]
    for day in (2, 1):
        for number, band in enumerate(("B04", "B08")):
            write_raster(tmp_path / f"{band}_{day}.tif", ramp(1) + 100 * day + number, nodata=0)
            lines.append(f"{band}_{day}.tif,2020-01-0{day},{band}")
    table = tmp_path / "t.csv"
    table.write_text("\n".join(lines))
    stack = open_stack(table)
    assert (stack.labels, stack.band_names) == (("2020-01-01", "2020-01-02"), ("B04", "B08"))
    assert np.array_equal(pixels(stack[0]), np.concatenate([ramp(1) + 100, ramp(1) + 101]))
    turned = open_stack(table, bands=["B08", "B04"])
    assert np.array_equal(pixels(turned[1]), np.concatenate([ramp(1) + 201, ramp(1) + 200]))
    assert np.array_equal(stack.select(["B08"]).to_xarray().values[:, 0, 0, 0], [102, 202])
    assert stack.to_xarray().sizes == {"time": 2, "band": 2, "y": 40, "x": 60}
    table.write_text("\n".join([*lines, "B04_1.tif,2020-01-02,B04"]))
    assert refused(table).id == "E-STK-05"
    table.write_text("\n".join(lines[:-1]))
    assert refused(table).id == "E-STK-03"


def test_a_file_whose_bands_are_dates(tmp_path: Path) -> None:
    """Each step of a NetCDF variable is a raster of its date, with one band called as the variable."""
    values = np.arange(3 * 4 * 5, dtype="i2").reshape(3, 4, 5) + 1
    path = write_netcdf(tmp_path / "a.nc", {"ndvi": values}, x=X, y=Y, days=[10, 0, 0.5], crs_wkt=WKT)
    stack = open_stack(path)
    assert stack.labels == ("2020-01-01", "2020-01-01T12:00:00", "2020-01-11")
    assert stack.band_names == ("ndvi",)
    assert np.array_equal(pixels(stack[2]), values[[0]])
    assert np.array_equal(stack.to_xarray().values[:, 0], values[[1, 2, 0]])
    assert open_stack(path, start="2020-01-02").labels == ("2020-01-11",)


def test_variables_of_one_shape_are_bands(tmp_path: Path) -> None:
    """A cube with a variable per band is a stack of images; bands choose variables, in their order."""
    values = np.arange(2 * 4 * 5, dtype="i2").reshape(2, 4, 5) + 1
    cube = {"B04": values, "B08": values + 100, "SCL": (values + 200)}
    path = write_netcdf(tmp_path / "a.nc", cube, x=X, y=Y, days=[0, 1], crs_wkt=WKT)
    stack = open_stack(path)
    assert (len(stack), stack.band_names) == (2, ("B04", "B08", "SCL"))
    assert np.array_equal(pixels(stack[1]), np.stack([values[1], values[1] + 100, values[1] + 200]))
    some = open_stack(path, bands=["SCL", "B04"])
    assert some.band_names == ("SCL", "B04")
    assert np.array_equal(pixels(some[0]), np.stack([values[0] + 200, values[0]]))
    assert refused(path, bands=["B99"]).id == "E-RAS-04"


def test_bands_of_a_file_get_dates_from_outside(tmp_path: Path) -> None:
    """One date for each band makes a stack of a single file, which says none itself."""
    path = write_raster(tmp_path / "series.tif", ramp(3))
    stack = open_stack(path, dates=["2020-03-01", "2020-01-01", "2020-02-01"])
    assert [raster.bands for raster in stack] == [(2,), (3,), (1,)]
    assert stack.band_names == ("1",)
    assert refused(path, dates=["2020-03-01", "2020-01-01"]).id == "E-USE-01"


def test_what_is_no_source_is_refused(tmp_path: Path) -> None:
    """An empty list, an empty folder, wildcards without a file, and things are errors, not empty stacks."""
    array = xr.DataArray(np.zeros((2, 3, 4)), dims=("time", "y", "x"))
    for source in ([], tmp_path, str(tmp_path / "*.tif"), 5, {"a": 1}, [5], b"x", array, [array]):
        assert refused(source).id == "E-STK-04", source
    assert refused(tmp_path / "missing.tif").id == "E-RAS-01"
    assert refused([write_raster(tmp_path / "a_20200101.tif", ramp(1))], mosaic="month").id == "E-USE-01"


def test_options_of_files_do_not_go_with_opened_rasters(folder: Path) -> None:
    """A CRS or nodata value given beside rasters that are open would be passed over: refused."""
    raster = open_raster(folder / "S_2020-01-01.tif")
    assert refused([raster], nodata=5).id == "E-USE-01"
    assert open_stack(folder, nodata=5)[0].nodata == (5, 5)


def test_bands_by_number_go_by_the_first_ones_names(tmp_path: Path) -> None:
    """Bands that the user says are the same are called alike, and a note says so."""
    write_raster(tmp_path / "a_2020-01-01.tif", ramp(2), names=("red", "nir"))
    write_raster(tmp_path / "a_2020-01-02.tif", ramp(2))
    assert refused(tmp_path).id == "E-STK-03"
    stack = open_stack(tmp_path, bands=[2])
    assert stack.band_names == ("nir",)
    assert any("are called nir" in note for note in stack.notes)


@pytest.mark.parametrize(
    "options",
    [
        {"dates": 5},
        {"dates": "2018-01-01"},
        {"pattern": 3},
        {"align": 3},
        {"align": "foo"},
        {"align": {"B04": ["nearest"]}},
        {"overlap": "xx"},
    ],
)
def test_options_that_mean_nothing_are_refused(folder: Path, options: dict[str, object]) -> None:
    """Though nothing is resampled or merged, with the option's name in the message."""
    error = refused(folder, **options)
    assert error.id == "E-USE-01"
    assert next(iter(options)) in error.rule


def test_an_empty_list_is_no_stack() -> None:
    """The message speaks of the source, and of no period."""
    error = refused([])
    assert (error.id, "names no raster" in error.rule) == ("E-STK-04", True)


def test_a_missing_date_in_a_table_is_no_date(folder: Path) -> None:
    """NA and NaT of pandas, and NaN, leave the date to the file's name."""
    path = str(folder / "S_2020-01-01.tif")
    for dates in (pd.array([pd.NA], dtype="string"), [pd.NaT], [float("nan")]):
        frame = pd.DataFrame({"path": [path], "date": dates})
        assert open_stack(frame).labels == ("2020-01-01",)


def test_dates_far_away_stay_what_they_are(folder: Path) -> None:
    """Years that nanoseconds cannot count come in microseconds; others in nanoseconds, as ever."""
    files = [folder / f"S_2020-01-0{day}.tif" for day in (1, 2)]
    array = open_stack(files, dates=["1500-01-01", "2018-01-01"]).to_xarray()
    assert array.time.values.astype("datetime64[D]").astype(str).tolist() == ["1500-01-01", "2018-01-01"]
    assert open_stack(files).to_xarray().time.dtype == "datetime64[ns]"
