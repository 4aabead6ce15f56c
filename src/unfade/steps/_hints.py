"""Hints are followed: the network is told of them, and what it leaves undone is done after it.

The network sees a hint at its working size, where a small dab is hardly there, and believes it by a part. So
the chroma that it gives is moved the rest of the way where the hint lies, and around it as far as nothing in
the picture speaks against that: across a flat cheek, not over the edge of a collar.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from unfade import color, tiles
from unfade.arrays import Chroma, Plane

if TYPE_CHECKING:
    from unfade.steps.colorize import Hint

# A hint's reach is so many of its radii, or this share of the picture's short side, whichever is more: at
# that distance a third of the correction is left. A step between neighbours of STEP_LIGHTNESS in L* / 100, or
# of STEP_CHROMA in a*b*, is as far as the whole reach.
REACH_RADII = 2.5
REACH_SHARE = 0.05
STEP_LIGHTNESS = 0.06
STEP_CHROMA = 9.0
LEAST_CELLS = 1.0  # the discs of the smallest hints: they reach the cells between which they lie
ROUNDS = 3  # of sweeps; paths that turn back more often are not found, and weigh little


def hint_planes(hints: Sequence[Hint], height: int, width: int, working: tuple[int, ...], least_px: float) -> np.ndarray:
    """Hints as the network takes them, (h, w, 3) at working size; later ones lie on top.

    The planes are a* and b* as network numbers, and 1 where hinted. `least_px`: the least radius of a disc.
    """
    planes = np.zeros((*working, 3), np.float32)
    down, across = working[0] / height, working[1] / width
    rows, columns = np.mgrid[: working[0], : working[1]].astype(np.float32) + np.float32(0.5)
    for hint in hints:
        radius = max(hint.radius_px * (down + across) / 2, least_px)
        disc = (rows - (hint.y + 0.5) * down) ** 2 + (columns - (hint.x + 0.5) * across) ** 2 <= radius**2
        planes[disc] = (*color.network_from_chroma(chroma_of(hint)), 1.0)
    return planes


def follow(chroma: Chroma, lightness: Plane, hints: Sequence[Hint], height: int, width: int) -> Chroma:
    """`chroma` (h, w, 2), of a photograph of `height` x `width`, with every hint brought to its color.

    `lightness`: L* / 100 of the photograph, of any size. Hints come in their order, so that later ones lie on
    top.
    """
    if not hints:
        return chroma
    followed = chroma.copy()
    tall, wide = chroma.shape[:2]
    guide = tiles.resize(lightness, tall, wide) / np.float32(STEP_LIGHTNESS)
    for hint in hints:
        scale = (tall / height + wide / width) / 2
        radius = max(hint.radius_px * scale, LEAST_CELLS)
        reach = max(REACH_RADII * radius, REACH_SHARE * min(tall, wide))
        y, x = (hint.y + 0.5) * tall / height - 0.5, (hint.x + 0.5) * wide / width - 0.5
        margin = radius + 2.5 * reach
        rows = slice(max(int(y - margin), 0), min(int(y + margin) + 2, tall))
        columns = slice(max(int(x - margin), 0), min(int(x + margin) + 2, wide))
        down, across = np.mgrid[rows, columns]
        disc = (down - y) ** 2 + (across - x) ** 2 <= radius**2
        if not disc.any():  # between the cells of the last row or column
            disc = (down == min(round(y), tall - 1)) & (across == min(round(x), wide - 1))
        part = followed[rows, columns]
        weight = np.exp(-(_distance(disc, guide[rows, columns], part / np.float32(STEP_CHROMA), reach) ** 2))
        missing = chroma_of(hint) - part[disc].mean(axis=0)
        part += (weight[:, :, None] * missing).astype(np.float32)
    return followed


def chroma_of(hint: Hint) -> np.ndarray:
    """A hint's a* and b*."""
    chroma: np.ndarray = color.lab_from_srgb(np.array([[hint.color]], np.float32))[0, 0, 1:]
    return chroma


def _distance(disc: np.ndarray, guide: Plane, chroma: Chroma, reach: float) -> np.ndarray:
    """How far each cell lies from `disc` (h, w), by the shortest path: cells count 1 / `reach`, steps their
    squares."""

    def cost(axis: int) -> np.ndarray:
        steps: np.ndarray = 1 / reach + np.diff(guide, axis=axis) ** 2 + (np.diff(chroma, axis=axis) ** 2).sum(axis=2)
        return steps

    down, across = cost(0), cost(1)
    distance = np.where(disc, 0.0, np.inf)
    for _ in range(ROUNDS):
        for row in range(1, len(distance)):
            np.minimum(distance[row], distance[row - 1] + down[row - 1], out=distance[row])
        for row in range(len(distance) - 2, -1, -1):
            np.minimum(distance[row], distance[row + 1] + down[row], out=distance[row])
        for column in range(1, distance.shape[1]):
            np.minimum(distance[:, column], distance[:, column - 1] + across[:, column - 1], out=distance[:, column])
        for column in range(distance.shape[1] - 2, -1, -1):
            np.minimum(distance[:, column], distance[:, column + 1] + across[:, column], out=distance[:, column])
    return distance
