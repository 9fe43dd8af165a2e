"""Tell which band of a raster is red, which near infrared: by common name, by sensor or by own mapping."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from georoi.errors import RasterError, UsageError
from georoi.values.bands import find_bands, list_bands
from georoi.wording import printable

ROLES = (
    "coastal",
    "blue",
    "green",
    "yellow",
    "red",
    "rededge1",
    "rededge2",
    "rededge3",
    "nir",
    "nir08",
    "nir09",
    "pan",
    "cirrus",
    "swir16",
    "swir22",
    "lwir",
    "lwir11",
    "lwir12",
)
"""Common names of bands as in STAC's eo extension; the red edge bands are numbered as asset keys do it."""

_ROLE_ALIASES = {
    "rededge": "rededge1",
    "rededge071": "rededge1",
    "rededge075": "rededge2",
    "rededge078": "rededge3",
    "swir1": "swir16",
    "swir2": "swir22",
}


@dataclass(frozen=True)
class Sensor:
    """The names that a sensor's products give to its bands.

    Sources: ESA, Sentinel-2 MSI spectral resolutions; USGS, band designations of Landsat TM, ETM+ and OLI;
    the common names of both in the eo extension 1.0 of STAC.
    """

    name: str
    roles: Mapping[str, tuple[str, ...]]
    """Number of a band as text, such as "4" or "8A", to its roles."""
    patterns: tuple[str, ...]
    """Expressions that match the names of bands in capitals; their group is the number."""
    markers: frozenset[str] = field(default=frozenset())
    """Bands of quality, in capitals, that only this family of sensors has."""

    def read(self, name: str) -> tuple[str, ...]:
        """Give the roles of a band of this name; none if the sensor has no such band."""
        for pattern in self.patterns:
            match = re.fullmatch(pattern, _read_code(name))
            if match:
                return self.roles.get(match.group(1), ())
        return ()


_LANDSAT_QUALITY = frozenset({"QA_PIXEL", "QA_RADSAT", "SR_QA_AEROSOL", "SR_CLOUD_QA", "ST_QA", "BQA"})

_SENSORS = (
    Sensor(
        "sentinel-2",
        {
            "1": ("coastal",),
            "2": ("blue",),
            "3": ("green",),
            "4": ("red",),
            "5": ("rededge1",),
            "6": ("rededge2",),
            "7": ("rededge3",),
            "8": ("nir",),
            "8A": ("nir08",),
            "9": ("nir09",),
            "10": ("cirrus",),
            "11": ("swir16",),
            "12": ("swir22",),
        },
        (r"B0?([1-9]|8A|1[0-2])",),
        frozenset({"SCL", "MSK_CLDPRB", "MSK_SNWPRB", "QA60"}),
    ),
    Sensor(
        "landsat-8/9",
        {
            "1": ("coastal",),
            "2": ("blue",),
            "3": ("green",),
            "4": ("red",),
            "5": ("nir", "nir08"),
            "6": ("swir16",),
            "7": ("swir22",),
            "8": ("pan",),
            "9": ("cirrus",),
            "10": ("lwir11",),
            "11": ("lwir12",),
        },
        # with a zero as the harmonised product (HLS L30) writes them: that one has no band 8
        (r"B([1-9]|1[01])", r"B0([1-79])", r"SR_B([1-7])", r"ST_B(10)"),
        _LANDSAT_QUALITY,
    ),
    Sensor(
        "landsat-4/5/7",
        {
            "1": ("blue",),
            "2": ("green",),
            "3": ("red",),
            "4": ("nir", "nir08"),
            "5": ("swir16",),
            "6": ("lwir",),
            "7": ("swir22",),
            "8": ("pan",),
        },
        (r"B([1-8])", r"SR_B([1-57])", r"ST_B(6)", r"B(6)_VCID_[12]"),
        _LANDSAT_QUALITY,
    ),
)

SENSORS: Mapping[str, Sensor] = {
    alias: sensor
    for sensor, aliases in zip(
        _SENSORS,
        (
            "sentinel-2 sentinel-2a sentinel-2b sentinel-2c s2 s2a s2b s2c msi",
            "landsat-8/9 landsat-8 landsat-9 l8 l9 lc08 lc09 oli oli-tirs hls-l30",
            "landsat-4/5/7 landsat-5/7 landsat-4 landsat-5 landsat-7 l4 l5 l7 lt04 lt05 le07 tm etm etm+",
        ),
        strict=True,
    )
    for alias in aliases.split()
}
"""Sensors by their names and short names."""

_CODE = re.compile(r"(?:S[RT]_)?B\d{1,2}A?(?:_VCID_[12])?")


def parse_sensor(sensor: str | None) -> Sensor | None:
    """Give the sensor of a name; case, blanks and underscores do not matter.

    Raises:
        UsageError: E-USE-01 if there is no such sensor.
    """
    if sensor is None:
        return None
    text = str(sensor).strip().casefold().replace("_", "-").replace(" ", "-")
    text = re.sub(r"^(sentinel|landsat)(\d)", r"\1-\2", text)
    text = re.sub(r"-(l1c|l2a|c2-l[12]|l[12])$", "", text)
    if text not in SENSORS:
        close = get_close_matches(text, SENSORS, n=1)
        raise UsageError(
            "E-USE-01",
            f"sensor '{printable(sensor)}' is unknown" + (f"; did you mean {close[0]}?" if close else ""),
            found={"sensors": "sentinel-2, landsat-5, landsat-7, landsat-8, landsat-9"},
            hint="for any other sensor give band_map=, such as {'red': 3, 'nir': 4}",
        )
    return SENSORS[text]


def parse_role(name: str) -> str | None:
    """Give the role that a common name stands for, in any case; None if it is none."""
    key = name.strip().casefold()
    key = _ROLE_ALIASES.get(key, key)
    return key if key in ROLES else None


class Roles:
    """The bands of one raster by role.

    A role's band is, in this order: the one that `band_map` gives; the one whose name is the common name
    ("red", "B4 red"); the one that the sensor has for it. Where no sensor is given, all whose products use
    such names must agree: B4 is red in Sentinel-2 and Landsat 8, but near infrared in Landsat 7.

    Args:
        band_names: Names of the bands.
        raster: Name of the raster, for messages.
        band_map: Roles to bands, by name or number.
        sensor: Name of the sensor.
        band_numbers: Numbers of the bands; from 1 where not given.

    Raises:
        UsageError: E-USE-01 if the sensor or a role is unknown, or bands have names that the sensor lacks.
        RasterError: E-RAS-04 if the mapping names a band that is not there.
    """

    def __init__(
        self,
        band_names: Sequence[str],
        raster: str,
        *,
        band_map: Mapping[str, int | str] | None = None,
        sensor: str | None = None,
        band_numbers: Sequence[int] | None = None,
    ) -> None:
        self.names = tuple(band_names)
        self.numbers = tuple(band_numbers or range(1, len(self.names) + 1))
        self.raster = raster
        self._given = self._read_map(band_map or {})
        asked = parse_sensor(sensor)
        fitting = _find_fitting(self.names)
        if asked is not None and fitting is not None and asked not in fitting:
            raise UsageError(
                "E-USE-01",
                f"the bands of raster '{raster}' are not named as those of {asked.name}",
                found={"bands": list_bands(self.numbers, self.names)},
                hint="give the right sensor=, or band_map= instead",
            )
        self.sensors = (asked,) if asked is not None else tuple(fitting or ())

    def find(self, role: str) -> int | None:
        """Give the position (from 0) of the band of a role; None if the raster has none.

        Raises:
            RasterError: E-RAS-12 if two bands could be it.
        """
        if role in self._given:
            return self._given[role]
        named = [i for i, name in enumerate(self.names) if _read_common_name(name) == role]
        if len(named) > 1:
            raise self._refuse(role, {"bands": list_bands(*self._some(named))})
        if named:
            return named[0]
        found = {
            sensor.name: next((i for i, name in enumerate(self.names) if role in sensor.read(name)), None)
            for sensor in self.sensors
        }
        if len(set(found.values())) > 1:
            raise self._refuse(
                role, {name: "none" if i is None else self.names[i] for name, i in found.items()}
            )
        return next(iter(found.values()), None)

    def _refuse(self, role: str, found: Mapping[str, str]) -> RasterError:
        return RasterError(
            "E-RAS-12",
            f"raster '{self.raster}' does not tell which band is {role}",
            found=found,
            hint=f"give sensor=, such as 'landsat-8', or band_map={{'{role}': ...}}",
        )

    def _some(self, positions: Iterable[int]) -> tuple[list[int], list[str]]:
        chosen = list(positions)
        return [self.numbers[i] for i in chosen], [self.names[i] for i in chosen]

    def _read_map(self, band_map: Mapping[str, int | str]) -> dict[str, int]:
        given = {}
        for name, band in band_map.items():
            role = parse_role(str(name))
            if role is None:
                close = get_close_matches(str(name).casefold(), ROLES, n=1)
                raise UsageError(
                    "E-USE-01",
                    f"band_map has a role '{printable(name)}' that is unknown"
                    + (f"; did you mean {close[0]}?" if close else ""),
                    found={"roles": ", ".join(ROLES)},
                )
            given[role] = find_bands(band, self.numbers, self.names, self.raster)[0]
        return given


def _read_code(name: str) -> str:
    """Give the first word of a band's name in capitals, without the pixel size that some catalogues add."""
    return re.sub(r"_(10|20|30|60)M$", "", re.split(r"[\s:,-]", name.strip())[0].upper())


def _read_common_name(name: str) -> str | None:
    """Give the role that a band's name says, as "red" and "B4 red" do, and "red edge" does not."""
    text = re.sub(r"_(10|20|30|60)m$", "", name.strip().casefold())
    code = re.fullmatch(r"(?:(?:s[rt]_)?b(?:and)?[ _]?\d{1,2}a?)[\s:,_-]+(\w+)", text)
    return parse_role(code.group(1) if code else text)


def _find_fitting(names: Sequence[str]) -> list[Sensor] | None:
    """Give the sensors that have all the bands that are named as sensors name them; None if no name is so."""
    words = [_read_code(name) for name in names]
    codes = [word for word in words if _CODE.fullmatch(word)]
    if not codes:
        return None
    marked = [sensor for sensor in _SENSORS if sensor.markers & set(words)]
    return [sensor for sensor in marked or _SENSORS if all(sensor.read(code) for code in codes)]
