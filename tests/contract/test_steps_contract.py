"""Every registered step, at odd sizes, both depths, one and three channels: its input is untouched and its
answer is a photograph."""

from __future__ import annotations

import numpy as np
import pytest

from unfade.files.photo import Photo, read
from unfade.models.session import Sessions
from unfade.steps import STEPS
from unfade.work import Work

SIZES = [(1, 1), (1, 7), (63, 65), (257, 131)]


def work_of(size: tuple[int, int], channels: int, dtype: type[np.generic]) -> Work:
    """A low-contrast gray ramp with noise, and a mask of a blot and a scratch where the size allows."""
    rng = np.random.default_rng(size[0] * 1000 + size[1])
    height, width = size
    ramp = 0.35 + 0.2 * np.linspace(0, 1, width)[None, :, None] + 0.05 * rng.random((height, width, 1))
    samples = np.rint(np.repeat(ramp, channels, axis=2) * np.iinfo(dtype).max).astype(dtype)
    mask = np.zeros(size, bool)
    mask[height // 3 : height // 3 + 9, width // 3 : width // 3 + 7] = True
    mask[:, width // 2] |= height > 1
    return Work(read(samples), mask)


def pixels(photo: Photo) -> np.ndarray:
    return photo.samples.copy()


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("channels", "dtype"), [(1, np.uint8), (3, np.uint8), (1, np.uint16), (3, np.uint16)])
def test_contract(name: str, size: tuple[int, int], channels: int, dtype: type[np.generic], sessions: Sessions) -> None:
    step = STEPS[name]()
    work = work_of(size, channels, dtype)
    assert work.mask is not None
    samples, mask = pixels(work.photo), work.mask.copy()
    shares: list[float] = []
    done = step(work, sessions, shares.append)

    np.testing.assert_array_equal(work.photo.samples, samples)  # the input is untouched
    np.testing.assert_array_equal(work.mask, mask)
    assert work.records == ()

    assert (done.photo.height, done.photo.width) == size
    assert done.photo.samples.dtype == dtype
    assert done.mask is not None and done.mask.dtype == bool and done.mask.shape == size
    assert step.gives_mask or done.mask is work.mask

    assert shares and shares[-1] == 1 and shares == sorted(shares) and min(shares) >= 0
    (record,) = done.records
    assert record.step == step.name == name
    assert 0 <= record.pixels_changed <= size[0] * size[1]
    assert record.pixels_changed == (done.photo.samples != samples).any(axis=2).sum()

    again = step(work_of(size, channels, dtype), sessions, lambda share: None)
    np.testing.assert_array_equal(again.photo.samples, done.photo.samples)  # the same every time
    np.testing.assert_array_equal(again.mask, done.mask)


@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_a_frozen_value(name: str) -> None:
    step = STEPS[name]()
    assert step == STEPS[name]()
    with pytest.raises(AttributeError):
        step.name = "other"  # type: ignore[misc]


def test_the_four_steps_are_registered() -> None:
    assert {"damage", "fill", "clean", "colorize"} <= set(STEPS)
