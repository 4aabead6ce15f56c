"""Scratches: straight or wandering, whole or broken, bright or dark, from a hair to a gouge.

The tramlines of cine film, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unfade.ageing._chance import (
    Color,
    Range,
    Shape,
    anywhere,
    between,
    fineness,
    log_between,
    near_black,
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
class Scratches:
    """Ranges of scratches.

    Lengths are shares of the short side. Widths are for a short side of 256 px and grow with its square root.
    """

    role: ClassVar[Role] = "lost"
    number_range: Range = (1.5, 10)
    length_range: Range = (0.1, 2.0)
    width_px_range: Range = (0.7, 5.5)
    opacity_range: Range = (0.5, 1.0)
    wander_range: Range = (0.0, 0.05)
    tramlines: float = 0.3
    """Chance that they run down the whole picture, side by side, as in cine film."""
    dark: float = 0.25
    """Chance that a coat of scratches is dark (on the negative, or dirt in the groove), not bare paper."""

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> Painted:
        """See `Kind.draw`."""
        coats = []
        left = max(several(rng, self.number_range, amount), 1 if amount > 0 else 0)
        runs_down = rng.random() < self.tramlines
        main_angle, spread = rng.random() * np.pi, log_between(rng, (0.05, 3.0))
        while left > 0:
            number = min(left, int(rng.integers(1, 5)))
            left -= number
            if runs_down and rng.random() < 0.7:
                strokes = self._tramlines(rng, shape, number)
            else:
                strokes = tuple(self._stroke(rng, shape, main_angle + spread * rng.standard_normal()) for _ in range(number))
            broken = rng.random() < 0.3
            coats.append(
                Coat(
                    self._color(rng),
                    strokes,
                    opacity=strongly(rng, self.opacity_range),
                    texture=between(rng, (0.0, 0.12)),
                    grit=0.6,
                    patchy=between(rng, (0.15, 0.9)) if broken else 0.0,
                    window=Window.draw(rng),
                )
            )
        return Painted(shape, tuple(coats))

    def _color(self, rng: np.random.Generator) -> Color:
        if rng.random() < self.dark:
            return near_black(rng)
        white = paper_white(rng)
        if rng.random() < 0.25:  # not down to the paper
            share = between(rng, (0.6, 0.95))
            return (white[0] * share, white[1] * share, white[2] * share)
        return white

    def _width(self, rng: np.random.Generator, shape: Shape, points: int) -> np.ndarray:
        width = log_between(rng, self.width_px_range) * fineness(shape)
        swelling, rough = between(rng, (0.0, 0.5)), between(rng, (0.0, 0.3))
        widths = width * np.exp(swelling * wander(rng, points, 8)) * (1 + rough * rng.standard_normal(points))
        if rng.random() < 0.5:  # a blade comes in and goes out
            ends = np.minimum(np.linspace(0, 1, points), np.linspace(1, 0, points))
            widths *= np.minimum(ends * between(rng, (3, 12)) + 0.15, 1)
        return np.maximum(widths, 0.3).astype(np.float32)

    def _stroke(self, rng: np.random.Generator, shape: Shape, angle: float) -> Stroke:
        length = log_between(rng, self.length_range) * short_side(shape)
        points = int(np.clip(length / (3 * fineness(shape)), 6, 160))
        along = np.linspace(-0.5, 0.5, points) * length
        across = between(rng, self.wander_range) * length * wander(rng, points, 4)
        if rng.random() < 0.3:
            across = across + (along / length) ** 2 * length * between(rng, (-0.4, 0.4))
        path = turned(along, across, angle, anywhere(rng, shape, 1)[0])
        return Stroke(path.astype(np.float32), self._width(rng, shape, points), between(rng, (0.85, 1.0)))

    def _tramlines(self, rng: np.random.Generator, shape: Shape, number: int) -> tuple[Stroke, ...]:
        height, width = shape
        center, spread = rng.random() * width, log_between(rng, (0.01, 0.4)) * width
        across = rng.random() < 0.15
        strokes = []
        for _ in range(number):
            x0 = center + spread * rng.standard_normal()
            top, bottom = (0.0, 1.0) if rng.random() < 0.6 else np.sort(rng.random(2))
            points = int(np.clip(height * (bottom - top) / (3 * fineness(shape)), 6, 200))
            y = np.linspace(top * height - 1, bottom * height + 1, points)
            x = x0 + (y - height / 2) * rng.standard_normal() * 0.02 + between(rng, (0.0, 0.006)) * width * wander(rng, points, 6)
            line = np.stack([x, y], axis=1) if not across else np.stack([y * width / height, x * height / width], axis=1)
            strokes.append(Stroke(line.astype(np.float32), self._width(rng, shape, points), between(rng, (0.85, 1.0))))
        return tuple(strokes)


KIND = Scratches()
