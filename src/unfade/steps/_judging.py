"""Pieces of a mask are kept or dropped by what they are.

A large mark needs more than a thin one: a cloud, a white dress or a plain wall looks lost to a network that
sees a window of it. What tells a loss from them is measured of each piece: whether both looks agree, how much
structure there is on either side of its edge (an object's outline is sharp between smooth sides; torn paper
is rough), how far it differs from its surroundings, and how much else is lost in the photograph. A logistic
regression on these numbers, fitted by `workshop.pieces`, stands on the model's card.

Pieces are looked at on a copy of at most `WORKING_PIXELS`: neither time nor memory grow with the scan.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import cv2
import numpy as np

from unfade import color, tiles
from unfade.arrays import Float64, Mask, Plane
from unfade.faces import Face
from unfade.files.photo import Photo
from unfade.models.calibration import Pieces
from unfade.record import Doubt
from unfade.steps._evidence import STEPS_PER_NAT, Evidence, log_odds_of, quantized

WORKING_PIXELS = 4_000_000
RING_SHARE = 0.012
"""How far the surroundings of a piece reach, as a share of the short side."""
TRAITS = ("bias", "size", "edge", "ring", "texture", "strength", "agreement", "contrast", "length", "company", "border")
"""What is measured of a piece, each about 0 on average and about 1 apart."""
LARGE_FROM, LARGE_AT = math.exp(-8), math.exp(-6)
"""Areas, as shares of the short side's square, between which a piece goes from small to large."""
DOUBTED_SHARE = 0.002
"""A dropped piece of at least this share of the photograph is told if it came within `DOUBTED_BELOW`."""
DOUBTED_BELOW = 2.5
DOUBTS = 5
"""At most so many doubts, the largest first."""
FACE_MARGIN = 0.05
"""A piece lies within a face if it is at most this share of its longer side outside of its box."""
SURE_SHARE = 0.1
"""A piece is surely lost if this share of its pixels is."""
OUTLINE_POINTS = 200
"""At most so many points has the outline of a doubt."""


@dataclass(frozen=True, eq=False)
class Measured:
    """The pieces of a mask that are large enough to be judged.

    `labels` (h, w) int32 numbers all pieces, from 1; `numbers` says which of them are measured, `traits`
    (n, len(TRAITS)) what they are, `areas` (n,) how large, as shares of the short side's square, `boxes`
    (n, 4) where: left, top, width, height; `shares` (n,) how much of the picture they are.
    """

    labels: np.ndarray
    numbers: np.ndarray
    traits: Float64[np.ndarray, "n k"]
    areas: np.ndarray
    boxes: np.ndarray
    shares: np.ndarray


def measure(gray: Plane, evidence: Evidence, least: Evidence, mask: Mask, smallest_share: float) -> Measured:
    """Measure each piece of `mask` of at least `smallest_share` of the short side's square.

    All planes are of one size. `least` is the lesser of the two looks' evidence.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    short = min(mask.shape)
    areas = stats[:, cv2.CC_STAT_AREA].astype(float)
    chosen = np.flatnonzero(areas >= max(smallest_share * short**2, 4))
    chosen = chosen[chosen > 0]
    total = float(areas[1:].sum())
    fine = np.abs(gray - cv2.GaussianBlur(gray, (0, 0), 1.5)) if len(chosen) else gray
    soft = cv2.GaussianBlur(gray, (0, 0), 1.0) if len(chosen) else gray
    reach = max(3, round(RING_SHARE * short))
    rows = []
    for number in chosen:
        left, top, wide, tall, area = (int(value) for value in stats[number])
        outer = reach + 3
        part = np.s_[max(0, top - outer) : top + tall + outer, max(0, left - outer) : left + wide + outer]
        own = labels[part] == number
        ends = (top <= 1) + (left <= 1) + (top + tall >= mask.shape[0] - 1) + (left + wide >= mask.shape[1] - 1)
        company = (total - area) / mask.size
        rows.append(_traits(own, mask[part], gray[part], soft[part], fine[part], evidence[part], least[part], short, reach, company, ends))
    traits = np.array(rows, float).reshape(-1, len(TRAITS))
    return Measured(labels, chosen, traits, areas[chosen] / short**2, stats[chosen, :4], areas[chosen] / mask.size)


def _traits(
    own: Mask,
    mask: Mask,
    gray: Plane,
    soft: Plane,
    fine: Plane,
    evidence: Evidence,
    least: Evidence,
    short: int,
    reach: int,
    company: float,
    ends: int,
) -> list[float]:
    """The traits of one piece, `own`, in a part of the picture that holds it and its surroundings."""
    piece = own.astype(np.uint8)
    inside = cv2.distanceTransform(cv2.copyMakeBorder(piece, 1, 1, 1, 1, cv2.BORDER_CONSTANT), cv2.DIST_L2, 3)[1:-1, 1:-1]
    thick = max(float(inside.max()), 1.0)
    near = cv2.dilate(piece, np.ones((5, 5), np.uint8)) > 0
    ring = (cv2.dilate(piece, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0) & ~near & ~(mask & ~own)
    if not ring.any():
        ring = ~own if not own.all() else own
    edge = near & ~(cv2.erode(piece, np.ones((3, 3), np.uint8)) > 0)
    edge = edge if edge.any() else own  # a piece that fills the picture has none
    core = own & (inside > min(2.0, thick * 0.5))
    core = core if core.any() else own
    slope = np.hypot(cv2.Sobel(soft, -1, 1, 0), cv2.Sobel(soft, -1, 0, 1)) / 4
    area = float(own.sum())
    sharp = float(slope[edge].mean()) / (float(slope[ring].mean()) + float(slope[core].mean()) + 0.005)
    contrast = abs(float(np.median(gray[core])) - float(np.median(gray[ring])))
    strength = float(np.percentile(evidence[own], 90)) / STEPS_PER_NAT + log_odds_of(0)
    agreement = float(least[own].mean()) / STEPS_PER_NAT + log_odds_of(0)
    raw = [
        (math.log(area / short**2) + 8) / 2,
        (math.log(sharp + 0.05) + 0.55) / 0.35,
        (math.log(float(gray[ring].std()) + 0.01) + 3) / 0.8,
        (math.log(float(fine[core].mean()) + 0.005) + 2.7) / 0.8,
        (strength - 2.2) / 1.5,
        (agreement + 0.7) / 1.3,
        (math.log(contrast + 0.02) + 1.7) / 0.6,
        math.log(area / thick**2) - 2,
        (math.log(company + 1e-4) + 5) / 1.5,
        float(min(ends, 1)),
    ]
    return [1.0, *(min(max(value, -3.0), 3.0) for value in raw)]


def largeness(areas: np.ndarray) -> np.ndarray:
    """How large pieces are, from 0 (small) to 1."""
    return np.asarray(np.clip(np.log(np.maximum(areas, 1e-12) / LARGE_FROM) / math.log(LARGE_AT / LARGE_FROM), 0, 1))


def scores(measured: Measured, pieces: Pieces) -> np.ndarray:
    """How likely each measured piece is damage, as log-odds, (n,)."""
    weights = np.array(pieces.small)[None] + largeness(measured.areas)[:, None] * np.array(pieces.large)[None]
    return np.asarray((measured.traits * weights).sum(axis=1))


def judge(
    photo: Photo, evidence: Evidence, least: Evidence, mask: Mask, pieces: Pieces, strictness: float
) -> tuple[Mask, tuple[Doubt, ...]]:
    """The mask without the pieces whose score is below `strictness`, and which large ones are in doubt.

    Changes `mask` in place.
    """
    height, width = mask.shape
    if not mask.any():
        return mask, ()
    shrink, tall, wide = blocks_of(height, width)
    gray = tiles.reduce(lambda rows, columns: color.luma(photo.srgb(rows, columns))[:, :, None], height, width, tall, wide)[:, :, 0]
    small = [most(plane.view(np.uint8), shrink, tall, wide) for plane in (mask, evidence, least)]
    measured = measure(gray, small[1], small[2], small[0] > 0, pieces.smallest_share)
    found = scores(measured, pieces)
    dropped = found < strictness
    if not dropped.any():
        return mask, ()
    gone = np.zeros(int(measured.labels.max()) + 1, bool)
    gone[measured.numbers[dropped]] = True
    for rows in tiles.bands(height, width):
        mask[rows] &= ~gone[over_blocks(measured.labels, rows, width, shrink)]
    doubtful = dropped & (found >= strictness - DOUBTED_BELOW) & (measured.shares >= DOUBTED_SHARE)
    order = sorted(np.flatnonzero(doubtful), key=lambda index: -measured.shares[index])[:DOUBTS]
    return mask, tuple(_doubt(shrink, height, width, gray, measured, index) for index in map(int, order))


def spare_faces(mask: Mask, evidence: Evidence, faces: Iterable[Face], sure: float) -> int:
    """Unmark what lies within a face where nothing is surely lost: an eye, a brow or a tooth looks like a
    small loss.

    A piece is surely lost if its evidence reaches `sure`, in log-odds. One that goes beyond the face stays.
    Changes `mask` in place; gives how many faces were spared.
    """
    spared = 0
    for face in faces:
        margin = round(FACE_MARGIN * max(face.width, face.height))
        rows = slice(max(face.top - margin, 0), face.bottom + margin)
        columns = slice(max(face.left - margin, 0), face.right + margin)
        marked = mask[rows, columns]
        count, labels, stats, _ = cv2.connectedComponentsWithStats(np.ascontiguousarray(marked).view(np.uint8), connectivity=8)
        sizes = stats[:, cv2.CC_STAT_AREA]
        strong = np.bincount(labels[marked], weights=evidence[rows, columns][marked] >= quantized(sure), minlength=count)
        if (strong[1:] >= SURE_SHARE * sizes[1:]).any():
            continue
        left, top, wide, tall = stats[:, :4].T
        within = (left > 0) & (top > 0) & (left + wide < marked.shape[1]) & (top + tall < marked.shape[0])
        within[0] = False  # what is not marked
        marked &= ~within[labels]
        spared += bool(within.any())
    return spared


def blocks_of(height: int, width: int) -> tuple[int, int, int]:
    """The side of the blocks that a copy of at most `WORKING_PIXELS` has a pixel for, and its height and
    width."""
    shrink = max(1, math.ceil(math.sqrt(height * width / WORKING_PIXELS)))
    return shrink, -(-height // shrink), -(-width // shrink)


def over_blocks(copy: np.ndarray, rows: slice, width: int, shrink: int) -> np.ndarray:
    """Some rows of the photograph, each pixel as its block of `shrink` x `shrink` is on the copy."""
    taken: np.ndarray = copy[np.ix_(np.arange(rows.start, rows.stop) // shrink, np.arange(width) // shrink)]
    return taken


def most(plane: np.ndarray, shrink: int, tall: int, wide: int) -> np.ndarray:
    """The greatest of each block of `shrink` x `shrink`, (tall, wide)."""
    if shrink == 1:
        return plane
    padded = cv2.copyMakeBorder(plane, 0, tall * shrink - plane.shape[0], 0, wide * shrink - plane.shape[1], cv2.BORDER_REPLICATE)
    rows = reduce(np.maximum, (padded[first::shrink] for first in range(shrink)))  # at least twice as fast as one maximum over blocks
    return reduce(np.maximum, (rows[:, first::shrink] for first in range(shrink)))


def _doubt(shrink: int, height: int, width: int, gray: Plane, measured: Measured, index: int) -> Doubt:
    """A dropped piece in words, as a box and as an outline."""
    left, top, wide, tall = (int(side) * shrink for side in measured.boxes[index])
    own = measured.labels == measured.numbers[index]
    tone = "pale" if gray[own].mean() > gray.mean() else "dark"
    middle = (left + wide / 2) / width, (top + tall / 2) / height
    across = "left" if middle[0] < 1 / 3 else "right" if middle[0] > 2 / 3 else ""
    down = "top" if middle[1] < 1 / 3 else "bottom" if middle[1] > 2 / 3 else ""
    place = f"at the {' '.join(filter(None, (down, across)))}" if across or down else "in the middle"
    box = left, top, min(left + wide, width), min(top + tall, height)
    outline = tuple((min(x, width), min(y, height)) for x, y in _outline(own, shrink))
    return Doubt(f"a large {tone} area {place} may be a loss: mark it if it is", box, outline)


def _outline(own: Mask, shrink: int) -> list[tuple[int, int]]:
    """The line around a piece.

    What it encloses and is not of it, such as the middle of a ring, is cut out: the line goes there, around
    it, and back the same way.
    """
    lines, levels = cv2.findContours(own.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    slack, count = 0.75, OUTLINE_POINTS + 1
    line: list[np.ndarray] = []
    while count > OUTLINE_POINTS:
        around = [cv2.approxPolyDP(each, slack, closed=True).reshape(-1, 2) for each in lines]
        holes = [points for points, level in zip(around, levels[0], strict=True) if level[3] >= 0 and len(points) > 2]
        outer = max((points for points, level in zip(around, levels[0], strict=True) if level[3] < 0), key=len)
        line = [outer, outer[:1], *(part for hole in holes for part in (hole, hole[:1], outer[:1]))]
        count = sum(map(len, line))
        slack *= 1.6
    return [(int(x) * shrink + shrink // 2, int(y) * shrink + shrink // 2) for x, y in np.concatenate(line)]
