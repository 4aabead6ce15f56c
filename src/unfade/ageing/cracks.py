"""Cracks of the emulsion: nets (craquelure) over a part of the picture, and cracks that branch like frost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from unfade.ageing._chance import (
    Range,
    Shape,
    anywhere,
    between,
    either,
    fineness,
    log_between,
    near_black,
    paper_white,
    several,
    short_side,
    strongly,
)
from unfade.ageing._noise import Window
from unfade.ageing._paint import Coat, Painted, Stroke
from unfade.ageing._plan import Role
from unfade.ageing.textures import Textures


@dataclass(frozen=True)
class Cracks:
    """Ranges of cracks.

    Sizes are shares of the short side. Widths are for a short side of 256 px and grow with its square root.
    """

    role: ClassVar[Role] = "lost"
    cell_range: Range = (0.05, 0.25)
    """Distance between the cracks of a net."""
    reach_range: Range = (0.25, 1.2)
    """Size of the cracked part."""
    width_px_range: Range = (0.4, 1.8)
    opacity_range: Range = (0.35, 1.0)
    branching: float = 0.5
    trees: float = 0.4
    """Chance that branching cracks fork on and on and hardly wander, as roots do."""
    dark: float = 0.2

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> Painted:
        """See `Kind.draw`."""
        strokes: tuple[Stroke, ...] = ()
        if amount > 0:
            strokes = self._branches(rng, shape, amount) if rng.random() < self.branching else self._net(rng, shape, amount)
        coat = Coat(
            near_black(rng) if rng.random() < self.dark else paper_white(rng),
            strokes,
            opacity=strongly(rng, self.opacity_range),
            texture=between(rng, (0.0, 0.1)),
            patchy=between(rng, (0.0, 0.6)),
            window=Window.draw(rng),
        )
        return Painted(shape, (coat,))

    def _net(self, rng: np.random.Generator, shape: Shape, amount: float) -> tuple[Stroke, ...]:
        short = short_side(shape)
        reach = max(log_between(rng, self.reach_range) * short, 4.0)
        cell = max(log_between(rng, self.cell_range) * short, reach / 14)
        center = anywhere(rng, shape, 1)[0]
        squeeze = between(rng, (0.5, 1.0))
        side = int(reach / cell) + 2
        grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)
        seeds = ((grid + rng.random(grid.shape) * 0.95 + 0.02) * cell).astype(np.float32)
        # The borders of the seeds' Voronoi cells: how a drying film cracks.
        plane = cv2.Subdiv2D((0, 0, int((side + 1) * cell) + 2, int((side + 1) * cell) + 2))
        plane.insert([(float(x), float(y)) for x, y in seeds])
        facets, _ = plane.getVoronoiFacetList([])
        kept = between(rng, (0.4, 0.95))
        width = log_between(rng, self.width_px_range) * fineness(shape) * min(amount, 1.5)
        middle = side * cell / 2
        starts = np.concatenate(facets)
        ends = np.concatenate([np.roll(facet, -1, axis=0) for facet in facets])
        lengths = np.hypot(*(ends - starts).T)
        off = np.hypot(*((starts + ends) / 2 - middle).T)
        number = len(starts)
        # Every border belongs to two cells: it is drawn from its left end only.
        seen = (
            (starts[:, 0] < ends[:, 0]) & (rng.random(number) < kept) & (lengths > 0.5) & (off < reach * (0.35 + 0.25 * rng.random(number)))
        )
        starts, ends, lengths = starts[seen], ends[seen], lengths[seen]
        number = len(starts)
        paths = starts[:, None] + np.linspace(0, 1, 5)[None, :, None] * (ends - starts)[:, None]
        paths[:, 1:-1] += rng.standard_normal((number, 3, 2)) * 0.05 * lengths[:, None, None]
        paths = (center + (paths - middle) * (1, squeeze)).astype(np.float32)
        widths, opacities = width * np.exp(rng.standard_normal(number) * 0.4), 0.6 + 0.4 * rng.random(number)
        return tuple(Stroke(path, float(wide), float(strong)) for path, wide, strong in zip(paths, widths, opacities, strict=True))

    def _branches(self, rng: np.random.Generator, shape: Shape, amount: float) -> tuple[Stroke, ...]:
        short = short_side(shape)
        width = log_between(rng, self.width_px_range) * fineness(shape) * 1.6
        strokes: list[Stroke] = []
        start = anywhere(rng, shape, 1)[0]
        if rng.random() < 0.5:  # from an edge inwards
            start[int(rng.integers(2))] *= 0
        trunks = several(rng, (1, 5), amount)
        waiting = [(start, rng.random() * 2 * np.pi, log_between(rng, (0.2, 0.9)) * short, width) for _ in range(max(trunks, 1))]
        forks, bend, most = between(rng, (0.5, 4.0)), 0.22, 40
        if rng.random() < self.trees:
            forks, bend, most = between(rng, (3.0, 8.0)), between(rng, (0.04, 0.15)), 160
        while waiting and len(strokes) < most:
            origin, angle, length, thick = waiting.pop(0)
            steps = int(np.clip(length / (5 * fineness(shape)), 4, 40))
            angles = angle + np.cumsum(rng.standard_normal(steps) * bend)
            path = origin + np.cumsum(np.stack([np.cos(angles), np.sin(angles)], axis=1), axis=0) * (length / steps)
            strokes.append(Stroke(path.astype(np.float32), np.linspace(thick, thick * 0.5, steps).astype(np.float32)))
            if thick > width * 0.25 and length > 0.05 * short:
                for at in rng.integers(steps // 4, steps, int(rng.poisson(forks))):
                    turned = angles[at] + either(rng) * between(rng, (0.4, 1.2))
                    waiting.append((path[at], turned, length * between(rng, (0.25, 0.6)), thick * between(rng, (0.5, 0.8))))
        return tuple(strokes)


KIND = Cracks()
