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


def transplanted(sound: Image, cut: Cut, rng: np.random.Generator) -> tuple[Image, Mask, Mask]:
    """`sound` (h, w, 3) with the damage of `cut`; where it is lost; where either answer is right."""
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


def _leave_out_faint(lost: Mask, paint: np.ndarray, under: np.ndarray) -> None:
    """Take out of `lost`, in place, large pieces that are as light as what they would cover."""
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(lost.astype(np.uint8), connectivity=8)
    for piece in range(1, count):
        if stats[piece, cv2.CC_STAT_AREA] >= LARGE_PX:
            where = pieces == piece
            if abs(float(paint[where].mean()) - float(under[where].mean())) < LARGE_CONTRAST:
                lost[where] = False
