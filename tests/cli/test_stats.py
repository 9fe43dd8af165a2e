"""`georoi stats`: tables on stdout and in files, options, exit codes."""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio

import georoi
from georoi.demo import Demo
from tests.cli.conftest import Run


def test_a_table_goes_to_stdout_as_csv(run: Run, demo: Demo) -> None:
    """Without -o the rows are those of the verb; whatever else is said goes to stderr."""
    result = run(
        "stats", demo.latest, "--rois", demo.rois, "-b", "B04", "-s", "mean", "--stat", "p9=quantile(q=0.9)"
    )

    assert result.exit_code == 0
    table = pd.read_csv(io.StringIO(result.stdout))
    expected = georoi.zonal_stats(demo.latest, demo.rois, "mean, p9=quantile(q=0.9)", bands="B04")
    np.testing.assert_array_equal(table["mean"], expected["mean"])
    np.testing.assert_array_equal(table["p9"], expected["p9"])
    assert table["status"].tolist() == expected["status"].tolist()


@pytest.mark.parametrize("name", ["s.parquet", "s.gpkg", "s.fgb", "s.geojson"])
def test_a_table_goes_to_a_file(run: Run, demo: Demo, name: str) -> None:
    """Every format holds the rows, with their geometry."""
    result = run("stats", demo.latest, "--rois", demo.rois, "-b", "B04", "-o", name)

    assert result.exit_code == 0
    assert result.stdout == ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read = gpd.read_parquet(name) if name.endswith("parquet") else gpd.read_file(name)
    expected = georoi.zonal_stats(demo.latest, demo.rois, bands="B04").reset_index()
    by_id = read.reset_index().set_index("roi_id")["mean"].astype(float)  # FlatGeobuf sorts by place
    np.testing.assert_allclose(by_id[expected["roi_id"]], expected["mean"], rtol=1e-12)
    assert len(read) == len(expected)
    assert not read.geometry.isna().any()


def test_json_is_one_object(run: Run, demo: Demo) -> None:
    """--json gives rows on stdout, or what was written; NaN never appears."""
    rows = json.loads(run("stats", demo.latest, "--rois", demo.rois, "-b", "B04", "--json").stdout)
    assert rows["schema"] == "georoi.stats/1"
    assert rows["rows"] == len(rows["table"])
    assert {"mean", "area", "area_valid", "status"} <= set(rows["table"][0])
    written = json.loads(
        run("stats", demo.latest, "--rois", demo.rois, "-b", "B04", "-o", "a.csv", "--json").stdout
    )
    assert written["outputs"][0]["path"].endswith("a.csv")


def test_dates_make_a_long_table(run: Run, demo: Demo) -> None:
    """Several rasters are dates; a rule masks each by its own bands."""
    folder = Path(demo.latest).parent
    scenes = sorted(folder.glob("*.tif"))
    result = run("stats", *scenes, "--rois", demo.rois, "-b", "NDVI", "-s", "mean", "-o", "l.parquet")

    assert result.exit_code == 0
    table = pd.read_parquet("l.parquet")
    assert table["date"].nunique() == len(scenes)
    assert set(table["stat"]) == {"mean"}
    assert set(table["band"]) == {"NDVI"}


def test_exit_codes(run: Run, demo: Demo, tmp_path: Path) -> None:
    """2 for a wrong command line, 3 for data that cannot be used, 5 for an output that exists."""
    base = ("stats", demo.latest, "--rois", demo.rois)
    unknown = run(*base, "-s", "meen")
    assert unknown.exit_code == 2
    assert "did you mean mean" in unknown.stderr
    assert run(*base, "-b", "B99").exit_code == 3
    assert run("stats", "nowhere.tif", "--rois", demo.rois).exit_code == 3
    assert run(*base, "--mask-raster", demo.latest).exit_code == 2
    assert run(*base, "-o", "table.docx").exit_code == 2
    Path("there.csv").write_text("x")
    assert run(*base, "-o", "there.csv").exit_code == 5
    assert Path("there.csv").read_text() == "x"


def test_an_input_is_never_written_over(run: Run, demo: Demo) -> None:
    """The ROI file as output is refused, with --overwrite too."""
    before = Path(demo.rois).read_bytes()
    result = run("stats", demo.latest, "--rois", demo.rois, "-o", demo.rois, "--overwrite")
    assert result.exit_code == 2
    assert Path(demo.rois).read_bytes() == before


def test_a_corrupt_block_costs_its_rois_only(run: Run, tmp_path: Path) -> None:
    """By default it ends the run with exit code 3; with --on-error skip its ROIs say so, exit code 4."""
    path = tmp_path / "scene.tif"
    profile = {"driver": "GTiff", "height": 1024, "width": 1024, "count": 1, "dtype": "uint16"}
    layout = {"tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate"}
    transform = rasterio.Affine(10, 0, 500_000, 0, -10, 5_000_000)
    values = np.random.default_rng(1).integers(1, 4000, (1024, 1024)).astype("uint16")
    with rasterio.open(path, "w", **profile, **layout, crs="EPSG:32633", transform=transform) as target:
        target.write(values, 1)
    with rasterio.open(path) as source:
        offset = int(source.get_tag_item("BLOCK_OFFSET_1_0", "TIFF", bidx=1))
    data = bytearray(path.read_bytes())
    data[offset + 100 : offset + 400] = b"\x00" * 300
    path.write_bytes(data)
    boxes = [
        (500_100, 4_997_000, 502_000, 4_999_000),
        (506_000, 4_997_000, 508_000, 4_999_000),
        (504_000, 4_997_000, 508_000, 4_999_000),
    ]
    georoi.ROISet.from_boxes(boxes, crs="EPSG:32633", ids=["a", "b", "c"]).gdf.to_file(tmp_path / "r.gpkg")

    assert run("stats", path, "--rois", tmp_path / "r.gpkg").exit_code == 3
    result = run("stats", path, "--rois", tmp_path / "r.gpkg", "--on-error", "skip", "-o", "s.csv")
    assert result.exit_code == 4
    table = pd.read_csv("s.csv")
    assert table["status"].tolist() == ["ok", "failed", "failed"]
    assert table["reason"][1:].str.len().gt(0).all()
    assert table["mean"][0] == pytest.approx(values[100:300, 10:200].mean(), rel=1e-12)
    assert table["mean"][1:].isna().all()


def test_a_geopackage_opens_styled(run: Run, demo: Demo) -> None:
    """The layer is there for any reader, and its style for QGIS."""
    run("stats", demo.latest, "--rois", demo.rois, "-b", "B04", "-o", "s.gpkg")
    assert [name for name, _ in pyogrio.list_layers("s.gpkg")] == ["s", "layer_styles"]


def test_the_library_writes_tables_too(demo: Demo, tmp_path: Path) -> None:
    """`georoi.write` puts a table where its name says, with what it was made from."""
    table = georoi.zonal_stats(demo.latest, demo.rois, "mean", bands="B04")
    written = georoi.write(table, tmp_path / "s.parquet")
    assert written.rows == len(table)
    again = gpd.read_parquet(tmp_path / "s.parquet")
    np.testing.assert_array_equal(again["mean"], table["mean"])
    beside = georoi.write(table, tmp_path / "s.csv").sidecar
    told = json.loads(beside.read_text())
    assert "georoi" in json.dumps(told)
    assert georoi.read_rois(demo.rois).fingerprint in json.dumps(told)
    with pytest.raises(georoi.UsageError, match="co="):
        georoi.write(table, tmp_path / "s.gpkg", co={"COMPRESS": "ZSTD"})
