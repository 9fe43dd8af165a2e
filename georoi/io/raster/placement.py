"""Where a raster's pixels lie: the grid and CRS that a file gives or the user names."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.io import DatasetReader

from georoi.crs import CRS, crs_label, parse_crs, same_crs
from georoi.errors import CRSError, RasterError
from georoi.grid import make_grid
from georoi.io.raster.netcdf import fit_transform
from georoi.values.raster import Georeference

PIXEL = "pixel"


class Placement(NamedTuple):
    """A grid, how it came about, and what was decided on the way."""

    grid: GeoBox
    georeference: Georeference
    notes: tuple[str, ...]


def place_pixels(dataset: DatasetReader, raster_crs: object, name: str) -> Placement:
    """Find the grid of a dataset.

    A CRS without a transform is no place, unless the user names the CRS: then the pixels lie where GDAL
    puts them, at (column, row) with y growing downwards.

    Args:
        dataset: An open dataset.
        raster_crs: None, "pixel", or a CRS that replaces the file's own.
        name: The raster's name, for messages.

    Raises:
        CRSError: E-CRS-05 if pixel space is asked for and the file is georeferenced; E-CRS-04 if
            `raster_crs` is not understood.
        RasterError: E-RAS-10 if the transform has no inverse.
    """
    own, notes = _own_crs(dataset)
    points, coefficients = bool(dataset.gcps[0]), dataset.rpcs is not None
    if isinstance(raster_crs, str) and raster_crs.strip().lower() == PIXEL:
        _check_pixel_space(own, points, coefficients, name, has_grid=not dataset.transform.is_identity)
        return Placement(make_grid(dataset.shape, Affine.identity()), Georeference.PIXEL, notes)
    given = None if raster_crs is None else parse_crs(raster_crs)
    if own is not None and given is not None and not same_crs(own, given):
        notes += (f"the file's own CRS, {crs_label(own)}, is replaced by raster_crs",)
    crs = given or own
    transform = dataset.transform
    if transform.is_identity and dataset.driver == "netCDF":
        fitted = fit_transform(dataset)
        if fitted is not None:
            transform = fitted
            notes += ("the coordinates are rounded: a grid of even spacing was fitted to them",)
    unplaced = transform.is_identity
    georeference = Georeference.CRS
    if unplaced and points:
        georeference = Georeference.GCPS
    elif unplaced and coefficients:
        georeference = Georeference.RPCS
    elif crs is None:
        georeference = Georeference.UNKNOWN
    elif unplaced and given is None:
        georeference = Georeference.NONE
    elif unplaced:
        notes += ("the file has no transform: pixels are placed at (column, row)",)
    return Placement(_grid(dataset.shape, transform, crs, name), georeference, notes)


def _grid(shape: tuple[int, int], transform: Affine, crs: CRS | None, name: str) -> GeoBox:
    try:
        return make_grid(shape, transform, crs)
    except RasterError as error:
        raise RasterError(error.id, f"raster '{name}': {error.rule}", found=error.found) from error


def _own_crs(dataset: DatasetReader) -> tuple[CRS | None, tuple[str, ...]]:
    if dataset.crs:
        try:
            return _registered_crs(dataset.crs.to_wkt(version="WKT2_2019")), ()
        except CRSError as error:
            return None, (f"the file's CRS is not understood ({error.rule}) and is ignored",)
    if dataset.driver == "netCDF" and _has_lonlat_units(dataset):
        return parse_crs("OGC:CRS84"), ("longitude and latitude without a CRS are taken as WGS 84",)
    return None, ()


@lru_cache(maxsize=256)
def _registered_crs(wkt: str) -> CRS:
    """Parse a file's CRS, and take the register's own where the file's is the same and says so by code.

    Files keep the names of their time, so that EPSG:3035 under an older name would pass for a CRS without
    code. Older writers also put TOWGS84[0,0,0,0,0,0,0] into every European CRS: a shift by nothing, which is
    dropped where the CRS is a registered one.
    """
    crs = parse_crs(wkt)
    unshifted = crs.source_crs if crs.is_bound and _shifts_nothing(crs) else crs
    if unshifted is None:
        return crs
    stated = unshifted.to_json_dict().get("id", {})
    authority = unshifted.to_authority(min_confidence=100)
    if "authority" in stated and "code" in stated:
        authority = (str(stated["authority"]), str(stated["code"]))
    if authority is None:
        return crs
    try:
        registered = parse_crs(":".join(authority))
    except CRSError:
        return crs  # a code that this register does not have
    return registered if same_crs(registered, unshifted) else crs


def _shifts_nothing(crs: CRS) -> bool:
    return crs.coordinate_operation is not None and not any(crs.coordinate_operation.towgs84)


def _has_lonlat_units(dataset: DatasetReader) -> bool:
    units = {value for key, value in dataset.tags().items() if key.endswith("#units")}
    east = {"degrees_east", "degree_east", "degrees_E", "degree_E"}
    north = {"degrees_north", "degree_north", "degrees_N", "degree_N"}
    return bool(units & east) and bool(units & north)


def _check_pixel_space(
    own: CRS | None, points: bool, coefficients: bool, name: str, *, has_grid: bool
) -> None:
    if own is None and not points and not coefficients:
        return
    what = crs_label(own) if own is not None else "ground control points" if points else "RPCs"
    raise CRSError(
        "E-CRS-05",
        f"raster '{name}' is georeferenced, so it cannot be opened in pixel space",
        found={"raster": what},
        hint="leave raster_crs='pixel' (--pixel) out and give the ROIs in a CRS"
        if has_grid or not (points or coefficients)
        else "it has no grid either: warp it to one first, for instance: gdalwarp IN OUT.tif",
    )
