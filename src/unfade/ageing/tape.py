"""Adhesive tape: a straight yellowed band, darker along its edges, through which the picture shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unfade.ageing._chance import Range, Shape, anywhere, between, log_between, several, short_side
from unfade.ageing._plan import Role
from unfade.ageing._veil import Veil, Veiled
from unfade.ageing.textures import Textures


@dataclass(frozen=True)
class Tape:
    """Ranges of tape, as shares of the short side."""

    role: ClassVar[Role] = "veil"
    number_range: Range = (0.7, 1.5)
    width_range: Range = (0.05, 0.16)
    length_range: Range = (0.2, 1.3)
    strength_range: Range = (0.3, 0.8)

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> Veiled:
        """See `Kind.draw`."""
        veils = []
        short = short_side(shape)
        for center in anywhere(rng, shape, several(rng, self.number_range, amount)):
            width, length = between(rng, self.width_range) * short, log_between(rng, self.length_range) * short
            angle = float(rng.integers(2) * np.pi / 2 + rng.standard_normal() * 0.25)
            teeth = 12  # the cutter's
            ends = rng.random((2, teeth)) * width * 0.06 + np.array([[0.0, width * 0.05]] * (teeth // 2)).reshape(1, -1)
            across = np.linspace(-width / 2, width / 2, teeth)
            near = np.stack([-length / 2 + ends[0], across], axis=1)
            far = np.stack([length / 2 - ends[1], across], axis=1)[::-1]
            band = np.concatenate([near, far])
            turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
            light = between(rng, (0.8, 1.0))
            color = (light, light * between(rng, (0.8, 0.95)), light * between(rng, (0.4, 0.75)))
            strength = min(between(rng, self.strength_range) * min(amount, 1.2), 0.9)
            veils.append(
                Veil(
                    ((center + band @ turn).astype(np.float32),),
                    color,
                    strength,
                    edge=min(strength * between(rng, (1.0, 1.3)), 1.0),
                    edge_px=max(width * 0.04, 1.0),
                    mottled=between(rng, (0.0, 0.5)),
                    grid=rng.random((4, 4)).astype(np.float32),
                )
            )
        return Veiled(shape, tuple(veils))


KIND = Tape()
