"""The public names: which there are, that they load when used, and that none hides a module."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import georoi

NAMES = [
    "Boundary", "CRSError", "CheckReport", "Crop", "GeoroiError", "GeoroiWarning", "MemoryBudgetError",
    "MissingExtraError", "OutputError", "OutputExistsError", "PartialError", "Plan", "ROIError", "ROIImages",
    "ROISet", "Raster", "RasterError", "Stack", "UnknownROIError", "UsageError", "Written", "check", "clip",
    "clip_each", "clip_file", "connect", "extract", "extract_file", "mask", "open_raster", "open_stack",
    "paste", "plan", "read_rois",
    "separability", "write", "zonal_stats",
]  # fmt: skip


def test_these_are_the_public_names():
    assert georoi.__all__ == NAMES
    assert set(NAMES) <= set(dir(georoi))


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_loads_and_says_what_it_is(name):
    thing = getattr(georoi, name)
    assert inspect.getdoc(thing)
    assert thing.__name__ == name


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'clop'"):
        georoi.clop  # noqa: B018


def test_no_public_name_is_that_of_a_submodule():
    modules = {module.name for module in pkgutil.iter_modules(georoi.__path__)}
    assert not modules & set(NAMES)


def test_the_stub_tells_type_checkers_the_same_names():
    stub = ast.parse(Path(georoi.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imported = {
        alias.name: node.module
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(imported) == NAMES
    for name, home in imported.items():
        module = __import__(home, fromlist=[name])
        assert getattr(module, name) is getattr(georoi, name)


def test_importing_georoi_loads_nothing_heavy_and_is_quick():
    code = "from time import perf_counter as t; a = t(); import georoi, sys; print(t() - a, *sys.modules)"
    seconds = []
    for _ in range(3):
        out = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
        loaded = {name.split(".")[0] for name in out[1:]}
        assert not loaded & {"numpy", "rasterio", "xarray", "dask", "numba", "shapely", "pyproj", "click"}
        seconds.append(float(out[0]))
    assert min(seconds) < 0.05


def test_every_verb_takes_at_most_three_arguments_by_place():
    for name in NAMES:
        if name.islower():
            kinds = [
                parameter.kind for parameter in inspect.signature(getattr(georoi, name)).parameters.values()
            ]
            assert kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD) <= 3
