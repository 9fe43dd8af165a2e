"""Read ROIs from wherever they are: files of any vector format, GeoDataFrames, geometries, mappings."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely

from georoi.crs import CRS, parse_crs
from georoi.errors import ROIError, UsageError
from georoi.io.vector.geojson_text import stated_by
from georoi.io.vector.vector_files import (
    Box,
    Read,
    filtered,
    geojson_crs,
    located,
    read_file,
    read_geojson_text,
)
from georoi.values.features import Features, from_frame, from_items
from georoi.values.naming import plain
from georoi.values.rois import ROISet, Rules
from georoi.values.space import choose_space, says_pixel


def read_rois(
    source: Any,
    *,
    layer: str | int | None = None,
    where: str | None = None,
    id_column: str | None = None,
    rois_crs: object = None,
    bbox: Box | None = None,
    on_invalid: str = "repair",
    on_duplicate: str = "rename",
) -> ROISet:
    """Read regions of interest, and clean them: polygons only, valid, with unique ids.

    Ids are the user's: the column asked for, else `roi_id`, `id` if it is nowhere null, else the number of
    the feature in its source, counted from 0; ids that occur twice become `id#2`. They are chosen and made
    unique before `where` and `bbox` take a part, but of GeoPackage, FlatGeobuf and Shapefile, whose drivers
    give that part alone: name a column of unique ids there, or select from all. What was repaired, dropped
    or renamed is in `.findings`, and one `GeoroiWarning` sums it up.

    Args:
        source: A path or URL (GeoJSON, GeoJSONSeq, Shapefile, also zipped, GeoPackage, GeoParquet,
            FlatGeobuf, KML), "path::layer", a GeoDataFrame or GeoSeries, a shapely geometry, a GeoJSON-like
            mapping, bytes of GeoJSON text, an object with `__geo_interface__`, a list or generator of these,
            or a ROISet.
        layer: Name or number of the layer of a file that has several.
        where: Condition on attributes in SQL, such as "class = 'forest' AND area > 5".
        id_column: Column of the ids.
        rois_crs: CRS where the source states none; "pixel" for pixel space.
        bbox: (xmin, ymin, xmax, ymax) in the CRS of the ROIs; only ROIs that meet it are taken.
        on_invalid: "repair", "drop" or "error": what is done with invalid geometries.
        on_duplicate: "rename" (to `id#2`) or "error": what is done with ids that occur twice.

    Raises:
        ROIError: E-ROI-01 if the source is missing or cannot be read, E-ROI-02 if it holds no polygon,
            E-ROI-03 if coordinates are not finite, E-ROI-05 if a layer must be chosen, E-ROI-08 if there is
            no such column, E-ROI-09 if the filter is not understood; where errors were asked for, E-ROI-04
            for duplicate ids and E-ROI-07 for invalid geometries.
        UsageError: E-USE-01 if `rois_crs` contradicts the source, or an option has no meaning here.
        CRSError: E-CRS-04 if a CRS is not understood.
    """
    rules = Rules(id_column=id_column, on_invalid=on_invalid, on_duplicate=on_duplicate)
    box = None if bbox is None else _check_box(bbox)
    if where is not None and (not where.strip() or "\x00" in where):
        raise ROIError(
            "E-ROI-09", "the filter given as where= is empty or no text", found={"where": plain(where)}
        )
    if isinstance(source, ROISet) and all(
        option is None for option in (layer, where, id_column, rois_crs, box)
    ):
        return source
    if isinstance(source, (str, os.PathLike)):
        with located(source, layer) as (path, name, wanted):
            read = read_file(path, name, wanted, where, box)
    elif layer is not None:
        raise UsageError("E-USE-01", "layer= chooses a layer of a file, and the source is none")
    else:
        read = filtered(read_object(source), where)
    return _make(read, where, box, decide_space(read, rois_crs), rules)


def decide_space(read: Read, rois_crs: object) -> tuple[CRS | None, bool]:
    """Decide the CRS, and whether it is pixel space; what a format means by silence yields to `rois_crs=`."""
    if rois_crs is None:
        return read.crs, read.pixel
    if read.pixel and not says_pixel(rois_crs):
        raise UsageError("E-USE-01", "rois_crs= is given, but the ROIs are in pixel space")
    return choose_space(read.crs if read.states_crs else None, rois_crs, read.name)


def _make(
    read: Read, where: str | None, box: Box | None, space: tuple[CRS | None, bool], rules: Rules
) -> ROISet:
    if where is not None and not len(read.features):
        raise ROIError(
            "E-ROI-02", f"no feature of {read.name} meets the filter", found={"where": plain(where)}
        )
    if box is None:
        return ROISet.from_features(read.features, space=space, name=read.name, rules=rules, whole=read.whole)
    whole = read.features if read.whole is None else read.whole
    features = _near(read.features, box)
    if not len(features):
        raise _off(read.features, read.name, box)
    rois = ROISet.from_features(features, space=space, name=read.name, rules=rules, whole=whole)
    meets = shapely.intersects(rois.geometry, shapely.box(*box))
    if not meets.any():
        raise _off(features, read.name, box)
    return rois if meets.all() else rois[meets]


def read_object(source: Any) -> Read:
    """Take raw features from what is no file: frames, geometries, mappings, bytes of GeoJSON, a ROISet."""
    if isinstance(source, (bytes, bytearray)):
        return read_geojson_text(bytes(source), "the GeoJSON text")
    if isinstance(source, ROISet):
        attributes = {**source.attributes, "roi_id": source.ids}
        features = Features(
            geometry=np.array(source.geometry), numbers=np.arange(len(source)), attributes=attributes
        )
        return Read(features, source.name, source.crs, pixel=source.pixel)
    if hasattr(source, "geometry") and hasattr(source, "crs") and hasattr(source, "index"):
        crs = None if source.crs is None else parse_crs(source.crs)
        return Read(from_frame(source), type(source).__name__, crs)
    if isinstance(source, Mapping) and source.get("type") in ("FeatureCollection", "Feature"):
        # GeoJSON is in WGS 84 unless it says otherwise; a bare geometry may come from anywhere.
        stated = stated_by(source, "the GeoJSON mapping")
        return Read(from_items(source), "GeoJSON", *geojson_crs(stated))
    return Read(from_items(source), "geometries", None)


def _check_box(bbox: Any) -> Box:
    try:
        xmin, ymin, xmax, ymax = (float(value) for value in bbox)
    except (TypeError, ValueError):
        xmin = ymin = xmax = ymax = math.nan
    if not (xmin <= xmax and ymin <= ymax and math.isfinite(xmax - xmin + ymax - ymin)):
        raise UsageError(
            "E-USE-01",
            f"bbox must be (xmin, ymin, xmax, ymax), not {plain(bbox)}",
            hint="in the CRS of the ROIs",
        )
    return xmin, ymin, xmax, ymax


def _near(features: Features, box: Box) -> Features:
    """Leave out features whose own box is off, before any is repaired and spoken of."""
    bounds = shapely.bounds(features.geometry)
    with np.errstate(invalid="ignore"):
        off = (bounds[:, :2] > box[2:]).any(axis=1) | (bounds[:, 2:] < box[:2]).any(axis=1)
    return features.take(np.flatnonzero(~off & ~np.isnan(bounds).any(axis=1)))


def _off(features: Features, name: str, box: Box) -> ROIError:
    bounds = shapely.total_bounds(features.geometry).tolist() if len(features) else []
    return ROIError(
        "E-ROI-02",
        f"no ROI of {name} meets the box asked for",
        found={"bbox": _numbers(box), **({"rois": _numbers(bounds)} if bounds else {})},
        hint="bbox= is in the CRS of the ROIs, in the order xmin, ymin, xmax, ymax",
    )


def _numbers(values: Any) -> str:
    return ", ".join(f"{float(value):.10g}" for value in values)
