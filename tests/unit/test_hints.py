"""A hint brings its place to its color, reaches as far as nothing speaks against it, and stops at an edge."""

from __future__ import annotations

import numpy as np
import pytest

from unfade import color
from unfade.files.photo import read
from unfade.models.session import Sessions
from unfade.steps._hints import follow
from unfade.steps.colorize import Colorize, Hint
from unfade.work import Work

BLUE = (0.2, 0.3, 0.8)
WANTED = color.lab_from_srgb(np.array([[BLUE]], np.float32))[0, 0, 1:]


def way(chroma: np.ndarray, at: tuple[int, int]) -> float:
    """How far a place went from no chroma to the hint's."""
    return float(chroma[at] @ WANTED / (WANTED @ WANTED))


@pytest.mark.parametrize("radius_px", [1.0, 3.0, 12.0, 40.0])
@pytest.mark.parametrize("at", [(200, 300), (203, 297), (2, 1), (397, 595)])
def test_a_hint_of_any_size_brings_its_place_all_the_way(radius_px: float, at: tuple[int, int]) -> None:
    flat = np.full((96, 144), 0.5, np.float32)
    followed = follow(np.zeros((100, 150, 2), np.float32), flat, [Hint(at[1], at[0], radius_px, BLUE)], 400, 600)
    assert way(followed, (at[0] // 4, at[1] // 4)) > 0.95


def test_it_fades_over_a_flat_place_and_stops_at_an_edge() -> None:
    halves = np.full((100, 150), 0.3, np.float32)
    halves[:, 80:] = 0.6
    nothing = np.zeros((100, 150, 2), np.float32)
    followed = follow(nothing, halves, [Hint(300, 200, 4, BLUE)], 400, 600)
    along = [way(followed, (50, column)) for column in (75, 72, 70, 66, 58)]
    assert along == sorted(along, reverse=True) and along[1] > 0.3 > 0.02 > along[4]
    assert abs(way(followed, (50, 81))) < 0.01
    assert np.array_equal(nothing, np.zeros_like(nothing))  # what it was given is untouched


def test_a_color_that_is_there_already_is_left() -> None:
    there = np.zeros((60, 60, 2), np.float32) + WANTED.astype(np.float32)
    followed = follow(there, np.full((60, 60), 0.5, np.float32), [Hint(30, 30, 4, BLUE)], 60, 60)
    np.testing.assert_allclose(followed, there, atol=1e-4)


def test_later_hints_lie_on_top() -> None:
    flat, nothing = np.full((60, 60), 0.5, np.float32), np.zeros((60, 60, 2), np.float32)
    red = Hint(30, 30, 4, (0.7, 0.2, 0.2))
    blue = Hint(30, 30, 4, BLUE)
    assert way(follow(nothing, flat, [red, blue], 60, 60), (30, 30)) > 0.95
    assert way(follow(nothing, flat, [blue, red], 60, 60), (30, 30)) < 0.3


def test_the_step_follows_its_smallest_hint_to_the_photographs_own_pixels(sessions: Sessions) -> None:
    """A dab of one pixel in a photograph larger than the model's working size, whose model hardly sees it."""
    rng = np.random.default_rng(5)
    samples = np.rint(120 + rng.normal(0, 2, (400, 600, 1))).astype(np.uint8)
    done = Colorize(hints=(Hint(301, 203, 1.0, BLUE),))(Work(read(samples)), sessions, lambda share: None)
    chroma = color.lab_from_srgb(done.photo.srgb())[:, :, 1:]
    elsewhere = chroma[40, 40]
    gone = float((chroma[203, 301] - elsewhere) @ (WANTED - elsewhere) / ((WANTED - elsewhere) ** 2).sum())
    assert gone > 0.8
