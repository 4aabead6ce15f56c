"""Mirroring: silver that has come to the surface shines bluish from the darks, most along the edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from unfade.ageing._chance import Color, Range, Shape, between
from unfade.ageing._noise import field, thrice
from unfade.ageing._plan import Effect, Role, check_shape
from unfade.ageing.textures import Textures
from unfade.arrays import Image
from unfade.color import luma


@dataclass(frozen=True, eq=False)
class MirroringPlan:
    """The sheen's color, and a small grid of its strength over the picture."""

    shape: Shape
    sheen: Color
    grid: np.ndarray

    def apply(self, image: Image) -> Effect:
        """See `Plan.apply`."""
        check_shape(image, self.shape)
        dark = 1 - luma(image).reshape(self.shape)
        strength = np.clip(field(self.grid, self.shape), 0, 1) * dark * dark
        sheen = cv2.merge([strength * np.float32(part) for part in self.sheen]).reshape(image.shape)
        return Effect(image * thrice(1 - strength) + sheen)


@dataclass(frozen=True)
class Mirroring:
    """Ranges of mirroring."""

    role: ClassVar[Role] = "tone"
    strength_range: Range = (0.15, 0.6)

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> MirroringPlan:
        """See `Kind.draw`."""
        grid = rng.random((6, 6)) * 0.5
        border = np.ones((6, 6), bool)
        border[1:-1, 1:-1] = False
        grid[border] += 0.5
        if rng.random() < 0.6:
            grid[~border] = 0
        light = between(rng, (0.5, 0.75))
        sheen = (light * between(rng, (0.85, 1.0)), light * between(rng, (0.92, 1.0)), light)
        return MirroringPlan(shape, sheen, (grid * between(rng, self.strength_range) * min(amount, 1.5)).astype(np.float32))


KIND = Mirroring()
