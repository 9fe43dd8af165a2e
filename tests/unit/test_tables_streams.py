"""Tables written batch by batch: the bytes do not depend on the batches, and memory is bounded."""

from __future__ import annotations

import json
import tracemalloc
from itertools import pairwise

import geopandas
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from georoi.crs.parsing import parse_crs
from georoi.errors import OutputError, OutputExistsError
from georoi.io.table.parquet import ROWS
from georoi.io.table.streams import Points, TableStream
from tests.tables import geo_of


def pixels(start: int, stop: int) -> dict[str, object]:
    n = np.arange(start, stop)
    return {
        "roi_id": np.array([f"r{i // 1000}" for i in n], dtype=object),
        "x": n * 10.0,
        "y": -n * 10.0,
        "B04": n.astype("uint16"),
        "weight": np.where(n % 3 == 0, np.nan, n / 7),
        "date": np.datetime64("2024-01-01") + (n % 5).astype("timedelta64[D]"),
    }


def write(path, steps, **options):
    with TableStream(path, **options) as stream:
        for start, stop in pairwise(steps):
            stream.append(pixels(start, stop))
        return stream.commit()


def test_the_bytes_do_not_depend_on_the_batches(tmp_path):
    """Row groups are cut by rows, wherever batches end."""
    total = ROWS + 20_000
    one = write(tmp_path / "a.parquet", [0, total])
    many = write(tmp_path / "b.parquet", [0, 1, 50_000, 50_000, 140_000, total])
    assert (one.sha256, one.rows) == (many.sha256, total)
    file = pq.ParquetFile(tmp_path / "a.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [ROWS, 20_000]
    back = pq.read_table(tmp_path / "b.parquet")
    assert back.column("B04").to_pylist()[-1] == (total - 1) % 65536
    assert back.column("weight").null_count == len(range(0, total, 3))
    assert back.schema.field("date").type == pa.date32()


def test_points_make_geoparquet(tmp_path):
    """x and y become WKB points that geopandas reads, with their CRS."""
    points = Points(crs=parse_crs("EPSG:32633"))
    write(tmp_path / "a.parquet", [0, 10, 25], points=points, metadata={"a": 1})
    frame = geopandas.read_parquet(tmp_path / "a.parquet")
    assert frame.crs == "EPSG:32633"
    assert frame.geometry.x.tolist() == frame["x"].tolist()
    assert frame.geometry.y.tolist() == frame["y"].tolist()
    geo = geo_of(tmp_path / "a.parquet")
    assert (geo["version"], geo["columns"]["geometry"]["geometry_types"]) == ("1.1.0", ["Point"])
    assert json.loads(pq.read_metadata(tmp_path / "a.parquet").metadata[b"georoi"]) == {"a": 1}


def test_points_need_their_coordinates(tmp_path):
    """Missing columns, missing values, and formats that hold no points are refused."""
    with pytest.raises(OutputError), TableStream(tmp_path / "a.csv", points=Points()):
        pass
    for batch in ({"x": np.arange(2.0)}, {"x": np.arange(2.0), "y": np.array([1, np.nan])}):
        with pytest.raises(OutputError), TableStream(tmp_path / "a.parquet", points=Points()) as stream:  # noqa: PT012
            stream.append(batch)
            stream.commit()
    assert list(tmp_path.iterdir()) == []


def test_csv_and_ndjson_are_streamed_too(tmp_path):
    """With their header once, and provenance beside them."""
    written = write(tmp_path / "a.csv", [0, 3, 5], metadata={"a": 1})
    frame = pd.read_csv(tmp_path / "a.csv")
    assert frame["x"].tolist() == [0.0, 10.0, 20.0, 30.0, 40.0]
    assert json.loads(written.sidecar.read_text())["sha256"] == written.sha256
    write(tmp_path / "a.ndjson", [0, 3, 5])
    lines = (tmp_path / "a.ndjson").read_text().splitlines()
    assert json.loads(lines[3]) == {
        "roi_id": "r0", "x": 30.0, "y": -30.0, "B04": 3, "weight": None, "date": "2024-01-04"
    }  # fmt: skip


@pytest.mark.parametrize("ending", ["parquet", "csv", "ndjson"])
def test_a_stream_without_rows_has_its_columns(tmp_path, ending):
    """Where a schema tells them."""
    schema = pa.schema([("roi_id", pa.string()), ("x", pa.float64()), ("y", pa.float64())])
    points = Points() if ending == "parquet" else None
    with TableStream(tmp_path / f"a.{ending}", schema=schema, points=points) as stream:
        assert stream.commit().rows == 0
    if ending == "parquet":
        assert geopandas.read_parquet(tmp_path / "a.parquet").columns.tolist() == [
            "roi_id",
            "x",
            "y",
            "geometry",
        ]
    else:
        assert (tmp_path / f"a.{ending}").read_text() == ("roi_id,x,y\n" if ending == "csv" else "")


def test_batches_in_another_order_or_width_are_fitted(tmp_path):
    """Arrow and numpy alike; what would lose values, and other columns, are refused."""
    with TableStream(tmp_path / "a.parquet") as stream:
        stream.append({"a": np.arange(2), "b": np.array(["x", "y"])})
        stream.append(pa.record_batch({"b": ["z"], "a": pa.array([7], pa.int8())}))
        stream.append(pa.table({"a": [8], "b": ["w"]}))
        stream.commit()
    assert pq.read_table(tmp_path / "a.parquet").to_pydict() == {"a": [0, 1, 7, 8], "b": ["x", "y", "z", "w"]}
    for batch in ({"a": [0.5], "b": ["x"]}, {"a": [1]}, {"a": [1], "b": ["x"], "c": [1]}):
        with pytest.raises(OutputError) as caught, TableStream(tmp_path / "b.parquet") as stream:  # noqa: PT012
            stream.append({"a": np.arange(2), "b": np.array(["x", "y"])})
            stream.append(batch)
        assert caught.value.id == "E-OUT-04"


def test_a_stream_refuses_before_work(tmp_path):
    """Existing outputs and formats that are not written in batches."""
    (tmp_path / "a.csv").write_text("mine")
    with pytest.raises(OutputExistsError):
        TableStream(tmp_path / "a.csv")
    with pytest.raises(OutputError) as caught:
        TableStream(tmp_path / "a.gpkg")
    assert caught.value.id == "E-OUT-04"


def test_memory_of_a_stream_is_bounded(tmp_path):
    """Eight row groups take no more than two or three do."""

    def peak(groups: int) -> int:
        batch = {"a": np.arange(ROWS // 8, dtype="float64"), "b": np.arange(ROWS // 8)}
        before = pa.default_memory_pool().bytes_allocated()
        tracemalloc.start()
        most = 0
        with TableStream(tmp_path / "a.parquet", overwrite=True) as stream:
            for _ in range(8 * groups):
                stream.append(batch)
                most = max(most, pa.default_memory_pool().bytes_allocated() - before)
            stream.commit()
        most += tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(1)
    assert peak(24) < 1.5 * peak(3)
