"""One image per ROI: a mapping that plans and clips each ROI when it is asked for."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from georoi.clipping.chunks import ChunkSize
from georoi.clipping.options import ClipOptions, in_cells, lay_out
from georoi.errors import GeoroiWarning, UnknownROIError
from georoi.planning.plan import make_plan
from georoi.values.gridrois import GridROIs
from georoi.values.naming import find_ids
from georoi.values.raster import Header, Raster
from georoi.values.rois import ROISet

if TYPE_CHECKING:
    import xarray as xr

    from georoi.io.array.arrays import ArraySource

_NAMED = 5
_OUTSIDE = "iterate, or go by .ids; .outside names the others"


class ROIImages:
    """The clips of single ROIs, in the order of their set: iterating gives (id, DataArray), `images[id]` one.

    The ROIs are brought to the grid once; each image is planned when it is asked for, and nothing is kept.
    """

    def __init__(
        self,
        source: Raster | ArraySource,
        rois: ROISet,
        options: ClipOptions,
        *,
        chunks: ChunkSize = None,
        compute: bool | None = None,
    ) -> None:
        """Find the ROIs that reach into the raster.

        Raises:
            CRSError: E-CRS-02 if none does.
        """
        aligned = lay_out(source.header, rois)
        kept, self.outside = split_inside(source.header, aligned, options)
        self._source, self._options, self._chunks, self._compute = source, options, chunks, compute
        self._rois = aligned.take(kept)
        self._number = {id: number for number, id in enumerate(self._rois.ids.tolist())}

    outside: tuple[object, ...]
    """Ids of the ROIs that have no image, since they do not reach into the raster."""

    @property
    def ids(self) -> tuple[object, ...]:
        """Ids of the ROIs that have an image."""
        return tuple(self._number)

    @property
    def work(self) -> tuple[Raster | ArraySource, GridROIs, ClipOptions]:
        """What the images are made of: the source, the ROIs on its grid, and how they are clipped."""
        return self._source, self._rois, self._options

    def keys(self) -> tuple[object, ...]:
        """Give the ids, as a mapping does."""
        return self.ids

    def items(self) -> Iterator[tuple[object, xr.DataArray]]:
        """Give (id, DataArray) one by one, as iterating does."""
        return iter(self)

    def __len__(self) -> int:
        return len(self._number)

    def __contains__(self, id: object) -> bool:
        return id in self._number

    def __iter__(self) -> Iterator[tuple[object, xr.DataArray]]:
        return ((id, self[id]) for id in self._number)

    def __getitem__(self, id: object) -> xr.DataArray:
        """Clip one ROI.

        Raises:
            UnknownROIError: E-ROI-10 if there is no such ROI, or it has no image.
        """
        from georoi.clipping.images import clip_aligned

        number = self._number.get(id)
        if number is None:
            if str(id) in map(str, self.outside):
                raise UnknownROIError(
                    "E-ROI-10", f"{id} lies outside the raster, so it has no image", hint=_OUTSIDE
                )
            number = find_ids(self._rois.ids, [id], "this clip")[0]
            id = self.ids[number]
        image = clip_aligned(
            self._source,
            self._rois.take(number),
            self._options,
            chunks=self._chunks,
            compute=self._compute,
        )
        image.attrs["roi_id"] = id
        return image

    def __repr__(self) -> str:
        named = ", ".join(repr(id) for id in self.ids[:_NAMED]) + (", ..." if len(self) > _NAMED else "")
        left = f", {len(self.outside)} outside the raster" if self.outside else ""
        return f"<{len(self)} ROI images of {self._source.header.name!r}: {named}{left}>"


def split_inside(
    header: Header, rois: GridROIs, options: ClipOptions
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], tuple[object, ...]]:
    """Find the numbers of the ROIs that reach into the raster, and the ids of the others, with a warning.

    Raises:
        CRSError: E-CRS-02 if no ROI does.
    """
    plan = make_plan(in_cells(header), rois, boundary=options.rule.boundary, feather=options.rule.feather)
    kept = np.unique(plan.pairs.roi)
    outside = tuple(np.delete(rois.ids, kept).tolist())
    if outside:
        named = ", ".join(str(id) for id in outside[:_NAMED]) + (", ..." if len(outside) > _NAMED else "")
        warnings.warn(
            f"{len(outside)} of {len(rois)} ROIs lie outside '{header.name}' and have no image: {named}",
            GeoroiWarning,
            stacklevel=4,
        )
    return kept, outside
