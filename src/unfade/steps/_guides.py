"""One photograph is colored like another: the same coat in the same color across an album.

The finished photograph is made gray and guessed anew. What the network guesses there and what is there
instead are kept as a few guides: at this lightness, where this is guessed, it is that. Another photograph's
guesses are moved alike where its lightness and its guess are near a guide's, and left alone where nothing is
near (kernel regression, shrunk to the identity).
"""

from __future__ import annotations

import numpy as np

from unfade import color, tiles
from unfade.arrays import Chroma, Plane
from unfade.files.photo import Photo
from unfade.steps._clusters import clustered, squares
from unfade.steps._evening import evened
from unfade.steps.colorize import Guide

COUNT = 32
LIGHTNESS_UNIT, CHROMA_UNIT = 12.0, 10.0  # of L*, and of a* and b*: one step between two guides
# Chosen on 20 photographs of which the left half guides the right one: at 0.8 those of another scene do harm.
REACH = 0.7  # the standard deviation of a guide's Gaussian, in those units
SHRINKAGE = 0.02  # the share of a photograph at which a guide moves a color half of the way

GRAY = 3.0  # the mean chroma of a photograph without color, at most
ONE_HUE = 0.9  # of the mean chroma: how much of it is left in a toned photograph when hues are added as arrows


def guides_of(photo: Photo, guess: Chroma, lightness: Plane) -> tuple[Guide, ...]:
    """The guides of a photograph in color. `guess` (h, w, 2): what the network makes of its gray;
    `lightness`: L* / 100, on the same grid."""
    height, width = lightness.shape
    small = tiles.reduce(photo.srgb, photo.height, photo.width, height, width)
    found = color.lab_from_srgb(small)[:, :, 1:]
    features = np.dstack([_features(evened(guess, lightness), lightness), found / np.float32(CHROMA_UNIT)]).reshape(height * width, 5)
    parts, centers = clustered(features, COUNT)
    shares = parts.mean(axis=0)
    units = np.array([LIGHTNESS_UNIT, *(CHROMA_UNIT,) * 4])
    rows = np.round(np.column_stack([centers * units, shares * 100]), 2)[shares > 0].tolist()
    return tuple(Guide(min(row[0], 100.0), (row[1], row[2]), (row[3], row[4]), row[5] / 100) for row in rows)


def have_hues(guides: tuple[Guide, ...]) -> bool:
    """Whether the colors are of more than one hue: those of a gray or toned photograph are not."""
    colors = np.array([each.color for each in guides]) * np.array([[each.share] for each in guides])
    chroma = float(np.hypot(*colors.T).sum())
    return chroma > GRAY and float(np.hypot(*colors.sum(axis=0))) < ONE_HUE * chroma


def liked(chroma: Chroma, lightness: Plane, guides: tuple[Guide, ...]) -> Chroma:
    """`chroma` (h, w, 2), with `lightness` L* / 100 on the same grid, moved as the guides say."""
    features = _features(chroma, lightness)[:, :, None, :]
    known = np.array([(each.lightness, *each.guess) for each in guides]) / (LIGHTNESS_UNIT, CHROMA_UNIT, CHROMA_UNIT)
    moves = np.array([np.subtract(each.color, each.guess) for each in guides])
    weight = np.array([each.share for each in guides]) * np.exp(-squares(features, known) / (2 * REACH**2))
    moved: Chroma = chroma + ((weight @ moves) / (weight.sum(axis=2, keepdims=True) + SHRINKAGE)).astype(np.float32)
    return moved


def _features(chroma: Chroma, lightness: Plane) -> np.ndarray:
    return np.dstack([lightness * np.float32(color.LIGHTNESS_MAX / LIGHTNESS_UNIT), chroma / np.float32(CHROMA_UNIT)])
