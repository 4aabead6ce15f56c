"""Dye fading: a color print loses its cyan, magenta and yellow unequally.

It turns reddish, is washed out, or has a cast in the shadows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from unfade.ageing._chance import Range, Shape, between
from unfade.ageing._plan import Effect, Role
from unfade.ageing.textures import Textures
from unfade.arrays import Image
from unfade.color import REC_601


@dataclass(frozen=True)
class DyeFadingPlan:
    """What is left of the dyes and of the saturation, and the paper's color.

    The dyes are cyan, magenta and yellow: the densities of red, green and blue.
    """

    left: tuple[float, float, float]
    saturation: float
    paper: tuple[float, float, float]

    def apply(self, image: Image) -> Effect:
        """See `Plan.apply`."""
        # Linear in the picture, so one matrix: less saturation, less density, the paper behind it.
        matrix = self.saturation * np.eye(3) + (1 - self.saturation) * np.array([REC_601] * 3)
        left, paper = np.array(self.left), np.array(self.paper)
        whole = np.concatenate([(paper * left)[:, None] * matrix, (paper * (1 - left))[:, None]], axis=1)
        faded = cv2.transform(np.ascontiguousarray(image, np.float32), whole).reshape(image.shape)
        return Effect(np.clip(faded, 0, 1, out=faded))


@dataclass(frozen=True)
class DyeFading:
    """Ranges of what is left."""

    role: ClassVar[Role] = "tone"
    left_range: Range = (0.55, 1.0)
    saturation_range: Range = (0.35, 1.0)

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> DyeFadingPlan:
        """See `Kind.draw`."""
        amount = min(amount, 1.5)
        left = np.sort([between(rng, self.left_range) for _ in range(3)])
        # In dark storage the cyan goes first (red cast), in light the magenta; the yellow seldom (Wilhelm
        # 1993, ch. 5).
        order = (0, 1, 2) if rng.random() < 0.6 else (1, 0, 2) if rng.random() < 0.6 else tuple(rng.permutation(3))
        shares = [1.0, 1.0, 1.0]
        for dye, share in zip(order, left, strict=True):
            shares[dye] = 1 - (1 - float(share)) * amount
        saturation = 1 - (1 - between(rng, self.saturation_range)) * amount
        white = 1 - 0.12 * rng.random() * amount
        paper = (white, white * (1 - 0.07 * rng.random() * amount), white * (1 - 0.2 * rng.random() * amount))
        return DyeFadingPlan((shares[0], shares[1], shares[2]), saturation, paper)


KIND = DyeFading()
