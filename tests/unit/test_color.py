"""Colors against scikit-image, and round trips, to a tenth of a 16-bit step where L* depends on it."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.color import lab2rgb, rgb2lab

from unfade import color


@pytest.fixture
def picture(rng: np.random.Generator) -> np.ndarray:
    return rng.random((64, 80, 3), dtype=np.float32)


def test_lab_agrees_with_scikit_image(picture: np.ndarray) -> None:
    ours, theirs = color.lab_from_srgb(picture), rgb2lab(picture.astype(np.float64))
    assert ours.dtype == np.float32
    assert np.abs(ours - theirs).max() < 0.02  # their white is D65's tabulated one, ours sRGB's own


def test_srgb_agrees_with_scikit_image(picture: np.ndarray) -> None:
    lab = rgb2lab(picture.astype(np.float64))
    assert np.abs(color.srgb_from_lab(lab.astype(np.float32)) - lab2rgb(lab)).max() < 1e-3


def test_round_trip_is_finer_than_16_bits(picture: np.ndarray) -> None:
    assert np.abs(color.srgb_from_lab(color.lab_from_srgb(picture)) - picture).max() < 0.5 / 65535 * 3


def test_grays_have_no_chroma_and_every_16_bit_gray_survives() -> None:
    gray = (np.arange(65536) / 65535).astype(np.float32).reshape(256, 256, 1).repeat(3, axis=2)
    lab = color.lab_from_srgb(gray)
    assert np.abs(lab[:, :, 1:]).max() < 2e-4
    assert (np.rint(color.srgb_from_lab(lab) * 65535) == np.rint(gray * 65535)).all()


def test_lightness_alone_is_that_of_lab(picture: np.ndarray) -> None:
    np.testing.assert_allclose(color.lightness_from_srgb(picture), color.lab_from_srgb(picture)[:, :, 0], atol=2e-4)


def test_gamut_keeps_lightness_and_hue(rng: np.random.Generator) -> None:
    lab = np.stack([rng.uniform(1, 99, (50, 60)), rng.uniform(-120, 120, (50, 60)), rng.uniform(-120, 120, (50, 60))], axis=2).astype(
        np.float32
    )
    inside = color.into_gamut(lab)
    np.testing.assert_array_equal(inside[:, :, 0], lab[:, :, 0])
    shrunk = np.hypot(inside[:, :, 1], inside[:, :, 2]) > 1
    hue = np.arctan2(inside[:, :, 2], inside[:, :, 1]) - np.arctan2(lab[:, :, 2], lab[:, :, 1])
    assert np.abs(np.sin(hue / 2)[shrunk]).max() < 1e-3
    back = color.lab_from_srgb(color.srgb_from_lab(inside))
    assert np.abs(back[:, :, 0] - lab[:, :, 0]).max() < 0.01
    assert np.hypot(inside[:, :, 1], inside[:, :, 2]).mean() > 20  # shrunk to the gamut's edge, not to gray


def test_colors_in_gamut_come_back_bit_for_bit(picture: np.ndarray) -> None:
    lab = color.lab_from_srgb(picture)
    np.testing.assert_array_equal(color.into_gamut(lab), lab)
