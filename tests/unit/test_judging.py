"""Pieces of a mask by what they are: losses stay, objects go, and doubts are told with their place."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from unfade.files import photo
from unfade.files.photo import Photo
from unfade.models.calibration import TRAITS as COUNT
from unfade.models.calibration import Pieces
from unfade.steps import _judging
from unfade.steps._evidence import quantized
from unfade.steps._judging import TRAITS, judge, measure

SIZE = (240, 320)


def scene(rng: np.random.Generator) -> tuple[Photo, np.ndarray, np.ndarray]:
    """A pale, ragged, textured loss at the top left, a smooth white disc at the bottom right; both marked."""
    gray = np.clip(0.4 + 0.1 * rng.standard_normal(SIZE), 0, 1)
    gray = cv2.GaussianBlur(gray, (0, 0), 0.8)
    lost, disc = np.zeros(SIZE, np.uint8), np.zeros(SIZE, np.uint8)
    cv2.fillPoly(lost, [np.array([[20, 20], [90, 35], [70, 80], [30, 60]])], 1)
    cv2.circle(disc, (260, 180), 30, 1, -1)
    gray[lost > 0] = 0.8 + 0.1 * rng.standard_normal(int(lost.sum()))
    gray[disc > 0] = 0.95
    levels = np.rint(np.clip(gray, 0, 1) * 255).astype(np.uint8)
    evidence = np.where(lost | disc, quantized(3.0), quantized(-5.0)).astype(np.uint8)
    return photo.read(np.repeat(levels[:, :, None], 3, axis=2)), evidence, (lost | disc) > 0


def pieces(**weights: float) -> Pieces:
    """A regression with these weights for pieces of any size, and 0 for all others."""
    return Pieces(smallest_share=1e-4, least_score=0, small=tuple(weights.get(trait, 0.0) for trait in TRAITS), large=(0.0,) * len(TRAITS))


def test_the_card_has_a_weight_for_each_trait() -> None:
    assert len(TRAITS) == COUNT


def test_texture_tells_torn_paper_from_a_white_disc(rng: np.random.Generator) -> None:
    picture, evidence, mask = scene(rng)
    kept, doubts = judge(picture, evidence, evidence, mask.copy(), pieces(texture=1.0, bias=0.3), 0.0)
    assert kept[40, 50] and not kept[150:210].any()
    assert len(doubts) == 1 and doubts[0].what == "a large pale area at the bottom right may be a loss: mark it if it is"
    left, top, right, bottom = doubts[0].box
    assert abs(left - 230) <= 1 and abs(top - 150) <= 1 and abs(right - 291) <= 1 and abs(bottom - 211) <= 1


def test_what_is_far_from_being_kept_is_not_spoken_of(rng: np.random.Generator) -> None:
    picture, evidence, mask = scene(rng)
    kept, doubts = judge(picture, evidence, evidence, mask, pieces(bias=-9.0), 0.0)
    assert not kept.any() and doubts == ()


def test_specks_are_not_judged(rng: np.random.Generator) -> None:
    picture, evidence, mask = scene(rng)
    mask[:] = False
    mask[100:102, 100:102] = True
    kept, doubts = judge(picture, evidence, evidence, mask, pieces(bias=-9.0), 0.0)
    assert kept.sum() == 4 and doubts == ()


def test_a_look_that_does_not_agree_drops_a_piece(rng: np.random.Generator) -> None:
    picture, evidence, mask = scene(rng)
    least = evidence.copy()
    least[120:] = quantized(-6.0)
    kept, _ = judge(picture, evidence, least, mask.copy(), pieces(agreement=1.0), 0.0)
    assert kept[40, 50] and not kept[150:210].any()


def test_large_photographs_are_judged_alike_on_a_copy(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    picture, evidence, mask = scene(rng)
    least = evidence.copy()
    least[120:] = quantized(-2.0)
    weights = pieces(agreement=1.0)
    whole, told = judge(picture, evidence, least, mask.copy(), weights, 0.0)
    monkeypatch.setattr(_judging, "WORKING_PIXELS", SIZE[0] * SIZE[1] // 5)
    kept, doubts = judge(picture, evidence, least, mask.copy(), weights, 0.0)
    np.testing.assert_array_equal(kept, whole)  # what stays, stays pixel for pixel
    assert len(told) == len(doubts) == 1 and not kept[150:210].any()
    assert all(abs(one - other) <= 6 for one, other in zip(told[0].box, doubts[0].box, strict=True))


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (63, 65)])
def test_any_size_and_a_mask_of_everything(size: tuple[int, int], rng: np.random.Generator) -> None:
    picture = photo.read(rng.integers(0, 256, (*size, 3), np.uint8))
    evidence = np.full(size, 200, np.uint8)
    for mask in (np.ones(size, bool), np.zeros(size, bool)):
        kept, _ = judge(picture, evidence, evidence, mask.copy(), pieces(bias=1.0), 0.0)
        np.testing.assert_array_equal(kept, mask)
    gray = rng.random(size, np.float32)
    measured = measure(gray, evidence, evidence, np.ones(size, bool), 1e-4)
    assert np.isfinite(measured.traits).all() and (np.abs(measured.traits) <= 3).all()
