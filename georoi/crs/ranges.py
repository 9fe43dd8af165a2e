"""Refuse coordinates that cannot be in their CRS, before anything is transformed."""

from __future__ import annotations

import math

from pyproj import CRS

from georoi.crs.identity import crs_label, plane
from georoi.errors import CRSError

_SLACK = 1e-6  # degrees: rounding in files, such as 90.00000001
_LONGEST_LONGITUDE = 540.0  # degrees: some files count 0..360, or past it where they cross the antimeridian


def check_range(crs: CRS, bounds: tuple[float, float, float, float], *, name: str = "rois") -> None:
    """Check that bounds (xmin, ymin, xmax, ymax) can lie in a CRS; only degrees have a range.

    Raises:
        CRSError: E-CRS-03 for latitudes beyond 90 degrees or longitudes beyond 540: axes are swapped, or the
            coordinates are metres. `name` says whose they are.
    """
    flat = plane(crs)
    if not flat.is_geographic or not flat.axis_info:
        return
    degree = math.radians(1) / flat.axis_info[0].unit_conversion_factor
    xmin, ymin, xmax, ymax = bounds
    latitude, longitude = max(abs(ymin), abs(ymax)) / degree, max(abs(xmin), abs(xmax)) / degree
    if not latitude > 90 + _SLACK and not longitude > _LONGEST_LONGITUDE:
        return
    raise CRSError(
        "E-CRS-03",
        f"coordinates lie outside the range of {crs_label(crs)}",
        found={name: f"x {xmin:.10g} .. {xmax:.10g}, y {ymin:.10g} .. {ymax:.10g}"},
        hint=_hint(latitude, longitude),
    )


def _hint(latitude: float, longitude: float) -> str:
    if latitude <= 360 and longitude <= 90 + _SLACK:
        return "x and y look swapped: longitude comes first, then latitude"
    if max(latitude, longitude) > 1000:
        return "these look like metres, not degrees: say their CRS with rois_crs= (--rois-crs)"
    return "say the right CRS with rois_crs= (--rois-crs)"
