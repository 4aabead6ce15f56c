"""Blur: a soft lens, slight defocus, or a picture made small and large again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import cv2
import numpy as np

from unfade.ageing._chance import Range, Shape, fineness, log_between, short_side
from unfade.ageing._plan import Effect, Role
from unfade.ageing.textures import Textures
from unfade.arrays import Image


@dataclass(frozen=True)
class BlurPlan:
    """One blur. `size`: a Gaussian's deviation (px), a disc's radius (px), or a factor.

    By the factor the picture is made smaller, then larger again.
    """

    way: Literal["gaussian", "disc", "resize"]
    size: float

    def apply(self, image: Image) -> Effect:
        """See `Plan.apply`."""
        picture = np.ascontiguousarray(image, np.float32)
        height, width = picture.shape[:2]
        if self.way == "gaussian":
            blurred = cv2.GaussianBlur(picture, (0, 0), self.size) if self.size > 0 else picture.copy()
        elif self.way == "disc":
            blurred = cv2.filter2D(picture, -1, _disc(self.size), borderType=cv2.BORDER_REFLECT)
        else:
            small = cv2.resize(picture, (max(1, round(width / self.size)), max(1, round(height / self.size))), interpolation=cv2.INTER_AREA)
            blurred = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
        blurred = blurred.reshape(image.shape)
        return Effect(np.clip(blurred, 0, 1, out=blurred))


def _disc(radius: float) -> np.ndarray:
    """A disc of that radius as a kernel, antialiased, of sum 1."""
    reach = int(np.ceil(radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1)
    return np.asarray(kernel / kernel.sum(), np.float32)


@dataclass(frozen=True)
class Blur:
    """Ranges of blur, in px for a short side of 256 px, growing with its square root."""

    role: ClassVar[Role] = "detail"
    deviation_px_range: Range = (0.35, 1.6)
    radius_px_range: Range = (0.6, 2.2)
    factor_range: Range = (1.2, 2.6)

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> BlurPlan:
        """See `Kind.draw`."""
        die, scale = rng.random(), max(fineness(shape), 0.6) * min(amount, 1.5)
        if amount <= 0 or short_side(shape) < 3:
            return BlurPlan("gaussian", 0.0)
        if die < 0.6:
            return BlurPlan("gaussian", log_between(rng, self.deviation_px_range) * scale)
        if die < 0.75:
            return BlurPlan("disc", log_between(rng, self.radius_px_range) * scale)
        return BlurPlan("resize", 1 + (log_between(rng, self.factor_range) - 1) * scale)


KIND = Blur()
