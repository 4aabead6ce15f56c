"""Rings: the foot of a glass or a vase has taken the emulsion with it, in a circle that breaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unfade.ageing._chance import (
    Range,
    Shape,
    anywhere,
    backing,
    between,
    fineness,
    log_between,
    paper_white,
    several,
    short_side,
    strongly,
)
from unfade.ageing._noise import Window, wander
from unfade.ageing._paint import Coat, Painted, Stroke, turned
from unfade.ageing._plan import Role
from unfade.ageing.textures import Textures


@dataclass(frozen=True)
class Rings:
    """Ranges of rings. Sizes are shares of the short side."""

    role: ClassVar[Role] = "lost"
    number_range: Range = (1, 3)
    radius_range: Range = (0.08, 0.45)
    width_range: Range = (0.006, 0.035)
    flatness_range: Range = (0.75, 1.0)
    whole: float = 0.5
    """Chance that the ring is closed."""
    opacity_range: Range = (0.5, 1.0)

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> Painted:
        """See `Kind.draw`."""
        strokes: list[Stroke] = []
        for _ in range(several(rng, self.number_range, amount) if amount > 0 else 0):
            strokes += self._ring(rng, shape)
        coat = Coat(
            paper_white(rng) if rng.random() < 0.7 else backing(rng),
            tuple(strokes),
            opacity=strongly(rng, self.opacity_range),
            texture=between(rng, (0.0, 0.2)),
            grit=0.6,
            patchy=between(rng, (0.0, 0.7)),
            window=Window.draw(rng),
        )
        return Painted(shape, (coat,))

    def _ring(self, rng: np.random.Generator, shape: Shape) -> list[Stroke]:
        """One ring, of one line or of two, as the foot of a glass has two edges."""
        short = short_side(shape)
        radius = log_between(rng, self.radius_range) * short
        width = max(log_between(rng, self.width_range) * short, 1.0)
        turn = 2 * np.pi if rng.random() < self.whole else between(rng, (1.0, 5.5))
        points = int(np.clip(radius * turn / (3 * fineness(shape)), 12, 240))
        angles = rng.random() * 2 * np.pi + np.linspace(0, turn, points)
        center, flat, tilt = anywhere(rng, shape, 1)[0], between(rng, self.flatness_range), rng.random() * np.pi
        strokes = []
        for share in (1.0, between(rng, (0.8, 0.93)))[: 1 + (rng.random() < 0.4)]:
            radii = share * radius * (1 + 0.01 * wander(rng, points, 8))
            path = turned(radii * np.cos(angles), radii * flat * np.sin(angles), tilt, center)
            widths = width * np.exp(between(rng, (0.1, 0.7)) * wander(rng, points, 14))
            strokes.append(Stroke(path.astype(np.float32), np.maximum(widths, 0.5).astype(np.float32)))
        return strokes


KIND = Rings()
