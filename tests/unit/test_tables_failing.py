"""Tables appear whole or not at all: injected failures of the system, the disk and the libraries."""

from __future__ import annotations

import errno
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import shapely

from georoi.errors import OutputError, OutputExistsError
from georoi.io.table.streams import TableStream
from georoi.io.table.tables import write_table

ROOT = Path(__file__).resolve().parents[2]
ALL = ("parquet", "gpkg", "fgb", "csv", "geojson", "geojsonl")


def frame(count: int = 40) -> geopandas.GeoDataFrame:
    x = np.arange(count) * 10.0 + 5e5
    name = [f"parcel {random.Random(i).random()}" for i in range(count)]
    return geopandas.GeoDataFrame(
        {"name": name, "mean": x / 7}, geometry=shapely.box(x, 0, x + 5, 5), crs=32633
    )


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("ending", ALL)
def test_a_full_disk_is_an_error_and_leaves_nothing(small_disk, ending):
    """A real file system without room, whether GDAL's scratch or the output fills it."""
    with pytest.raises(OutputError) as caught:
        write_table(frame(90_000 if ending == "parquet" else 30_000), small_disk / f"a.{ending}")
    assert caught.value.id == "E-OUT-03"
    assert names(small_disk) == []


@pytest.mark.parametrize("ending", ["gpkg", "fgb"])
@pytest.mark.parametrize("count", [1_500, 2_500, 4_000, 6_000])
def test_a_disk_that_fills_late_leaves_all_or_nothing(small_disk, ending, count):
    """Room for scratch but not for the copy, or for a part of either."""
    try:
        written = write_table(frame(count), small_disk / f"a.{ending}")
    except OutputError as error:
        assert error.id == "E-OUT-03"  # noqa: PT017
        assert names(small_disk) == []
    else:
        assert names(small_disk) == [f"a.{ending}"]
        assert len(geopandas.read_file(written.path, layer="a" if ending == "gpkg" else None)) == count


@pytest.mark.parametrize("ending", ALL)
def test_a_file_size_limit_is_an_error_and_leaves_nothing(tmp_path, ending):
    """RLIMIT_FSIZE stops a real write in the middle."""
    table = frame(5_000)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(OutputError) as caught:
            write_table(table, tmp_path / f"a.{ending}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.id == "E-OUT-03"
    assert names(tmp_path) == []


@pytest.mark.parametrize("ending", ["parquet", "csv", "gpkg"])
@pytest.mark.parametrize("call", ["write", "fsync", "link"])
def test_every_failing_call_is_an_error_and_leaves_nothing(tmp_path, monkeypatch, ending, call):
    """Whichever call of Python fails, at whichever time; a sidecar alone is never left."""
    table, real, refused = frame(200), getattr(os, call), 0
    for failing in range(1, 12):
        calls = 0

        def fail(*arguments: object, **options: object) -> object:
            nonlocal calls
            calls += 1
            if calls == failing:  # noqa: B023
                raise OSError(errno.ENOSPC, "no space left")
            return real(*arguments, **options)

        monkeypatch.setattr(os, call, fail)
        try:
            write_table(table, tmp_path / f"a.{ending}", metadata={"a": 1})
        except OutputError as error:
            refused += 1
            assert error.id == "E-OUT-03"  # noqa: PT017
            assert f"a.{ending}.georoi.json" not in names(tmp_path)
            if names(tmp_path):  # the table was whole when its sidecar failed
                assert names(tmp_path) == ["a.csv"]
                assert len(pd.read_csv(tmp_path / "a.csv")) == 200
        finally:
            monkeypatch.undo()
        for path in tmp_path.iterdir():
            path.unlink()
        if calls < failing:
            break
    assert refused > 0


@pytest.mark.parametrize("ending", ALL)
def test_an_existing_table_is_kept_unless_told(tmp_path, ending):
    """E-OUT-01 and exit code 5; with overwrite it is replaced, and a failure keeps the old one."""
    path = tmp_path / f"a.{ending}"
    path.write_bytes(b"old")
    with pytest.raises(OutputExistsError) as caught:
        write_table(frame(), path)
    assert (caught.value.id, caught.value.exit_code) == ("E-OUT-01", 5)
    with pytest.raises(OutputError):
        write_table(frame().iloc[:, [0, 0, 1, 2]], path, overwrite=True)
    assert path.read_bytes() == b"old"
    write_table(frame(), path, overwrite=True)
    assert path.read_bytes() != b"old"
    assert names(tmp_path) == [path.name]


def test_a_read_only_folder_is_found_before_work(tmp_path, monkeypatch):
    """E-OUT-02, whether access() tells, or the first file fails."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(OutputError) as caught:
        write_table(frame(), tmp_path / "a.parquet")
    assert caught.value.id == "E-OUT-02"


def test_a_symbolic_link_is_refused_and_its_target_kept(tmp_path):
    """Of the table and of its sidecar."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "a.csv").symlink_to(victim)
    (tmp_path / "b.csv.georoi.json").symlink_to(victim)
    for name in ("a.csv", "b.csv"):
        with pytest.raises(OutputError):
            write_table(frame(), tmp_path / name, overwrite=True, metadata={"a": 1})
    assert victim.read_bytes() == b"precious"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("x")])
def test_an_interrupted_stream_leaves_nothing(tmp_path, error):
    """Whatever ends the context without a commit, also when row groups were written already."""
    batch = {"a": np.arange(300_000)}
    with pytest.raises(type(error)), TableStream(tmp_path / "a.parquet") as stream:  # noqa: PT012
        stream.append(batch)
        raise error
    assert names(tmp_path) == []


def test_a_stream_on_a_full_disk_is_an_error_and_leaves_nothing(small_disk):
    """The row groups fill the disk while they come."""
    random_ = np.random.default_rng(1)
    with pytest.raises(OutputError) as caught, TableStream(small_disk / "a.parquet") as stream:  # noqa: PT012
        for _ in range(10):
            stream.append({"a": random_.random(100_000)})
        stream.commit()
    assert caught.value.id == "E-OUT-03"
    assert names(small_disk) == []


def test_arrow_errors_are_translated(tmp_path):
    """A batch that does not fit is E-OUT-04."""
    with pytest.raises(OutputError) as caught, TableStream(tmp_path / "a.parquet") as stream:  # noqa: PT012
        stream.append({"a": np.arange(3)})
        stream.append({"a": pa.array(["x"])})
    assert caught.value.id == "E-OUT-04"
    assert names(tmp_path) == []


KILLED = """
import sys
from pathlib import Path
from tests.unit.test_tables_failing import frame
from georoi.io.table.tables import write_table
table = frame(20_000)
print("ready", flush=True)
while True:
    for ending in ("parquet", "gpkg", "fgb", "geojsonl"):
        write_table(table, Path(sys.argv[1]) / f"a.{ending}", overwrite=True)
"""


def test_a_killed_writer_leaves_whole_files_only(tmp_path):
    """SIGKILL at random times: what is seen is byte for byte what a finished writer makes."""
    whole = {}
    (tmp_path / "whole").mkdir()
    for ending in ("parquet", "gpkg", "fgb", "geojsonl"):
        write_table(frame(20_000), tmp_path / "whole" / f"a.{ending}")
        whole[f"a.{ending}"] = (tmp_path / "whole" / f"a.{ending}").read_bytes()
    (tmp_path / "out").mkdir()
    for seed in range(2):
        child = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path / "out")], cwd=ROOT, stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(random.Random(seed).uniform(0.05, 1.2))
        child.kill()
        child.wait()
        child.stdout.close()
        for path in (tmp_path / "out").glob("a.*"):
            assert path.read_bytes() == whole[path.name]
