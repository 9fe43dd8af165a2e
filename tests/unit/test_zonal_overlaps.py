"""Statistics of ROIs that overlap: each on its own, by priority, by equal shares, or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely
from affine import Affine
from numpy.typing import NDArray

import georoi
from georoi.api.zonal import run_zonal, zonal_stats
from georoi.errors import ROIError, UsageError
from georoi.grid import make_grid
from georoi.planning.alignment import align
from georoi.planning.overlap import overlaps
from georoi.values.rois import ROISet
from tests.builders import NORTH_UP, UTM, ramp, write_raster

STATS = "count, n_pixels, sum, mean, std, min, max, median"
PARTS = ("area_outside", "area_nodata", "area_nonfinite", "area_masked", "area_valid", "area_ceded")


@pytest.fixture(scope="module")
def raster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ramp over 40 x 60 pixels of 10 m, with nodata in some."""
    values = ramp()
    values[0, 5:9, 12:17] = 0
    return write_raster(tmp_path_factory.mktemp("overlaps") / "ramp.tif", values, nodata=0)


def boxes(*corners: tuple[float, float, float, float], **columns: Any) -> geopandas.GeoDataFrame:
    """Boxes given in pixels, with attributes."""
    geometry = [
        shapely.transform(
            shapely.box(*corner), lambda xy: xy * [NORTH_UP.a, NORTH_UP.e] + [NORTH_UP.c, NORTH_UP.f]
        )
        for corner in corners
    ]
    return geopandas.GeoDataFrame(columns, geometry=geometry, crs=UTM)


@pytest.fixture
def three() -> geopandas.GeoDataFrame:
    """Three boxes that overlap each other, one of them over the edge of the raster."""
    return boxes(
        (2.25, 3.5, 20.75, 18.25),
        (10.5, 8.75, 33, 30.5),
        (15.25, -5, 50, 12.25),
        rank=[1, 3, 2],
        name=["a", "b", "c"],
    )


def shares(frame: geopandas.GeoDataFrame, order: list[int] | None = None) -> NDArray[np.float64]:
    """Shares of all pixels on a lattice of quarters, which the boxes lie on: by order, or split."""
    step = (np.arange(4) + 0.5) / 4
    rows = (np.arange(40)[:, None] + step).reshape(-1)
    cols = (np.arange(60)[:, None] + step).reshape(-1)
    x, y = np.meshgrid(NORTH_UP.c + NORTH_UP.a * cols, NORTH_UP.f + NORTH_UP.e * rows)
    inside = np.array([shapely.contains_xy(polygon, x, y) for polygon in frame.geometry], dtype=float)
    if order is None:
        kept = inside / np.maximum(inside.sum(axis=0), 1)
    else:
        kept, free = np.zeros_like(inside), np.ones_like(x)
        for i in order:
            kept[i] = inside[i] * free
            free = free * (1 - inside[i])
    return kept.reshape(len(frame), 40, 4, 60, 4).mean(axis=(2, 4))


@pytest.mark.parametrize(
    ("choice", "order"),
    [
        ({"overlap": "split"}, None),
        ({"overlap": "priority", "priority": "rank"}, [1, 2, 0]),
        ({"overlap": "priority", "priority": "-rank"}, [0, 2, 1]),
        ({"overlap": "priority", "priority": "name"}, [2, 1, 0]),
        ({"overlap": "priority", "priority": "-name"}, [0, 1, 2]),
    ],
)
def test_pixels_count_by_what_is_left_of_them(
    raster: Path, three: geopandas.GeoDataFrame, choice: dict[str, str], order: list[int] | None
):
    """Counts, sums, means, deviations and extremes are those of shares summed pixel by pixel with numpy."""
    values = ramp()[0].astype(float)
    values[5:9, 12:17] = np.nan
    found = zonal_stats(raster, three, STATS, **choice)
    whole = zonal_stats(raster, three, STATS)
    for i, share in enumerate(shares(three, order)):
        w, x = share[(share > 0) & np.isfinite(values)], values[(share > 0) & np.isfinite(values)]
        row, mean = found.iloc[i], np.average(x, weights=w)
        assert row["count"] == pytest.approx(w.sum(), rel=1e-12)
        assert row["sum"] == pytest.approx((w * x).sum(), rel=1e-12)
        assert row["mean"] == pytest.approx(mean, rel=1e-12)
        assert row["std"] == pytest.approx(np.sqrt(np.average((x - mean) ** 2, weights=w)), rel=1e-10)
        assert (row["min"], row["max"], row["n_pixels"]) == (x.min(), x.max(), len(x))
        ordered = np.argsort(x)
        half = np.searchsorted(np.cumsum(w[ordered]), w.sum() / 2 * (1 - 1e-12))
        assert row["median"] == x[ordered][half]
        assert sum(row[part] for part in PARTS) == pytest.approx(row["area"], rel=1e-12)
        assert row["area"] == whole["area"].iloc[i]
        assert row["n_effective"] == pytest.approx(row["count"], rel=1e-12)


@pytest.mark.parametrize("boundary", ["fraction", "center"])
@pytest.mark.parametrize("choice", [{"overlap": "split"}, {"overlap": "priority", "priority": "rank"}])
def test_sums_over_rois_are_those_of_their_union(
    raster: Path, three: geopandas.GeoDataFrame, choice: dict[str, str], boundary: str
):
    """Nothing that ROIs share is counted twice, and nothing is lost; no pixel is two in a ROI's n_pixels."""
    found = zonal_stats(raster, three, STATS, boundary=boundary, **choice)
    union = zonal_stats(raster, three.dissolve(), STATS, boundary=boundary).iloc[0]
    for name in ("count", "sum", "area_valid", "area_nodata"):
        assert found[name].sum() == pytest.approx(union[name], rel=1e-12)
    if choice["overlap"] == "split":
        alone = zonal_stats(raster, three, STATS, boundary=boundary)
        assert found["n_pixels"].tolist() == alone["n_pixels"].tolist()
        assert found["min"].tolist() == alone["min"].tolist()


def test_ceded_area_is_a_column_under_a_policy_only(raster: Path, three: geopandas.GeoDataFrame):
    """Wide, long and cube have area_ceded where areas are ceded, zero for ROIs that keep all."""
    for choice, expected in (
        ({}, False),
        ({"overlap": "error"}, False),
        ({"overlap": "split"}, True),
        ({"overlap": "priority", "priority": "rank"}, True),
    ):
        rois = three.iloc[:1] if choice.get("overlap") == "error" else three
        wide = zonal_stats(raster, rois, "mean", **choice)
        long = zonal_stats(raster, rois, "mean, max", long=True, **choice)
        cube = zonal_stats(raster, rois, "mean", as_="xarray", **choice)
        assert ("area_ceded" in wide) == ("area_ceded" in long) == ("area_ceded" in cube) == expected
        if expected:
            assert long["area_ceded"].tolist() == np.repeat(wide["area_ceded"], 2).tolist()
            assert cube["area_ceded"].values.tolist() == wide["area_ceded"].tolist()
    alone = zonal_stats(raster, three.iloc[:1], "mean", overlap="split")
    assert alone["area_ceded"].tolist() == [0.0]


def test_rois_that_overlap_nobody_keep_their_bits(raster: Path):
    """Under any policy a ROI alone has the row that it has without one."""
    rois = boxes((2.25, 3.5, 20.75, 18.25), (30, 20, 45.5, 33.1), (33, 18, 48, 30), p=[1, 2, 3])
    alone = zonal_stats(raster, rois, STATS).iloc[0]
    for choice in ({"overlap": "split"}, {"overlap": "priority", "priority": "p"}):
        row = zonal_stats(raster, rois, STATS, **choice).iloc[0]
        assert row.drop(["geometry", "area_ceded"]).equals(alone.drop("geometry"))


def test_who_cedes_all_has_no_value_and_a_reason(raster: Path):
    """A ROI within one of higher priority is left with nothing: count 0, and the reason says why."""
    rois = boxes((5, 15, 25, 35), (10, 20, 12, 22), p=[2, 1])
    row = zonal_stats(raster, rois, "count, mean", overlap="priority", priority="p").iloc[1]
    assert (row["count"], row["status"]) == (0, "no_valid")
    assert np.isnan(row["mean"])
    assert row["reason"] == "no valid pixel: 100% ceded to other ROIs"
    assert row["area_ceded"] == row["area"]


def test_min_valid_asks_for_what_a_roi_keeps(raster: Path):
    """Half ceded and the rest valid is all valid; half ceded and the rest off the raster is not."""
    rois = boxes((20, 20, 30, 30), (25, 20, 40, 30), (-5, 31, 5, 39), (0, 31, 5, 39), p=[1, 2, 1, 2])
    found = zonal_stats(raster, rois, "mean", overlap="priority", priority="p", min_valid=0.9)
    assert found["status"].tolist() == ["ok", "ok", "no_valid", "ok"]
    split = zonal_stats(raster, rois, "mean", overlap="split", min_valid=0.5)
    assert split["status"].tolist() == ["ok", "ok", "withheld", "ok"]


def test_refused_overlaps_are_named(raster: Path, three: geopandas.GeoDataFrame):
    """The error lists the pairs with their areas; ROIs that touch are no overlap."""
    with pytest.raises(ROIError) as caught:
        zonal_stats(raster, three, "mean", overlap="error")
    assert caught.value.id == "E-ROI-06"
    assert "3 pairs of ROIs overlap" in str(caught.value)
    assert "1/2" in str(caught.value.found["pairs"])
    touching = boxes((0, 0, 5, 5), (5, 0, 9, 5), (9 - 1e-7, 0, 20, 5))
    assert len(zonal_stats(raster, touching, "mean", overlap="error")) == 3


def test_overlaps_are_reported_whatever_is_done_with_them(raster: Path, three: geopandas.GeoDataFrame):
    """Notes say how many there are; the pairs are listed, the largest first, with their area."""
    planar = [shapely.intersection(*three.geometry.iloc[[i, j]]).area for i, j in ((0, 1), (1, 2), (0, 2))]
    for choice in ({}, {"overlap": "split"}, {"overlap": "priority", "priority": "rank"}):
        found = zonal_stats(raster, three.set_index("name"), "mean", **choice).attrs
        pairs = found["overlaps"]
        assert [(pair["a"], pair["b"]) for pair in pairs] == [(0, 1), (1, 2), (0, 2)]
        assert [pair["area"] for pair in pairs] == pytest.approx(planar, rel=2e-3)
        assert any(note.startswith("3 pairs of ROIs overlap, 2.") for note in found["notes"])
    apart = zonal_stats(raster, three.iloc[:1], "mean").attrs
    assert apart["overlaps"] == []
    assert not any("overlap" in note for note in apart["notes"])


def test_a_report_lists_a_hundred_pairs_and_counts_all(raster: Path):
    """Many overlaps are counted and summed whole; the list holds the largest."""
    rois = boxes(*[(i / 2, 0, i / 2 + 1 + i / 100, 4) for i in range(110)])
    report = run_zonal(raster, rois, "mean").overlaps
    assert report is not None
    assert (len(report.area), report.count) == (100, len(overlaps_of(rois)))
    assert (np.diff(report.area) <= 0).all()
    assert report.total > report.area.sum()


def overlaps_of(rois: geopandas.GeoDataFrame) -> list[tuple[int, int]]:
    """Pairs that share an area, by shapely."""
    shapes = rois.geometry.to_numpy()
    i, j = np.triu_indices(len(shapes), 1)
    shared = shapely.area(shapely.intersection(shapes[i], shapes[j])) > 1
    return list(zip(i[shared], j[shared], strict=True))


def test_the_source_and_the_workers_change_no_bit(raster: Path, three: geopandas.GeoDataFrame):
    """File, array and dask, one thread and two give one table of shares."""
    array = georoi.open_raster(raster).to_xarray(chunks=None)
    tables = [
        zonal_stats(source, three, STATS, overlap="split", workers=workers)
        for source, workers in ((raster, 1), (raster, 2), (array, 1), (array.chunk(x=17, y=13), 2))
    ]
    for table in tables[1:]:
        columns = [name for name in table if name not in ("geometry",)]
        assert table[columns].equals(tables[0][columns])


def test_quantiles_of_shares_do_not_depend_on_memory(tmp_path: Path):
    """ROIs that are refined pass by pass are made of the same parts: the same quantiles, to the bit."""
    values = np.random.default_rng(1).normal(0, 1, (1, 300, 400)).astype("float32")
    path = write_raster(tmp_path / "noise.tif", values, block=128)
    rois = boxes((3.3, 4.4, 250.5, 290), (100.1, 50, 380.2, 280.7), (300, 1, 399, 60), p=[1, 2, 3])
    for choice in ({"overlap": "split"}, {"overlap": "priority", "priority": "p"}):
        whole = zonal_stats(path, rois, "median, q05", **choice)
        tight = zonal_stats(path, rois, "median, q05", max_memory=200_000, **choice)
        assert any("passes" in note for note in tight.attrs["notes"])
        assert tight[["median", "q05"]].equals(whole[["median", "q05"]])


def test_functions_see_each_pixel_once(raster: Path, three: geopandas.GeoDataFrame):
    """A pixel in two parts of a ROI reaches a function once, with the sum of its weights."""
    stats = {"n": lambda values, weights: float(len(values)), "w": lambda values, weights: weights.sum()}
    found = zonal_stats(raster, three, [*STATS.split(", ")], overlap="split")
    asked = zonal_stats(raster, three, stats, overlap="split")
    assert asked["n"].tolist() == found["n_pixels"].tolist()
    assert asked["w"].tolist() == pytest.approx(found["count"].tolist(), rel=1e-12)


def test_the_ledger_closes_on_coarse_pixels(tmp_path: Path):
    """Pixels of two degrees, where density bends within a pixel, are shared out by area on the ellipsoid."""
    path = write_raster(
        tmp_path / "globe.tif",
        ramp(rows=90, cols=180),
        crs="EPSG:4326",
        transform=Affine(2.0, 0.0, -180.0, 0.0, -2.0, 90.0),
    )
    discs = [shapely.Point(x, y).buffer(17.3) for x, y in ((10, 50), (22, 61), (5, 66))]
    rois = geopandas.GeoDataFrame({"p": [1, 2, 2]}, geometry=discs, crs="EPSG:4326")
    union = zonal_stats(path, rois.dissolve(), "sum").iloc[0]
    for choice in ({"overlap": "split"}, {"overlap": "priority", "priority": "p"}):
        found = zonal_stats(path, rois, "sum", **choice)
        assert found[list(PARTS)].sum(axis=1).tolist() == pytest.approx(found["area"].tolist(), rel=1e-9)
        assert found["sum"].sum() == pytest.approx(union["sum"], rel=1e-11)
        assert found["area_valid"].sum() == pytest.approx(union["area_valid"], rel=1e-9)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"overlap": "priority"}, "go together"),
        ({"priority": "rank"}, "go together"),
        ({"overlap": "first"}, "must be one of"),
        ({"overlap": "split", "boundary": "all_touched"}, "all_touched"),
        ({"overlap": "split", "boundary": "center", "stats": "m=quantile(q=0.5, method='linear')"}, "weight"),
    ],
)
def test_what_does_not_go_together_is_refused(
    raster: Path, three: geopandas.GeoDataFrame, choice: dict[str, str], said: str
):
    """Options that contradict each other say so before anything is read."""
    with pytest.raises(UsageError, match=said):
        zonal_stats(raster, three, **{"stats": "mean", **choice})


def test_an_attribute_that_is_missing_is_named(raster: Path, three: geopandas.GeoDataFrame):
    """The error lists the attributes that there are."""
    with pytest.raises(ROIError) as caught:
        zonal_stats(raster, three, "mean", overlap="priority", priority="-size")
    assert caught.value.id == "E-ROI-08"
    assert "'size'" in str(caught.value)
    assert "rank" in str(caught.value.found)


def test_parcels_that_only_touch_are_told_apart_fast():
    """Ten thousand Voronoi cells with shared edges have no overlap, and finding that takes no GEOS call."""
    points = np.random.default_rng(2).uniform(0, 5000, (10_000, 2))
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.MultiPoint(points)))
    cells = shapely.segmentize(shapely.intersection(cells, shapely.box(0, 0, 5000, 5000)), 3)
    rois = ROISet.from_geometries(list(cells), pixel=True)
    aligned = align(rois, make_grid((5000, 5000), Affine.identity()), pixel_grid=True)
    assert len(overlaps(aligned).i) == 0
