"""JPEG: blocks and ringing, once, or twice with another quality and another grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from unfade.ageing._chance import Range, Shape, between
from unfade.ageing._plan import Effect, Role
from unfade.ageing.textures import Textures
from unfade.arrays import Image


@dataclass(frozen=True)
class Save:
    """One saving: quality, whether chroma is halved, and where the grid of blocks begins."""

    quality: int
    halved_chroma: bool
    shift: tuple[int, int]


@dataclass(frozen=True)
class JpegPlan:
    """Savings, one after the other."""

    saves: tuple[Save, ...]

    def apply(self, image: Image) -> Effect:
        """See `Plan.apply`."""
        if not self.saves:
            return Effect(np.array(image, np.float32))
        picture = cv2.convertScaleAbs(np.ascontiguousarray(image, np.float32), alpha=255).reshape(image.shape)
        for save in self.saves:
            dy, dx = save.shift
            padded = cv2.copyMakeBorder(picture, dy, 0, dx, 0, cv2.BORDER_REPLICATE)
            # Channel order matters to the chroma, not to the round trip: cv2 takes BGR.
            sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420 if save.halved_chroma else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
            options = [cv2.IMWRITE_JPEG_QUALITY, save.quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
            _, file = cv2.imencode(".jpg", cv2.cvtColor(padded, cv2.COLOR_RGB2BGR), options)
            decoded = np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR))[..., ::-1]
            picture = np.ascontiguousarray(decoded[dy:, dx:])
        return Effect(np.multiply(picture, np.float32(1 / 255), dtype=np.float32))


@dataclass(frozen=True)
class Jpeg:
    """Ranges of JPEG."""

    role: ClassVar[Role] = "detail"
    quality_range: Range = (30, 95)
    twice: float = 0.2

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> JpegPlan:
        """See `Kind.draw`."""
        saves = []
        for number in range(2 if rng.random() < self.twice else 1):
            quality = round(100 - (100 - between(rng, self.quality_range)) * min(amount, 1.3))
            shift = (int(rng.integers(8)), int(rng.integers(8))) if number else (0, 0)
            saves.append(Save(max(quality, 10), bool(rng.random() < 0.6), shift))
        return JpegPlan(tuple(saves) if amount > 0 else ())


KIND = Jpeg()
