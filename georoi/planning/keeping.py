"""Cloud and quality masks by headers: the bands that a rule needs, and rasters of which it keeps pixels."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from georoi.errors import RasterError, UsageError
from georoi.grid import describe, same
from georoi.planning.stacking import DRIVER, digest
from georoi.values.composition import Kept
from georoi.values.dating import say_moment
from georoi.values.naming import some
from georoi.values.quality import MaskRule
from georoi.values.raster import Raster
from georoi.values.stack import Stack


def find_mask(rule: MaskRule, raster: Raster, of: Raster) -> Raster:
    """Choose the bands of a rule, in its order, in a raster on the grid of the one that it masks.

    Raises:
        RasterError: E-RAS-04 if a band of the rule is missing; E-STK-02 if the grids differ.
    """
    if raster is not of and not same(raster.grid, of.grid):
        raise RasterError(
            "E-STK-02",
            f"the mask '{raster.name}' does not lie on the grid of '{of.name}'",
            found={"mask": describe(raster.grid), "raster": describe(of.grid)},
            hint="bring it there first: open_stack([mask], like=raster, align='nearest')",
        )
    found = rule.find_bands(raster.band_names, raster=raster.name, band_numbers=raster.bands)
    return raster.select([raster.bands[found[name]] for name in rule.bands])


def match_masks(masks: Stack | Raster | None, scenes: Sequence[Raster]) -> list[Raster]:
    """Give the raster that masks each scene: of a stack the one of the same moment, of None the scene itself.

    Where several scenes are of one moment, as many masks must be: the first, by name, masks the first.

    Raises:
        UsageError: E-USE-01 if a scene has no mask of its moment, or a moment has more or fewer masks than
            scenes.
    """
    if masks is None:
        return list(scenes)
    if isinstance(masks, Raster):
        return [masks] * len(scenes)
    by_date: defaultdict[Any, list[Raster]] = defaultdict(list)
    for raster in masks:
        by_date[raster.date].append(raster)
    missing = [scene.name for scene in scenes if scene.date not in by_date]
    if missing:
        raise UsageError(
            "E-USE-01",
            f"{len(missing)} of {len(scenes)} scenes have no mask of their moment",
            found={"without a mask": some(missing), "masks": some(masks.labels)},
            hint="give the masks the dates of the scenes: open_stack(..., dates=)",
        )
    for date, count in Counter(scene.date for scene in scenes).items():
        if len(by_date[date]) != count:
            raise UsageError(
                "E-USE-01",
                "it is not plain which mask is of which scene: a moment has more of one than of the other",
                found={
                    "moment": "none" if date is None else say_moment(date),
                    "scenes": some(scene.name for scene in scenes if scene.date == date),
                    "masks": some(mask.name for mask in by_date[date]),
                },
                hint="give scenes and masks times that tell them apart, open_stack(..., dates=), or as many "
                "masks as scenes",
            )
    left = {date: iter(found) for date, found in by_date.items()}
    return [next(left[scene.date]) for scene in scenes]


def keep_pixels(raster: Raster, rule: MaskRule, masks: Raster) -> Raster:
    """Make a raster whose pixels are masked where a rule does not keep them; nothing is read.

    Args:
        raster: The bands wanted.
        rule: Which pixels are kept.
        masks: The bands of the rule, as `find_mask` gives them.
    """
    kept = Kept(source=raster, rule=rule, masks=masks)
    return replace(
        raster,
        composition=kept,
        mask_kind="mask",
        driver=DRIVER,
        fingerprint=digest(kept, (raster, masks), raster.grid),
        layout=None,
        overviews=(),
        notes=(*raster.notes, f"only pixels with {rule} are kept"),
    )


def keep_in_stack(stack: Stack, rule: MaskRule, masks: Stack | Raster | None, bands: Any = None) -> Stack:
    """Mask every raster of a stack; see `keep_pixels`.

    Args:
        stack: The scenes.
        rule: Which pixels are kept.
        masks: Where the bands of the rule are; None for the scenes themselves.
        bands: The bands wanted; all by default.
    """
    found = match_masks(masks, stack.rasters)
    chosen = stack if bands is None else stack.select(bands)
    kept = tuple(
        keep_pixels(wanted, rule, find_mask(rule, mask, scene))
        for wanted, mask, scene in zip(chosen, found, stack, strict=True)
    )
    return replace(chosen, rasters=kept)
