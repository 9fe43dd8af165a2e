"""Ask PROJ for the operations between two CRS, quietly and once."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import NamedTuple

from pyproj import CRS, Transformer
from pyproj.aoi import AreaOfInterest
from pyproj.exceptions import ProjError
from pyproj.transformer import TransformerGroup

Area = tuple[float, float, float, float]
"""(west, south, east, north) in degrees; west > east where it crosses the antimeridian."""


class Candidate(NamedTuple):
    """One operation that PROJ can carry out here."""

    name: str
    accuracy: float | None
    """In metres; None where the register does not tell."""
    pipeline: str
    """PROJ text, x before y on both sides; degrees where the CRS has degrees."""


def candidates(source: CRS, target: CRS, area: Area | None, *, allow_ballpark: bool) -> tuple[Candidate, ...]:
    """List the usable operations, the best for the area first; empty if there is none."""
    return _candidates(source.to_wkt(), target.to_wkt(), area, allow_ballpark)


@lru_cache(maxsize=256)
def _candidates(source: str, target: str, area: Area | None, allow_ballpark: bool) -> tuple[Candidate, ...]:
    interest = AreaOfInterest(*area) if area is not None else None
    with warnings.catch_warnings():
        # A better grid may exist that is not installed; the accuracy of what is used gets recorded instead.
        warnings.simplefilter("ignore", UserWarning)
        try:
            group = TransformerGroup(
                CRS.from_wkt(source),
                CRS.from_wkt(target),
                always_xy=True,
                area_of_interest=interest,  # type: ignore[arg-type]  # pyproj's own stub names another class
                allow_ballpark=allow_ballpark,
            )
        except ProjError:
            return ()
    return tuple(
        Candidate(_clean(found.description), _accuracy(found), found.definition)
        for found in group.transformers
    )


@lru_cache(maxsize=256)
def transformer(pipeline: str) -> Transformer:
    """Make the transformer of a pipeline: unlike a group's own, it may be shared by threads."""
    return Transformer.from_pipeline(pipeline)


def projection(source: CRS, target: CRS) -> Transformer:
    """Make the transformer between a CRS and the geographic one it is based on: there is just one."""
    return _projection(source.to_wkt(), target.to_wkt())


@lru_cache(maxsize=256)
def _projection(source: str, target: str) -> Transformer:
    return Transformer.from_crs(CRS.from_wkt(source), CRS.from_wkt(target), always_xy=True)


def _accuracy(found: Transformer) -> float | None:
    """The accuracy that PROJ states; 0 where all steps are conversions, for which newer PROJ states none."""
    if found.accuracy >= 0:
        return float(found.accuracy)
    steps = found.operations or ()
    return 0.0 if steps and all(step.type_name == "Conversion" for step in steps) else None


def _clean(description: str | None) -> str:
    """Leave the exchange of axes, which PROJ says in one of two ways, out of a description."""
    steps = (description or "").removesuffix(" (with axis order normalized for visualization)").split(" + ")
    return (
        " + ".join(step for step in steps if not step.startswith("axis order change")) or "axis order change"
    )
