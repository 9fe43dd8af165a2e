"""Compile kernels with Numba in one way: without the GIL, cached, and uncached where no cache can be kept."""

from __future__ import annotations

import hashlib
import pickle
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
import numba.core.caching

from georoi.errors import GeoroiWarning

F = TypeVar("F", bound=Callable[..., Any])

# Numba's types are partial and differ between versions.
_numba: Any = numba
_caching: Any = numba.core.caching

# What unpickling raises for a file cut short, or one that names things which are no longer there.
_DAMAGED = (EOFError, pickle.UnpicklingError, AttributeError, ImportError, IndexError, KeyError, ValueError)


def njit(function: F) -> F:
    """Compile a kernel on its first call, and keep the machine code for the next process.

    Kernels take numbers and C-contiguous, writeable arrays; they hold no Python objects and release the GIL.
    Division by zero gives inf or NaN, as in NumPy.
    """
    return _compile(function, frozenset())


def njit_reordered(function: F) -> F:
    """Compile as `njit` does, with sums in an order that suits the processor: the same whenever it is called.

    Numbers must not be NaN. The order depends on how many there are, and on nothing else.
    """
    return _compile(function, frozenset({"reassoc", "nsz", "nnan"}))


def _compile(function: F, fastmath: frozenset[str]) -> F:
    if _numba.config.DISABLE_JIT:
        return function
    kernel: Any = _numba.njit(nogil=True, error_model="numpy", fastmath=set(fastmath))(function)
    try:
        kernel._cache = _KernelCache(function)
    except RuntimeError:  # Numba's way to say that it found no folder it may write to
        _notice()
    return kernel  # type: ignore[no-any-return]


class _KernelCache(_caching.FunctionCache):  # type: ignore[misc]
    """Numba's cache, with two faults mended.

    Numba renews the machine code of a function when its own file changes, but not when a function that it
    calls from another file does: here the stamp covers both. And Numba lets a full disk or a damaged cache
    file end the caller's work: here the kernel is compiled and used without being kept.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self.stamp = _stamp(function)
        self._cache_file = _caching.IndexDataCacheFile(
            cache_path=self._cache_path, filename_base=self._impl.filename_base, source_stamp=self.stamp
        )

    def load_overload(self, signature: Any, context: Any) -> Any:
        """Load the compiled kernel for a signature; None if there is none to be had."""
        try:
            return super().load_overload(signature, context)
        except (OSError, *_DAMAGED):
            with suppress(OSError):
                self.flush()
            return None

    def save_overload(self, signature: Any, data: Any) -> None:
        """Keep the compiled kernel for a signature, if the disk allows."""
        try:
            super().save_overload(signature, data)
        except (OSError, *_DAMAGED):
            _notice()


def _stamp(function: Callable[..., Any]) -> str:
    """Digest what machine code is made from: its source file, the kernels that file imports, constants."""
    digest = hashlib.sha256(Path(function.__code__.co_filename).read_bytes())
    for name, value in sorted(function.__globals__.items()):
        kernel_cache = getattr(value, "_cache", None)
        if isinstance(kernel_cache, _KernelCache) and value.__module__ != function.__module__:
            digest.update(kernel_cache.stamp.encode())
        elif isinstance(value, int | float):
            digest.update(f"{name}={value!r}".encode())
    return digest.hexdigest()


@cache
def _notice() -> None:
    warnings.warn(
        "compiled kernels cannot be kept here, so each process compiles them again (some seconds); "
        "set NUMBA_CACHE_DIR to a folder that can be written to",
        GeoroiWarning,
        stacklevel=3,
    )
