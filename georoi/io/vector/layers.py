"""Choose the layer of a file that has several."""

from __future__ import annotations

import re
from collections.abc import Sequence

from georoi.errors import ROIError
from georoi.values.naming import plain, some

_NO_POLYGONS = re.compile(r"(2\.5D |3D )?(Measured )?(Multi)?(Point|LineString|Curve)( |$)", re.IGNORECASE)


def choose_layer(layers: Sequence[tuple[str, str | None]], wanted: str | int | None, name: str) -> int:
    """Choose the layer asked for, else the only one that may hold polygons; gives its position.

    Raises:
        ROIError: E-ROI-05 if there are several, or not the one asked for; E-ROI-02 if there is none.
    """
    names = [layer for layer, _ in layers]
    if not names:
        raise ROIError("E-ROI-02", f"{name} holds no layer", hint="choose a file with polygons")
    if wanted is not None:
        if isinstance(wanted, int) and 0 <= wanted < len(names):
            return wanted
        if wanted in names:
            return names.index(str(wanted))
        raise ROIError(
            "E-ROI-05",
            f"{name} has no layer {plain(wanted, 60)!r}",
            found={"layers": some(names, 20)},
            hint="choose one of these with layer= (--layer)",
        )
    candidates = [
        i for i, (_, kind) in enumerate(layers) if kind is not None and not _NO_POLYGONS.match(kind)
    ]
    if len(candidates) > 1:
        raise ROIError(
            "E-ROI-05",
            f"{name} has several layers",
            found={"layers": some((names[i] for i in candidates), 20)},
            hint="choose one with layer= (--layer), or write FILE::LAYER",
        )
    return candidates[0] if candidates else 0
