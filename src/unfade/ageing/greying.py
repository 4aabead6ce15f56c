"""Greying: the photograph was black-and-white from the start.

Films differ in how strongly they see each color.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from unfade.ageing._chance import Color, Shape
from unfade.ageing._noise import thrice
from unfade.ageing._plan import Effect, Role
from unfade.ageing.textures import Textures
from unfade.arrays import Image
from unfade.color import REC_601


@dataclass(frozen=True)
class GreyingPlan:
    """The share of red, green and blue in the gray; they add up to 1."""

    weights: Color

    def apply(self, image: Image) -> Effect:
        """See `Plan.apply`."""
        gray = cv2.transform(np.ascontiguousarray(image, np.float32), np.asarray([self.weights], np.float32)).reshape(image.shape[:2])
        return Effect(thrice(np.clip(gray, 0, 1)))


@dataclass(frozen=True)
class Greying:
    """Mostly Rec. 601 luma, which is panchromatic film and the usual gray version; sometimes another film."""

    role: ClassVar[Role] = "target"
    other_film: float = 0.3
    """Chance of orthochromatic film, blind to red (before about 1920), or of a color filter."""

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> GreyingPlan:
        """See `Kind.draw`; `amount` makes no difference."""
        luma = np.array(REC_601)
        if rng.random() < self.other_film:
            film = np.array([[0.05, 0.55, 0.4], [0.15, 0.35, 0.5], [0.55, 0.4, 0.05]])[int(rng.integers(3))]
            luma += rng.random() * (film - luma)
        return GreyingPlan((float(luma[0]), float(luma[1]), float(luma[2])))


KIND = Greying()
