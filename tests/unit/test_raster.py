"""Raster and Header: what follows from a header, what cannot be a grid, how a raster shows itself."""

from __future__ import annotations

import json
import math
import pickle
from dataclasses import replace
from datetime import datetime

import pytest
from affine import Affine

from georoi.errors import CRSError, RasterError, UsageError
from georoi.grid import make_grid
from georoi.values.bands import find_bands
from georoi.values.raster import Georeference, Raster, fill_value, require_grid
from tests.builders import NORTH_UP


@pytest.fixture
def raster() -> Raster:
    """Three bands of a made-up file."""
    return Raster(
        path="/data/a.tif",
        name="a.tif",
        grid=make_grid((40, 60), NORTH_UP, "EPSG:32633"),
        georeference=Georeference.CRS,
        bands=(1, 2, 3),
        band_names=("B02", "B03", "<b>"),
        dtype="uint16",
        nodata=(0, 0, 0),
        scales=(1.0, 0.5, 1.0),
        offsets=(0.0, 0.0, -1.0),
        block_shape=(16, 16),
        mask_kind="nodata",
        driver="GTiff",
        fingerprint="1-2-abc",
        compression="deflate",
        colors=("gray", "undefined", "alpha"),
        date=datetime(2024, 6, 1),
    )


def test_select_keeps_what_belongs_to_a_band(raster: Raster) -> None:
    """Selecting bands by name and by number keeps their numbers, names, scales and colours in that order."""
    chosen = raster.select(["<b>", 2])
    assert (chosen.bands, chosen.band_names) == ((3, 2), ("<b>", "B03"))
    assert (chosen.scales, chosen.offsets) == ((1.0, 0.5), (-1.0, 0.0))
    assert chosen.colors == ("alpha", "undefined")
    assert chosen.select(3).bands == (3,)


@pytest.mark.parametrize("band", [0, 4, -1, "B99", True, 1.5, []])
def test_select_names_the_bands_there_are(raster: Raster, band: object) -> None:
    """A band that is not there is E-RAS-04, and the message lists those that are."""
    with pytest.raises(RasterError) as caught:
        raster.select(band)  # type: ignore[arg-type]
    assert caught.value.id == "E-RAS-04"
    assert caught.value.found["bands"] == "1 (B02), 2 (B03), 3 (<b>)"


def test_digits_are_a_name_before_they_are_a_number() -> None:
    """Where a band is called "3", the text "3" means it and not the third band."""
    assert find_bands("3", (1, 2, 3), ("3", "2", "1"), "a.tif") == (0,)
    assert find_bands(3, (1, 2, 3), ("3", "2", "1"), "a.tif") == (2,)
    assert find_bands("2", (1, 2), ("red", "nir"), "a.tif") == (1,)


def test_selecting_dates_gives_their_date(raster: Raster) -> None:
    """A raster whose bands are dates has one date as soon as its bands do."""
    days = (datetime(2020, 1, 1), datetime(2020, 1, 2), datetime(2020, 1, 2))
    series = replace(raster, dates=days, date=None)
    assert series.select([1, 2]).date is None
    assert series.select([2, 3]).date == datetime(2020, 1, 2)


def test_header_says_what_planning_needs(raster: Raster) -> None:
    """The header carries grid, bands, dtype, nodata and blocks, and derives the same facts."""
    header = raster.header
    assert (header.shape, header.count, header.itemsize, header.fill) == ((40, 60), 3, 2, 0)
    assert (header.block_shape, header.name, header.is_pixel) == ((16, 16), "a.tif", False)
    assert (raster.shape, raster.count, raster.itemsize, raster.fill) == ((40, 60), 3, 2, 0)


def test_fill_is_a_value_that_is_nodata_in_every_band() -> None:
    """Bands that disagree share no nodata value; floats then fall back to NaN, integers to none."""
    assert fill_value("uint8", (255, 255)) == 255
    assert fill_value("uint8", (255, 0)) is None
    assert fill_value("uint8", (255, None)) is None
    assert fill_value("uint8", (None,)) is None
    assert fill_value("float32", (-9999.0,)) == -9999.0
    for nodata in [(None,), (-9999.0, 0.0), (math.nan, math.nan)]:
        fill = fill_value("float32", nodata)
        assert fill is not None
        assert math.isnan(fill)


@pytest.mark.parametrize(
    ("georeference", "error", "id", "hint"),
    [
        (Georeference.UNKNOWN, CRSError, "E-CRS-01", "raster_crs="),
        (Georeference.GCPS, RasterError, "E-RAS-03", "gdalwarp"),
        (Georeference.RPCS, RasterError, "E-RAS-03", "gdalwarp"),
        (Georeference.NONE, RasterError, "E-RAS-03", "gdalwarp"),
    ],
)
def test_a_raster_without_grid_is_refused(
    raster: Raster, georeference: Georeference, error: type[Exception], id: str, hint: str
) -> None:
    """Work on a raster whose pixels have no known place is refused with what to do about it."""
    with pytest.raises(error) as caught:
        require_grid(replace(raster, georeference=georeference))
    assert caught.value.id == id  # type: ignore[attr-defined]
    assert hint in caught.value.hint  # type: ignore[attr-defined]
    assert "a.tif" in str(caught.value)


def test_grids_and_pixel_space_pass(raster: Raster) -> None:
    """A grid with CRS and pixel space are what ROIs can be laid on; a Header is asked the same way."""
    assert require_grid(raster) is raster.grid
    assert require_grid(raster.header) is raster.grid
    pixel = replace(raster, grid=make_grid((2, 3), Affine.identity()), georeference=Georeference.PIXEL)
    assert require_grid(pixel) is pixel.grid
    assert pixel.is_pixel


def test_pickle_keeps_everything(raster: Raster) -> None:
    """A raster goes to a worker and comes back equal, in little space."""
    sent = pickle.dumps(raster)
    assert pickle.loads(sent) == raster
    assert len(sent) < 4000


def test_loading_needs_a_loader(raster: Raster) -> None:
    """to_xarray hands over to the loader it was given, and says so when it was given none."""
    with pytest.raises(UsageError):
        raster.to_xarray()
    calls = []
    loading = replace(raster, loader=lambda *arguments: calls.append(arguments))
    loading.to_xarray(chunks=512)
    assert calls == [(loading, 512)]
    assert loading == raster


def test_text_form_is_two_lines(raster: Raster) -> None:
    """The repr says grid, bands, nodata and blocks in two lines."""
    text = repr(raster)
    assert text.count("\n") == 1
    for words in (
        "a.tif",
        "40 rows x 60 columns of 10",
        "EPSG:32633",
        "3 bands of uint16",
        "nodata 0",
        "16 x 16",
    ):
        assert words in text


def test_html_is_escaped_and_static(raster: Raster) -> None:
    """Names from files cannot become markup, and nothing is fetched or run."""
    page = replace(raster, name="<script>x</script>.tif", notes=("a & b",))._repr_html_()
    assert "<script" not in page
    assert "<b>)" not in page
    assert "&lt;script&gt;" in page
    assert "a &amp; b" in page
    assert "http" not in page


def test_dict_is_json(raster: Raster) -> None:
    """The dictionary for `georoi info --json` holds no NaN, no date object and no secret."""
    odd = replace(raster, dtype="float32", nodata=(math.nan, -math.inf, None))
    told = json.loads(json.dumps(odd.to_dict(), allow_nan=False))
    assert [band["nodata"] for band in told["bands"]] == ["nan", "-inf", None]
    assert told["date"] == "2024-06-01"
    assert told["bounds"] == [500_000.0, 5_199_600.0, 500_600.0, 5_200_000.0]
    assert told["crs"] == "EPSG:32633"
    assert "path" not in told


def test_a_half_built_raster_is_no_raster(raster: Raster) -> None:
    """Fields per band must be as many as bands."""
    with pytest.raises(ValueError, match="as many"):
        replace(raster, nodata=(0,))
