"""Things that look like damage and are none.

Lattices, fences, bricks and stripes in perspective; ground that is cracked itself; ropes and poles; clouds
and plain backdrops; the flat blacks and whites of a hard print, which look like torn-off parts.

What tells a lattice from scratches is that it comes back at even distances, and a crack in concrete from one
in the print that it is dark and ragged and that nothing else is in the picture; photographs that have them by
themselves are too few to learn that from.
"""

from __future__ import annotations

import cv2
import numpy as np

from unfade import color
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
    paint = rng.random() + rng.normal(0, 0.08, 3)
    shade = 1 + 0.15 * rng.standard_normal() * (across / max(width, 1) - 0.5)
    drawn = np.clip(paint[None, None, :] * shade[:, :, None], 0, 1).astype(np.float32)
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


def cracked_ground(image: Image, rng: np.random.Generator) -> Image:
    """Asphalt, concrete or plaster with dark, ragged cracks, as large as `image` and in one of its colors.

    A new array.
    """
    height, width = image.shape[:2]
    tint = image[int(rng.integers(height)), int(rng.integers(width))]
    tint = np.clip(tint.mean() + (tint - tint.mean()) * rng.uniform(0, 0.6), 0.15, 0.85)
    tone = np.ones((height, width), np.float32)
    for grain_px, amount in (
        (1.0, rng.uniform(0.0, 0.12)),
        (rng.uniform(1.5, 6.0), rng.uniform(0.0, 0.2)),
        (rng.uniform(10, 40), rng.uniform(0.0, 0.15)),
        (max(height, width) / 2, rng.uniform(0.0, 0.25)),
    ):
        tone += _smooth_noise(height, width, grain_px, rng) * np.float32(amount)
    stained = _smooth_noise(height, width, rng.uniform(4, 20), rng) > rng.uniform(1.8, 3.5)
    tone *= 1 - cv2.GaussianBlur(stained.astype(np.float32), (0, 0), 1.0) * np.float32(rng.uniform(0.0, 0.5))
    dark = _cracks(height, width, rng) * np.float32(rng.uniform(0.3, 0.95))
    ground = (tone * (1 - dark))[:, :, None] * tint.astype(np.float32)
    if rng.random() < 0.7:
        ground = cv2.GaussianBlur(ground, (0, 0), float(rng.uniform(0.3, 1.2)))
    clipped: Image = np.clip(ground, 0, 1)
    return clipped


def hard_print(image: Image, rng: np.random.Generator) -> Image:
    """`image` (h, w, 3) in [0, 1] on hard paper: shadows closed, lights burned out, an edge at every outline.

    A new array.
    """
    pivot, slope = rng.uniform(0.15, 0.85), float(np.exp(rng.uniform(np.log(1.5), np.log(6))))
    darkest, brightest = rng.uniform(0.0, 0.2), rng.uniform(0.7, 1.0)
    hard: Image = darkest + (brightest - darkest) / (1 + np.exp(np.float32(-4 * slope) * (image - np.float32(pivot))))
    return hard.astype(np.float32)


def _smooth_noise(height: int, width: int, grain_px: float, rng: np.random.Generator) -> Plane:
    """Noise of mean 0 and deviation about 1 with grains of about `grain_px`."""
    rows, columns = (max(2, round(side / grain_px) + 1) for side in (height, width))
    coarse = rng.standard_normal((rows, columns)).astype(np.float32)
    smooth: Plane = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return smooth


def _cracks(height: int, width: int, rng: np.random.Generator) -> Plane:
    """How far each pixel lies in a crack, 0 to 1.

    Some cracks wander from an edge across; others leave them on the way.
    """
    size = max(height, width)
    drawn = np.zeros((height, width), np.float32)
    widest = float(np.exp(rng.uniform(np.log(0.7), np.log(max(1.5, size / 50)))))
    roughness = rng.uniform(0.3, 0.9)
    starts: list[np.ndarray] = []
    for number in range(1 + int(rng.poisson(2.0))):
        if number and rng.random() < 0.7:
            start = starts[int(rng.integers(len(starts)))]
            thickness = widest * rng.uniform(0.3, 0.8)
        else:
            start = rng.random(2) * (width, height)
            start[int(rng.integers(2))] = 0
            thickness = widest * rng.uniform(0.5, 1.0)
        towards = rng.random(2) * (width, height) - start
        reach = float(np.linalg.norm(towards)) * rng.uniform(0.5, 1.5)
        path = start + _wandering(reach, float(np.arctan2(towards[1], towards[0])), roughness, rng)
        starts += list(path[:: max(1, len(path) // 6)])
        steps = len(path) - 1
        widths = thickness * np.exp(0.5 * _smooth_noise(1, steps, 6, rng)[0]) * np.linspace(1, 0.4, steps)
        fixed = np.round(path * 16).astype(np.int32)
        for index, line_px in enumerate(widths):
            # A line thinner than a pixel is a paler line of one pixel.
            depth = float(min(line_px, 1.0))
            cv2.line(drawn, fixed[index].tolist(), fixed[index + 1].tolist(), depth, max(1, round(line_px)), cv2.LINE_8, 4)
    return drawn


def _wandering(reach: float, angle: float, roughness: float, rng: np.random.Generator) -> np.ndarray:
    """Points (n, 2) of a ragged path of about `reach` pixels from the origin, in steps of about 3 pixels."""
    steps = max(2, int(reach / 3))
    turns = angle + 0.15 * np.cumsum(rng.standard_normal(steps)) * roughness + roughness * rng.standard_normal(steps)
    return np.concatenate([np.zeros((1, 2)), np.cumsum(3 * np.stack([np.cos(turns), np.sin(turns)], axis=1), axis=0)])


def add_bars(image: Image, rng: np.random.Generator) -> Image:
    """`image` (h, w, 3) in [0, 1] with ropes, poles or canes across it, lit from a side; not the same array.

    What tells a pole from a scratch is its roundness: one side is lit, the other in the shade.
    """
    height, width = image.shape[:2]
    drawn = np.array(image, np.float32, order="C")
    for _ in range(int(rng.integers(1, 5))):
        start = rng.random(2) * (width, height)
        angle = rng.uniform(0, np.pi) if rng.random() < 0.5 else np.pi / 2 + rng.normal(0, 0.12)
        along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
        reach = rng.uniform(0.25, 1.3) * height
        place = np.linspace(0, 1, 40)[:, None]
        bend = rng.normal(0, 0.06) * reach if rng.random() < 0.5 else 0.0
        path = start + reach * along * place + 4 * bend * across * place * (1 - place)
        thick = float(np.exp(rng.uniform(np.log(1.5), np.log(14))))
        tone = float(color.luma(image[int(rng.integers(height)), int(rng.integers(width))][None, None])[0, 0])
        shade = rng.uniform(0.05, 0.3) * (1 if rng.random() < 0.5 else -1) * (rng.random() < 0.7)
        for off in np.linspace(-0.5, 0.5, max(2, int(2 * thick))):
            light = float(np.clip(tone + shade * (np.cos(np.pi * (off + 0.2)) - 0.6 * (abs(off) > 0.3)), 0, 1))
            fixed = np.round((path + across * off * thick) * 16).astype(np.int32)
            cv2.polylines(drawn, [fixed], False, (light, light, light), 1, cv2.LINE_AA, 4)
        if rng.random() < 0.3:
            _twist(drawn, start, along * reach, across * thick, float(np.clip(tone - abs(shade) - 0.1, 0, 1)))
    return drawn


def _twist(drawn: Image, start: np.ndarray, along: np.ndarray, across: np.ndarray, light: float) -> None:
    """The strands of a rope: short dark strokes aslant, in place."""
    reach, thick = float(np.linalg.norm(along)), float(np.linalg.norm(across))
    for at in np.arange(0, reach, max(3.0, 1.6 * thick)):
        middle = start + along * at / max(reach, 1e-6)
        half = 0.5 * across + 0.6 * thick * along / max(reach, 1e-6)
        ends = np.round(np.stack([middle - half, middle + half]) * 16).astype(np.int32)
        cv2.polylines(drawn, [ends], False, (light, light, light), 1, cv2.LINE_AA, 4)


def add_sky(image: Image, rng: np.random.Generator) -> Image:
    """`image` (h, w, 3) in [0, 1] with clouds, or a plain backdrop above a soft edge; not the same array.

    What tells a cloud from a loss is its soft edge: no paper, no shadow, no fibre.
    """
    height, width = image.shape[:2]
    mixed = np.array(image, np.float32, order="C")
    upper = np.ones((height, width), np.float32)
    if rng.random() < 0.4:
        backdrop = np.linspace(rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.9), height, dtype=np.float32)[:, None, None]
        end = rng.uniform(0.3, 0.9) * height
        upper *= np.clip((end - np.arange(height, dtype=np.float32)) / rng.uniform(1, 6), 0, 1)[:, None]
        mixed += (backdrop - mixed) * upper[:, :, None]
    billows = sum(_smooth_noise(height, width, rng.uniform(low, 2 * low), rng) * low for low in (6, 16, 40, 100)) / 60
    likely = 1 / (1 + np.exp(-rng.uniform(1, 5) * billows + rng.uniform(-1, 2)))
    cloud = cv2.GaussianBlur(likely.astype(np.float32), (0, 0), rng.uniform(1.0, 5.0)) * upper
    white = rng.uniform(0.75, 1.0) if rng.random() < 0.6 else rng.uniform(0.1, 1.0)
    mixed += (np.float32(white) - mixed) * np.float32(0.9) * cloud[:, :, None]
    clipped: Image = np.clip(mixed, 0, 1)
    return clipped
