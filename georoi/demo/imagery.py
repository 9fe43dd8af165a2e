"""Real imagery for the demo: dated scenes out of the NetCDF file that a published wheel carries.

The wheel is read as a zip file and never installed or imported. Its NetCDF holds five variables, B2, B3, B4,
B8 and SCL (scene classification), each with 140 dates as bands, on one grid of 100 x 100 pixels of 10 m.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from georoi import api
from georoi.errors import RasterError

MEMBER = "nrt/data/sentinel2_cube_subset_romania_10m.nc"
LICENCE_MEMBER = "nrt-0.1.0.dist-info/LICENSE"
LARGEST_MEMBER = 64 * 2**20
"""Bytes that a member may unpack to; the real one has 14 million."""

VARIABLES = {"B2": "B02", "B3": "B03", "B4": "B04", "B8": "B08", "SCL": "SCL"}
"""Variables of the file, and what the bands of the scenes are called."""

CLEAR = (4, 5, 7)
"""Classes of SCL that are clear: vegetation, bare soil, unclassified."""

ATTRIBUTION = """\
The scenes are Copernicus Sentinel-2 L2A imagery of 2015-2021, 10 m, EPSG:3035, near 45.2 N, 22.15 E.

  Contains modified Copernicus Sentinel data 2015-2021.
  Taken from the Python package nrt 0.1.0 (European Union, Joint Research Centre), which is published under
  the European Union Public Licence 1.2 (EUPL-1.2); its text lies beside this file as LICENCE-imagery.txt.

The regions of interest, stands.geojson, belong to georoi and its licence, Apache-2.0.
"""


@dataclass(frozen=True, eq=False)
class Cube:
    """All dates of the imagery, in memory."""

    arrays: dict[str, xr.DataArray]
    """Per band name an array (date, y, x), uint16, nodata 0."""
    dates: tuple[str, ...]
    """One per layer, as 2019-07-01."""

    @property
    def clear(self) -> NDArray[np.float64]:
        """Share of clear pixels per date."""
        share: NDArray[np.float64] = np.isin(self.arrays["SCL"].values, CLEAR).mean(axis=(1, 2))
        return share

    def clearest(self, months: tuple[int, ...] = (6, 7, 8, 9)) -> list[str]:
        """The clearest date in these months of each year, the earliest of equals."""
        best: dict[str, tuple[float, str]] = {}
        for date, clear in zip(self.dates, self.clear, strict=True):
            year = date[:4]
            if int(date[5:7]) in months and clear > best.get(year, (0.9, ""))[0]:
                best[year] = (float(clear), date)
        return [date for _, date in best.values()]

    def scene(self, date: str) -> xr.DataArray:
        """The scene of a date: (band, y, x), bands named as in `VARIABLES`."""
        layer = self.dates.index(date)
        layers = [array.isel(band=[layer]) for array in self.arrays.values()]
        values = np.concatenate([array.values for array in layers])
        first = layers[0]
        return xr.DataArray(
            values,
            dims=("band", *first.dims[1:]),
            coords={name: coord for name, coord in first.coords.items() if "band" not in coord.dims},
            attrs={**first.attrs, "long_name": tuple(self.arrays)},
            name=f"S2L2A_{date}",
        )


def read_cube(wheel: Path) -> Cube:
    """Read all dates out of the wheel.

    Raises:
        RasterError: E-RAS-01 if the wheel is missing, or not the one that is expected.
    """
    with _unpacked(wheel, MEMBER) as path:
        rasters = {name: api.open_raster(f"{path}::{variable}") for variable, name in VARIABLES.items()}
        arrays = {name: raster.to_xarray().compute() for name, raster in rasters.items()}
    dates = next(iter(rasters.values())).dates or ()
    return Cube(arrays, tuple(date.date().isoformat() if date else "" for date in dates))


def copy_licence(wheel: Path, target: Path) -> None:
    """Copy the licence of the imagery out of the wheel."""
    with _unpacked(wheel, LICENCE_MEMBER) as path:
        shutil.copyfile(path, target)


@contextmanager
def _unpacked(wheel: Path, member: str) -> Iterator[Path]:
    """Unpack one member into a private folder, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="georoi-demo-") as folder:
        path = Path(folder) / Path(member).name
        try:
            with zipfile.ZipFile(wheel) as archive:
                if archive.getinfo(member).file_size > LARGEST_MEMBER:
                    raise _not_the_wheel(wheel, f"{member} is too large")
                with archive.open(member) as source, path.open("xb") as target:
                    shutil.copyfileobj(source, target)
        except (OSError, KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise _not_the_wheel(wheel, str(error)) from error
        yield path


def _not_the_wheel(wheel: Path, problem: str) -> RasterError:
    return RasterError(
        "E-RAS-01",
        f"the demo's imagery cannot be read from {wheel.name}",
        found={"problem": problem},
        hint="'make demo-data' fetches it: the wheel of nrt 0.1.0; without --source the demo is synthetic",
    )
