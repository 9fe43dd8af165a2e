"""Outputs that are inputs are refused before anything is written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import georoi
from georoi.errors import UsageError
from georoi.io.output.inputs import refuse_inputs
from tests.builders import ramp, write_raster


@pytest.mark.parametrize("link", [None, os.link, os.symlink])
def test_the_input_is_known_by_any_name(tmp_path: Path, link):
    """The same path, a hard link and a symbolic link are all the input; a layer's or variable's file too."""
    source, output = tmp_path / "a.nc", tmp_path / "b.nc"
    source.write_bytes(b"CDF\x01")
    if link:
        link(source, output)
    for name in (source, f"{source}::x", f'NETCDF:"{source}":x'):
        with pytest.raises(UsageError, match="output is the input"):
            refuse_inputs((None, output if link else source), (name, object()))


def test_folders_that_hold_the_input(tmp_path: Path):
    """A folder that holds the input is refused, another one and new files are not."""
    source = tmp_path / "each" / "a.tif"
    source.parent.mkdir()
    source.touch()
    (tmp_path / "other").mkdir()
    with pytest.raises(UsageError, match="folder of the input"):
        refuse_inputs((source.parent,), (str(source),))
    free = (tmp_path / "other", tmp_path / "new.tif", source.parent / "b.tif")
    refuse_inputs(free, (source, "none.tif", "x" * 5000))


def test_what_a_vrt_reads_is_an_input_too(tmp_path: Path):
    """The files of a VRT are not replaced by what is made of it, given as a path or opened."""
    source, vrt = write_raster(tmp_path / "a.tif", ramp()), tmp_path / "a.vrt"
    vrt.write_text(
        '<VRTDataset rasterXSize="60" rasterYSize="40"><GeoTransform>0, 1, 0, 40, 0, -1</GeoTransform>'
        '<VRTRasterBand dataType="UInt16" band="1"><SimpleSource>'
        '<SourceFilename relativeToVRT="1">a.tif</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>'
    )
    for given in (vrt, georoi.open_raster(vrt, raster_crs="EPSG:32633")):
        with pytest.raises(UsageError, match="output is the input"):
            refuse_inputs((source,), (given,))
    refuse_inputs((write_raster(tmp_path / "b.tif", ramp()),), (vrt,))
    vrt.write_text("<VRTDataset")
    refuse_inputs((source,), (vrt,))
