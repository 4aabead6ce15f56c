"""Tile pyramids, components of a mask, and the sweeping of files."""

from __future__ import annotations

import os
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the web extra")

from hypothesis import given
from hypothesis import strategies as st

from unfade import masks, tile_pyramid
from unfade.files.photo import read
from unfade.web.jobs import sweep
from unfade.web.ledger import Ledger, PhotoRecord, new_id
from unfade.web.store import Store
from unfade.web.table import SqliteTable


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


def _mask() -> np.ndarray:
    mask = np.zeros((200, 300), bool)
    mask[20:120, 50:52] = True  # a scratch
    mask[150:153, 200:203] = True  # a spot
    mask[100:140, 100:150] = True  # a hole
    for step in range(60):
        mask[150 - step // 2, 220 + step] = True  # a slanted scratch
    return mask


def test_components_are_told_apart_by_shape_and_counted_largest_first() -> None:
    found, total = masks.components(_mask())
    assert total == 4 and [component["kind"] for component in found] == ["hole", "scratch", "scratch", "spot"]
    assert found[0]["area_px"] == 2000 and (found[0]["x"], found[0]["y"], found[0]["width"], found[0]["height"]) == (100, 100, 50, 40)
    assert found[1]["size_px"] == 100
    assert all(2 <= len(component["outline"]) <= masks.MAX_OUTLINE for component in found)


def test_a_component_with_a_wild_edge_has_a_short_outline(rng: np.random.Generator) -> None:
    noise = cv2.GaussianBlur(rng.standard_normal((300, 300)).astype(np.float32), (0, 0), 2) > 0
    found, total = masks.components(noise)
    assert total > 10
    assert all(len(component["outline"]) <= masks.MAX_OUTLINE for component in found)


def test_components_are_kept_by_number_and_by_size_and_found_by_place() -> None:
    mask = _mask()
    numbers = {component["kind"]: component["id"] for component in masks.components(mask)[0]}
    rest = masks.without(mask, [numbers["hole"], 10_000], None)
    assert not rest[100:140, 100:150].any() and (rest == mask)[:100].all()
    dust = masks.without(mask, [], 10)
    assert dust.sum() == 9
    assert (masks.without(mask, [], None) == mask).all()
    assert masks.component_at(mask, 120.5, 120.5, 0) == numbers["hole"]
    assert masks.component_at(mask, 201, 148, 4) == numbers["spot"]
    assert masks.component_at(mask, 10, 190, 3) is None
    assert masks.component_at(mask, 5000, 5000, 3) is None


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_taking_away_every_component_leaves_nothing(seed: int, share: float) -> None:
    mask = np.random.default_rng(seed).random((13, 17)) < share
    found, total = masks.components(mask)
    assert total == len(found)
    assert not masks.without(mask, [component["id"] for component in found], None).any()
    assert sum(component["area_px"] for component in found) == mask.sum()


def test_what_has_expired_and_what_belongs_to_nobody_is_swept(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "files"), tmp_path / "scratch")
    ledger = Ledger(SqliteTable(tmp_path / "ledger.sqlite"))
    now = time.time()
    facts = {"width": 1, "height": 1, "bits": 8, "channels": 1, "format": "png", "bytes": 1, "has_color": False, "has_location": False}
    fresh, old = (PhotoRecord(id=new_id(), name="a", created=now, expires=now + after, notes=(), **facts) for after in (100, -1))
    orphan, young_orphan = new_id(), new_id()
    for photo in (fresh, old):
        ledger.add_photo(photo)
    for name in (fresh.id, old.id, orphan, young_orphan):
        store.put(f"photos/{name}/original", b"x")
    os.utime(tmp_path / "files" / "photos" / orphan, (now - 7200, now - 7200))
    sweep(ledger, store, now=now)
    assert {name for name, _ in store.names("photos")} == {fresh.id, young_orphan}
    assert ledger.photo(fresh.id) == fresh and not ledger.has_photo(old.id)
    ledger.close()


def test_a_store_anywhere_fsspec_reaches_behaves_as_a_folder_does(tmp_path: Path) -> None:
    for url in (str(tmp_path / "files"), "memory://unfade-test"):
        store = Store(url, tmp_path / "scratch")
        store.put("photos/a/original", b"0123456789")
        (tmp_path / "made").write_bytes(b"made here")
        store.put_file("photos/a/jobs/result", tmp_path / "made")
        assert not (tmp_path / "made").exists()
        assert store.read("photos/a/original", 2, 5) == b"234" and store.size("photos/a/original") == 10
        assert b"".join(store.chunks("photos/a/jobs/result")) == b"made here"
        with store.local("photos/a/original") as path:
            assert path.read_bytes() == b"0123456789"
        assert [name for name, _ in store.names("photos")] == ["a"]
        store.remove("photos/a")
        store.remove("photos/a")
        assert not store.exists("photos/a/original") and store.names("nowhere") == []
        with pytest.raises(FileNotFoundError):
            store.read("photos/a/original")
        with pytest.raises(FileNotFoundError), store.local("photos/a/original") as path:
            path.read_bytes()
    assert list((tmp_path / "scratch").iterdir()) == []
