"""Toning: sepia, selenium, cyanotype, or plain old silver gone brown.

Gray becomes a run of one hue from shadow to light.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from unfade.ageing._chance import Color, Range, Shape, between
from unfade.ageing._plan import Effect, Role
from unfade.ageing.textures import Textures
from unfade.arrays import Image
from unfade.color import luma


@dataclass(frozen=True)
class ToningPlan:
    """Per channel: shadow + (light - shadow) * gray ** gamma, mixed into the picture by `strength`."""

    shadow: Color
    light: Color
    gamma: Color
    strength: float

    def apply(self, image: Image) -> Effect:
        """See `Plan.apply`."""
        gray = luma(image).reshape(image.shape[:2])
        runs = []
        for channel in range(3):
            run = np.asarray(cv2.pow(gray, self.gamma[channel]), np.float32).reshape(gray.shape)
            run *= np.float32(self.light[channel] - self.shadow[channel])
            run += np.float32(self.shadow[channel])
            runs.append(run)
        toned = cv2.merge(runs).reshape(image.shape)
        if self.strength < 1:
            toned = image + np.float32(self.strength) * (toned - image)
        return Effect(np.clip(toned, 0, 1, dtype=np.float32))


@dataclass(frozen=True)
class Toning:
    """Ranges of toning: how much the red is lifted and the blue pressed in the middle tones, as exponents."""

    role: ClassVar[Role] = "tone"
    red_gamma_range: Range = (0.7, 1.0)
    blue_gamma_range: Range = (1.0, 1.8)
    paper_blue_range: Range = (0.6, 1.0)
    cold: float = 0.07
    """Chance of a blue tone (cyanotype, iron) instead of a brown one."""

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> ToningPlan:
        """See `Kind.draw`."""
        depth = rng.random() ** 0.7
        red = 1 - (1 - between(rng, self.red_gamma_range)) * depth
        blue = 1 + (between(rng, self.blue_gamma_range) - 1) * depth
        green = 1 + (0.05 + rng.standard_normal() * 0.12) * depth
        paper_blue = 1 - (1 - between(rng, self.paper_blue_range)) * depth
        light = (1.0, 1 - (1 - paper_blue) * between(rng, (0.15, 0.85)), paper_blue)
        dark = rng.random() * 0.15 * depth
        shadow = (dark, dark * between(rng, (0.5, 0.9)), dark * between(rng, (0.1, 0.7)))
        if rng.random() < self.cold:
            light, shadow = (light[2], light[1], light[0]), (shadow[2], shadow[1], shadow[0])
            red, blue = blue, red
        return ToningPlan(shadow, light, (red, float(green), blue), min(amount, 1.0))


KIND = Toning()
