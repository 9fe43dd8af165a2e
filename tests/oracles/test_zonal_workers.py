"""One table, bit for bit: on any number of threads, on worker processes, and when one of these is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import geopandas as gpd
import numpy as np
import pytest
import shapely

from georoi.api.stacks import open_stack
from georoi.api.zonal import zonal_stats
from tests.builders import UTM, write_raster
from tests.zonaloracle import digest

pytestmark = pytest.mark.filterwarnings("ignore")  # distributed's own, on loopback

SHAPE = (1100, 1600)
STATS = (
    "count, n_pixels, sum, mean, std, min, max, median, q95, mode, nunique, hist(bins=[0, 200, 400, 1000])"
)


def make_fields(count: int = 40) -> gpd.GeoDataFrame:
    """Polygons all over the scene, some across cells, some beyond its border."""
    rng = np.random.default_rng(11)
    x, y = rng.uniform(-0.02, 1.02, (2, count))
    spots = shapely.points(500_000 + 10 * SHAPE[1] * x, 5_200_000 - 10 * SHAPE[0] * y)
    radii = 10 * rng.uniform(3, 300, count)
    return gpd.GeoDataFrame({"field": range(count)}, geometry=shapely.buffer(spots, radii), crs=UTM)


@pytest.fixture(scope="module")
def fields() -> gpd.GeoDataFrame:
    """Forty ROIs."""
    return make_fields()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two dates of two bands as floats with holes, and one band of integers, in blocks of 512."""
    folder = tmp_path_factory.mktemp("scenes")
    rng = np.random.default_rng(12)
    for day in ("2020-05-01", "2020-06-01"):
        values = rng.normal(300, 90, (2, *SHAPE)).astype("float32")
        values[rng.random(values.shape) < 0.03] = -9999
        values[rng.random(values.shape) < 0.01] = np.nan
        write_raster(folder / f"float_{day}.tif", values, block=512, nodata=-9999)
    counts = rng.integers(0, 1000, (1, *SHAPE)).astype("uint16")
    write_raster(folder / "counts.tif", counts, block=512, nodata=0)
    return folder


@pytest.fixture(scope="module", params=["integers", "floats", "stack"])
def source(request: pytest.FixtureRequest, folder: Path) -> Any:
    """A raster of integers, one of floats, or a stack of two dates."""
    if request.param == "stack":
        return open_stack(folder, pattern="float_%Y-%m-%d.tif")
    return folder / {"integers": "counts.tif", "floats": "float_2020-05-01.tif"}[request.param]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two worker processes with one thread each, on loopback."""
    distributed = pytest.importorskip("distributed")
    with (
        dask.config.set({"distributed.worker.memory.terminate": False}),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            host="127.0.0.1",
            protocol="tcp",
        ) as made,
    ):
        yield made


@pytest.fixture(scope="module")
def client(cluster: Any) -> Iterator[Any]:
    """A client that is not the current one, so that it works where it is asked to."""
    import distributed

    with distributed.Client(cluster, set_as_default=False) as made:
        yield made


def bits(source: Any, rois: Any, **options: Any) -> bytes:
    """Give the bits of a whole table."""
    table = zonal_stats(source, rois, STATS, **options)
    return digest(table)


def test_threads_and_worker_processes_give_the_same_bits(
    source: Any, fields: gpd.GeoDataFrame, client: Any
) -> None:
    """One, two and four threads, and two processes: every number of every row."""
    expected = bits(source, fields, workers=1)
    for workers in (2, 4):
        assert bits(source, fields, workers=workers) == expected
    assert bits(source, fields, scheduler=client) == expected


def test_an_array_in_chunks_on_worker_processes_gives_the_same_bits(
    folder: Path, fields: gpd.GeoDataFrame, client: Any
) -> None:
    """Dask in odd chunks, computed on two processes, against one thread on the file."""
    import rioxarray

    path = folder / "float_2020-05-01.tif"
    expected = zonal_stats(path, fields, STATS, workers=1)
    lazy = rioxarray.open_rasterio(path, chunks={"band": 1, "y": 333, "x": 517})
    found = zonal_stats(lazy, fields, STATS, scheduler=client)
    assert digest(found) == digest(expected)


def test_rois_in_any_order_and_in_parts_have_the_same_rows(source: Any, fields: gpd.GeoDataFrame) -> None:
    """A permutation of the ROIs permutes the rows; half of the ROIs give half of the rows."""
    rows = zonal_stats(source, fields, STATS, long=True).assign(roi_id=lambda t: t["roi_id"].astype(int))
    order = np.random.default_rng(1).permutation(len(fields))
    kept = order[: len(fields) // 2]
    for chosen in (order, kept):
        found = zonal_stats(source, fields.iloc[chosen], STATS, long=True)
        found["roi_id"] = chosen[found["roi_id"].astype(int)]  # ids are places in what was given
        found = found.sort_values("roi_id", kind="stable")
        assert digest(found) == digest(rows[rows["roi_id"].isin(chosen)])


def test_a_worker_killed_in_the_middle_changes_nothing(folder: Path, fields: gpd.GeoDataFrame) -> None:
    """One of two processes dies while tiles are in flight: the table is whole, and the same to the bit."""
    distributed = pytest.importorskip("distributed")
    path = folder / "float_2020-06-01.tif"
    expected = zonal_stats(path, fields, STATS, workers=1)
    killed: list[int] = []
    with (
        dask.config.set({"distributed.worker.memory.terminate": False}),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            host="127.0.0.1",
            protocol="tcp",
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):

        def kill_one(done: int, total: int, message: str) -> None:
            assert total > 10
            if done >= 2 and not killed:
                pid = next(iter(client.run(os.getpid).values()))
                killed.append(pid)
                os.kill(pid, signal.SIGKILL)

        found = zonal_stats(path, fields, STATS, scheduler=client, progress=kill_one)
    assert len(killed) == 1
    assert digest(found) == digest(expected)
