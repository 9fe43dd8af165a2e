"""Kernels are compiled in one way, and a lack of cache costs time only."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(code: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "default", "-c", textwrap.dedent(code)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def kernels(tmp_path: Path) -> Path:
    """Two modules with a kernel each, of which one calls the other."""
    (tmp_path / "lower.py").write_text(
        "from georoi.kernels.jit import njit\n@njit\ndef step(x):\n    return x + 1\n"
    )
    (tmp_path / "upper.py").write_text(
        "from georoi.kernels.jit import njit\nfrom lower import step\n@njit\ndef twice(x):\n"
        "    return step(step(x))\n"
    )
    return tmp_path


CALL = "import upper; print(upper.twice(1), sum(upper.twice.stats.cache_hits.values()))"


def test_second_process_loads_machine_code(kernels: Path) -> None:
    """The first process compiles, the second finds the compiled kernel."""
    cache = str(kernels / "cache")
    assert run(CALL, kernels, NUMBA_CACHE_DIR=cache).stdout.split() == ["3", "0"]
    assert run(CALL, kernels, NUMBA_CACHE_DIR=cache).stdout.split() == ["3", "1"]


def test_change_in_called_kernel_is_seen(kernels: Path) -> None:
    """Changing a kernel renews the kernels of other files that call it."""
    cache = str(kernels / "cache")
    run(CALL, kernels, NUMBA_CACHE_DIR=cache)
    (kernels / "lower.py").write_text((kernels / "lower.py").read_text().replace("x + 1", "x + 10"))
    assert run(CALL, kernels, NUMBA_CACHE_DIR=cache).stdout.split() == ["21", "0"]


def test_no_cache_folder_gives_one_notice(kernels: Path) -> None:
    """Where no folder can be used, kernels run all the same and one warning says so."""
    (kernels / "file").write_text("")
    code = """
        from numba.core import caching
        caching.CacheImpl._locator_classes = []
        import upper
        print(upper.twice(1))
    """
    done = run(code, kernels)
    assert done.stdout.split() == ["3"], done.stderr
    assert done.stderr.count("GeoroiWarning") == 1


def test_full_disk_does_not_end_the_work(kernels: Path) -> None:
    """A cache that cannot be written when the kernel is ready costs a notice, not the result."""
    code = """
        from numba.core import caching
        def full(self, path):
            raise OSError(28, "No space left on device")
        caching.IndexDataCacheFile._open_for_write = full
        import upper
        print(upper.twice(1))
    """
    done = run(code, kernels, NUMBA_CACHE_DIR=str(kernels / "cache"))
    assert done.stdout.split() == ["3"], done.stderr
    assert done.stderr.count("GeoroiWarning") == 1


def test_damaged_cache_is_compiled_again(kernels: Path) -> None:
    """A cache file cut short is no error, and is replaced."""
    cache = kernels / "cache"
    run(CALL, kernels, NUMBA_CACHE_DIR=str(cache))
    for file in cache.rglob("*.nb?"):
        file.write_bytes(b"")
    assert run(CALL, kernels, NUMBA_CACHE_DIR=str(cache)).stdout.split() == ["3", "0"]
    assert run(CALL, kernels, NUMBA_CACHE_DIR=str(cache)).stdout.split() == ["3", "1"]
