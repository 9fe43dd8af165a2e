"""Fixtures that find real data, and the Hypothesis profiles."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile(
    "ci", max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("dev", max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real rasters and ROIs that lies beside the project, where there is one."""
    folder = Path(os.environ.get("GEOROI_SHARED", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip("the folder of shared real data is not here (set GEOROI_SHARED)")
    return folder


@pytest.fixture(scope="session")
def demo_wheel() -> Path:
    """The wheel that carries the demo's imagery; `make demo-data` fetches it."""
    found = sorted((ROOT / ".cache").glob("nrt-0.1.0-*.whl"))
    if not found:
        if os.environ.get("GEOROI_REQUIRE_DEMO"):
            pytest.fail("the demo's imagery is missing: run `make demo-data`")
        pytest.skip("the demo's imagery is not here: run `make demo-data`")
    return found[0]
