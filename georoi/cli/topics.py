"""The texts of `georoi help`: what an error id means, and the few ideas that the options rest on."""

from __future__ import annotations

from georoi.errors import CATALOGUE

_FAMILIES = {
    "CRS": "ROIs are brought to the raster's CRS; pixels are never reprojected, and an unknown CRS is never\n"
    "guessed. 'georoi check RASTER --rois FILE' shows both sides.",
    "ROI": "Regions of interest: the ROI file, its layer, its features.\n"
    "'georoi check RASTER --rois FILE' gives a verdict on each ROI.",
    "RAS": "The raster: its file, bands, nodata and grid. 'georoi info RASTER' shows its header.",
    "STK": "Stacks: rasters of several dates or bands, to be read as one.",
    "OUT": "Outputs appear whole or not at all; an existing one is replaced with --overwrite only.",
    "USE": "Options and extras. 'georoi help COMMAND' lists a command's options.",
    "MEM": "Memory. 'georoi plan RASTER --rois FILE' says what a job needs before it runs.",
    "PAR": "Partial work: what could be done was done, and is complete.",
    "INT": "Please report it with the saved traceback. Nothing half-written is left.",
}

TOPICS = {
    "boundary": """\
--boundary says which pixels belong to a region of interest, and with what weight.

  center       the pixel's centre lies inside; ties as GDAL's rasteriser decides them; for clips and masks
  all-touched  the pixel overlaps the region by an area above zero
  fraction     every touched pixel, weighted by the exact share of its area that is covered; for statistics

A clip never alters values: it keeps the pixels of weight above zero. --weights-out writes the weights.""",
    "crs": """\
Regions of interest are brought to the raster's CRS, their edges densified so that no point is off by more
than a tenth of a pixel. Pixels are never reprojected. A CRS that is unknown on either side is an error
(E-CRS-01), as is no overlap (E-CRS-02). --rois-crs and --raster-crs say what a file does not.""",
    "points": """\
georoi extract --points samples a raster at points, one row per point and date, in the order of the points.

  nearest   the pixel that holds the point; its left and upper edge belong to it (the default)
  bilinear  between the centres of the four pixels around it; null where one that has weight is not valid,
            and between the outermost centres and the raster's edge the outermost pixels go on

A row has a status: ok, partial (some bands are null), no_valid or outside; and a reason for each null.""",
    "pixel": """\
--pixel puts both sides in pixel space: x to the right, y down, and (0, 0) is the outer corner of the first
pixel. It needs an image without CRS, and ROIs whose coordinates are pixels.""",
    "nodata": """\
Outside a region is never 0 by accident. Where the raster declares nodata, or --nodata gives one, that value
is used and the dtype stays. Where none is known, a file keeps its dtype and carries an internal validity
mask, which georoi and GDAL read back.""",
    "statistics": """\
--stat takes a name, perhaps with arguments and a new name before it: mean, q95, p90=quantile(q=0.9).

  count, sum, mean, std, var, cv      over the weights of pixels; std and var are those of the population
  min, max, range, n_pixels
  median, q05 ... q95, quantile(q=0.5, method='linear')   values that occur, unless linear is asked for
  mode, minority, nunique             of equal weights the smallest value
  frac, frac(1, 2)                    the share of each class, or of these
  hist(bins=[0, 10, 20]), hist(n=16, range=(0, 1))
  centroid, argmin, argmax            coordinates in the raster's CRS
  weighted_mean, weighted_sum, ...    with --weights

Each row accounts for the area of its ROI in square metres on the ellipsoid: area = area_outside +
area_nodata + area_nonfinite + area_masked + area_valid. status is ok, small (less than one effective pixel),
withheld (--min-valid), no_valid, outside or failed, and reason says why.""",
    "masks": """\
--mask says which pixels are KEPT: SCL in {4, 5, 7}, cloud_prob < 40, bit(QA_PIXEL, 3, 4) == 0, joined by
and, or, not. Presets: scl, scl-strict, scl-snow (Sentinel-2); landsat-qa, landsat-qa-snow, landsat-qa-strict.
Pixels where a band of the rule is nodata are masked. --mask-raster names another file on the same grid.""",
}
"""Topics other than errors, exit codes and commands."""


def explain_error(id: str) -> str:
    """Say what an error id means, and what its family is about."""
    return f"{id}\n  {CATALOGUE[id]}\n\n{_FAMILIES[id.split('-')[1]]}"
