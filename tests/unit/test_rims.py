"""Long marks of a worn photograph get the pixels beside them that a fill makes again."""

from __future__ import annotations

import numpy as np
import pytest

from unfade.files.photo import Photo, read
from unfade.steps._rims import widen


def _worn() -> tuple[Photo, np.ndarray]:
    """A gray photograph (200, 160) with a dark stripe along the lower half of a crack's right side, and its
    marks: the crack, a patch and a speck."""
    samples = np.full((200, 160, 3), 120, np.uint8)
    samples[100:, 42:46] = 40
    samples[:, 38] = 112  # the crack's shadow
    mask = np.zeros((200, 160), bool)
    mask[:, 39:42] = True
    mask[20:60, 80:120] = True
    mask[150:153, 120:123] = True
    return read(samples), mask


def test_a_cracks_shadow_is_marked_and_what_stands_out_beside_it_is_not() -> None:
    photo, mask = _worn()
    widened = mask.copy()
    widen(photo, widened)
    assert widened[:, 38].all(), "the shadow differs by less than what stands out"
    assert widened[:90, 42].all() and not widened[110:, 42].any(), "calm above, a stripe below"
    assert not (widened & ~mask)[140:160, 110:130].any(), "a speck keeps its size"
    assert (widened & ~mask)[:, 80:120].sum() == 80, "the patch gets a rim of one pixel above and below"


def test_a_photograph_with_little_lost_keeps_its_marks() -> None:
    photo, mask = _worn()
    mask[20:60, 80:120] = False
    before = mask.copy()
    widen(photo, mask)
    np.testing.assert_array_equal(mask, before)


def test_bands_are_not_seen(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    photo, mask = _worn()
    photo = read(np.clip(photo.samples + rng.normal(0, 6, photo.samples.shape), 0, 255).astype(np.uint8))
    whole, banded = mask.copy(), mask.copy()
    widen(photo, whole)
    monkeypatch.setattr("unfade.steps._rims.tiles.bands", lambda height, width: tiles_of(height))
    widen(photo, banded)
    np.testing.assert_array_equal(banded, whole)
    assert whole.sum() > mask.sum()


def tiles_of(height: int) -> list[slice]:
    return [slice(top, min(top + 17, height)) for top in range(0, height, 17)]
