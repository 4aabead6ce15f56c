"""Suggestions differ in meaning: what may have any color gets another one, and what is known stays."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from tests.gray_photos import gray_photo

import unfade
from unfade import color
from unfade.models.session import Session, Sessions
from unfade.steps._suggestions import Guess, suggestion

COLORS = np.array([[0, 0], [30, 20], [0, 30], [10, -35], [-30, 25], [20, 25]], np.float32)
COAT, MEADOW, FACE = (slice(0, 20),), (slice(20, 40),), (slice(40, 60),)


def _guess() -> tuple[Guess, np.ndarray]:
    """A coat that may be anything, a meadow that is green, and a face."""
    logits = np.full((len(COLORS), 60, 48), -6.0, np.float32)
    logits[:, COAT[0]] = np.array([1.0, 0.8, 0.7, 0.9, 0.6, -2.0]).reshape(-1, 1, 1)
    logits[4, MEADOW[0]], logits[5, FACE[0]] = 3.0, 1.0
    logits[3, FACE[0]] = 0.8
    chroma = np.zeros((60, 48, 2), np.float32)
    chroma[MEADOW], chroma[FACE] = (-28, 24), (20, 25)
    lightness = np.zeros((60, 48), np.float32)
    lightness[COAT], lightness[MEADOW], lightness[FACE] = 0.3, 0.5, 0.75
    return Guess(chroma, logits, COLORS), lightness


def test_a_coat_changes_and_what_is_known_stays() -> None:
    guess, lightness = _guess()
    made = [suggestion(guess, lightness, number) for number in (1, 2, 3)]
    for chroma in made:
        assert chroma.dtype == np.float32 and chroma.shape == guess.chroma.shape
        assert np.hypot(*(chroma - guess.chroma)[10, 24]) > 12
        np.testing.assert_allclose(chroma[30], guess.chroma[30], atol=1.0)  # no other color is likely there
        np.testing.assert_allclose(chroma[50], guess.chroma[50], atol=1.0)  # skin is known, whatever the distribution says
    for one, other in itertools.combinations(made, 2):
        assert np.hypot(*(one - other)[10, 24]) > 15


def test_a_region_has_one_color_though_its_own_is_blotchy(rng: np.random.Generator) -> None:
    guess, lightness = _guess()
    logits = guess.logits + rng.normal(0, 0.3, guess.logits.shape).astype(np.float32)
    chroma = suggestion(Guess(guess.chroma, logits, COLORS), lightness, 1)
    assert chroma[2:18].std(axis=(0, 1)).max() < 2.5


def test_a_suggestion_is_the_same_each_time_and_in_any_grid() -> None:
    guess, lightness = _guess()
    np.testing.assert_array_equal(suggestion(guess, lightness, 2), suggestion(guess, lightness, 2))
    half = Guess(guess.chroma[::2, ::2].copy(), guess.logits[:, ::2, ::2].copy(), COLORS)
    np.testing.assert_allclose(suggestion(half, lightness[::2, ::2].copy(), 2)[5, 12], suggestion(guess, lightness, 2)[10, 24], atol=3)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 2)])
def test_the_smallest_photographs_have_suggestions(size: tuple[int, int]) -> None:
    guess = Guess(np.zeros((*size, 2), np.float32), np.zeros((len(COLORS), *size), np.float32), COLORS)
    chroma = suggestion(guess, np.full(size, 0.5, np.float32), 5)
    assert chroma.shape == (*size, 2) and np.isfinite(chroma).all()


def test_every_number_gives_another_photograph_of_the_same_lightness(sessions: Sessions) -> None:
    photo = gray_photo(64, 96)
    made = [unfade.colorize(photo, suggestion=number, sessions=sessions).photo for number in (0, 1, 2)]
    chroma = [color.lab_from_srgb(one.samples.astype(np.float32) / 255)[..., 1:].mean(axis=(0, 1)) for one in made]
    assert all(np.hypot(*(one - other)) > 3 for one, other in itertools.combinations(chroma, 2))
    before = photo.samples[:, :, 0].astype(np.float32) / 255
    for one in made:
        lightness = color.lab_from_srgb(one.samples.astype(np.float32) / 255)[..., 0]
        expected = color.lightness_from_srgb(np.repeat(before[:, :, None], 3, axis=2))
        np.testing.assert_allclose(lightness, expected, atol=0.6)
    assert made[0].samples.tobytes() == unfade.colorize(photo, sessions=sessions).photo.samples.tobytes()


def test_a_model_with_one_guess_says_so(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "gives", lambda self, name: name not in ("logits", "colors"))
    one, other = (unfade.colorize(gray_photo(32, 48), suggestion=number, sessions=sessions) for number in (0, 3))
    assert one.photo.samples.tobytes() == other.photo.samples.tobytes()
    assert "suggestion 3 is the same as 0" in other.report.steps[-1].notes[0] and not one.report.steps[-1].notes
