"""Decide which coordinates ROIs are in: the CRS that their source states, the one given, or pixels."""

from __future__ import annotations

from georoi.crs import CRS, crs_label, parse_crs, same_crs
from georoi.crs.identity import plane
from georoi.errors import UsageError
from georoi.values.naming import plain


def flat_crs(crs: CRS) -> CRS:
    """Give the CRS of flat coordinates in x, y: without height, and EPSG:4326 for OGC:CRS84."""
    flat = plane(crs)
    return parse_crs(4326) if flat.to_authority() == ("OGC", "CRS84") else flat


def choose_space(file_crs: CRS | None, rois_crs: object, source: str) -> tuple[CRS | None, bool]:
    """Decide between the CRS that a source states and `rois_crs=`: the CRS, and whether it is pixel space.

    Raises:
        UsageError: E-USE-01 if they contradict each other.
        CRSError: E-CRS-04 if `rois_crs` is not understood.
    """
    if rois_crs is None:
        return file_crs, False
    wanted = None if says_pixel(rois_crs) else parse_crs(rois_crs)
    if file_crs is not None and not (wanted is not None and same_crs(file_crs, wanted)):
        raise UsageError(
            "E-USE-01",
            f"rois_crs= contradicts the CRS of {plain(source)}",
            found={"rois_crs": "pixel" if wanted is None else crs_label(wanted), "rois": crs_label(file_crs)},
            hint="leave rois_crs= out: it is for sources that state no CRS",
        )
    return (wanted if file_crs is None else file_crs), wanted is None


def says_pixel(crs: object) -> bool:
    """Tell whether a CRS argument asks for pixel space."""
    return isinstance(crs, str) and crs.strip().lower() == "pixel"
