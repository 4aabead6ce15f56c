"""How likely it is that a pixel is lost: what the network sees, gathered over sizes.

The network gives each pixel the probability that it is lost. It looks at full size for scratches a hair wide,
and at a second size: what is damage at both is rarely a twig or a letter. A large scan that is blown up has
its full size where nothing more is lost by halving. On reduced copies it looks for tears and losses larger
than a window. The threshold moves with the photograph: where little is lost, more is needed to believe in a
loss.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from unfade import color, tiles
from unfade.arrays import Image, UInt8
from unfade.files.photo import Photo
from unfade.models.calibration import DamageCalibration, Prior, SecondLook
from unfade.models.session import Session, batch_of, picture_of
from unfade.work import Progress

Evidence = UInt8[np.ndarray, "h w"]
"""Log-odds that a pixel is lost, from -8 (0) to 8 (255) in steps of 1/16. A byte a pixel; sums are joint
probabilities."""

STEPS_PER_NAT = 16
_LOWEST_LOG_ODDS = -8.0
PROBABILITY = 1 / (1 + np.exp(-(np.arange(256) / STEPS_PER_NAT + _LOWEST_LOG_ODDS)))  # of each step of `Evidence`

# At sensitivity 0 and 1 the threshold's log-odds are this much above and below the card's. At 1 a retoucher
# would still accept the mask of a badly damaged photograph; beyond, it marks eyes and buttons.
SENSITIVITY_SPAN = 2.0
# On a reduced copy damage counts only if a disc of this radius fits in it, in pixels of the copy: thinner
# damage is seen better at full size.
COARSE_RADIUS_PX = 2.0
# A window that is blown up, as most scans of small prints are, shows at half its size all that it shows. It
# is one if halving changes its luma by less than BLOWN_UP_PEAK everywhere, and by less than BLOWN_UP_LOSS in
# all but a thousandth of its pixels: levels of 255, means of 3x3 pixels, in which grain vanishes. Sharp
# photographs lose 4 to 88 in all but a thousandth and 6 to 98 at the most; old ones blown up three to seven
# times, with JPEG or grain, .8 to 6 and 2 to 17.
BLOWN_UP_LOSS, BLOWN_UP_PEAK = 6.0, 18.0
BLOWN_UP_SHORT_PX = 1200
"""Photographs with a shorter side are looked at whole: they take no time."""
BLOWN_UP_WINDOW_PX = 384
"""Windows with a shorter side than this are not halved."""


def threshold_log_odds(threshold: float, sensitivity: float) -> float:
    """The log-odds from which a pixel is lost: the card's `threshold`, moved by the sensitivity.

    >>> round(threshold_log_odds(0.5, 0.5), 2), round(threshold_log_odds(0.5, 1.0), 2)
    (0.0, -2.0)
    """
    share = min(max(threshold, 1e-3), 1 - 1e-3)
    return math.log(share / (1 - share)) + (0.5 - sensitivity) * 2 * SENSITIVITY_SPAN


def quantized(log_odds: float) -> int:
    """Log-odds as a step of `Evidence`."""
    return min(max(round((log_odds - _LOWEST_LOG_ODDS) * STEPS_PER_NAT), 0), 255)


def log_odds_of(step: int) -> float:
    """A step of `Evidence` as log-odds."""
    return step / STEPS_PER_NAT + _LOWEST_LOG_ODDS


def _log_odds(probability: np.ndarray) -> np.ndarray:
    """Probabilities in [0, 1] -> log-odds."""
    share = np.clip(probability, 1e-6, 1 - 1e-6)
    log_odds: np.ndarray = np.log(share / (1 - share))
    return log_odds


def prior_shift(evidence: Evidence, prior: Prior) -> float:
    """How much likelier (above 0) or less likely than the network was taught a pixel of this photograph is to
    be lost, in log-odds.

    The share of lost pixels is the fixed point of the mean posterior under itself, found by expectation
    maximization over the histogram (Saerens, Latinne and Decaestecker 2002, doi:10.1162/089976602753284446).
    Pixels are not independent, so only a part of it is trusted.
    """
    counts = cv2.calcHist([evidence], [0], None, [256], [0, 256]).ravel().astype(float) / max(evidence.size, 1)
    share = prior.share
    for _ in range(50):
        lost, sound = PROBABILITY * (share / prior.share), (1 - PROBABILITY) * ((1 - share) / (1 - prior.share))
        share = min(max(float((counts * lost / (lost + sound)).sum()), 1e-6), 1 - 1e-6)
    shift = prior.trust * (math.log(share / (1 - share)) - math.log(prior.share / (1 - prior.share)))
    low, high = prior.range
    return min(max(shift, low), high)


@dataclass(frozen=True, eq=False)
class Seen:
    """What the network saw, (h, w): the `evidence` of all looks together, and the `least` of those at the
    photograph's own size and beside it."""

    evidence: Evidence
    least: Evidence


def find_evidence(photo: Photo, session: Session, progress: Progress) -> Seen:
    """The evidence that each pixel is lost, gathered at full size and on reduced copies."""
    height, width = photo.height, photo.width
    calibration = session.card.calibrated(DamageCalibration)
    factors = [factor for factor, short_px in calibration.coarse if min(height, width) > short_px]
    look = calibration.second_look
    again = None if look is None else partial(_second_size, look, small=min(height, width) < look.enlarged_below_px)
    halves = min(height, width) >= BLOWN_UP_SHORT_PX
    seen = _run(photo.srgb, height, width, session, again, lambda share: progress(share * 0.85), halves=halves)
    fetch: tiles.Fetch = photo.srgb
    size = height, width
    for index, factor in enumerate(factors):
        reduced = tiles.reduce(fetch, *size, -(-height // factor), -(-width // factor))
        fetch, size = _fetch_from(reduced), (reduced.shape[0], reduced.shape[1])
        coarse = _run(fetch, *size, session, None if look is None else partial(_second_size, look, small=False), None)
        _add_coarse(seen.evidence, coarse.evidence, quantized(threshold_log_odds(calibration.threshold, 0.5)))
        progress(0.85 + 0.1 * (index + 1) / len(factors))
    return seen


def _is_blown_up(part: Image) -> bool:
    """Whether a window (h, w, 3) shows at half its size all that it shows."""
    luma = color.luma(part) * 255
    tall, wide = luma.shape
    half = tiles.resize(luma, tall // 2, wide // 2)
    lost = cv2.blur(np.abs(luma - cv2.resize(half, (wide, tall), interpolation=cv2.INTER_CUBIC)), (3, 3))
    return bool(lost.max() < BLOWN_UP_PEAK and np.percentile(lost, 99.9) < BLOWN_UP_LOSS)


def _fetch_from(image: Image) -> tiles.Fetch:
    return lambda rows, columns: image[rows, columns]


def _second_size(look: SecondLook, short_px: int, *, small: bool) -> tuple[float, float]:
    """At what scale a window with this short side is looked at again, and with what weight."""
    return look.enlarged if small else max(look.reduced, min(look.least_px / short_px, 1.0)), look.weight


def _run(
    fetch: tiles.Fetch,
    height: int,
    width: int,
    session: Session,
    again: Callable[[int], tuple[float, float]] | None,
    progress: Progress | None,
    *,
    halves: bool = False,
) -> Seen:
    """The network's evidence on a picture of this size.

    `again` says how a window is looked at a second time; `halves`, whether one that is blown up is looked at
    in half its size.
    """
    card = session.card

    def look(part: np.ndarray) -> np.ndarray:
        return _log_odds(picture_of(next(iter(session.run(image=batch_of(part)).values()))))

    def look_twice(part: np.ndarray) -> np.ndarray:
        tall, wide = part.shape[:2]
        if again is None:
            return np.repeat(look(part), 2, axis=2)
        scale, weight = again(min(tall, wide))
        second = tiles.resize(look(tiles.resize(part, *tiles.scaled_size(tall, wide, scale, card.multiple))), tall, wide)
        own = look(part)
        return np.concatenate([(1 - weight) * own + weight * second, np.minimum(own, second)], axis=2)

    def apply(part: np.ndarray, _: tiles.Window) -> np.ndarray:
        sizes: list[tuple[int, int]] = []
        while halves and min(part.shape[:2]) >= BLOWN_UP_WINDOW_PX and _is_blown_up(part):
            sizes.append((part.shape[0], part.shape[1]))
            part = tiles.resize(part, *tiles.scaled_size(*sizes[-1], 0.5, card.multiple))
        seen = look_twice(part)
        for size in reversed(sizes):
            seen = tiles.resize(seen, *size)
        return seen

    evidence, least = np.empty((height, width), np.uint8), np.empty((height, width), np.uint8)
    grid = tiles.Grid(card.tile_px, card.overlap_px, card.multiple)
    for rows, band in tiles.run(height, width, fetch, apply, grid, progress, threads=session.threads):
        steps = cv2.addWeighted(band, STEPS_PER_NAT, band, 0, -_LOWEST_LOG_ODDS * STEPS_PER_NAT, dtype=cv2.CV_8U)  # rounds and clips
        evidence[rows], least[rows] = cv2.split(steps)
    return Seen(evidence, least)


def _add_coarse(evidence: Evidence, coarse: Evidence, threshold: int) -> None:
    """Raise `evidence` in place where large damage is seen on a reduced copy."""
    sure = (coarse >= threshold).astype(np.uint8)
    wide = cv2.distanceTransform(sure, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) >= COARSE_RADIUS_PX
    if not wide.any():
        return
    _, labels = cv2.connectedComponents(sure, connectivity=8)
    kept = np.isin(labels, np.unique(labels[wide])).astype(np.uint8)
    around = cv2.dilate(kept, np.ones((3, 3), np.uint8))
    height, width = evidence.shape
    raised = cv2.resize(coarse * around, (width, height), interpolation=cv2.INTER_LINEAR)
    np.maximum(evidence, raised, out=evidence)
