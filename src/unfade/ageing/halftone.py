"""Halftone: the dot screen of a printed picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unfade.ageing._chance import Range, Shape, between
from unfade.ageing._noise import thrice
from unfade.ageing._plan import Effect, Role, check_shape
from unfade.ageing.textures import Textures
from unfade.arrays import Image


@dataclass(frozen=True)
class HalftonePlan:
    """Distance of the dots, turn of the screen, how hard the dots are, and how much of them shows."""

    shape: Shape
    period_px: float
    angle: float
    hardness: float
    strength: float

    def apply(self, image: Image) -> Effect:
        """See `Plan.apply`."""
        check_shape(image, self.shape)
        # A sum of two waves over sheared coordinates; each is separable, so only the products are full-sized.
        y, x = np.arange(self.shape[0], dtype=np.float32), np.arange(self.shape[1], dtype=np.float32)
        turn = np.float32(2 * np.pi / self.period_px)
        cosine, sine = np.float32(np.cos(self.angle)), np.float32(np.sin(self.angle))
        # cos(a + b) = cos a cos b - sin a sin b
        first = np.outer(np.cos(turn * sine * y), np.cos(turn * cosine * x)) - np.outer(np.sin(turn * sine * y), np.sin(turn * cosine * x))
        second = np.outer(np.cos(turn * cosine * y), np.cos(turn * sine * x)) + np.outer(np.sin(turn * cosine * y), np.sin(turn * sine * x))
        screen = ((first + second) * np.float32(0.25) + np.float32(0.5)).astype(np.float32)
        dots = np.clip((image - thrice(screen)) * np.float32(self.hardness) + np.float32(0.5), 0, 1)
        return Effect(np.asarray(image + np.float32(self.strength) * (dots - image), np.float32))


@dataclass(frozen=True)
class Halftone:
    """Ranges of halftone."""

    role: ClassVar[Role] = "detail"
    period_px_range: Range = (2.6, 6.0)
    hardness_range: Range = (1.2, 3.0)
    strength_range: Range = (0.1, 0.6)

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> HalftonePlan:
        """See `Kind.draw`."""
        strength = min(between(rng, self.strength_range) * amount, 1.0)
        return HalftonePlan(
            shape, between(rng, self.period_px_range), rng.random() * np.pi / 2, between(rng, self.hardness_range), strength
        )


KIND = Halftone()
