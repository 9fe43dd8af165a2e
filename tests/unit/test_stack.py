"""Stacks: order, labels, groups, selection, what makes them one and what does not."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from georoi.api.stacks import open_stack
from georoi.errors import RasterError, UsageError
from georoi.grid import make_grid, same
from georoi.io.raster.rasters import open_raster
from georoi.values.dating import as_moment, as_period
from georoi.values.raster import Raster
from georoi.values.stack import Stack
from tests.builders import ramp, write_raster


def described(name: str, when: datetime, *, crs: str = "EPSG:3035", shift: float = 0.0) -> Raster:
    """Describe a raster that is not there."""
    return Raster(
        path=f"/nowhere/{name}",
        name=name,
        grid=make_grid((4, 5), Affine(10, 0, 100 + shift, 0, -10, 200), crs),
        georeference="crs",  # type: ignore[arg-type]
        bands=(1, 2),
        band_names=("B04", "B08"),
        dtype="uint16",
        nodata=(0, 0),
        scales=(1.0, 1.0),
        offsets=(0.0, 0.0),
        block_shape=(4, 5),
        mask_kind="nodata",
        driver="GTiff",
        fingerprint=name,
        date=when,
    )


def test_real_series_keeps_two_acquisitions_of_a_day_apart(shared_data: Path) -> None:
    """68 dates on one grid, in order; the two of 2015-12-08 are two rasters with labels of their own."""
    stack = open_stack(shared_data / "slovenia_s2_lulc" / "ndvi")
    assert len(stack) == len(set(stack.labels)) == 68
    assert stack.dates.dtype == np.dtype("datetime64[us]")
    assert (np.diff(stack.dates) > np.timedelta64(0)).all()
    day = stack.sel("2015-12-08", date(2015, 12, 8))
    assert day.labels == ("2015-12-08T10:04:09", "2015-12-08T10:11:25")
    assert [raster.name for raster in day] == ["NDVI_20151208T100409.tif", "NDVI_20151208T101125.tif"]
    assert stack["2015-12-08T10:11:25"] == day[1]
    assert same(stack.grid, stack[0].grid)
    assert (stack.band_names, stack.bands, stack.dtype) == (("NDVI",), (1,), "float32")


def test_real_stack_as_an_array_holds_the_files_values(shared_data: Path) -> None:
    """The maximum over the dates of the lazy array is, bit for bit, the one that others made."""
    folder = shared_data / "slovenia_s2_lulc"
    stack = open_stack(folder / "ndvi")
    array = stack.to_xarray()
    assert array.dims == ("time", "band", "y", "x")
    assert array.chunks is not None
    assert np.array_equal(array.time.values, stack.dates.astype("datetime64[ns]"))
    assert tuple(array.label.values) == stack.labels
    expected = open_raster(folder / "expected" / "max_ndvi.tif")
    assert np.array_equal(array.max("time").values, _read(expected))


def test_ignf_and_epsg_are_one_grid_in_a_stack(shared_data: Path, tmp_path: Path) -> None:
    """Scenes in IGNF:ETRS89LAEA and EPSG:3035 with the same numbers are one group; 20 m are another."""
    folder = shared_data / "romania_s2_series"
    cover = open_raster(folder / "tree_cover_density_2018_romania.tif")
    scene = open_raster(folder / "scenes" / "S2L2A_2018-07-21.tif")
    # The scenes' numbers under the CRS that the tree cover has.
    twin = replace(
        scene,
        path="/twin",
        fingerprint="twin",
        date=datetime(2019, 1, 1),
        grid=make_grid(scene.shape, scene.grid.affine, cover.grid.crs),
    )
    assert scene.grid != twin.grid
    assert len(Stack.of([scene, twin]).groups) == 1
    both = open_stack(
        [folder / "tree_cover_density_2018_romania.tif", folder / "scenes" / "S2L2A_2018-07-21.tif"],
        bands=1,
        dates={"tree_cover_density_2018_romania.tif": "2018-01-01"},
    )
    assert [group.positions for group in both.groups] == [(0,), (1,)]


def test_neighbours_on_different_grids_are_groups_and_no_grid(shared_data: Path) -> None:
    """Two scenes of one day on different grids stay two groups; asking for one grid names both and a way."""
    files = sorted((shared_data / "iguazu_l8_16bit").glob("LC08*.[tT][iI][fF]"))
    with pytest.raises(RasterError, match="different bands") as bands:
        open_stack(files)
    assert bands.value.id == "E-STK-03"
    stack = open_stack(files, bands=[1])
    assert stack.labels == ("2020-05-18", "2020-05-18#2")
    assert stack.notes
    assert len(stack.groups) == 2
    for ask in (lambda: stack.grid, stack.to_xarray):
        with pytest.raises(RasterError, match="lie on 2 grids") as caught:
            ask()
        assert caught.value.id == "E-STK-02"
        assert "of 30" in caught.value.found["grid 1"]
        assert "of 60" in caught.value.found["grid 2"]
        assert "align=" in (caught.value.hint or "")


def test_a_period_is_inclusive_and_a_short_text_stands_for_all_of_it(shared_data: Path) -> None:
    """Years, months, days, slices of texts and moments choose what lies in them, ends included."""
    stack = open_stack(shared_data / "romania_s2_series" / "scenes")
    assert len(stack) == 140
    assert [label[:7] for label in stack.sel("2018-07", "2018-07").labels] == ["2018-07"] * 5
    assert stack.sel("2018", "2018").labels == tuple(label for label in stack.labels if label[:4] == "2018")
    assert stack["2020-12-22":].labels == ("2020-12-22", "2021-01-01")  # type: ignore[misc]
    assert stack.sel(stop=datetime(2015, 8, 11)).labels == ("2015-08-01", "2015-08-11")
    assert stack[3:5].labels == stack.labels[3:5]
    assert stack[::-1].labels == stack.labels
    assert open_stack(list(stack), start="2018", stop="2018").labels == stack.sel("2018", "2018").labels
    with pytest.raises(RasterError, match="no date in the period") as caught:
        stack.sel("2030")
    assert caught.value.id == "E-STK-04"
    for start, stop in (("later", None), ("2019", "2018")):
        with pytest.raises(UsageError, match="period"):
            stack.sel(start, stop)
    with pytest.raises(UsageError, match="no raster called"):
        stack["2018"]


def test_it_is_small_and_travels(shared_data: Path) -> None:
    """A stack is pickled whole and opens nothing; its descriptions come from headers."""
    stack = open_stack(shared_data / "slovenia_s2_lulc" / "scenes", bands=["B08", "B04"])
    again = pickle.loads(pickle.dumps(stack))
    assert again == stack
    assert again.fingerprint == stack.fingerprint
    assert repr(stack).startswith(
        "Stack of 5 dates, 2015-07-11T10:00:08 to 2015-09-09T10:00:17\n  2 bands of"
    )
    assert "S2L1C_20150711T100008.tif" in stack._repr_html_()
    assert again.to_xarray().sizes == {"time": 5, "band": 2, "y": 101, "x": 100}


def test_bands_are_chosen_in_every_raster(shared_data: Path) -> None:
    """Bands keep the names and numbers of the files, in the order asked for."""
    stack = open_stack(shared_data / "slovenia_s2_lulc" / "scenes").select(["B08", 4])
    assert (stack.band_names, stack.bands) == (("B08", "B04"), (8, 4))
    assert all(raster.bands == (8, 4) for raster in stack)
    with pytest.raises(RasterError, match="no band 'B77'"):
        stack.select("B77")


def test_one_second_twice_gets_two_labels() -> None:
    """Rasters of one moment are both kept, told apart by name."""
    when = datetime(2020, 1, 1, 10, 2, 12)
    stack = Stack.of([described("b.tif", when), described("a.tif", when)])
    assert stack.labels == ("2020-01-01T10:02:12", "2020-01-01T10:02:12#2")
    assert [raster.name for raster in stack] == ["a.tif", "b.tif"]


def test_what_is_no_stack_is_refused() -> None:
    """Nothing, no date, one file twice and other bands are errors with an id, naming the raster."""
    when = datetime(2020, 1, 1)
    first = described("a.tif", when)
    cases = {
        "E-STK-04": [],
        "E-STK-01": [first, replace(described("b.tif", when), date=None)],
        "E-STK-05": [first, replace(first, date=datetime(2021, 1, 1))],
        "E-STK-03": [first, replace(described("b.tif", when), band_names=("B04", "B11"))],
    }
    for id, rasters in cases.items():
        with pytest.raises(RasterError) as caught:
            Stack.of(rasters)
        assert caught.value.id == id
    with pytest.raises(ValueError, match="in order of time"):
        Stack(rasters=(described("b.tif", datetime(2021, 1, 1)), first))


def test_bands_in_another_order_are_put_in_the_first_ones() -> None:
    """The same names in another order are the same bands."""
    other = replace(described("b.tif", datetime(2021, 1, 1)), band_names=("B08", "B04"))
    stack = Stack.of([other, described("a.tif", datetime(2020, 1, 1))])
    assert stack.band_names == ("B04", "B08")
    assert stack[1].bands == (2, 1)
    assert stack.bands == (1, 2)
    assert stack.select(2)[1].bands == (1,)


DAYS = st.lists(
    st.tuples(
        st.integers(0, 3), st.sampled_from(["EPSG:3035", "EPSG:32633"]), st.sampled_from([0.0, 10.0, 1e-6])
    ),
    min_size=1,
    max_size=9,
)


@given(DAYS, st.randoms(use_true_random=False))
def test_order_of_input_does_not_matter_and_groups_part_the_rasters(days: list, random) -> None:  # type: ignore[no-untyped-def, type-arg]
    """Shuffled input is the same stack, same fingerprint; every raster is in one group, on its grid."""
    rasters = [
        described(f"{number}.tif", datetime(2020, 1, 1 + day), crs=crs, shift=shift)
        for number, (day, crs, shift) in enumerate(days)
    ]
    stack = Stack.of(rasters)
    shuffled = list(rasters)
    random.shuffle(shuffled)
    assert Stack.of(shuffled) == stack
    assert Stack.of(shuffled).fingerprint == stack.fingerprint
    positions = [position for group in stack.groups for position in group.positions]
    assert sorted(positions) == list(range(len(stack)))
    for group in stack.groups:
        assert all(same(group.grid, raster.grid) for raster in group.rasters)
        assert group.rasters == tuple(stack[position] for position in group.positions)
    representatives = [group.grid for group in stack.groups]
    assert not any(same(a, b) for i, a in enumerate(representatives) for b in representatives[:i])


def test_fingerprint_changes_with_file_date_and_bands() -> None:
    """It is the content that counts: another file, date or choice of bands is another stack."""
    base = [described("a.tif", datetime(2020, 1, 1)), described("b.tif", datetime(2020, 1, 2))]
    stack = Stack.of(base)
    others = [
        Stack.of([base[0], replace(base[1], fingerprint="other")]),
        Stack.of([base[0], replace(base[1], date=datetime(2020, 1, 3))]),
        stack.select("B04"),
        stack[:1],
    ]
    assert len({one.fingerprint for one in (stack, *others)}) == 5
    moved = Stack.of([replace(raster, path="/elsewhere/" + raster.name) for raster in base])
    assert moved.fingerprint == stack.fingerprint


def test_dates_that_mark_invalid_pixels_differently_become_floats_with_nan(tmp_path: Path) -> None:
    """Where nodata differs between dates, no value of one is taken for data of the other."""
    values = ramp(1)
    write_raster(tmp_path / "a_2020-01-01.tif", values, nodata=1)
    write_raster(tmp_path / "a_2020-01-02.tif", values, nodata=2)
    array = open_stack(tmp_path).to_xarray().compute()
    assert array.dtype == np.float32
    assert np.isnan(array.values[0, 0, 0, :2]).tolist() == [True, False]
    assert np.isnan(array.values[1, 0, 0, :2]).tolist() == [False, True]
    assert np.array_equal(array.values[:, 0, 1:], np.stack([values[0, 1:]] * 2))


def test_dates_scaled_differently_are_scaled_or_refused(tmp_path: Path) -> None:
    """Stored values of dates with other scales do not compare: they are refused, or scaled when asked."""
    write_raster(tmp_path / "a_2020-01-01.tif", ramp(1), scales=(0.5,), nodata=0)
    write_raster(tmp_path / "a_2020-01-02.tif", ramp(1), scales=(0.25,), offsets=(1.0,), nodata=0)
    stack = open_stack(tmp_path)
    with pytest.raises(UsageError, match="scale or offset differ"):
        stack.to_xarray()
    scaled = stack.to_xarray(scaled=True).compute()
    assert scaled.values[:, 0, 0, 1].tolist() == [1.0, 1.5]


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2020-02-03", datetime(2020, 2, 3)),
        ("20200203", datetime(2020, 2, 3)),
        ("2020-02-03T10:00:00+02:00", datetime(2020, 2, 3, 8)),
        (date(2020, 2, 3), datetime(2020, 2, 3)),
        (datetime(2020, 2, 3, 4, tzinfo=UTC), datetime(2020, 2, 3, 4)),
        (np.datetime64("2020-02-03T04:05:06.789"), datetime(2020, 2, 3, 4, 5, 6, 789000)),
    ],
)
def test_moments(value: object, moment: datetime) -> None:
    """Whatever is a date becomes a moment in UTC without a zone."""
    assert as_moment(value) == moment


def test_pandas_time_stamps_are_moments() -> None:
    """Nanoseconds of pandas are cut without a warning; what is not a time is refused."""
    import pandas as pd

    assert as_moment(pd.Timestamp("2020-02-03T10:00:00.000001999+01:00")) == datetime(2020, 2, 3, 9, 0, 0, 1)
    for nothing in (pd.NaT, np.datetime64("NaT"), None, 5, "soon"):
        with pytest.raises(ValueError, match=r".+"):
            as_moment(nothing)


def test_periods() -> None:
    """A year, a month and a day end where the next begins, also in December and February."""
    assert as_period("2019") == (datetime(2019, 1, 1), datetime(2020, 1, 1))
    assert as_period("2019-12") == (datetime(2019, 12, 1), datetime(2020, 1, 1))
    assert as_period("2020-02-29") == (datetime(2020, 2, 29), datetime(2020, 3, 1))
    first, after = as_period("2020-02-29T12:00:00")
    assert (first, (after - first).total_seconds()) == (datetime(2020, 2, 29, 12), 1e-6)


def _read(raster: Raster) -> np.ndarray:
    from georoi.io.raster.rasters import read_window

    return read_window(raster, (0, raster.shape[0], 0, raster.shape[1])).values
