"""Divided overlaps on real data, against overlays by geopandas and statistics of what these give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely

from georoi.api.zonal import zonal_stats

STATS = "count, sum, mean, std, min, max"
PARTS = ["area_outside", "area_nodata", "area_nonfinite", "area_masked", "area_valid", "area_ceded"]


@pytest.fixture(scope="module")
def parcels(shared_data: Path) -> geopandas.GeoDataFrame:
    """Land use polygons, grown by 15 m so that all neighbours overlap, with their old and new outlines."""
    frame = geopandas.read_file(shared_data / "slovenia_s2_lulc/roi/LULC.gpkg")
    frame = frame[frame.area > 400].reset_index(drop=True)
    frame["size"] = frame.area.round(3)
    return frame[["size", "geometry"]].set_geometry(frame.buffer(15))


@pytest.fixture(scope="module")
def scene(shared_data: Path) -> Path:
    """A Sentinel-2 scene on a grid of 9.9948 x 9.9974 m."""
    return next((shared_data / "slovenia_s2_lulc/scenes").glob("S2L1C_20150711*.tif"))


@pytest.fixture(scope="module")
def cut(parcels: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    """Cut each parcel by all smaller ones, with geopandas."""
    left = []
    for i, row in parcels.iterrows():
        before = parcels[
            (parcels["size"] < row["size"]) | ((parcels["size"] == row["size"]) & (parcels.index < i))
        ]
        one = parcels.loc[[i], ["geometry"]].assign(roi=i)
        left.append(one.overlay(before[["geometry"]], how="difference", keep_geom_type=True))
    return geopandas.GeoDataFrame(pd.concat(left), crs=parcels.crs).set_index("roi")


def sums(table: Any, column: str) -> float:
    """Sum a column over ROIs."""
    return float(np.nansum(table[column]))


@pytest.mark.parametrize("boundary", ["fraction", "center", "all_touched"])
def test_priority_is_the_overlay_of_geopandas(
    parcels: geopandas.GeoDataFrame, cut: geopandas.GeoDataFrame, scene: Path, boundary: str
) -> None:
    """Grown parcels cede to smaller ones what geopandas' difference takes from them."""
    choice = {"overlap": "priority", "priority": "-size"}
    found = zonal_stats(scene, parcels, STATS, bands=[4], boundary=boundary, **choice)
    expected = zonal_stats(scene, cut, STATS, bands=[4], boundary=boundary).reindex(found.index)
    for name in STATS.split(", "):
        kept = expected[name].notna()
        assert found.loc[kept, name].to_numpy() == pytest.approx(
            expected.loc[kept, name].to_numpy(), rel=1e-8, abs=1e-8
        )
    kept = expected["area"].fillna(0).to_numpy()
    assert (found["area"] - found["area_ceded"]).to_numpy() == pytest.approx(kept, rel=1e-9, abs=1e-5)
    assert found[PARTS].sum(axis=1).to_numpy() == pytest.approx(found["area"].to_numpy(), rel=1e-9)
    assert (found["area_ceded"] > 0).sum() > 40


def test_shares_are_the_union_overlay(parcels: geopandas.GeoDataFrame, scene: Path) -> None:
    """Two sets of parcels that cover each other: the parts of geopandas' union, counted by halves."""
    few = parcels.iloc[::4].reset_index(drop=True)
    apart = few.loc[[not any(few.geometry[:i].intersects(few.geometry[i])) for i in range(len(few))]]
    one = apart[["geometry"]].assign(a=range(len(apart)))
    other = one[["geometry"]].translate(40, -25).to_frame("geometry").assign(b=range(len(one)))
    faces = one.overlay(other, how="union", keep_geom_type=True)
    face = zonal_stats(scene, faces, "count, sum", bands=[8])
    weight = np.where(faces["a"].notna() & faces["b"].notna(), 0.5, 1.0)
    both = pd.concat([one[["geometry"]], other[["geometry"]]], ignore_index=True)
    both = geopandas.GeoDataFrame(both, crs=parcels.crs)
    found = zonal_stats(scene, both, "count, sum", bands=[8], overlap="split")
    for name in ("count", "sum", "area_valid", "area_outside"):
        values = np.nan_to_num(face[name].to_numpy()) * weight
        expected = [values[faces[key] == i].sum() for key in "ab" for i in range(len(one))]
        assert np.nan_to_num(found[name]) == pytest.approx(np.array(expected), rel=1e-8, abs=1e-6)


@pytest.mark.parametrize("crs", [32633, 4326, 3035])
def test_split_parcels_sum_to_their_union(parcels: geopandas.GeoDataFrame, scene: Path, crs: int) -> None:
    """Many overlaps of many parcels, from any CRS: no area and no value is lost or counted twice."""
    there = parcels.to_crs(crs)
    found = zonal_stats(scene, there, STATS, bands=[4], overlap="split")
    union = zonal_stats(scene, there.dissolve(), STATS, bands=[4]).iloc[0]
    close = 1e-9 if crs == 32633 else 1e-5  # a union has other vertices, and its edges bend elsewhere
    for name in ("count", "sum", "area_valid", "area_outside"):
        assert sums(found, name) == pytest.approx(union[name], rel=close)
    assert found[PARTS].sum(axis=1).to_numpy() == pytest.approx(found["area"].to_numpy(), rel=1e-9)
    report = found.attrs["overlaps"]
    pairs = parcels.sindex.query(parcels.geometry, predicate="intersects")
    first = pairs[:, pairs[0] < pairs[1]]
    polygons = parcels.geometry.to_numpy()
    shared = shapely.area(shapely.intersection(polygons[first[0]], polygons[first[1]]))
    assert report[0]["area"] == pytest.approx(shared.max(), rel=2e-3)
    assert any(note.startswith(f"{(shared > 0.01).sum()} pairs") for note in found.attrs["notes"])
