"""Streaks: many short scratches side by side, with flecks between them, where a print was rubbed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unfade.ageing._chance import Range, Shape, between, fineness, log_between, near_black, paper_white, strongly
from unfade.ageing._fields import Streaks as Scratched
from unfade.ageing._fields import fields, somewhere
from unfade.ageing._paint import Coat, Painted
from unfade.ageing._plan import Role
from unfade.ageing.textures import Textures


@dataclass(frozen=True)
class Streaks:
    """Ranges of streaks. Sizes are for a short side of 256 px and grow with its square root."""

    role: ClassVar[Role] = "lost"
    length_px_range: Range = (5, 70)
    width_px_range: Range = (1.0, 2.2)
    level_range: Range = (2.0, 3.0)
    """Level that the noise (deviation 1) must pass: smaller is denser."""
    opacity_range: Range = (0.45, 1.0)
    crossed: float = 0.3
    """Chance of a second set of scratches, at another angle."""
    flecked: float = 0.4
    """Chance of flecks as well."""
    dark: float = 0.25

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> Painted:
        """See `Kind.draw`."""
        stencils: list[Scratched] = []
        if amount > 0:
            grid = fields(rng, -1.5, 1.2)
            level = between(rng, self.level_range) - 0.4 * float(np.log(min(max(amount, 0.3), 2.0)))
            angles = [rng.random() * np.pi]
            angles += [angles[0] + between(rng, (0.3, 1.2))] if rng.random() < self.crossed else []
            wide = log_between(rng, self.width_px_range) * fineness(shape)
            long = log_between(rng, self.length_px_range) * fineness(shape)
            stencils = [Scratched(somewhere(rng, 1.0), grid, level, angle, long, wide) for angle in angles]
            if rng.random() < self.flecked:
                stencils.append(Scratched(somewhere(rng, 1.0), grid, level + 0.3, 0.0, wide * 1.2, wide * 1.2))
        coat = Coat(
            near_black(rng) if rng.random() < self.dark else paper_white(rng),
            stencils=tuple(stencils),
            opacity=strongly(rng, self.opacity_range),
            texture=between(rng, (0.0, 0.15)),
            grit=0.6,
        )
        return Painted(shape, (coat,))


KIND = Streaks()
