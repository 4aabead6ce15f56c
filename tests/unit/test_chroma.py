"""A flat place gets one color, and colors end where the lightness steps."""

from __future__ import annotations

import numpy as np
import pytest

from unfade.steps._evening import evened, sharpened


def test_a_blotch_on_a_plain_background_is_evened() -> None:
    chroma = np.full((96, 128, 2), 8.0, np.float32)
    chroma[40:52, 60:74] = (20.0, -4.0)
    even = evened(chroma, np.full((96, 128), 0.5, np.float32))
    assert np.abs(even[46, 67] - 8).max() < 0.5 * np.abs(chroma[46, 67] - 8).max()
    assert even.std() < 0.5 * chroma.std() and even.dtype == np.float32
    assert chroma[46, 67, 0] == 20  # what it was given is untouched


def test_a_background_that_slowly_darkens_has_one_color_from_side_to_side() -> None:
    """The plain background of a portrait, guessed blue at one side and green at the other."""
    chroma = np.zeros((96, 96, 2), np.float32)
    chroma[:, :48], chroma[:, 48:] = (0.0, -15.0), (-10.0, 10.0)
    darkens = np.linspace(0.45, 0.65, 96, dtype=np.float32)[None].repeat(96, axis=0)
    assert np.hypot(*evened(chroma, darkens).std(axis=(0, 1))) < 0.35 * np.hypot(*chroma.std(axis=(0, 1)))


def test_the_doubtful_takes_the_color_of_the_sure() -> None:
    chroma = np.zeros((64, 64, 2), np.float32)
    chroma[20:44, 20:44] = (15.0, -15.0)
    confidence = np.full((64, 64), 0.4, np.float32)
    confidence[20:44, 20:44] = 0.2
    flat = np.full((64, 64), 0.3, np.float32)
    told, untold = evened(chroma, flat, confidence), evened(chroma, flat)
    assert np.hypot(*told[32, 32]) < 0.35 * np.hypot(*untold[32, 32])
    np.testing.assert_allclose(evened(chroma, flat, np.full_like(flat, 0.3)), untold, atol=1e-3)  # all alike: as if none were given


def test_a_soft_edge_gets_steeper_and_no_color_comes_up_that_is_not_near() -> None:
    chroma = np.zeros((96, 96, 2), np.float32)
    chroma[..., 0] = np.interp(np.arange(96), (44, 52), (-5.0, 15.0))
    sharp = sharpened(chroma)
    assert sharp[48, 45, 0] < chroma[48, 45, 0] - 0.5 and sharp[48, 51, 0] > chroma[48, 51, 0] + 0.5
    assert sharp.min() >= -5 and sharp.max() <= 15
    np.testing.assert_array_equal(sharp[:, :30], chroma[:, :30])


def test_colors_end_where_the_lightness_steps() -> None:
    chroma = np.zeros((96, 128, 2), np.float32)
    chroma[:, 64:] = (15.0, 25.0)
    lightness = np.full((96, 128), 0.4, np.float32)
    lightness[:, 64:] = 0.6
    np.testing.assert_allclose(evened(chroma, lightness), chroma, atol=0.3)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 1), (16, 24)])
def test_one_color_stays_as_it_is(size: tuple[int, int], rng: np.random.Generator) -> None:
    chroma = np.zeros((*size, 2), np.float32) + np.float32(7)
    lightness, confidence = rng.random(size, np.float32), rng.random(size, np.float32)
    np.testing.assert_allclose(evened(sharpened(chroma), lightness, confidence), chroma, atol=1e-4)
