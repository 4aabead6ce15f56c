"""Veils: translucent color over a part of the picture.

What lies beneath still shows, so the mask says stained, not lost.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from unfade.ageing._chance import Color, Shape
from unfade.ageing._noise import thrice
from unfade.ageing._paint import fixed_point
from unfade.ageing._plan import Effect, check_shape
from unfade.arrays import Image, Plane

VISIBLE = 0.03
"""Strength from which a pixel counts as stained; below it is left alone, bit for bit."""


@dataclass(frozen=True, eq=False)
class Veil:
    """One veil: outlines filled at `strength`, softened, darker (a tide line) along the edge.

    `color` multiplies the picture (1 = no change), or with `bleach` draws it towards that color. `mottled` in
    [0, 1] lets `grid`, a small smooth field in [0, 1], thin the veil. `edge` is the strength of the tide line
    and `edge_px` its width.
    """

    outlines: tuple[np.ndarray, ...]
    color: Color
    strength: float
    soft_px: float = 0.0
    edge: float = 0.0
    edge_px: float = 0.0
    mottled: float = 0.0
    grid: np.ndarray | None = None
    bleach: bool = False


@dataclass(frozen=True, eq=False)
class Veiled:
    """A plan of veils, one after the other. Satisfies `Plan`."""

    shape: Shape
    veils: tuple[Veil, ...]

    def apply(self, image: Image) -> Effect:
        """See `Plan.apply`."""
        check_shape(image, self.shape)
        tinted = np.array(image, np.float32, order="C")
        stained = np.zeros(self.shape, bool)
        for veil in self.veils:
            _lay(veil, tinted, stained)
        return Effect(tinted, stained=stained)


def _lay(veil: Veil, image: Image, stained: np.ndarray) -> None:
    margin = int(np.ceil(veil.soft_px * 3 + veil.edge_px + 2))
    corners = np.concatenate(veil.outlines) if veil.outlines else np.zeros((0, 2), np.float32)
    if not len(corners):
        return
    left, top = np.maximum(np.floor(corners.min(axis=0)).astype(int) - margin, 0)
    right, bottom = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + margin + 1, (image.shape[1], image.shape[0]))
    if right <= left or bottom <= top:
        return
    plane: np.ndarray = np.zeros((int(bottom - top), int(right - left)), np.uint8)
    local = [fixed_point(outline - np.array([left, top], np.float32)) for outline in veil.outlines]
    cv2.fillPoly(plane, local, round(255 * veil.strength), cv2.LINE_AA, 4)
    if veil.soft_px > 0.3:
        plane = cv2.GaussianBlur(plane, (0, 0), veil.soft_px)
    strength: Plane = plane.astype(np.float32) * np.float32(1 / 255)
    if veil.grid is not None and veil.mottled > 0:
        thin = cv2.resize(veil.grid, (plane.shape[1], plane.shape[0]), interpolation=cv2.INTER_LINEAR)
        strength *= 1 - np.float32(veil.mottled) * thin
    if veil.edge > 0:
        rim: np.ndarray = np.zeros_like(plane)
        cv2.polylines(rim, local, True, round(255 * veil.edge), max(1, round(veil.edge_px)), cv2.LINE_AA, 4)
        rim = cv2.GaussianBlur(rim, (0, 0), max(veil.edge_px * 0.4, 0.5))
        strength = np.maximum(strength, rim.astype(np.float32) * np.float32(1 / 255))
    strength[strength < VISIBLE] = 0
    window = image[top:bottom, left:right]
    tint = np.asarray(veil.color, np.float32)
    if veil.bleach:
        window += thrice(strength) * (tint - window)
    else:
        window *= cv2.merge([1 - strength * (1 - part) for part in tint]).reshape(window.shape)
    stained[top:bottom, left:right] |= strength > 0
