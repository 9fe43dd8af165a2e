"""Headers and aligned ROIs for tests of planning: no file, no pixel."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from georoi.grid import make_grid
from georoi.planning.alignment import align
from georoi.values.gridrois import GridROIs
from georoi.values.raster import Georeference, Header
from georoi.values.rois import ROISet

UTM = "EPSG:32633"
ORIGIN = (500_000.0, 5_200_000.0)


def make_header(
    shape: tuple[int, int],
    blocks: tuple[int, int],
    *,
    crs: str | None = None,
    affine: Sequence[float] | None = None,
    dtype: str = "uint16",
    bands: int = 1,
    nodata: float | None = None,
    **more: Any,
) -> Header:
    """Make the header of a raster in pixel space, or north-up with 10 m pixels from `ORIGIN` in a CRS."""
    if affine is None:
        affine = (1, 0, 0, 0, 1, 0) if crs is None else (10, 0, ORIGIN[0], 0, -10, ORIGIN[1])
    more.setdefault("georeference", Georeference.PIXEL if crs is None else Georeference.CRS)
    return Header(
        grid=make_grid(shape, affine, crs),
        band_names=tuple(f"B{band + 1}" for band in range(bands)),
        dtype=dtype,
        nodata=(nodata,) * bands,
        block_shape=(min(blocks[0], shape[0]), min(blocks[1], shape[1])),
        **more,
    )


def lay(header: Header, geometries: Any, *, ids: Sequence[Any] | None = None, crs: Any = None) -> GridROIs:
    """Lay geometries on a header's grid; in its pixels where it has no CRS, else in `crs` or its own."""
    pixel = header.is_pixel
    rois = ROISet.from_geometries(
        geometries, crs=None if pixel else crs or header.grid.crs, ids=ids, pixel=pixel
    )
    return align(rois, header.grid, pixel_grid=pixel)


def environment_with_hash_seed(seed: int) -> dict[str, str]:
    """Give an environment for a subprocess whose hashes are seeded otherwise."""
    return {**os.environ, "PYTHONHASHSEED": str(seed)}
