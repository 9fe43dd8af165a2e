"""Errors of the libraries that read vector files, turned into georoi's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import shapely

from georoi.errors import ROIError
from georoi.io.names import shown

FOREIGN: tuple[type[Exception], ...] = (
    shapely.errors.ShapelyError,
    OSError,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    RuntimeError,
    OverflowError,
)
"""What reading a vector file may raise; Arrow and Unicode errors are ValueErrors or OSErrors."""
_IN_MEMORY = re.compile(r"/vsimem/[\w/.]+")


@contextmanager
def translated(name: str, foreign: tuple[type[Exception], ...] = FOREIGN) -> Iterator[None]:
    """Turn what foreign libraries and Python raise while `name` is read into E-ROI-01."""
    try:
        yield
    except MemoryError as error:
        raise ROIError("E-ROI-01", f"{name} needs more memory to be read than there is") from error
    except foreign as error:
        missing = isinstance(error, FileNotFoundError)
        raise ROIError(
            "E-ROI-01",
            f"{name} does not exist" if missing else f"{name} cannot be read",
            found=None if missing else {"cause": shown(_IN_MEMORY.sub(name, str(error)))},
            hint="check the path" if missing else "check that the file is complete, or export it again",
        ) from error
