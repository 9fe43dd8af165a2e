"""Creation options, `K=V` as GDAL names them: parsed, checked, or refused with the list of what exists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from georoi.errors import OutputError, UsageError
from georoi.io.output.codec import SCHEMES, Codec
from georoi.io.output.spec import ImageSpec

Parser = Callable[[str], Any]  # the value's type is the option's own
_ALIASES = {"ZLEVEL": "LEVEL", "ZSTD_LEVEL": "LEVEL", "QUALITY": "QUALITY", "JPEG_QUALITY": "QUALITY"}
_MAX_TILE_BYTES = 1 << 30


def choice(*names: str) -> Parser:
    """Make a parser of one of some words, upper or lower case."""

    def parse(text: str) -> str:
        if text.upper() not in names:
            raise ValueError(f"one of {', '.join(names)}")
        return text.upper()

    return parse


def whole(low: int, high: int, step: int = 1) -> Parser:
    """Make a parser of a whole number within bounds, a multiple of `step`."""

    def parse(text: str) -> int:
        wanted = f"a whole number from {low} to {high}" + (f", a multiple of {step}" if step > 1 else "")
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise ValueError(wanted)
        if not low <= int(text) <= high or int(text) % step:
            raise ValueError(wanted)
        return int(text)

    return parse


def parse_options(
    given: Mapping[str, object] | None, known: Mapping[str, Parser], format: str
) -> dict[str, Any]:
    """Parse creation options; keys in any case, values as text or number.

    Args:
        given: Options by name.
        known: Parsers by name in upper case.
        format: Name of the format, for messages.

    Raises:
        UsageError: E-USE-01 if an option is unknown, given twice, or its value is not allowed.
    """
    parsed: dict[str, Any] = {}
    for key, value in (given or {}).items():
        name = str(key).upper()
        name = _ALIASES.get(name, name)
        if name not in known:
            raise UsageError(
                "E-USE-01",
                f"{format} has no creation option {str(key)!r}",
                hint=f"the options are {', '.join(sorted(known))}",
            )
        if name in parsed:
            raise UsageError("E-USE-01", f"the creation option {name} is given twice")
        try:
            parsed[name] = known[name](str(value).strip())
        except ValueError as error:
            raise UsageError(
                "E-USE-01", f"the creation option {name} must be {error}, not {str(value)!r}"
            ) from None
    return parsed


TIFF_OPTIONS: Mapping[str, Parser] = {
    "BLOCKSIZE": whole(16, 4096, 16),
    "COMPRESS": choice(*SCHEMES),
    "PREDICTOR": choice("1", "2", "3", "YES", "NO", "STANDARD", "FLOATING_POINT"),
    "LEVEL": whole(0, 22),
    "BIGTIFF": choice("IF_NEEDED", "YES", "NO"),
}
GTIFF_OPTIONS: Mapping[str, Parser] = {**TIFF_OPTIONS, "INTERLEAVE": choice("PIXEL", "BAND")}
COG_OPTIONS: Mapping[str, Parser] = {
    **TIFF_OPTIONS,
    "OVERVIEW_RESAMPLING": choice("AVERAGE", "NEAREST"),
    "OVERVIEWS": choice("AUTO", "NONE"),
}


@dataclass(frozen=True, kw_only=True)
class Storage:
    """How a TIFF is stored."""

    codec: Codec
    bigtiff: str
    """IF_NEEDED, YES or NO."""


def choose_storage(spec: ImageSpec, options: Mapping[str, Any]) -> Storage:
    """Choose how to store an image as TIFF.

    Args:
        spec: The image.
        options: Parsed `TIFF_OPTIONS`, perhaps with INTERLEAVE.

    Raises:
        UsageError: E-USE-01 if options contradict each other or the dtype.
        OutputError: E-OUT-04 if a tile would be larger than readers take.
    """
    compression = options.get("COMPRESS", "DEFLATE")
    scheme = SCHEMES[compression]
    level = options.get("LEVEL", scheme.level)
    if "LEVEL" in options and not (
        scheme.level is not None and scheme.levels[0] <= level <= scheme.levels[1]
    ):
        allowed = "none" if scheme.level is None else f"{scheme.levels[0]} to {scheme.levels[1]}"
        raise UsageError(
            "E-USE-01", f"COMPRESS={compression} does not know level {level}; allowed: {allowed}"
        )
    side = options.get("BLOCKSIZE", 512)
    by_band = options.get("INTERLEAVE", "PIXEL") == "BAND" and spec.count > 1
    samples = 1 if by_band else spec.count
    size = side * side * samples * np.dtype(spec.dtype).itemsize
    if size > _MAX_TILE_BYTES:
        raise OutputError(
            "E-OUT-04",
            f"a tile of {spec.count} bands would take {size / 2**20:,.0f} MiB",
            hint="store it band by band (INTERLEAVE=BAND), or in smaller tiles (BLOCKSIZE)",
        )
    codec = Codec(
        tile_shape=(side, side),
        compression=compression,
        level=level,
        predictor=_choose_predictor(spec, options.get("PREDICTOR"), compression),
        by_band=by_band,
        fill=spec.fill,
    )
    return Storage(codec=codec, bigtiff=options.get("BIGTIFF", "IF_NEEDED"))


def _choose_predictor(spec: ImageSpec, asked: str | None, compression: str) -> int:
    is_float = np.dtype(spec.dtype).kind == "f"
    if asked in (None, "YES"):
        return 1 if compression == "NONE" else 3 if is_float else 2
    predictor = {"1": 1, "NO": 1, "2": 2, "STANDARD": 2, "3": 3, "FLOATING_POINT": 3}[str(asked)]
    if predictor == 3 and not is_float:
        raise UsageError("E-USE-01", f"PREDICTOR=3 is for floats, and the image is {spec.dtype}")
    if predictor != 1 and compression == "NONE":
        raise UsageError("E-USE-01", "a predictor needs a compression, and COMPRESS=NONE is none")
    return predictor


def parse_pairs(pairs: Iterable[str]) -> dict[str, str]:
    """Make options of texts `K=V`, as they are given on the command line.

    Raises:
        UsageError: E-USE-01 if one has no `=`, or a key comes twice.
    """
    options: dict[str, str] = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key:
            raise UsageError("E-USE-01", f"a creation option has the form K=V, not {pair!r}")
        if key.upper() in options:
            raise UsageError("E-USE-01", f"the creation option {key.upper()} is given twice")
        options[key.upper()] = value
    return options
