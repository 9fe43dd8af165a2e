"""Jobs within a task on a dask worker, which must not wait for other tasks there; and who computes arrays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr

import georoi
from georoi.engine import lazy
from georoi.engine.cluster import in_task
from georoi.errors import UsageError
from tests.builders import NORTH_UP, UTM, ramp, write_raster

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("ignore")  # of tornado and asyncio, and odc-geo's matrices

X, Y = NORTH_UP.c, NORTH_UP.f
ROIS = georoi.ROISet.from_boxes([(X + 30, Y - 200, X + 370, Y - 50)], crs=UTM)


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """A cluster of one worker with one thread, in this process."""
    with (
        dask.config.set({"distributed.worker.memory.terminate": False}),
        distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            processes=False,
            dashboard_address=None,
            protocol="tcp",
            host="127.0.0.1",
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def scene(tmp_path) -> str:
    return str(write_raster(tmp_path / "scene.tif", ramp(1), nodata=0))


def array(scene: str) -> xr.DataArray:
    """The scene as a dask array of several chunks."""
    return georoi.clip(scene, ROIS, crop=False, apply_mask=False, chunks=16)


def test_a_clip_within_a_task_ends(client, scene):
    expected = georoi.clip(scene, ROIS, compute=True).values
    clipped = client.submit(lambda: georoi.clip(scene, ROIS, compute=True).values).result(timeout=30)
    assert np.array_equal(clipped, expected)


@pytest.mark.parametrize("kind", ["file", "array"])
def test_a_clip_to_a_file_within_a_task_ends(client, scene, tmp_path, kind):
    source = scene if kind == "file" else array(scene)

    def task() -> tuple[bool, int]:
        given = distributed.get_client() if kind == "file" else None
        return in_task(), georoi.clip_file(source, ROIS, tmp_path / "out.tif", scheduler=given).bytes

    inside, size = client.submit(task).result(timeout=30)
    assert inside
    assert not in_task()
    assert size == (tmp_path / "out.tif").stat().st_size


def test_an_array_is_computed_by_whom_one_says(client, scene, tmp_path, monkeypatch):
    """Threads if workers= is given, the given client, else whatever dask would take."""
    chosen: list[dict[str, Any]] = []
    compute = dask.base.compute

    def remember(*arrays: Any, **options: Any) -> Any:
        chosen.append(options)
        return compute(*arrays, **options)

    monkeypatch.setattr(dask.base, "compute", remember)
    for name, options, expected in (
        ("a.tif", {"workers": 2}, {"scheduler": "threads", "num_workers": 2}),
        ("b.tif", {"scheduler": client}, {"scheduler": client}),
        ("c.tif", {}, {}),
    ):
        chosen.clear()
        georoi.clip_file(array(scene), ROIS, tmp_path / name, **options)
        assert chosen
        assert all(options == expected for options in chosen)
    assert lazy.compute_now(da.ones(3), workers=1)[0].sum() == 3


@pytest.mark.parametrize("options", [{"workers": 0}, {"workers": "2"}, {"workers": 1.5}, {"scheduler": 5}])
def test_who_cannot_work_is_refused(scene, tmp_path, options):
    for source in (scene, array(scene)):
        with pytest.raises(UsageError) as caught:
            georoi.clip_file(source, ROIS, tmp_path / "out.tif", **options)
        assert caught.value.id == "E-USE-01"


@pytest.mark.parametrize("name", ["w.png", "w", "w.zarr"])
def test_weights_under_the_name_of_another_format_are_refused(scene, tmp_path: Path, name):
    with pytest.raises(UsageError, match="GeoTIFF"):
        georoi.clip_file(scene, ROIS, tmp_path / "out.tif", boundary="fraction", weights_out=tmp_path / name)
    assert not (tmp_path / "out.tif").exists()
