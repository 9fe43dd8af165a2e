"""Errors that say why ROIs do not reach a raster, where they cannot even be brought to its grid."""

from __future__ import annotations

import pytest
from shapely.geometry import box

from georoi.errors import CRSError
from georoi.grid import make_grid
from georoi.planning.alignment import align
from georoi.values.rois import ROISet

ROMANIA = make_grid((100, 100), (10, 0, 5_271_982.6, 0, -10, 2_533_004.2), "EPSG:3035")


def refused(bounds: tuple[float, float, float, float], grid: object) -> CRSError:
    """The error that ROIs of these bounds in EPSG:4326 are refused with."""
    rois = ROISet.from_geometries([box(*bounds)], crs="EPSG:4326")
    with pytest.raises(CRSError) as caught:
        align(rois, grid, pixel_grid=False)
    return caught.value


def test_swapped_axes_where_no_operation_is_known() -> None:
    """Latitude before longitude lands where EPSG:3035 has no operation: E-CRS-02, and why."""
    error = refused((45.20, 22.15, 45.21, 22.16), ROMANIA)

    assert error.id == "E-CRS-02"
    assert "with x and y exchanged the ROIs would overlap" in str(error.hint)
    assert {"rois", "raster"} == set(error.found)


def test_far_away_where_no_operation_is_known() -> None:
    """ROIs on another continent do not overlap; that no operation is known there is beside the point."""
    error = refused((140, -40, 141, -39), ROMANIA)

    assert error.id == "E-CRS-02"
    assert "exchanged" not in str(error.hint)


def test_swapped_axes_out_of_range() -> None:
    """A latitude of 120 is out of range, and the hint says that x and y are exchanged."""
    rois = ROISet.from_geometries([box(60.2, 120.2, 60.4, 120.4)], crs="EPSG:4326")
    with pytest.raises(CRSError) as caught:
        align(rois, make_grid((10, 10), (9e4, 0, 0, 0, -9e4, 9e6), "EPSG:32651"), pixel_grid=False)

    assert caught.value.id == "E-CRS-03"
    assert "x and y" in str(caught.value.hint)
