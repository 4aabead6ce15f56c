"""Hairs and fibres: thin lines that curl, bright or dark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unfade.ageing._chance import (
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
from unfade.ageing._paint import Coat, Painted, Stencil, Stroke
from unfade.ageing._plan import Role
from unfade.ageing.textures import Textures


@dataclass(frozen=True)
class Hairs:
    """Ranges of hairs.

    Lengths are shares of the short side. Widths are for a short side of 256 px and grow with its square root.
    """

    role: ClassVar[Role] = "lost"
    number_range: Range = (1, 9)
    length_range: Range = (0.08, 1.1)
    width_px_range: Range = (0.9, 5.0)
    curl_range: Range = (0.2, 3.0)
    """Whole turns that a hair as long as the short side makes."""
    opacity_range: Range = (0.55, 1.0)
    dark: float = 0.35
    lint: float = 0.25
    """Chance of a swarm of short ones, as from a cloth."""

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> Painted:
        """See `Kind.draw`."""
        coats = []
        for _ in range(1 if rng.random() < 0.6 else 2):
            lint = rng.random() < self.lint
            number = several(rng, (8, 50) if lint else self.number_range, amount)
            curls = log_between(rng, self.curl_range) * (3 if lint else 1)
            length = (0.02, 0.1) if lint else self.length_range
            width = (0.8, 2.5) if lint else self.width_px_range
            strokes = tuple(self._hair(rng, shape, log_between(rng, length), log_between(rng, width), curls) for _ in range(number))
            stencils: tuple[Stencil, ...] = ()
            if textures is not None and textures.shapes and rng.random() < 0.3 and amount > 0:
                stencils = tuple(self._shape(rng, shape, textures) for _ in range(int(rng.integers(1, 5))))
            coats.append(
                Coat(
                    near_black(rng) if rng.random() < self.dark else paper_white(rng),
                    strokes,
                    stencils=stencils,
                    opacity=strongly(rng, self.opacity_range),
                    texture=between(rng, (0, 0.1)),
                    window=Window.draw(rng),
                )
            )
        return Painted(shape, tuple(coats))

    def _hair(self, rng: np.random.Generator, shape: Shape, length: float, width: float, curls: float) -> Stroke:
        points = int(np.clip(length * 60, 8, 64))
        turning = np.repeat(rng.standard_normal(points // 4 + 1), 4)[:points]
        # A random walk of the curvature: hairs bend one way for a while, then the other.
        angles = rng.random() * 2 * np.pi + np.cumsum(turning) * (2 * np.pi * curls * length / points)
        step = length * short_side(shape) / points
        path = np.cumsum(np.stack([np.cos(angles), np.sin(angles)], axis=1) * step, axis=0)
        path += anywhere(rng, shape, 1) - path[points // 2]
        return Stroke(path.astype(np.float32), float(width * fineness(shape)), between(rng, (0.8, 1.0)))

    def _shape(self, rng: np.random.Generator, shape: Shape, textures: Textures) -> Stencil:
        coverage = textures.shapes[int(rng.integers(len(textures.shapes)))]
        size = log_between(rng, (0.05, 0.4)) * short_side(shape)
        share = size / max(coverage.shape)
        turned = np.rot90(coverage, int(rng.integers(4)))
        height, width = max(1, round(turned.shape[0] * share)), max(1, round(turned.shape[1] * share))
        center = anywhere(rng, shape, 1)[0]
        return Stencil(np.ascontiguousarray(turned), int(center[0] - width / 2), int(center[1] - height / 2), width, height)


KIND = Hairs()
