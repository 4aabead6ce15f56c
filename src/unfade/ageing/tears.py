"""Tears: missing corners, torn borders, rips from the edge inwards.

White fibres of the paper show along them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unfade.ageing._chance import Color, Range, Shape, backing, between, log_between, paper_white, several, short_side
from unfade.ageing._noise import Window, wander
from unfade.ageing._paint import Coat, Painted, Stencil
from unfade.ageing._plan import Role
from unfade.ageing.textures import Textures


@dataclass(frozen=True)
class Tears:
    """Ranges of tears, as shares of the short side."""

    role: ClassVar[Role] = "lost"
    number_range: Range = (1, 3)
    corner_range: Range = (0.08, 0.8)
    border_range: Range = (0.01, 0.09)
    rip_length_range: Range = (0.1, 0.7)
    rip_width_range: Range = (0.004, 0.05)
    fibre_range: Range = (0.002, 0.03)
    """Width of the white fibres along a tear."""
    lobed: float = 0.3
    """Chance that a torn edge goes in and out in lobes, as paper does that is torn by hand."""
    worn: float = 0.4
    """Chance that an edge is cut or worn smooth: it wanders in long waves and shows no fibres."""

    def draw(self, rng: np.random.Generator, shape: Shape, textures: Textures | None = None, *, amount: float = 1.0) -> Painted:
        """See `Kind.draw`."""
        coats: list[Coat] = []
        behind = self._behind(rng)
        for _ in range(several(rng, self.number_range, amount)):
            die, worn = rng.random(), rng.random() < self.worn
            corner, border = die < 0.4, 0.4 <= die < 0.62
            if corner:
                outlines = self._corner(rng, shape, worn)
            elif border:
                outlines = self._border(rng, shape, worn)
            else:
                outlines = self._rip(rng, shape, worn)
            stencil: Stencil | None = None
            if textures is not None and textures.corners and textures.borders and rng.random() < 0.3 and (corner or border):
                stencil = self._scanned(rng, shape, textures, corner=corner)
            window = Window.draw(rng)
            if not (stencil or worn):
                coats.append(
                    Coat(
                        paper_white(rng),
                        blobs=(outlines[0],),
                        texture=between(rng, (0.03, 0.15)),
                        grit=float(rng.choice((0.0, 0.6))),
                        window=window,
                    )
                )
            gone = Coat(
                behind,
                blobs=() if stencil else (outlines[1],),
                stencils=(stencil,) if stencil else (),
                texture=between(rng, (0.0, 0.06)),
                grit=0.0 if rng.random() < 0.7 else 1.0,
                window=window,
            )
            coats.append(gone)
        return Painted(shape, tuple(coats))

    def _behind(self, rng: np.random.Generator) -> Color:
        """What the scanner saw behind the print."""
        die = rng.random()
        if die < 0.4:
            return paper_white(rng)
        if die < 0.7:
            return (rng.random() * 0.08,) * 3
        return backing(rng)

    def _fibre(self, rng: np.random.Generator, shape: Shape, points: int) -> np.ndarray:
        """The fibres' width in px along a tear of so many points."""
        return log_between(rng, self.fibre_range) * short_side(shape) * np.exp(0.6 * wander(rng, points, max(points // 5, 3)))

    def _rough(self, rng: np.random.Generator, shape: Shape, points: int, worn: bool) -> np.ndarray:
        """How far a torn edge strays from the straight line, in px."""
        size = short_side(shape)
        if worn:
            return np.asarray(between(rng, (0.0, 0.04)) * size * wander(rng, points, int(rng.integers(3, 7))))
        coarse = between(rng, (0.0, 0.03)) * size * wander(rng, points, 5)
        if rng.random() < self.lobed:
            coarse = between(rng, (0.03, 0.1)) * size * wander(rng, points, int(rng.integers(5, 12)))
        middle = between(rng, (0.0, 0.008)) * size * wander(rng, points, max(points // 5, 3))
        return np.asarray(coarse + middle + between(rng, (0.0, 0.003)) * size * rng.standard_normal(points))

    def _corner(self, rng: np.random.Generator, shape: Shape, worn: bool) -> tuple[np.ndarray, np.ndarray]:
        height, width = shape
        short = short_side(shape)
        reach_x, reach_y = log_between(rng, self.corner_range) * short, log_between(rng, self.corner_range) * short
        points = int(np.clip((reach_x + reach_y) / 3, 8, 200))
        along = np.linspace(-0.1, 1.1, points)
        direction = np.array([-reach_y, -reach_x]) / max(np.hypot(reach_x, reach_y), 1e-6)  # towards the corner
        edge = np.stack([reach_x * (1 - along), reach_y * along], axis=1) + self._rough(rng, shape, points, worn)[:, None] * direction
        fringe = edge - self._fibre(rng, shape, points)[:, None] * direction
        far = np.array([[-1.0, 2 * reach_y], [-short, -short], [2 * reach_x, -1.0]])
        flip_x, flip_y = rng.random(2) < 0.5
        outlines = []
        for line in (fringe, edge):
            outline = np.concatenate([line, far])
            outline[:, 0] = width - 1 - outline[:, 0] if flip_x else outline[:, 0]
            outline[:, 1] = height - 1 - outline[:, 1] if flip_y else outline[:, 1]
            outlines.append(outline.astype(np.float32))
        return outlines[0], outlines[1]

    def _border(self, rng: np.random.Generator, shape: Shape, worn: bool) -> tuple[np.ndarray, np.ndarray]:
        side = int(rng.integers(4))
        length, depth = (shape[1], shape[0]) if side < 2 else shape
        points = int(np.clip(length / 3, 8, 400))
        along = np.linspace(-1, length, points)
        edge = log_between(rng, self.border_range) * short_side(shape) + self._rough(rng, shape, points, worn)
        if rng.random() < 0.4:  # along a part of the side only
            start, stop = np.sort(rng.random(2)) * length
            edge = edge * np.clip(np.minimum(along - start, stop - along) / (0.1 * length + 1), -1, 1) - 1
        fringe = edge + self._fibre(rng, shape, points) * (edge > 0)
        outlines = []
        for line in (fringe, edge):
            outline = np.concatenate([np.stack([along, line], axis=1), [[length, -depth], [-1, -depth]]])
            outline[:, 1] = outline[:, 1] if side % 2 == 0 else depth - 1 - outline[:, 1]
            outlines.append((outline if side < 2 else outline[:, ::-1]).astype(np.float32))
        return outlines[0], outlines[1]

    def _rip(self, rng: np.random.Generator, shape: Shape, worn: bool) -> tuple[np.ndarray, np.ndarray]:
        short = short_side(shape)
        side = int(rng.integers(4))
        length = log_between(rng, self.rip_length_range) * short
        points = int(np.clip(length / 3, 8, 200))
        inwards = np.pi / 2 * side + rng.standard_normal() * 0.5
        start = np.array([[0, 0.5], [0.5, 0], [1, 0.5], [0.5, 1]][side]) * (shape[1], shape[0])
        start[1 - side % 2] = rng.random() * (shape[0], shape[1])[side % 2]
        direction, across = np.array([np.cos(inwards), np.sin(inwards)]), np.array([-np.sin(inwards), np.cos(inwards)])
        middle = (
            start + np.linspace(-0.05, 1, points)[:, None] * length * direction + self._rough(rng, shape, points, worn)[:, None] * across
        )
        half = np.linspace(1, 0, points) * log_between(rng, self.rip_width_range) * short / 2
        swelling, ragged = between(rng, (0.0, 0.5)), between(rng, (0.0, 0.3))  # from a clean cut to a tear in coarse paper
        jitter = np.exp(swelling * np.stack([wander(rng, points, max(points // 8, 3)) for _ in range(2)]))
        jitter *= np.exp(ragged * rng.standard_normal((2, points)))
        fibre = self._fibre(rng, shape, points) * np.linspace(1, 0.3, points)
        one_side = rng.random() < 0.6  # the fibres show on one side of the rip
        outlines = []
        for extra in (fibre, np.zeros(points)):
            upper, lower = half * jitter[0] + extra, half * jitter[1] + (0 if one_side else extra)
            outlines.append(np.concatenate([middle + upper[:, None] * across, (middle - lower[:, None] * across)[::-1]]).astype(np.float32))
        return outlines[0], outlines[1]

    def _scanned(self, rng: np.random.Generator, shape: Shape, textures: Textures, *, corner: bool) -> Stencil:
        height, width = shape
        if corner:
            gone = textures.corners[int(rng.integers(len(textures.corners)))]
            share = log_between(rng, self.corner_range) * short_side(shape) / max(gone.shape)
            size = max(1, round(gone.shape[1] * share)), max(1, round(gone.shape[0] * share))
            flip_x, flip_y = rng.random(2) < 0.5
            gone = gone[:: -1 if flip_y else 1, :: -1 if flip_x else 1]
            return Stencil(np.ascontiguousarray(gone), width - size[0] if flip_x else 0, height - size[1] if flip_y else 0, *size)
        gone = textures.borders[int(rng.integers(len(textures.borders)))]
        depth = max(1, round(log_between(rng, self.border_range) * 2 * short_side(shape)))
        side = int(rng.integers(4))
        turned = np.ascontiguousarray(np.rot90(gone, side))
        if side % 2 == 0:
            return Stencil(turned, 0, 0 if side == 0 else height - depth, width, depth)
        return Stencil(turned, 0 if side == 1 else width - depth, 0, depth, height)


KIND = Tears()
