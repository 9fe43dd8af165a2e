"""Tiles that are copied as they are stored hold the very pixels that decoding would give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
import tifffile
from affine import Affine

import georoi
from georoi.clipping import tiles as clipping_tiles

SIDE, BLOCK = 2048, 512


def _scene(path: Path, dtype: str, **profile: object) -> Path:
    rng = np.random.default_rng(3)
    values = rng.integers(1, 9, (2, SIDE, SIDE)).astype(dtype)
    values[:, BLOCK : 2 * BLOCK, BLOCK : 2 * BLOCK] = 0  # a tile that holds nothing but nodata
    options = {"driver": "GTiff", "width": SIDE, "height": SIDE, "count": 2, "dtype": dtype, "nodata": 0}
    options |= {"crs": "EPSG:32633", "transform": Affine(10, 0, 500_000, 0, -10, 5_000_000), "tiled": True}
    options |= {"blockxsize": BLOCK, "blockysize": BLOCK, "interleave": "pixel", **profile}
    with rasterio.open(path, "w", **options) as dst:
        dst.write(values)
    return path


def _rois() -> georoi.ROISet:
    disc = shapely.Point(510_240, 4_989_760).buffer(9_900)
    return georoi.ROISet.from_geometries([disc], crs="EPSG:32633")


def _copied(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int, int]]:
    """Collect the windows of tiles that are copied."""
    windows = []
    original = clipping_tiles.read_stored

    def spy(raster: object, window: tuple[int, int, int, int]) -> bytes | None:
        raw = original(raster, window)
        windows.append(window)
        return raw

    monkeypatch.setattr(clipping_tiles, "read_stored", spy)
    return windows


CASES = [
    ("uint16", {"compress": "deflate", "predictor": 2}, {}),
    ("uint8", {"compress": "deflate", "predictor": 1, "zlevel": 9}, {"PREDICTOR": 1}),
    ("int32", {"compress": "lzw", "predictor": 2}, {"COMPRESS": "LZW"}),
    ("float32", {"compress": "zstd", "predictor": 3}, {"COMPRESS": "ZSTD"}),
    ("float64", {"compress": None}, {"COMPRESS": "NONE"}),
]


@pytest.mark.parametrize(("dtype", "profile", "options"), CASES, ids=[case[0] for case in CASES])
def test_copied_tiles_equal_decoded_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str, profile: dict, options: dict
) -> None:
    """On the block grid with the codec kept, inner tiles are copied; every pixel is that of the plain way."""
    scene = _scene(tmp_path / "scene.tif", dtype, **profile)
    plain = georoi.clip(scene, _rois(), crop="blocks").compute().to_numpy()
    windows = _copied(monkeypatch)

    georoi.clip_file(scene, _rois(), tmp_path / "out.tif", crop="blocks", co={"BLOCKSIZE": BLOCK, **options})

    assert len(windows) == 4
    with rasterio.open(tmp_path / "out.tif") as out, rasterio.open(scene) as source:
        assert np.array_equal(out.read(), plain)
        row, col = windows[0][0], windows[0][2]
        tile = rasterio.windows.Window(col, row, BLOCK, BLOCK)
        assert np.array_equal(out.read(window=tile), source.read(window=tile))
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        assert np.array_equal(np.moveaxis(file.asarray(), -1, 0), plain)


NOT_ALIKE = [
    (
        "another block size",
        {"compress": "deflate", "predictor": 2, "blockxsize": 1024},
        {},
    ),
    ("another predictor", {"compress": "deflate", "predictor": 1}, {}),
    ("another codec", {"compress": "lzw", "predictor": 2}, {}),
    ("band by band", {"compress": "deflate", "predictor": 2, "interleave": "band"}, {}),
    ("big-endian", {"compress": "deflate", "predictor": 2, "endianness": "BIG"}, {}),
    ("fewer bits", {"compress": "deflate", "predictor": 1, "nbits": 12}, {"PREDICTOR": 1}),
    ("some bands", {"compress": "deflate", "predictor": 2}, {"bands": [2, 1]}),
    ("another nodata", {"compress": "deflate", "predictor": 2}, {"nodata": 9999}),
]


@pytest.mark.parametrize(("case", "profile", "options"), NOT_ALIKE)
def test_tiles_stored_otherwise_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str, profile: dict, options: dict
) -> None:
    """Where tiles, codec, bands or nodata differ, nothing is copied, and the pixels are right."""
    scene = _scene(tmp_path / "scene.tif", "uint16", **profile)
    keywords = {key: value for key, value in options.items() if key.islower()}
    creation = {key: value for key, value in options.items() if key.isupper()}
    plain = georoi.clip(scene, _rois(), crop="blocks", **keywords).compute().to_numpy()
    windows = _copied(monkeypatch)

    georoi.clip_file(
        scene, _rois(), tmp_path / "out.tif", crop="blocks", co={"BLOCKSIZE": BLOCK, **creation}, **keywords
    )

    assert windows == [], case
    with rasterio.open(tmp_path / "out.tif") as out:
        assert np.array_equal(out.read(), plain)
