"""ROISet: regions of interest as columns of ids, geometries and attributes in one CRS, or in pixel space."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from odc.geo.geobox import GeoBox

from georoi.crs import CRS, definition, parse_crs
from georoi.errors import UsageError
from georoi.values import roi_views
from georoi.values.boxes import bounds_corners, size_corners
from georoi.values.cleaning import POLYGONAL, Finding, Rules, clean
from georoi.values.features import Features, from_frame, from_items
from georoi.values.naming import Id, as_ids, choose_ids, find_ids
from georoi.values.outlines import Outlined, outline_labels, outline_mask
from georoi.values.space import choose_space, flat_crs, says_pixel

__all__ = ["Finding", "ROISet", "Rules"]


_AT_ONCE = 4096
"""ROIs whose canonical geometries are held at a time."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ROISet:
    """Regions of interest: polygons with ids, all in one CRS or all in pixel space; immutable.

    Make one with `read_rois` or one of the `from_...` constructors, which clean what they are given. In pixel
    space x counts columns and y rows, y points down, and (0, 0) is the outer corner of the first pixel.
    """

    ids: NDArray[np.object_]
    """Unique ids, text or whole numbers, shape (n,)."""
    geometry: NDArray[np.object_]
    """Valid, flat, non-empty shapely Polygons and MultiPolygons, shape (n,)."""
    crs: CRS | None = None
    """CRS of the coordinates; None in pixel space, and where it is not known."""
    pixel: bool = False
    """True if the coordinates are pixels."""
    attributes: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """Columns of the source, each of shape (n,)."""
    name: str = "ROIs"
    """What messages call the set, such as the name of its file."""
    findings: tuple[Finding, ...] = ()
    """What was repaired, dropped or renamed, and why."""
    id_column: str | None = None
    """The column that the ids come from; None where they are feature numbers or were given."""

    def __post_init__(self) -> None:
        if self.ids.shape != self.geometry.shape or self.ids.ndim != 1:
            raise ValueError(f"ids {self.ids.shape} and geometry {self.geometry.shape} must be of one length")
        if not np.isin(shapely.get_type_id(self.geometry), POLYGONAL).all():
            raise ValueError(
                "a ROISet holds Polygons and MultiPolygons; make it with one of its constructors"
            )
        if self.pixel and self.crs is not None:
            raise ValueError("ROIs in pixel space have no CRS")
        for array in (self.ids, self.geometry):
            array.setflags(write=False)

    @classmethod
    def from_features(
        cls,
        features: Features,
        *,
        space: tuple[CRS | None, bool] = (None, False),
        name: str = "ROIs",
        rules: Rules | None = None,
        ids: Sequence[Id | None] | None = None,
        whole: Features | None = None,
    ) -> ROISet:
        """Clean raw features into ROIs.

        Args:
            features: Features as a source gave them.
            space: CRS and whether the coordinates are pixels, as `choose_space` gives them.
            name: What messages call the source.
            rules: Where ids come from, and what to do with invalid geometries and duplicate ids.
            ids: An id for each feature, instead of a column.
            whole: All features of the source, where filters left out some: ids are unique among all of them.

        Raises:
            ROIError: As `georoi.values.cleaning.clean`; E-ROI-08 if the id column is missing.
        """
        rules = rules or Rules()
        column, others = None, None
        if ids is None:
            source = features if whole is None else whole
            ids, column, note = choose_ids(source.attributes, source.numbers, rules.id_column)
            if whole is not None:
                ids, others = features.count_in(whole, ids)
            features = replace(features, notes=(*features.notes, note)) if note else features
        keep, geometry, unique, findings = clean(features, ids, rules, name, others)
        crs, pixel = space
        crs = None if crs is None else flat_crs(crs)
        return cls(
            ids=unique,
            geometry=geometry,
            crs=crs,
            pixel=pixel,
            attributes={name: values[keep] for name, values in features.attributes.items()},
            name=name,
            findings=findings,
            id_column=column,
        )

    @classmethod
    def from_geodataframe(
        cls,
        gdf: Any,
        *,
        id_column: str | None = None,
        rois_crs: object = None,
        on_invalid: str = "repair",
        on_duplicate: str = "rename",
    ) -> ROISet:
        """Make ROIs of a GeoDataFrame or GeoSeries; a named index counts as a column.

        Args:
            gdf: The frame.
            id_column: Column of the ids; else `roi_id`, `id` if nowhere null, else row numbers from 0.
            rois_crs: CRS where the frame has none; "pixel" for pixel space.
            on_invalid: "repair", "drop" or "error".
            on_duplicate: "rename" or "error".

        Raises:
            UsageError: E-USE-01 if `rois_crs` contradicts the frame's CRS.
            ROIError: E-ROI-02 to E-ROI-04, E-ROI-07, E-ROI-08, as `read_rois`.
        """
        rules = Rules(id_column=id_column, on_invalid=on_invalid, on_duplicate=on_duplicate)
        space = choose_space(None if gdf.crs is None else parse_crs(gdf.crs), rois_crs, "the GeoDataFrame")
        return cls.from_features(from_frame(gdf), space=space, name="GeoDataFrame", rules=rules)

    @classmethod
    def from_geometries(
        cls,
        geometries: Any,
        *,
        crs: object = None,
        ids: Sequence[Any] | None = None,
        pixel: bool = False,
        on_invalid: str = "repair",
        on_duplicate: str = "rename",
    ) -> ROISet:
        """Make ROIs of one geometry or many: shapely, GeoJSON-like mappings, `__geo_interface__`.

        Args:
            geometries: A list, an array, a generator (run once) or one geometry; a MultiPolygon is one ROI.
            crs: CRS of the coordinates; "pixel" is the same as `pixel=True`.
            ids: An id per geometry; else from properties as `read_rois` does, else numbers from 0.
            pixel: True if the coordinates are pixels.
            on_invalid: "repair", "drop" or "error".
            on_duplicate: "rename" or "error".

        Raises:
            UsageError: E-USE-01 if both pixel and a CRS are given, or the number of ids is wrong.
            ROIError: E-ROI-02 to E-ROI-04, E-ROI-07, as `read_rois`.
        """
        if pixel and crs is not None and not says_pixel(crs):
            raise UsageError("E-USE-01", "pixel coordinates have no CRS: give pixel=True or crs=, not both")
        features = from_items(geometries)
        space = choose_space(None, "pixel" if pixel else crs, "geometries")
        rules = Rules(on_invalid=on_invalid, on_duplicate=on_duplicate)
        return cls.from_features(
            features, space=space, name="geometries", rules=rules, ids=_given_ids(ids, len(features))
        )

    @classmethod
    def from_boxes(cls, bounds: ArrayLike, *, crs: object, ids: Sequence[Any] | None = None) -> ROISet:
        """Make ROIs of boxes (xmin, ymin, xmax, ymax) in a CRS, shape (n, 4) or (4,).

        Raises:
            ROIError: E-ROI-03 if a number is not finite; E-ROI-07 if a minimum is not below its maximum.
        """
        return cls._from_corners(bounds_corners(bounds), choose_space(None, crs, "boxes"), "boxes", ids)

    @classmethod
    def from_pixel_boxes(cls, boxes: ArrayLike, ids: Sequence[Any] | None = None) -> ROISet:
        """Make ROIs in pixel space of boxes (x, y, width, height) in pixels, shape (n, 4) or (4,).

        Raises:
            ROIError: E-ROI-03 if a number is not finite; E-ROI-07 if a width or height is not above zero.
        """
        return cls._from_corners(size_corners(boxes), (None, True), "pixel boxes", ids)

    @classmethod
    def _from_corners(
        cls,
        corners: NDArray[np.float64],
        space: tuple[CRS | None, bool],
        name: str,
        ids: Sequence[Any] | None,
    ) -> ROISet:
        geometry = np.asarray(shapely.box(*corners.T), dtype=object)
        features = Features(geometry=geometry, numbers=np.arange(len(geometry)))
        return cls.from_features(features, space=space, name=name, ids=_given_ids(ids, len(geometry)))

    @classmethod
    def from_mask(cls, mask: Any, *, grid: GeoBox | None = None, ids: Sequence[Any] | None = None) -> ROISet:
        """Make one ROI of all True pixels: their exact outline, holes kept.

        Args:
            mask: Boolean, shape (rows, cols): an array, or a georeferenced DataArray.
            grid: Where the pixels lie; without it, and without georeference, the ROI is in pixel space.
            ids: The id, in a sequence of one; else 0.

        Raises:
            UsageError: E-USE-01 if the mask is no mask, or not of the grid's shape.
            ROIError: E-ROI-02 if no pixel is True.
        """
        made = outline_mask(mask, grid)
        if ids is not None:
            made = made._replace(ids=list(_given_ids(ids, 1) or []))
        return cls._from_outlines(made, "mask")

    @classmethod
    def from_labels(
        cls,
        labels: Any,
        *,
        grid: GeoBox | None = None,
        mode: str = "class",
        connectivity: int = 4,
        background: float | None = 0,
        names: Mapping[Any, str] | None = None,
    ) -> ROISet:
        """Make ROIs of a label raster, along its pixels' edges.

        Args:
            labels: Shape (rows, cols): an array, a georeferenced DataArray or a `Raster`. NaN, nodata and
                masked pixels belong to no ROI.
            grid: Where the pixels lie; without it, and without georeference, the ROIs are in pixel space.
            mode: "class" makes one ROI per value, "instance" the same for rasters whose values number
                objects, "component" one ROI per connected object of equal value, with ids such as "3-1",
                "3-2" in the order of a row-major scan.
            connectivity: For "component": 4 (pixels that share an edge are connected) or 8 (or a corner).
            background: The value that is no ROI; None if every value is one.
            names: Names of values; they take the place of values in the ids.

        Raises:
            UsageError: E-USE-01 for a wrong mode, connectivity or shape.
            ROIError: E-ROI-02 if all is background.
        """
        made = outline_labels(
            labels, grid, mode=mode, connectivity=connectivity, background=background, names=names
        )
        return cls._from_outlines(made, "labels")

    @classmethod
    def _from_outlines(cls, made: Outlined, name: str) -> ROISet:
        return cls.from_features(made.features, space=(made.crs, made.crs is None), name=name, ids=made.ids)

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[tuple[Id, Any]]:
        return iter(zip(self.ids, self.geometry, strict=True))

    def __getitem__(self, index: Any) -> ROISet:
        """Select ROIs by mask, slice, positions, or ids that are text; numbers are positions: see `select`.

        Each ROI is taken once, where it is first asked for, since ids are unique.

        Raises:
            UnknownROIError: E-ROI-10 if no ROI has the id.
        """
        if _is_text(index):
            return self.select(index)
        index = [index] if isinstance(index, (int, np.integer)) else index
        index = np.array(list(dict.fromkeys(np.arange(len(self))[index].tolist())), dtype=np.int64)
        return ROISet(
            ids=self.ids[index],
            geometry=self.geometry[index],
            crs=self.crs,
            pixel=self.pixel,
            attributes={name: values[index] for name, values in self.attributes.items()},
            name=self.name,
            findings=self.findings,
            id_column=self.id_column,
        )

    def select(self, ids: object) -> ROISet:
        """Select ROIs by id: one, or several in the order given, each once; "7" will do for 7.

        Raises:
            UnknownROIError: E-ROI-10 if no ROI has an id.
        """
        return self[np.array(find_ids(self.ids, ids, self.name), dtype=np.int64)]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of ids, canonical geometries and CRS; equal content has one fingerprint in any format."""
        digest = hashlib.sha256(b"georoi ROISet 1\n" + self._space.encode() + b"\n")
        for start in range(0, len(self), _AT_ONCE):
            geometry = self.geometry[start : start + _AT_ONCE].copy()
            single = shapely.get_num_geometries(geometry) == 1
            geometry[single] = shapely.get_geometry(geometry[single], 0)
            # of a vertex that stands twice in a ring it would not be said which one comes first
            canonical = shapely.normalize(shapely.remove_repeated_points(geometry))
            blobs = shapely.to_wkb(canonical, byte_order=1)
            for roi_id, wkb in zip(self.ids[start : start + _AT_ONCE], blobs, strict=True):
                text = str(roi_id).encode("utf-8", "surrogatepass")
                digest.update(b"%d %d " % (len(text), len(wkb)) + text + wkb)
        return digest.hexdigest()

    @property
    def _space(self) -> str:
        if self.crs is None:
            return "pixel" if self.pixel else "unknown"
        base = self.crs.geodetic_crs
        datum = None if base is None else base.to_authority(min_confidence=70)
        return repr((definition(self.crs), datum))

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(xmin, ymin, xmax, ymax) of all ROIs; NaN for an empty set."""
        xmin, ymin, xmax, ymax = shapely.total_bounds(self.geometry).tolist()
        return xmin, ymin, xmax, ymax

    @property
    def gdf(self) -> Any:
        """The ROIs as a GeoDataFrame, with ids as the index `roi_id`."""
        import geopandas
        import pandas as pd

        columns = {
            name: values for name, values in self.attributes.items() if name not in ("geometry", "roi_id")
        }
        index = pd.Index(self.ids, name="roi_id", dtype=object).infer_objects()
        return geopandas.GeoDataFrame(columns, geometry=self.geometry.copy(), crs=self.crs, index=index)

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw the ROIs with matplotlib; options go to `GeoDataFrame.plot`. Returns the Axes.

        Raises:
            MissingExtraError: E-USE-02 if matplotlib is not installed.
        """
        return roi_views.plot(self, ax, options)

    def explore(self, **options: Any) -> Any:
        """Show the ROIs on an interactive map; options go to `folium.Map`. Returns the map.

        Raises:
            MissingExtraError: E-USE-02 if folium is not installed.
            CRSError: E-CRS-01 if the CRS is unknown.
        """
        return roi_views.explore(self, options)

    def __repr__(self) -> str:
        return roi_views.line(self)

    def _repr_html_(self) -> str:
        return roi_views.html(self)


def _is_text(index: object) -> bool:
    if isinstance(index, np.ndarray):
        index = index.tolist()
    return isinstance(index, str) or (
        isinstance(index, list) and bool(index) and all(isinstance(id, str) for id in index)
    )


def _given_ids(ids: Sequence[Any] | None, count: int) -> list[Id | None] | None:
    if ids is None:
        return None
    given = as_ids([ids] if isinstance(ids, (str, int)) else list(ids))
    if len(given) != count:
        raise UsageError("E-USE-01", f"{count} ROIs need as many ids, not {len(given)}")
    return given
