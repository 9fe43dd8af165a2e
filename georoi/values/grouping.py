"""ROIs taken together by an attribute: one ROI per value, the union of those that have it."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import shapely

from georoi.errors import GeoroiWarning, ROIError
from georoi.values.naming import make_unique, plain, some
from georoi.values.rois import ROISet


def group_rois(rois: ROISet, by: str) -> ROISet:
    """Unite the ROIs of each value of an attribute, in the order in which values are met.

    Ids are the values; attributes are the value and `n_rois`. ROIs without a value are left out with a
    warning.

    Raises:
        ROIError: E-ROI-08 if there is no such attribute, E-ROI-02 if no ROI has a value.
    """
    if by not in rois.attributes:
        raise ROIError(
            "E-ROI-08",
            f"{rois.name} has no attribute {plain(by, 60)!r} to group by",
            found={"attributes": some(rois.attributes, 20) or "none"},
            hint="choose one of these with by= (--by)",
        )
    members: dict[Any, list[int]] = {}
    for place, value in enumerate(rois.attributes[by].tolist()):
        if value is not None and value == value:
            members.setdefault(value, []).append(place)
    missing = len(rois) - sum(map(len, members.values()))
    if not members:
        raise ROIError("E-ROI-02", f"no ROI of {rois.name} has a value of {plain(by, 60)!r}")
    if missing:
        warnings.warn(
            f"{missing} of {len(rois)} ROIs have no value of {plain(by, 60)!r} and are left out",
            GeoroiWarning,
            stacklevel=2,
        )
    geometry = np.empty(len(members), dtype=object)
    geometry[:] = [shapely.union_all(rois.geometry[places]) for places in members.values()]
    ids, _ = make_unique([value if isinstance(value, (int, str)) else str(value) for value in members])
    named = np.empty(len(ids), dtype=object)
    named[:] = ids
    counts = np.array([len(places) for places in members.values()])
    values = rois.attributes[by][[places[0] for places in members.values()]]
    return replace(rois, ids=named, geometry=geometry, attributes={by: values, "n_rois": counts})
