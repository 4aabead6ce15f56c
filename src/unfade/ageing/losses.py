"""Losses: places where the emulsion has peeled, been eaten or punched out, and its backing shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unfade.ageing._chance import Range, Shape, anywhere, backing, between, log_between, several, short_side
from unfade.ageing._noise import Window
from unfade.ageing._paint import Coat, Flakes, Painted, Stencil, blob
from unfade.ageing._plan import Role
from unfade.ageing.textures import Textures


@dataclass(frozen=True)
class Losses:
    """Ranges of losses; sizes are radii as shares of the short side."""

    role: ClassVar[Role] = "lost"
    number_range: Range = (1, 5)
    radius_range: Range = (0.01, 0.11)
    roughness_range: Range = (0.1, 0.45)
    texture_range: Range = (0.02, 0.3)
    flaking: float = 0.25
    """Chance of ragged flaking over a part of the picture instead of single losses."""
    flaked_range: Range = (0.9, 2.6)
    """Level that the noise (deviation 1) must pass where flaking is worst: smaller is more."""
    peeling: float = 0.3
    """Chance that flaking takes most of what is there, over up to half of the picture."""

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> Painted:
        """See `Kind.draw`."""
        short = short_side(shape)
        blobs: tuple[np.ndarray, ...] = ()
        stencils: tuple[Stencil | Flakes, ...] = ()
        if amount > 0 and rng.random() < self.flaking:
            grid = (rng.random((3, 3)) * 3 - 3).astype(np.float32)
            worst = int(rng.integers(3)), int(rng.integers(3))
            grid[worst] = 0.6
            if rng.random() < self.peeling:
                grid[worst] = between(rng, (1.0, 2.0))
                grid[worst[0], (worst[1] + 1) % 3] = between(rng, (0.0, 1.5))
            zoom = log_between(rng, (0.4, 2.0)) * 256 / max(short, 16)
            level = between(rng, self.flaked_range) / max(min(amount, 1.5), 0.3)
            stencils = (Flakes(Window.draw(rng, zoom), grid, level, float(rng.choice((1.0, 1.2, 1.4)))),)
        elif amount > 0 and textures is not None and textures.holes and rng.random() < 0.25:
            hole = np.rot90(textures.holes[int(rng.integers(len(textures.holes)))], int(rng.integers(4)))
            share = log_between(rng, (0.06, 0.4)) * short / max(hole.shape)
            size = max(1, round(hole.shape[1] * share)), max(1, round(hole.shape[0] * share))
            center = anywhere(rng, shape, 1)[0]
            stencils = (Stencil(np.ascontiguousarray(hole), int(center[0] - size[0] / 2), int(center[1] - size[1] / 2), *size),)
        else:
            number = several(rng, self.number_range, amount)
            centers = anywhere(rng, shape, number)
            blobs = tuple(
                blob(
                    rng,
                    center,
                    log_between(rng, self.radius_range) * short,
                    roughness=between(rng, self.roughness_range),
                    flatness=between(rng, (0.4, 1.0)),
                )
                for center in centers
            )
        color, window = backing(rng), Window.draw(rng)
        texture, grit = between(rng, self.texture_range), float(rng.choice((0.0, 0.6, 1.0)))
        return Painted(shape, (Coat(color, blobs=blobs, stencils=stencils, texture=texture, grit=grit, window=window),))


KIND = Losses()
