"""One file per ROI: one pass over the raster for all of them, and the same files as clips one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely

import georoi
from georoi.clipping import sharing, tiles
from georoi.clipping.files import FileJob
from georoi.clipping.options import ClipOptions, lay_out
from georoi.clipping.writing import OutputOptions
from georoi.values.raster import Raster
from tests.builders import NORTH_UP, UTM, ramp, write_raster


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of files need not reach the disk."""
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list:
    """The windows that are read from files from now on."""
    seen: list = []
    read = tiles.read_window

    def remember(raster: Raster, window: tuple):
        seen.append(window)
        return read(raster, window)

    monkeypatch.setattr(tiles, "read_window", remember)
    return seen


def place(*geometry: shapely.Geometry) -> georoi.ROISet:
    """ROIs from outlines in pixels."""
    a, _, c, _, e, f = NORTH_UP[:6]
    moved = shapely.transform(np.array(geometry), lambda xy: xy * [a, e] + [c, f])
    return georoi.ROISet.from_geometries(moved, crs=UTM)


def circles(count: int, rows: int, cols: int, radius: float, seed: int = 1) -> georoi.ROISet:
    """Circles anywhere, also across the border."""
    random = np.random.default_rng(seed)
    centres = shapely.points(random.uniform(0, [cols, rows], size=(count, 2)))
    return place(*shapely.buffer(centres, random.uniform(0.5, radius, count)))


def scene(folder: Path, **more: object) -> Path:
    """A raster of 3 x 4 blocks of 256 pixels, some of them cut."""
    return write_raster(folder / "scene.tif", ramp(2, 600, 900), block=256, **more)


def test_400_rois_in_one_block_are_read_once(tmp_path, reads):
    path = write_raster(tmp_path / "scene.tif", ramp(1, 512, 512), block=512)
    raster, options = georoi.open_raster(path), ClipOptions.parse()
    rois = lay_out(raster.header, circles(400, 512, 512, 6))
    (work,) = sharing.arrange_passes(raster.header, rois, options, 2).shared
    job = FileJob.make(raster, options, OutputOptions(), "GTiff")
    clipper = sharing.SharedClipper(job.clipper)
    made = [clipper(task) for task in sharing.shared_tasks(raster.header, rois, options, work, {})]
    assert sorted(number for number, _ in made[0]) == list(range(400))
    assert len(made) == len(reads) == 1


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"boundary": "fraction", "pad": 3},
        {"feather": 5},
        {"crop": "blocks"},
        {"apply_mask": False},
        {"invert": True, "crop": True},
        {"crop": False},
    ],
)
@pytest.mark.parametrize("mask", [False, True])
def test_one_pass_writes_what_clips_one_by_one_do(tmp_path, monkeypatch, reads, options, mask):
    """The bytes are those of passes for one ROI each, and no block is read twice."""
    path = scene(tmp_path, nodata=None if mask else 0)
    if mask:
        with rasterio.open(path, "r+") as dataset:
            dataset.write_mask(np.arange(600 * 900).reshape(600, 900) % 7 > 0)
    rois = circles(6, 600, 900, 150)
    together = georoi.clip_file(path, rois, tmp_path / "together", each=True, **options)
    blocks = [
        (row, col)
        for row0, row1, col0, col1 in reads
        for row in range(row0 // 256, -(-row1 // 256))
        for col in range(col0 // 256, -(-col1 // 256))
    ]
    assert len(set(blocks)) == len(blocks)
    monkeypatch.setattr(sharing, "LARGE", -1)
    alone = georoi.clip_file(path, rois, tmp_path / "alone", each=True, **options)
    assert [file.sha256 for file in together] == [file.sha256 for file in alone]
    index = [(tmp_path / name / "index.csv").read_text() for name in ("together", "alone")]
    assert index[0] == index[1]


def test_images_that_are_begun_stay_within_the_bound(tmp_path, monkeypatch):
    """With little memory there are more passes, each of which keeps to it, and every ROI is in just one."""
    header = georoi.open_raster(scene(tmp_path)).header
    options = ClipOptions.parse()
    rois = lay_out(header, circles(60, 600, 900, 40))
    assert len(sharing.arrange_passes(header, rois, options, 4)) == 1
    monkeypatch.setattr(sharing, "OPEN", 60_000)
    monkeypatch.setattr(sharing, "LARGE", 20_000)
    passes = sharing.arrange_passes(header, rois, options, 4)
    assert len(passes.shared) > 1
    assert len(passes.large) > 1
    numbers = np.concatenate([*(work.rois for work in passes.shared), passes.large])
    assert sorted(numbers.tolist()) == list(range(60))
    for work in passes.shared:
        sizes = {}
        for number in work.rois.tolist():
            row0, row1, col0, col1 = options.plan(header, rois.take(number)).window
            sizes[number] = (row1 - row0) * (col1 - col0) * 4
        for tile in np.unique(work.tile):
            spans = {n: work.tile[work.roi == n] for n in sizes}
            assert sum(sizes[n] for n, span in spans.items() if span.min() <= tile <= span.max()) <= 60_000


def test_an_image_of_nothing_is_written_all_the_same(tmp_path):
    """Inverted and cropped, a ROI that fills its blocks leaves no pixel: its file is there, empty."""
    path = scene(tmp_path, nodata=0)
    rois = place(shapely.box(256, 256, 512, 512), shapely.box(10, 10, 20, 30))
    first, _ = georoi.clip_file(path, rois, tmp_path / "each", each=True, invert=True, crop=True)
    with rasterio.open(first.path) as dataset:
        assert dataset.shape == (256, 256)
        assert not dataset.read().any()


@pytest.mark.parametrize("name", ["out.tif", "out.TIFF", "out.zarr", "out.png"])
def test_a_folder_that_would_be_named_like_a_file_is_refused(tmp_path, name):
    """E-USE-01 before anything is written; a folder that is called so already may be filled."""
    path, rois = scene(tmp_path, nodata=0), circles(2, 600, 900, 40)
    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / name
    with pytest.raises(georoi.UsageError) as caught:
        georoi.clip_file(path, rois, target, each=True)
    assert caught.value.id == "E-USE-01"
    assert "name a folder, such as out" in str(caught.value.hint)
    assert list(target.parent.iterdir()) == []
    target.mkdir()
    assert len(georoi.clip_file(path, rois, target, each=True)) == 2


def test_what_clip_each_gives_is_written_as_it_is(tmp_path, reads):
    """The files are those of clip_file(each=True), by the same rules, from a path and from an array."""
    path, rois = scene(tmp_path, nodata=0), circles(4, 600, 900, 40)
    expected = georoi.clip_file(path, rois, tmp_path / "one", each=True, pad=2)
    images = georoi.clip_each(path, rois, pad=2)
    reads.clear()
    written = georoi.write(images, tmp_path / "two")
    assert len(set(reads)) == len(reads) > 0
    assert [(file.path.name, file.sha256) for file in written] == [(f.path.name, f.sha256) for f in expected]
    assert (tmp_path / "two" / "_SUCCESS").exists()
    array = georoi.open_raster(path).to_xarray()
    assert len(georoi.write(georoi.clip_each(array, rois), tmp_path / "three", of="COG")) == 4
    with pytest.raises(georoi.OutputExistsError):
        georoi.write(images, tmp_path / "two")
    georoi.write(images, tmp_path / "two", overwrite=True)
    with pytest.raises(georoi.UsageError, match="named like a file"):
        georoi.write(images, tmp_path / "all.tif")
    with pytest.raises(georoi.UsageError, match="a dict is several images") as caught:
        georoi.write(dict(images), tmp_path / "four")
    assert "one by one" in str(caught.value.hint)
