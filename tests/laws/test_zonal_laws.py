"""Laws of zonal statistics: any ROI, dtype, nodata, source and chunking against correctly rounded sums."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import shapely
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from georoi.api.zonal import zonal_stats
from georoi.values.rois import ROISet
from tests.builders import write_raster
from tests.polygons import KINDS, make_polygon
from tests.zonaloracle import Sums, check, digest, pieces_of, quantile_of, shares_of, weights_of

pytestmark = pytest.mark.filterwarnings("ignore::georoi.GeoroiWarning")  # repairs of random polygons

LAWS = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
FEW = settings(LAWS, max_examples=6)

STATS = "count, n_pixels, sum, mean, std, var, min, max, range, median, q10, mode, minority, nunique"
DTYPES = ("uint8", "int8", "uint16", "int16", "int32", "uint32", "float32", "float64")
FILLS = ("any", "few", "constant", "near 1e4", "extremes", "missing", "ramp")
RULES = ("fraction", "center", "all_touched")


@dataclass(frozen=True)
class Scene:
    """Pixels with what marks the invalid ones."""

    values: NDArray[Any]
    """Shape (rows, cols)."""
    nodata: float | None

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Where pixels count."""
        finite = np.isfinite(self.values)
        return finite if self.nodata is None else finite & (self.values != self.nodata)

    def to_array(self, chunks: tuple[int, int] | None = None) -> xr.DataArray:
        """Give it as a DataArray in pixel space, with dask inside if it has chunks."""
        data = self.values if chunks is None else da.from_array(self.values, chunks=chunks)
        attributes = {} if self.nodata is None else {"_FillValue": self.values.dtype.type(self.nodata)}
        return xr.DataArray(data, dims=("y", "x"), attrs=attributes)

    def to_file(self, folder: str, block: int | None, **options: Any) -> Path:
        """Write it as a GeoTIFF without a CRS."""
        path = Path(folder) / f"scene_{block}.tif"
        return write_raster(
            path,
            self.values[None],
            crs=None,
            transform=None,
            block=block,
            nodata=self.nodata,
            **options,
        )


def fill(rng: np.random.Generator, how: str, dtype: str, shape: tuple[int, int]) -> NDArray[Any]:
    """Draw pixels of one kind."""
    kind = np.dtype(dtype)
    is_float = kind.kind == "f"
    low, high = (-3.4e38, 3.4e38) if is_float else (np.iinfo(kind).min, np.iinfo(kind).max)
    if how == "few":
        return rng.integers(0, 4, shape).astype(kind)
    if how == "constant":
        return np.full(shape, rng.integers(0, 100)).astype(kind)
    if how == "near 1e4":
        middle = 1e4 if high > 2e4 else 50
        return rng.normal(middle, 1, shape).astype(kind)
    if how == "extremes":
        return rng.choice(np.array([low, high], dtype=kind), shape)
    if how == "ramp":
        return (np.arange(shape[0] * shape[1]).reshape(shape) % 100).astype(kind)
    if is_float:
        return (rng.normal(0, 1, shape) * 10.0 ** rng.integers(-5, 6)).astype(kind)
    return rng.integers(low, high, shape, dtype=kind, endpoint=True)


@st.composite
def scenes(draw: Callable, shape: tuple[int, int] | None = None) -> Scene:
    """Rasters of any dtype and size, some of one row or column, with holes of every kind."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype, how = draw(st.sampled_from(DTYPES)), draw(st.sampled_from(FILLS))
    if shape is None:
        shape = draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
        shape = draw(st.sampled_from([shape, shape, (1, shape[1]), (shape[0], 1)]))
    values = fill(rng, how, dtype, shape)
    nodata = draw(st.sampled_from([None, 0, 7, 255 if dtype == "uint8" else 100, "edge"]))
    if nodata == "edge":
        nodata = float("nan") if dtype.startswith("float") else int(np.iinfo(dtype).max)
    if nodata is not None:
        values[rng.random(shape) < rng.choice([0.0, 0.2, 1.0], p=[0.3, 0.5, 0.2])] = nodata
    if dtype.startswith("float") and rng.random() < 0.5:
        values[rng.random(shape) < 0.1] = rng.choice([np.nan, np.inf, -np.inf])
    return Scene(values, nodata)


@st.composite
def polygons(draw: Callable, shape: tuple[int, int]) -> list[Any]:
    """One to five polygons of all kinds, some of them twice, some cut into two that touch."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=5))
    found = [make_polygon(kind, rng, shape) for kind in kinds]
    if draw(st.booleans()):
        found.append(found[0])
    if draw(st.booleans()):
        x0, y0, x1, y1 = found[-1].bounds
        middle = (x0 + x1) / 2
        halves = [found[-1].intersection(shapely.box(x0, y0, middle, y1)), found[-1]]
        halves[1] = found[-1].intersection(shapely.box(middle, y0, x1, y1))
        found += [half for half in halves if half.geom_type.endswith("Polygon") and half.area > 0]
    return [*found, shapely.box(-1, -1, shape[1] + 1, shape[0] + 1)]  # one at least meets the raster


def make_rois(geometries: list[Any]) -> ROISet:
    """Give polygons in pixel coordinates as ROIs."""
    return ROISet.from_geometries(geometries, crs=None, pixel=True)


def cleaned(rois: ROISet) -> NDArray[np.object_]:
    """Give the polygons that ROIs are, repaired where they had to be."""
    return np.asarray(rois.gdf.geometry.to_numpy())


@given(st.data())
@LAWS
def test_any_raster_and_rois_give_what_exact_sums_give(data: Any) -> None:
    """Every statistic of every ROI, from memory, dask or a file, by every rule."""
    scene = data.draw(scenes())
    shape = scene.values.shape
    rois = make_rois(data.draw(polygons(shape)))
    rule = data.draw(st.sampled_from(RULES))
    kind = data.draw(st.sampled_from(["numpy", "dask", "blocks", "strips"]))
    with tempfile.TemporaryDirectory() as folder:
        if kind in ("blocks", "strips"):
            source: Any = scene.to_file(folder, 16 if kind == "blocks" else None, compress="deflate")
        else:
            source = scene.to_array(None if kind == "numpy" else (7, 11))
        with_classes = f"{STATS}, frac" if len(np.unique(scene.values)) < 50 else STATS
        table = zonal_stats(source, rois, with_classes, boundary=rule)
    for (_, row), polygon in zip(table.iterrows(), cleaned(rois), strict=True):
        weights = weights_of(polygon, shape, rule, y_up=False)
        sums = Sums.of(scene.values, weights, scene.valid)
        check(row, sums)
        assert (row["status"] in ("ok", "small")) == (len(sums.x) > 0)
        if len(sums.x):
            check_distribution(row, sums, exact=rule != "fraction")


def check_distribution(row: Any, sums: Sums, *, exact: bool) -> None:
    """Compare what depends on the distribution; where weights are shares, ties may fall either way."""
    values, place = np.unique(sums.x, return_inverse=True)
    weights = np.bincount(place, weights=sums.w)
    assert row["nunique"] == len(values)
    slack = 1e-12 * weights.sum()
    for name, q in (("median", 0.5), ("q10", 0.1)):
        if exact:
            assert row[name] == np.quantile(sums.x, q, method="inverted_cdf") == quantile_of(sums, q)
        found = np.flatnonzero(values == row[name])
        assert len(found) == 1
        assert weights[: found[0] + 1].sum() >= q * weights.sum() - slack
        assert weights[: found[0]].sum() <= q * weights.sum() + slack
    for name, extreme in (("mode", weights.max()), ("minority", weights.min())):
        (found,) = np.flatnonzero(values == row[name])
        assert abs(weights[found] - extreme) <= slack
        if exact:
            assert row[name] == values[weights == extreme].min()
    others = [name for name in row.index if name.startswith("frac_")]
    if not others:
        return
    shares = {
        value: row[f"frac_{int(value) if value.is_integer() else value!r}"] for value in values.tolist()
    }
    np.testing.assert_allclose(list(shares.values()), weights / weights.sum(), rtol=0, atol=1e-12)
    assert sum(row[name] for name in others) == pytest.approx(1, abs=1e-12)


@given(st.data())
@FEW
def test_shares_are_those_of_shapely(data: Any) -> None:
    """Count, sum, mean, std and the effective pixels follow from intersections that shapely makes."""
    scene = data.draw(scenes((23, 31)))
    rois = make_rois(data.draw(polygons((23, 31))))
    table = zonal_stats(scene.to_array(), rois, "count, sum, mean, std")
    for (_, row), polygon in zip(table.iterrows(), cleaned(rois), strict=True):
        sums = Sums.of(scene.values, shares_of(polygon, (23, 31)), scene.valid)
        slack = 1e-9 * max(1.0, polygon.length)
        assert row["count"] == pytest.approx(sums.count, abs=slack)
        assert row["n_effective"] == pytest.approx(sums.count, abs=slack)
        if sums.count < 1e-2:
            continue
        largest = np.abs(sums.x).max() * len(sums.x)
        assert row["sum"] == pytest.approx(sums.sum, abs=slack * largest)
        assert row["mean"] == pytest.approx(sums.mean, abs=slack / sums.count * largest)
        assert row["std"] ** 2 == pytest.approx(sums.var, abs=8 * slack / sums.count * largest**2)


@given(st.data())
@LAWS
def test_the_ledger_closes_and_every_state_is_its_own_sum(data: Any) -> None:
    """In pixel space each category is the area of the pieces of its pixels, and all make up the ROI."""
    scene = data.draw(scenes((17, 19)))
    rois = make_rois(data.draw(polygons((17, 19))))
    rule = data.draw(st.sampled_from(RULES))
    table = zonal_stats(scene.to_array(), rois, "count", boundary=rule)
    nodata = np.zeros(scene.values.shape, bool)
    if scene.nodata is not None:
        nodata = np.isnan(scene.values) if np.isnan(scene.nodata) else scene.values == scene.nodata
    infinite = ~np.isfinite(scene.values) & ~nodata
    for (_, row), polygon in zip(table.iterrows(), cleaned(rois), strict=True):
        pieces = shapely.area(pieces_of(polygon, scene.values.shape))
        slack = 1e-9 * max(1.0, polygon.area) + 1e-12 * polygon.length
        assert row["area"] == pytest.approx(polygon.area, abs=slack)
        assert row["area_crs"] == pytest.approx(polygon.area, abs=slack)
        assert row["area_outside"] == pytest.approx(polygon.area - pieces.sum(), abs=slack)
        assert row["area_nodata"] == pytest.approx(pieces[nodata].sum(), abs=slack)
        assert row["area_nonfinite"] == pytest.approx(pieces[infinite].sum(), abs=slack)
        assert row["area_valid"] == pytest.approx(pieces[scene.valid].sum(), abs=slack)
        assert row["area_masked"] == 0
        parts = ("area_outside", "area_nodata", "area_nonfinite", "area_masked", "area_valid")
        assert sum(row[name] for name in parts) == pytest.approx(row["area"], abs=slack)


LARGE = (530, 1060)
"""Two rows and three columns of canonical cells, the last ones cut."""
FLAT = (530, 600)


@given(st.data())
@FEW
def test_the_bits_do_not_depend_on_where_pixels_come_from(data: Any) -> None:
    """A file in blocks of 512, an array, and dask in any chunks give one table, bit for bit."""
    scene = data.draw(scenes(LARGE))
    rois = make_rois(data.draw(polygons(LARGE)))
    rule = data.draw(st.sampled_from(RULES))
    chunks = data.draw(st.tuples(st.integers(97, 530), st.integers(97, 1060)))
    with tempfile.TemporaryDirectory() as folder:
        path = scene.to_file(folder, 512)
        expected = digest(zonal_stats(path, rois, STATS, boundary=rule, workers=1))
        for workers in (2, 4):
            assert digest(zonal_stats(path, rois, STATS, boundary=rule, workers=workers)) == expected
    assert digest(zonal_stats(scene.to_array(), rois, STATS, boundary=rule)) == expected
    assert digest(zonal_stats(scene.to_array(chunks), rois, STATS, boundary=rule)) == expected


@given(st.data())
@FEW
def test_the_order_and_company_of_rois_change_no_bit(data: Any) -> None:
    """Each ROI has the same row alone, in another order and beside others."""
    scene = data.draw(scenes(LARGE))
    geometries = list(cleaned(make_rois(data.draw(polygons(LARGE)))))
    order = data.draw(st.permutations(range(len(geometries))))
    array = scene.to_array()
    together = zonal_stats(array, make_rois(geometries), STATS)
    shuffled = zonal_stats(array, make_rois([geometries[i] for i in order]), STATS)
    for place, i in enumerate(order):
        assert digest(shuffled.iloc[[place]]) == digest(together.iloc[[i]])
    last = len(geometries) - 1
    alone = zonal_stats(array, make_rois(geometries[last:]), STATS)
    assert digest(alone) == digest(together.iloc[[last]])


@given(st.data())
@FEW
def test_other_blocks_change_nothing_but_the_last_digits(data: Any) -> None:
    """Copies in tiles of 256, in strips and in tiles of 112: counts and extremes exact, the rest 1e-12."""
    scene = data.draw(scenes(LARGE))
    rois = make_rois(data.draw(polygons(LARGE)))
    exact = ["n_pixels", "min", "max", "range", "mode", "nunique", "status", "reason"]
    with tempfile.TemporaryDirectory() as folder:
        expected = zonal_stats(scene.to_file(folder, 512), rois, STATS, boundary="center")
        for block in (256, None, 112):
            found = zonal_stats(scene.to_file(folder, block), rois, STATS, boundary="center")
            assert found.columns.tolist() == expected.columns.tolist()
            counted = [*exact, "count", "median", "q10", "minority"]
            assert digest(found, counted) == digest(expected, counted)
            for polygon, (_, row), (_, other) in zip(
                cleaned(rois), found.iterrows(), expected.iterrows(), strict=True
            ):
                inside = weights_of(polygon, LARGE, "center", y_up=False) > 0
                held = np.abs(scene.values[inside & scene.valid].astype(float))
                if held.size:
                    assert abs(row["mean"] - other["mean"]) <= 1e-12 * held.mean()
                    assert abs(row["std"] - other["std"]) <= 1e-12 * held.mean()


@pytest.mark.parametrize("dtype", ["uint16", "float32", "float64"])
def test_values_near_ten_thousand_with_a_spread_of_one(dtype: str) -> None:
    """Half a million pixels near 1e4: the textbook formula would lose the std, ours keeps twelve digits."""
    rng = np.random.default_rng(3)
    values = rng.normal(10_000, 1, LARGE).astype(dtype)
    polygon = shapely.Point(530.3, 262.7).buffer(400.3)
    table = zonal_stats(Scene(values, None).to_array(), make_rois([polygon]), STATS)
    sums = Sums.of(values, weights_of(polygon, LARGE, "fraction", y_up=False))
    check(table.iloc[0], sums)
    assert table["std"].iloc[0] == pytest.approx(sums.std, rel=1e-9)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint16", "int32", "uint32", "float32"])
def test_extremes_of_a_dtype_do_not_wrap(dtype: str) -> None:
    """A raster of the least and the greatest value alone, in cells of a quarter of a million pixels."""
    limits = np.finfo(dtype) if dtype == "float32" else np.iinfo(dtype)
    values = np.random.default_rng(5).choice(np.array([limits.min, limits.max], dtype), FLAT)
    polygon = shapely.box(0.25, 0.5, 599.3, 529.7)
    table = zonal_stats(Scene(values, None).to_array(), make_rois([polygon]), STATS)
    check(table.iloc[0], Sums.of(values, weights_of(polygon, FLAT, "fraction", y_up=False)))
