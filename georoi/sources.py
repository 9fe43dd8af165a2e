"""What the verbs work on: a raster file or an array, made of whatever the user gives."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from georoi.errors import RasterError, UsageError
from georoi.grid import make_grid
from georoi.io.raster.rasters import open_raster
from georoi.planning.keeping import find_mask, keep_in_stack, keep_pixels, match_masks
from georoi.values.bands import BandRequest
from georoi.values.quality import MaskRule, parse_mask
from georoi.values.raster import Georeference, Raster
from georoi.values.stack import Stack

if TYPE_CHECKING:
    from georoi.io.array.arrays import ArraySource


def as_source(
    source: object, *, bands: BandRequest | None = None, pixel: bool = False, mask: object = None
) -> Raster | ArraySource:
    """Make what the verbs work on of a path, a `Raster`, a `Stack` or a DataArray.

    Args:
        source: What the user gave; a `Stack` becomes a lazy array (time, band, y, x).
        bands: Which bands are wanted.
        pixel: Whether the ROIs are in pixel space: a raster of unknown CRS is then taken to be too.
        mask: Which pixels are kept; see `read_mask`.

    Raises:
        RasterError: Those of `open_raster` and of `georoi.io.array.arrays.read_array`.
        UsageError: E-USE-01 for a mask on an array.
    """
    rule, masks = read_mask(mask, pixel=pixel)
    xarray = sys.modules.get("xarray")  # whoever has a DataArray has imported it
    if xarray is not None and isinstance(source, xarray.Dataset):
        raise RasterError(
            "E-RAS-10",
            "a Dataset holds several arrays",
            found={"variables": ", ".join(str(name) for name in source.data_vars)},
            hint="choose one: dataset['name'], or dataset.to_dataarray('band')",
        )
    if xarray is not None and isinstance(source, xarray.DataArray):
        from georoi.io.array.arrays import read_array

        if rule is not None:
            raise UsageError(
                "E-USE-01",
                "mask= works on rasters and stacks, and a DataArray is given",
                hint="mask it first: array.where(...), whose NaN are no values",
            )
        return read_array(source, bands=bands, pixel=pixel)
    stack = choose_dates(source, bands=bands, pixel=pixel, mask=mask)
    if stack is not None:
        from georoi.io.array.arrays import read_array

        return read_array(stack.to_xarray(), pixel=pixel)
    raster = _open(source, bands, rule, masks)
    return _in_pixels(raster) if pixel else raster


def choose_dates(
    source: object, *, bands: BandRequest | None = None, pixel: bool = False, mask: object = None
) -> Stack | None:
    """Choose bands and kept pixels of a stack as `as_source` does; None for what is no stack."""
    if not isinstance(source, Stack):
        return None
    source = _stack_in_pixels(source) if pixel else source
    rule, masks = read_mask(mask, pixel=pixel)
    if rule is not None:
        return keep_in_stack(source, rule, masks, bands)
    return source if bands is None else source.select(bands)


def _in_pixels(raster: Raster) -> Raster:
    """Take a raster of unknown CRS to be in pixel space."""
    if raster.georeference != Georeference.UNKNOWN:
        return raster
    grid = make_grid(raster.shape, (1, 0, 0, 0, 1, 0))
    return replace(raster, grid=grid, georeference=Georeference.PIXEL)


def _stack_in_pixels(stack: Stack) -> Stack:
    return replace(stack, rasters=tuple(map(_in_pixels, stack.rasters)))


def _open(
    source: object, bands: BandRequest | None, rule: MaskRule | None, masks: Raster | Stack | None
) -> Raster:
    if rule is None and not isinstance(source, Raster):
        return open_raster(source, bands=bands)
    whole = source if isinstance(source, Raster) else open_raster(source)
    raster = whole if bands is None else whole.select(bands)
    if rule is None:
        return raster
    return keep_pixels(raster, rule, find_mask(rule, match_masks(masks, [whole])[0], whole))


def mask_source(mask: object) -> object:
    """Give where `mask=` says that the bands of its rule are; None where it says nothing of it."""
    return mask[0] if isinstance(mask, tuple) and mask else None


def read_mask(mask: object, *, pixel: bool) -> tuple[MaskRule | None, Raster | Stack | None]:
    """Read which pixels are kept: a rule such as "SCL in {4, 5, 7}", or (raster or stack, rule).

    Returns:
        The rule, and where its bands are; None for the raster that is masked.

    Raises:
        UsageError: E-USE-01 if it is neither.
    """
    if mask is None:
        return None, None
    if not (isinstance(mask, tuple) and len(mask) == 2):
        return parse_mask(mask), None
    source, rule = mask
    if isinstance(source, Stack):
        found: object = _stack_in_pixels(source) if pixel else source
    else:
        found = as_source(source, pixel=pixel)
    if not isinstance(found, (Raster, Stack)):
        raise UsageError(
            "E-USE-01",
            "the mask is a DataArray, and must be a raster or stack",
            hint="write it to a file first",
        )
    return parse_mask(rule), found
