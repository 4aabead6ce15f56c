"""Creases: along a fold the emulsion has cracked and flaked, and white paper shows.

Light falls differently on either side of the fold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unfade.ageing._chance import Range, Shape, anywhere, between, either, fineness, log_between, paper_white, several, short_side, strongly
from unfade.ageing._noise import Window, thrice, wander
from unfade.ageing._paint import Coat, Painted, Stroke, specks
from unfade.ageing._plan import Effect, Role, check_shape
from unfade.ageing.textures import Textures
from unfade.arrays import Image

VISIBLE_SHADE = 0.025
"""Relative change of lightness from which shading beside a crease counts as a veil."""


@dataclass(frozen=True)
class Fold:
    """The shading of one fold: a line through `x, y` at `angle`.

    `side` and `other_side`: the relative change of lightness on each side. `reach_px`: how far it reaches.
    """

    x: float
    y: float
    angle: float
    side: float
    other_side: float
    reach_px: float


@dataclass(frozen=True, eq=False)
class CreasesPlan:
    """Folds first, then the cracked emulsion over them."""

    paint: Painted
    folds: tuple[Fold, ...]

    def apply(self, image: Image) -> Effect:
        """See `Plan.apply`."""
        check_shape(image, self.paint.shape)
        if not self.folds:
            return self.paint.apply(image)
        height, width = self.paint.shape
        shade = np.zeros(self.paint.shape, np.float32)
        for fold in self.folds:
            rows = (np.arange(height, dtype=np.float32) - np.float32(fold.y)) * np.float32(np.cos(fold.angle) / fold.reach_px)
            columns = (np.arange(width, dtype=np.float32) - np.float32(fold.x)) * np.float32(-np.sin(fold.angle) / fold.reach_px)
            away = rows[:, None] + columns[None, :]
            shade += np.where(away > 0, np.float32(fold.side), np.float32(fold.other_side)) * np.maximum(1 - np.abs(away), 0) ** 2
        veiled = np.abs(shade) > VISIBLE_SHADE
        shade *= veiled
        effect = self.paint.apply(np.clip(image * thrice(1 + shade), 0, 1, dtype=np.float32))
        return Effect(effect.image, lost=effect.lost, stained=veiled)


@dataclass(frozen=True)
class Creases:
    """Ranges of creases. Widths are for a short side of 256 px and grow with its square root."""

    role: ClassVar[Role] = "lost"
    number_range: Range = (1, 4)
    width_px_range: Range = (0.5, 3.0)
    opacity_range: Range = (0.5, 1.0)
    shade_range: Range = (0.0, 0.18)
    reach_range: Range = (0.01, 0.06)
    """How far the shading reaches, as a share of the short side."""
    corner: float = 0.35
    """Chance that a crease cuts a corner (a dog-ear) instead of crossing the picture."""

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> CreasesPlan:
        """See `Kind.draw`."""
        strokes: list[Stroke] = []
        flakes: list[np.ndarray] = []
        folds: list[Fold] = []
        short = short_side(shape)
        for _ in range(several(rng, self.number_range, amount)):
            if rng.random() < self.corner:
                corner = np.array([rng.integers(2) * shape[1], rng.integers(2) * shape[0]], float)
                reach = np.array([log_between(rng, (0.08, 0.6)), log_between(rng, (0.08, 0.6))]) * short
                inward = np.where(corner > 0, -1, 1)
                start, end = corner + inward * reach * np.array([1, 0]), corner + inward * reach * np.array([0, 1])
            else:
                middle, angle = anywhere(rng, shape, 1)[0], self._angle(rng)
                half = np.array([np.cos(angle), np.sin(angle)]) * (max(shape) if rng.random() < 0.6 else between(rng, (0.15, 0.6)) * short)
                start, end = middle - half, middle + half
            length = float(np.hypot(*(end - start)))
            if length < 1:
                continue
            direction = (end - start) / length
            across = np.array([-direction[1], direction[0]])
            points = int(np.clip(length / (4 * fineness(shape)), 6, 200))
            off = wander(rng, points, max(points // 10, 3)) * between(rng, (0.0, 0.008)) * short
            off += rng.standard_normal(points).astype(np.float32) * between(rng, (0.0, 0.7)) * fineness(shape)
            path = start + np.linspace(0, 1, points)[:, None] * (end - start) + off[:, None] * across
            base = log_between(rng, self.width_px_range) * fineness(shape)
            width = base * np.exp(0.5 * wander(rng, points, max(points // 6, 3)) + 0.25 * rng.standard_normal(points))
            strokes.append(Stroke(path.astype(np.float32), np.maximum(width, 0.3).astype(np.float32)))
            # Cracks running off, and flakes fallen from the fold.
            for at in rng.integers(0, points, several(rng, (0.5, 8), amount)):
                angle = np.arctan2(direction[1], direction[0]) + either(rng) * between(rng, (0.3, 1.5))
                run = log_between(rng, (0.01, 0.12)) * short
                bent = np.cumsum(
                    np.array([[0, 0], *[(np.cos(angle + b), np.sin(angle + b)) for b in rng.standard_normal(4) * 0.4]]) * run / 4, axis=0
                )
                strokes.append(Stroke((path[at] + bent).astype(np.float32), float(base * between(rng, (0.2, 0.6)))))
            number = several(rng, (2, 40), amount)
            at = rng.integers(0, points, number)
            centers = path[at] + (rng.standard_normal(number) * base * 1.5)[:, None] * across
            flakes.extend(specks(rng, centers, base * np.exp(rng.standard_normal(number) * 0.5) * 0.8))
            shade = between(rng, self.shade_range) * amount
            if shade > VISIBLE_SHADE:
                tilt = float(np.arctan2(direction[1], direction[0]))
                other = -shade * between(rng, (-0.3, 1.0))
                folds.append(Fold(float(start[0]), float(start[1]), tilt, shade, other, log_between(rng, self.reach_range) * short + 1))
        color = paper_white(rng)
        coat = Coat(
            color,
            tuple(strokes),
            tuple(flakes),
            opacity=strongly(rng, self.opacity_range),
            texture=between(rng, (0.02, 0.15)),
            grit=0.6,
            patchy=between(rng, (0.0, 0.6)),
            window=Window.draw(rng),
        )
        return CreasesPlan(Painted(shape, (coat,)), tuple(folds))

    def _angle(self, rng: np.random.Generator) -> float:
        # Prints are folded in half or in quarters more often than askew.
        if rng.random() < 0.5:
            return float(rng.integers(2) * np.pi / 2 + rng.standard_normal() * 0.06)
        return float(rng.random() * np.pi)


KIND = Creases()
