"""Real damage is cut out of one photograph and laid over another, as if it had befallen that one."""

from __future__ import annotations

import cv2
import numpy as np

from unfade import color
from unfade.arrays import Image, Mask
from unfade.workshop.marked import Cut

LARGEST_SHARE = 0.5
"""Of a window: where more is lost, nothing is left to lay it over."""
LARGE_PX = 250
CONTRAST, LARGE_CONTRAST = 0.06, 0.18
"""How far luma must change for damage to count as lost, and for pieces from `LARGE_PX` pixels on to be laid.

Large paint over half-tones of its own tone looks like a cloud, and would teach that clouds are losses.
"""
BENT_SHARE = 0.6
"""Of the cuts, how many are laid bent: twenty photographs have few cracks."""


def transplanted(sound: Image, cut: Cut, rng: np.random.Generator) -> tuple[Image, Mask, Mask]:
    """`sound` (h, w, 3) with the damage of `cut`; where it is lost; where either answer is right."""
    if rng.random() < BENT_SHARE:
        cut = bent(cut, rng)
    lost = cut.lost.copy() if cut.lost.mean() <= LARGEST_SHARE else np.zeros_like(cut.lost)
    paint = cut.image if rng.random() < 0.8 else 1 - cut.image
    if rng.random() < 0.5:
        paint = np.repeat(color.luma(paint)[:, :, None], 3, axis=2)
    paint = np.clip(paint + np.float32(rng.normal(0, 0.06)), 0, 1)
    _leave_out_faint(lost, color.luma(paint), color.luma(sound))
    opacity = cv2.GaussianBlur(lost.astype(np.float32), (0, 0), float(rng.uniform(0.4, 0.9)))
    opacity = np.minimum(opacity * 1.4, 1) * np.float32(rng.uniform(0.7, 1.0))
    mixed = (sound + (paint - sound) * opacity[:, :, None]).astype(np.float32)
    seen = lost & (np.abs(color.luma(mixed) - color.luma(sound)) > CONTRAST)
    return mixed, seen, (opacity > 0.05) & ~seen


def bent(cut: Cut, rng: np.random.Generator) -> Cut:
    """The cut turned by any angle, stretched one way and waved; what lies beyond its border is mirrored."""
    side = len(cut.lost)
    turn, axis = rng.uniform(0, 2 * np.pi, 2)
    stretch = np.diag(np.exp(rng.uniform(-0.4, 0.4, 2)))
    matrix = _rotation(turn) @ _rotation(axis) @ stretch @ _rotation(-axis)
    rows, columns = np.mgrid[:side, :side].astype(np.float32) - np.float32(side / 2)
    waves = rng.normal(0, 1, (2, 5, 5)).astype(np.float32) * np.float32(rng.uniform(0, 0.03) * side)
    down, right = (cv2.resize(wave, (side, side), interpolation=cv2.INTER_CUBIC) for wave in waves)
    y = np.float32(side / 2) + matrix[0, 0] * rows + matrix[0, 1] * columns + down
    x = np.float32(side / 2) + matrix[1, 0] * rows + matrix[1, 1] * columns + right

    def taken(plane: np.ndarray) -> np.ndarray:
        return cv2.remap(plane, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)

    share, doubt = taken(cut.lost.astype(np.float32)), taken(cut.either.astype(np.float32))
    lost = share >= 0.45
    return Cut(taken(cut.image), lost, ~lost & ((doubt > 0.3) | (share > 0.15)))


def _rotation(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _leave_out_faint(lost: Mask, paint: np.ndarray, under: np.ndarray) -> None:
    """Take out of `lost`, in place, large pieces that are as light as what they would cover."""
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(lost.astype(np.uint8), connectivity=8)
    for piece in range(1, count):
        if stats[piece, cv2.CC_STAT_AREA] >= LARGE_PX:
            where = pieces == piece
            if abs(float(paint[where].mean()) - float(under[where].mean())) < LARGE_CONTRAST:
                lost[where] = False
