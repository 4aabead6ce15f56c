"""Things that look like damage and are none: lattices, fences, bricks, stripes, in perspective, drawn into sound photographs.

What tells them from scratches is that they come back at even distances; photographs that have them by themselves are too few to learn
that from.
"""

from __future__ import annotations

import cv2
import numpy as np

from unfade.arrays import Image, Plane


def add_lattice(image: Image, rng: np.random.Generator) -> Image:
    """`image` (h, w, 3) in [0, 1] with a regular structure over a part of it; not the same array."""
    height, width = image.shape[:2]
    across, down = _perspective(height, width, rng)
    period = float(np.exp(rng.uniform(np.log(6), np.log(max(height, 24) / 2))))
    ratio, duty = float(np.exp(rng.uniform(-0.7, 0.7))), float(np.exp(rng.uniform(np.log(0.05), np.log(0.5))))
    rows = np.floor(down / (period * ratio) + 0.5)  # a row begins in the middle of a bar
    brick = rng.random() < 0.35
    bars = _bars(across + (0.5 * period * (rows % 2) if brick else 0), period, duty)
    if brick or rng.random() < 0.6:
        bars = np.maximum(bars, _bars(down, period * ratio, duty))
    where = _part(height, width, rng)
    color = rng.random() + rng.normal(0, 0.08, 3)
    shade = 1 + 0.15 * rng.standard_normal() * (across / max(width, 1) - 0.5)
    drawn = np.clip(color[None, None, :] * shade[:, :, None], 0, 1).astype(np.float32)
    opacity = (bars * where * np.float32(rng.uniform(0.4, 1.0)))[:, :, None]
    if rng.random() < 0.5:
        opacity = cv2.GaussianBlur(opacity, (0, 0), float(rng.uniform(0.4, 1.2)))[:, :, None]
    mixed: Image = image * (1 - opacity) + drawn * opacity
    return mixed


def _perspective(height: int, width: int, rng: np.random.Generator) -> tuple[Plane, Plane]:
    """Coordinates (h, w) of the lattice's own plane, in pixels where it is seen from the front."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    angle, shear = rng.uniform(0, np.pi), rng.normal(0, 0.3)
    x, y = columns - width / 2, rows - height / 2
    turned, other = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
    tilt = rng.normal(0, 0.4, 2) / max(height, width)
    depth = np.maximum(1 + tilt[0] * x + tilt[1] * y, 0.3)
    across: Plane = ((turned + shear * other) / depth + 4 * width).astype(np.float32)
    down: Plane = (other / depth + 4 * height).astype(np.float32)
    return across, down


def _bars(place: np.ndarray, period: float, duty: float) -> Plane:
    """1 on bars of `duty` of the `period`, with an edge of a pixel."""
    off = np.abs((place / period) % 1 - 0.5) * period
    bars: Plane = np.clip(duty * period / 2 - off + 0.5, 0, 1).astype(np.float32)
    return bars


def _part(height: int, width: int, rng: np.random.Generator) -> Plane:
    """Where the lattice is: everywhere, in a rectangle, or on one side of a line."""
    where = np.ones((height, width), np.float32)
    die = rng.random()
    if die < 0.35:
        top, left = int(rng.integers(height)), int(rng.integers(width))
        where[:] = 0
        where[top : top + int(rng.integers(height // 4, height)), left : left + int(rng.integers(width // 4, width))] = 1
    elif die < 0.6:
        rows, columns = np.mgrid[:height, :width]
        angle = rng.uniform(0, 2 * np.pi)
        off = (columns - width / 2) * np.cos(angle) + (rows - height / 2) * np.sin(angle)
        where = (off > rng.normal(0, height / 6)).astype(np.float32)
    return where
