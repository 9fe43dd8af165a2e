"""Read points from wherever they are, or whatever a source holds: points or regions of interest."""

from __future__ import annotations

import os
from typing import Any

from georoi.errors import ROIError, UsageError
from georoi.io.vector.vector_files import Read, filtered, located, read_file
from georoi.io.vector.vectors import decide_space, read_object
from georoi.values.naming import plain
from georoi.values.points import PointSet, holds_points
from georoi.values.rois import ROISet, Rules


def read_points(
    source: Any,
    *,
    layer: str | int | None = None,
    where: str | None = None,
    id_column: str | None = None,
    points_crs: object = None,
) -> PointSet:
    """Read points, with unique ids; what is no point is dropped with a warning.

    Args:
        source: What `read_rois` takes, with points in place of polygons; or a PointSet.
        layer: Name or number of the layer of a file that has several.
        where: Condition on attributes in SQL.
        id_column: Column of the ids; else `roi_id`, `id` if nowhere null, else feature numbers from 0.
        points_crs: CRS where the source states none; "pixel" for pixel space.

    Raises:
        ROIError: E-ROI-01, E-ROI-05, E-ROI-08, E-ROI-09 as `read_rois`; E-ROI-11 if there is no point.
        UsageError: E-USE-01 if `points_crs` contradicts the source.
        CRSError: E-CRS-04 if a CRS is not understood.
    """
    if isinstance(source, PointSet):
        return source
    read = _read(source, layer, where)
    return PointSet.from_features(
        read.features, space=decide_space(read, points_crs), name=_name(read), id_column=id_column
    )


def read_places(source: Any) -> ROISet | PointSet:
    """Read points where a source holds points and nothing else, else regions of interest.

    Raises:
        ROIError: As `read_rois` and `read_points`.
        CRSError: E-CRS-04 if a CRS is not understood.
    """
    if isinstance(source, (ROISet, PointSet)):
        return source
    read = _read(source, None, None)
    space = decide_space(read, None)
    if holds_points(read.features):
        return PointSet.from_features(read.features, space=space, name=_name(read))
    return ROISet.from_features(read.features, space=space, name=read.name, rules=Rules())


def _read(source: Any, layer: str | int | None, where: str | None) -> Read:
    if where is not None and (not where.strip() or "\x00" in where):
        raise ROIError(
            "E-ROI-09",
            "the filter given as where= is empty or no text",
            found={"where": plain(where)},
            hint="write a condition as in SQL, such as \"kind = 'well'\"",
        )
    if isinstance(source, (str, os.PathLike)):
        with located(source, layer) as (path, name, wanted):
            return read_file(path, name, wanted, where, None)
    if layer is not None:
        raise UsageError(
            "E-USE-01",
            "layer= chooses a layer of a file, and the source is none",
            hint="leave out layer=",
        )
    return filtered(read_object(source), where)


def _name(read: Read) -> str:
    return "points" if read.name == "geometries" else read.name
