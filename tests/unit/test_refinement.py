"""Quantiles beyond the bound of memory: the same bits in several passes, or a refusal, never an estimate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import georoi
from georoi.errors import MemoryBudgetError, UsageError
from georoi.options import parse_memory
from tests.builders import write_raster
from tests.unit.test_positions import regions

STATS = ["median", "q05", "q90", "min=quantile(q=0)", "max=quantile(q=1)"]
NAMES = ["median", "q05", "q90", "min", "max"]


def draw(dtype: str, kind: str) -> Any:
    """Values of a raster of 600 x 700 pixels: spread wide, or so close that 16 bits do not part them."""
    rng = np.random.default_rng(7)
    if dtype[0] == "f":
        values = rng.normal(0, 1e6, (1, 600, 700)) if kind == "wide" else 5000 + rng.random((1, 600, 700)) / 9
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    low, high = (limits.min, limits.max) if kind == "wide" else (100, 120)
    return rng.integers(low, high, (1, 600, 700), dtype=dtype)


@pytest.mark.parametrize(
    ("dtype", "kind", "boundary"),
    [
        *((dtype, "wide", "fraction") for dtype in ("float32", "float64", "int32", "uint32", "int64")),
        ("float32", "close", "fraction"),
        ("float64", "close", "center"),
        ("int32", "close", "all_touched"),
    ],
)
def test_several_passes_give_the_bits_of_one(tmp_path: Path, dtype: str, kind: str, boundary: str) -> None:
    """Whatever the bound, quantiles have the bits that they have without one."""
    options = {} if dtype == "int64" else {"scales": [-0.01], "offsets": [3.0]}
    path = write_raster(tmp_path / "v.tif", draw(dtype, kind), block=128, **options)
    wanted = georoi.zonal_stats(path, regions(6), STATS, boundary=boundary)
    for bound in ("300KB", 1):
        found = georoi.zonal_stats(path, regions(6), STATS, boundary=boundary, max_memory=bound)
        assert found[NAMES].to_numpy().tobytes() == wanted[NAMES].to_numpy().tobytes()
        assert any("are exact" in note for note in found.attrs["notes"])
        passes = 2 if dtype[-2:] == "32" else 4
        assert bound != 1 or any(f"took {passes} passes" in note for note in found.attrs["notes"])
    assert not any("passes" in note for note in wanted.attrs["notes"])


def test_linear_quantiles_arrays_and_dates_are_refined_too(tmp_path: Path) -> None:
    """Two ranks per quantile, several layers and dask arrays go the same way."""
    values = np.concatenate([draw("float32", "wide"), draw("float32", "close")])
    path = write_raster(tmp_path / "v.tif", values, block=128)
    array = georoi.open_raster(path).to_xarray().chunk({"y": 250, "x": 300})
    stats = ["l=quantile(q=0.37, method='linear')", "median"]
    wanted = georoi.zonal_stats(path, regions(6), stats, boundary="center").drop(columns="geometry")
    for source in (path, array):
        found = georoi.zonal_stats(source, regions(6), stats, boundary="center", max_memory="1MB")
        assert any("took 2 passes" in note for note in found.attrs["notes"])
        names = [name for name in wanted.columns if name.endswith(("_l", "_median"))]
        assert len(names) == 4
        assert found[names].equals(wanted[names])


def test_small_integers_are_counted_and_never_refined(tmp_path: Path) -> None:
    """8 and 16 bits fit any bound, for every statistic of values."""
    path = write_raster(tmp_path / "v.tif", draw("int16", "wide"), block=128)
    wanted = georoi.zonal_stats(path, regions(6), ["median", "mode", "nunique"])
    found = georoi.zonal_stats(path, regions(6), ["median", "mode", "nunique"], max_memory=1)
    assert found[["median", "mode", "nunique"]].equals(wanted[["median", "mode", "nunique"]])
    assert not any("passes" in note for note in found.attrs["notes"])


@pytest.mark.parametrize("stat", ["mode", "nunique", "frac", "hist(bins=[0, 1])"])
def test_what_cannot_be_refined_is_refused_before_a_pixel_is_read(tmp_path: Path, stat: str) -> None:
    """The message names the ROIs, the bound and the remedy."""
    path = write_raster(tmp_path / "v.tif", draw("float32", "wide"), block=128)
    with pytest.raises(MemoryBudgetError) as caught:
        georoi.zonal_stats(path, regions(6), ["median", stat], max_memory="100 KB")
    assert caught.value.id == "E-MEM-01"
    assert caught.value.found["max_memory"] == "100000 bytes"
    assert "max_memory" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("text", "size"), [(None, 2**30), (5, 5), ("512MB", 512_000_000), ("1.5 GiB", 3 * 2**29), ("2k", 2048)]
)
def test_sizes_are_read_as_written(text: Any, size: int) -> None:
    """MB are 10**6 bytes, MiB 2**20."""
    assert parse_memory(text) == size


@pytest.mark.parametrize("text", ["", "much", "5 parsecs", 0, -1, "0MB", 1.5, True])
def test_what_is_no_size_is_refused(text: Any) -> None:
    """A bound that nobody meant is not guessed at."""
    with pytest.raises(UsageError, match="max_memory"):
        parse_memory(text)
