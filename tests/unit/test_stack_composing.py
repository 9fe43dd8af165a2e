"""Rasters made of others: mosaics of a day, other grids, and how the verbs work on them."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT

import georoi
from georoi.api.stacks import open_stack
from georoi.errors import GeoroiError, RasterError, UsageError
from georoi.grid import make_grid, same
from georoi.io.output.inputs import refuse_inputs
from georoi.io.raster.rasters import Pixels, open_raster, read_window
from georoi.planning.resampling import scales
from georoi.planning.stacking import align_raster, lattice_offset, merge_days
from georoi.values.composition import RESAMPLINGS, Mosaic, Warped, list_files
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


def shifted(cols: int, rows: int) -> Affine:
    """Give the transform of a grid that begins some pixels away."""
    return NORTH_UP @ Affine.translation(cols, rows)


@pytest.fixture
def day(tmp_path: Path) -> Path:
    """Two scenes of a day that overlap by 20 columns and lie 8 rows apart, and one of the next day."""
    left = ramp(2, 40, 60)
    left[:, :, 50:] = 0  # without data
    write_raster(tmp_path / "A_20200101T100000.tif", left, nodata=0)
    write_raster(
        tmp_path / "B_20200101T100700.tif", ramp(2, 40, 60) + 5000, nodata=0, transform=shifted(40, 8)
    )
    write_raster(tmp_path / "C_20200102T100000.tif", ramp(2, 40, 60) + 9000, nodata=0)
    return tmp_path


def expected_mosaic(first: bool) -> np.ndarray:
    """Lay the two scenes of the fixture over each other by hand."""
    canvas = np.zeros((2, 48, 100), "uint16")
    left, right = ramp(2, 40, 60), ramp(2, 40, 60) + 5000
    left[:, :, 50:] = 0
    layers = [((0, 0), left), ((8, 40), right)]
    for (row, col), values in layers[::-1] if first else layers:
        part = canvas[:, row : row + 40, col : col + 60]
        part[values != 0] = values[values != 0]
    return canvas


@pytest.mark.parametrize("overlap", ["first", "last", "min", "max"])
def test_scenes_of_a_day_are_one_image(day: Path, overlap: str) -> None:
    """Each pixel has the first (last, lowest, highest) valid value; all days are on the union grid."""
    assert len(open_stack(day).groups) == 2
    stack = open_stack(day, mosaic="same-day", overlap=overlap)
    assert stack.labels == ("2020-01-01T10:00:00", "2020-01-02T10:00:00")
    assert stack.grid == make_grid((48, 100), NORTH_UP, "EPSG:32633")
    pixels = whole(stack[0])
    assert pixels.valid is None
    # The later scene has the higher values.
    assert np.array_equal(pixels.values, expected_mosaic(overlap in ("first", "min")))
    alone = whole(stack[1]).values
    assert np.array_equal(alone[:, :40, :60], ramp(2) + 9000)
    assert not alone[:, 40:].any()
    assert not alone[:, :, 60:].any()
    assert [file.name[0] for file in list_files(stack[0])] == ["A", "B"]


def test_a_roi_across_two_scenes_is_whole(day: Path) -> None:
    """A clip of the mosaic has the pixels of both scenes, as a clip of one file with all of them."""
    stack = open_stack(day, mosaic="same-day")
    path = write_raster(day / "whole.tif", expected_mosaic(True), nodata=0)
    rois = georoi.read_rois({"type": "Polygon", "coordinates": [_ring(30, 5, 95, 40)]}, rois_crs="EPSG:32633")
    made, wanted = georoi.clip(stack[0], rois), georoi.clip(path, rois)
    assert np.array_equal(made.values, wanted.values)
    assert made.dtype == wanted.dtype
    written = georoi.clip_file(stack[0], rois, day / "out.tif")
    assert np.array_equal(whole(open_raster(written.path)).values, wanted.values)


def test_no_part_of_a_mosaic_is_overwritten(day: Path) -> None:
    """A file that a composed raster or a stack reads from is no output, even when told to overwrite."""
    stack = open_stack(day, mosaic="same-day")
    part = day / "B_20200101T100700.tif"
    for source in (stack[0], stack):
        with pytest.raises(UsageError, match="the output is the input"):
            refuse_inputs([part], [source])


def test_bands_are_merged_each_on_its_own(day: Path) -> None:
    """A band has the same pixels whether others are read along or not, and in any order."""
    raster = open_stack(day, mosaic="same-day")[0]
    values = whole(raster).values
    assert np.array_equal(whole(raster.select([2])).values, values[[1]])
    assert np.array_equal(whole(raster.select([2, 1])).values, values[::-1])


def test_scenes_without_nodata_get_a_mask(day: Path) -> None:
    """Where no value means no data in all scenes, a mask tells what no scene covers."""
    for file in day.glob("*.tif"):
        with rasterio.open(file, "r+") as dataset:
            dataset.nodata = None
    raster = open_stack(day, mosaic="same-day")[0]
    assert (raster.mask_kind, raster.nodata) == ("mask", (None, None))
    valid = whole(raster).valid
    assert valid is not None
    assert valid[:, :40, :60].all()
    assert not valid[:, :8, 60:].any()
    assert np.isnan(raster.to_xarray().values[:, 0, 99]).all()


def test_scenes_on_other_lattices_stay_apart(day: Path) -> None:
    """Half a pixel away, or in another CRS, is another lattice: two rasters, and a note."""
    write_raster(
        day / "D_20200101T100300.tif", ramp(2), nodata=0, transform=shifted(0, 0) @ Affine.translation(0.5, 0)
    )
    stack = open_stack(day, mosaic="same-day")
    assert len(stack) == 3
    assert len(stack.groups) == 2
    assert any("2 lattices" in note for note in stack.notes)
    assert refused(day, mosaic="same-day", overlap="mean").id == "E-USE-01"


@given(st.integers(-50, 50), st.integers(-50, 50), st.sampled_from([0.0, 4e-4, 2e-3, 0.5]))
def test_lattice_offsets(row: int, col: int, stray: float) -> None:
    """Grids whole pixels apart are on one lattice, up to a thousandth of a pixel."""
    base = make_grid((7, 9), NORTH_UP, "EPSG:32633")
    other = make_grid((3, 4), shifted(col, row) @ Affine.translation(stray, 0), "EPSG:32633")
    assert lattice_offset(base, other) == ((row, col) if stray < 1e-3 else None)
    assert lattice_offset(base, make_grid((3, 4), shifted(col, row), "EPSG:32634")) is None
    assert lattice_offset(base, make_grid((3, 4), shifted(col, row) @ Affine.scale(2), "EPSG:32633")) is None


def test_real_day_of_two_acquisitions_is_one_image(shared_data: Path) -> None:
    """The two acquisitions of 2015-12-08 are one image of the first one's values; nothing else changes."""
    folder = shared_data / "slovenia_s2_lulc" / "ndvi"
    apart, merged = open_stack(folder), open_stack(folder, mosaic="same-day")
    assert (len(apart), len(merged)) == (68, 67)
    assert len({label[:10] for label in merged.labels}) == 67
    first = apart.sel("2015-12-08", "2015-12-08")[0]
    made = merged.sel("2015-12-08", "2015-12-08")[0]
    assert isinstance(made.composition, Mosaic)
    values = whole(first).values
    assert np.array_equal(whole(made).values[np.isfinite(values)], values[np.isfinite(values)])
    assert sum(raster.composition is not None for raster in merged) == 1


def test_real_scenes_on_the_grid_of_another_raster(shared_data: Path) -> None:
    """Means on the 20 m grid, whose CRS is IGNF's, are those of the 2 x 2 pixels of 10 m under it."""
    folder = shared_data / "romania_s2_series"
    like = folder / "tree_cover_density_2018_romania.tif"
    files = sorted((folder / "scenes").glob("*2018-07-2*.tif"))
    assert refused(files, like=like).id == "E-STK-02"
    stack = open_stack(files, bands=["B04", "B08"], align="average", like=like)
    assert same(stack.grid, open_raster(like).grid)
    for raster, file in zip(stack, files, strict=True):
        assert isinstance(raster.composition, Warped)
        assert any("resampled (average)" in note for note in raster.notes)
        source = whole(open_raster(file, bands=["B04", "B08"])).values
        blocks = np.ma.masked_equal(source, 0).reshape(2, 50, 2, 50, 2)
        means = blocks.mean(axis=(2, 4))
        assert np.abs(whole(raster).values - means.filled(0)).max() <= 0.5
    assert stack.fingerprint != open_stack(files, bands=["B04", "B08"]).fingerprint
    other = open_stack(files, bands=["B04", "B08"], align="nearest", like=like)
    assert stack.fingerprint != other.fingerprint


@pytest.mark.parametrize("method", RESAMPLINGS)
def test_real_neighbours_on_one_grid(shared_data: Path, method: str) -> None:
    """In another CRS: as GDAL's own warper makes it, told the same scale, and whatever the windows are."""
    grid = make_grid((300, 260), (0.0012, 0, -54.66, 0, -0.001, -25.24), "EPSG:4326")
    path = next((shared_data / "iguazu_l8_16bit").glob("*B2_60m.TIF"))
    source = open_raster(path, nodata=0)
    raster = pickle.loads(pickle.dumps(align_raster(source, grid, method)))
    values = whole(raster).values
    scale_x, scale_y = scales(source.grid, grid)
    with (
        rasterio.open(path) as dataset,
        WarpedVRT(
            dataset,
            crs="EPSG:4326",
            transform=grid.affine,
            width=260,
            height=300,
            resampling=Resampling[method],
            src_nodata=0,
            nodata=0,
            tolerance=1e-3,
            XSCALE=1 / scale_x,
            YSCALE=1 / scale_y,
        ) as warped,
    ):
        expected = warped.read()
    assert (values > 0).mean() > 0.3
    assert (values != expected).mean() < 1e-3
    for row0, row1, col0, col1 in ((0, 120, 0, 100), (250, 300, 255, 260), (100, 101, 7, 200)):
        part = read_window(raster, (row0, row1, col0, col1)).values
        assert np.array_equal(part, values[:, row0:row1, col0:col1])


def test_real_neighbours_as_an_array(shared_data: Path) -> None:
    """With a resampling asked for, two scenes on different grids are one array on the first one's grid."""
    files = sorted((shared_data / "iguazu_l8_16bit").glob("LC08*.[tT][iI][fF]"))
    stack = open_stack(files, bands=[1], align="bilinear")
    array = stack.to_xarray()
    assert array.sizes == {"time": 2, "band": 1, "y": 767, "x": 633}
    assert np.array_equal(array[0].values, whole(open_raster(files[0], bands=[1])).values)
    valid = whole(stack[1]).valid
    assert valid is not None
    assert np.array_equal(np.isfinite(array[1].values), valid)


def test_resampling_keeps_off_nodata(tmp_path: Path) -> None:
    """No mean of valid pixels becomes the nodata value, and no invalid pixel counts in a mean."""
    values = np.array([[[1, 1, 3, 3, 9, 9], [3, 3, 9, 9, 9, 9]]], "uint8")
    path = write_raster(tmp_path / "a.tif", values, nodata=2, block=None)
    grid = make_grid((1, 3), NORTH_UP @ Affine.scale(2), "EPSG:32633")
    assert whole(align_raster(open_raster(path), grid, "average")).values.tolist() == [[[3, 6, 9]]]
    invalid = open_raster(path, nodata=9)
    assert whole(align_raster(invalid, grid, "average")).values.tolist() == [[[2, 3, 9]]]


def test_masks_and_nan_are_invalid_when_resampled(tmp_path: Path) -> None:
    """A mask band and NaN take pixels out of the kernels, and out of the result where nothing is left."""
    grid = make_grid((1, 3), NORTH_UP @ Affine.scale(2), "EPSG:32633")
    valid = np.array([[1, 1, 0, 0, 0, 1], [1, 1, 0, 0, 0, 0]], bool)
    values = np.arange(12, dtype="uint8").reshape(1, 2, 6) * 4
    masked = write_raster(tmp_path / "m.tif", values, mask=valid, block=None)
    pixels = whole(align_raster(open_raster(masked), grid, "average"))
    assert pixels.valid is not None
    assert pixels.valid.tolist() == [[[True, False, True]]]
    assert pixels.values.tolist() == [[[14, 0, 20]]]
    floats = np.where(valid, values, np.nan).astype("float32")
    plain = write_raster(tmp_path / "f.tif", floats, block=None)
    pixels = whole(align_raster(open_raster(plain), grid, "average"))
    assert np.array_equal(pixels.values, [[[14, np.nan, 20]]], equal_nan=True)


def test_large_sources_are_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A target whose source would not fit is resampled piece by piece, to the same values."""
    path = write_raster(tmp_path / "a.tif", ramp(1, 400, 400, "uint32"), nodata=0)
    grid = make_grid((10, 10), NORTH_UP @ Affine.scale(40), "EPSG:32633")
    raster = align_raster(open_raster(path), grid, "average")
    expected = ramp(1, 400, 400, "uint32").reshape(1, 10, 40, 10, 40).mean(axis=(2, 4))
    once = whole(raster).values
    assert np.abs(once - expected).max() <= 0.5
    monkeypatch.setattr("georoi.io.raster.warping.SOURCE_BYTES", 20_000)
    assert np.array_equal(whole(raster).values, once)


def test_what_is_not_resampled(tmp_path: Path) -> None:
    """Pixel space, 64-bit integers and unknown methods are refused; the grid itself is left as it is."""
    path = write_raster(tmp_path / "a_20200101.tif", ramp(1))
    raster = open_raster(path)
    grid = make_grid((20, 30), NORTH_UP @ Affine.scale(2), "EPSG:32633")
    assert align_raster(raster, raster.grid, "cubic") is raster
    assert refused(path, align="fast", like=grid).id == "E-USE-01"
    bare = write_raster(tmp_path / "b_20200101.tif", ramp(1), crs=None, transform=None)
    assert refused(bare, raster_crs="pixel", align="nearest", like=grid).id == "E-USE-01"
    wide = write_raster(tmp_path / "c_20200101.tif", ramp(1, dtype="int64"))
    assert refused(wide, align="nearest", like=grid).id == "E-RAS-09"


def test_a_changed_file_is_found(day: Path) -> None:
    """A composed raster refuses to read a part that has changed since it was described."""
    raster = open_stack(day, mosaic="same-day")[0]
    write_raster(day / "B_20200101T100700.tif", ramp(2) + 1, nodata=0, transform=shifted(40, 8))
    with pytest.raises(RasterError) as caught:
        whole(raster)
    assert caught.value.id == "E-RAS-08"


def test_scenes_with_other_scales_are_no_mosaic(day: Path) -> None:
    """Stored values of scenes with other offsets do not compare, so they are not laid side by side."""
    with rasterio.open(day / "B_20200101T100700.tif", "r+") as dataset:
        dataset.offsets = (-1000.0, -1000.0)
    assert refused(day, mosaic="same-day").id == "E-STK-03"


def test_merging_does_not_depend_on_the_order_of_files(day: Path) -> None:
    """Rasters are taken in order of time, whatever order they come in."""
    files = sorted(day.glob("*.tif"))
    there, back = open_stack(files, mosaic="same-day"), open_stack(files[::-1], mosaic="same-day")
    assert there == back
    assert there.fingerprint == back.fingerprint
    merged, notes = merge_days(open_stack(files), "first")
    assert (len(merged), notes) == (2, [])


def _ring(left: float, top: float, right: float, bottom: float) -> list[tuple[float, float]]:
    """Give a rectangle in pixels of the fixture's first scene as a ring in its CRS."""
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    return [NORTH_UP @ corner for corner in corners]


@pytest.fixture
def three(tmp_path: Path) -> list[Path]:
    """Two scenes with bands SCL, B02 and QA, which hold 1, 2 and 3."""
    values = np.broadcast_to(np.array([1, 2, 3], "uint8")[:, None, None], (3, 40, 60))
    return [
        write_raster(tmp_path / f"a_2020010{day}.tif", values, names=("SCL", "B02", "QA")) for day in (1, 2)
    ]


def test_bands_keep_their_numbers_when_resampled_differently(three: list[Path]) -> None:
    """Band 2 of the file is band 2 of the stack and of its clips, whichever bands are resampled together."""
    grid = make_grid((20, 30), NORTH_UP @ Affine.scale(2), "EPSG:32633")
    align = {"SCL": "nearest", "QA": "nearest", "*": "bilinear"}
    stack = open_stack(three, align=align, like=grid)
    assert (stack.bands, stack.band_names) == ((1, 2, 3), ("SCL", "B02", "QA"))
    rois = georoi.ROISet.from_boxes([(500_000, 5_199_600, 500_600, 5_200_000)], crs="EPSG:32633")
    for number in (1, 2, 3):
        assert np.unique(georoi.clip(stack, rois, bands=[number]).values) == number
        assert np.unique(georoi.clip(stack[0], rois, bands=[number]).values) == number
    chosen = open_stack(three, align=align, like=grid, bands=["QA", "B02"])
    assert chosen.bands == (3, 2)
    assert np.unique(georoi.clip(chosen, rois, bands=[3]).values) == 3
    assert whole(chosen[0]).values[:, 0, 0].tolist() == [3, 2]


def test_joined_bands_are_numbered_as_they_are_shown(three: list[Path], tmp_path: Path) -> None:
    """Bands of several files are 1, 2, ... in the order asked for, and each order has its fingerprint."""
    table = tmp_path / "bands.csv"
    rows = [
        f"{file.name},2020-01-0{day},{band}" for day, file in enumerate(three, 1) for band in ("SCL", "QA")
    ]
    table.write_text("\n".join(["path,date,band", *rows]))
    stacks = [open_stack(table, bands=order) for order in (["QA", "SCL"], ["SCL", "QA"])]
    rois = georoi.ROISet.from_boxes([(500_000, 5_199_600, 500_600, 5_200_000)], crs="EPSG:32633")
    for stack, values in zip(stacks, ([3, 1], [1, 3]), strict=True):
        assert stack.bands == (1, 2)
        assert whole(stack[0]).values[:, 0, 0].tolist() == values
        assert np.unique(georoi.clip(stack, rois, bands=[2]).values) == values[1]
        assert whole(stack[0].select([2, 1])).values[:, 0, 0].tolist() == values[::-1]
    assert stacks[0][0].fingerprint != stacks[1][0].fingerprint


def test_bands_that_are_valid_in_different_places_lose_no_pixel_in_a_file(tmp_path: Path) -> None:
    """One mask would take valid pixels out of a band: nodata= is asked for, where it matters."""
    upper = np.zeros((40, 60), bool)
    upper[:20] = True
    write_raster(tmp_path / "B1.tif", ramp(1), mask=upper)
    write_raster(tmp_path / "B2.tif", ramp(1) + 5000)
    table = tmp_path / "bands.csv"
    table.write_text("path,date,band\nB1.tif,2020-01-01,B1\nB2.tif,2020-01-01,B2\n")
    raster = open_stack(table)[0]
    rois = georoi.ROISet.from_boxes([(500_000, 5_199_600, 500_600, 5_200_000)], crs="EPSG:32633")
    for options in ({}, {"each": True}):
        with pytest.raises(RasterError, match="valid in different places") as caught:
            georoi.clip_file(raster, rois, tmp_path / "out", of="GTiff", **options)
        assert (caught.value.id, (tmp_path / "out").exists()) == ("E-RAS-05", False)
    written = georoi.clip_file(raster, rois, tmp_path / "out.tif", nodata=0)
    with rasterio.open(written.path) as made:
        assert [(made.read_masks(band) > 0).sum() for band in (1, 2)] == [1200, 2400]
    above = georoi.ROISet.from_boxes([(500_000, 5_199_800, 500_600, 5_200_000)], crs="EPSG:32633")
    written = georoi.clip_file(raster, above, tmp_path / "above.tif", crop=False)
    with rasterio.open(written.path) as made:
        assert (made.dataset_mask() > 0).sum() == 1200
    same = write_raster(tmp_path / "three_20200101.tif", ramp(3), mask=upper)
    georoi.clip_file(open_raster(same), rois, tmp_path / "same.tif")
