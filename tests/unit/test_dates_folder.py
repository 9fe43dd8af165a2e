"""Clips of a stack in files: one per date, with an index, whole or not at all."""

import csv

import numpy as np
import pytest
import rasterio

import georoi
from georoi.errors import OutputExistsError, UsageError


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
