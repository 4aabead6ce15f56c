"""Yellowing of paper, gelatine or varnish: a filter that takes blue first, unevenly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from unfade.ageing._chance import Color, Range, Shape, between
from unfade.ageing._noise import field
from unfade.ageing._plan import Effect, Role, check_shape
from unfade.ageing.textures import Textures
from unfade.arrays import Image


@dataclass(frozen=True, eq=False)
class YellowingPlan:
    """The filter's color, and a small grid of its density over the picture, 0 to 1."""

    shape: Shape
    color: Color
    grid: np.ndarray

    def apply(self, image: Image) -> Effect:
        """See `Plan.apply`."""
        check_shape(image, self.shape)
        density = np.clip(field(self.grid, self.shape), 0, 1)
        return Effect(image * cv2.merge([1 - density * np.float32(1 - part) for part in self.color]).reshape(image.shape))


@dataclass(frozen=True)
class Yellowing:
    """Ranges of yellowing: the share of blue and green that still comes through at full density."""

    role: ClassVar[Role] = "tone"
    blue_range: Range = (0.45, 0.9)
    green_range: Range = (0.86, 0.97)
    unevenness_range: Range = (0.0, 0.6)

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> YellowingPlan:
        """See `Kind.draw`."""
        color = (between(rng, (0.95, 1.0)), between(rng, self.green_range), between(rng, self.blue_range))
        grid = min(amount, 1.5) * (1 - between(rng, self.unevenness_range) * rng.random((4, 4)))
        return YellowingPlan(shape, color, grid.astype(np.float32))


KIND = Yellowing()
