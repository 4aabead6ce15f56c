"""Noise that is made once in a process, and of which each plan sees another window.

Drawing fractals anew for each picture would cost more than everything else together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from unfade.ageing._chance import Shape
from unfade.arrays import Image, Plane

TILE_PX = 1024


@lru_cache(maxsize=16)
def cloud_tile(steepness: float) -> Plane:
    """Noise whose amplitude falls as 1 / frequency ** steepness.

    The tile is (1024, 1024), of mean 0 and deviation 1; its edges meet.

    0 is white noise, about 1 ragged like flaking paint, 2 smooth like a cloud.
    """
    rng = np.random.default_rng(7)
    spectrum = np.fft.rfft2(rng.standard_normal((TILE_PX, TILE_PX)))
    frequency = np.hypot(np.fft.fftfreq(TILE_PX)[:, None], np.fft.rfftfreq(TILE_PX)[None, :]) * TILE_PX
    spectrum *= np.maximum(frequency, 3.0) ** -steepness
    spectrum[0, 0] = 0
    return _standard(np.fft.irfft2(spectrum, s=(TILE_PX, TILE_PX)))


@lru_cache(maxsize=16)
def grain_tile(radius_px: float) -> Plane:
    """White noise blurred by a Gaussian of `radius_px`.

    The tile is (1024, 1024), of mean 0 and deviation 1; its edges meet.
    """
    noise = np.random.default_rng(11).standard_normal((TILE_PX, TILE_PX)).astype(np.float32)
    if radius_px > 0:
        edge = int(np.ceil(radius_px * 4)) + 1
        return _standard(cv2.GaussianBlur(np.pad(noise, edge, mode="wrap"), (0, 0), radius_px)[edge:-edge, edge:-edge])
    return _standard(noise)


def _standard(noise: np.ndarray) -> Plane:
    tile: Plane = ((noise - noise.mean()) / noise.std()).astype(np.float32)
    tile.flags.writeable = False
    return tile


@dataclass(frozen=True)
class Window:
    """Where a plan looks at a tile.

    `x` and `y`: the corner, in tile pixels. `zoom`: tile pixels per picture pixel. The view may be mirrored,
    and turned by quarters.
    """

    x: int
    y: int
    zoom: float = 1.0
    mirrored: bool = False
    turned: bool = False

    @staticmethod
    def draw(rng: np.random.Generator, zoom: float = 1.0) -> Window:
        """Anywhere on the tile, either way round."""
        bits = int(rng.integers(0, TILE_PX * TILE_PX * 4))
        return Window(bits % TILE_PX, (bits >> 10) % TILE_PX, zoom, bool(bits >> 20 & 1), bool(bits >> 21 & 1))

    def at(self, tile: Plane, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """The tile's values at single pixels of the picture: for damage that covers few of them."""
        if self.turned:
            rows, columns = columns, rows
        columns = -columns if self.mirrored else columns
        if self.zoom != 1.0:
            rows, columns = np.asarray(rows * np.float32(self.zoom)), np.asarray(columns * np.float32(self.zoom))
            rows, columns = rows.astype(np.int64), np.floor(columns).astype(np.int64)
        return np.asarray(tile[(rows + self.y) % TILE_PX, (columns + self.x) % TILE_PX])

    def over(self, tile: Plane, shape: Shape) -> Plane:
        """The tile over a whole picture, (h, w)."""
        height, width = (shape[1], shape[0]) if self.turned else shape
        if self.zoom == 1.0:
            if self.y + height <= TILE_PX and self.x + width <= TILE_PX:
                seen = tile[self.y : self.y + height, self.x : self.x + width]
            else:
                seen = tile[np.ix_((np.arange(height) + self.y) % TILE_PX, (np.arange(width) + self.x) % TILE_PX)]
        else:
            matrix = np.array([[self.zoom, 0, self.x], [0, self.zoom, self.y]], np.float32)
            # cv2 rounds source positions to 1/32 px in 16 bits: the picture must not lie beyond 32767 tile
            # pixels, and does not.
            seen = cv2.warpAffine(tile, matrix, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_WRAP)
        seen = seen.T if self.turned else seen
        return np.ascontiguousarray(seen[:, ::-1] if self.mirrored else seen)


def thrice(plane: Plane) -> Image:
    """A plane repeated for all three channels, (h, w, 3).

    What follows is faster on it than with numpy's broadcasting along so short an axis.
    """
    return np.asarray(cv2.cvtColor(plane, cv2.COLOR_GRAY2RGB))


def field(grid: np.ndarray, shape: Shape) -> Plane:
    """A small grid of numbers spread smoothly (cubic) over a picture, (h, w)."""
    return np.asarray(cv2.resize(grid.astype(np.float32), (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), np.float32)


def wander(rng: np.random.Generator, number: int, knots: int) -> np.ndarray:
    """(number,) float32 smooth noise of deviation about 1 along a line, with `knots` independent values."""
    return np.interp(np.linspace(0, knots - 1, number), np.arange(knots), rng.standard_normal(knots)).astype(np.float32)
