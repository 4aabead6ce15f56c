"""A photograph's own numbers become sRGB, and come back, through its color profile."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageCms
from tests.profiles import ADOBE_RGB, PROPHOTO, SRGB, display_p3, gray_profile, table_profile

from unfade.color import linear_from_srgb
from unfade.files import icc as profiles
from unfade.files.photo import Photo


@pytest.fixture
def samples(rng: np.random.Generator) -> np.ndarray:
    """Soft color, 48 x 64, as photographs are."""
    soft = rng.integers(30, 226, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Pillow.fromarray(soft).resize((64, 48), Pillow.Resampling.BICUBIC))


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_without_a_profile_every_level_is_srgb_exactly(depth: type, channels: int) -> None:
    top = np.iinfo(depth).max
    levels = np.arange(top + 1, dtype=depth).reshape(-1, 16, 1).repeat(channels, axis=2)
    photo = Photo(levels)
    image = photo.srgb()
    assert image.dtype == np.float32 and image.shape == (*levels.shape[:2], 3)
    np.testing.assert_allclose(image, np.broadcast_to(levels, image.shape) / top, atol=1e-7)
    np.testing.assert_array_equal(photo.encode(image), levels)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("name", ["sRGB", "AdobeRGB", "P3", "ProPhoto"])
def test_colors_come_back_through_their_profile(name: str, depth: type, rng: np.random.Generator) -> None:
    profile = {"sRGB": SRGB, "AdobeRGB": ADOBE_RGB, "P3": display_p3(), "ProPhoto": PROPHOTO}[name]
    top = np.iinfo(depth).max
    inside = rng.random((200, 300, 3), np.float32)
    inside[0, :256] = np.linspace(0, 1, 256)[:, None]
    start = Photo(np.zeros((200, 300, 3), depth), profile=profile).encode(inside)  # in gamut, since it comes from sRGB
    photo = Photo(start, profile=profile)
    back = photo.encode(photo.srgb())
    assert np.abs(back.astype(int) - start).max() <= (1 if depth == np.uint8 else 3)
    # The level's own rounding is all that lies between, seen where sRGB's curve is not too steep for it
    np.testing.assert_allclose(photo.srgb()[inside.min(axis=2) > 0.2], inside[inside.min(axis=2) > 0.2], atol=6.0 / top + 2e-3)


@pytest.mark.parametrize("profile", [ADOBE_RGB, PROPHOTO, display_p3()], ids=["AdobeRGB", "ProPhoto", "P3"])
def test_colors_agree_with_littlecms(profile: bytes, samples: np.ndarray) -> None:
    """An independent judge: Pillow's LittleCMS, in 8 bits, relative colorimetric."""
    ours = Photo(samples, profile=profile).srgb()
    judge = ImageCms.profileToProfile(
        Pillow.fromarray(samples),
        io.BytesIO(profile),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    assert np.abs(ours * 255 - np.asarray(judge)).max() < 2


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.2, 2.6])
def test_gray_gammas(depth: type, gamma: float) -> None:
    top = np.iinfo(depth).max
    levels = np.arange(top + 1, dtype=depth).reshape(-1, 16, 1)
    photo = Photo(levels, profile=gray_profile(gamma))
    image = photo.srgb()
    np.testing.assert_allclose(linear_from_srgb(image[..., 0]), (levels[..., 0] / top) ** gamma, atol=2e-3)
    assert (image[..., 0] == image[..., 1]).all() and (image[..., 1] == image[..., 2]).all()
    assert np.abs(photo.encode(image).astype(int) - levels).max() <= (1 if depth == np.uint8 else 3)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("profile", [SRGB, ADOBE_RGB, PROPHOTO], ids=["sRGB", "AdobeRGB", "ProPhoto"])
def test_the_level_that_encoding_finds_is_the_one_that_lies_nearest_on_the_curve(
    profile: bytes, depth: type, rng: np.random.Generator
) -> None:
    image = (rng.random((40, 50, 3), np.float32) ** 2).clip(0, 1)
    known = profiles.curves(profile, depth(0).itemsize * 8)
    assert known is not None
    light = image if known.to_srgb is None else linear_from_srgb(image) @ np.linalg.inv(known.to_srgb).T
    searched = np.stack(
        [np.interp(light[..., channel], known.tables[channel], np.arange(np.iinfo(depth).max + 1)) for channel in range(3)], -1
    )
    found = Photo(np.zeros(image.shape, depth), profile=profile).encode(image)
    assert np.abs(found - searched).max() < 0.55  # half a level is rounding


def test_profiles_of_tables_go_through_lcms(rng: np.random.Generator) -> None:
    profile = table_profile()
    assert profiles.curves(profile, 8) is None
    assert profiles.fault(profile, 3) is None
    # device numbers near the gray axis, where every color lies in sRGB
    start = np.stack(
        [np.tile(np.arange(40, 240, 2, dtype=np.uint8), (4, 1)), *(rng.integers(120, 136, (2, 4, 100), dtype=np.uint8))], axis=-1
    )
    photo = Photo(start, profile=profile)
    assert np.abs(photo.encode(photo.srgb()).astype(int) - start).max() <= 1


def test_neutral_stays_neutral(rng: np.random.Generator) -> None:
    gray = rng.integers(0, 65536, (50, 50, 1), dtype=np.uint16).repeat(3, axis=2)
    for profile in (SRGB, ADOBE_RGB, display_p3()):
        image = Photo(gray, profile=profile).srgb()
        assert np.ptp(image, axis=2).max() < 1e-3


def test_only_the_window_is_converted(samples: np.ndarray) -> None:
    for profile in (None, ADOBE_RGB):
        photo = Photo(samples, profile=profile)
        np.testing.assert_array_equal(photo.srgb(slice(5, 9), slice(60, None)), photo.srgb()[5:9, 60:])
    # a photograph of 400 megapixels that takes no memory: converting it whole would be seen
    wide = Photo(np.broadcast_to(np.uint8(7), (20_000, 20_000, 1)))
    assert wide.srgb(slice(10), slice(10)).shape == (10, 10, 3)


def test_windows_may_be_taken_by_several_threads(samples: np.ndarray) -> None:
    photo = Photo(samples, profile=table_profile())
    expected, wrong = photo.srgb(), []

    def work() -> None:
        for _ in range(5):
            if not np.array_equal(photo.srgb(), expected):
                wrong.append(1)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: work(), range(4)))
    assert not wrong


def test_a_gray_photograph_becomes_rgb_of_the_same_look(rng: np.random.Generator) -> None:
    gray = rng.integers(0, 256, (9, 7, 1), dtype=np.uint8)
    plain = Photo(gray).as_rgb()
    np.testing.assert_array_equal(plain.samples, gray.repeat(3, axis=2))
    tinted = Photo(gray.astype(np.uint16) * 257, profile=gray_profile(1.8))
    rgb = tinted.as_rgb()
    assert rgb.profile is None and rgb.bits == 16 and rgb.channels == 3
    np.testing.assert_allclose(rgb.srgb(), tinted.srgb(), atol=1e-4)
    assert plain.as_rgb() is plain
