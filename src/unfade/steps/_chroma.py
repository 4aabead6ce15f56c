"""a*b* are predicted at working size and joined to full-size L*.

The network sees lightness alone, so a toned photograph is colored as its gray is. Its chroma, at a quarter of
the working size, is joined to the photograph's own L* along L*'s edges, and L* itself is kept: what comes
out, made gray again, is what went in, within rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from unfade import color, tiles
from unfade.arrays import Chroma, Plane, Samples
from unfade.files.photo import Photo
from unfade.models.calibration import ColorizeCalibration
from unfade.models.card import Card
from unfade.models.session import Session, batch_of, picture_of
from unfade.steps._hints import follow, hint_planes
from unfade.work import Progress

if TYPE_CHECKING:
    from unfade.steps.colorize import Colorize

# Chroma follows L* by its local slope on the chroma's own grid: the regularization in (L* / 100)^2 and the
# neighborhood's radius were chosen on 13 photographs of about 1 MP (RMS error of a*b* 2.79, against 3.14 for
# bicubic enlargement).
EDGE_REGULARIZATION = 0.01
EDGE_RADIUS = 1
# A flat place has one color: chroma is evened over this share of the short side, where L* / 100 does not step
# by more than this. Of 60 color photographs: PSNR 22.68 -> 22.70 dB, the chroma's deviation in flat places
# 1.49 -> 1.14, the colorfulness 37.6 -> 37.3 of 41.4.
EVEN_SHARE = 1 / 12
EVEN_STEP = 0.02
EVEN_ROUNDS = 3
_BAND_PIXELS = 200_000  # intermediates of a band stay in the processor's cache


def temperature(liveliness: float, card: Card) -> float:
    """The model's temperature at a liveliness of [0, 1]: between those that its card has for safe, usual and
    vivid choices."""
    return float(np.interp(liveliness, (0.0, 0.5, 1.0), card.calibrated(ColorizeCalibration).temperatures))


def colorize(photo: Photo, options: Colorize, session: Session, progress: Progress) -> tuple[Photo, int]:
    """The photograph in color (a gray one becomes RGB), and how many of its pixels changed."""
    height, width = photo.height, photo.width
    lightness = _working_lightness(photo, session)
    told = hint_planes(options.hints, height, width, lightness.shape, session.card.calibrated(ColorizeCalibration).hint_least_px)
    chroma = predict(lightness, told, temperature(options.liveliness, session.card), session)
    chroma = evened(chroma, tiles.resize(lightness, *chroma.shape[:2]))
    joined = _edge_following(follow(chroma, lightness, options.hints, height, width), lightness)
    progress(0.4)
    target = photo.as_rgb() if photo.channels == 1 else photo
    samples = np.empty((height, width, 3), photo.samples.dtype)
    everywhere = slice(0, width)
    share, gain = np.float32(options.strength), np.float32(options.strength * options.saturation)

    def colored(rows: slice) -> tuple[slice, Samples]:
        lab = color.lab_from_srgb(photo.srgb(rows, everywhere))
        slopes = tiles.enlarged(joined, rows, everywhere, height, width)
        found = slopes[:, :, :2] * (lab[:, :, :1] / np.float32(color.LIGHTNESS_MAX)) + slopes[:, :, 2:]
        lab[:, :, 1:] = (1 - share) * lab[:, :, 1:] + gain * found
        return rows, target.encode(color.srgb_from_lab(color.into_gamut(lab)))

    for rows, encoded in tiles.in_order(colored, tiles.bands(height, width, _BAND_PIXELS), session.threads):
        samples[rows] = encoded
        progress(0.4 + 0.6 * rows.stop / height)
    result = target.with_samples(samples)
    return result, tiles.count_changed(photo.samples, result.samples)


def _working_lightness(photo: Photo, session: Session) -> Plane:
    """L* / 100 of the photograph at the model's working size, (h, w), both multiples of the card's."""
    card = session.card
    size = tiles.working_size(photo.height, photo.width, card.working_px or card.tile_px, card.multiple)
    return color.lightness_from_srgb(tiles.reduce(photo.srgb, photo.height, photo.width, *size)) / np.float32(color.LIGHTNESS_MAX)


def predict(lightness: Plane, hints: np.ndarray, heat: float, session: Session) -> Chroma:
    """What the network makes of `lightness` (h, w) in [0, 1] and `hints` (h, w, 3): a* and b* at a quarter of
    the size."""
    outputs = session.run(lightness=batch_of(lightness[:, :, None]), hints=batch_of(hints), temperature=np.array([heat], np.float32))
    return picture_of(outputs["chroma"])


def spread(photo: Photo, session: Session) -> Plane:
    """How far the network's safest and its most vivid choice of color lie apart, in a*b*, (h, w) at a quarter
    of the working size. No hints are given."""
    lightness = _working_lightness(photo, session)
    told = np.zeros((*lightness.shape, 3), np.float32)
    heats = session.card.calibrated(ColorizeCalibration).temperatures
    safe, vivid = (predict(lightness, told, heat, session) for heat in (heats[0], heats[-1]))
    apart: Plane = np.hypot(safe[:, :, 0] - vivid[:, :, 0], safe[:, :, 1] - vivid[:, :, 1])
    return apart


def evened(chroma: Chroma, lightness: Plane) -> Chroma:
    """`chroma` (h, w, 2) without blotches where `lightness` (h, w), L* / 100, is flat.

    The recursive filter in the transformed domain (Gastal and Oliveira 2011, doi:10.1145/2010324.1964964),
    guided by lightness: what is smoothed over ends at a step of lightness.
    """
    even = chroma.copy()
    reach = EVEN_SHARE * min(lightness.shape)
    down, across = (1 + reach / EVEN_STEP * np.abs(np.diff(lightness, axis=axis))[:, :, None] for axis in (0, 1))
    for number in range(EVEN_ROUNDS):
        spread = reach * 3**0.5 * 2 ** (EVEN_ROUNDS - number - 1) / (4**EVEN_ROUNDS - 1) ** 0.5
        kept = np.float32(np.exp(-(2**0.5) / spread))
        along, below = kept**across, kept**down
        for column in range(1, even.shape[1]):
            even[:, column] += along[:, column - 1] * (even[:, column - 1] - even[:, column])
        for column in range(even.shape[1] - 2, -1, -1):
            even[:, column] += along[:, column] * (even[:, column + 1] - even[:, column])
        for row in range(1, len(even)):
            even[row] += below[row - 1] * (even[row - 1] - even[row])
        for row in range(len(even) - 2, -1, -1):
            even[row] += below[row] * (even[row + 1] - even[row])
    return even


def _edge_following(chroma: Chroma, lightness: Plane) -> np.ndarray:
    """Chroma as a linear function of lightness around each of its grid's pixels, (h, w, 4): slopes of a* and
    b* on L* / 100, then offsets.

    The slopes are those of the fast guided filter (He and Sun 2015, arXiv:1505.00996), found on the chroma's
    own grid; the offsets let the chroma through unchanged at that grid's resolution, where the guided filter
    would blur it, so that only what is finer is added.
    """
    guide = tiles.resize(lightness, chroma.shape[0], chroma.shape[1])

    def mean(plane: np.ndarray) -> np.ndarray:
        return cv2.blur(plane, (2 * EDGE_RADIUS + 1,) * 2, borderType=cv2.BORDER_REPLICATE)

    average = mean(guide)
    variance = np.maximum(mean(guide * guide) - average * average, 0)
    covariance = mean(chroma * guide[:, :, None]) - mean(chroma) * average[:, :, None]
    slopes = mean(covariance / (variance + np.float32(EDGE_REGULARIZATION))[:, :, None])
    return np.concatenate([slopes, chroma - slopes * guide[:, :, None]], axis=2)
