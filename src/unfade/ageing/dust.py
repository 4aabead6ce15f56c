"""Dust: many specks, bright (on the negative) or dark (on the print), scattered or gathered.

Real scanned dirt where textures are given.
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
from unfade.ageing._noise import Window
from unfade.ageing._paint import Coat, Painted, Stencil, specks
from unfade.ageing._plan import Role
from unfade.ageing.textures import Textures, cut


@dataclass(frozen=True)
class Dust:
    """Ranges of dust.

    Radii are for a short side of 256 px and grow with its square root; numbers grow with the short side.
    """

    role: ClassVar[Role] = "lost"
    number_range: Range = (6, 260)
    radius_px_range: Range = (0.8, 2.4)
    opacity_range: Range = (0.5, 1.0)
    dark: float = 0.3
    scanned: float = 0.6
    """Chance of scanned dirt instead of drawn specks, where textures are given."""

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> Painted:
        """See `Kind.draw`."""
        coats = []
        share = np.clip(short_side(shape) / 256, 0.02, 8.0)
        real = textures is not None and bool(textures.dust) and rng.random() < self.scanned and amount > 0
        for _ in range(1 if rng.random() < 0.6 else 2):
            color = near_black(rng) if rng.random() < self.dark else self._bright(rng)
            stencils: tuple[Stencil, ...] = ()
            blobs: tuple[np.ndarray, ...] = ()
            if real and textures is not None:
                frame = textures.dust[int(rng.integers(len(textures.dust)))]
                scale = log_between(rng, (0.35, 1.1)) * fineness(shape) / max(min(amount, 1.5), 0.5)
                stencils = (Stencil(cut(frame, rng, shape, scale), 0, 0, shape[1], shape[0]),)
            else:
                number = several(rng, self.number_range, amount, float(share))
                blobs = self._specks(rng, shape, number)
            coats.append(
                Coat(
                    color,
                    blobs=blobs,
                    stencils=stencils,
                    opacity=strongly(rng, self.opacity_range),
                    texture=between(rng, (0, 0.15)),
                    window=Window.draw(rng),
                )
            )
        return Painted(shape, tuple(coats))

    def _bright(self, rng: np.random.Generator) -> Color:
        white = paper_white(rng)
        share = between(rng, (0.7, 1.0)) if rng.random() < 0.3 else 1.0
        return (white[0] * share, white[1] * share, white[2] * share)

    def _specks(self, rng: np.random.Generator, shape: Shape, number: int) -> tuple[np.ndarray, ...]:
        centers = anywhere(rng, shape, number)
        if rng.random() < 0.35:  # gathered towards one side
            axis = int(rng.integers(2))
            extent = shape[1 - axis]
            crowded = (centers[:, axis] / extent) ** between(rng, (1.5, 4.0))
            centers[:, axis] = (crowded if rng.random() < 0.5 else 1 - crowded) * extent
        largest = log_between(rng, self.radius_px_range) * fineness(shape)
        radii = largest * np.exp(rng.standard_normal(number) * 0.45)
        return specks(rng, centers, radii.astype(np.float32))


KIND = Dust()
