"""Whether ROIs overlap a raster at all, and if not, an error that names both sides and guesses why."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from georoi.crs import CRS, crs_label, find_operation, lonlat_bounds, looks_swapped, transform_points
from georoi.errors import CRSError, GeoroiError
from georoi.grid import Bounds, grid_bounds, grid_crs, to_world
from georoi.values.gridrois import GridROIs
from georoi.values.raster import Header
from georoi.wording import printable, say_count

EARTH = 6371.0088
"""Mean radius of the Earth in km (IUGG)."""
_SAY_CRS = (
    "if a CRS is wrong, say the right one: read_rois(..., rois_crs=) or open_raster(..., raster_crs=) "
    "(--rois-crs, --bbox-crs, --raster-crs)"
)


def check_overlap(rois: GridROIs, header: Header, reach: float = 0.0) -> None:
    """Check that the bounding box of at least one ROI overlaps the raster.

    Args:
        rois: The ROIs, on the raster's grid.
        header: The raster's header.
        reach: Pixels that their weights reach beyond them.

    Raises:
        CRSError: E-CRS-02 with both extents if none does.
    """
    if not overlapping(rois, reach).any():
        raise no_overlap(rois, header)


def overlapping(rois: GridROIs, reach: float = 0.0) -> NDArray[np.bool_]:
    """Tell for each ROI whether its bounding box, grown by `reach` pixels, overlaps the raster with an area.

    Returns:
        Shape (n,).
    """
    rows, cols = rois.grid.shape
    x_min, y_min, x_max, y_max = rois.bounds.T + reach * np.array([[-1], [-1], [1], [1]])
    found: NDArray[np.bool_] = (x_min < cols) & (x_max > 0) & (y_min < rows) & (y_max > 0)
    return found


def no_overlap(rois: GridROIs, header: Header) -> CRSError:
    """Make the error E-CRS-02: both extents, and whether swapped axes or how far a gap explain it."""
    crs = grid_crs(header.grid)
    extent = _roi_extent(rois)
    return CRSError(
        "E-CRS-02",
        "the ROIs do not overlap the raster",
        found={
            "rois": f"{say_count(len(rois), 'ROI')}, {_describe_rois(rois, crs, extent)}",
            "raster": f"{printable(header.name)}, {_describe_both(header.grid)}",
        },
        hint=_hint(rois, crs, extent),
    )


def axes_look_swapped(rois: GridROIs) -> bool:
    """Tell whether the ROIs miss the raster as they are but would meet it with x and y exchanged."""
    crs = grid_crs(rois.grid)
    if crs is None:
        rows, cols = rois.grid.shape
        return bool(
            not overlapping(rois).any()
            and (
                (rois.bounds[:, 1] < cols)
                & (rois.bounds[:, 3] > 0)
                & (rois.bounds[:, 0] < rows)
                & (rois.bounds[:, 2] > 0)
            ).any()
        )
    own = rois.crs or crs
    bounds = _moved(crs, own, _roi_extent(rois))
    return bounds is not None and bounds_look_swapped(bounds, own, rois.grid)


def bounds_look_swapped(bounds: Bounds, crs: CRS, grid: GeoBox) -> bool:
    """Tell whether bounds in `crs` miss a grid as they are but would meet it with x and y exchanged."""
    target = grid_crs(grid)
    extent = None if target is None else _moved(target, crs, grid_bounds(grid))
    return extent is not None and looks_swapped(bounds, extent)


def explained(error: CRSError, bounds: Bounds, crs: CRS, grid: GeoBox) -> CRSError:
    """Give the error that says why ROIs cannot be brought to a grid, where a missing overlap explains it.

    Coordinates out of range (E-CRS-03) and places where no operation is known (E-CRS-06) are often just in
    the wrong order, or far from the raster.

    Args:
        error: What was raised.
        bounds: Of the ROIs, in their CRS.
        crs: That of the ROIs.
        grid: The raster's grid.
    """
    swapped = bounds_look_swapped(bounds, crs, grid)
    if error.id == "E-CRS-03":
        return CRSError(error.id, error.rule, found=error.found, hint=_order(crs)) if swapped else error
    target = grid_crs(grid)
    extent = None if target is None else _moved(target, crs, grid_bounds(grid))
    if error.id != "E-CRS-06" or extent is None or _meet(bounds, extent):
        return error
    return CRSError(
        "E-CRS-02",
        "the ROIs do not overlap the raster",
        found={"rois": f"{crs_label(crs)}, {_describe(crs, bounds)}", "raster": _describe_both(grid)},
        hint=_order(crs) if swapped else _SAY_CRS,
    )


def _meet(a: Bounds, b: Bounds) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _describe_both(grid: GeoBox) -> str:
    crs = grid_crs(grid)
    return f"{_name(crs)}, {_describe(crs, grid_bounds(grid))}"


def _order(crs: CRS | None) -> str:
    order = "longitude, then latitude" if crs is not None and crs.is_geographic else "x, then y"
    return f"with x and y exchanged the ROIs would overlap: coordinates are {order}"


def _roi_extent(rois: GridROIs) -> Bounds:
    """Give the bounds of all ROIs in the raster's CRS (in pixels where it has none); NaN if all are empty."""
    if np.isnan(rois.bounds).all():
        return math.nan, math.nan, math.nan, math.nan
    x_min, y_min = np.nanmin(rois.bounds[:, :2], axis=0)
    x_max, y_max = np.nanmax(rois.bounds[:, 2:], axis=0)
    x, y = to_world(rois.grid, [x_min, x_max, x_max, x_min], [y_min, y_min, y_max, y_max])
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def _name(crs: CRS | None) -> str:
    return "pixel space" if crs is None else crs_label(crs)


def _describe_rois(rois: GridROIs, crs: CRS | None, extent: Bounds) -> str:
    if math.isnan(extent[0]):
        return "none of which has an area"
    own = rois.crs or crs
    text = _describe(crs, extent)
    return f"{_name(own)}, {text}" if own is crs else f"{_name(own)}; in {_name(crs)}: {text}"


def _describe(crs: CRS | None, bounds: Bounds) -> str:
    """Say bounds in their CRS, and in degrees where that is another thing."""
    digits = 6 if crs is not None and crs.is_geographic else 1
    text = (
        _say_range("x", bounds[0], bounds[2], digits) + ", " + _say_range("y", bounds[1], bounds[3], digits)
    )
    degrees = None if crs is None or crs.is_geographic else lonlat_bounds(crs, bounds)
    if degrees is None:
        return text
    west, south, east, north = degrees
    return f"{text} (lon {west:.4f} to {east:.4f}, lat {south:.4f} to {north:.4f})"


def _say_range(axis: str, low: float, high: float, digits: int) -> str:
    return f"{axis} {_say(low, digits)} to {_say(high, digits)}"


def _say(value: float, digits: int) -> str:
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _moved(source: CRS, target: CRS, bounds: Bounds) -> Bounds | None:
    """Bring bounds to another CRS along 21 points of each edge; None where that cannot be done."""
    if not all(map(math.isfinite, bounds)):
        return None
    try:
        operation, _ = find_operation(source, target, lonlat_bounds(source, bounds), allow_ballpark=True)
    except GeoroiError:
        return None
    along = np.linspace(0, 1, 21)
    xs, ys = bounds[0] + along * (bounds[2] - bounds[0]), bounds[1] + along * (bounds[3] - bounds[1])
    x = np.concatenate([xs, xs, np.full(21, bounds[0]), np.full(21, bounds[2])])
    y = np.concatenate([np.full(21, bounds[1]), np.full(21, bounds[3]), ys, ys])
    x, y = transform_points(operation, x, y)
    if not np.isfinite(x + y).all():
        return None
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def _hint(rois: GridROIs, crs: CRS | None, extent: Bounds) -> str:
    if math.isnan(extent[0]):
        return "give ROIs that have an area"
    if axes_look_swapped(rois):
        return _order(rois.crs or crs)
    if overlapping(rois).any():
        return "their bounding boxes meet the raster, but no ROI reaches into it with an area"
    gap = f"the nearest ROI is {_distance(rois, crs)} away"
    if crs is None:
        return gap
    return f"{gap}; {_SAY_CRS}"


def _distance(rois: GridROIs, crs: CRS | None) -> str:
    """Say how far the bounding box of the nearest ROI lies from the raster."""
    rows, cols = (int(side) for side in rois.grid.shape)
    bounds = rois.bounds[~np.isnan(rois.bounds[:, 0])]
    gap_x = np.maximum(0, np.maximum(-bounds[:, 2], bounds[:, 0] - cols))
    gap_y = np.maximum(0, np.maximum(-bounds[:, 3], bounds[:, 1] - rows))
    nearest = int(np.argmin(np.hypot(gap_x, gap_y)))
    x_min, y_min, x_max, y_max = bounds[nearest]
    # The nearest points of two boxes: on each axis both in the overlap, or at the facing sides.
    there = np.clip((0, 0), (x_min, y_min), (x_max, y_max))
    here = np.clip(there, 0, (cols, rows))
    there = np.clip(here, (x_min, y_min), (x_max, y_max))
    pixels = f"{_say(float(np.hypot(*(there - here))), 1)} pixels"
    if crs is None:
        return pixels
    x, y = to_world(rois.grid, [here[0], there[0]], [here[1], there[1]])
    ends = [lonlat_bounds(crs, (float(a), float(b), float(a), float(b))) for a, b in zip(x, y, strict=True)]
    if ends[0] is None or ends[1] is None:
        return pixels
    kilometres = _great_circle(ends[0][:2], ends[1][:2])
    return f"about {kilometres:,.0f} km" if kilometres >= 10 else f"about {kilometres * 1000:,.0f} m"


def _great_circle(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Give the distance of two points (lon, lat) in degrees on a sphere, in km (haversine formula)."""
    lon_a, lat_a, lon_b, lat_b = map(math.radians, (*a, *b))
    half = math.sin((lat_b - lat_a) / 2) ** 2
    half += math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2
    return 2 * EARTH * math.asin(min(1.0, math.sqrt(half)))
