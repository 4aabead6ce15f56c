"""Tile pyramids hold every tile, and whole pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the web extra")


from unfade import tile_pyramid
from unfade.files.photo import read


def _reader(path: Path) -> tile_pyramid.Read:
    data = path.read_bytes()
    return lambda start, end: data[start:end]


@pytest.mark.parametrize(
    ("width", "height", "first", "last"),
    [(1, 1, 0, 0), (512, 7, 9, 9), (513, 1, 9, 10), (1024, 1024, 9, 10), (1025, 3, 9, 11), (20_000, 10_000, 9, 15)],
)
def test_levels_are_deep_zoom_s_down_to_one_tile(width: int, height: int, first: int, last: int) -> None:
    assert tile_pyramid.levels(width, height) == (first, last)
    assert -(-max(width, height) // 2 ** (last - first)) <= tile_pyramid.TILE_PX


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (511, 513), (600, 1300), (1025, 30), (1500, 2100)])
@pytest.mark.parametrize("kind", ["gray", "color", "16 bits", "alpha"])
def test_a_view_holds_every_tile_and_whole_pictures(tmp_path: Path, size: tuple[int, int], kind: str) -> None:
    height, width = size
    rows, columns = np.mgrid[:height, :width]
    plane = ((rows / height + columns / width) * 127).astype(np.uint8)
    samples = {
        "gray": plane,
        "color": np.dstack([plane, plane, plane]),
        "16 bits": plane.astype(np.uint16) * 257,
        "alpha": np.dstack([plane, np.full_like(plane, 255)]),
    }[kind]
    tile_pyramid.build(read(samples), tmp_path / "view")
    fetch = _reader(tmp_path / "view")
    index = tile_pyramid.read_index(fetch)
    assert (index.width, index.height) == (width, height)
    for level in range(index.min_level, index.max_level + 1):
        scale = 2 ** (index.max_level - level)
        tall, wide = -(-height // scale), -(-width // scale)
        for row in range(-(-tall // tile_pyramid.TILE_PX)):
            for column in range(-(-wide // tile_pyramid.TILE_PX)):
                at, length = index.at[f"{level}/{column}/{row}"]
                tile = cv2.imdecode(np.frombuffer(fetch(at, at + length), np.uint8), cv2.IMREAD_COLOR)
                assert tile is not None
                tile_px = tile_pyramid.TILE_PX
                expected = min(tile_px, tall - row * tile_px), min(tile_px, wide - column * tile_px)
                assert tile.shape[:2] == expected
                whole = cv2.resize(plane, (wide, tall), interpolation=cv2.INTER_AREA).reshape(tall, wide)
                part = whole[row * tile_pyramid.TILE_PX :, column * tile_pyramid.TILE_PX :][: expected[0], : expected[1]]
                assert np.abs(tile.mean(axis=2) - part).mean() < 3
    longer = max(size)
    for side, found in ((1, min(256, longer)), (256, min(256, longer)), (700, min(1024, longer)), (5000, min(2048, longer))):
        at, length = index.at[tile_pyramid.fit_name(index, side)]
        picture = cv2.imdecode(np.frombuffer(fetch(at, at + length), np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None and max(picture.shape[:2]) == found


def test_what_is_transparent_lies_on_white(tmp_path: Path) -> None:
    samples = np.zeros((20, 20, 4), np.uint8)
    samples[:10, :, 3] = 255
    tile_pyramid.build(read(samples), tmp_path / "view")
    fetch = _reader(tmp_path / "view")
    at, length = tile_pyramid.read_index(fetch).at["5/0/0"]
    shown = cv2.imdecode(np.frombuffer(fetch(at, at + length), np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None and shown[2].max() < 20 and shown[17].min() > 235
