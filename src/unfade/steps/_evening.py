"""Chroma is evened where the lightness is flat: a flat place has one color."""

from __future__ import annotations

import cv2
import numpy as np

from unfade.arrays import Chroma, Float32, Plane

# A network's chroma is soft at the edges of things: it knows less of where they end than of what they are.
# What it holds beyond a blur of this share of the short side is put on top of it so many times, but a color
# that is not within so many blurs of a place does not come up there.
SHARPEN_SHARE = 1 / 64
SHARPEN = 2.0
SHARPEN_WITHIN = 2

# Chroma is evened over this share of the short side, as far as the lightness is flat. Between neighbors, a
# step of so much in L* / 100 counts as far as that share, and smaller ones by their square: what slowly
# darkens is flat.
EVEN_SHARE = 1.0
EVEN_STEP = 0.03
EVEN_ROUNDS = 3
# A place of confidence 1 weighs e to this power as much as one of 0. The model's confidence is 1 - entropy
# over its largest value, so the weight is about the inverse square of the number of colors that are likely.
TRUST = 11.0


def sharpened(chroma: Chroma) -> Chroma:
    """`chroma` (h, w, 2) with steeper edges, and nowhere a color that is not near: hair beside a face is not
    to turn blue."""
    blur = SHARPEN_SHARE * min(chroma.shape[:2])
    soft = cv2.GaussianBlur(chroma, (0, 0), blur, borderType=cv2.BORDER_REPLICATE)
    near = np.ones((2 * round(SHARPEN_WITHIN * blur) + 1,) * 2, np.uint8)
    sharp: Chroma = np.clip(chroma + np.float32(SHARPEN) * (chroma - soft), cv2.erode(chroma, near), cv2.dilate(chroma, near))
    return sharp


def evened(planes: Float32[np.ndarray, "h w c"], lightness: Plane, confidence: Plane | None = None) -> Float32[np.ndarray, "h w c"]:
    """`planes` (h, w, c), such as chroma, without blotches where `lightness` (h, w), L* / 100, is flat.

    `confidence` (h, w) in [0, 1]: how far each place is believed; the doubtful take the color of the sure.
    None: all are alike.

    The recursive filter in the transformed domain (Gastal and Oliveira 2011, doi:10.1145/2010324.1964964),
    guided by lightness: what is smoothed over ends at a step of lightness. Confidence weighs as in normalized
    convolution (Knutsson and Westin 1993).
    """
    if confidence is None:
        return _filtered(planes.copy(), lightness)
    weight = np.exp(np.float32(TRUST) * confidence)[:, :, None]
    even = _filtered(np.concatenate([planes * weight, weight], axis=2), lightness)
    believed: Float32[np.ndarray, "h w c"] = even[:, :, :-1] / even[:, :, -1:]
    return believed


def _filtered(even: Float32[np.ndarray, "h w c"], lightness: Plane) -> Float32[np.ndarray, "h w c"]:
    """`even` itself, filtered in place."""
    reach = EVEN_SHARE * min(lightness.shape)
    down, across = (1 + reach * (np.diff(lightness, axis=axis) / np.float32(EVEN_STEP))[:, :, None] ** 2 for axis in (0, 1))
    for number in range(EVEN_ROUNDS):
        spread = reach * 3**0.5 * 2 ** (EVEN_ROUNDS - number - 1) / (4**EVEN_ROUNDS - 1) ** 0.5
        kept = np.float32(np.exp(-(2**0.5) / spread))
        # Below e^-42 nothing is left; still smaller numbers make the processor slow.
        along, below = (kept ** np.minimum(step, 30 * spread) for step in (across, down))
        for column in range(1, even.shape[1]):
            even[:, column] += along[:, column - 1] * (even[:, column - 1] - even[:, column])
        for column in range(even.shape[1] - 2, -1, -1):
            even[:, column] += along[:, column] * (even[:, column + 1] - even[:, column])
        for row in range(1, len(even)):
            even[row] += below[row - 1] * (even[row - 1] - even[row])
        for row in range(len(even) - 2, -1, -1):
            even[row] += below[row] * (even[row + 1] - even[row])
    return even
