"""A mask is made of evidence.

Three things are decided over more than one pixel: a faint scratch by its evidence along a line (it hardly
shows in any one pixel), a faint edge by its connection to a sure middle (hysteresis: Canny 1986), a lone
speck by the sum of its evidence, of which it needs less than a large mark. The mask grows by a pixel where
there is any evidence, because the edge of damage is antialiased into the picture.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from unfade import tiles
from unfade.arrays import Mask
from unfade.models.calibration import DamageCalibration, Lines, Prior, Specks
from unfade.steps._evidence import PROBABILITY, STEPS_PER_NAT, Evidence, prior_shift, quantized

# The mask grows by a pixel, or on large scans by the short side over this.
GROWTH_SHARE = 2000
# Lines are sought on a half-size map of evidence, in so many directions. A line is as long as the short side
# over LINE_SHARE; its parallels are LINE_APART_PX away.
ORIENTATIONS = 16
LINE_SHARE = 20
LINE_APART_PX = 4
# A speck may be as long as this on any scan, however small, and no longer on any: on large ones a badge is
# small, too.
SPECK_PX = (3, 16)


def decide(
    evidence: Evidence, threshold: float, calibration: DamageCalibration, *, largest_px: int | None = None, threads: int = 1
) -> Mask:
    """The mask that the evidence gives at a `threshold` in log-odds. `evidence` stays as it is."""
    parts = tiles.in_order(lambda part: part(evidence, threshold, calibration, largest_px), (_marks, _specks), threads)
    mask: Mask = np.logical_or(*parts)
    if calibration.growth is None:
        return mask
    return mask | (grown(mask) & (evidence >= max(quantized(threshold - calibration.growth), 1)))


def growth_px(shape: tuple[int, ...]) -> int:
    """How wide the rim of a mark is on a photograph of this size (h, w)."""
    return max(1, round(min(shape) / GROWTH_SHARE))


def grown(mask: Mask) -> Mask:
    """The mask with the rims of its marks."""
    side = 2 * growth_px(mask.shape) + 1
    larger: Mask = cv2.dilate(mask.view(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))).view(bool)
    return larger


def _marks(evidence: Evidence, threshold: float, calibration: DamageCalibration, largest_px: int | None) -> Mask:
    """What has enough evidence in its pixels or along a line."""
    raised = evidence.copy()
    if calibration.lines is not None:
        taken = along_lines(evidence, threshold, calibration.lines)
        raised[taken] = np.maximum(raised[taken], quantized(threshold + 2.0))
    low, high = quantized(threshold - calibration.hysteresis), quantized(threshold)
    return _connected(raised, low, high, calibration.speck_evidence, largest_px)


def _specks(evidence: Evidence, threshold: float, calibration: DamageCalibration, largest_px: int | None) -> Mask:
    """Specks: what is small needs less."""
    specks = calibration.specks
    if specks is None:
        return np.zeros(evidence.shape, bool)
    longest_px = min(max(SPECK_PX[0], round(specks.longest_share * min(evidence.shape))), SPECK_PX[1])
    eased = _eased(evidence, threshold, specks, calibration.prior)
    at = quantized(eased - calibration.hysteresis), quantized(eased)
    return _connected(evidence, *at, specks.evidence, longest_px if largest_px is None else min(longest_px, largest_px))


def _eased(evidence: Evidence, threshold: float, specks: Specks, prior: Prior | None) -> float:
    """The threshold of specks, in log-odds: the lower, the more of the photograph seems lost.

    Specks of a ruined photograph are damage; those of a sound one may be a wall's or a coat's.
    """
    share = 1.0
    if prior is not None:
        low, high = prior.range
        worn = (prior_shift(evidence, prior) - low) / (high - low)
        share = specks.sound_share + (1 - specks.sound_share) * worn
    return max(threshold - share * specks.below, specks.least)


def along_lines(evidence: Evidence, threshold: float, lines: Lines) -> Mask:
    """Where evidence too faint pixel by pixel adds up along a straight line, (h, w).

    The mean over a segment of 2^k pixels is found by k doublings, each the sum of a map and itself shifted,
    so that 16 directions cost as many additions as one small filter (a discrete beamlet transform: Brady
    1998, doi:10.1137/S0097539793256673).
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
    mean_needed = np.uint16(length * max(quantized(threshold - lines.mean), 1))
    contrast_needed = np.uint16(length * round(lines.contrast * STEPS_PER_NAT))
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
    return taken & (evidence >= max(quantized(threshold - lines.own), 1))


def _add_shifted(sums: np.ndarray, down: int, across: int) -> np.ndarray:
    """`sums` plus itself `down` rows and `across` columns further on; what would come from outside counts as
    nothing."""
    added = sums.copy()
    height, width = sums.shape
    rows, columns = slice(max(0, -down), height - max(0, down)), slice(max(0, -across), width - max(0, across))
    source = sums[max(0, down) : height + min(0, down), max(0, across) : width + min(0, across)]
    added[rows, columns] += source
    return added


class _Pieces:
    """Components of a mask, joined across the bands they were found in: for each its strength, its evidence
    and its box."""

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

    def kept(self, least_evidence: float, largest_px: int | None) -> np.ndarray:
        """For each piece whether the component it belongs to is damage."""
        if not self.parents:
            return np.zeros(0, bool)
        roots = np.array([self.root(piece) for piece in range(len(self.parents))])
        count = len(roots)
        strong = np.bincount(roots, weights=np.concatenate(self.strong), minlength=count) > 0
        enough = np.bincount(roots, weights=np.concatenate(self.evidence), minlength=count) >= least_evidence
        kept: np.ndarray = (strong & enough)[roots]
        if largest_px is not None:
            boxes = np.concatenate(self.boxes)
            low, high = np.full((count, 2), np.iinfo(np.int64).max), np.zeros((count, 2), np.int64)
            np.minimum.at(low, roots, boxes[:, :2])
            np.maximum.at(high, roots, boxes[:, 2:])
            kept &= ((high - low).max(axis=1) <= largest_px)[roots]
        return kept


def _connected(evidence: Evidence, low: int, high: int, least_evidence: float, largest_px: int | None) -> Mask:
    """Pixels from `low` that hang together with one from `high`, in components of enough evidence and no
    larger than `largest_px`.

    Components are found band by band and joined across the seams, so that labels never take more than a
    band's memory.
    """
    height, width = evidence.shape
    excess = np.maximum(PROBABILITY - PROBABILITY[high], 0) / (1 - PROBABILITY[high])
    mask = evidence >= low
    pieces, firsts, above = _Pieces(), [], np.zeros(0, np.int64)
    for rows in tiles.bands(height, width):
        count, labels, boxes = _labeled(mask[rows], boxed=largest_px is not None)
        within, steps = labels[mask[rows]], evidence[rows][mask[rows]]
        strong = np.bincount(within, weights=steps >= high, minlength=count)[1:]
        amount = np.bincount(within, weights=excess[steps], minlength=count)[1:]
        first = pieces.add(strong, amount, boxes + np.array([rows.start, 0, rows.start, 0]))
        firsts.append(first)
        numbers = np.where(labels[0] > 0, labels[0] + (first - 1), -1)
        for one, other in _touching(above, numbers):
            pieces.join(one, other)
        above = np.where(labels[-1] > 0, labels[-1] + (first - 1), -1)
    kept = pieces.kept(least_evidence, largest_px)
    for rows, first in zip(tiles.bands(height, width), firsts, strict=True):
        _, labels = cv2.connectedComponents(mask[rows].view(np.uint8), connectivity=8)
        mask[rows] &= np.concatenate([[False], kept[first : first + int(labels.max())]])[labels]
    return mask


def _labeled(mask: Mask, *, boxed: bool) -> tuple[int, np.ndarray, np.ndarray]:
    """The number of components of a mask and of what is none; their labels (h, w); and, if `boxed`, their
    boxes (n, 4): top, left, bottom, right, else none (0, 4)."""
    if not boxed:  # boxes take most of the time
        return *cv2.connectedComponents(mask.view(np.uint8), connectivity=8), np.zeros((0, 4), np.int64)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    left, top, wide, tall = stats[1:, :4].astype(np.int64).T
    return count, labels, np.stack([top, left, top + tall, left + wide], axis=1)


def _touching(above: np.ndarray, below: np.ndarray) -> set[tuple[int, int]]:
    """Pairs of pieces that meet between the last row of a band and the first of the next, diagonals included;
    -1 is no piece."""
    if above.size == 0:
        return set()
    pairs: set[tuple[int, int]] = set()
    for shift in (-1, 0, 1):
        upper = above[max(0, -shift) : len(above) - max(0, shift)]
        lower = below[max(0, shift) : len(below) - max(0, -shift)]
        both = (upper >= 0) & (lower >= 0)
        pairs.update(zip(upper[both].tolist(), lower[both].tolist(), strict=True))
    return pairs
