"""Craquelure: a net of hair cracks that has opened in the emulsion, most seen on pale prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unfade.ageing._chance import Range, Shape, between, fineness, log_between, near_black, paper_white, short_side, strongly
from unfade.ageing._fields import HairCracks, fields, somewhere
from unfade.ageing._paint import Coat, Painted
from unfade.ageing._plan import Role
from unfade.ageing.textures import Textures


@dataclass(frozen=True)
class Craquelure:
    """Ranges of craquelure. Widths are for a short side of 256 px and grow with its square root."""

    role: ClassVar[Role] = "lost"
    zoom_range: Range = (0.6, 2.5)
    """How much of a tile of noise the picture sees: more is a finer net."""
    sets: tuple[int, int] = (1, 3)
    """Least and most sets of cracks that cross each other."""
    width_px_range: Range = (0.5, 1.5)
    opacity_range: Range = (0.4, 1.0)
    dark: float = 0.45

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> Painted:
        """See `Kind.draw`."""
        stencils: tuple[HairCracks, ...] = ()
        if amount > 0:
            zoom = log_between(rng, self.zoom_range) * 256 / max(short_side(shape), 16)
            windows = tuple(somewhere(rng, zoom) for _ in range(int(rng.integers(self.sets[0], self.sets[1] + 1))))
            width = log_between(rng, self.width_px_range) * fineness(shape) * min(amount, 1.5)
            stencils = (HairCracks(windows, fields(rng, 0.0, 1.0), width),)
        coat = Coat(
            near_black(rng) if rng.random() < self.dark else paper_white(rng),
            stencils=stencils,
            opacity=strongly(rng, self.opacity_range),
            patchy=between(rng, (0.0, 0.6)),
            texture=between(rng, (0.0, 0.1)),
        )
        return Painted(shape, (coat,))


KIND = Craquelure()
