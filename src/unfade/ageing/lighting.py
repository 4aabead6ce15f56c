"""Uneven light: one part has faded more, the corners fall off, the copying lamp stood to one side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unfade.ageing._chance import Range, Shape, between
from unfade.ageing._noise import field, thrice
from unfade.ageing._plan import Effect, Role, check_shape
from unfade.ageing.textures import Textures
from unfade.arrays import Image


@dataclass(frozen=True, eq=False)
class LightingPlan:
    """A small grid of gains and one of added haze."""

    shape: Shape
    gain: np.ndarray
    haze: np.ndarray

    def apply(self, image: Image) -> Effect:
        """See `Plan.apply`."""
        check_shape(image, self.shape)
        gain, haze = field(self.gain, self.shape), field(self.haze, self.shape)
        lit = image * thrice(gain)
        lit += thrice(haze)
        return Effect(np.clip(lit, 0, 1, out=lit))


@dataclass(frozen=True)
class Lighting:
    """Ranges of uneven light: relative gain and added haze."""

    role: ClassVar[Role] = "tone"
    gain_range: Range = (0.05, 0.35)
    haze_range: Range = (0.0, 0.15)
    vignette_range: Range = (0.0, 0.5)

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> LightingPlan:
        """See `Kind.draw`."""
        amount = min(amount, 1.5)
        y, x = np.mgrid[-1:1:9j, -1:1:9j]
        slope, tilt = between(rng, self.gain_range) * amount, rng.random() * 2 * np.pi
        gain = 1 + slope * (x * np.cos(tilt) + y * np.sin(tilt)) * 0.7
        if rng.random() < 0.5:
            coarse = rng.standard_normal((3, 3)) * slope * 0.6
            gain += field(coarse, (9, 9))
        if rng.random() < 0.4:
            center = rng.standard_normal(2) * 0.2
            gain *= 1 - between(rng, self.vignette_range) * amount * np.clip(((x - center[0]) ** 2 + (y - center[1]) ** 2) / 2, 0, 1.2)
        haze = between(rng, self.haze_range) * amount * field(rng.random((3, 3)), (9, 9)) if rng.random() < 0.5 else np.zeros((9, 9))
        return LightingPlan(shape, np.clip(gain, 0.2, 1.7).astype(np.float32), np.maximum(haze, 0).astype(np.float32))


KIND = Lighting()
