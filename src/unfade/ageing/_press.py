"""A photograph as a press printed it, and a scan of that print: dots of ink on paper instead of tones.

A halftone print is no damage to a photograph but another picture of it, so it is no kind of ageing: it is
half of a pair for image-to-image training. (The kind `halftone` is a weak screen over an aged photograph.)
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from unfade.ageing._chance import Shape, between, log_between
from unfade.arrays import Image, Plane
from unfade.color import linear_from_srgb, luma, srgb_from_linear

BLACK_ONLY = 0.5
"""Share of prints in one black ink, as in a newspaper; the others are in cyan, magenta, yellow and black."""
PERIOD_PX_RANGE = (2.8, 7.0)
"""Distance of the dots: 85 lines an inch scanned at 300 dpi have 3.5 px, 65 lines at 450 dpi 7."""
ANGLES_DEG = {"cyan": 15.0, "magenta": 75.0, "yellow": 0.0, "black": 45.0}
"""Screen angles of four-color printing; black alone is printed at 45 degrees too."""
PAGE_DEG_RANGE = (-8.0, 8.0)
"""How far the page lay askew on the scanner."""
# What each ink lets through of red, green and blue light where it covers the paper.
_INKS = {"cyan": (0.06, 0.80, 0.92), "magenta": (0.92, 0.08, 0.75), "yellow": (0.97, 0.92, 0.10), "black": (0.06, 0.06, 0.06)}


def halftone_print(image: Image, rng: np.random.Generator) -> tuple[Image, Image]:
    """Print a photograph in dots and scan the print.

    `image` (h, w, 3) float32 in [0, 1], sRGB. Gives the scan, and the photograph that should come back of it
    (gray if one black ink printed it); both have the shape and range of `image`. The mean of the scan's
    linear light over some dots is that of the photograph, but for paper, ink and dot gain. The same state of
    `rng` gives the same print.
    """
    shape: Shape = (image.shape[0], image.shape[1])
    one_ink = rng.random() < BLACK_ONLY
    wanted: Image = np.repeat(luma(image)[:, :, None], 3, axis=2).astype(np.float32) if one_ink else image
    period, page = log_between(rng, PERIOD_PX_RANGE), np.radians(between(rng, PAGE_DEG_RANGE))
    gain = between(rng, (0.75, 1.05))
    # The screen's slope is about 2.2 / period a pixel: a dot's rim is one or two pixels wide.
    rim = np.float32(2.2 / (period * between(rng, (0.5, 1.3))))
    light = np.ones((*shape, 3), np.float32)
    for name, wished in _separated(linear_from_srgb(wanted), one_ink=one_ink).items():
        screen = _screen(shape, period, page + np.radians(ANGLES_DEG[name]), rng.random(2) * 2 * np.pi)
        below = _threshold(wished ** np.float32(gain)) * (1 + rim / 2) - rim / 4  # a solid tone is nearly solid
        covered = np.clip((below - screen) / rim + np.float32(0.5), 0, 1)
        light *= 1 - covered[:, :, None] * (1 - np.array(_INKS[name], np.float32))
    light *= np.array([1.0, between(rng, (0.94, 1.0)), between(rng, (0.80, 1.0))], np.float32) * np.float32(between(rng, (0.85, 1.0)))
    seen = cv2.GaussianBlur(light, (0, 0), between(rng, (0.1, 0.22)) * period).reshape(image.shape)
    scan = srgb_from_linear(np.clip(seen, 0, 1))
    scan = scan + rng.standard_normal(image.shape, np.float32) * np.float32(between(rng, (0.005, 0.025)))
    return np.clip(scan, 0, 1).astype(np.float32), wanted


def _separated(linear: np.ndarray, *, one_ink: bool) -> dict[str, Plane]:
    """How much of the paper each ink should cover, (h, w) in [0, 1]: gray parts mostly in black."""
    if one_ink:
        return {"black": np.clip(1 - linear[..., 0], 0, 1)}
    inks = 1 - linear
    black = inks.min(axis=2) * np.float32(0.8)
    colored = np.clip((inks - black[:, :, None]) / np.maximum(1 - black[:, :, None], 1e-3), 0, 1)
    return dict(zip(("cyan", "magenta", "yellow", "black"), (*np.moveaxis(colored, 2, 0), black), strict=True))


def _screen(shape: Shape, period_px: float, angle: float, phase: np.ndarray) -> Plane:
    """Round dots in rows, (h, w) in [0, 1]: the ink covers what lies below a threshold."""
    y, x = np.arange(shape[0], dtype=np.float32)[:, None], np.arange(shape[1], dtype=np.float32)[None, :]
    turn = 2 * np.pi / period_px
    along, across = np.float32(turn * np.cos(angle)), np.float32(turn * np.sin(angle))
    waves = np.cos(along * x + across * y + np.float32(phase[0])) + np.cos(along * y - across * x + np.float32(phase[1]))
    return np.asarray(waves * np.float32(0.25) + np.float32(0.5), np.float32)


@lru_cache(maxsize=1)
def _quantiles() -> np.ndarray:
    """Of the screen's values: below the n-th of 257 lie n / 256 of them."""
    wave = np.cos(np.arange(256) * (2 * np.pi / 256))
    return np.asarray(np.quantile((wave[:, None] + wave[None, :]) / 4 + 0.5, np.linspace(0, 1, 257)))


def _threshold(covered: Plane) -> Plane:
    """The threshold below which the screen has the share `covered` of its values."""
    return np.asarray(np.interp(covered, np.linspace(0, 1, 257), _quantiles()), np.float32)
