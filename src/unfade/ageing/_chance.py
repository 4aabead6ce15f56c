"""Drawing numbers from documented ranges: the words in which every kind of damage says what it may be."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

Range: TypeAlias = tuple[float, float]
"""Smallest and largest value, both possible."""

Shape: TypeAlias = tuple[int, int]
"""(height, width) in pixels."""

Color: TypeAlias = tuple[float, float, float]
"""sRGB-encoded red, green, blue in [0, 1]."""


def between(rng: np.random.Generator, limits: Range) -> float:
    """One number, evenly from the range."""
    return limits[0] + (limits[1] - limits[0]) * rng.random()


def log_between(rng: np.random.Generator, limits: Range) -> float:
    """One positive number, evenly in its logarithm: each octave is as likely as any other."""
    return float(limits[0] * (limits[1] / limits[0]) ** rng.random())


def strongly(rng: np.random.Generator, limits: Range) -> float:
    """One number from the range, more often near its upper end.

    Most damage is opaque; some is faint.
    """
    return float(limits[1] - (limits[1] - limits[0]) * rng.random() ** 3)


def several(rng: np.random.Generator, limits: Range, amount: float, share: float = 1.0) -> int:
    """A whole number from the range, times `amount`, times `share`; the fraction is rounded by chance."""
    return int(log_between(rng, (max(limits[0], 0.5), max(limits[1], 0.5))) * amount * share + rng.random())


def short_side(shape: Shape) -> int:
    """The shorter side in pixels."""
    return min(shape)


def fineness(shape: Shape) -> float:
    """By how much a width given for a short side of 256 px grows: with the square root of the size.

    A larger scan shows the same scratch wider and shows finer scratches besides; growing by the size itself
    would leave no hair-thin damage in large pictures, not growing would leave nothing else.
    """
    return float(max(short_side(shape) / 256, 0.1) ** 0.5)


def anywhere(rng: np.random.Generator, shape: Shape, number: int) -> np.ndarray:
    """(number, 2) float32 points x, y, evenly over the picture."""
    return (rng.random((number, 2)) * (shape[1], shape[0])).astype(np.float32)


def either(rng: np.random.Generator) -> int:
    """-1 or 1."""
    return -1 if rng.random() < 0.5 else 1


def paper_white(rng: np.random.Generator) -> Color:
    """The white of old paper: bright, between neutral and cream."""
    light, warmth = between(rng, (0.78, 1.0)), rng.random() ** 2 * 0.16
    return (light, light * (1 - warmth * 0.4), light * (1 - warmth))


def near_black(rng: np.random.Generator) -> Color:
    """Dirt: nearly black, a little warm."""
    dark, warmth = rng.random() ** 1.5 * 0.22, rng.random() * 0.5
    return (dark, dark * (1 - warmth * 0.4), dark * (1 - warmth))


def backing(rng: np.random.Generator) -> Color:
    """What shows where emulsion or paper is gone: mostly white paper, else gray, yellow, brown or black."""
    die = rng.random()
    if die < 0.45:
        return paper_white(rng)
    if die < 0.65:
        gray = between(rng, (0.35, 0.8))
        return (gray, gray * between(rng, (0.97, 1.0)), gray * between(rng, (0.9, 1.0)))
    if die < 0.8:
        light = between(rng, (0.6, 0.92))
        return (light, light * between(rng, (0.86, 0.97)), light * between(rng, (0.55, 0.85)))
    if die < 0.9:
        light = between(rng, (0.25, 0.55))
        return (light, light * between(rng, (0.65, 0.85)), light * between(rng, (0.35, 0.65)))
    return near_black(rng)
