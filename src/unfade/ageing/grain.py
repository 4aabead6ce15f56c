"""Grain: clumps of silver or dye, strongest in the middle tones, of any size, gray or colored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from unfade.ageing._chance import Range, Shape, between, log_between
from unfade.ageing._noise import Window, grain_tile, thrice
from unfade.ageing._plan import Effect, Role, check_shape
from unfade.ageing.textures import Textures
from unfade.arrays import Image
from unfade.color import luma

SIZES_PX = (0.0, 0.45, 0.6, 0.8, 1.1, 1.6)
"""The radii of grain that tiles are made for; any other would cost a new tile."""


@dataclass(frozen=True)
class GrainPlan:
    """One grain.

    `deviation`: in the middle tones. `tone`: how much it depends on the tone (0 = not at all).
    `windows`: one for all channels, or one for each.
    """

    shape: Shape
    deviation: float
    size_px: float
    tone: float
    windows: tuple[Window, ...]

    def apply(self, image: Image) -> Effect:
        """See `Plan.apply`."""
        check_shape(image, self.shape)
        gray = luma(image).reshape(self.shape)
        # 4 y (1 - y) is 1 at middle gray and 0 at black and white, where grain is not seen.
        strength = np.float32(self.deviation) * (1 - np.float32(self.tone) * (1 - 4 * gray * (1 - gray)))
        tile = grain_tile(self.size_px)
        if len(self.windows) == 1:
            noise = thrice(self.windows[0].over(tile, self.shape) * strength)
        else:
            noise = cv2.merge([window.over(tile, self.shape) * strength for window in self.windows]).reshape(image.shape)
        grainy = np.asarray(image + noise, np.float32)
        return Effect(np.clip(grainy, 0, 1, out=grainy))


@dataclass(frozen=True)
class Grain:
    """Ranges of grain: the deviation in sRGB-encoded tone."""

    role: ClassVar[Role] = "detail"
    deviation_range: Range = (0.02, 0.115)
    tone_range: Range = (0.2, 0.8)
    colored: float = 0.2

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> GrainPlan:
        """See `Kind.draw`."""
        size = SIZES_PX[int(rng.integers(len(SIZES_PX)))]
        windows = tuple(Window.draw(rng) for _ in range(3 if rng.random() < self.colored else 1))
        # Three independent channels look noisier than one at the same deviation.
        amount = min(amount, 2.0) * (0.6 if len(windows) == 3 else 1.0)
        return GrainPlan(shape, log_between(rng, self.deviation_range) * amount, size, between(rng, self.tone_range), windows)


KIND = Grain()
