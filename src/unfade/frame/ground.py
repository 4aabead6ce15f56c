"""What lies around the prints: its color is read off the edge of the picture, and followed inwards as light
and shadow change it.

Everything works on a small copy in L*a*b*, where distances are those that the eye sees.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from unfade.arrays import Lab, Mask
from unfade.frame import outlines

MODEL_PX = 160  # the long side of the copy on which the ground's color is followed
RING_SHARE = 0.012  # how wide the edge is that shows the ground, of the long side
MODE_LEAST = 0.12  # a color that covers less of the edge than this is no ground
MODE_REACH = 8.0
# A pixel is ground within SIGMAS deviations of the model, and within these distances whatever the deviation.
SIGMAS = 4.5
# On the small copy, what is more uneven, or covers less of the edge, is no ground.
EVEN_MOST, EDGE_LEAST = 4.2, 0.18
REACH_RANGE = (2.2, 14.0)
GRAIN_PX, GRAINED = 5, 0.008  # if more of the copy than this is thinner than so many pixels and no ground, the ground is grained


@dataclass(frozen=True, eq=False)
class Ground:
    """One explanation of what lies around: `mask` (h, w) of its pixels, its mean `color`, the `deviation` of
    its pixels from a smooth model of it, and the `edge_share`: how much of the picture's edge it covers."""

    mask: Mask
    color: np.ndarray
    deviation: float
    edge_share: float


def ring(height: int, width: int, depth: int) -> Mask:
    """The outermost `depth` pixels."""
    mask = np.ones((height, width), bool)
    mask[depth : height - depth, depth : width - depth] = False
    return mask


def modes(colors: Lab) -> list[np.ndarray]:
    """The commonest colors of the edge's pixels (n, 3), commonest first."""
    bins = np.round(colors / (4, 4, 4)).astype(np.int64) + 64
    found: list[np.ndarray] = []
    free = np.ones(len(colors), bool)
    while free.mean() > MODE_LEAST and len(found) < 3:
        keys = bins[free] @ np.array([1 << 16, 1 << 8, 1])
        values, counts = np.unique(keys, return_counts=True)
        start = colors[free][keys == values[np.argmax(counts)]].mean(axis=0)
        for _ in range(5):
            near = free & (((colors - start) ** 2).sum(axis=1) < MODE_REACH**2)
            start = colors[near].mean(axis=0)
        if near.mean() < MODE_LEAST:
            break
        found.append(start)
        free &= ((colors - start) ** 2).sum(axis=1) > (1.5 * MODE_REACH) ** 2
    return found


@dataclass(frozen=True, eq=False)
class Candidate:
    """A color that may be the ground's: a smooth `model` of it all over the small copy it was followed on,
    and the `deviation` of its pixels there."""

    model: Lab
    deviation: float


def candidates(small: Lab) -> Iterator[Candidate]:
    """What may lie around, followed on a copy of at most `MODEL_PX`; the commonest color of the edge first.

    What covers too little of the edge, or is too uneven, is left out: a full copy is not worth its time.
    """
    edge = ring(small.shape[0], small.shape[1], 2)
    for mode in modes(small[edge]):
        model, deviation, mask = _follow(small, edge & (((small - mode) ** 2).sum(axis=2) < MODE_REACH**2))
        if mask.any() and deviation <= EVEN_MOST and mask[edge].mean() >= EDGE_LEAST and outlines.may_hold_prints(~mask):
            yield Candidate(model, deviation)


def grounds(lab: Lab, found: Iterable[Candidate]) -> Iterator[Ground]:
    """Explanations of what lies around on the full copy, from what was found on the small one."""
    height, width = lab.shape[:2]
    for candidate in found:
        full = cv2.resize(candidate.model, (width, height), interpolation=cv2.INTER_LINEAR)
        away = lab - full
        distance = cv2.sqrt((away[..., 0] * away[..., 0] + away[..., 1] * away[..., 1]) + away[..., 2] * away[..., 2])
        sigma = _spread(distance[distance < 3 * max(candidate.deviation, 1.0)])
        reach = float(np.clip(SIGMAS * sigma, *REACH_RANGE))
        outer = ring(height, width, max(2, round(RING_SHARE * max(height, width))))
        mask = _reached(_without_grain(distance < reach), outer)
        if mask[outer].mean() < MODE_LEAST:
            continue
        yield Ground(mask, lab[mask].mean(axis=0), sigma, float(mask[outer].mean()))


def _spread(distances: np.ndarray) -> float:
    """The deviation per channel of distances in three channels, from their median: that of a chi distribution
    with 3 degrees is 1.538."""
    return float(np.median(distances)) / 1.538 if distances.size else 0.0


def _without_grain(near: Mask) -> Mask:
    """The same, but where the ground is grained, streaks of wood and threads of cloth are ground, too. They
    run from print to print, and would close in the ground between."""
    solid = cv2.morphologyEx((~near).view(np.uint8), cv2.MORPH_OPEN, np.ones((GRAIN_PX, GRAIN_PX), np.uint8)) > 0
    return ~solid if float((~near & ~solid).mean()) > GRAINED else near


def _reached(near: Mask, edge: Mask) -> Mask:
    """The part of `near` that hangs together with the edge."""
    _, labels = cv2.connectedComponents(near.view(np.uint8), connectivity=4)
    touches = np.zeros(int(labels.max()) + 1, bool)
    touches[labels[edge & near]] = True
    touches[0] = False
    reached: Mask = touches[labels]
    return reached


def _follow(small: Lab, seeds: Mask) -> tuple[Lab, float, Mask]:
    """The ground's color all over the copy, followed from `seeds` inwards; how far its pixels stray from it;
    and which they are (none: it was lost)."""
    height, width = small.shape[:2]
    mask, deviation = seeds, 1.0
    edge = ring(height, width, 2)
    model = np.broadcast_to(small[seeds].mean(axis=0), small.shape)
    for step in range(6):
        share = 0.12 if step < 3 else 0.05
        weights = mask.astype(np.float32)
        spread, local = _blurred(weights, small * weights[..., None], share * max(height, width))
        local = local / np.maximum(spread, 1e-6)[..., None]
        trust = np.minimum(spread / 0.02, 1)[..., None]
        model = (trust * local + (1 - trust) * _surface(small, mask)).astype(np.float32)
        distance = np.sqrt(((small - model) ** 2).sum(axis=2))
        deviation = _spread(distance[mask])
        mask = _reached(distance < np.clip(SIGMAS * deviation, 3.0, REACH_RANGE[1]), edge)
        if not mask.any():
            return model, 0.0, mask
    return model, deviation, mask


def _blurred(weights: np.ndarray, colors: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Both blurred, at a quarter of the size: so wide a blur needs no more."""
    height, width = weights.shape
    joined = np.dstack([weights, colors])
    factor = 4 if min(height, width) >= 32 else 1
    size = max(1, width // factor), max(1, height // factor)
    blurred = cv2.GaussianBlur(cv2.resize(joined, size, interpolation=cv2.INTER_AREA), (0, 0), sigma / factor)
    grown = cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR)
    return grown[..., 0], grown[..., 1:]


def _surface(small: Lab, mask: Mask) -> Lab:
    """A surface of the second degree through the masked pixels."""
    height, width = small.shape[:2]
    y, x = np.linspace(-1, 1, height, dtype=np.float32)[:, None], np.linspace(-1, 1, width, dtype=np.float32)[None]
    x, y = np.broadcast_to(x, (height, width)), np.broadcast_to(y, (height, width))
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=2)
    if mask.mean() < 0.2:
        terms = terms[..., :3]
    thin = mask if mask.sum() < 4000 else mask & _EVERY_THIRD[:height, :width]
    chosen = terms[thin].astype(np.float64)
    pull = np.diag([0.0] + [1e-3 * len(chosen)] * (terms.shape[2] - 1))
    solved = np.linalg.solve(chosen.T @ chosen + pull + 1e-9 * np.eye(terms.shape[2]), chosen.T @ small[thin])
    return np.asarray(terms @ solved.astype(np.float32), np.float32)


_EVERY_THIRD = np.indices((MODEL_PX, MODEL_PX)).sum(axis=0) % 3 == 0
