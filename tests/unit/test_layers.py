"""Requests of bands and indices, roles and sensors: what is read, what is made of it, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from georoi.errors import RasterError, UsageError
from georoi.values.layers import resolve_bands
from georoi.values.sensors import Roles, parse_role, parse_sensor

SENTINEL = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12", "SCL")


def pick(request, names, **options):
    """Give for each layer the names of its bands."""
    plan = resolve_bands(request, names, **options)
    return {layer.name: tuple(names[plan.sources[i]] for i in layer.sources) for layer in plan.layers}


def test_bands_are_read_once():
    """Two indices and a band of four sources; each source once, in the order of first use."""
    plan = resolve_bands(["NDVI", "B04", "NBR", 8], SENTINEL)
    assert [SENTINEL[i] for i in plan.sources] == ["B08", "B04", "B12"]
    assert [(layer.name, layer.sources) for layer in plan.layers] == [
        ("NDVI", (0, 1)),
        ("B04", (1,)),
        ("NBR", (0, 2)),
        ("B08", (0,)),
    ]
    assert not plan.is_plain
    assert plan.needs_reflectance == ()
    assert resolve_bands("evi", SENTINEL).needs_reflectance == ("EVI",)


def test_layers_are_computed_and_valid_where_all_their_bands_are():
    """NDVI of two bands in uint16, a band as it is."""
    plan = resolve_bands(["ndvi", "red"], ["red", "nir"])
    bands = [np.array([3000, 100], "uint16"), np.array([1000, 300], "uint16")]  # nir, red
    assert_allclose(plan.layers[0].compute(bands), [0.5, -0.5])
    assert plan.layers[1].compute(bands) is bands[1]
    valid = [np.array([True, False]), np.array([True, True])]
    assert plan.layers[0].find_valid(valid).tolist() == [True, False]
    assert plan.layers[1].find_valid(valid).tolist() == [True, True]


def test_all_bands_and_single_ones():
    """None is all bands, whatever they are called; text and number are one."""
    assert resolve_bands(None, ["a", "a"]).sources == (0, 1)
    assert resolve_bands(None, ["a", "b"]).is_plain
    assert pick(2, ("a", "b")) == {"b": ("b",)}
    assert pick("2", ("a", "b")) == {"b": ("b",)}
    assert pick([5], ("a", "b"), band_numbers=(4, 5)) == {"b": ("b",)}


@pytest.mark.parametrize("name", ["NDVI", "ndvi"])
def test_a_band_wins_over_an_index_of_its_name(name):
    """A file that holds its NDVI is not computed anew."""
    plan = resolve_bands("NDVI", ["red", "nir", name])
    assert plan.is_plain
    assert plan.sources == (2,)


@pytest.mark.parametrize(
    ("names", "sensor", "expected"),
    [
        (SENTINEL, None, ("B08", "B04")),
        (("B02", "B03", "B04", "B08"), None, ("B08", "B04")),
        (("B2", "B3", "B4", "B8", "B8A"), None, ("B8", "B4")),
        (("B04_10m", "B08_10m"), None, ("B08_10m", "B04_10m")),
        (("B04", "B08", "SCL"), "Sentinel-2 L2A", ("B08", "B04")),
        (("SR_B4", "SR_B5", "SR_B6", "QA_PIXEL"), None, ("SR_B5", "SR_B4")),
        (("SR_B3", "SR_B4", "SR_B5"), "landsat-7", ("SR_B4", "SR_B3")),
        (("SR_B3", "SR_B4", "SR_B5"), "L8", ("SR_B5", "SR_B4")),
        (("SR_B3", "SR_B4", "ST_B6"), None, ("SR_B4", "SR_B3")),
        (("SR_B4", "SR_B5", "ST_B10"), None, ("SR_B5", "SR_B4")),
        (("B3", "B4", "B6_VCID_1"), None, ("B4", "B3")),
        (("B4", "B5", "B9", "QA_PIXEL"), None, ("B5", "B4")),
        (("B04", "B05"), "hls-l30", ("B05", "B04")),
        (("blue", "red", "nir08", "qa_pixel"), None, ("nir08", "red")),
        (("Red", "NIR"), None, ("NIR", "Red")),
        (("B3 green", "B4 red", "B5 nir"), None, ("B5 nir", "B4 red")),
    ],
)
def test_sensors_name_their_bands(names, sensor, expected):
    """NDVI's nir and red under the names of agencies and catalogues."""
    assert pick("NDVI", names, sensor=sensor) == {"NDVI": expected}


@pytest.mark.parametrize(
    "names",
    [
        ("B2", "B3", "B4", "B5", "B6", "B7"),
        ("B3", "B4", "B5"),
        ("SR_B3", "SR_B4", "SR_B5", "SR_B7", "QA_PIXEL"),
        ("B04", "B05", "B06"),
        ("B2", "B3", "B4", "B8"),
    ],
)
def test_names_of_several_sensors_are_refused(names):
    """Landsat 7's B4 is near infrared and Landsat 8's is red: a guess would be silently wrong."""
    with pytest.raises(RasterError, match="does not tell which band is nir") as caught:
        resolve_bands("NDVI", names, raster="x.tif")
    assert caught.value.id == "E-RAS-12"
    assert "sensor=" in caught.value.hint


def test_sensors_that_agree_need_not_be_told_apart():
    """B02 to B04 are blue, green and red in Sentinel-2 and in the harmonised Landsat product."""
    roles = Roles(("B02", "B03", "B04"), "x.tif")
    assert [roles.find(role) for role in ("blue", "green", "red")] == [0, 1, 2]
    assert len(roles.sensors) == 2


def test_a_sensor_that_lacks_the_bands_is_refused():
    """Sentinel-2's B05 is a red edge band: to take it for Landsat's near infrared is refused."""
    with pytest.raises(UsageError, match="not named as those of landsat-8/9"):
        resolve_bands("NDVI", SENTINEL, sensor="landsat-8")


def test_an_own_mapping_goes_first():
    """By name or number; the sensor gives the rest."""
    assert pick("NDVI", ("1", "2", "3"), band_map={"NIR": 3, "red": "1"}) == {"NDVI": ("3", "1")}
    assert pick("NDVI", SENTINEL, band_map={"nir": "B8A"}) == {"NDVI": ("B8A", "B04")}
    with pytest.raises(RasterError, match="no band 'B99'"):
        resolve_bands("NDVI", SENTINEL, band_map={"nir": "B99"})
    with pytest.raises(UsageError, match="did you mean green"):
        resolve_bands("NDVI", SENTINEL, band_map={"gren": 1})


def test_nir08_stands_in_for_nir_and_says_so():
    """Sentinel-2's 20 m products have no B08."""
    plan = resolve_bands("NDVI", ("B04", "B8A", "B11", "B12"))
    assert plan.notes == ("band B8A (nir08) is taken as nir",)


def test_roles_can_be_asked_for():
    """A band by its common name, where no band has that name."""
    assert pick(["nir", "swir1"], SENTINEL) == {"nir": ("B08",), "swir1": ("B11",)}
    assert parse_role("RedEdge") == "rededge1"
    assert parse_role("red edge") is None


def test_two_bands_of_one_role_are_refused():
    """Nothing says which of two red bands it is."""
    with pytest.raises(RasterError, match="which band is red"):
        resolve_bands("NDVI", ("red", "B4 red", "nir"))


@pytest.mark.parametrize(
    ("request_", "names", "text"),
    [
        ("NDVJ", SENTINEL, "did you mean NDVI"),
        ("B88", SENTINEL, "did you mean B8A|did you mean B08"),
        (99, SENTINEL, "no band 99"),
        (0, SENTINEL, "no band 0"),
        (True, SENTINEL, "no band True"),
        ("NDVI", ("B02", "B03"), "no band known as nir, red, which NDVI needs"),
        ("NDVI", ("1", "2"), "no band known as nir, red"),
        ([], SENTINEL, "at least one band"),
    ],
)
def test_what_is_not_there_is_named(request_, names, text):
    """With what is near it, or which roles are missing."""
    with pytest.raises(RasterError, match=text) as caught:
        resolve_bands(request_, names)
    assert caught.value.id == "E-RAS-04"


def test_layers_are_asked_for_once():
    """Two columns of one name would hide one another."""
    with pytest.raises(UsageError, match="twice for NDVI"):
        resolve_bands(["NDVI", "ndvi"], SENTINEL)


@pytest.mark.parametrize("name", ["Sentinel-2A", "sentinel2", "S2", "SENTINEL_2", "sentinel-2-l2a"])
def test_sensors_have_several_names(name):
    """Names of missions, of satellites and of products."""
    assert parse_sensor(name).name == "sentinel-2"


def test_unknown_sensors_are_refused():
    """With what is near, and the way for other sensors."""
    with pytest.raises(UsageError, match="did you mean landsat-8") as caught:
        parse_sensor("landsaat-8")
    assert "band_map" in caught.value.hint


def test_indices_of_real_scenes(shared_data):
    """Slovenia's 13 bands are Sentinel-2's; NDVI of the scene is that of eo-learn's rounding-free formula."""
    rasterio = pytest.importorskip("rasterio")
    with rasterio.open(sorted((shared_data / "slovenia_s2_lulc" / "scenes").glob("*.tif"))[0]) as scene:
        names = scene.descriptions
        plan = resolve_bands(["NDVI", "NDWI", "NBR"], names)
        bands = [scene.read(position + 1) for position in plan.sources]
        nir, red = (scene.read(names.index(name) + 1).astype(float) for name in ("B08", "B04"))
    assert_allclose(plan.layers[0].compute(bands), (nir - red) / (nir + red), rtol=1e-12)
    assert all(np.isfinite(layer.compute(bands)).all() for layer in plan.layers)
