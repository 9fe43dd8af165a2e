"""Clips of a stack in files: one per date, with an index, whole or not at all."""

import csv

import numpy as np
import pytest
import rasterio

import georoi
from georoi.errors import OutputExistsError, UsageError
from tests.builders import UTM, ramp, write_raster


@pytest.fixture
def stack(shared_data):
    """Three of the Slovenian scenes."""
    return georoi.open_stack(shared_data / "slovenia_s2_lulc" / "scenes", bands=["B04", "B08"])[:3]


@pytest.fixture
def rois(shared_data):
    """The land-use polygons."""
    return georoi.read_rois(shared_data / "slovenia_s2_lulc" / "roi" / "LULC.gpkg")


def test_one_file_per_date(stack, rois, tmp_path):
    """Each file is the clip of its raster, and the index names it by its date."""
    written = georoi.clip_file(stack, rois, tmp_path / "out", nodata=0)
    with (tmp_path / "out" / "index.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["date"] for row in rows] == list(stack.labels)
    assert [row["sha256"] for row in rows] == [file.sha256 for file in written]
    for raster, row in zip(stack, rows, strict=True):
        with rasterio.open(tmp_path / "out" / row["file"]) as made:
            np.testing.assert_array_equal(made.read(), georoi.clip(raster, rois, nodata=0).values)


def test_a_folder_is_replaced_only_if_it_is_ours(stack, rois, tmp_path):
    """An existing folder is refused; with overwrite it is replaced, unless something else lies in it."""
    georoi.clip_file(stack, rois, tmp_path / "out", nodata=0)
    with pytest.raises(OutputExistsError):
        georoi.clip_file(stack, rois, tmp_path / "out", nodata=0)
    georoi.clip_file(stack[:2], rois, tmp_path / "out", nodata=0, overwrite=True)
    assert len(list((tmp_path / "out").glob("*.tif"))) == 2
    (tmp_path / "out" / "mine.txt").write_text("keep me")
    with pytest.raises(OutputExistsError):
        georoi.clip_file(stack, rois, tmp_path / "out", nodata=0, overwrite=True)


def test_what_is_about_one_raster_is_refused(stack, rois, tmp_path):
    """One file per ROI and date at once, weights, and names of files have no meaning here."""
    for options in ({"each": True}, {"weights_out": tmp_path / "w.tif"}):
        with pytest.raises(UsageError, match="a stack is given"):
            georoi.clip_file(stack, rois, tmp_path / "out", **options)
    with pytest.raises(UsageError, match="named like a file"):
        georoi.clip_file(stack, rois, tmp_path / "out.tif")


def test_a_folder_opens_as_the_stack_that_it_is_of(tmp_path):
    """Labels and order come back: of days, moments, fractions, far years, and acquisitions of one moment."""
    dates = ["1985-07-17", "1850-01-01", "2018-07-21T10:02:12.5", "2018-07-21T10:02:12"]
    dates += ["2018-07-21T12:00:00"] * 11
    for number in range(len(dates)):
        write_raster(tmp_path / f"{number:02}.tif", ramp(rows=4, cols=4) + number)
    stack = georoi.open_stack([tmp_path / f"{number:02}.tif" for number in range(len(dates))], dates=dates)
    box = georoi.ROISet.from_boxes([(500_000, 5_199_960, 500_040, 5_200_000)], crs=UTM)
    georoi.clip_file(stack, box, tmp_path / "out", nodata=0)
    again = georoi.open_stack(tmp_path / "out")
    assert again.labels == stack.labels
    np.testing.assert_array_equal(again.to_xarray().values, stack.to_xarray().values)
    names = sorted(path.name for path in (tmp_path / "out").glob("*.tif"))
    assert names[:4] == ["18500101.tif", "19850717.tif", "20180721T100212.500000.tif", "20180721T100212.tif"]
    assert names[4:6] == ["20180721T120000.tif", "20180721T120000_02.tif"]


def test_pictures_say_their_dates_by_name(tmp_path):
    """A format without metadata still opens as the same dates."""
    for number in range(3):
        write_raster(tmp_path / f"{number}.tif", ramp(rows=4, cols=4, dtype="uint8"))
    files = [tmp_path / f"{number}.tif" for number in range(3)]
    stack = georoi.open_stack(files, dates=["1985-07-17", "2018-07-21T10:02:12", "2018-07-21T10:02:12"])
    box = georoi.ROISet.from_boxes([(500_000, 5_199_960, 500_040, 5_200_000)], crs=UTM)
    georoi.clip_file(stack, box, tmp_path / "out", of="PNG")
    for file in (tmp_path / "out").glob("*.aux.xml"):
        file.unlink()
    assert georoi.open_stack(tmp_path / "out").labels == stack.labels


def test_plain_images_are_clipped_in_pixels(tmp_path):
    """Images without georeference go with ROIs in pixels, as an array and in files, with masks."""
    for number in range(2):
        values = ramp(1, 10, 10, "uint8") + number
        write_raster(tmp_path / f"2020010{number + 1}.png", values, crs=None, transform=None, driver="PNG")
    stack = georoi.open_stack([tmp_path / f"2020010{day}.png" for day in (1, 2)])
    boxes = georoi.ROISet.from_pixel_boxes([(0, 0, 5, 4)])
    expected = georoi.clip(stack, boxes)
    written = georoi.clip_file(stack, boxes, tmp_path / "out", nodata=0)
    for file, one in zip(written, expected, strict=True):
        np.testing.assert_array_equal(georoi.open_raster(file.path).to_xarray().values, one.values)
    georoi.clip_file(stack, boxes, tmp_path / "kept", mask=(stack, "band(1) > 2"), nodata=0)
    kept = georoi.open_stack(tmp_path / "kept")
    assert [int((raster.to_xarray().values > 0).sum()) for raster in kept] == [18, 19]
