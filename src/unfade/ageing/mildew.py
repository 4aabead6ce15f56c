"""Mildew: colonies of tiny dots, dense at heart and thin outside, which have eaten into the emulsion."""

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
from unfade.ageing._noise import Window
from unfade.ageing._paint import Coat, Painted, specks
from unfade.ageing._plan import Role
from unfade.ageing.textures import Textures


@dataclass(frozen=True)
class Mildew:
    """Ranges of mildew. Radii of dots are for a short side of 256 px and grow with its square root."""

    role: ClassVar[Role] = "lost"
    colonies_range: Range = (1, 7)
    reach_range: Range = (0.03, 0.3)
    """A colony's radius, as a share of the short side."""
    dots_range: Range = (25, 240)
    radius_px_range: Range = (0.6, 1.8)
    opacity_range: Range = (0.5, 1.0)
    dark: float = 0.5

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> Painted:
        """See `Kind.draw`."""
        blobs: tuple[np.ndarray, ...] = ()
        largest = log_between(rng, self.radius_px_range) * fineness(shape)
        for center in anywhere(rng, shape, several(rng, self.colonies_range, amount)):
            blobs += self._colony(rng, center, log_between(rng, self.reach_range) * short_side(shape), largest)
        coat = Coat(
            self._color(rng),
            blobs=blobs,
            opacity=strongly(rng, self.opacity_range),
            texture=between(rng, (0.0, 0.25)),
            grit=0.6,
            window=Window.draw(rng),
        )
        return Painted(shape, (coat,))

    def _colony(self, rng: np.random.Generator, center: np.ndarray, reach: float, largest: float) -> tuple[np.ndarray, ...]:
        """Dots around a center along threads that grow outwards."""
        number = several(rng, self.dots_range, 1.0)
        threads = rng.random(int(rng.integers(3, 12))) * 2 * np.pi
        angles = threads[rng.integers(len(threads), size=number)] + rng.normal(0, 0.35, number)
        off = reach * np.abs(rng.normal(0, 0.5, number))
        places = center + np.stack([np.cos(angles), np.sin(angles)], axis=1) * off[:, None]
        radii = largest * np.exp(rng.standard_normal(number) * 0.4) * (1.2 - 0.6 * np.minimum(off / max(reach, 1e-6), 1))
        return specks(rng, places.astype(np.float32), radii.astype(np.float32))

    def _color(self, rng: np.random.Generator) -> Color:
        if rng.random() < self.dark:
            return near_black(rng)
        pale = paper_white(rng)
        green = between(rng, (0.0, 0.08))
        return (pale[0] * (1 - green), pale[1], pale[2] * (1 - green))


KIND = Mildew()
