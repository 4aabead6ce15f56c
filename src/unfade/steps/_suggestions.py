"""Other meanings: a coat that may be red, blue or brown, a wall that may be warm or cool.

The network gives a distribution over colors for every place. Suggestion 0 is its annealed mean. For any
other, the photograph is divided into a few regions, each of one lightness and one distribution. Each region
is given another color that its distribution holds: likely, and far from those of the suggestions before. A
place takes the color as far as it finds it likely itself, so that what the network is sure of, skin and
grass, stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.arrays import Chroma, Plane
from unfade.steps._clusters import clustered, squares
from unfade.steps._evening import evened

# Numbers without another reason were chosen by eye on 14 real old photographs.
SHARPENED = 0.5  # the temperature at which colors are compared: between the card's usual and its most vivid
REGIONS = 8
LIGHTNESS_UNIT, CHROMA_UNIT, HUES_UNIT, PLACE_UNIT = 20.0, 12.0, 1 / 6, 0.83  # what counts as one step between regions
SECTORS = 12  # hues that a region's other colors are looked for at
SECTOR_REACH = 45.0  # degrees to either side
LEAST_CHROMA = 8.0  # below it a color has no hue
NEAR = 22.0  # a*b* colors so close are one to a viewer: the standard deviation of a Gaussian
APART = 30.0  # from this distance on, two colors differ as much as they need to
PLAUSIBLE = 0.75  # the power of a color's share: at 1 pale neighbors of the first choice win, at 0.5 odd colors
ALIKE = 1.0  # regions so far apart, in the units above, tend to be parts of one thing, and to take one color
TOGETHER, TOGETHER_NEAR = 0.3, 15.0  # how much they tend, and to how close a color
ACCEPTED = (0.25, 0.55)  # the share of a color against the share of the first choice: refused below, taken above
MOST_CHROMA = 34.0  # more is loud on a large surface, half of it on a dark one: hair would be bright blue
DARK = (15.0, 45.0)  # of L*
# What the network colors strongly in these hues it knows: skin (50 degrees) and foliage (110).
KNOWN_HUES = np.array([[0.64, -0.34], [0.77, 0.94]], np.float32)
KNOWN = (14.0, 26.0)


@dataclass(frozen=True)
class Guess:
    """What the network thinks of a photograph: `chroma` (h, w, 2), its choice; `logits` (q, h, w) of each of
    `colors` (q, 2). a* and b* in CIE units."""

    chroma: Chroma
    logits: np.ndarray
    colors: np.ndarray

    def distribution(self, temperature: float) -> np.ndarray:
        """The share of each color at every place, (q, h * w)."""
        flat = self.logits.reshape(len(self.colors), -1)
        share = np.exp((flat - flat.max(axis=0)) / np.float32(temperature))
        scaled: np.ndarray = share / share.sum(axis=0)
        return scaled


def suggestion(guess: Guess, lightness: Plane, number: int) -> Chroma:
    """The chroma (h, w, 2) of suggestion `number`, 1 or more. `lightness`: L* / 100 on the same grid."""
    height, width = lightness.shape
    own = guess.chroma.reshape(-1, 2)
    shares = guess.distribution(SHARPENED)
    parts, centers = _regions(guess, lightness)
    sizes = np.maximum(parts.sum(axis=0), 1)
    means = (own.T @ parts / sizes).T
    chosen = _other_colors(shares @ parts / sizes, guess.colors, means, centers, sizes, number)
    near, first = (_closeness(guess.colors, colors) for colors in (chosen, means))
    there = near.T @ shares
    taken = _smoothstep(there / np.maximum(first.T @ shares, 1e-9), ACCEPTED) * parts.T * (1 - _known(own))
    other = np.stack([(near * guess.colors[:, [axis]]).T @ shares for axis in (0, 1)], axis=2) / np.maximum(there, 1e-9)[:, :, None]
    most = MOST_CHROMA * (1 + _smoothstep(lightness.ravel() * 100, DARK)) / 2
    other *= np.minimum(1, most / np.maximum(np.hypot(other[..., 0], other[..., 1]), 1e-6))[:, :, None]
    fields = np.column_stack([taken.sum(axis=0), (taken[:, :, None] * other).sum(axis=0)]).astype(np.float32)
    smooth = evened(fields.reshape(height, width, 3), lightness)
    suggested: Chroma = guess.chroma * (1 - smooth[:, :, :1]) + smooth[:, :, 1:]
    return suggested


def _regions(guess: Guess, lightness: Plane) -> tuple[np.ndarray, np.ndarray]:
    """Membership (h * w, r) of the photograph's regions, 0 or 1, and their centers (r, f)."""
    height, width = lightness.shape
    rows, columns = np.mgrid[:height, :width] / (min(height, width) * PLACE_UNIT)
    hues = _sectors(guess.colors)[::2] @ guess.distribution(1.0)
    planes = [
        lightness * 100 / LIGHTNESS_UNIT,
        guess.chroma / CHROMA_UNIT,
        hues.T.reshape(height, width, -1) / HUES_UNIT,
        columns,
        rows,
    ]
    features = evened(np.dstack(planes).astype(np.float32), lightness).reshape(height * width, -1)
    return clustered(features, REGIONS)


def _other_colors(
    shares: np.ndarray, colors: np.ndarray, means: np.ndarray, centers: np.ndarray, sizes: np.ndarray, number: int
) -> np.ndarray:
    """The color (r, 2) of each region in suggestion `number`.

    `shares` (q, r): of each of `colors` (q, 2) in the regions; `means` (r, 2): what they have in suggestion
    0; `centers` (r, f), `sizes` (r,): see `_regions`. Colors are chosen suggestion by suggestion, in each the
    largest region first.
    """
    sectors = _sectors(colors)
    held = sectors @ shares  # (s, r)
    offered = np.einsum("sq,qr,qc->rsc", sectors, shares, colors) / np.maximum(held.T, 1e-9)[:, :, None]
    alike = np.exp(-squares(centers[:, None], centers[None]) / (2 * ALIKE**2))
    taken = np.repeat(means[:, None], number + 1, axis=1)
    for turn in range(1, number + 1):
        done: list[int] = []
        for region in np.argsort(-sizes, kind="stable"):
            far = np.sqrt(squares(offered[region][:, None], taken[region, None, :turn])).min(axis=1)
            score = held[:, region] ** PLAUSIBLE * np.minimum(1, far / APART)
            for other in done:
                score += TOGETHER * alike[region, other] * np.exp(-squares(offered[region], taken[other, turn]) / (2 * TOGETHER_NEAR**2))
            taken[region, turn] = offered[region][score.argmax()]
            done.append(int(region))
    return taken[:, number]


def _sectors(colors: np.ndarray) -> np.ndarray:
    """How far each color belongs to each sector of hue, (SECTORS, q) in [0, 1]."""
    hue = np.degrees(np.arctan2(colors[:, 1], colors[:, 0]))
    away = np.abs((hue - np.arange(0, 360, 360 / SECTORS)[:, None] + 180) % 360 - 180)
    inside: np.ndarray = np.clip(1 - away / SECTOR_REACH, 0, 1) * (np.hypot(colors[:, 0], colors[:, 1]) > LEAST_CHROMA)
    return inside.astype(np.float32)


def _closeness(colors: np.ndarray, to: np.ndarray) -> np.ndarray:
    """How close each of `colors` (q, 2) is to each of `to` (r, 2), (q, r) in [0, 1]."""
    close: np.ndarray = np.exp(-squares(colors[:, None], to[None]) / (2 * NEAR**2)).astype(np.float32)
    return close


def _known(chroma: np.ndarray) -> np.ndarray:
    """Where the network knows what it colors, (n,) in [0, 1]. `chroma` (n, 2)."""
    return _smoothstep((chroma @ KNOWN_HUES).max(axis=1), KNOWN)


def _smoothstep(values: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    """0 below `span`, 1 above, and smooth between."""
    low, high = span
    share = np.clip((values - low) / (high - low), 0, 1)
    risen: np.ndarray = share * share * (3 - 2 * share)
    return risen
