"""Peeling: the emulsion has come off down to the paper, with torn fibres and a shadow along the edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unfade.ageing._chance import Range, Shape, backing, between, either, fineness, log_between, paper_white, short_side
from unfade.ageing._fields import Rim, fields
from unfade.ageing._noise import Window
from unfade.ageing._paint import Coat, Flakes, Painted
from unfade.ageing._plan import Role
from unfade.ageing.textures import Textures


@dataclass(frozen=True)
class Peeling:
    """Ranges of peeling. Widths are for a short side of 256 px and grow with its square root."""

    role: ClassVar[Role] = "lost"
    level_range: Range = (0.7, 1.9)
    """Level that the noise (deviation 1) must pass where peeling is worst: smaller is more."""
    zoom_range: Range = (0.35, 1.4)
    texture_range: Range = (0.03, 0.22)
    edge_px_range: Range = (0.8, 3.0)
    shadow: float = 0.7
    """Chance of a shadow that the standing emulsion throws."""
    fibres: float = 0.6
    """Chance of a bright edge of torn fibres."""
    papery: float = 0.75
    """Chance that white paper shows; else any backing."""

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> Painted:
        """See `Kind.draw`."""
        if amount <= 0:
            return Painted(shape, ())
        zoom = log_between(rng, self.zoom_range) * 256 / max(short_side(shape), 16)
        level = between(rng, self.level_range) / max(min(amount, 1.5), 0.3)
        flakes = Flakes(Window.draw(rng, zoom), fields(rng, -3.0, 0.8, cells=3), level, float(rng.choice((1.0, 1.2, 1.4, 1.7))))
        edge = log_between(rng, self.edge_px_range) * fineness(shape)
        light = rng.random() * 2 * np.pi
        away = round(np.cos(light) * edge) or either(rng), round(np.sin(light) * edge)
        coats = []
        if rng.random() < self.fibres:
            coats.append(Coat(paper_white(rng), stencils=(Rim(flakes, (-away[0], -away[1]), between(rng, (0.5, 1.0))),), texture=0.15))
        if rng.random() < self.shadow:
            coats.append(Coat((0.08, 0.07, 0.06), stencils=(Rim(flakes, away, between(rng, (0.35, 0.9))),)))
        coats.append(
            Coat(
                paper_white(rng) if rng.random() < self.papery else backing(rng),
                stencils=(flakes,),
                texture=between(rng, self.texture_range),
                grit=float(rng.choice((0.0, 0.6, 1.0))),
                window=Window.draw(rng),
            )
        )
        return Painted(shape, tuple(coats))


KIND = Peeling()
