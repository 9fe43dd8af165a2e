"""What `georoi` offers, for type checkers; see `__init__.py`."""

from georoi.api import (
    check,
    clip,
    clip_each,
    clip_file,
    connect,
    extract,
    extract_file,
    mask,
    open_raster,
    open_stack,
    paste,
    plan,
    read_rois,
    separability,
    write,
    zonal_stats,
)
from georoi.clipping.each import ROIImages
from georoi.errors import (
    CRSError,
    GeoroiError,
    GeoroiWarning,
    MemoryBudgetError,
    MissingExtraError,
    OutputError,
    OutputExistsError,
    PartialError,
    RasterError,
    ROIError,
    UnknownROIError,
    UsageError,
)
from georoi.io.output.spec import Written
from georoi.options import Boundary, Crop
from georoi.planning.checkreport import CheckReport
from georoi.planning.plan import Plan
from georoi.values.raster import Raster
from georoi.values.rois import ROISet
from georoi.values.stack import Stack

__version__: str
__all__ = [
    "Boundary",
    "CRSError",
    "CheckReport",
    "Crop",
    "GeoroiError",
    "GeoroiWarning",
    "MemoryBudgetError",
    "MissingExtraError",
    "OutputError",
    "OutputExistsError",
    "PartialError",
    "Plan",
    "ROIError",
    "ROIImages",
    "ROISet",
    "Raster",
    "RasterError",
    "Stack",
    "UnknownROIError",
    "UsageError",
    "Written",
    "check",
    "clip",
    "clip_each",
    "clip_file",
    "connect",
    "extract",
    "extract_file",
    "mask",
    "open_raster",
    "open_stack",
    "paste",
    "plan",
    "read_rois",
    "separability",
    "write",
    "zonal_stats",
]
