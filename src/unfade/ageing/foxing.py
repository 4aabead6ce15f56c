"""Foxing: rust-brown spots, grown by mould or iron in the paper, soft at the edge and darker at heart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unfade.ageing._chance import Range, Shape, anywhere, between, fineness, log_between, several
from unfade.ageing._paint import specks
from unfade.ageing._plan import Role
from unfade.ageing._veil import Veil, Veiled
from unfade.ageing.textures import Textures


@dataclass(frozen=True)
class Foxing:
    """Ranges of foxing. Radii are for a short side of 256 px and grow with its square root."""

    role: ClassVar[Role] = "veil"
    number_range: Range = (3, 60)
    radius_px_range: Range = (1.0, 5.0)
    strength_range: Range = (0.2, 0.8)

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> Veiled:
        """See `Kind.draw`."""
        number = several(rng, self.number_range, amount, fineness(shape))
        radius = log_between(rng, self.radius_px_range) * fineness(shape)
        red = between(rng, (0.45, 0.75))
        color = (red, red * between(rng, (0.55, 0.75)), red * between(rng, (0.2, 0.5)))
        centers = anywhere(rng, shape, number)
        if rng.random() < 0.5 and number:
            centers = centers[0] + (centers - centers[0]) * rng.random((number, 1)).astype(np.float32) ** 1.5
        radii = radius * np.exp(rng.standard_normal(number) * 0.5)
        halo = tuple(specks(rng, centers, radii))
        heart = tuple(specks(rng, centers[::2], radii[::2] * 0.5))
        strength = min(between(rng, self.strength_range) * min(amount, 1.3), 0.9)
        return Veiled(shape, (Veil(halo, color, strength * 0.6, soft_px=radius * 0.5), Veil(heart, color, strength, soft_px=radius * 0.2)))


KIND = Foxing()
