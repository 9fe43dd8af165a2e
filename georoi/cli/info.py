"""`georoi info`: a raster's header in words and, with --rois, the regions of interest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from georoi.cli.choices import RasterChoice, RoiChoice, carried
from georoi.cli.console import Console, json_option, talk_options
from georoi.cli.options import path_arguments, raster_options, roi_options
from georoi.cli.text import facts
from georoi.wording import say_bytes, say_count

if TYPE_CHECKING:
    from georoi.values.raster import Raster
    from georoi.values.rois import ROISet


@click.command("info", short_help="Describe a raster and, with --rois, its regions of interest.")
@roi_options
@raster_options
@json_option
@talk_options
@path_arguments("raster")
@click.pass_context
@carried(RoiChoice, "choice")
@carried(RasterChoice, "source")
def command(ctx: click.Context, choice: RoiChoice, source: RasterChoice) -> None:
    """Describe RASTER from its header: grid, bands, nodata, blocks. No pixel is read."""
    console = Console.of(ctx)
    raster = source.open()
    payload: dict[str, Any] = {"raster": raster.to_dict()}
    text = _say_raster(raster)
    if choice.given:
        rois = choice.read(pixel=source.pixel)
        payload["rois"] = _describe_rois(rois)
        text += "\n\n" + _say_rois(rois)
    console.result(payload, text)


def _say_raster(raster: Raster) -> str:
    told = raster.to_dict()
    (rows, cols), (block_rows, block_cols) = raster.shape, raster.block_shape
    bands = "\n".join(_say_band(band, raster.dtype) for band in told["bands"][:20])
    more = f"\n... {raster.count - 20} more" if raster.count > 20 else ""
    bounds = ", ".join(f"{value:.10g}" for value in told["bounds"])
    unplaced = _say_unplaced(raster)
    layout = f"{told['driver']}{', COG' if told['cog'] else ''}, {told['compression'] or 'not compressed'}"
    return facts(
        [
            ("raster", told["name"]),
            ("crs", told["crs"]),
            ("size", f"{rows} rows x {cols} columns, {say_count(raster.count, 'band')}"),
            ("pixel", unplaced or _say_pixel(told["transform"])),
            ("bounds", None if unplaced else bounds),
            ("bands", bands + more),
            ("mask", None if told["mask"] in ("none", "nodata") else told["mask"]),
            ("layout", f"{layout}, blocks of {block_rows} x {block_cols}"),
            ("overviews", ", ".join(str(factor) for factor in told["overviews"])),
            ("date", told["date"]),
            ("file", None if told["file_bytes"] is None else say_bytes(told["file_bytes"])),
            ("notes", "\n".join(told["notes"])),
        ]
    )


def _say_unplaced(raster: Raster) -> str | None:
    """Say why pixels have no place; None where they have one."""
    from georoi.values.raster import Georeference

    if raster.georeference == Georeference.UNKNOWN and raster.grid.affine.is_identity:
        return "no georeference (pixel space with --pixel)"
    return {
        Georeference.PIXEL: "pixel space",
        Georeference.GCPS: "ground control points only: warp it first",
        Georeference.RPCS: "RPCs only: warp it first",
        Georeference.NONE: "no transform: warp it first",
    }.get(raster.georeference)


def _say_pixel(transform: list[float]) -> str:
    a, b, _, d, e, _ = transform
    size = f"{abs(a):.10g} x {abs(e):.10g} (x, y)"
    if b or d:
        return f"rotated or sheared: ({a:.10g}, {b:.10g}; {d:.10g}, {e:.10g})"
    return size + (", south up" if e > 0 else "")


def _say_band(band: dict[str, Any], dtype: str) -> str:
    parts = [f"{band['number']} {band['name']}".rstrip(), dtype]
    if band["nodata"] is not None:
        parts.append(f"nodata {band['nodata']}")
    if (band["scale"], band["offset"]) != (1, 0):
        parts.append(f"scale {band['scale']}, offset {band['offset']} (not applied)")
    return ", ".join(parts)


def _describe_rois(rois: ROISet) -> dict[str, Any]:
    from georoi.crs import crs_label

    return {
        "name": rois.name,
        "count": len(rois),
        "crs": "pixel" if rois.pixel else crs_label(rois.crs),
        "bounds": list(rois.bounds),
        "id_column": rois.id_column,
        "ids": rois.ids.tolist(),
        "columns": list(rois.attributes),
        "fingerprint": rois.fingerprint,
        "findings": [
            {"code": found.code, "feature": found.feature, "id": found.roi_id, "reason": found.reason}
            for found in rois.findings
        ],
    }


def _say_rois(rois: ROISet) -> str:
    told = _describe_rois(rois)
    ids = ", ".join(str(id) for id in told["ids"][:12]) + (", ..." if len(rois) > 12 else "")
    findings = [f"{found['id']} {found['code']}: {found['reason']}" for found in told["findings"][:20]]
    more = [f"... {len(told['findings']) - 20} more"] if len(told["findings"]) > 20 else []
    return facts(
        [
            ("rois", told["name"]),
            ("crs", told["crs"]),
            ("count", say_count(len(rois), "ROI")),
            ("bounds", ", ".join(f"{value:.8g}" for value in told["bounds"])),
            ("ids", f"{ids} (column {told['id_column']})" if told["id_column"] else ids),
            ("columns", ", ".join(told["columns"])),
            ("findings", "\n".join([*findings, *more])),
        ]
    )
