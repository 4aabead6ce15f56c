"""What a black-and-white print needs: whether its tone is to be lifted, its cast taken away, its range
widened.

The network's `need` was taught on photographs aged on purpose, and is wrong about real prints: it is sure of
sound ones and not of yellow ones. What tells them apart can be measured. Paper that has yellowed has a cast;
a print that has faded has a short range of lightness and no black.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade import color
from unfade.arrays import Image
from unfade.models.calibration import Prints, Range
from unfade.monochrome import Colors

# Where the print's black and white are meant to lie, as luma: its darkest and its lightest hundredth. Beyond
# these limits (L* 4.2 and 96.6) shadows and lights would close.
BLACK_LEAST, WHITE_MOST = 0.056, 0.965
# A range still short after the network's transform is widened to this, by no more than GAIN_MOST. Between the
# two ranges of lightness a part of that is done.
BLACK_FULL, WHITE_FULL = 0.06, 0.92
SHORT_RANGE: Range = (55.0, 70.0)
GAIN_MOST = 3.0


def gate(value: float, span: Range) -> float:
    """How far a gate is open: 0 below `span`, 1 above, a smoothstep between.

    >>> gate(0.7, (0.8, 0.9)), gate(0.85, (0.8, 0.9)), gate(1.0, (0.8, 0.9))
    (0.0, 0.5, 1.0)
    """
    low, high = span
    share = min(max((value - low) / (high - low), 0.0), 1.0)
    return round(share * share * (3 - 2 * share), 12)


@dataclass(frozen=True)
class Look:
    """What a thumbnail shows: L* of its darkest and of its lightest hundredth, and how its chroma behaves."""

    black: float
    white: float
    colors: Colors

    @property
    def range(self) -> float:
        """The range of lightness."""
        return self.white - self.black


def look_at(thumbnail: Image, colors: Colors) -> Look:
    """What the thumbnail of a photograph shows."""
    black, white = np.percentile(color.lightness_from_srgb(thumbnail), (1, 99))
    return Look(float(black), float(white), colors)


def print_need(look: Look, need: float, prints: Prints) -> float:
    """How far the tone of a black-and-white photograph is to be lifted, in [0, 1]; `need` is the
    network's."""
    sure = gate(need, prints.sure)
    faded = (1 - gate(look.range, prints.short)) * max(gate(look.black, prints.faded_black), sure)
    cast = look.colors.cast
    toned = gate(cast, prints.cast) * max(gate(look.black, prints.toned_black), sure) * (1 - gate(cast, prints.no_cast))
    if look.range < prints.plain:  # asphalt, a wall: hardly any range to tell fading by
        return min(max(faded, toned), gate(need, prints.plain_need))
    return max(faded, toned)


@dataclass(frozen=True)
class Levels:
    """Gray instead of a cast, by the share `neutral`; then `gain` and `offset` for all three channels."""

    neutral: float
    gain: float
    offset: float

    def matrix(self) -> np.ndarray:
        """The same as a matrix (3, 4) on red, green, blue and 1."""
        gray = np.repeat(np.array([color.REC_601]), 3, axis=0)
        mixed = (1 - self.neutral) * np.eye(3) + self.neutral * gray
        return np.concatenate([self.gain * mixed, np.full((3, 1), self.offset)], axis=1).astype(np.float32)


def find_levels(lifted: Image, share: float, *, plain: bool) -> Levels:
    """The levels of a print, from its thumbnail as the network's transform leaves it.

    `share`: how far to go. `plain`: there is hardly any range, which is not widened.
    """
    gray = color.luma(lifted)
    black, white = (float(level) for level in np.percentile(gray, (1, 99)))
    dark, light = color.lightness_from_srgb(np.array([[[black] * 3, [white] * 3]], np.float32).clip(0, 1))[0]
    wider = 0.0 if plain else share * (1 - gate(float(light - dark), SHORT_RANGE))
    to_black = max(black + wider * (min(black, BLACK_FULL) - black), BLACK_LEAST if black < BLACK_LEAST else 0.0)
    to_white = min(white + wider * (max(white, WHITE_FULL) - white), max(WHITE_MOST, min(white, WHITE_MOST)))
    gain = min((to_white - to_black) / max(white - black, 1e-3), GAIN_MOST)
    offset = (to_black + to_white) / 2 - gain * (black + white) / 2
    return Levels(share, 1 + share * (gain - 1), share * offset)
