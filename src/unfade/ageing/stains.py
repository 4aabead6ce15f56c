"""Stains: liquid that dried in the paper, darkest along its tide line, or bleached what it touched.

Real stains where textures are given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from unfade.ageing._chance import Color, Range, Shape, anywhere, between, fineness, log_between, several, short_side
from unfade.ageing._paint import blob
from unfade.ageing._plan import Effect, Role, check_shape
from unfade.ageing._veil import VISIBLE, Veil, Veiled
from unfade.ageing.textures import Textures
from unfade.arrays import Image


@dataclass(frozen=True, eq=False)
class Scanned:
    """A scanned stain, laid into a rectangle of the picture.

    `transmission` (h, w, 3) is deepened by the exponent `depth`.
    """

    transmission: np.ndarray
    left: int
    top: int
    width: int
    height: int
    depth: float


@dataclass(frozen=True, eq=False)
class StainsPlan:
    """Drawn stains, then scanned ones."""

    drawn: Veiled
    scanned: tuple[Scanned, ...]

    def apply(self, image: Image) -> Effect:
        """See `Plan.apply`."""
        check_shape(image, self.drawn.shape)
        effect = self.drawn.apply(image)
        stained = effect.stained if effect.stained is not None else np.zeros(self.drawn.shape, bool)
        for stain in self.scanned:
            top, left = max(stain.top, 0), max(stain.left, 0)
            bottom, right = min(stain.top + stain.height, stained.shape[0]), min(stain.left + stain.width, stained.shape[1])
            if bottom <= top or right <= left:
                continue
            light = cv2.resize(stain.transmission, (stain.width, stain.height), interpolation=cv2.INTER_LINEAR)
            light = light.reshape(stain.height, stain.width, 3)[
                top - stain.top : bottom - stain.top, left - stain.left : right - stain.left
            ]
            light = np.maximum(light, 0.02) ** np.float32(stain.depth)
            visible = (np.abs(1 - light) > VISIBLE).any(axis=2)
            light[~visible] = 1
            window = effect.image[top:bottom, left:right]
            np.minimum(window * light, 1, out=window)
            stained[top:bottom, left:right] |= visible
        return Effect(effect.image, stained=stained)


@dataclass(frozen=True)
class Stains:
    """Ranges of stains; sizes are radii as shares of the short side."""

    role: ClassVar[Role] = "veil"
    number_range: Range = (0.7, 3)
    radius_range: Range = (0.03, 0.3)
    strength_range: Range = (0.12, 0.6)
    tide: float = 0.5
    """Chance of a tide line."""
    bleached: float = 0.2
    """Chance that a stain bleaches instead of darkening."""
    ring: float = 0.1
    """Chance of the ring of a cup."""

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> StainsPlan:
        """See `Kind.draw`."""
        short = short_side(shape)
        veils: list[Veil] = []
        scanned: list[Scanned] = []
        for _ in range(several(rng, self.number_range, amount)):
            center = anywhere(rng, shape, 1)[0]
            radius = log_between(rng, self.radius_range) * short
            if textures is not None and textures.stains and rng.random() < 0.35:
                stain = textures.stains[int(rng.integers(len(textures.stains)))]
                share = 2.5 * radius / max(stain.shape[:2])
                width, height = max(1, round(stain.shape[1] * share)), max(1, round(stain.shape[0] * share))
                where = int(center[0] - width / 2), int(center[1] - height / 2)
                scanned.append(Scanned(stain, *where, width, height, between(rng, (0.8, 3.0))))
                continue
            strength = min(between(rng, self.strength_range) * min(amount, 1.3), 0.85)
            tide = rng.random() < self.tide
            ring = rng.random() < self.ring
            outline = blob(rng, center, radius, roughness=0.03 if ring else between(rng, (0.08, 0.3)), flatness=between(rng, (0.6, 1.0)))
            bleached = rng.random() < self.bleached
            veils.append(
                Veil(
                    (outline,),
                    self._bleach(rng) if bleached else self._brown(rng),
                    strength * (0.15 if ring else 1.0),
                    soft_px=0.0 if rng.random() < 0.5 else between(rng, (0.01, 0.15)) * radius,
                    edge=min(strength * between(rng, (1.1, 2.0)), 0.9) if tide or ring else 0.0,
                    edge_px=log_between(rng, (0.8, 5.0)) * fineness(shape) * (2 if ring else 1),
                    mottled=between(rng, (0.0, 0.7)),
                    grid=rng.random((5, 5)).astype(np.float32),
                    bleach=bleached,
                )
            )
        return StainsPlan(Veiled(shape, tuple(veils)), tuple(scanned))

    def _brown(self, rng: np.random.Generator) -> Color:
        if rng.random() < 0.2:  # dirty water
            gray = between(rng, (0.3, 0.7))
            return (gray, gray, gray * between(rng, (0.9, 1.05)))
        red = between(rng, (0.55, 0.95))
        return (red, red * between(rng, (0.6, 0.92)), red * between(rng, (0.2, 0.7)))

    def _bleach(self, rng: np.random.Generator) -> Color:
        light = between(rng, (0.65, 0.95))
        return (light, light * between(rng, (0.9, 1.0)), light * between(rng, (0.7, 1.0)))


KIND = Stains()
