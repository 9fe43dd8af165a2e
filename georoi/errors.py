"""Every error and warning that georoi raises, and the catalogue of their stable ids.

GeoroiError                   exit code
├── UsageError                2   an option is wrong, or two contradict each other
│   └── MissingExtraError     2   an optional dependency is not installed
├── CRSError                  3   coordinate reference systems that do not fit or are unknown
├── ROIError                  3   regions of interest that cannot be used
│   └── UnknownROIError       3   an id that no region has; a KeyError, too
├── RasterError               3   rasters that cannot be used
├── MemoryBudgetError         3   the work would need more memory than allowed
├── OutputError               3   an output that cannot be written
│   └── OutputExistsError     5   an output that exists and may not be replaced
└── PartialError              4   some regions failed while the rest completed
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

CATALOGUE: Mapping[str, str] = {
    "E-CRS-01": "The CRS of one side is unknown. Pass rois_crs= or raster_crs= (--rois-crs, --raster-crs).",
    "E-CRS-02": "The ROIs and the raster do not overlap. Compare both extents; the axes may be swapped.",
    "E-CRS-03": "Coordinates lie outside the range of their CRS. Say the right CRS, or exchange the axes.",
    "E-CRS-04": "The text given as a CRS is not understood. Use a code such as EPSG:32633, or WKT.",
    "E-CRS-05": "Pixel space and world coordinates cannot be mixed. Say pixel for both, or for neither.",
    "E-CRS-06": "No operation between the two CRS is better than a ballpark one. Transform them yourself.",
    "E-ROI-01": "The ROI source is missing or cannot be read. Check its path and format.",
    "E-ROI-02": "The ROI source holds no polygon. Buffer points and lines first.",
    "E-ROI-03": "A ROI has NaN or infinite coordinates. Mend or remove the feature that is named.",
    "E-ROI-04": "Two ROIs have the same id and on_duplicate='error' was asked for. Mend them.",
    "E-ROI-05": "The ROI file has several layers, or not the one asked for. Choose with layer= (--layer).",
    "E-ROI-06": "ROIs overlap where a pixel can belong to one ROI only. Choose another overlap=, as hinted.",
    "E-ROI-07": "A ROI is invalid and on_invalid='error' was asked for. Mend it, or let it be repaired.",
    "E-ROI-08": "The ROI source has no such column. Name one of those that the message lists.",
    "E-ROI-09": "The filter given as where= is not understood by the ROI source. Write it as in SQL.",
    "E-ROI-10": "No ROI, or no image of one, has the id asked for. Ids are those of the set's .ids.",
    "E-ROI-11": "The source of points holds no point. Give points, or polygons as regions of interest.",
    "E-RAS-01": "The raster is missing or cannot be opened. Check its path and format.",
    "E-RAS-02": "A part of the raster cannot be read: it is truncated or corrupt there. Fetch it again.",
    "E-RAS-03": "The raster has no grid: control points, RPCs or no transform only. Warp it to a grid first.",
    "E-RAS-04": "The raster has no such band. Bands are counted from 1, or named.",
    "E-RAS-05": "The nodata value does not fit the raster's dtype. Give one that its dtype holds.",
    "E-RAS-06": "64-bit integers would become floats, which do not hold all their values. Give nodata=.",
    "E-RAS-07": "The file holds several rasters. Choose one of its subdatasets.",
    "E-RAS-08": "The raster has changed since it was opened. Open it again.",
    "E-RAS-09": "The raster's pixels are of a kind that is not worked on, such as complex. Convert them.",
    "E-RAS-10": "The source is no georeferenced raster, array or path that georoi knows. Give one of these.",
    "E-RAS-11": "An image does not lie on the pixels of the grid asked for. Nothing is resampled unasked.",
    "E-RAS-12": "The raster does not tell which of its bands is which colour. Give sensor= or band_map=.",
    "E-RAS-13": "A raster of weights is negative inside a ROI. Give weights of 0 or more, or their nodata.",
    "E-STK-01": "A raster of the stack has no date. Give dates= or pattern= (--dates, --pattern).",
    "E-STK-02": "The rasters of a stack lie on different grids where one is needed. Choose align= or like=.",
    "E-STK-03": "The rasters of a stack have different bands. Choose common ones with bands= (--band).",
    "E-STK-04": "The source of a stack is none that georoi knows, or no raster is left in it.",
    "E-STK-05": "A raster, or one band of a scene, is in the stack twice.",
    "E-OUT-01": "The output exists. Pass overwrite=True (--overwrite) to replace it.",
    "E-OUT-02": "The output's folder is missing or may not be written to. Make it, or choose another.",
    "E-OUT-03": "Writing failed; nothing was left behind. The message says why; mend that and run it again.",
    "E-OUT-04": "The output format is unknown or does not fit the data. Choose another with of= (--of).",
    "E-OUT-05": "Another process is writing this output. Wait for it, or choose another output.",
    "E-USE-01": "Options contradict each other, or a value is not among those allowed. The hint says more.",
    "E-USE-02": "An optional dependency is not installed. The hint holds the line that installs it.",
    "E-MEM-01": "The work would need more memory than allowed. Use fewer threads, or smaller regions.",
    "E-PAR-01": "Some regions failed; the others are complete. The message names the failed ones.",
    "E-INT-01": "An internal error: this is a bug in georoi. Please report it with the traceback.",
}


class GeoroiError(Exception):
    """The base of all errors: a stable id, the rule broken, what was found, and what to do.

    Args:
        id: A key of `CATALOGUE`, such as "E-CRS-02".
        rule: One line that says what is wrong, naming the file or object.
        found: What was found on each side, by its name ("rois", "raster", "file", ...).
        hint: What the user can do about it.
    """

    exit_code: ClassVar[int] = 3

    def __init__(
        self, id: str, rule: str, *, found: Mapping[str, str] | None = None, hint: str | None = None
    ) -> None:
        if id not in CATALOGUE:
            raise KeyError(id)
        super().__init__(rule)
        self.id = id
        self.rule = rule
        self.found = dict(found or {})
        self.hint = hint

    def __str__(self) -> str:
        lines = [f"[{self.id}] {self.rule}"]
        width = max((len(name) for name in self.found), default=0) + 1
        lines += [f"  {name + ':':<{width}} {text}" for name, text in self.found.items()]
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.id, self.rule, self.found, self.hint)


def _rebuild(
    kind: type[GeoroiError], id: str, rule: str, found: Mapping[str, str], hint: str | None
) -> GeoroiError:
    return kind(id, rule, found=found, hint=hint)


class UsageError(GeoroiError):
    """An option is wrong, or two contradict each other."""

    exit_code = 2


class MissingExtraError(UsageError):
    """An optional dependency is not installed; the hint holds the pip line."""

    def __init__(
        self,
        id: str = "E-USE-02",
        rule: str = "an optional dependency is missing",
        *,
        found: Mapping[str, str] | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(id, rule, found=found, hint=hint)

    @classmethod
    def of(cls, package: str, extra: str) -> MissingExtraError:
        """Make the error for `package`, which `extra` would bring."""
        return cls(rule=f"{package} is not installed", hint=f'pip install "georoi[{extra}]"')


class CRSError(GeoroiError):
    """Coordinate reference systems that do not fit or are unknown."""


class ROIError(GeoroiError):
    """Regions of interest that cannot be used."""


class UnknownROIError(ROIError, KeyError):
    """An id that no region of interest has; also a KeyError, as sets and images are asked by id."""


class RasterError(GeoroiError):
    """Rasters that cannot be used."""


class MemoryBudgetError(GeoroiError):
    """The work would need more memory than allowed."""


class OutputError(GeoroiError):
    """An output that cannot be written."""


class OutputExistsError(OutputError):
    """An output that exists and may not be replaced."""

    exit_code = 5


class PartialError(GeoroiError):
    """Some regions failed while the rest completed."""

    exit_code = 4


class GeoroiWarning(UserWarning):
    """Something was repaired, guessed or decided that the user should know of."""
