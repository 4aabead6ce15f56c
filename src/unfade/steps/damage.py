"""DAMAGE IS FOUND: photograph -> mask.

A network gives each pixel the probability that it is lost: at full size for scratches a hair wide, at another size, which must agree,
and on reduced copies for tears and losses larger than a window sees. The threshold moves with the photograph: where little is
lost, much more is needed to believe in a loss. Three things are then decided over more than one pixel: a faint scratch by its evidence
along a line (it hardly shows in any one pixel), a faint edge by its connection to a sure middle (hysteresis: Canny 1986), and a lone
speck by the sum of its evidence. The mask grows by a pixel where there is any evidence, because the edge of damage is antialiased into
the picture.
"""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from typing import ClassVar

import cv2
import numpy as np
from jaxtyping import UInt8

from unfade import tiles
from unfade.arrays import Image, Mask
from unfade.errors import UsageError
from unfade.files.photo import Photo
from unfade.models.session import Session, Sessions, batch_of, picture_of
from unfade.record import StepRecord
from unfade.steps._options import require_share
from unfade.work import Progress, Work

Evidence = UInt8[np.ndarray, "h w"]
"""Log-odds that a pixel is lost, from -8 (0) to 8 (255) in steps of 1/16: a byte a pixel, and a sum of them is a joint probability."""

_STEPS_PER_NAT = 16
_LOWEST_LOG_ODDS = -8.0
_PROBABILITY = 1 / (1 + np.exp(-(np.arange(256) / _STEPS_PER_NAT + _LOWEST_LOG_ODDS)))  # of each step of `Evidence`

# At sensitivity 0 and 1 the threshold's log-odds are this much above and below the card's.
SENSITIVITY_SPAN = 4.0
# A pixel joins damage that it touches if its log-odds are at most this much below the threshold's.
HYSTERESIS = 0.5
# A component is kept if the sum over its pixels of (p - threshold) / (1 - threshold) reaches this: one sure pixel, or several fair ones.
SPECK_EVIDENCE = 0.8
# The network looks at every window once more, and the log-odds that it finds count with this weight: what is damage at two sizes is rarely
# a twig or a letter. Reduced to a half, but to no copy below SECOND_LOOK_LEAST_PX, on which the shade beside a face looks like a loss;
# photographs whose short side is below SMALL_PX are enlarged by a half instead (at 256 px better, at 320 px no better, at 480 px worse).
SECOND_LOOK_WEIGHT = 0.4
SECOND_LOOK_REDUCED = 0.5
SECOND_LOOK_LEAST_PX = 192
SECOND_LOOK_ENLARGED = 1.5
SMALL_PX = 288
# The share of lost pixels that the network was taught to expect; a photograph's own moves the threshold by PRIOR_TRUST times the difference
# of their log-odds, within PRIOR_RANGE.
PRIOR = 0.05
PRIOR_TRUST = 0.7
PRIOR_RANGE = (-1.5, 0.5)
# Reduced copies: by what factor, and for photographs whose short side is above what. Of smaller photographs a window sees enough: a copy
# of half the size takes lattices for losses.
COARSE = ((4, 768), (16, 3000))
# Seen on a reduced copy, damage counts only if a disc of this radius, in pixels of the copy, fits in it: the full size sees thinner better.
COARSE_RADIUS_PX = 2.0
# The mask's growth: a pixel, or on large scans the short side over this; only where the log-odds are at most this much below the
# threshold's (growing everywhere adds two fifths to what is flagged on sound photographs).
GROWTH_SHARE = 2000
GROWTH_OWN = 1.0
# Evidence along lines, on a half-size map of evidence. A line is 1/20 of the short side; a pixel on it is taken if the line's mean
# log-odds are within LINE_MEAN of the threshold's and above those of both parallels LINE_APART away by LINE_CONTRAST, and its own
# are within LINE_OWN of the threshold's. ORIENTATIONS = 0 switches it off.
ORIENTATIONS = 16
LINE_SHARE = 20
LINE_MEAN = 1.0
LINE_CONTRAST = 3.0
LINE_APART_PX = 4
LINE_OWN = 3.0


@dataclass(frozen=True)
class Damage:
    """Find what is lost.

    `sensitivity`: 0.5 is the model's own calibrated threshold; higher marks more, lower marks less. `largest_dust_px`: leave alone
    whatever is larger than this on its longer side, so that only dust and specks are marked; none: everything is.
    Raises `UsageError` for an option out of range.
    """

    sensitivity: float = 0.5
    largest_dust_px: int | None = None

    name: ClassVar[str] = "damage"
    needs_mask: ClassVar[bool] = False
    gives_mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require_share("sensitivity", self.sensitivity)
        if self.largest_dust_px is not None and self.largest_dust_px < 1:
            raise UsageError(f"largest_dust_px must be 1 or more, not {self.largest_dust_px}")

    def __call__(self, work: Work, sessions: Sessions, progress: Progress) -> Work:
        """Add the damage found to the work's mask. Raises `ModelError` if the damage model cannot be used."""
        began = time.perf_counter()
        session = sessions.get("damage")
        evidence = find_evidence(work.photo, session, progress)
        threshold = threshold_log_odds(session.card.threshold, self.sensitivity) - prior_shift(evidence)
        mask = decide(evidence, threshold, largest_px=self.largest_dust_px)
        if work.mask is not None:
            mask |= work.mask
        note = f"{mask.mean():.2%} of the photograph is marked as lost"
        record = StepRecord(self.name, asdict(self), (session.use,), 0, time.perf_counter() - began, (note,))
        progress(1.0)
        return Work(work.photo, mask, (*work.records, record))


STEP = Damage


def threshold_log_odds(threshold: float | None, sensitivity: float) -> float:
    """The log-odds from which a pixel is lost: the card's threshold (none: 0.5) moved by the sensitivity; at 0.5 it is the card's."""
    share = min(max(0.5 if threshold is None else threshold, 1e-3), 1 - 1e-3)
    return math.log(share / (1 - share)) + (0.5 - sensitivity) * 2 * SENSITIVITY_SPAN


def _quantized(log_odds: float) -> int:
    """Log-odds as a step of `Evidence`."""
    return min(max(round((log_odds - _LOWEST_LOG_ODDS) * _STEPS_PER_NAT), 0), 255)


def _log_odds(probability: np.ndarray) -> np.ndarray:
    """Probabilities in [0, 1] -> log-odds."""
    share = np.clip(probability, 1e-6, 1 - 1e-6)
    log_odds: np.ndarray = np.log(share / (1 - share))
    return log_odds


def prior_shift(evidence: Evidence) -> float:
    """How much likelier (above 0) or less likely than the network was taught a pixel of this photograph is to be lost, in log-odds.

    The share of lost pixels is the fixed point of the mean posterior under itself, found by expectation maximization over the histogram
    (Saerens, Latinne and Decaestecker 2002, doi:10.1162/089976602753284446). Pixels are not independent, so only a part of it is trusted.
    """
    counts = cv2.calcHist([evidence], [0], None, [256], [0, 256]).ravel().astype(float) / max(evidence.size, 1)
    share = PRIOR
    for _ in range(50):
        lost, sound = _PROBABILITY * (share / PRIOR), (1 - _PROBABILITY) * ((1 - share) / (1 - PRIOR))
        share = min(max(float((counts * lost / (lost + sound)).sum()), 1e-6), 1 - 1e-6)
    shift = PRIOR_TRUST * (math.log(share / (1 - share)) - math.log(PRIOR / (1 - PRIOR)))
    return min(max(shift, PRIOR_RANGE[0]), PRIOR_RANGE[1])


def find_evidence(photo: Photo, session: Session, progress: Progress) -> Evidence:
    """The evidence that each pixel is lost, (h, w), gathered at full size and on reduced copies."""
    height, width = photo.height, photo.width
    factors = [factor for factor, short_px in COARSE if min(height, width) > short_px]
    small = min(height, width) < SMALL_PX
    evidence = _run(photo.srgb, height, width, session, lambda share: progress(share * 0.85), enlarge=small)
    fetch: tiles.Fetch = photo.srgb
    size = height, width
    for index, factor in enumerate(factors):
        reduced = tiles.reduce(fetch, *size, -(-height // factor), -(-width // factor))
        fetch, size = _fetch_from(reduced), (reduced.shape[0], reduced.shape[1])
        coarse = _run(fetch, *size, session, None)
        _add_coarse(evidence, coarse, _quantized(threshold_log_odds(session.card.threshold, 0.5)))
        progress(0.85 + 0.1 * (index + 1) / len(factors))
    return evidence


def _fetch_from(image: Image) -> tiles.Fetch:
    return lambda rows, columns: image[rows, columns]


def _run(fetch: tiles.Fetch, height: int, width: int, session: Session, progress: Progress | None, *, enlarge: bool = False) -> Evidence:
    """The network's evidence on a picture of this size; `enlarge`: its windows are looked at again enlarged, not reduced."""
    card = session.card

    def look(part: np.ndarray) -> np.ndarray:
        return _log_odds(picture_of(next(iter(session.run(image=batch_of(part)).values()))))

    def apply(part: np.ndarray, window: tiles.Window) -> np.ndarray:
        tall, wide = part.shape[:2]
        scale = SECOND_LOOK_ENLARGED if enlarge else max(SECOND_LOOK_REDUCED, min(SECOND_LOOK_LEAST_PX / min(tall, wide), 1.0))
        other = tiles.scaled_size(tall, wide, scale, card.multiple)
        again = tiles.resize(look(tiles.resize(part, *other)), tall, wide)
        both: np.ndarray = (1 - SECOND_LOOK_WEIGHT) * look(part) + SECOND_LOOK_WEIGHT * again
        return both

    evidence = np.empty((height, width), np.uint8)
    grid = tiles.Grid(card.tile_px, card.overlap_px, card.multiple)
    for rows, band in tiles.run(height, width, fetch, apply, grid, progress, threads=session.threads):
        evidence[rows] = np.clip(np.rint((band[:, :, 0] - _LOWEST_LOG_ODDS) * _STEPS_PER_NAT), 0, 255)
    return evidence


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


def decide(evidence: Evidence, threshold: float, *, largest_px: int | None = None) -> Mask:
    """The mask that the evidence speaks for at a `threshold` in log-odds; does not change `evidence`."""
    high = _quantized(threshold)
    raised = evidence.copy()
    if ORIENTATIONS:
        taken = along_lines(evidence, threshold)
        raised[taken] = np.maximum(raised[taken], _quantized(threshold + 2.0))
    mask = _connected(raised, _quantized(threshold - HYSTERESIS), high, largest_px)
    radius = max(1, round(min(evidence.shape) / GROWTH_SHARE))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    grown = cv2.dilate(mask.view(np.uint8), disc).view(bool) & (evidence >= max(_quantized(threshold - GROWTH_OWN), 1))
    return mask | grown


def along_lines(evidence: Evidence, threshold: float) -> Mask:
    """Where evidence too faint pixel by pixel adds up along a straight line, (h, w).

    The mean over a segment of 2^k pixels is found by k doublings, each the sum of a map and itself shifted, so that 16 directions cost as
    many additions as one small filter (a discrete beamlet transform: Brady 1998, doi:10.1137/S0097539793256673).
    """
    height, width = evidence.shape
    half = evidence[: height // 2 * 2, : width // 2 * 2]
    if min(half.shape) < 2 * LINE_APART_PX:
        return np.zeros((height, width), bool)
    half = np.maximum(np.maximum(half[::2, ::2], half[1::2, ::2]), np.maximum(half[::2, 1::2], half[1::2, 1::2]))
    doublings = min(max(round(math.log2(max(min(height, width) / LINE_SHARE / 2, 1))), 3), 7)
    length = 2**doublings
    margin = length + LINE_APART_PX
    padded = cv2.copyMakeBorder(half, margin, margin, margin, margin, cv2.BORDER_REPLICATE).astype(np.uint16)
    tall, wide = half.shape
    mean_needed = np.uint16(length * max(_quantized(threshold - LINE_MEAN), 1))
    contrast_needed = np.uint16(length * round(LINE_CONTRAST * _STEPS_PER_NAT))
    found = np.zeros(half.shape, bool)
    for orientation in range(ORIENTATIONS):
        angle = math.pi * orientation / ORIENTATIONS
        down, across = math.sin(angle), math.cos(angle)
        sums = padded
        for doubling in range(doublings):
            sums = _add_shifted(sums, round(down * 2**doubling), round(across * 2**doubling))
        top, left = margin - round(down * length / 2), margin - round(across * length / 2)
        line = sums[top : top + tall, left : left + wide]
        likely = line >= mean_needed
        if likely.any():
            off_down, off_across = round(across * LINE_APART_PX), round(-down * LINE_APART_PX)
            one = sums[top + off_down : top + off_down + tall, left + off_across : left + off_across + wide]
            other = sums[top - off_down : top - off_down + tall, left - off_across : left - off_across + wide]
            beside = np.maximum(one, other)
            found |= likely & (line >= np.minimum(beside, 65535 - contrast_needed) + contrast_needed)
    if not found.any():
        return np.zeros((height, width), bool)
    taken = cv2.resize(found.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST).view(bool)
    return taken & (evidence >= max(_quantized(threshold - LINE_OWN), 1))


def _add_shifted(sums: np.ndarray, down: int, across: int) -> np.ndarray:
    """`sums` plus itself `down` rows and `across` columns further on; what would come from outside counts as nothing."""
    added = sums.copy()
    height, width = sums.shape
    rows, columns = slice(max(0, -down), height - max(0, down)), slice(max(0, -across), width - max(0, across))
    source = sums[max(0, down) : height + min(0, down), max(0, across) : width + min(0, across)]
    added[rows, columns] += source
    return added


class _Pieces:
    """Components of a mask, joined across the bands they were found in: for each its strength, its evidence and its box."""

    def __init__(self) -> None:
        self.parents: list[int] = []
        self.strong: list[np.ndarray] = []
        self.evidence: list[np.ndarray] = []
        self.boxes: list[np.ndarray] = []

    def add(self, strong: np.ndarray, evidence: np.ndarray, boxes: np.ndarray) -> int:
        """Add a band's components; gives the number of the first."""
        first = len(self.parents)
        self.parents.extend(range(first, first + len(strong)))
        self.strong.append(strong)
        self.evidence.append(evidence)
        self.boxes.append(boxes)
        return first

    def root(self, piece: int) -> int:
        """The piece that stands for all that `piece` is joined with."""
        while self.parents[piece] != piece:
            self.parents[piece] = self.parents[self.parents[piece]]
            piece = self.parents[piece]
        return piece

    def join(self, one: int, other: int) -> None:
        """Two pieces touch across a seam."""
        self.parents[self.root(one)] = self.root(other)

    def kept(self, largest_px: int | None) -> np.ndarray:
        """For each piece whether the component it belongs to is damage."""
        if not self.parents:
            return np.zeros(0, bool)
        roots = np.array([self.root(piece) for piece in range(len(self.parents))])
        count = len(roots)
        strong = np.bincount(roots, weights=np.concatenate(self.strong), minlength=count) > 0
        enough = np.bincount(roots, weights=np.concatenate(self.evidence), minlength=count) >= SPECK_EVIDENCE
        kept: np.ndarray = (strong & enough)[roots]
        if largest_px is not None:
            boxes = np.concatenate(self.boxes)
            low, high = np.full((count, 2), np.iinfo(np.int64).max), np.zeros((count, 2), np.int64)
            np.minimum.at(low, roots, boxes[:, :2])
            np.maximum.at(high, roots, boxes[:, 2:])
            kept &= ((high - low).max(axis=1) <= largest_px)[roots]
        return kept


def _connected(evidence: Evidence, low: int, high: int, largest_px: int | None) -> Mask:
    """Pixels from `low` that hang together with one from `high`, in components of enough evidence and no larger than `largest_px`.

    Components are found band by band and joined across the seams, so that labels never take more than a band's memory.
    """
    height, width = evidence.shape
    excess = np.maximum(_PROBABILITY - _PROBABILITY[high], 0) / (1 - _PROBABILITY[high])
    mask = evidence >= low
    pieces, firsts, above = _Pieces(), [], np.zeros(0, np.int64)
    for rows in tiles.bands(height, width):
        count, labels, boxes, _ = cv2.connectedComponentsWithStats(mask[rows].view(np.uint8), connectivity=8)
        within, steps = labels[mask[rows]], evidence[rows][mask[rows]]
        strong = np.bincount(within, weights=steps >= high, minlength=count)[1:]
        amount = np.bincount(within, weights=excess[steps], minlength=count)[1:]
        left, top, wide, tall = boxes[1:, :4].astype(np.int64).T
        first = pieces.add(strong, amount, np.stack([top + rows.start, left, top + rows.start + tall, left + wide], axis=1))
        firsts.append(first)
        numbers = np.where(labels[0] > 0, labels[0] + (first - 1), -1)
        for one, other in _touching(above, numbers):
            pieces.join(one, other)
        above = np.where(labels[-1] > 0, labels[-1] + (first - 1), -1)
    kept = pieces.kept(largest_px)
    for rows, first in zip(tiles.bands(height, width), firsts, strict=True):
        _, labels = cv2.connectedComponents(mask[rows].view(np.uint8), connectivity=8)
        mask[rows] &= np.concatenate([[False], kept[first : first + int(labels.max())]])[labels]
    return mask


def _touching(above: np.ndarray, below: np.ndarray) -> set[tuple[int, int]]:
    """Pairs of pieces that meet between the last row of a band and the first of the next, diagonals included; -1 is no piece."""
    if above.size == 0:
        return set()
    pairs: set[tuple[int, int]] = set()
    for shift in (-1, 0, 1):
        upper = above[max(0, -shift) : len(above) - max(0, shift)]
        lower = below[max(0, shift) : len(below) - max(0, -shift)]
        both = (upper >= 0) & (lower >= 0)
        pairs.update(zip(upper[both].tolist(), lower[both].tolist(), strict=True))
    return pairs
