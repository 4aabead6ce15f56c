"""Fingerprints: faint ridges where the grease of a finger dulled or shone the surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unfade.ageing._chance import Range, Shape, anywhere, between, several, short_side
from unfade.ageing._plan import Effect, Role, check_shape
from unfade.ageing._veil import VISIBLE
from unfade.ageing.textures import Textures
from unfade.arrays import Image


@dataclass(frozen=True)
class Fingerprint:
    """One print: an ellipse at `x, y` with a whorl of ridges.

    The whorl's center lies `core` away from the ellipse's; `bend` bends the ridges.
    """

    x: float
    y: float
    angle: float
    long_px: float
    wide_px: float
    ridge_px: float
    core: tuple[float, float]
    bend: float
    strength: float


@dataclass(frozen=True)
class FingerprintsPlan:
    """Prints, one after the other."""

    shape: Shape
    prints: tuple[Fingerprint, ...]

    def apply(self, image: Image) -> Effect:
        """See `Plan.apply`."""
        check_shape(image, self.shape)
        touched = np.array(image, np.float32, order="C")
        stained = np.zeros(self.shape, bool)
        for one in self.prints:
            reach = max(one.long_px, one.wide_px)
            left, right = max(int(one.x - reach), 0), min(int(one.x + reach) + 1, self.shape[1])
            top, bottom = max(int(one.y - reach), 0), min(int(one.y + reach) + 1, self.shape[0])
            if right <= left or bottom <= top:
                continue
            dy, dx = np.ogrid[top - one.y : bottom - one.y : (bottom - top) * 1j, left - one.x : right - one.x : (right - left) * 1j]
            along, across = dx * np.cos(one.angle) + dy * np.sin(one.angle), dy * np.cos(one.angle) - dx * np.sin(one.angle)
            inside = np.clip(1.4 * (1 - (along / one.long_px) ** 2 - (across / one.wide_px) ** 2), 0, 1)
            radius = np.hypot(along - one.core[0], (across - one.core[1]) * 1.3)
            ridges = 0.5 + 0.5 * np.cos(2 * np.pi * (radius + one.bend * across**2 / one.wide_px) / one.ridge_px)
            strength = (one.strength * inside * (0.25 + 0.75 * ridges)).astype(np.float32)
            strength[np.abs(strength) < VISIBLE] = 0
            window = touched[top:bottom, left:right]
            # Grease shines (towards white) or dulls (towards black).
            window += np.abs(strength)[..., None] * ((strength > 0)[..., None] * np.float32(0.9) - window)
            stained[top:bottom, left:right] |= strength != 0
        return Effect(touched, stained=stained)


@dataclass(frozen=True)
class Fingerprints:
    """Ranges of fingerprints, as shares of the short side."""

    role: ClassVar[Role] = "veil"
    number_range: Range = (1, 2)
    length_range: Range = (0.1, 0.22)
    strength_range: Range = (0.06, 0.25)

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> FingerprintsPlan:
        """See `Kind.draw`."""
        prints = []
        for x, y in anywhere(rng, shape, several(rng, self.number_range, amount)):
            size = between(rng, self.length_range) * short_side(shape) + 1
            strength = between(rng, self.strength_range) * min(amount, 1.5) * (1 if rng.random() < 0.6 else -1)
            core = (rng.standard_normal() * size * 0.3, rng.standard_normal() * size * 0.2)
            ridge = max(size / between(rng, (9, 14)), 2.2)
            prints.append(
                Fingerprint(
                    float(x),
                    float(y),
                    rng.random() * np.pi,
                    size,
                    size * between(rng, (0.6, 0.8)),
                    ridge,
                    core,
                    rng.standard_normal() * 0.4,
                    strength,
                )
            )
        return FingerprintsPlan(shape, tuple(prints))


KIND = Fingerprints()
