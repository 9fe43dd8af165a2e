"""`georoi mask`: the same pixels as the library's, and labels."""

from __future__ import annotations

import numpy as np

import georoi
from georoi.demo import Demo
from tests.cli.conftest import Run
from tests.cli.outputs import files, read


def test_mask_equals_the_library(run: Run, demo: Demo) -> None:
    """`mask` writes 0 and 1 as the library computes them."""
    result = run("mask", demo.latest, "out.tif", "--rois", demo.rois, "--crop", "none")
    expected = georoi.mask(demo.latest, demo.rois, crop=False, compute=True)

    assert result.exit_code == 0, result.stderr
    np.testing.assert_array_equal(read("out.tif")[0], expected.values.astype(np.uint8))


def test_labels_need_a_rule_for_overlaps(run: Run, demo: Demo) -> None:
    """Overlapping stands are refused until --overlap says who wins; nothing half-written stays."""
    refused = run("mask", demo.latest, "out.tif", "--rois", demo.rois, "--labels")

    assert refused.exit_code == 3
    assert "error[E-ROI-06]" in refused.stderr
    assert files() == []
    assert (
        run("mask", demo.latest, "out.tif", "--rois", demo.rois, "--labels", "--overlap", "last").exit_code
        == 0
    )
    assert set(np.unique(read("out.tif"))) == set(range(16))
