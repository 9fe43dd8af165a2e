"""What a plan says of itself: digest, table, JSON and the text of the dry run."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import shapely

from georoi.options import Boundary, Crop
from georoi.planning.plan import make_plan
from tests.conftest import ROOT
from tests.headers import ORIGIN, UTM, environment_with_hash_seed, lay, make_header
from tests.plans import BOX, HEADER, plan_of


def test_digest_is_the_same_in_another_process():
    """The digest does not depend on the process or on the seed of Python's hashes."""
    code = (
        "from tests.plans import plan_of, BOX; import shapely;"
        "print(plan_of(BOX, shapely.box(0, 0, 3, 3)).digest)"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=environment_with_hash_seed(seed),
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in (1, 2)
    }

    assert digests == {plan_of(BOX, shapely.box(0, 0, 3, 3)).digest}


@pytest.mark.parametrize(
    "options",
    [
        {"boundary": Boundary.FRACTION},
        {"crop": Crop.NONE},
        {"pad": 1},
        {"feather": 1},
        {"invert": True},
        {"apply_mask": False},
        {"bands": 2},
    ],
)
def test_digest_covers_the_options(options):
    """Every option that changes the work changes the digest."""
    assert plan_of(BOX, **options).digest != plan_of(BOX).digest


def test_digest_covers_grid_rois_and_blocks():
    """Another grid, another ROI or other blocks make another digest; another name or path does not."""
    base = plan_of(BOX)

    assert plan_of(BOX, source="elsewhere.tif").digest == base.digest
    assert make_plan(HEADER, base.rois.take([0]), boundary=Boundary.CENTER).digest == base.digest
    two = lay(HEADER, [BOX, BOX])
    assert (
        make_plan(HEADER, two, boundary=Boundary.CENTER).digest
        != make_plan(HEADER, two.take([0]), boundary=Boundary.CENTER).digest
    )
    assert plan_of(shapely.box(15, 5, 25, 24.5)).digest != base.digest
    assert plan_of(BOX, header=make_header((40, 51), (10, 10))).digest != base.digest
    assert plan_of(BOX, header=make_header((40, 50), (10, 20))).digest != base.digest


def test_frame_has_a_row_per_block():
    """The table of blocks gives place, window and ids of the ROIs."""
    rois = lay(HEADER, [BOX, shapely.box(22, 2, 28, 8)], ids=["field", "shed"])

    frame = make_plan(HEADER, rois, boundary=Boundary.CENTER).to_frame()

    assert frame.columns.tolist() == ["row", "col", "window", "rois"]
    assert len(frame) == 6
    assert frame.iloc[1].to_dict() == {
        "row": 0,
        "col": 2,
        "window": (0, 10, 20, 30),
        "rois": ("field", "shed"),
    }
    assert frame.rois.iloc[0] == ("field",)


def test_dict_is_json():
    """The summary survives JSON."""
    content = plan_of(BOX).to_dict()

    assert json.loads(json.dumps(content)) == content
    assert content["blocks"] == 6
    assert content["window"] == [5, 25, 15, 25]


def test_dry_run_text():
    """Printing a plan says what would be read, and what it needs."""
    header = make_header((1024, 2048), (512, 512), crs=UTM, bands=4, name="scene\x1b[31m.tif")

    x, y = ORIGIN
    text = str(plan_of(shapely.box(x + 10, y - 4000, x + 6000, y - 3000), header=header, pad=2))

    assert text.splitlines() == [
        "raster   scene\\x1b[31m.tif: 1024 rows x 2048 columns of 10, EPSG:32633, origin (500000, 5200000)",
        "ROIs     1, rule center",
        "window   rows 298..402, columns 0..602 (104 x 602), cropped to the ROIs, padded by 2 px",
        "blocks   2 of 8 (25.0 %) of 512 x 512",
        "to read  4.0 MB decoded, 2 reads, 4 bands of uint16, 1 pass",
        "tiles    2 of up to 512 x 512, touching 2 cells of coverage",
        "memory   1.8 MB for each tile in work; 489.1 KB to hold the whole window",
    ]


def test_dry_run_says_what_alignment_did():
    """A transform is named in the dry run."""
    header = make_header((1000, 1000), (512, 512), crs=UTM)
    roi = shapely.box(15.02, 46.90, 15.05, 46.92)

    text = str(make_plan(header, lay(header, roi, crs="EPSG:4326"), boundary=Boundary.FRACTION))

    assert "note     ROIs were transformed: " in text
    assert "\x1b" not in text


def test_cells_are_counted_on_the_canonical_lattice():
    """Whatever the blocks, cells are 512 x 512 from the origin."""
    header = make_header((2048, 2048), (256, 1024))

    assert plan_of(shapely.box(500, 500, 600, 520), header=header).n_cells == 4
