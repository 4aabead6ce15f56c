"""a*b* are predicted at working size and joined to full-size L*.

The network sees lightness alone, so a toned photograph is colored as its gray is. Its chroma, at a quarter of
the working size, is joined to the photograph's own L* along L*'s edges, and L* itself is kept: what comes
out, made gray again, is what went in, within rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from unfade import color, tiles
from unfade.arrays import Chroma, Plane, Samples
from unfade.files.photo import Photo
from unfade.models.calibration import ColorizeCalibration
from unfade.models.card import Card
from unfade.models.session import Session, batch_of, picture_of
from unfade.steps._calming import believed, calmed
from unfade.steps._evening import evened, sharpened
from unfade.steps._guides import guides_of, liked
from unfade.steps._hints import chroma_of, follow, hint_planes
from unfade.steps._suggestions import Guess, suggestion
from unfade.work import Progress

if TYPE_CHECKING:
    from unfade.steps.colorize import Colorize, Guide, Hint

# Chroma follows L* by its local slope on the chroma's own grid: the regularization in (L* / 100)^2 and the
# neighborhood's radius were chosen on 13 photographs of about 1 MP (RMS error of a*b* 2.79, against 3.14 for
# bicubic enlargement).
EDGE_REGULARIZATION = 0.01
EDGE_RADIUS = 1
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
    chroma = _chosen(lightness, told, options, session)
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


def _chosen(lightness: Plane, told: np.ndarray, options: Colorize, session: Session) -> Chroma:
    """The chroma that the options ask for, on the network's grid and without blotches."""
    heat = temperature(options.liveliness, session.card)
    if options.suggestion and has_suggestions(session):
        guess = _guess(lightness, told, heat, session, options.hints)
        coarse = tiles.resize(lightness, *guess.chroma.shape[:2])
        even = _even(suggestion(guess, coarse, options.suggestion), coarse, np.zeros_like(coarse), told)
    else:
        even, coarse = _likeliest(lightness, told, heat, session, options.hints)
    return evened(liked(even, coarse, options.guides), coarse) if options.guides else even


def _likeliest(lightness: Plane, told: np.ndarray, heat: float, session: Session, hints: Sequence[Hint] = ()) -> tuple[Chroma, Plane]:
    """The network's own choice, calmed and without blotches, and L* / 100 on its grid."""
    outputs = _ask(("chroma", "confidence"), lightness, told, heat, session)
    chroma = _calmed(outputs, told, session, hints)
    coarse = tiles.resize(lightness, *chroma.shape[:2])
    confidence = picture_of(outputs["confidence"])[:, :, 0] if "confidence" in outputs else np.zeros_like(coarse)
    return _even(chroma, coarse, confidence, told), coarse


def _even(chroma: Chroma, coarse: Plane, confidence: Plane, told: np.ndarray) -> Chroma:
    """`chroma` sharpened and evened. A hint's own place stays out of it: what is to be done there, and how
    far around, `follow` knows."""
    sharp = sharpened(chroma)
    hinted = tiles.resize(told[:, :, 2], *coarse.shape) > 0
    even = evened(sharp, coarse, np.where(hinted, np.float32(-1), confidence))
    even[hinted] = sharp[hinted]
    return even


def palette(photo: Photo, session: Session) -> tuple[Guide, ...]:
    """The guides of a photograph in color, by which others are colored like it."""
    lightness = _working_lightness(photo, session)
    untold = np.zeros((*lightness.shape, 3), np.float32)
    return guides_of(photo, *_likeliest(lightness, untold, temperature(0.5, session.card), session))


def has_suggestions(session: Session) -> bool:
    """Whether the model gives a distribution over colors, from which suggestions are made."""
    return session.gives("logits") and session.gives("colors")


def predict(lightness: Plane, hints: np.ndarray, heat: float, session: Session) -> Chroma:
    """What the network makes of `lightness` (h, w) in [0, 1] and `hints` (h, w, 3): a* and b* at a quarter of
    the size."""
    return picture_of(_ask(("chroma",), lightness, hints, heat, session)["chroma"])


def _guess(lightness: Plane, told: np.ndarray, heat: float, session: Session, hints: Sequence[Hint]) -> Guess:
    outputs = _ask(("chroma", "confidence", "logits", "colors"), lightness, told, heat, session)
    return Guess(_calmed(outputs, told, session, hints), outputs["logits"][0], outputs["colors"])


def _calmed(outputs: dict[str, np.ndarray], told: np.ndarray, session: Session, hints: Sequence[Hint]) -> Chroma:
    confidence = believed(picture_of(outputs["confidence"])[:, :, 0], told) if "confidence" in outputs else None
    known = [chroma_of(hint) for hint in hints]
    return calmed(picture_of(outputs["chroma"]), session.card.calibrated(ColorizeCalibration), known, confidence)


def _ask(wanted: Sequence[str], lightness: Plane, hints: np.ndarray, heat: float, session: Session) -> dict[str, np.ndarray]:
    return session.run(wanted, lightness=batch_of(lightness[:, :, None]), hints=batch_of(hints), temperature=np.array([heat], np.float32))


def spread(photo: Photo, session: Session) -> Plane:
    """How far the network's safest and its most vivid choice of color lie apart, in a*b*, (h, w) at a quarter
    of the working size. No hints are given."""
    lightness = _working_lightness(photo, session)
    told = np.zeros((*lightness.shape, 3), np.float32)
    heats = session.card.calibrated(ColorizeCalibration).temperatures
    safe, vivid = (predict(lightness, told, heat, session) for heat in (heats[0], heats[-1]))
    apart: Plane = np.hypot(safe[:, :, 0] - vivid[:, :, 0], safe[:, :, 1] - vivid[:, :, 1])
    return apart


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
