"""A flat place gets one color, and colors end where the lightness steps."""

from __future__ import annotations

import numpy as np
import pytest

from unfade.steps._evening import evened


def test_a_blotch_on_a_plain_background_is_evened() -> None:
    chroma = np.full((96, 128, 2), 8.0, np.float32)
    chroma[40:52, 60:74] = (20.0, -4.0)
    even = evened(chroma, np.full((96, 128), 0.5, np.float32))
    assert np.abs(even[46, 67] - 8).max() < 0.5 * np.abs(chroma[46, 67] - 8).max()
    assert even.std() < 0.5 * chroma.std() and even.dtype == np.float32
    assert chroma[46, 67, 0] == 20  # what it was given is untouched


def test_colors_end_where_the_lightness_steps() -> None:
    chroma = np.zeros((96, 128, 2), np.float32)
    chroma[:, 64:] = (15.0, 25.0)
    lightness = np.full((96, 128), 0.4, np.float32)
    lightness[:, 64:] = 0.6
    np.testing.assert_allclose(evened(chroma, lightness), chroma, atol=0.3)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 1), (16, 24)])
def test_one_color_stays_as_it_is(size: tuple[int, int], rng: np.random.Generator) -> None:
    chroma = np.zeros((*size, 2), np.float32) + np.float32(7)
    np.testing.assert_allclose(evened(chroma, rng.random(size, np.float32)), chroma, atol=1e-4)
