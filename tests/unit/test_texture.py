"""A wide fill gets the texture of what surrounds it, and nothing else changes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from unfade.faces import Face
from unfade.files.photo import Photo, read
from unfade.steps._texture import add_texture


def cloth(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Rough cloth around a middle gray, (h, w) in [0, 1]."""
    noise = cv2.GaussianBlur(rng.standard_normal((height, width)).astype(np.float32), (0, 0), 1.2)
    return (0.5 + 0.25 * noise).clip(0, 1)


def smoothly_filled(gray: np.ndarray, lost: np.ndarray, bits: int = 8, channels: int = 3) -> Photo:
    filled = np.where(lost, np.float32(0.5), gray)
    samples = np.rint(filled * (2**bits - 1)).astype(np.uint8 if bits == 8 else np.uint16)
    return read(np.repeat(samples[:, :, None], channels, axis=2))


def disc(height: int, width: int, radius: int) -> np.ndarray:
    return cv2.circle(np.zeros((height, width), np.uint8), (width // 2, height // 2), radius, 1, -1) > 0


def roughness(photo: Photo, where: np.ndarray) -> float:
    luma = photo.srgb()[:, :, 0]
    return float((luma - cv2.GaussianBlur(luma, (0, 0), 3))[where].std())


@pytest.mark.parametrize(("bits", "channels"), [(8, 3), (16, 1)])
def test_a_wide_hole_in_cloth_is_as_rough_as_cloth(rng: np.random.Generator, bits: int, channels: int) -> None:
    lost = disc(160, 200, 40)
    photo = smoothly_filled(cloth(160, 200, rng), lost, bits, channels)
    made = add_texture(photo, lost, ())
    around, before, after = roughness(photo, ~lost), roughness(photo, disc(160, 200, 25)), roughness(made, disc(160, 200, 25))
    assert before < 0.01 * around
    assert 0.4 * around < after < 1.0 * around
    np.testing.assert_array_equal(made.samples[~lost], photo.samples[~lost])
    assert (made.samples == made.samples[:, :, :1]).all()
    np.testing.assert_array_equal(add_texture(photo, lost, ()).samples, made.samples)


def test_a_large_photograph_gets_its_texture_from_a_smaller_copy(rng: np.random.Generator) -> None:
    height, width = 1700, 1750
    lost = disc(height, width, 200)
    rough = cv2.resize(cloth(height // 2, width // 2, rng), (width, height), interpolation=cv2.INTER_CUBIC)
    photo = smoothly_filled(rough, lost)
    made = add_texture(photo, lost, ())
    inside = disc(height, width, 150)
    assert roughness(made, inside) > 0.3 * roughness(photo, ~lost) > 10 * roughness(photo, inside)
    np.testing.assert_array_equal(made.samples[~lost], photo.samples[~lost])


def test_scratches_and_plain_places_stay_as_they_are(rng: np.random.Generator) -> None:
    scratch = np.zeros((120, 120), bool)
    scratch[57:62, 10:110] = True
    photo = smoothly_filled(cloth(120, 120, rng), scratch)
    assert add_texture(photo, scratch, ()) is photo
    plain = smoothly_filled(np.full((120, 120), 0.5, np.float32), disc(120, 120, 30))
    np.testing.assert_array_equal(add_texture(plain, disc(120, 120, 30), ()).samples, plain.samples)


def test_nothing_is_laid_into_a_face_and_nothing_taken_from_it(rng: np.random.Generator) -> None:
    lost = disc(200, 300, 40)
    in_face = smoothly_filled(cloth(200, 300, rng), lost)
    face = Face(left=100, top=50, right=200, bottom=150, probability=0.9)
    made = add_texture(in_face, lost, (face,))
    assert roughness(made, disc(200, 300, 25)) < 0.02 * roughness(in_face, ~lost)

    only_the_face_is_rough = np.full((200, 300), 0.5, np.float32)
    only_the_face_is_rough[:, 200:] = cloth(200, 100, rng)
    photo = smoothly_filled(only_the_face_is_rough, lost)
    beside = Face(left=200, top=0, right=300, bottom=200, probability=0.9)
    assert roughness(add_texture(photo, lost, (beside,)), disc(200, 300, 25)) < 0.002


def test_a_photograph_smaller_than_two_patches_is_left(rng: np.random.Generator) -> None:
    photo = smoothly_filled(cloth(30, 90, rng), disc(30, 90, 12))
    assert add_texture(photo, disc(30, 90, 12), ()) is photo
