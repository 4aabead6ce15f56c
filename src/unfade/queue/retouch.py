"""A preview of a mask that differs a little from one that was shown: only what differs is made anew.

The damage that a stroke adds is filled on what was filled before. What the steps after the fill do to it is
not run again: they shift tone and color, and that shift is carried in from around the stroke (`healing`). It
is a preview: the job at full size runs every step.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from unfade import brush
from unfade.arrays import Mask
from unfade.files.photo import Photo
from unfade.healing import difference
from unfade.models.session import Sessions
from unfade.steps.fill import Fill, Heal
from unfade.work import Progress, Step, Work

MOST_SHARE = 0.12  # of the photograph: where more differs, everything is made anew
KEPT = 12  # at most 10 MB each
RIM_PX = 24  # of what lies around a stroke


@dataclass(frozen=True, eq=False)
class Shown:
    """A preview as it was shown: what had to be filled and how, and what came of it."""

    mask: Mask
    heals: tuple[Heal, ...]
    filled: Photo
    final: Photo


RetouchKey = tuple[object, ...]


class Retouches:
    """The previews that were shown last, by all that made them but the mask.

    Safe to share between threads.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[RetouchKey, int], Shown] = OrderedDict()
        self._lock = threading.Lock()
        self._count = 0

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._kept.clear()

    def put(self, key: RetouchKey, shown: Shown) -> None:
        """Keep this, and forget the oldest."""
        with self._lock:
            self._count += 1
            self._kept[key, self._count] = shown
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)

    def nearest(self, key: RetouchKey, mask: Mask, heals: Sequence[Heal]) -> tuple[Shown, Mask] | None:
        """Of those shown under `key` the least different, and what differs, (h, w).

        None where that is too much.
        """
        with self._lock:
            there = [shown for (own, _), shown in self._kept.items() if own == key and shown.mask.shape == mask.shape]
        best: tuple[Shown, Mask] | None = None
        for shown in reversed(there):
            other = _differing(shown, mask, heals)
            share = int(other.sum())
            if share <= MOST_SHARE * mask.size and (best is None or share < int(best[1].sum())):
                best = shown, other
        return best


def _differing(shown: Shown, mask: Mask, heals: Sequence[Heal]) -> Mask:
    differs: Mask = shown.mask ^ mask
    changed = set(shown.heals) ^ set(heals)
    if changed:
        differs = differs | (brush.draw(np.zeros_like(mask), [heal.stroke for heal in changed]) & (mask | shown.mask))
    return differs


def retouched(start: Photo, shown: Shown, differs: Mask, mask: Mask, fill: Fill, sessions: Sessions, progress: Progress) -> Shown:
    """What is shown of `start` with this mask, where it differs from what was shown.

    `differs` (h, w) is where; all else stays. `fill`: the step, with the heals that are wanted now.
    """
    if not differs.any():
        return Shown(mask, fill.heals, shown.filled, shown.final)
    samples = shown.filled.samples.copy()
    samples[differs] = start.samples[differs]
    anew = differs & mask
    filled = shown.filled.with_samples(samples)
    if anew.any():
        filled = fill(Work(filled, anew), sessions, progress).photo
    rows, columns = _around(differs)
    source, before = filled.srgb(rows, columns), shown.final.srgb(rows, columns)
    made = source + difference(before, source, differs[rows, columns])
    final = shown.final.as_rgb() if filled.channels < shown.final.channels else shown.final
    out = final.samples.copy()
    painted = np.clip(made[differs[rows, columns]][None], 0, 1).astype(np.float32)
    out[rows, columns][differs[rows, columns]] = final.encode(painted)[0]
    return Shown(mask, fill.heals, filled, final.with_samples(out))


def _around(differs: Mask) -> tuple[slice, slice]:
    left, top, width, height = cv2.boundingRect(differs.view(np.uint8))
    return slice(max(0, top - RIM_PX), top + height + RIM_PX), slice(max(0, left - RIM_PX), left + width + RIM_PX)


def parted(steps: Sequence[Step]) -> tuple[Fill | None, tuple[Step, ...]]:
    """The step that fills, and all others."""
    fill = next((step for step in steps if isinstance(step, Fill)), None)
    return fill, tuple(step for step in steps if step is not fill and not step.gives_mask)
