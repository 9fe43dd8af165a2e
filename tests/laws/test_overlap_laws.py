"""Laws of divided overlaps: nothing is lost or counted twice, whatever the ROIs and their order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from georoi.api.zonal import zonal_stats
from georoi.errors import CRSError
from georoi.values.rois import ROISet
from tests.polygons import KINDS, make_polygons
from tests.zonaloracle import shares_of

pytestmark = pytest.mark.filterwarnings("ignore::georoi.GeoroiWarning")  # repairs of random polygons

SHAPE = (30, 40)
STATS = "count, n_pixels, sum, mean, std, min, max, median"
PARTS = ("area_outside", "area_nodata", "area_nonfinite", "area_masked", "area_valid", "area_ceded")
SOME = settings(max_examples=25, deadline=None)

seeds = st.integers(0, 2**32 - 1)
kinds = st.lists(st.sampled_from(KINDS), min_size=2, max_size=5)


def make_scene(seed: int) -> xr.DataArray:
    """Random pixels in pixel space, with holes of two kinds."""
    rng = np.random.default_rng(seed)
    values = rng.normal(100, 20, SHAPE)
    values[rng.random(SHAPE) < 0.1] = np.nan
    values[rng.random(SHAPE) < 0.1] = -1
    return xr.DataArray(values, dims=("y", "x"), attrs={"_FillValue": -1.0})


def make_rois(seed: int, kinds: list[str]) -> ROISet:
    """Polygons of some kinds, one of them twice and one grown, with priorities that tie."""
    polygons = list(make_polygons(len(kinds), seed, SHAPE, tuple(kinds)))
    rng = np.random.default_rng(seed)
    polygons += [polygons[0], polygons[-1].buffer(rng.uniform(0.1, 3))]
    rois = ROISet.from_geometries(polygons, pixel=True)
    return with_ranks(rois, rng.integers(0, 4, len(rois)))


def with_ranks(rois: ROISet, ranks: NDArray[np.int64]) -> ROISet:
    """Give ROIs an attribute."""
    return ROISet(ids=rois.ids, geometry=rois.geometry, pixel=True, attributes={"rank": ranks})


def stats_or_none(scene: xr.DataArray, rois: ROISet, **choice: Any) -> Any:
    """Take statistics; None where no ROI reaches the raster."""
    try:
        return zonal_stats(scene, rois, STATS, **choice)
    except CRSError:
        return None


@given(seeds, kinds, st.sampled_from(["split", "priority"]))
@SOME
def test_every_area_is_somewhere_once(seed: int, kinds: list[str], overlap: str) -> None:
    """The ledger closes for each ROI, and sums over ROIs are those over their union."""
    scene, rois = make_scene(seed), make_rois(seed, kinds)
    choice = {"overlap": overlap} | ({"priority": "rank"} if overlap == "priority" else {})
    found = stats_or_none(scene, rois, **choice)
    if found is None:
        return
    slack = 1e-9 * found["area"] + 1e-10
    assert (abs(found[list(PARTS)].sum(axis=1) - found["area"]) <= slack).all()
    share = shares_of(shapely.union_all(rois.geometry), SHAPE)
    values = scene.values
    valid = np.isfinite(values) & (values != -1)
    assert found["area_valid"].sum() == pytest.approx(share[valid].sum(), rel=1e-9, abs=1e-8)
    assert found["count"].sum() == pytest.approx(share[valid].sum(), rel=1e-9, abs=1e-8)
    assert found["sum"].sum() == pytest.approx((share * values)[valid].sum(), rel=1e-9, abs=1e-6)


@given(seeds, kinds)
@SOME
def test_priority_is_to_cut_one_outline_after_the_other(seed: int, kinds: list[str]) -> None:
    """Each ROI has the statistics of its outline less those before it, as GEOS cuts it."""
    scene, rois = make_scene(seed), make_rois(seed, kinds)
    found = stats_or_none(scene, rois, overlap="priority", priority="-rank")
    if found is None:
        return
    values = scene.values
    valid = np.isfinite(values) & (values != -1)
    ranks = rois.attributes["rank"]
    before: list[Any] = []
    for i in np.lexsort((np.arange(len(rois)), ranks)).tolist():
        left = shapely.difference(rois.geometry[i], shapely.union_all(before))
        before.append(rois.geometry[i])
        share = shares_of(left, SHAPE)
        row = found.iloc[i]
        assert row["count"] == pytest.approx(share[valid].sum(), rel=1e-9, abs=1e-8)
        if row["count"] > 1e-6:
            mean = np.average(values[valid], weights=share[valid])
            assert row["mean"] == pytest.approx(mean, rel=1e-6)


@given(seeds, kinds, st.randoms(use_true_random=False), st.sampled_from(["fraction", "center"]))
@SOME
def test_the_order_of_rois_changes_no_bit(seed: int, kinds: list[str], random: Any, boundary: str) -> None:
    """ROIs in another order are cut along the same lines, and have the same rows to the bit."""
    scene, rois = make_scene(seed), make_rois(seed, kinds)
    rois = with_ranks(rois, np.arange(len(rois)))
    order = list(range(len(rois)))
    random.shuffle(order)
    for choice in ({"overlap": "split"}, {"overlap": "priority", "priority": "rank"}):
        found = stats_or_none(scene, rois, boundary=boundary, **choice)
        if found is None:
            return
        turned = zonal_stats(scene, rois[np.array(order)], STATS, boundary=boundary, **choice)
        names = [*STATS.split(", "), *PARTS, "area"]
        for place, i in enumerate(order):
            mine, same = turned[names].iloc[place].to_numpy(float), found[names].iloc[i].to_numpy(float)
            assert mine.tobytes() == same.tobytes()


@given(seeds, kinds)
@SOME
def test_shares_lie_between_nothing_and_all(seed: int, kinds: list[str]) -> None:
    """A ROI has at most what it has on its own, and at least that by the number of ROIs; pixels stay one."""
    scene, rois = make_scene(seed), make_rois(seed, kinds)
    split = stats_or_none(scene, rois, overlap="split")
    if split is None:
        return
    alone = zonal_stats(scene, rois, "count")
    assert (split["count"] <= alone["count"] + 1e-9).all()
    assert (split["count"] >= alone["count"] / len(rois) - 1e-9).all()
    valid = np.isfinite(scene.values) & (scene.values != -1)
    for pixels, polygon in zip(split["n_pixels"], rois.geometry, strict=True):
        surely = shares_of(polygon, SHAPE) > 1e-9  # a hair of a pixel may fall to either side of a cut edge
        maybe = shares_of(shapely.buffer(polygon, 1e-9), SHAPE) > 0
        assert (surely & valid).sum() <= pixels <= (maybe & valid).sum()
    assert (split["area_ceded"] >= 0).all()
    assert (split["area_ceded"] <= split["area"] * (1 - 1 / len(rois)) + 1e-9).all()
