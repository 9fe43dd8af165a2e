"""Spectral indices: their formulas on band roles, with the publication each is taken from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georoi.errors import UsageError
from georoi.kernels.indices import Node, compute_formula, list_names
from georoi.values.foreign import FOREIGN, find_foreign
from georoi.values.formulas import parse_formula, write_formula
from georoi.wording import printable


@dataclass(frozen=True)
class Index:
    """A spectral index: a formula on roles of bands, in STAC's common names (`georoi.values.sensors`)."""

    name: str
    formula: str
    """In Python's notation, evaluated by `georoi.kernels.indices.compute_formula`."""
    source: str
    """The publication."""
    title: str = ""
    needs_reflectance: bool = True
    """Whether bands must be reflectances of 0 to 1; a ratio that no common factor changes needs none."""

    @property
    def tree(self) -> Node:
        """The formula as the kernel takes it."""
        return parse_formula(self.formula)

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles of the bands that the formula uses, in the order of their first use."""
        return list_names(self.tree)


def _ratio(name: str, title: str, first: str, second: str, source: str) -> Index:
    return Index(name, f"({first} - {second}) / ({first} + {second})", source, title, needs_reflectance=False)


_OWN = (
    _ratio("NDVI", "vegetation", "nir", "red", "Rouse et al. 1974, NASA SP-351, 309-317"),
    _ratio(
        "GNDVI",
        "vegetation, green band",
        "nir",
        "green",
        "Gitelson et al. 1996, doi:10.1016/S0034-4257(96)00072-7",
    ),
    _ratio(
        "NDRE",
        "vegetation, red edge",
        "nir",
        "rededge1",
        "Gitelson & Merzlyak 1994, doi:10.1016/S0176-1617(11)81633-0; Barnes et al. 2000",
    ),
    Index(
        "CIRE",
        "nir / rededge1 - 1",
        "Gitelson et al. 2003, doi:10.1078/0176-1617-00887",
        "chlorophyll, red edge",
        needs_reflectance=False,
    ),
    Index(
        "EVI",
        "2.5 * (nir - red) / (nir + 6 * red - 7.5 * blue + 1)",
        "Huete et al. 2002, doi:10.1016/S0034-4257(02)00096-2",
        "vegetation, enhanced",
    ),
    Index(
        "EVI2",
        "2.5 * (nir - red) / (nir + 2.4 * red + 1)",
        "Jiang et al. 2008, doi:10.1016/j.rse.2008.06.006",
        "vegetation, enhanced, two bands",
    ),
    Index(
        "SAVI",
        "1.5 * (nir - red) / (nir + red + 0.5)",
        "Huete 1988, doi:10.1016/0034-4257(88)90106-X, with L = 0.5",
        "vegetation, soil adjusted",
    ),
    Index(
        "OSAVI",
        "(nir - red) / (nir + red + 0.16)",
        "Rondeaux et al. 1996, doi:10.1016/0034-4257(95)00186-7",
        "vegetation, soil adjusted, optimised",
    ),
    Index(
        "MSAVI",
        "(2 * nir + 1 - sqrt((2 * nir + 1) ** 2 - 8 * (nir - red))) / 2",
        "Qi et al. 1994, doi:10.1016/0034-4257(94)90134-1 (there MSAVI2)",
        "vegetation, soil adjusted, modified",
    ),
    Index(
        "NIRV",
        "(nir - red) / (nir + red) * nir",
        "Badgley et al. 2017, doi:10.1126/sciadv.1602244",
        "near infrared reflectance of vegetation",
    ),
    Index(
        "KNDVI",
        "tanh(((nir - red) / (nir + red)) ** 2)",
        "Camps-Valls et al. 2021, doi:10.1126/sciadv.abc7447, with sigma = (nir + red) / 2",
        "vegetation, kernel",
        needs_reflectance=False,
    ),
    _ratio("NDWI", "open water", "green", "nir", "McFeeters 1996, doi:10.1080/01431169608948714"),
    _ratio("MNDWI", "open water, modified", "green", "swir16", "Xu 2006, doi:10.1080/01431160600589179"),
    _ratio(
        "NDMI",
        "moisture of vegetation",
        "nir",
        "swir16",
        "Wilson & Sader 2002, doi:10.1016/S0034-4257(01)00318-2; Gao 1996 names it NDWI",
    ),
    _ratio("NBR", "burns", "nir", "swir22", "García & Caselles 1991, doi:10.1080/10106049109354290"),
    _ratio("NBR2", "burns, short wave", "swir16", "swir22", "USGS, Landsat Normalized Burn Ratio 2"),
    _ratio("NDBI", "built-up land", "swir16", "nir", "Zha et al. 2003, doi:10.1080/01431160304987"),
    Index(
        "BSI",
        "((swir16 + red) - (nir + blue)) / ((swir16 + red) + (nir + blue))",
        "Rikimaru et al. 2002, Tropical Ecology 43, 39-47",
        "bare soil",
        needs_reflectance=False,
    ),
    _ratio("NDSI", "snow", "green", "swir16", "Hall et al. 1995, doi:10.1016/0034-4257(95)00137-P"),
)

INDICES: Mapping[str, Index] = {index.name: index for index in _OWN}
"""The indices with formulas of our own, by name in capitals. MNDWI and NDSI share one formula."""

_ALIASES = {"MSAVI2": "MSAVI", "NDREI": "NDRE"}


def find_index(name: str) -> Index | None:
    """Give the index of a name, in any case; None if there is none.

    "spyndex:NAME" takes the formula from spyndex' catalogue of some 250 indices, if it is installed.

    Raises:
        MissingExtraError: E-USE-02 if spyndex is asked for and not installed.
        UsageError: E-USE-01 if spyndex has no such index, or one that is no formula of bands.
    """
    if name.casefold().startswith(FOREIGN):
        known, tree, source, title = find_foreign(name[len(FOREIGN) :])
        return Index(known, write_formula(tree), source, title)
    key = name.strip().upper()
    return INDICES.get(_ALIASES.get(key, key))


def compute_index(index: str | Index, arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Compute an index; see `georoi.kernels.indices.compute_formula` for near-zero denominators.

    Args:
        index: An index or its name.
        arrays: Bands by role, of any real dtype and one shape; with scale and offset applied.

    Returns:
        A new array of that shape, NaN where the index has no value.

    Raises:
        UsageError: E-USE-01 if there is no such index, or a role is missing.
    """
    found = index if isinstance(index, Index) else find_index(index)
    if found is None:
        raise UsageError(
            "E-USE-01",
            f"there is no index '{printable(index)}'",
            found={"indices": ", ".join(INDICES)},
            hint=_suggest(str(index)),
        )
    missing = [role for role in found.roles if role not in arrays]
    if missing:
        raise UsageError(
            "E-USE-01",
            f"{found.name} needs {', '.join(missing)}",
            found={"given": ", ".join(arrays) or "nothing", "formula": found.formula},
        )
    return compute_formula(found.tree, arrays)


def _suggest(name: str) -> str | None:
    close = get_close_matches(name.upper(), INDICES, n=1)
    return f"did you mean {close[0]}?" if close else None
