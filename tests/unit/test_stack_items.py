"""STAC items as stacks: which assets, under which names, from where, and what the items say of them."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from georoi.api.stacks import open_stack
from georoi.errors import GeoroiError
from georoi.io.raster.rasters import read_window
from georoi.io.raster.stac_items import find_items, list_items
from georoi.values.composition import list_files
from georoi.values.raster import Raster
from tests.builders import NORTH_UP, ramp, write_raster

TIFF = "image/tiff; application=geotiff; profile=cloud-optimized"


def pixels(raster: Raster) -> np.ndarray:
    """Read a whole raster."""
    return read_window(raster, (0, raster.shape[0], 0, raster.shape[1])).values


def make_item(folder: Path, day: int) -> dict[str, Any]:
    """Write the files of an item with single-band assets, a picture of three bands and a coarse band."""
    name = f"S2_{day}"
    for number, key in enumerate(("B04", "B08")):
        write_raster(folder / f"{name}_{key}.tif", ramp(1) + 1000 * day + 100 * number)
    write_raster(folder / f"{name}_SCL.tif", np.full((1, 40, 60), day, "uint8"), nodata=0)
    write_raster(folder / f"{name}_TCI.tif", ramp(3, dtype="uint16"))
    coarse = NORTH_UP @ NORTH_UP.scale(2)
    write_raster(folder / f"{name}_B11.tif", ramp(1, 20, 30), transform=coarse, nodata=0)
    raster_band = {"nodata": 0, "scale": 0.0001, "offset": -0.1}
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "properties": {"datetime": f"2020-01-0{day}T10:02:12.345Z"},
        "geometry": None,
        "links": [],
        "assets": {
            "B04": {
                "href": f"./{name}_B04.tif",
                "type": TIFF,
                "roles": ["data"],
                "eo:bands": [{"name": "band 4", "common_name": "red"}],
                "raster:bands": [raster_band],
            },
            "B08": {
                "href": f"{name}_B08.tif",
                "type": TIFF,
                "roles": ["data"],
                "bands": [{"name": "band 8", "eo:common_name": "nir", **raster_band}],
            },
            "SCL": {"href": f"{name}_SCL.tif", "type": TIFF, "roles": ["data"]},
            "B11": {"href": f"{name}_B11.tif", "type": TIFF, "roles": ["data"]},
            "visual": {
                "href": f"{name}_TCI.tif",
                "type": TIFF,
                "roles": ["visual"],
                "eo:bands": [{"name": n, "common_name": n} for n in ("red", "green", "blue")],
            },
            "thumbnail": {"href": "t.png", "type": "image/png", "roles": ["thumbnail"]},
        },
    }


@pytest.fixture
def items(tmp_path: Path) -> Path:
    """An ItemCollection of two items, newest first."""
    content = {"type": "FeatureCollection", "features": [make_item(tmp_path, day) for day in (2, 1)]}
    path = tmp_path / "items.json"
    path.write_text(json.dumps(content))
    return path


def refused(source: object, **options: Any) -> GeoroiError:
    """Give the error that opening raises."""
    with pytest.raises(GeoroiError) as caught:
        open_stack(source, **options)
    return caught.value


@pytest.mark.parametrize("bands", [["nir", "red"], ["B08", "B04"], ["band 8", "band 4"], ["nir", "B04"]])
def test_bands_by_key_name_or_common_name(items: Path, bands: list[str]) -> None:
    """Each way to say a band finds its asset; bands are called as they were asked for, in that order."""
    stack = open_stack(items, bands=bands)
    assert stack.band_names == tuple(bands)
    assert stack.labels == ("2020-01-01T10:02:12.345000", "2020-01-02T10:02:12.345000")
    for day, raster in enumerate(stack, 1):
        expected = np.concatenate([ramp(1) + 1000 * day + 100, ramp(1) + 1000 * day])
        assert np.array_equal(pixels(raster), expected)
        assert [file.name for file in list_files(raster)] == [f"S2_{day}_B08.tif", f"S2_{day}_B04.tif"]


def test_what_the_item_says_counts_where_the_file_says_nothing(items: Path) -> None:
    """Nodata, scale and offset of STAC 1.0 and 1.1 are taken for files without, and noted."""
    raster = open_stack(items, bands=["B04", "B08"])[0]
    assert (raster.nodata, raster.scales, raster.offsets) == ((0, 0), (0.0001,) * 2, (-0.1,) * 2)
    assert any("what the item says" in note for note in raster.notes)


def test_bands_of_several_dtypes_are_widened(items: Path) -> None:
    """An 8-bit class band goes with 16-bit reflectance, values and nodata unchanged."""
    raster = open_stack(items, bands=["B04", "SCL"])[1]
    assert (raster.dtype, raster.nodata) == ("uint16", (0, 0))
    assert np.array_equal(pixels(raster.select("SCL"))[0], np.full((40, 60), 2))
    assert any("read as uint16" in note for note in raster.notes)


def test_bands_on_different_grids_are_refused_or_resampled(items: Path) -> None:
    """20 m bands beside 10 m ones need a choice of bands or a resampling, which may differ by band."""
    error = refused(items)
    assert error.id == "E-STK-02"
    assert "align=" in (error.hint or "")
    stack = open_stack(items, bands=["B04", "SCL", "B11"], align={"SCL": "mode", "*": "nearest"})
    assert np.array_equal(pixels(stack[0].select("B11"))[0], np.kron(ramp(1, 20, 30)[0], np.ones((2, 2))))
    assert np.array_equal(pixels(stack[0].select("B04")), ramp(1) + 1000)
    assert refused(items, bands=["B04", "B11"], align={"B04": "nearest"}).id == "E-USE-01"


def test_a_picture_is_data_only_when_asked_for(items: Path) -> None:
    """The bands of an asset of several come under the names that the item gives them."""
    stack = open_stack(items, bands=["visual"])
    assert stack.band_names == ("red", "green", "blue")
    assert np.array_equal(pixels(stack[0]), ramp(3))


def test_an_asset_that_is_not_described_keeps_the_names_of_its_file(tmp_path: Path) -> None:
    """Where the item does not say which bands an asset has, the file does."""
    write_raster(tmp_path / "a.tif", ramp(2), names=("B04", "B08"))
    item = {
        "id": "a",
        "properties": {"datetime": "2020-01-01T00:00:00Z"},
        "links": [{"rel": "self", "href": str(tmp_path / "a.json")}],
        "assets": {"data": {"href": "a.tif", "type": TIFF}},
    }
    assert open_stack(item).band_names == open_stack(item, bands="data").band_names == ("B04", "B08")


def test_items_come_as_files_dicts_lists_and_objects(items: Path) -> None:
    """A file, its content, a list of items and objects with `to_dict` are the same stack."""
    content = json.loads(items.read_text())
    for feature in content["features"]:
        feature["links"] = [{"rel": "self", "href": str(items.parent / "item.json")}]

    class Item:
        def __init__(self, content: dict[str, Any]) -> None:
            self.content = content
            self.assets = content.get("assets")  # an item has these, a collection of items has the next

        items = ()

        def to_dict(self) -> dict[str, Any]:
            return self.content

    expected = open_stack(items, bands="red")
    for source in (content, content["features"], Item(content), [Item(one) for one in content["features"]]):
        assert open_stack(source, bands="red").rasters == expected.rasters
    assert open_stack(content["features"][1], bands="red").rasters == expected.rasters[:1]


def test_links_of_items_on_the_net() -> None:
    """Relative places are relative to the item's own link; absolute ones stay; nothing is fetched."""
    item = {
        "id": "a",
        "properties": {"datetime": None, "start_datetime": "2020-01-01T00:00:00Z"},
        "links": [{"rel": "self", "href": "s3://bucket/a/item.json"}],
        "assets": {
            "x": {"href": "./x.tif"},
            "y": {"href": "../b/y.TIF"},
            "z": {"href": "https://example.org/z.tif?sig=1"},
            "m": {"href": "m.xml"},
        },
    }
    listing = list_items(find_items(item), None, None)
    assert [entry.source for entry in listing.entries] == [
        "s3://bucket/a/x.tif",
        "s3://bucket/b/y.TIF",
        "https://example.org/z.tif?sig=1",
    ]
    assert {entry.date for entry in listing.entries} == {datetime(2020, 1, 1)}


def test_what_items_lack_is_named(items: Path, tmp_path: Path) -> None:
    """A band that is not there or is several, an item without date, and a file without items are errors."""
    assert refused(items, bands=["B99"]).id == "E-STK-03"
    assert refused(items, bands=[1]).id == "E-STK-03"
    content = json.loads(items.read_text())
    content["features"][0]["assets"]["SCL"]["eo:bands"] = [{"name": "x", "common_name": "red"}]
    assert "several assets" in refused(content, bands=["red"]).rule
    content["features"][0]["properties"]["datetime"] = None
    assert refused(content, bands=["B04"]).id == "E-STK-01"
    for text in ('{"type": "FeatureCollection", "features": []}', "[", '{"type": "Feature"}'):
        items.write_text(text)
        assert refused(items).id == "E-STK-04"
