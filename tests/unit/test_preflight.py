"""The pre-flight check: a verdict per ROI, remarks on the job, and an exit status; nothing is raised."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import shapely

from georoi.grid import make_grid
from georoi.options import Boundary
from georoi.planning.alignment import align
from georoi.planning.checkreport import CheckReport, Level
from georoi.planning.plan import make_plan
from georoi.planning.preflight import preflight
from georoi.values.raster import Georeference, Raster
from georoi.values.rois import ROISet
from tests.headers import ORIGIN, UTM, make_header

X, Y = ORIGIN
HEADER = make_header((100, 200), (50, 50), crs=UTM, nodata=0, name="scene.tif")
"""100 rows and 200 columns of 10 m: 2 km to the east and 1 km to the south of the origin."""


def box(col0, row0, col1, row1):
    """Make a box in metres from pixel columns and rows."""
    return shapely.box(X + 10 * col0, Y - 10 * row1, X + 10 * col1, Y - 10 * row0)


def rois_of(*geometries, crs=UTM, ids=None) -> ROISet:
    return ROISet.from_geometries(list(geometries), crs=crs, ids=ids)


def levels(report: CheckReport, topic: str) -> list[tuple[Level, str]]:
    return [(remark.level, remark.text) for remark in report.remarks if remark.topic == topic]


def row(report: CheckReport, roi_id) -> dict:
    return next(entry for entry in report.table if entry["roi_id"] == roi_id)


def test_clean_job_is_ok():
    """ROIs that lie inside and a raster that declares nodata give no finding."""
    report = preflight(HEADER, rois_of(box(10, 10, 20, 20), box(30, 30, 40, 40)))

    assert report.ok
    assert report.exit_status == 0
    assert report.verdicts == {0: "ok", 1: "ok"}
    assert report.findings == ()


def test_numbers_of_a_roi():
    """Area in pixels is exact, area in m² geodesic, and blocks are those that are touched."""
    report = preflight(HEADER, rois_of(box(45, 10, 55, 20), ids=["a"]))

    found = row(report, "a")

    assert found["area_px"] == pytest.approx(100, rel=1e-12)
    assert found["area_m2"] == pytest.approx(10_000 / 0.9996**2, rel=1e-4)
    assert found["inside_fraction"] == 1
    assert found["blocks"] == 2


def test_partly_and_fully_outside():
    """What lies off the raster is said per ROI, with the share inside."""
    report = preflight(HEADER, rois_of(box(190, 0, 210, 10), box(300, 0, 310, 10), box(0, 0, 9, 9)))

    assert report.verdicts == {0: "partly outside", 1: "outside", 2: "ok"}
    assert row(report, 0)["inside_fraction"] == pytest.approx(0.5)
    assert row(report, 0)["reason"] == "50.0 % of it lies outside the raster"
    assert row(report, 1)["inside_fraction"] == 0
    assert row(report, 1)["blocks"] == 0
    assert report.exit_status == 1


def test_roi_on_the_very_edge_is_inside():
    """A ROI exactly as large as the raster is not partly outside."""
    report = preflight(HEADER, rois_of(box(0, 0, 200, 100)))

    assert report.verdicts == {0: "ok"}


def test_smaller_than_a_pixel():
    """A ROI below one pixel may have no pixel centre, so it is named."""
    report = preflight(HEADER, rois_of(box(10, 10, 10.5, 10.5), ids=["shed"]))

    assert report.verdicts == {"shed": "smaller than a pixel"}
    assert "0.25 pixels" in row(report, "shed")["reason"]
    assert report.exit_status == 1


def test_invalid_empty_and_duplicate_features():
    """What was repaired, dropped or renamed when the set was made is part of the table."""
    bow_tie = shapely.Polygon([(X, Y), (X + 100, Y - 100), (X + 100, Y), (X, Y - 100)])
    with pytest.warns(UserWarning, match="repaired"):
        rois = rois_of(
            box(50, 50, 60, 60), box(70, 70, 80, 80), bow_tie, shapely.Point(X, Y), ids=["a", "a", "b", "c"]
        )

    report = preflight(HEADER, rois)

    assert report.verdicts == {"a": "ok", "a#2": "renamed", "b": "repaired", "c": "dropped"}
    assert row(report, "c")["area_px"] is None
    assert report.exit_status == 1


def test_overlapping_rois_are_listed_with_their_area():
    """Two ROIs that share 5 x 10 pixels are a pair of 50 pixels, the largest pair first."""
    rois = rois_of(
        box(0, 0, 10, 10), box(5, 0, 15, 10), box(14, 0, 24, 10), box(24, 0, 30, 10), ids=list("abcd")
    )

    report = preflight(HEADER, rois)
    pairs = report.to_dict()["overlaps"]

    assert [(pair["a"], pair["b"]) for pair in pairs] == [("a", "b"), ("b", "c")]
    assert [pair["area_px"] for pair in pairs] == pytest.approx([50, 10])
    assert pairs[0]["area_m2"] == pytest.approx(5_000, rel=2e-3)
    assert report.verdicts == {"a": "overlapping", "b": "overlapping", "c": "overlapping", "d": "ok"}
    assert any("2 pairs of ROIs overlap" in text for _, text in levels(report, "rois"))


@pytest.mark.parametrize(
    ("width", "height", "overlap", "counts"),
    [
        (30, 30, 1e-5, False),  # 3e-4 pixel, 3e-7 of 900
        (30, 30, 1e-4, True),  # 3e-3 pixel, but 3e-6 of 900
        (2, 2, 5e-6, True),  # 1e-5 pixel, but 2.5e-6 of 4
        (90, 90, 2e-4, True),  # 2e-6 of 8,100, and above 0.01 pixel
        (90, 90, 8e-5, False),
    ],
)
def test_neighbours_that_share_a_sliver_touch(width, height, overlap, counts):
    """A sliver is below 0.01 pixel and below a millionth of the smaller ROI; a note counts them."""
    a, b = box(5, 5, 5 + width, 5 + height), box(5 + width - overlap, 5, 6 + 2 * width, 5 + height)
    report = preflight(HEADER, rois_of(a, b, ids=["a", "b"]))
    assert len(report.overlaps["a"]) == counts
    assert report.verdicts == dict.fromkeys("ab", "overlapping" if counts else "ok")
    note = "1 pair of ROIs share slivers of less than 0.01 pixel: they touch"
    assert ((Level.NOTE, note) in levels(report, "rois")) is not counts
    assert report.ok is not counts


def test_no_overlap_is_blocking_not_raised():
    """ROIs elsewhere give a report with the error's id and exit status 3."""
    report = preflight(HEADER, rois_of(shapely.box(20, 40, 21, 41), crs="EPSG:4326"))

    (remark,) = [remark for remark in report.remarks if remark.level is Level.BLOCKING]
    assert remark.id == "E-CRS-02"
    assert report.exit_status == 3
    assert report.verdicts == {0: "outside"}
    assert report.numbers == {}


@pytest.mark.parametrize(
    ("crs", "swapped", "id"),
    [
        ("EPSG:32633", shapely.box(46.946, 15.002, 46.950, 15.006), "E-CRS-02"),
        ("EPSG:32752", shapely.box(-25.02, 129.002, -25.01, 129.01), "E-CRS-03"),
    ],
)
def test_latitude_before_longitude_is_recognised(crs, swapped, id):
    """Swapped degrees are recognised whether or not they are in range of the other axis."""
    y = ORIGIN[1] if crs == UTM else 7_233_000
    header = make_header((200, 200), (50, 50), crs=crs, affine=(10, 0, 500_000, 0, -10, y))

    report = preflight(header, rois_of(swapped, crs="EPSG:4326"))

    (remark,) = [remark for remark in report.remarks if remark.level is Level.BLOCKING]
    assert remark.id == id
    assert "x and y" in remark.hint
    assert "exchanged" in remark.hint
    assert report.exit_status == 3


@pytest.mark.parametrize(
    ("georeference", "id"),
    [(Georeference.UNKNOWN, "E-CRS-01"), (Georeference.GCPS, "E-RAS-03"), (Georeference.NONE, "E-RAS-03")],
)
def test_raster_without_grid_is_blocking(georeference, id):
    """A raster without CRS, or with control points only, gives a report."""
    header = replace(HEADER, grid=make_grid((100, 200), (1, 0, 0, 0, 1, 0)), georeference=georeference)

    report = preflight(header, rois_of(box(0, 0, 9, 9)))

    assert [remark.id for remark in report.remarks if remark.level is Level.BLOCKING] == [id]
    assert report.verdicts == {0: "not placed"}
    assert np.isnan(report.columns["area_px"]).all()
    assert row(report, 0)["area_m2"] == pytest.approx(8_100, rel=2e-3)


@pytest.mark.parametrize(
    ("rois", "id"),
    [
        (ROISet.from_geometries([shapely.box(0, 0, 9, 9)]), "E-CRS-01"),
        (ROISet.from_pixel_boxes([[0, 0, 9, 9]]), "E-CRS-05"),
    ],
)
def test_rois_that_cannot_be_placed_are_blocking(rois, id):
    """ROIs of unknown CRS, or in pixels on a raster in the world, give a report."""
    report = preflight(HEADER, rois)

    assert [remark.id for remark in report.remarks if remark.level is Level.BLOCKING] == [id]
    assert report.exit_status == 3
    assert np.isnan(report.columns["area_m2"]).all()


def test_pixel_space():
    """Pixel boxes on an image without georeference are checked in pixels."""
    report = preflight(make_header((40, 50), (10, 10), nodata=0), ROISet.from_pixel_boxes([[5, 5, 10, 10]]))

    assert report.ok
    assert row(report, 0) == {
        "roi_id": 0,
        "verdict": "ok",
        "reason": "",
        "area_px": 100.0,
        "area_m2": None,
        "inside_fraction": 1.0,
        "blocks": 4,
    }
    assert report.facts["ROIs"] == "1 in pixel space"


def test_crs_decision_is_said():
    """The report names both CRS and the operation between them, or that there is none."""
    same = preflight(HEADER, rois_of(box(0, 0, 9, 9)))
    other = preflight(HEADER, rois_of(shapely.box(15.002, 46.946, 15.006, 46.950), crs="EPSG:4326"))

    assert same.facts["CRS"] == "ROIs and raster are both in EPSG:32633"
    assert other.facts["ROIs"] == "1 in EPSG:4326"
    assert other.facts["CRS"].startswith("ROIs are brought to EPSG:32633 by ")
    assert "accuracy" in other.facts["CRS"]


def test_raster_outside_the_area_of_use():
    """A north zone used south of the equator, as some agencies do, is worth a note; the job is still ok."""
    header = make_header(
        (100, 100), (50, 50), crs="EPSG:32621", affine=(30, 0, 700_000, 0, -30, -2_800_000), nodata=0
    )
    roi = shapely.box(700_100, -2_801_000, 701_000, -2_800_100)

    report = preflight(header, rois_of(roi, crs="EPSG:32621"))

    ((level, text),) = levels(report, "crs")
    assert level is Level.NOTE
    assert "outside the area that EPSG:32621" in text
    assert levels(preflight(HEADER, rois_of(box(0, 0, 9, 9))), "crs") == []
    assert report.ok


def test_predicted_work_is_the_plan_s():
    """Blocks and bytes are those that a plan gives."""
    rois = rois_of(box(45, 10, 55, 20))

    numbers = preflight(HEADER, rois).numbers
    plan = make_plan(HEADER, align(rois, HEADER.grid, pixel_grid=False), boundary=Boundary.FRACTION)

    assert numbers["blocks"] == plan.n_blocks == 2
    assert numbers["bytes_to_read"] == plan.bytes_to_read == 2 * 50 * 50 * 2
    assert numbers["blocks_total"] == 8


@pytest.mark.parametrize(
    ("more", "level", "said"),
    [
        ({"dtype": "uint16"}, Level.FINDING, "no nodata value is declared"),
        ({"dtype": "int64"}, Level.FINDING, "no nodata value is declared"),
        ({"dtype": "uint8", "mask_kind": "alpha"}, Level.NOTE, "an alpha band"),
        ({"dtype": "uint8", "mask_kind": "mask", "nodata": 7}, Level.NOTE, "a mask and nodata values"),
        ({"dtype": "uint16", "nodata": 0}, Level.NOTE, "nodata is 0 in uint16 data"),
        ({"dtype": "uint8", "nodata": 255}, Level.NOTE, "saturated"),
        ({"dtype": "float32"}, Level.NOTE, "NaN alone"),
        ({"dtype": "float32", "nodata": -9999.0}, Level.NOTE, "nodata is -9999; NaN and infinite"),
    ],
)
def test_nodata_traps(more, level, said):
    """What a header hides about missing pixels is said; only what may give wrong numbers is a finding."""
    header = make_header((100, 200), (50, 50), crs=UTM, **more)

    report = preflight(header, rois_of(box(0, 0, 9, 9)))

    ((found, text),) = levels(report, "nodata")
    assert found == level
    assert said in text
    assert report.exit_status == (1 if level is Level.FINDING else 0)


def test_bands_that_disagree_on_nodata():
    """One band without nodata among others is a finding; different values are a note."""
    some = replace(HEADER, band_names=("B1", "B2"), nodata=(5, None))
    other = replace(HEADER, band_names=("B1", "B2"), nodata=(5, 6))

    assert levels(preflight(some, rois_of(box(0, 0, 9, 9))), "nodata") == [
        (Level.FINDING, "1 of 2 bands declare no nodata value")
    ]
    assert levels(preflight(other, rois_of(box(0, 0, 9, 9))), "nodata") == [
        (Level.NOTE, "bands have different nodata values")
    ]


def test_scale_and_offset_are_said():
    """A raster with scale and offset keeps stored values in clips, and the report says so."""
    raster = Raster(
        path="/scene.tif",
        name="scene.tif",
        grid=HEADER.grid,
        georeference=Georeference.CRS,
        bands=(1,),
        band_names=("B1",),
        dtype="uint16",
        nodata=(0,),
        scales=(0.0001,),
        offsets=(-0.1,),
        block_shape=(50, 50),
        mask_kind="nodata",
        driver="GTiff",
        fingerprint="",
        notes=("a note from its header",),
    )

    report = preflight(raster, rois_of(box(0, 0, 9, 9)))

    assert [level for level, _ in levels(report, "scale")] == [Level.NOTE]
    assert levels(report, "raster") == [(Level.NOTE, "a note from its header")]


def test_text_shows_problems_first_and_is_short():
    """Of many ROIs the text shows twenty, those with problems before the others."""
    boxes = [box(col, 10, col + 4, 14) for col in range(0, 150, 5)] + [box(195, 0, 205, 10)]
    report = preflight(HEADER, rois_of(*boxes))

    lines = str(report).splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith("ROI  "))

    assert lines[0] == "geometries on scene.tif: 1 finding, 30 of 31 ROIs ok"
    assert lines[place + 1].split()[:3] == ["30", "partly", "outside"]
    assert lines[-1] == "… 11 more"
    assert len(lines) == place + 1 + 20 + 1


def test_text_and_html_are_harmless():
    """Ids with escapes, bidi marks or markup neither reach the terminal nor the page."""
    evil = "\x1b[31mred\u202e<script>alert(1)</script>"
    report = preflight(replace(HEADER, name=evil), rois_of(box(195, 0, 205, 10), ids=[evil]))

    text, page = str(report), report._repr_html_()

    assert not any(sign in text for sign in "\x1b\u202e")
    assert "\\x1b[31mred\\u202e" in text
    assert not any(sign in page for sign in ("\x1b", "\u202e", "<script"))
    assert "&lt;script" in page
    assert "http" not in page


def test_dict_is_json_without_nan():
    """The report survives strict JSON, with null where a number is not known."""
    with pytest.warns(UserWarning, match="dropped"):
        rois = rois_of(box(0, 0, 9, 9), shapely.Point(X, Y))

    content = preflight(HEADER, rois).to_dict()

    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["exit_status"] == 1
    assert [entry["verdict"] for entry in content["table"]] == ["ok", "dropped"]


def test_frame_has_a_row_per_roi():
    """The table as a frame has the documented columns."""
    frame = preflight(HEADER, rois_of(box(0, 0, 9, 9), box(20, 20, 30, 30))).to_frame()

    assert frame.columns.tolist() == [
        "roi_id",
        "verdict",
        "reason",
        "area_px",
        "area_m2",
        "inside_fraction",
        "blocks",
    ]
    assert frame.blocks.tolist() == [1, 1]
    assert frame.verdict.tolist() == ["ok", "ok"]


def test_real_parcels_that_overhang(shared_data):
    """Of 88 real land-use polygons the 26 that reach past the scene are named (see the data's README)."""
    geopandas = pytest.importorskip("geopandas")
    frame = geopandas.read_file(shared_data / "slovenia_s2_lulc/roi/LULC.gpkg")
    header = make_header(
        (101, 100),
        (3, 100),
        crs=UTM,
        affine=(9.994792222163827, 0, 465181.0522318204, 0, -9.99744846667, 5080254.6334),
        nodata=0,
    )

    report = preflight(header, ROISet.from_geodataframe(frame))

    assert int((report.columns["inside_fraction"] < 1).sum()) == 26
    assert "outside" not in report.verdicts.values()


def test_a_roi_across_the_seam_of_a_grid_around_the_earth_lies_inside():
    """On 0 to 360 degrees, all of a ROI from -10 to 10 is on the raster; of one beyond the top, half."""
    header = make_header((10, 360), (10, 360), crs="EPSG:4326", affine=(1, 0, 0, 0, -1, 5))
    shapes = [shapely.box(-10, -1, 10, 1), shapely.box(-10, 4, 10, 6)]
    report = preflight(header, ROISet.from_geometries(shapes, crs=4326))
    table = report.to_frame()
    assert list(table["inside_fraction"]) == pytest.approx([1, 0.5])
    assert list(table["area_px"]) == pytest.approx([40, 40])
