"""Fading: contrast is lost, blacks rise to gray, whites sink or wash out, and the middle tones shift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from unfade.ageing._chance import Range, Shape, between, log_between
from unfade.ageing._plan import Effect, Role
from unfade.ageing.textures import Textures
from unfade.arrays import Image


@dataclass(frozen=True)
class FadingPlan:
    """black + (white - black) * picture ** gamma."""

    black: float
    white: float
    gamma: float

    def apply(self, image: Image) -> Effect:
        """See `Plan.apply`."""
        curved = np.asarray(cv2.pow(np.ascontiguousarray(image, np.float32), self.gamma), np.float32).reshape(image.shape)
        curved *= np.float32(self.white - self.black)
        curved += np.float32(self.black)
        return Effect(np.clip(curved, 0, 1, out=curved))


@dataclass(frozen=True)
class Fading:
    """Ranges of fading, in sRGB-encoded tone."""

    role: ClassVar[Role] = "tone"
    black_range: Range = (0.0, 0.35)
    white_range: Range = (0.62, 1.0)
    gamma_range: Range = (0.6, 1.6)
    harsh: float = 0.15
    """Chance of too much contrast instead: blacks and whites cut off, as in copies of copies."""

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> FadingPlan:
        """See `Kind.draw`."""
        gamma = log_between(rng, self.gamma_range) ** min(amount, 1.5)
        if rng.random() < self.harsh:
            return FadingPlan(-0.12 * rng.random() * amount, 1 + 0.15 * rng.random() * amount, gamma)
        black = between(rng, self.black_range) * amount
        white = 1 - (1 - between(rng, self.white_range)) * amount
        return FadingPlan(min(black, 0.5), max(white, min(black, 0.5) + 0.2), gamma)


KIND = Fading()
