"""Paper: its surface shows through the scan: silk and raster grain, fibres, unevenness.

Real paper where textures are given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from unfade.ageing._chance import Range, Shape, fineness, log_between
from unfade.ageing._noise import Window, cloud_tile, thrice
from unfade.ageing._plan import Effect, Role, check_shape
from unfade.ageing.textures import Textures, cut
from unfade.arrays import Image


@dataclass(frozen=True, eq=False)
class PaperPlan:
    """Deviation of the lightness, and either a piece of real paper or a window on noise."""

    shape: Shape
    deviation: float
    window: Window
    steepness: float
    piece: np.ndarray | None

    def apply(self, image: Image) -> Effect:
        """See `Plan.apply`."""
        check_shape(image, self.shape)
        if self.piece is not None:
            relief = cv2.resize(self.piece, (self.shape[1], self.shape[0]), interpolation=cv2.INTER_LINEAR).reshape(self.shape)
        else:
            relief = self.window.over(cloud_tile(self.steepness), self.shape)
        textured = np.asarray(image * thrice(1 + np.float32(self.deviation) * relief), np.float32)
        return Effect(np.clip(textured, 0, 1, out=textured))


@dataclass(frozen=True)
class Paper:
    """Ranges of paper: the relative deviation of the lightness."""

    role: ClassVar[Role] = "detail"
    deviation_range: Range = (0.01, 0.06)

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> PaperPlan:
        """See `Kind.draw`."""
        deviation = log_between(rng, self.deviation_range) * min(amount, 2.0)
        window, steepness = Window.draw(rng), float(rng.choice((0.6, 1.0, 1.4)))
        piece = None
        if textures is not None and textures.paper and rng.random() < 0.7:
            sheet = textures.paper[int(rng.integers(len(textures.paper)))]
            piece = np.ascontiguousarray(cut(sheet, rng, shape, log_between(rng, (0.7, 1.5)) * fineness(shape)))
        return PaperPlan(shape, deviation, window, steepness, piece)


KIND = Paper()
