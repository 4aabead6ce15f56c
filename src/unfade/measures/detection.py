"""Damage found against damage made, with a tolerance.

Where a scratch ends, one pixel more or less is nobody's mistake.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from unfade.arrays import Mask
from unfade.measures.measure import EITHER, LOST, DamageTruth, Measure, Observation, Rows, harmonic_mean, mean

TOLERANCE_PX = 2
# OpenCV's ellipse of 5×5: a disc of 2 px as rasters have it.
_DISC = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * TOLERANCE_PX + 1, 2 * TOLERANCE_PX + 1))


def near(mask: Mask) -> Mask:
    """What lies within the tolerance of `mask`."""
    return np.asarray(cv2.dilate(mask.astype(np.uint8), _DISC) > 0)


def counts(found: Mask, damage: DamageTruth) -> np.ndarray:
    """Six counts of pixels: found and right, found, lost and found, lost, in both exactly, in either exactly.

    A found pixel is right if a lost one lies within 2 px; a lost pixel is found if a found one lies within 2
    px. Stains do not count: neither as found nor as lost.
    """
    lost, counted = damage == LOST, damage != EITHER
    strict = found & counted
    return np.array(
        [
            (strict & near(lost)).sum(),
            strict.sum(),
            (lost & near(found)).sum(),
            lost.sum(),
            (strict & lost).sum(),
            (strict | lost).sum(),
        ],
        np.float64,
    )


def precision(rows: Rows) -> float:
    """The share of found pixels that are right, over all pictures together; 1 where nothing was found."""
    right, found = rows[:, :2].sum(axis=0)
    return float(right / found) if found else 1.0


def recall(rows: Rows) -> float:
    """The share of lost pixels that were found, over all pictures together. Where nothing was lost: 1."""
    found, lost = rows[:, 2:4].sum(axis=0)
    return float(found / lost) if lost else 1.0


def intersection_over_union(rows: Rows) -> float:
    """Pixels in both masks over pixels in either, over all pictures together; 1 where both are empty.

    There is no tolerance.
    """
    both, either = rows[:, 4:6].sum(axis=0)
    return float(both / either) if either else 1.0


def _observe(seen: Observation) -> np.ndarray:
    """The counts of one picture."""
    if seen.found is None or seen.damage is None:
        raise ValueError("this measure needs what was found and what was lost")
    return counts(seen.found, seen.damage)


# Widths in pixels of the bench's own size: up to 3 px is a scratch or a hair, over 16 px a hole.
WIDTHS_PX = {"thin": (0.0, 3.0), "middle": (3.0, 16.0), "broad": (16.0, float("inf"))}


def by_width(lost: Mask) -> dict[str, Mask]:
    """Part a mask into connected pieces by width: thin, middle and broad.

    A thin piece is at most 3 px wide at its widest, a middle one at most 16 px.
    """
    count, pieces = cv2.connectedComponents(lost.astype(np.uint8), connectivity=8)
    inside = cv2.distanceTransform(cv2.copyMakeBorder(lost.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT), cv2.DIST_L2, 5)[1:-1, 1:-1]
    widest = np.full(count, -1.0)  # what is sound is piece 0, and of no width
    np.maximum.at(widest, pieces[lost], 2 * inside[lost] - 1)
    width = widest[pieces]
    return {name: (width > low) & (width <= high) for name, (low, high) in WIDTHS_PX.items()}


def recall_of_part(part: str) -> Measure:
    """Recall of the lost pixels of one kind or size of damage.

    Precision has no such parts: what is found wrongly is of no kind.
    """

    def observe(seen: Observation) -> np.ndarray:
        if seen.found is None or seen.damage is None:
            raise ValueError("this measure needs what was found and what was lost")
        wanted = (seen.damage == LOST) & seen.parts[part] if part in seen.parts else np.zeros_like(seen.found)
        return np.array([(wanted & near(seen.found)).sum(), wanted.sum()], np.float64)

    def summarize(rows: Rows, reference: Rows | None) -> float:
        found, lost = rows.sum(axis=0)
        return float(found / lost) if lost else float("nan")

    return Measure(
        label=f"recall, {part}",
        unit="",
        better="higher",
        tasks=frozenset({"damage"}),
        needs=frozenset({"mask", "found"}),
        statement=f"Mask recall of the damage that is {part}.",
        observe=observe,
        summarize=summarize,
    )


def _f1(rows: Rows) -> float:
    return harmonic_mean(precision(rows), recall(rows))


def _observe_share(seen: Observation) -> np.ndarray:
    if seen.found is None:
        raise ValueError("this measure needs what was found")
    return np.array([seen.found.mean() * 100])


def _mask_measure(label: str, statement: str, figure: Callable[[Rows], float]) -> Measure:
    def summarize(rows: Rows, reference: Rows | None) -> float:
        return figure(rows)

    return Measure(
        label=label,
        unit="",
        better="higher",
        tasks=frozenset({"damage"}),
        needs=frozenset({"mask", "found"}),
        statement=statement,
        observe=_observe,
        summarize=summarize,
    )


FAMILY = {
    "mask-precision": _mask_measure(
        "mask precision",
        f"The share of found pixels within {TOLERANCE_PX} px of a lost one, over all pictures together; stains do not count.",
        precision,
    ),
    "mask-recall": _mask_measure(
        "mask recall",
        f"The share of lost pixels within {TOLERANCE_PX} px of a found one, over all pictures together; stains do not count as lost.",
        recall,
    ),
    "mask-f1": _mask_measure("mask F1", "The harmonic mean of mask precision and mask recall.", _f1),
    "mask-iou": _mask_measure(
        "mask IoU",
        "Pixels in both masks over pixels in either, without tolerance, over all pictures together; stains do not count.",
        intersection_over_union,
    ),
    "share-flagged": Measure(
        label="flagged",
        unit="%",
        better="lower",
        tasks=frozenset({"harm"}),
        needs=frozenset({"found"}),
        statement="Pixels of sound photographs taken for damage, per cent, the mean over pictures.",
        observe=_observe_share,
        summarize=mean,
    ),
}
