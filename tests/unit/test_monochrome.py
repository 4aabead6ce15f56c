"""A black-and-white print is told from a color photograph: toned, yellowed, stained, out of register; tinted
by hand."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from unfade import color
from unfade.files.photo import Photo, read
from unfade.monochrome import is_color, measure_colors


def photo_of(lab: np.ndarray) -> Photo:
    return read(np.rint(np.clip(color.srgb_from_lab(lab.astype(np.float32)), 0, 1) * 255).astype(np.uint8))


@pytest.fixture
def gray(rng: np.random.Generator) -> np.ndarray:
    """A soft picture's lightness, 0 to 1."""
    field = cv2.GaussianBlur(rng.random((120, 120)).astype(np.float32), (0, 0), 3)
    return (field - field.min()) / (field.max() - field.min())


def sepia(gray: np.ndarray) -> np.ndarray:
    """A print in one tone: its chroma is a function of its lightness."""
    return np.stack([20 + 70 * gray, 4 * np.sin(3 * gray), 10 + 20 * gray * (1.3 - gray)], axis=2)


def test_a_toned_print_is_black_and_white_and_colors_are_not(gray: np.ndarray) -> None:
    toned = photo_of(sepia(gray))
    assert not is_color(toned) and measure_colors(toned).spread < 1.5 and measure_colors(toned).cast > 10
    colored = sepia(gray) + np.float32([0, 12, -12]) * (np.arange(120) > 60)[:, None, None]
    assert is_color(photo_of(colored))


def test_a_gray_photograph_has_no_colors(gray: np.ndarray) -> None:
    samples = np.rint(gray[:, :, None] * 255).astype(np.uint8)
    for given in (samples, np.repeat(samples, 3, axis=2)):
        colors = measure_colors(read(given))
        assert not colors.is_color and colors.spread < 0.2 and colors.cast < 0.2


def test_a_stained_print_is_black_and_white(gray: np.ndarray) -> None:
    """Yellowed towards one corner, and a wide stain: more chroma than a function of the lightness
    explains."""
    down, across = np.mgrid[:120, :120] / 120
    stain = np.exp(-((down - 0.2) ** 2 + (across - 0.8) ** 2) / 0.1)
    lab = sepia(gray)
    lab[:, :, 2] += 14 * down * across + 10 * stain
    lab[:, :, 1] += 2.5 * stain
    colors = measure_colors(photo_of(lab))
    assert colors.spread > 3.5 and colors.stained and not colors.is_color


def test_a_print_out_of_register_is_black_and_white(gray: np.ndarray) -> None:
    large = cv2.resize(gray, (600, 600), interpolation=cv2.INTER_CUBIC)
    samples = np.rint(np.clip(np.stack([np.roll(large, 2, 1), large, np.roll(large, -2, 0)], axis=2), 0, 1) * 255).astype(np.uint8)
    assert not is_color(read(samples))


def test_cheeks_tinted_by_hand_are_color(gray: np.ndarray) -> None:
    """On a print that is unevenly yellowed, as they are: two hues that its lightness does not explain."""
    lab = sepia(gray)
    down, across = np.mgrid[:120, :120]
    lab[:, :, 2] += 9 * (down / 120 - 0.5)
    for center in (45, 75):
        lab[:, :, 1] += 12 * (((down - 60) ** 2 + (across - center) ** 2) < 8**2)
    colors = measure_colors(photo_of(lab))
    assert colors.spread < 3.5 and colors.is_color


def test_yellow_whites_are_told_from_white_ones(gray: np.ndarray) -> None:
    colored = sepia(gray) + np.float32([0, 12, -12]) * (np.arange(120) > 60)[:, None, None]
    white = colored.copy()
    white[:, :, 2] -= 20 * (colored[:, :, 0] > 75)
    colors, others = measure_colors(photo_of(colored + np.float32([0, 0, 14]))), measure_colors(photo_of(white))
    assert colors.is_color and colors.has_yellow_lights and colors.lights > 16
    assert not others.has_yellow_lights and others.lights < 12


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 5), (2, 40)])
def test_the_smallest_photographs_are_measured_too(size: tuple[int, int], rng: np.random.Generator) -> None:
    assert not is_color(read(np.full((*size, 3), 120, np.uint8)))
    measure_colors(read(rng.integers(0, 256, (*size, 3)).astype(np.uint8)))


@pytest.mark.long
def test_real_photographs_are_told_apart(shared: Path) -> None:
    """What 85 old photographs are, by eye, and color ones; the limits are just above what was measured."""
    needs = json.loads((shared / "data" / "bench" / "needs.json").read_text())
    wrong = [
        entry["photo"]
        for entry in needs
        if not entry["photo"].startswith("58-")  # large
        and is_color(read(shared / "data" / entry["folder"] / entry["photo"])) == entry["monochrome"]
    ]
    assert len(wrong) <= 1, wrong
    modern = sorted((shared / "data" / "bench" / "color" / "truth").iterdir())[:30]
    assert not [path.name for path in modern if not is_color(read(path))]


def test_what_was_filled_does_not_dilute_a_tint(gray: np.ndarray) -> None:
    tinted = sepia(gray)
    tinted[:32, :20, 1] += 14  # cheeks
    lost = np.zeros((120, 120), bool)
    lost[40:110] = True
    photo = photo_of(tinted)
    assert measure_colors(photo, lost).is_color and not measure_colors(photo).is_color
    almost_all = np.ones((120, 120), bool)
    almost_all[:10] = False
    assert measure_colors(photo, almost_all) == measure_colors(photo), "of too little nothing is told"
