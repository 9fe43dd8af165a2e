"""Errors of Arrow, pandas, pyogrio and SQLite while a table is written, turned into georoi's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import shapely
from pyogrio._err import CPLE_BaseError  # pyogrio offers no public name for GDAL's own errors

from georoi.errors import MemoryBudgetError, OutputError
from georoi.io.names import shown
from georoi.io.output.claims import translate

_DATA = (
    pa.ArrowException,
    shapely.errors.ShapelyError,
    ValueError,
    TypeError,
    OverflowError,
    KeyError,
    NotImplementedError,
)
_WRITING = (CPLE_BaseError, sqlite3.Error, RuntimeError)


@contextmanager
def translated(target: Path) -> Iterator[None]:
    """Turn what libraries raise while a table is made into E-OUT-03, E-OUT-04 or E-MEM-01.

    Args:
        target: The output, named in the error.
    """
    try:
        yield
    except MemoryError as error:
        raise MemoryBudgetError(
            "E-MEM-01", f"writing {target.name} needs more memory than there is"
        ) from error
    except BrokenPipeError:  # the reader of stdout has gone: no failure of the table
        raise
    except OSError as error:
        raise translate(error, target) from error
    except _DATA as error:
        raise OutputError(
            "E-OUT-04",
            f"the table does not fit {target.name}",
            found={"output": str(target), "cause": shown(error)},
            hint="write GeoParquet, or leave out the column that is named",
        ) from error
    except _WRITING as error:
        raise OutputError(
            "E-OUT-03",
            f"writing {target.name} failed",
            found={"output": str(target), "cause": shown(error)},
            hint="see whether the disk is full",
        ) from error
