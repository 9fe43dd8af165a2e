"""Every pixel of every ROI as a row, against rasterio and exactextract, in memory and in files."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import dask.array as da
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
import xarray as xr
from exactextract import exact_extract
from rasterio.features import geometry_mask

from georoi.api.extraction import extract, extract_file, prepare_extraction
from georoi.api.reading import open_raster
from georoi.api.stacks import open_stack
from georoi.errors import CRSError, MemoryBudgetError, OutputError, OutputExistsError, UsageError
from georoi.zonal import extraction
from georoi.zonal.rows import Work
from tests.builders import UTM, ramp, write_raster

SQUARE = shapely.box(500_015.0, 5_199_905.0, 500_045.0, 5_199_955.0)
"""Columns 1.5 to 4.5, rows 4.5 to 9.5 of the synthetic raster."""
BLOB = shapely.Point(500_300.0, 5_199_800.0).buffer(95.0)


def rois(*geometries: shapely.Geometry, **columns: list[object]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=list(geometries), crs=UTM)


@pytest.fixture
def raster(tmp_path: Path) -> Path:
    """Two bands of 40 x 60 pixels, in blocks of 16."""
    return write_raster(tmp_path / "ramp.tif", ramp(2), names=("red", "nir"), nodata=0)


def test_center_gives_the_pixels_of_a_rasterio_mask(raster: Path) -> None:
    """Under the centre rule rows, columns and values are those of rasterio's mask, ROI by ROI, row-major."""
    shapes = rois(SQUARE, BLOB)

    frame = extract(raster, shapes, boundary="center")

    with rasterio.open(raster) as dataset:
        values = dataset.read()
        for number, shape in enumerate(shapes.geometry):
            mine = frame[frame.roi_id == number]
            inside = ~geometry_mask([shape], dataset.shape, dataset.transform)
            rows, cols = np.nonzero(inside)
            assert mine.row.tolist() == rows.tolist()
            assert mine.col.tolist() == cols.tolist()
            assert mine.red.tolist() == values[0][inside].tolist()
            assert mine.nir.tolist() == values[1][inside].tolist()
            x, y = dataset.xy(rows, cols)
            np.testing.assert_allclose(mine[["x", "y"]], np.column_stack([x, y]), rtol=1e-15)
    assert set(frame.weight) == {1.0}
    assert frame.red.dtype == np.uint16


def test_fraction_gives_the_cells_of_exactextract(raster: Path) -> None:
    """By fraction pixels, centres, values and covered shares are those of exactextract."""
    shapes = rois(SQUARE, BLOB, shapely.Point(500_000.0, 5_200_000.0).buffer(33.0))
    frame = extract(raster, shapes, bands=["red"])

    operations = ["cell_id", "coverage", "center_x", "center_y", "values"]
    with rasterio.open(raster) as dataset:
        oracle = exact_extract(dataset, shapes, operations, output="pandas", include_cols=None)
    for number in range(len(shapes)):
        mine = frame[frame.roi_id == number]
        theirs = {name: oracle[f"band_1_{name}"][number] for name in operations}
        order = np.argsort(theirs["cell_id"])
        assert (mine.row * 60 + mine.col).tolist() == theirs["cell_id"][order].tolist()
        np.testing.assert_allclose(mine.weight, theirs["coverage"][order], atol=1e-6)  # theirs are float32
        np.testing.assert_allclose(mine.x, theirs["center_x"][order], rtol=1e-14)
        np.testing.assert_allclose(mine.y, theirs["center_y"][order], rtol=1e-14)
        assert mine.red.tolist() == theirs["values"][order].tolist()


def test_weights_add_up_to_the_area(raster: Path) -> None:
    """The covered shares of a ROI inside the raster add up to its area."""
    frame = extract(raster, rois(BLOB), bands=1)

    assert frame.weight.sum() * 100 == pytest.approx(BLOB.area, rel=1e-9)


def test_columns_come_in_a_stated_order(raster: Path) -> None:
    """Ids, attributes, place, weight, bands; attributes and bands that clash get another name, and a note."""
    shapes = rois(SQUARE, name=["a"], row=["r"], size=[2.5])

    frame = extract(raster, shapes, include=["name", "row"])

    assert list(frame.columns) == [
        *("roi_id", "name", "row_input", "row", "col", "x", "y", "weight", "red", "nir")
    ]
    assert set(frame.name) == {"a"}
    assert frame.attrs["notes"] == ["the attribute row stands as row_input"]


def test_a_missing_attribute_is_refused(raster: Path) -> None:
    """Asking for an attribute that is not there names those that are."""
    with pytest.raises(UsageError, match="no attribute colour") as caught:
        extract(raster, rois(SQUARE, name=["a"]), include="colour")

    assert caught.value.found["attributes"] == "name"


def test_overlapping_rois_have_their_own_rows(raster: Path) -> None:
    """A pixel in two ROIs has two rows, with the ids of both."""
    frame = extract(raster, rois(SQUARE, SQUARE, roi_id=["a", "b"]), bands=1)
    first, second = frame[frame.roi_id == "a"], frame[frame.roi_id == "b"]

    assert len(first) == len(second) == 24
    assert first.red.tolist() == second.red.tolist()


def holed(path: Path) -> Path:
    """Floats with nodata at row 5 column 2, NaN at row 6 column 3 and infinity at row 7 column 4."""
    values = ramp(2, dtype="float32")
    values[0, 5, 2], values[0, 6, 3], values[1, 7, 4] = -9999, np.nan, np.inf
    return write_raster(path, values, names=("red", "nir"), nodata=-9999)


def test_invalid_pixels_have_no_row(tmp_path: Path) -> None:
    """A pixel that no band holds has no row; one that some bands hold has a row with nulls."""
    path = holed(tmp_path / "holes.tif")

    one = extract(path, rois(SQUARE), bands=["red"])
    both = extract(path, rois(SQUARE))

    assert len(one) == 22
    assert not one.red.isna().any()
    assert len(both) == 24
    assert both[both.red.isna()][["row", "col"]].values.tolist() == [[5, 2], [6, 3]]


def test_keep_invalid_tells_the_state(tmp_path: Path) -> None:
    """With keep_invalid all pixels have a row, a null where there is no value, and a state per band."""
    path = holed(tmp_path / "holes.tif")

    frame = extract(path, rois(SQUARE), keep_invalid=True).set_index(["row", "col"])

    assert len(frame) == 24
    assert frame.red_state[5, 2] == "nodata"
    assert frame.red_state[6, 3] == "nonfinite"
    assert frame.nir_state[7, 4] == "nonfinite"
    assert np.isnan(frame.nir[7, 4])
    assert frame.red_state.value_counts()["valid"] == 22
    assert "state" in extract(path, rois(SQUARE), bands=1, keep_invalid=True)


def test_a_mask_takes_pixels_out(tmp_path: Path) -> None:
    """A rule on a band takes pixels out, and keep_invalid calls them masked."""
    values = ramp(2)
    values[1] = 4
    values[1, 5] = 9
    path = write_raster(tmp_path / "scl.tif", values, names=("red", "SCL"))

    kept = extract(path, rois(SQUARE), bands=["red"], boundary="center", mask="SCL in {4, 5}")
    every = extract(path, rois(SQUARE), bands=["red"], mask="SCL in {4, 5}", keep_invalid=True)

    assert 5 not in set(kept.row)
    assert set(every[every.row == 5].state) == {"masked"}
    assert set(every[every.row != 5].state) == {"valid"}


def test_scale_and_offset_are_applied(tmp_path: Path) -> None:
    """Values are scaled in float64 unless told otherwise; then they are as stored."""
    path = write_raster(tmp_path / "scaled.tif", ramp(), scales=[0.1], offsets=[-5.0])

    scaled = extract(path, rois(SQUARE), bands=1)
    stored = extract(path, rois(SQUARE), bands=1, scaled=False)

    assert stored["1"].dtype == np.uint16
    assert scaled["1"].tolist() == (stored["1"].to_numpy(np.float64) * 0.1 - 5.0).tolist()


def test_64_bit_integers_keep_all_digits(tmp_path: Path) -> None:
    """Large whole numbers do not pass through floats, even where a null stands beside them."""
    values = np.full((1, 40, 60), 2**60 + 1, np.int64)
    values[0, 5, 2] = -1
    path = write_raster(tmp_path / "long.tif", values, nodata=-1)

    frame = extract(path, rois(SQUARE), keep_invalid=True)

    assert frame["1"].max() == 2**60 + 1
    assert frame["1"].isna().sum() == 1


def test_an_index_is_a_column(raster: Path) -> None:
    """An index is computed pixel by pixel, in float64."""
    frame = extract(raster, rois(SQUARE), bands=["red", "nir", "NDVI"])
    red, nir = frame.red.to_numpy(np.float64), frame.nir.to_numpy(np.float64)

    np.testing.assert_allclose(frame.NDVI, (nir - red) / (nir + red), rtol=1e-15)


def test_dates_come_last_within_a_pixel(tmp_path: Path) -> None:
    """Of a stack each pixel has a row per date, in order of time."""
    paths = [
        write_raster(tmp_path / f"S_2020010{day}.tif", ramp() + np.uint16(day), nodata=0) for day in (1, 2, 3)
    ]

    frame = extract(open_stack(paths), rois(SQUARE))

    assert len(frame) == 72
    assert frame.date.head(3).dt.day.tolist() == [1, 2, 3]
    assert frame.head(3)["1"].diff().tail(2).tolist() == [1, 1]
    assert frame.groupby(["row", "col"], sort=False).size().eq(3).all()


def test_order_is_tile_roi_row_column(tmp_path: Path) -> None:
    """Across tiles rows come by tile; within a tile by ROI, row, column; so on any number of threads."""
    path = write_raster(tmp_path / "wide.tif", ramp(1, 600, 700, "float32"), block=128)
    shapes = rois(
        shapely.box(505_000, 5_194_800, 505_300, 5_195_100),
        shapely.box(504_900, 5_194_700, 505_300, 5_195_000),
    )

    frame = extract(path, shapes, workers=1)

    tile = frame.row // 512 * 10 + frame.col // 512
    keys = pd.MultiIndex.from_arrays([tile, frame.roi_id, frame.row, frame.col])
    assert tile.nunique() > 1
    assert keys.is_monotonic_increasing
    assert keys.is_unique
    pd.testing.assert_frame_equal(frame, extract(path, shapes, workers=3))


def test_cells_within_a_tile_are_sorted_together(tmp_path: Path) -> None:
    """Where blocks are larger than canonical cells, a tile is still listed by ROI, row and column."""
    path = write_raster(tmp_path / "large.tif", ramp(1, 1024, 1024, "float32"), block=1024)
    shape = shapely.box(505_000, 5_194_700, 505_300, 5_195_000)

    frame = extract(path, rois(shape), boundary="center")

    assert len(frame) == 900
    assert (frame.row * 1024 + frame.col).is_monotonic_increasing


def test_parts_of_tiles_give_the_same_rows(
    tmp_path: Path, raster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where tiles are cut into rows of blocks, each block is read once, and no row is lost."""
    whole = extract(raster, rois(BLOB, SQUARE))
    seen: list[tuple[int, ...]] = []
    read = extraction.read_layers

    def watched(scene, window, reads, reader, **options):
        seen.extend(reads)
        return read(scene, window, reads, reader, **options)

    monkeypatch.setattr(extraction, "PART_BYTES", 1)
    monkeypatch.setattr(extraction, "read_layers", watched)
    cut = extract(raster, rois(BLOB, SQUARE), workers=1)

    order = ["roi_id", "row", "col"]
    assert len(seen) == len(set(seen)) > 1
    assert all(window[1] - window[0] <= 16 for window in seen)
    pd.testing.assert_frame_equal(
        whole.sort_values(order, ignore_index=True), cut.sort_values(order, ignore_index=True)
    )


@pytest.mark.parametrize("lazy", [False, True])
def test_arrays_give_what_files_give(raster: Path, lazy: bool) -> None:
    """A DataArray, dask or not, gives the rows of its file."""
    array = open_raster(raster).to_xarray()
    array = array.chunk({"band": 1, "y": 7, "x": 30}) if lazy else array.compute()
    shapes = rois(SQUARE, BLOB)

    pd.testing.assert_frame_equal(extract(array, shapes), extract(raster, shapes))


def test_chunks_that_no_roi_meets_are_not_computed() -> None:
    """Of a dask array only what ROIs meet is computed, each chunk once."""
    asked = []

    def block(block_info=None):
        asked.append(block_info[None]["chunk-location"])
        return np.ones((512, 512), "float32")

    data = da.map_blocks(block, chunks=((512, 512), (512, 512)), dtype="float32", meta=np.empty((0, 0), "f4"))
    array = xr.DataArray(data, dims=("y", "x"), name="ones")
    array = array.assign_coords(x=500_005 + 10.0 * np.arange(1024), y=5_199_995 - 10.0 * np.arange(1024))
    array.attrs["crs"] = UTM

    frame = extract(array, rois(SQUARE, BLOB))

    assert len(frame) > 24
    assert asked == [(0, 0)]


def test_a_table_beyond_the_bound_is_refused_before_reading(raster: Path) -> None:
    """The estimate alone refuses what is too large, and names the way out."""
    with pytest.raises(MemoryBudgetError, match="E-MEM-01") as caught:
        extract(raster, rois(BLOB), max_memory=1000)

    assert "extract_file" in str(caught.value.hint)
    assert "rows" in caught.value.found["table"]


def test_an_estimate_too_low_does_not_fill_the_memory(raster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows that come are counted, too."""
    monkeypatch.setattr(extraction.PixelExtraction, "estimate_rows", lambda self: 0)

    with pytest.raises(MemoryBudgetError, match="E-MEM-01") as caught:
        extract(raster, rois(BLOB), max_memory=1000)

    assert "rows so far" in caught.value.found["table"]


def test_a_mask_of_another_file(raster: Path, tmp_path: Path) -> None:
    """mask= may take its bands from another raster on the same grid; the provenance says the rule."""
    clouds = np.zeros((1, 40, 60), "uint8")
    clouds[0, 5] = 1
    path = write_raster(tmp_path / "clouds.tif", clouds, names=("cloud",))

    frame = extract(raster, rois(SQUARE), mask=(path, "cloud == 0"), boundary="center")

    assert 5 not in set(frame.row)
    assert len(frame) > 0
    assert "cloud" in frame.attrs["georoi"]["options"]["mask"]


def test_the_estimate_is_close(raster: Path) -> None:
    """The dry run's number of rows is at most some boundary pixels off, and never above the raster's."""
    shapes = rois(BLOB, shapely.box(499_000, 5_100_000, 600_000, 5_300_000))
    work = prepare_extraction(raster, shapes, boundary="center")
    rows = sum(table.num_rows for table in work.batches(Work()))

    assert rows == pytest.approx(work.estimate_rows(), rel=0.02)
    assert rows > 2400


def test_a_roi_without_a_row_is_named(raster: Path) -> None:
    """A ROI that holds no pixel's centre, or lies outside, is told in the notes."""
    shapes = rois(
        shapely.box(500_001, 5_199_991, 500_003, 5_199_993), SQUARE, SQUARE, roi_id=["tiny", "in", "off"]
    )
    shapes.loc[2, "geometry"] = shapely.box(400_000, 5_199_000, 400_010, 5_199_100)

    frame = extract(raster, shapes, boundary="center")

    assert set(frame.roi_id) == {"in"}
    [note] = frame.attrs["notes"]
    assert "2 ROIs without a row" in note
    assert "tiny, off" in note


def test_no_overlap_is_an_error(raster: Path) -> None:
    """ROIs elsewhere are an error that names both sides."""
    with pytest.raises(CRSError, match="E-CRS-02"):
        extract(raster, rois(shapely.box(0, 0, 10, 10)))


def test_options_for_points_are_refused(raster: Path) -> None:
    """method= means nothing for polygons, and says so."""
    with pytest.raises(UsageError, match="method= means nothing"):
        extract(raster, rois(SQUARE), method="bilinear")


@pytest.mark.parametrize("suffix", ["parquet", "csv", "ndjson"])
def test_files_hold_what_extract_gives(raster: Path, tmp_path: Path, suffix: str) -> None:
    """A file in any format holds the same rows in the same order."""
    shapes = rois(SQUARE, BLOB, roi_id=["a", "b"])
    path = tmp_path / f"rows.{suffix}"

    written = extract_file(raster, shapes, path)

    expected = extract(raster, shapes)
    read = {
        "parquet": lambda: gpd.read_parquet(path),
        "csv": lambda: pd.read_csv(path),
        "ndjson": lambda: pd.read_json(path, lines=True, precise_float=True),
    }[suffix]()
    assert written.rows == len(expected) == len(read)
    for name in expected.columns:
        np.testing.assert_array_equal(read[name], expected[name])


def test_parquet_has_points_and_provenance(raster: Path, tmp_path: Path) -> None:
    """GeoParquet holds the centres as points in the raster's CRS, and what it was made from."""
    import pyarrow.parquet as pq

    path = tmp_path / "rows.parquet"
    extract_file(raster, rois(SQUARE), path, boundary="center")

    frame = gpd.read_parquet(path)
    told = json.loads(pq.read_schema(path).metadata[b"georoi"])
    assert frame.crs == UTM
    assert frame.geometry.x.tolist() == frame.x.tolist()
    assert told["options"]["boundary"] == "center"
    assert told["rasters"][0]["name"] == "ramp.tif"
    assert told["rois"]["count"] == 1


def test_the_bytes_are_the_same_on_any_number_of_threads(tmp_path: Path) -> None:
    """One thread and four write the same file."""
    path = write_raster(tmp_path / "wide.tif", ramp(1, 1100, 600, "float32"), block=64)
    shapes = rois(
        shapely.Point(503_000, 5_194_800).buffer(1500), shapely.Point(502_000, 5_195_500).buffer(900)
    )

    written = [extract_file(path, shapes, tmp_path / f"{n}.parquet", workers=n) for n in (1, 4)]

    assert written[0].sha256 == written[1].sha256


def test_an_existing_file_and_the_input_are_safe(raster: Path, tmp_path: Path) -> None:
    """Nothing is replaced unasked; an input is never the output; a format that is not streamed is refused."""
    path = tmp_path / "rows.csv"
    path.write_text("precious")

    with pytest.raises(OutputExistsError):
        extract_file(raster, rois(SQUARE), path)
    with pytest.raises(UsageError, match="the output is the input"):
        extract_file(raster, rois(SQUARE), raster, of="csv", overwrite=True)
    with pytest.raises(OutputError, match="E-OUT-04"):
        extract_file(raster, rois(SQUARE), tmp_path / "rows.gpkg")
    assert path.read_text() == "precious"


def test_a_failure_leaves_no_file(raster: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read that fails in the middle leaves nothing behind."""

    def fail(*_, **__):
        raise OSError("the disk is gone")

    monkeypatch.setattr(extraction, "read_layers", fail)
    with pytest.raises(OSError, match="the disk is gone"):
        extract_file(raster, rois(SQUARE), tmp_path / "rows.csv", workers=1)

    assert [path.name for path in tmp_path.iterdir()] == [raster.name]


def test_an_empty_result_has_its_columns(tmp_path: Path) -> None:
    """Where no pixel is valid the table has columns and no row, in memory and on disk."""
    path = write_raster(tmp_path / "void.tif", np.zeros((1, 40, 60), "uint8"), nodata=0)

    frame = extract(path, rois(SQUARE))
    written = extract_file(path, rois(SQUARE), tmp_path / "void.parquet")

    assert list(frame.columns) == ["roi_id", "row", "col", "x", "y", "weight", "1"]
    assert len(frame) == written.rows == 0
    assert len(gpd.read_parquet(written.path)) == 0


def test_pixel_space(tmp_path: Path) -> None:
    """In pixel space x and y are pixels, and the table has no CRS."""
    from georoi.values.rois import ROISet

    path = write_raster(tmp_path / "photo.tif", ramp(), crs=None, transform=None)

    frame = extract(path, ROISet.from_pixel_boxes([(2, 3, 2, 1)], ids=["box"]))

    assert frame[["row", "col", "x", "y"]].values.tolist() == [[3, 2, 2.5, 3.5], [3, 3, 3.5, 3.5]]


@pytest.mark.parametrize("name", ["LULC.gpkg", "LULC_wgs84.geojson", "LULC_laea3035.shp"])
def test_slovenia_agrees_with_exactextract(shared_data: Path, name: str) -> None:
    """On 88 real polygons, in three CRS, cells, shares and values are those of exactextract."""
    folder = shared_data / "slovenia_s2_lulc"
    scene = sorted((folder / "scenes").glob("*.tif"))[0]
    shapes = gpd.read_file(folder / "roi" / name)
    frame = extract(scene, folder / "roi" / name, bands=["B08"])

    with rasterio.open(scene) as dataset:
        band = dataset.read(dataset.descriptions.index("B08") + 1)
    oracle = exact_extract(scene, shapes.to_crs(32633), ["cell_id", "coverage"], output="pandas")
    mine = frame.set_index(["roi_id", frame.row * 100 + frame.col]).weight
    theirs = pd.Series(
        np.concatenate(oracle["band_1_coverage"].to_list()),
        pd.MultiIndex.from_arrays(
            [
                np.repeat(np.arange(len(oracle)), oracle["band_1_cell_id"].str.len()),
                np.concatenate(oracle["band_1_cell_id"].to_list()),
            ]
        ),
    )
    both = pd.concat([mine, theirs], axis=1, join="outer").fillna(0)
    tolerance = 1e-5 if name == "LULC.gpkg" else 2e-3  # edges are followed, vertices alone moved by theirs
    np.testing.assert_allclose(both.iloc[:, 0], both.iloc[:, 1], atol=tolerance)
    assert frame.B08.tolist() == band[frame.row, frame.col].tolist()


def test_slovenia_dates_agree_with_other_tools(shared_data: Path) -> None:
    """Of 11 real dates, sums of rows give the counts and means that exactextract has, ROI by ROI."""
    folder = shared_data / "slovenia_s2_lulc"
    expected = pd.read_csv(folder / "expected" / "ndvi_zonal_2015.csv")
    stack = open_stack(folder / "ndvi", start="2015", stop="2015")

    frame = extract(stack, folder / "roi" / "LULC.gpkg")

    frame["date"] = frame.date.dt.strftime("%Y%m%dT%H%M%S")
    frame["product"] = frame.weight * frame.iloc[:, 6].astype("float64")
    found = frame.groupby(["date", "roi_id"])[["weight", "product"]].sum()
    theirs = expected[expected.ee_count > 0].set_index(["date", "pid"])
    assert frame.date.nunique() == 11
    assert sorted(found.index) == sorted(theirs.index)
    found = found.loc[theirs.index]
    np.testing.assert_allclose(found.weight, theirs.ee_count, rtol=1e-6)
    np.testing.assert_allclose(found["product"] / found.weight, theirs.ee_mean, rtol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_writes_the_same_file(raster: Path, tmp_path: Path) -> None:
    """Workers of a cluster give the bytes that threads give, for ROIs and for points."""
    distributed = pytest.importorskip("distributed")
    shapes = rois(SQUARE, BLOB)
    points = gpd.GeoSeries([SQUARE.centroid, BLOB.centroid], crs=UTM)
    alone = [extract_file(raster, places, tmp_path / f"{n}.csv") for n, places in enumerate([shapes, points])]
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None, protocol="tcp"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        together = [
            extract_file(raster, places, tmp_path / f"{n}b.csv", scheduler=client)
            for n, places in enumerate([shapes, points])
        ]
    assert [one.sha256 for one in together] == [one.sha256 for one in alone]


def test_tasks_can_be_sent(raster: Path) -> None:
    """What a worker needs is small and can be pickled."""
    work = prepare_extraction(raster, rois(SQUARE, BLOB))

    [part] = work._parts()
    sent = pickle.loads(pickle.dumps((work._extractor, part)))

    assert len(pickle.dumps((work._extractor, part))) < 50_000
    assert len(sent[0](sent[1]).entries.row) == work._extractor(part).entries.row.size > 300
