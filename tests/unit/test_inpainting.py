"""The classical fill: exact outside, smooth inside, close to the reference solver."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage.restoration import inpaint_biharmonic

from unfade import inpainting


def _hole(shape: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[10:16, 8:30] = True
    mask[25:27, :] = True
    return mask


def test_outside_the_mask_nothing_changes_and_under_it_nothing_matters(rng: np.random.Generator) -> None:
    image, mask = rng.random((40, 40, 3), dtype=np.float32), _hole((40, 40))
    filled = inpainting.biharmonic(image, mask)
    assert np.array_equal(filled[~mask], image[~mask])
    other = image.copy()
    other[mask] = 7.0
    assert np.array_equal(filled, inpainting.biharmonic(other, mask))


def test_a_ramp_is_continued() -> None:
    y, x = np.mgrid[:64, :64].astype(np.float32) / 64
    image = np.dstack([x, y, 0.5 * x + 0.25 * y])
    mask = _hole((64, 64))
    assert np.abs(inpainting.biharmonic(image, mask, sweeps=64) - image)[mask].max() < 0.02


def test_close_to_the_sparse_solver(rng: np.random.Generator) -> None:
    """scikit-image solves the same equation exactly (and slowly)."""
    y, x = np.mgrid[:48, :48].astype(np.float32)
    image = (0.5 + 0.3 * np.sin(x / 9) * np.cos(y / 7))[:, :, None] * np.float32([1, 0.8, 0.6])
    mask = _hole((48, 48))
    exact = inpaint_biharmonic(image, mask, channel_axis=-1)
    ours = inpainting.biharmonic(image.astype(np.float32), mask, sweeps=40)
    assert np.sqrt(np.mean((ours - exact)[mask] ** 2)) < 0.01


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (63, 65), (257, 131)])
def test_any_size_and_any_share(shape: tuple[int, int], rng: np.random.Generator) -> None:
    image = rng.random((*shape, 3), dtype=np.float32)
    for mask in (np.zeros(shape, bool), np.ones(shape, bool), rng.random(shape) < 0.3):
        filled = inpainting.biharmonic(image, mask)
        assert filled.shape == image.shape and filled.dtype == np.float32
        assert filled.min() >= 0 and filled.max() <= 1


def test_without_finish_the_middle_of_a_hole_is_nearly_the_same(rng: np.random.Generator) -> None:
    image = np.ascontiguousarray(cv2.GaussianBlur(rng.random((90, 120, 3)), (0, 0), 9), np.float32)
    mask = np.zeros((90, 120), bool)
    mask[30:60, 20:100] = True
    finished, unfinished = inpainting.biharmonic(image, mask), inpainting.biharmonic(image, mask, finish=False)
    np.testing.assert_array_equal(unfinished[~mask], image[~mask])
    assert 0 < np.abs(finished - unfinished)[38:52, 28:92].max() < 1 / 255
