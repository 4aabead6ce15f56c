"""A stroke more is seen filled without everything being made anew."""

from __future__ import annotations

import numpy as np
from tests.gray_photos import gray_photo, ignore

from unfade.models.session import Sessions
from unfade.queue.retouch import KEPT, Retouches, Shown, retouched
from unfade.steps.fill import Fill, Heal
from unfade.work import Work


def shown_with(mask: np.ndarray, sessions: Sessions) -> tuple[Shown, Work]:
    """A photograph, filled, then made warmer as a step after that would."""
    photo = gray_photo(80, 120)
    filled = Fill()(Work(photo, mask), sessions, ignore)
    final = filled.photo.as_rgb()
    warm = np.clip(final.samples.astype(int) + np.array([20, 5, -15]), 0, 255).astype(np.uint8)
    return Shown(mask, (), filled.photo, final.with_samples(warm)), filled


def test_only_what_differs_is_made_anew_in_the_tone_of_its_surroundings(sessions: Sessions) -> None:
    mask = np.zeros((80, 120), bool)
    mask[10:14, 10:30] = True
    shown, _ = shown_with(mask, sessions)
    more = mask.copy()
    more[50:58, 60:70] = True
    kept = Retouches()
    kept.put(("one",), shown)
    near = kept.nearest(("one",), more, ())
    assert near is not None and near[0] is shown
    np.testing.assert_array_equal(near[1], more & ~mask)
    made = retouched(gray_photo(80, 120), *near, more, Fill(), sessions, ignore)
    np.testing.assert_array_equal(made.final.samples[~near[1]], shown.final.samples[~near[1]])
    there = made.final.samples[near[1]].astype(int)
    np.testing.assert_allclose(there[:, 0] - there[:, 2], 35, atol=4)  # as warm as all around
    exact = Fill()(Work(gray_photo(80, 120), more), sessions, ignore).photo.samples
    assert np.abs(made.filled.samples.astype(int) - exact)[near[1]].max() <= 12


def test_what_is_marked_no_longer_is_as_it_was(sessions: Sessions) -> None:
    mask = np.zeros((80, 120), bool)
    mask[10:14, 10:30] = True
    shown, _ = shown_with(mask, sessions)
    none = np.zeros_like(mask)
    made = retouched(gray_photo(80, 120), shown, mask, none, Fill(), sessions, ignore)
    np.testing.assert_array_equal(made.filled.samples, gray_photo(80, 120).samples)


def test_another_photograph_too_much_and_a_heal_are_told_apart(sessions: Sessions) -> None:
    mask = np.zeros((80, 120), bool)
    mask[10:14, 10:30] = True
    shown, _ = shown_with(mask, sessions)
    kept = Retouches()
    kept.put(("one",), shown)
    assert kept.nearest(("other",), mask, ()) is None
    assert kept.nearest(("one",), np.ones_like(mask), ()) is None
    near = kept.nearest(("one",), mask, (Heal(((20, 12),), 3, 30, 0),))
    assert near is not None and 0 < near[1].sum() < mask.sum()
    for _ in range(KEPT):
        kept.put(("two",), shown)
    assert kept.nearest(("one",), mask, ()) is None, "it is not kept for ever"
