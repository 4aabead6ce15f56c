"""Damage found against notes by eye, each photograph counted alike.

A line is found as far as a marked pixel lies within the tolerance of it: 0.6 % of the short side, at least
3 px. An area is found as far as its inside is marked. A speck is found if a marked pixel lies within the
tolerance of it, a field of fine damage if a twenty-fifth of it is marked. What is marked farther than 1.2 %
of the short side (at least 5 px) from all noted damage, outside stains and fields, is marked falsely. A sound
thing is hit if a tenth of it is marked.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np

from unfade.arrays import Mask
from unfade.measures.measure import Measure, Observation, Rows, harmonic_mean, mean, means
from unfade.measures.notes import Notes, grown, union

FIELD_FOUND = 0.04
SOUND_HIT = 0.1


class Tally:
    """One mask against one photograph's notes."""

    def __init__(self, notes: Notes, found: Mask) -> None:
        self.notes, self.found = notes, found
        self.size = (found.shape[0], found.shape[1])
        short = min(self.size)
        self.tolerance = max(3.0, 0.006 * short)
        self.near = grown(found, self.tolerance)
        discs = notes.specks_drawn(self.size)
        lines = [(line, line.drawn(self.size)) for line in notes.lines]
        areas = [(area, area.drawn(self.size)) for area in notes.areas]
        fields = [zone.drawn(self.size) for zone in notes.zones]
        self.damage = union(self.size, [*(mask for _, mask in lines), *(mask for _, mask in areas), *discs])
        excused = union(self.size, [*fields, *(stain.drawn(self.size) for stain in notes.stains)])
        excused |= grown(self.damage, max(5.0, 0.012 * short))
        self.outside = int((found & ~excused).sum())
        self.lines = np.array([(_share(self.near, mask), mask.sum()) for line, mask in lines if line.sure]).reshape(-1, 2)
        self.areas = np.array([(self._inside(mask), int(4 * mask.sum() ** 0.5)) for area, mask in areas if area.sure]).reshape(-1, 2)
        self.specks = sum(bool(self.near[disc].any()) for disc in discs), len(discs)
        self.fields = sum(_share(found, field) >= FIELD_FOUND for field in fields), len(fields)

    def _inside(self, area: Mask) -> float:
        """How much of an area is marked, but for a rim that nobody draws exactly."""
        rim = max(1, int(self.tolerance / 2))
        inner = cv2.erode(area.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=rim) > 0
        return _share(self.found, inner if inner.any() else area)

    def sound(self) -> tuple[int, int]:
        """How many of the sound things are hit, and how many there are."""
        spared = ~grown(self.damage, self.tolerance)
        shares = [_share(self.found, thing.drawn(self.size) & spared) for thing in self.notes.sound]
        return sum(share >= SOUND_HIT for share in shares), len(shares)

    def recall(self) -> float:
        """How much of the lines' length and the areas' outline is found; NaN if there is neither."""
        parts = np.concatenate([self.lines, self.areas])
        weight = parts[:, 1].sum()
        return float((parts[:, 0] * parts[:, 1]).sum() / weight) if weight else float("nan")

    def precision(self) -> float:
        """How much of what is marked is noted; NaN where notes are not complete or nothing can be judged."""
        marked = int(self.found.sum())
        if not self.notes.complete or not marked or not len(self.lines) + len(self.areas):
            return float("nan")
        return 1 - self.outside / marked

    def false_share(self) -> float:
        """The photograph's share that is marked falsely, per cent; NaN if the notes are not complete."""
        return 100 * self.outside / self.found.size if self.notes.complete else float("nan")


def _share(mask: Mask, where: Mask) -> float:
    return float(mask[where].mean()) if where.any() else 0.0


@lru_cache(maxsize=1)  # every measure of the family asks for the same one
def _tally(seen: Observation) -> Tally:
    if seen.found is None or seen.notes is None:
        raise ValueError("this measure needs what was found and notes of what there is to find")
    return Tally(seen.notes, seen.found)


def _ratio(rows: Rows, reference: Rows | None) -> float:
    """Sum over sum, over all photographs together; NaN where there is nothing to find."""
    part, whole = rows.sum(axis=0)
    return float(part / whole) if whole else float("nan")


def _f1(rows: Rows, reference: Rows | None) -> float:
    recall, precision = means(np.ascontiguousarray(rows.T))
    return harmonic_mean(float(precision), float(recall))


def _noted(
    label: str,
    statement: str,
    observe: Callable[[Tally], tuple[float, ...]],
    summarize: Callable[[Rows, Rows | None], float],
    *,
    unit: str = "",
    fewer: bool = False,
) -> Measure:
    return Measure(
        label=label,
        unit=unit,
        better="lower" if fewer else "higher",
        tasks=frozenset({"damage"}),
        needs=frozenset({"notes", "found"}),
        statement=statement,
        observe=lambda seen: np.array(observe(_tally(seen)), np.float64),
        summarize=summarize,
    )


def _pooled(parts: np.ndarray) -> tuple[float, float]:
    return float((parts[:, 0] * parts[:, 1]).sum()), float(parts[:, 1].sum())


FAMILY = {
    "noted-recall": _noted(
        "recall of what is noted",
        "The share of the noted lines' length and areas' outline that is found, the mean over photographs.",
        lambda tally: (tally.recall(),),
        mean,
    ),
    "noted-precision": _noted(
        "precision",
        "The share of the marked pixels that is noted, the mean over photographs that have damage and something marked.",
        lambda tally: (tally.precision(),),
        mean,
    ),
    "noted-f1": _noted(
        "F1",
        "The harmonic mean of the recall and the precision of what is noted.",
        lambda tally: (tally.recall(), tally.precision()),
        _f1,
    ),
    "noted-lines": _noted(
        "lines found",
        "The share of the length of all noted lines that is found, over all photographs together.",
        lambda tally: _pooled(tally.lines),
        _ratio,
    ),
    "noted-areas": _noted(
        "areas found",
        "How much of a noted area is marked, the mean over all areas of all photographs.",
        lambda tally: (float(tally.areas[:, 0].sum()), float(len(tally.areas))),
        _ratio,
    ),
    "noted-specks": _noted(
        "specks found", "The share of all noted specks that is found, over all photographs.", lambda tally: tally.specks, _ratio
    ),
    "noted-fields": _noted(
        "fields found",
        f"The share of all fields of fine damage of which at least {FIELD_FOUND:.0%} is marked.",
        lambda tally: tally.fields,
        _ratio,
    ),
    "noted-sound-hit": _noted(
        "sound things hit",
        f"The share of all noted sound things of which at least {SOUND_HIT:.0%} is marked.",
        Tally.sound,
        _ratio,
        fewer=True,
    ),
    "noted-false-share": _noted(
        "marked falsely",
        "Pixels marked outside all noted damage, per cent of the photograph, the mean over photographs.",
        lambda tally: (tally.false_share(),),
        mean,
        unit="%",
        fewer=True,
    ),
}
