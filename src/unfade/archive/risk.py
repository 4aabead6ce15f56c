"""What a person must look at first: how risky a result is, and why.

Each reason has a strength in [0, 1]; the risk is the chance that none of them is harmless, as if they were
independent: 1 - product(1 - strength). It is an order to look in, not a probability of a fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from unfade.archive.invented import Inventions, measure, weight
from unfade.archive.sidecar import StepFacts
from unfade.arrays import Mask
from unfade.files.photo import Photo
from unfade.inpainting import biharmonic
from unfade.record import StepRecord

SIDE_PX = 512
# Strengths, chosen so that one strong reason alone comes before several weak ones.
MUCH_REPAIRED = 0.15  # share of the photograph that is repaired, at which it counts in full
LARGE, REPAIRED, DOUBTFUL, TONE, DISAGREE, FACE = 0.6, 0.5, 0.5, 0.4, 0.4, 0.6
STRONG_TONE = 20.0  # mean change of L* that counts in full
APART = 40.0  # mean difference in 8-bit levels between the network's fill and the smooth one that counts in full


@dataclass(frozen=True)
class Risk:
    """The risk in [0, 1], its reasons in sentences, the strongest first, and what was invented."""

    score: float
    reasons: tuple[str, ...]
    invented: Inventions


def assess(before: Photo, after: Photo, mask: Mask | None, steps: Sequence[StepRecord | StepFacts]) -> Risk:
    """How risky a result is. `mask`: what was taken for lost; `steps`: the account of what was done."""
    found = measure(before, after, mask)
    reasons: list[tuple[float, str]] = []
    repaired = found.share
    if repaired > 0:
        reasons.append((REPAIRED * min(1.0, repaired / MUCH_REPAIRED), f"{repaired:.1%} of it is repaired"))
    if found.large:
        place = found.large[0].sentence()
        reasons.append(
            (LARGE * (0.5 + 0.5 * weight(found)), place if len(found.large) == 1 else f"{place}, and {len(found.large) - 1} more")
        )
    doubts = [doubt for step in steps for doubt in step.doubts]
    if doubts:
        area = sum((right - left) * (bottom - top) for left, top, right, bottom in (doubt.box for doubt in doubts))
        share = min(1.0, area / (before.width * before.height))
        reasons.append((DOUBTFUL * (0.5 + 0.5 * min(1.0, share / 0.05)), f"left alone, though it may be damage: {len(doubts)}"))
    if repaired > 0 and mask is not None and (apart := _disagreement(before, after, mask)) > APART / 4:
        reasons.append((DISAGREE * min(1.0, apart / APART), f"the network's repair is {apart:.0f} levels from a smooth one"))
    if (moved := _tone_change(before, after)) > STRONG_TONE / 4:
        reasons.append((TONE * min(1.0, moved / STRONG_TONE), f"the tone moved by {moved:.0f} of L* on average"))
    if faces := sum(int(step.facts.get("faces_touched", 0)) for step in steps):
        reasons.append((FACE, f"a repair touches {faces} face{'s' * (faces > 1)}"))
    reasons.sort(key=lambda reason: -reason[0])
    score = 1.0 - float(np.prod([1 - strength for strength, _ in reasons]))
    return Risk(round(score, 4), tuple(sentence for _, sentence in reasons), found)


def _tone_change(before: Photo, after: Photo) -> float:
    """The mean change of L*."""
    one, other = (cv2.cvtColor(picture.reduced(SIDE_PX).srgb(), cv2.COLOR_RGB2LAB)[:, :, 0] for picture in (before, after))
    return float(np.abs(one - other).mean())


def _disagreement(before: Photo, after: Photo, mask: Mask) -> float:
    """How far the network's repair is from the smooth surface over the hole, in levels of 8 bits, on average
    over the repair. Where they agree, any painter would paint the same."""
    one, other = (picture.reduced(SIDE_PX).srgb() for picture in (before, after))
    hole = cv2.resize(mask.view(np.uint8) * 255, one.shape[1::-1], interpolation=cv2.INTER_AREA) > 0
    if not hole.any() or hole.all():
        return 0.0
    smooth = biharmonic(np.where(hole[:, :, None], 0, other).astype(np.float32), hole)
    return float(np.abs(smooth - other)[hole].mean() * 255)
