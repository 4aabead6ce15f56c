"""Abrasion: emulsion rubbed off in flecks that gather and merge, along a swipe, or in a ring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unfade.ageing._chance import Range, Shape, anywhere, between, fineness, log_between, paper_white, several, short_side, strongly
from unfade.ageing._noise import Window, wander
from unfade.ageing._paint import Coat, Flakes, Painted, Stroke, turned
from unfade.ageing._plan import Role
from unfade.ageing.textures import Textures


@dataclass(frozen=True)
class Abrasion:
    """Ranges of abrasion.

    Sizes are shares of the short side. Widths are for a short side of 256 px and grow with its square root.
    """

    role: ClassVar[Role] = "lost"
    flecked: float = 0.65
    """Chance of flecks over a part of the picture instead of swipes and rings."""
    level_range: Range = (1.5, 2.8)
    """Level that the noise (deviation 1) must pass for a fleck: smaller is more."""
    gathering_range: Range = (0.3, 1.2)
    """Deviation of the flecks' likelihood over the picture, in the noise's own unit."""
    steepness: tuple[float, ...] = (0.4, 0.7, 1.0)
    """Of the noise's amplitude over its frequency: low gives a starry dust of flecks, high gives patches."""
    number_range: Range = (0.7, 3)
    radius_range: Range = (0.06, 0.5)
    """Radius of the circle that a swipe is part of."""
    width_px_range: Range = (1.5, 8.0)
    opacity_range: Range = (0.4, 1.0)

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> Painted:
        """See `Kind.draw`."""
        strokes: tuple[Stroke, ...] = ()
        flecks: tuple[Flakes, ...] = ()
        patchy = 0.0
        if amount > 0 and rng.random() < self.flecked:
            flecks = (self._flecks(rng, shape, amount),)
        elif amount > 0:
            strokes = tuple(self._swipe(rng, shape) for _ in range(max(several(rng, self.number_range, amount), 1)))
            patchy = between(rng, (0.0, 0.8))
        coat = Coat(
            paper_white(rng),
            strokes,
            stencils=flecks,
            opacity=strongly(rng, self.opacity_range),
            texture=between(rng, (0.0, 0.2)),
            grit=0.6,
            patchy=patchy,
            window=Window.draw(rng),
        )
        return Painted(shape, (coat,))

    def _flecks(self, rng: np.random.Generator, shape: Shape, amount: float) -> Flakes:
        cells = int(rng.integers(3, 7))
        grid = (rng.standard_normal((cells, cells)) * log_between(rng, self.gathering_range)).astype(np.float32)
        zoom = log_between(rng, (0.4, 1.2)) / fineness(shape)
        level = between(rng, self.level_range) - 0.4 * np.log(min(max(amount, 0.2), 2.0))
        return Flakes(Window.draw(rng, zoom), grid, float(level), float(rng.choice(self.steepness)))

    def _swipe(self, rng: np.random.Generator, shape: Shape) -> Stroke:
        """A part of an ellipse, or all of it: the ring that a glass or a frame has left."""
        radius = log_between(rng, self.radius_range) * short_side(shape)
        turn = 2 * np.pi if rng.random() < 0.35 else between(rng, (0.3, 5.0))
        points = int(np.clip(radius * turn / (3 * fineness(shape)), 8, 240))
        angles = rng.random() * 2 * np.pi + np.linspace(0, turn, points)
        radii = radius * (1 + between(rng, (0.0, 0.06)) * wander(rng, points, 6))
        x, y = radii * np.cos(angles), radii * between(rng, (0.45, 1.0)) * np.sin(angles)
        path = turned(x, y, rng.random() * np.pi, anywhere(rng, shape, 1)[0])
        width = log_between(rng, self.width_px_range) * fineness(shape)
        widths = width * np.exp(between(rng, (0.0, 0.6)) * wander(rng, points, 12) + 0.15 * rng.standard_normal(points))
        return Stroke(path.astype(np.float32), np.maximum(widths, 0.5).astype(np.float32))


KIND = Abrasion()
