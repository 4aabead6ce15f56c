"""Coverage told by noise over a part of the picture: scratches side by side, nets of hair cracks, worn edges.

Each of these is a stencil of `_paint.Coat`. Where it lies is told by a smooth `grid`, added to the noise or
multiplied with it, so that fine damage comes in fields.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from unfade.ageing._chance import Shape
from unfade.ageing._noise import TILE_PX, Window, cloud_tile, grain_tile
from unfade.ageing._paint import Flakes
from unfade.arrays import Plane


def place(grid: np.ndarray, shape: Shape) -> Plane:
    """A small grid of numbers spread over the picture, (h, w)."""
    return np.asarray(cv2.resize(grid.astype(np.float32), (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR))


def _laid(soft: np.ndarray, coverage: np.ndarray) -> None:
    """`soft` in [0, 1] onto a plane of coverage, uint8; the stronger of the two stays."""
    np.maximum(coverage, np.rint(np.clip(soft, 0, 1) * 255).astype(np.uint8), out=coverage)


@dataclass(frozen=True, eq=False)
class Streaks:
    """Short scratches side by side, all about one way.

    White noise is drawn out to `length_px` along `angle` and `width_px` across; a streak is where it and the
    `grid` together exceed `level` (of deviation 1).
    """

    window: Window
    grid: np.ndarray
    level: float
    angle: float
    length_px: float
    width_px: float

    def draw(self, coverage: np.ndarray) -> None:
        """Onto a plane of coverage, uint8; the stronger of the two stays."""
        shape: Shape = (coverage.shape[0], coverage.shape[1])
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        along, across = 1.5 / max(self.length_px, 1.5), 1.5 / max(self.width_px, 1.0)
        matrix = np.array([[cosine * along, sine * along, self.window.x], [-sine * across, cosine * across, self.window.y]], np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        noise = cv2.warpAffine(grain_tile(0.7), matrix, (shape[1], shape[0]), flags=flags, borderMode=cv2.BORDER_WRAP)
        _laid((noise + place(self.grid, shape) - np.float32(self.level)) * 3, coverage)


@dataclass(frozen=True, eq=False)
class HairCracks:
    """A net of hair-thin cracks: the lines on which smooth noise is 0, as a dried film breaks.

    `grid` in [0, 1] is how far the net reaches; below a half its lines break off.
    """

    windows: tuple[Window, ...]
    grid: np.ndarray
    width_px: float

    def draw(self, coverage: np.ndarray) -> None:
        """Onto a plane of coverage, uint8; the stronger of the two stays."""
        shape: Shape = (coverage.shape[0], coverage.shape[1])
        reach = place(self.grid, shape)
        for window in self.windows:
            noise = window.over(cloud_tile(1.6), shape)
            slope = np.hypot(cv2.Sobel(noise, -1, 1, 0), cv2.Sobel(noise, -1, 0, 1)) / 8
            off = np.abs(noise) / np.maximum(slope, 1e-3)  # pixels from the line where the noise is 0
            _laid((np.float32(self.width_px / 2 + 0.5) - off) * np.minimum(reach * 2, 1) * (reach > 0.25), coverage)


@dataclass(frozen=True, eq=False)
class Rim:
    """The edge of flaked emulsion: what `flakes` covers, moved by `shift` (x, y) pixels, less the flakes."""

    flakes: Flakes
    shift: tuple[int, int]
    opacity: float

    def draw(self, coverage: np.ndarray) -> None:
        """Onto a plane of coverage, uint8; the stronger of the two stays."""
        within = np.zeros_like(coverage)
        self.flakes.draw(within)
        matrix = np.array([[1, 0, self.shift[0]], [0, 1, self.shift[1]]], np.float32)
        moved = cv2.warpAffine(within, matrix, (within.shape[1], within.shape[0]))
        rim = cv2.subtract(moved, within)
        np.maximum(coverage, cv2.convertScaleAbs(rim, alpha=self.opacity), out=coverage)


def fields(rng: np.random.Generator, low: float, high: float, *, cells: int | None = None) -> np.ndarray:
    """A grid of numbers between `low` and `high`, with at least one place where it is worst."""
    side = int(rng.integers(2, 6)) if cells is None else cells
    grid = (low + (high - low) * rng.random((side, side)) ** 1.5).astype(np.float32)
    grid[int(rng.integers(side)), int(rng.integers(side))] = high
    return grid


def somewhere(rng: np.random.Generator, zoom: float) -> Window:
    """A window of a tile, not turned."""
    corner = rng.integers(0, TILE_PX, 2)
    return Window(int(corner[0]), int(corner[1]), zoom)
