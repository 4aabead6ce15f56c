"""Whether a photograph is in color, or black and white: gray, toned (sepia, cyanotype), yellowed, stained.

The chroma of a black-and-white print is a function of its lightness, whatever the tone. Stains and yellowed
corners add chroma that changes slowly over the print, along one hue. Colors, and a tint put on by hand, do
neither.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade import color, tiles
from unfade.arrays import Mask
from unfade.files.photo import Photo

COPY_PX = 96  # measured on a copy of this longer side, on which prints that are two pixels out of register are one again

# In units of a*b*. Chosen on 85 old photographs judged by eye (one wrong: a print whose stains are as strong
# as colors) and 222 color ones (5 wrong: a street lamp at night, wood in evening light, dusk).
SPREAD_MOST = 3.5  # black and white: a function of L* explains the chroma up to this RMS,
TINT_MOST = 5.2  # and 98 % of the pixels stray by less than this in the second hue: tinted cheeks and lips stray by more
STAINED_YELLOW_LEAST = 10.0  # a stained print is yellowed: its mean b* is above this,
STAINED_SPREAD_MOST = 3.4  # a function of L* and of the place explains its chroma up to this RMS,
STAINED_SECOND_MOST = 1.2  # and up to this in the second hue,
STAINED_SHARE_MOST = 0.55  # and the place explains nearly half of what L* alone did not
KEPT_LEAST = 0.2  # of the photograph: of less, what was filled is looked at, too
YELLOW_LEAST = 16.0  # lights of yellowed color prints: 18.7 to 20.6 (N 3), of others up to 12.4 (N 5); 9 of 50 modern ones have more


@dataclass(frozen=True)
class Colors:
    """How a photograph's chroma behaves, in units of a*b*.

    `spread`: the RMS of what a function of lightness does not explain. `tint`: how far 98 % of the pixels
    stay within across the main hue of that. `stained`: whether slow changes over the print explain it,
    looked into only where that decides. `cast`: the mean chroma. `lights`: the mean b* of the lightest tenth,
    which is near 0 on white paper.
    """

    spread: float
    tint: float
    stained: bool
    cast: float
    lights: float

    @property
    def is_color(self) -> bool:
        """Whether the photograph is in color, or tinted by hand."""
        return self.tint >= TINT_MOST or (self.spread >= SPREAD_MOST and not self.stained)

    @property
    def has_yellow_lights(self) -> bool:
        """Whether its whites are yellow: from age, or from evening light."""
        return self.lights >= YELLOW_LEAST


NO_COLORS = Colors(0.0, 0.0, stained=False, cast=0.0, lights=0.0)


def is_color(photo: Photo) -> bool:
    """Whether it is a color photograph, not a black-and-white one."""
    return measure_colors(photo).is_color


def measure_colors(photo: Photo, lost: Mask | None = None) -> Colors:
    """How the photograph's chroma behaves where nothing is `lost` (h, w): what was filled has less color than
    it had, and where much is, a tint would not be seen."""
    if photo.channels == 1:
        return NO_COLORS
    scale = min(1.0, COPY_PX / max(photo.height, photo.width))
    height, width = max(1, round(photo.height * scale)), max(1, round(photo.width * scale))
    lab = color.lab_from_srgb(tiles.reduce(photo.srgb, photo.height, photo.width, height, width)).reshape(-1, 3).astype(np.float64)
    kept = _mostly_kept(lost, height, width)
    lab = lab if kept is None else lab[kept]
    chroma = lab[:, 1:]
    cast = float(np.hypot(chroma[:, 0], chroma[:, 1]).mean())
    lights = float(lab[lab[:, 0] >= np.percentile(lab[:, 0], 90), 2].mean())
    if len(lab) < 16:  # too few pixels to tell a tone from colors: only a tint shows
        return Colors(_rms(chroma - chroma.mean(axis=0)), 0.0, stained=False, cast=cast, lights=lights)
    lightness = lab[:, 0] / color.LIGHTNESS_MAX
    tone = np.stack([lightness**power for power in range(4)], axis=1)
    rest = chroma - _fitted(tone, chroma)
    main, _, directions = _main_hues(rest)
    tint = float(np.percentile(np.abs(rest @ directions[:, 0]), 98))
    stained, spread = False, _rms(rest)
    if tint < TINT_MOST and spread >= SPREAD_MOST and chroma[:, 1].mean() > STAINED_YELLOW_LEAST:  # else it decides nothing
        place = _place(height, width) if kept is None else _place(height, width)[kept]
        slow = chroma - _robustly_fitted(np.concatenate([tone, place, place * lightness[:, None]], axis=1), chroma)
        slow_main, slow_second, _ = _main_hues(slow)
        explained = slow_main < STAINED_SHARE_MOST * main
        stained = bool(_rms(slow) < STAINED_SPREAD_MOST and slow_second < STAINED_SECOND_MOST and explained)
    return Colors(spread, tint, stained, cast, lights)


def _mostly_kept(lost: Mask | None, height: int, width: int) -> np.ndarray | None:
    """Which pixels of a copy of `height` x `width` are mostly not lost, (height * width,); none: all of them,
    or too few to tell anything."""
    if lost is None or not lost.any():
        return None
    share = tiles.reduce(lambda rows, columns: lost[rows, columns, None].astype(np.float32), lost.shape[0], lost.shape[1], height, width)
    kept: np.ndarray = share.reshape(-1) < 0.5
    return kept if kept.mean() >= KEPT_LEAST else None


def _rms(rest: np.ndarray) -> float:
    return float(np.sqrt((rest**2).sum(axis=1).mean()))


def _main_hues(rest: np.ndarray) -> tuple[float, float, np.ndarray]:
    """The standard deviations along the main hue of `rest` (n, 2) and across it, and their directions, second
    first."""
    powers, directions = np.linalg.eigh(rest.T @ rest / len(rest))
    second, main = np.sqrt(np.maximum(powers, 0.0))
    return float(main), float(second), directions


def _place(height: int, width: int) -> np.ndarray:
    """Where each pixel lies, as a polynomial of the second degree without its constant, (n, 5)."""
    down, across = np.mgrid[:height, :width].reshape(2, -1) / np.array([[max(height - 1, 1)], [max(width - 1, 1)]]) * 2 - 1
    return np.stack([down, across, down**2, across**2, down * across], axis=1)


def _fitted(terms: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    """`chroma` (n, 2) by least squares on `terms` (n, k): by the normal equations, which are small. BLAS
    works on a tall matrix with threads, which wait for each other longer than they work."""
    both = np.einsum("nk,nm->km", terms, np.concatenate([terms, chroma], axis=1))
    count = terms.shape[1]
    factors, *_ = np.linalg.lstsq(both[:, :count], both[:, count:], rcond=None)
    fitted: np.ndarray = np.einsum("nk,kc->nc", terms, factors)
    return fitted


def _robustly_fitted(terms: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    """`chroma` by least absolute deviations: four rounds of least squares, each pixel weighed by the last
    one's error."""
    fitted = _fitted(terms, chroma)
    for _ in range(4):
        error = np.hypot(*(chroma - fitted).T)
        weight = np.maximum(error, np.median(error) + 1e-6)[:, None] ** -0.5
        fitted = _fitted(terms * weight, chroma * weight) / weight
    return fitted
